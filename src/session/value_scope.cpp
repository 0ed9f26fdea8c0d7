#include "session/value_scope.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "base/printable.h"
#include "lang/arithmetic.h"
#include "session/die_parent.h"
#include "session/function_call.h"
#include "session/register_view.h"
#include "session/signal_info.h"
#include "sym/demangle.h"
#include "sym/source_path.h"
#include "value/dwarf_read.h"
#include "value/go_types.h"
#include "value/locator.h"
#include "value/place.h"
#include "value/type_text.h"

namespace clew {

using lang::NameClass;
using value::Type;
using value::Value;

namespace {

constexpr sym::NameKinds object_kinds{sym::NameKind::variable, sym::NameKind::enumerator};

// Ranks of what the index has found: the innermost scope around the place counts most.
constexpr int same_unit = 4;
constexpr int same_module = 2;
constexpr int is_external = 1;
constexpr int scope_step = 8;

const void* unit_of(Dwarf_Die die) {
  Dwarf_Die unit;
  return dwarf_diecu(&die, &unit, nullptr, nullptr) == nullptr ? nullptr : unit.addr;
}

bool is_of_file(const LoadedName& name, const std::string& file) {
  const auto lock = name.module.module->lock();
  const std::string wanted = sym::normal_path(file);
  Dwarf_Die die = name.found.die;
  Dwarf_Die unit;
  if (dwarf_diecu(&die, &unit, nullptr, nullptr) != nullptr) {
    const char* const text = dwarf_diename(&unit);
    if (text != nullptr && sym::path_ends_with(sym::normal_path(text), wanted)) return true;
  }
  const auto declared = sym::declared_at(*name.module.module, name.found.die);
  return declared && sym::path_ends_with(sym::normal_path(declared->file), wanted);
}

bool fits_tag(const LoadedName& name, lang::TypeName::Tag wanted) {
  const int tag = value::tag_of(name.found.die);
  switch (wanted) {
    case lang::TypeName::Tag::any:
      return true;
    case lang::TypeName::Tag::structure:
      return tag == DW_TAG_structure_type || tag == DW_TAG_class_type;
    case lang::TypeName::Tag::union_type:
      return tag == DW_TAG_union_type;
    case lang::TypeName::Tag::enumeration:
      return tag == DW_TAG_enumeration_type;
  }
  return true;
}

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

/// Of a symbol alone it is not known what it takes and returns, nor do assemblers say it in the
/// entries that they write for lines.
bool has_described_type(const LoadedFunction& function) {
  return function.function.die.addr != nullptr &&
         function.function.language != DW_LANG_Mips_Assembler;
}

}  // namespace

ValueScope::ValueScope(Values& values, const value::PrinterSet& printers, ValueHistory* history,
                       Place place)
    : values_(values), printers_(printers), history_(history), place_(std::move(place)) {}

const std::shared_ptr<const value::Frame>& ValueScope::frame() {
  if (place_.frame == nullptr && place_.thread && place_.registers)
    place_.frame = values_.frame_of(*place_.thread, *place_.registers);
  return place_.frame;
}

const value::FrameScope& ValueScope::scope() {
  if (!scope_) scope_ = frame() == nullptr ? value::FrameScope() : value::scope_of(*frame());
  return *scope_;
}

lang::Language ValueScope::language() {
  if (place_.language) return *place_.language;
  if (frame() == nullptr) {
    return values_.types().go().is_go_program(values_) ? lang::Language::go : lang::Language::cpp;
  }
  const int language = frame()->function().language;
  // Code without debug information takes what suits most.
  return language == 0 ? lang::Language::c : lang::language_of(language);
}

std::string ValueScope::nowhere(const std::string& name) {
  std::string text = fmt::format("there is no \"{}\" here", printable(name));
  if (frame() == nullptr && !place_.no_frame.empty())
    text += fmt::format(" (no frame is known: {})", place_.no_frame);
  return text;
}

// --- Names

std::optional<Value> ValueScope::local(const std::string& name) {
  if (frame() == nullptr || frame()->module() == nullptr) return std::nullopt;
  const auto found = value::find_variable(scope(), name);
  if (!found) return std::nullopt;
  return value::Locator(values_, frame()).variable(*frame()->module(), found->die);
}

std::optional<Result<Value>> ValueScope::member_of_this(const std::string& name) {
  const auto self = local("this");
  if (!self || !self->type()->is_pointer()) return std::nullopt;
  const Type* const type = self->type()->stripped()->target()->stripped();
  if (type->find_member(name).empty()) return std::nullopt;
  const auto object = self->dereference();
  if (!object) return Result<Value>(tl::unexpected(object.error()));
  return object->member(name);
}

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

Result<Addr> ValueScope::type_info(const Type* type) {
  const std::string wanted = sym::canonical_types("typeinfo for " + value::type_text(type));
  for (const sym::LoadedModule& loaded : values_.modules().modules()) {
    for (const sym::Symbol& symbol : loaded.module->symbols().by_address()) {
      if (!symbol.name.starts_with("_ZTI")) continue;
      if (sym::canonical_types(sym::demangle(symbol.name)) == wanted)
        return loaded.to_runtime(symbol.address);
    }
  }
  return fail(ErrorCode::not_found, fmt::format("the program has no std::type_info of {}",
                                                printable(value::type_text(type))));
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

int ValueScope::rank_of(const std::string& name, const sym::LoadedModule& module,
                        const Dwarf_Die& die, const std::string& wanted) {
  int rank = 0;
  const std::string plain = wanted.starts_with("::") ? wanted.substr(2) : wanted;
  const auto scopes = scopes_around();
  for (size_t i = 0; i < scopes.size(); ++i) {
    if (name != scopes[i] + plain) continue;
    rank = static_cast<int>(scopes.size() - i) * scope_step;
    break;
  }
  if (frame() == nullptr || frame()->module() == nullptr) return rank;
  if (frame()->module()->module == module.module) rank += same_module;
  const auto lock = module.module->lock();
  const Dwarf_Die& function = frame()->physical_function().die;
  if (die.addr == nullptr) return rank;
  if (function.addr != nullptr && unit_of(function) == unit_of(die)) rank += same_unit;
  if (value::attribute_of(die, DW_AT_external)) rank += is_external;
  return rank;
}

Result<std::vector<ValueScope::Ranked>> ValueScope::ranked(const std::string& name,
                                                           sym::NameKinds kinds,
                                                           const std::string& file) {
  const auto found = values_.find(name, kinds);
  if (!found) return tl::unexpected(found.error());
  std::vector<Ranked> all;
  for (const LoadedName& one : **found) {
    if (!file.empty() && (one.found.die.addr == nullptr || !is_of_file(one, file))) continue;
    all.push_back({&one, rank_of(one.found.name, one.module, one.found.die, name)});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Ranked& a, const Ranked& b) { return a.rank > b.rank; });
  return all;
}

Result<Value> ValueScope::value_of(const LoadedName& name) {
  if (name.found.die.addr == nullptr) {
    // What is known of it is a symbol.
    const Type* const type = values_.types().base("<data without debug information>",
                                                  value::TypeKind::unknown, 0, false);
    return Value::in_memory(values_, type, name.module.to_runtime(name.found.address));
  }
  if (name.found.kind == sym::NameKind::enumerator) {
    const auto lock = name.module.module->lock();
    const auto parent = parent_of(name.found.die);
    const Type* const type =
        parent ? values_.types().of(name.module.module, *parent) : values_.types().nothing();
    const auto number = value::constant_attribute(name.found.die, DW_AT_const_value).value_or(0);
    return Value::of_number(values_, type, static_cast<uint64_t>(number));
  }
  return value::Locator(values_, frame()).variable(name.module, name.found.die);
}

std::optional<Result<Value>> ValueScope::found_by_index(const std::string& name,
                                                        const std::string& file) {
  const auto all = ranked(name, object_kinds, file);
  if (!all) return Result<Value>(tl::unexpected(all.error()));
  if (all->empty()) return std::nullopt;
  const Ranked& best = all->front();
  if (best.rank < scope_step && file.empty()) {
    // Of scopes that are not around: as far as they are named, and only when there is no doubt.
    if (name.find("::") == name.npos) return std::nullopt;
    for (const Ranked& other : *all) {
      if (other.name->found.name == best.name->found.name) continue;
      return Result<Value>(
          fail(ErrorCode::bad_request,
               fmt::format("\"{}\" could be {} or {}", printable(name),
                           printable(best.name->found.name), printable(other.name->found.name))));
    }
  }
  // One that is only declared, or was optimised out here, may be defined elsewhere.
  Result<Value> first = value_of(*best.name);
  for (const Ranked& other : *all) {
    if (first && !first->is_absent()) break;
    if (other.name->found.name != best.name->found.name) continue;
    auto value = value_of(*other.name);
    if (value && !value->is_absent()) return value;
  }
  return first;
}

std::optional<Result<Value>> ValueScope::function(const std::string& name) {
  const auto found = ranked_functions(name);
  if (!found) return Result<Value>(tl::unexpected(found.error()));
  if (found->empty()) return std::nullopt;
  return value_of(*found->front());
}

Value ValueScope::value_of(const LoadedFunction& function) {
  value::Types& types = values_.types();
  const bool is_described = has_described_type(function);
  const Type* type =
      is_described
          ? types.of(function.module.module, function.function.die)
          : types.function(types.base("<unknown return type>", value::TypeKind::unknown, 0, false),
                           {}, true);
  // What a name stands for is the function that is chosen, which a described chooser returns.
  const Type* const result = type->stripped()->target();
  if (is_described && result != nullptr && result->is_pointer() &&
      result->stripped()->target()->stripped()->kind() == value::TypeKind::function &&
      is_chooser(function.module, function.entry())) {
    type = result->stripped()->target();
  }
  return Value::in_memory(values_, type, function.entry());
}

/// Those that have code, the nearest to the place first.
Result<std::vector<const LoadedFunction*>> ValueScope::ranked_functions(const std::string& name) {
  const auto found = values_.functions(name);
  if (!found) return tl::unexpected(found.error());
  std::vector<std::pair<int, const LoadedFunction*>> all;
  for (const LoadedFunction& one : **found) {
    if (one.function.is_inlined) continue;
    // What debug information knows comes before a symbol alone.
    constexpr int described = 1 << 16;
    all.emplace_back(rank_of(one.function.name, one.module, one.function.die, name) +
                         (has_described_type(one) ? described : 0),
                     &one);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<const LoadedFunction*> functions;
  functions.reserve(all.size());
  for (const auto& [rank, one] : all) {
    // Of the scopes that are around the place the innermost one that has the name hides the others.
    if (rank / scope_step == all.front().first / scope_step) functions.push_back(one);
  }
  return functions;
}

std::vector<Value> ValueScope::functions(const std::string& typed) {
  const auto found = ranked_functions(expanded(typed));
  std::vector<Value> all;
  if (!found) return all;
  std::set<std::string> known;
  for (const LoadedFunction* const one : *found) {
    // Each overload once. C has none: of static functions with one name the nearest counts.
    if (known.insert(one->function.linkage_name).second) all.push_back(value_of(*one));
  }
  return all;
}

Result<Value> ValueScope::method(const Type* type, const value::Method& method) {
  const std::string name = type->stripped()->full_name() + "::" + method.name;
  const auto found = values_.functions("::" + name);
  if (!found) return tl::unexpected(found.error());
  const auto is_it = [&](const LoadedFunction& one) {
    if (one.function.is_inlined) return false;
    if (!method.linkage_name.empty() && !one.function.linkage_name.empty())
      return one.function.linkage_name == method.linkage_name;
    const auto lock = one.module.module->lock();
    Dwarf_Die declaration;
    return one.function.die.addr != nullptr &&
           sym::reference_attribute(one.function.die, DW_AT_specification, declaration) &&
           declaration.addr == method.die.addr;
  };
  const auto code = std::find_if((*found)->begin(), (*found)->end(), is_it);
  if (code != (*found)->end()) return Value::in_memory(values_, method.type, code->entry());
  return fail(ErrorCode::not_found, fmt::format("{} has no code of its own: it was inlined or left "
                                                "out",
                                                printable(name)));
}

Result<Value> ValueScope::call(const Value& function, const Type* result,
                               std::span<const lang::CallArgument> arguments) {
  if (!place_.call_limit) return Environment::call(function, result, arguments);
  if (!place_.thread) {
    return fail(ErrorCode::not_stopped,
                "only a thread can call a function" +
                    (place_.no_frame.empty() ? "" : ": " + place_.no_frame));
  }
  return FunctionCaller(values_, *place_.thread, *place_.call_limit)
      .call(function, result, arguments);
}

/// "function::local" of a function that is on the stack.
std::optional<Result<Value>> ValueScope::local_of_function(const std::string& name) {
  const size_t scope = name.rfind("::");
  if (scope == name.npos || scope == 0 || frame() == nullptr || !place_.thread) return std::nullopt;
  const std::string function = name.substr(0, scope);
  constexpr size_t most_frames = 10'000;
  for (size_t level = 0; level < most_frames; ++level) {
    const auto frame = values_.frame(*place_.thread, level);
    if (!frame) return std::nullopt;
    const std::string& called = (*frame)->function().name;
    if (called != function && !called.ends_with("::" + function)) continue;
    if ((*frame)->module() == nullptr) continue;
    const auto found = value::find_variable(value::scope_of(**frame), name.substr(scope + 2));
    if (!found) continue;
    return value::Locator(values_, *frame).variable(*(*frame)->module(), found->die);
  }
  return std::nullopt;
}

Result<Value> ValueScope::variable(const std::string& typed, const std::string& file) {
  if (language() == lang::Language::go) return go_variable(typed);
  const std::string name = expanded(typed);
  if (file.empty() && name.find("::") == name.npos) {
    if (auto found = local(name)) return *found;
    if (auto found = member_of_this(name)) return *found;
  }
  if (auto found = found_by_index(name, file)) return *found;
  if (file.empty()) {
    if (auto found = function(name)) return *found;
    if (auto found = local_of_function(name)) return *found;
  }
  return fail(ErrorCode::not_found, nowhere(typed));
}

NameClass ValueScope::classify(const std::string& typed) {
  if (language() == lang::Language::go) return go_classify(typed);
  const std::string name = expanded(typed);
  if (name.find("::") == name.npos && frame() != nullptr) {
    if (value::find_variable(scope(), name) || member_of_this(name)) return NameClass::object;
  }
  const auto objects = ranked(name, object_kinds, "");
  const auto types = ranked(name, sym::type_kinds, "");
  const bool is_qualified = name.find("::") != name.npos;
  const bool is_object =
      objects && !objects->empty() && (is_qualified || objects->front().rank >= scope_step);
  const bool is_type = types && !types->empty();
  if (is_object && is_type)
    return objects->front().rank >= types->front().rank ? NameClass::object : NameClass::type;
  if (is_object) return NameClass::object;
  if (is_type) return NameClass::type;
  if (lang::Arithmetic(values_, language()).by_name(name) != nullptr) return NameClass::type;
  const auto code = values_.functions(name);
  return code && !(*code)->empty() ? NameClass::object : NameClass::unknown;
}

/// Where arguments may have been left out: the instance that has no others, or the only one.
Status ValueScope::keep_one_template(const std::string& name, std::vector<Ranked>& found) {
  if (!name.ends_with('>') || found.empty()) return {};
  const auto query = sym::NameQuery::parse(name);
  if (!query) return tl::unexpected(query.error());
  const auto is_other = [&](const Ranked& one) {
    return !query->has_just_these_arguments(one.name->found.name);
  };
  if (!std::all_of(found.begin(), found.end(), is_other)) {
    std::erase_if(found, is_other);
    return {};
  }
  const std::string& first = found.front().name->found.name;
  for (const Ranked& one : found) {
    if (one.name->found.name == first) continue;
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" could be {} or {}", printable(name), printable(first),
                            printable(one.name->found.name)));
  }
  return {};
}

