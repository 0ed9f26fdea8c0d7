// Names as users type them, made into those that the debug information has.

#include <algorithm>
#include <cctype>

#include "lang/arithmetic.h"
#include "session/value_scope.h"

namespace clew {
namespace {

/// Where the last "::" of a name is that stands in no brackets; npos when there is none.
size_t last_scope(std::string_view name) {
  int depth = 0;
  for (size_t at = name.size(); at-- > 1;) {
    if (name[at] == '>') ++depth;
    if (name[at] == '<') --depth;
    if (depth == 0 && name[at] == ':' && name[at - 1] == ':') return at - 1;
  }
  return name.npos;
}

/// Compilers leave out of the debug information what nothing uses, and these are used everywhere
/// under the names behind them. @return empty for all others.
std::string_view standard_alias(std::string_view name) {
  if (name.starts_with("::")) name.remove_prefix(2);
  constexpr std::pair<std::string_view, std::string_view> aliases[] = {
      {"std::string", "std::basic_string<char>"},
      {"std::wstring", "std::basic_string<wchar_t>"},
      {"std::u8string", "std::basic_string<char8_t>"},
      {"std::u16string", "std::basic_string<char16_t>"},
      {"std::u32string", "std::basic_string<char32_t>"},
      {"std::string_view", "std::basic_string_view<char>"},
      {"std::wstring_view", "std::basic_string_view<wchar_t>"},
      {"std::ostream", "std::basic_ostream<char>"},
      {"std::istream", "std::basic_istream<char>"},
      {"std::iostream", "std::basic_iostream<char>"},
  };
  for (const auto& [alias, meant] : aliases) {
    if (name == alias) return meant;
  }
  return {};
}

/// Where the brackets begin that end a name; npos when they do not begin.
size_t open_of_arguments(std::string_view name) {
  int depth = 0;
  for (size_t at = name.size(); at-- > 0;) {
    if (name[at] == '>') ++depth;
    if (name[at] == '<' && --depth == 0) return at;
  }
  return name.npos;
}

/// What stands between commas that are in no brackets.
std::vector<std::string_view> split_arguments(std::string_view text) {
  std::vector<std::string_view> arguments;
  int depth = 0;
  size_t start = 0;
  for (size_t at = 0; at <= text.size(); ++at) {
    const char c = at == text.size() ? ',' : text[at];
    if (c == '<' || c == '(' || c == '[') ++depth;
    if (c == '>' || c == ')' || c == ']') --depth;
    if (c != ',' || (depth != 0 && at != text.size())) continue;
    arguments.push_back(text.substr(start, at - start));
    start = at + 1;
  }
  return arguments;
}

/// "const node *" taken apart: "const ", "node", " *".
struct DecoratedType {
  std::string_view before, core, behind;
};
DecoratedType split_decorated_type(std::string_view text) {
  const size_t first = std::min(text.find_first_not_of(' '), text.size());
  text.remove_prefix(first);
  DecoratedType parts;
  while (text.substr(parts.before.size()).starts_with("const ") ||
         text.substr(parts.before.size()).starts_with("volatile ")) {
    parts.before = text.substr(0, text.find(' ', parts.before.size()) + 1);
  }
  std::string_view core = text.substr(parts.before.size());
  for (;;) {
    const size_t size = core.size();
    while (!core.empty() && (core.back() == ' ' || core.back() == '*' || core.back() == '&'))
      core.remove_suffix(1);
    if (core.ends_with(" const")) core.remove_suffix(6);
    if (core.size() == size) break;
  }
  parts.core = core;
  parts.behind = text.substr(parts.before.size() + core.size());
  return parts;
}

}  // namespace

std::vector<std::string> ValueScope::scopes_around() {
  std::vector<std::string> scopes;
  if (frame() == nullptr) return {""};
  std::string scope = frame()->function().name;
  // Parameters and template arguments have colons of their own.
  scope.resize(std::min(scope.find('('), scope.size()));
  while (!scope.empty()) {
    scopes.push_back(scope + "::");
    const size_t at = last_scope(scope);
    scope.resize(at == scope.npos ? 0 : at);
  }
  scopes.emplace_back();
  return scopes;
}

/// Template arguments by the names that the debug information gives to their types: "std::string"
/// is only another name for one of them, and arguments of an argument may have been left out.
std::string ValueScope::with_plain_arguments(const std::string& name) {
  if (!name.ends_with('>') || language() != lang::Language::cpp) return name;
  const size_t open = open_of_arguments(name);
  if (open == name.npos || open == 0) return name;
  std::string plain = name.substr(0, open);
  const auto arguments =
      split_arguments(std::string_view(name).substr(open + 1, name.size() - open - 2));
  for (size_t i = 0; i < arguments.size(); ++i) {
    const DecoratedType argument = split_decorated_type(arguments[i]);
    std::string core(argument.core);
    const bool may_be_class =
        !core.empty() && std::isdigit(static_cast<unsigned char>(core[0])) == 0;
    if (may_be_class && lang::Arithmetic(values_, language()).by_name(core) == nullptr) {
      if (const auto found = type(core, lang::TypeName::Tag::any)) {
        // A base type behind the alias has a name as well: size_t is unsigned long.
        const std::string& full = (*found)->stripped()->full_name();
        if (!full.empty()) core = full;
      }
    }
    plain +=
        (i == 0 ? "<" : ", ") + std::string(argument.before) + core + std::string(argument.behind);
  }
  return plain + ">";
}

/// Rust's crate:: is what the name of every function of it begins with. In C++ a scope may be
/// another name for a class, which is what its members are known by: std::string::size_type.
std::string ValueScope::expanded(const std::string& typed) {
  if (typed.starts_with("crate::") && frame() != nullptr) {
    const std::string& function = frame()->function().name;
    return function.substr(0, function.find("::")) + typed.substr(5);
  }
  const std::string name = with_plain_arguments(typed);
  if (const std::string_view meant = standard_alias(name);
      !meant.empty() && language() == lang::Language::cpp) {
    const auto declared = ranked(name, sym::type_kinds, "");
    return declared && declared->empty() ? std::string(meant) : name;
  }
  const size_t scope = last_scope(name);
  if (scope == name.npos || scope == 0 || language() != lang::Language::cpp) return name;
  const auto found = type(name.substr(0, scope), lang::TypeName::Tag::any);
  if (!found || ((*found)->kind() != value::TypeKind::alias && name[scope - 1] != '>')) return name;
  const std::string& meant = (*found)->stripped()->full_name();
  return meant.empty() ? name : meant + name.substr(scope);
}

}  // namespace clew
