#include "sym/name_query.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/printable.h"

namespace clew::sym {
namespace {

constexpr std::string_view anonymous = "(anonymous namespace)";

/// The scopes of a name from the inside out. They are compared with the parts of the query from its
/// end.
struct Candidate {
  std::string_view text;
  bool may_skip = false;
};

/// Whether arguments of a template are those that were asked for: none takes any. Of types the last
/// ones may be left out, as they are in source where the template has defaults: vector<int>.
enum class Defaults : uint8_t { said, left_out };
bool arguments_match(std::string_view wanted, std::string_view arguments, Defaults defaults) {
  if (wanted.empty() || wanted == arguments) return true;
  if (defaults == Defaults::said || wanted.size() < 3 || !wanted.ends_with('>')) return false;
  wanted.remove_suffix(1);
  return arguments.starts_with(wanted) && arguments[wanted.size()] == ',';
}

bool part_matches(const NamePart& wanted, std::string_view text, int language, Defaults defaults) {
  if (base_name(text, language) != wanted.base) return false;
  return wanted.arguments.empty() ||
         arguments_match(wanted.arguments, split_part(text, language == DW_LANG_Go).arguments,
                         defaults);
}

/// Whether the parts of the query but its last are the innermost of the scopes.
bool scopes_match(const NamePath& wanted, const std::vector<Candidate>& scopes, int language) {
  size_t at = 0;
  for (size_t left = wanted.parts.size() - 1; left > 0; ++at) {
    if (at == scopes.size()) return false;
    if (part_matches(wanted.parts[left - 1], scopes[at].text, language, Defaults::left_out)) {
      --left;
    } else if (!scopes[at].may_skip) {
      return false;
    }
  }
  if (!wanted.is_absolute) return true;
  return std::all_of(scopes.begin() + static_cast<ptrdiff_t>(at), scopes.end(),
                     [](const Candidate& scope) { return scope.may_skip; });
}

/// The same for a name that is known as text alone, where inline namespaces cannot be told from
/// others but by the names that the standard libraries give them.
bool paths_match(const NamePath& wanted, const NamePath& path) {
  const NamePart& last = wanted.parts.back();
  const auto matches = [](const NamePart& a, const NamePart& b, Defaults defaults) {
    // Go: who says T.f may mean the f of its pointers.
    const bool is_pointer = b.base.size() == a.base.size() + 3 && b.base.starts_with("(*") &&
                            b.base.compare(2, a.base.size(), a.base) == 0;
    return (a.base == b.base || is_pointer) && arguments_match(a.arguments, b.arguments, defaults);
  };
  const auto may_skip = [](const NamePart& part) {
    return part.base == anonymous || part.base.starts_with("__");
  };
  if (!matches(last, path.parts.back(), Defaults::said)) return false;
  if (!wanted.directory.empty() && path.directory != wanted.directory &&
      !path.directory.ends_with("/" + wanted.directory))
    return false;
  size_t at = path.parts.size() - 1;
  for (size_t left = wanted.parts.size() - 1; left > 0;) {
    if (at == 0) return false;
    const NamePart& scope = path.parts[--at];
    if (matches(wanted.parts[left - 1], scope, Defaults::left_out)) {
      --left;
    } else if (!may_skip(scope)) {
      return false;
    }
  }
  return !wanted.is_absolute ||
         std::all_of(path.parts.begin(), path.parts.begin() + static_cast<ptrdiff_t>(at), may_skip);
}

bool is_identifier_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Rust: "<a::Type<T> as b::Trait>::f" is found as a::Type::f too. @return the name so rewritten,
/// empty when it is not of that form.
std::string without_trait(std::string_view name) {
  if (!name.starts_with('<')) return {};
  int depth = 0;
  size_t as = name.npos;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<') ++depth;
    if (name[i] == '>' && (i == 0 || name[i - 1] != '-')) --depth;
    if (depth == 1 && as == name.npos && name.substr(i).starts_with(" as ")) as = i;
    if (depth != 0) continue;
    const std::string_view type = name.substr(1, std::min(as, i) - 1);
    return fmt::format("{}{}", type, name.substr(i + 1));
  }
  return {};
}

}  // namespace

Result<NameQuery> NameQuery::parse(std::string_view text) {
  NameQuery query;
  query.text_ = text;
  query.path_ = split_name(text);
  query.go_path_ = split_go_name(text);
  // As Go's own traces write whatever generic code was made for.
  for (NamePart& part : query.go_path_.parts) {
    if (part.arguments == "[...]") part.arguments.clear();
  }
  const auto is_empty = [](const NamePart& part) { return part.base.empty(); };
  if (std::any_of(query.path_.parts.begin(), query.path_.parts.end(), is_empty)) {
    return fail(ErrorCode::bad_request, fmt::format("\"{}\" is not a name", printable(text)));
  }
  const std::string& base = query.path_.parts.back().base;
  query.is_identifier_ = std::all_of(base.begin(), base.end(), is_identifier_character);
  // Rust sets one that begins with '_' or a digit off by another '_' (RFC 2603).
  const bool is_plain = base.front() != '_';
  query.mangled_ = is_plain ? fmt::format("{}{}", base.size(), base) : base;
  query.hash_ = hash_name(query.path_.parts.back().base);
  query.go_hash_ = hash_name(query.go_path_.parts.back().base);
  return query;
}