Result<const Type*> ValueScope::type(const std::string& typed, lang::TypeName::Tag tag) {
  if (language() == lang::Language::go) {
    if (const Type* const found = go_type(typed)) return found;
    return fail(ErrorCode::not_found, fmt::format("there is no type \"{}\"", printable(typed)));
  }
  const std::string name = expanded(typed);
  auto all = ranked(name, sym::type_kinds, "");
  if (!all) return tl::unexpected(all.error());
  if (auto one = keep_one_template(name, *all); !one) return tl::unexpected(one.error());
  const Type* declared = nullptr;
  for (const Ranked& one : *all) {
    if (one.name->found.die.addr == nullptr || !fits_tag(*one.name, tag)) continue;
    const Type* const type = values_.types().of(one.name->module.module, one.name->found.die);
    if (!type->is_declaration()) return type;
    if (declared == nullptr) declared = type;
  }
  if (declared != nullptr) return declared;
  if (const Type* const basic = lang::Arithmetic(values_, language()).by_name(name)) return basic;
  return fail(ErrorCode::not_found, fmt::format("there is no type \"{}\"", printable(typed)));
}

// --- $names

Result<Value> ValueScope::register_value(const arch::RegisterInfo& info) {
  // The registers of a hit are all known without a frame.
  const auto frame = place_.registers ? nullptr : this->frame();
  if (!place_.thread && frame == nullptr) return fail(ErrorCode::not_stopped, place_.no_frame);
  const auto thread = place_.thread ? values_.thread(*place_.thread, place_.registers)
                                    : std::make_shared<const value::ThreadState>();
  const bool in_frame = frame != nullptr && info.block == arch::RegisterBlock::general;
  const bool is_outer = frame != nullptr && !frame->is_innermost();
  Result<std::vector<std::byte>> bytes = std::vector<std::byte>();
  if (in_frame && info.dwarf >= 0 && info.size <= 8) {
    bytes = frame->register_bytes(static_cast<unsigned>(info.dwarf), info.size);
    const auto& constant = thread->arch().frames.constant;
    // What no call changes is the same in every frame.
    if (!bytes && std::find(constant.begin(), constant.end(), info.dwarf) != constant.end())
      bytes = thread->read(info);
  } else if (is_outer) {
    bytes = fail(
        ErrorCode::unavailable,
        fmt::format("{} is not known in this frame: no frame further in has saved it", info.name));
  } else {
    bytes = frame != nullptr ? frame->thread().read(info) : thread->read(info);
  }
  const Type* const type =
      register_type(values_.types(), values_.session().inferior().arch(), info);
  if (!bytes) {
    if (bytes.error().code == ErrorCode::unavailable)
      return Value::absent(values_, type, bytes.error().text);
    return tl::unexpected(bytes.error());
  }
  bytes->resize(std::max<size_t>(bytes->size(), type->size().value_or(0)));
  value::Place::Piece piece;
  piece.bit_size = bytes->size() * 8;
  piece.where = "register " + std::string(info.name);
  piece.write = [&info, frame, thread, is_outer](Bytes changed) -> Status {
    if (is_outer) {
      return fail(ErrorCode::unsupported,
                  "only registers of the innermost frame can be changed: `frame 0` selects it");
    }
    const Bytes low = changed.first(std::min<size_t>(changed.size(), info.size));
    return frame != nullptr ? frame->thread().write(info, low) : thread->write(info, low);
  };
  return Value::at_place(values_, type, value::Place::in_pieces(std::move(*bytes), {piece}));
}

