#include "session/value_scope.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/printable.h"
#include "lang/arithmetic.h"
#include "session/die_parent.h"
#include "session/function_call.h"
#include "sym/demangle.h"
#include "sym/source_path.h"
#include "value/dwarf_read.h"
#include "value/go_types.h"
#include "value/locator.h"
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
  const int language = frame() == nullptr ? 0 : frame()->function().language;
  if (language != 0) return lang::language_of(language);
  // Code without debug information (the kernel's vdso, libc) takes what suits most.
  if (values_.types().go().is_go_program(values_)) return lang::Language::go;
  return frame() == nullptr ? lang::Language::cpp : lang::Language::c;
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
    return Value::in_memory(values_, type,
                            values_.modules().variable_at(name.module, name.found.address));
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
  // One that is only declared, or was optimised out here, may be defined elsewhere; of one that is
  // a symbol alone here, the file that the program has it from may know the type.
  Result<Value> first = value_of(*best.name);
  if (first && best.name->found.die.addr == nullptr) {
    for (const Ranked& other : *all) {
      if (other.name->found.die.addr == nullptr || other.name->found.name != best.name->found.name)
        continue;
      auto described = value_of(*other.name);
      if (described && described->address() == first->address()) return described;
    }
  }
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