std::vector<NameQuery::Hit> NameQuery::find(const DwarfSections& sections, const NameIndex& index,
                                            NameKinds kinds) const {
  std::vector<Hit> hits;
  const std::span<const NameRecord> names = index.names();
  for (size_t i = 0; i < names.size(); ++i) {
    if ((names[i].hash != hash_ && names[i].hash != go_hash_) || !kinds.has(names[i].kind()))
      continue;
    const NameIndex::Unit* const unit = index.unit_of(i);
    const NameMatch found = match(sections, index, names[i], unit != nullptr ? unit->language : 0);
    if (found != NameMatch::no) hits.push_back({i, found});
  }
  return hits;
}

NameMatch NameQuery::match(const DwarfSections& sections, const NameIndex& index,
                           const NameRecord& name, int language) const {
  const std::string_view text = text_of(sections, name.name_ref());
  if (language == DW_LANG_Go) {
    return paths_match(go_path_, split_go_name(text)) ? NameMatch::yes : NameMatch::no;
  }
  const NamePart& last = path_.parts.back();
  if (base_name(text, language) != last.base) return NameMatch::no;
  // Compilers may leave the arguments to be read from the DIE (-gsimple-template-names).
  const bool lacks_arguments = !last.arguments.empty() && !text.ends_with('>');
  const Defaults defaults = name.kind() == NameKind::type ? Defaults::left_out : Defaults::said;
  if (!lacks_arguments && !part_matches(last, text, language, defaults)) return NameMatch::no;
  std::vector<Candidate> scopes;
  bool is_impl = false;
  for (uint32_t s = name.scope; s != no_scope; s = index.parent_of(s)) {
    const ScopeRecord* const scope = index.scope(s);
    if (scope == nullptr) break;
    const std::string_view own = text_of(sections, NameRef::from_bits(scope->name));
    is_impl = is_impl || own.starts_with("{impl#");
    scopes.push_back({own.empty() ? anonymous : own,
                      own.empty() || (scope->flags & ScopeRecord::is_inline) != 0});
  }
  if (!scopes_match(path_, scopes, language)) {
    return is_impl ? NameMatch::ask_linkage_name : NameMatch::no;
  }
  if (has_parameters()) return NameMatch::ask_linkage_name;
  return lacks_arguments ? NameMatch::ask_arguments : NameMatch::yes;
}

bool NameQuery::matches(std::string_view demangled) const {
  const NamePath path = split_name(demangled);
  if (!matches_parameters(path.parameters)) return false;
  if (paths_match(path_, path)) return true;
  if (const std::string plain = without_trait(demangled); !plain.empty())
    return paths_match(path_, split_name(plain));
  return demangled.find('.') != demangled.npos && paths_match(go_path_, split_go_name(demangled));
}

bool NameQuery::matches_arguments(std::string_view arguments, NameKind kind) const {
  return arguments_match(path_.parts.back().arguments, canonical_types(arguments),
                         kind == NameKind::type ? Defaults::left_out : Defaults::said);
}

bool NameQuery::has_just_these_arguments(std::string_view name) const {
  return split_name(name).parts.back().arguments == path_.parts.back().arguments;
}

bool NameQuery::may_match_qualified(std::string_view name) const {
  const std::string& base = path_.parts.back().base;
  const std::string& go_base = go_path_.parts.back().base;
  const auto contains = [&](std::string_view part) {
    return memmem(name.data(), name.size(), part.data(), part.size()) != nullptr;
  };
  if (contains(base) && split_name(name).parts.back().base == base) return true;
  return contains(go_base) && split_go_name(name).parts.back().base == go_base;
}

bool NameQuery::may_match_symbol(std::string_view symbol) const {
  if (!symbol.starts_with("_Z") && !symbol.starts_with("_R")) {
    const std::string& base = path_.parts.back().base;
    const std::string& go_base = go_path_.parts.back().base;
    // Clones are called f.isra.0 and the like.
    return symbol == base ||
           (symbol.size() > base.size() && symbol[base.size()] == '.' &&
            symbol.starts_with(base)) ||
           (symbol.ends_with(go_base) && symbol.find('.') != symbol.npos);
  }
  // Virtual tables, type information and guards are no functions or variables of anybody's.
  if (symbol.starts_with("_ZT") || symbol.starts_with("_ZG")) return false;
  // Mangled names have identifiers as they are, with their lengths before them; operators, closures
  // and destructors have codes.
  return !is_identifier_ ||
         memmem(symbol.data(), symbol.size(), mangled_.data(), mangled_.size()) != nullptr;
}

}  // namespace clew::sym