Result<Value> ValueScope::dollar(const std::string& name) {
  if (history_ != nullptr) {
    if (auto found = history_->find(name, values_)) return *found;
  }
  const arch::Arch& arch = values_.session().inferior().arch();
  if (const arch::RegisterInfo* const info = arch.find(name)) return register_value(*info);
  const lang::Arithmetic basic(values_, lang::Language::c);
  if (const auto part = find_register_part(arch, name)) {
    auto whole = register_value(*part->whole);
    if (!whole) return whole;
    return whole->part(part->offset, basic.signed_type(part->size));
  }
  if (name == "$_thread" || name == "$_gthread")
    return basic.number(basic.signed_type(4), place_.thread ? place_.thread->number : 0);
  if (name == "$_inferior") {
    return basic.number(basic.signed_type(4), place_.process);
  }
  if (name == "$_siginfo") {
    if (!place_.thread) return fail(ErrorCode::not_stopped, place_.no_frame);
    auto bytes = values_.session().inferior().signal_info(*place_.thread);
    if (!bytes) return tl::unexpected(bytes.error());
    return Value::of_bytes(values_, signal_info_type(values_.types()), std::move(*bytes));
  }
  if (name == "$_goroutine" || name == "$goid") {
    return basic.number(basic.signed_type(8), place_.goroutine ? place_.goroutine() : 0);
  }
  if (history_ != nullptr) {
    if (auto found = history_->variable(name)) return *found;
  }
  return Value(values_);
}

Status ValueScope::set_dollar(const std::string& name, const Value& value) {
  const bool is_number = name.find_first_not_of("$0123456789") == name.npos;
  constexpr std::array<std::string_view, 6> fixed{"$_thread",    "$_gthread", "$_inferior",
                                                  "$_goroutine", "$goid",     "$_siginfo"};
  const bool is_fixed = std::find(fixed.begin(), fixed.end(), name) != fixed.end();
  if (is_number || is_fixed || history_ == nullptr)
    return fail(ErrorCode::bad_request, fmt::format("{} cannot be set", printable(name)));
  history_->set_variable(name, value);
  return {};
}

ValueScope::Place selected_place(Values& values, std::optional<lang::Language> language,
                                 Duration call_limit) {
  ValueScope::Place place;
  place.language = language;
  place.call_limit = call_limit;
  if (const auto id = values.session().selected()) place.thread = *id;
  auto frame = values.selected_frame();
  if (frame) {
    place.frame = std::move(*frame);
  } else {
    place.no_frame = frame.error().text;
  }
  return place;
}

}  // namespace clew
