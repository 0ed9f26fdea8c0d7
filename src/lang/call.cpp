// Calls of functions in an expression: which function is meant, and what its arguments become.

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "lang/conversion.h"
#include "lang/evaluator.h"
#include "lang/expression.h"
#include "lang/field.h"
#include "lang/own_functions.h"
#include "value/dwarf_read.h"
#include "value/type_text.h"

namespace clew::lang {

using value::Member;
using value::Method;
using value::Parameter;
using value::Type;
using value::TypeKind;
using value::Value;

namespace {

constexpr size_t most_arguments = 100;

bool takes_this(const Type* function) {
  const auto parameters = function->parameters();
  return !parameters.empty() && parameters.front().is_artificial;
}

const Type* function_type(const Value& function) { return function.type()->stripped(); }

/// The class, or the nearest base, that declares member functions of a name.
const Type* class_with_method(const Type* type, const std::string& name, int depth, int& budget) {
  const Type* const plain = type->stripped();
  if (depth > most_bases || plain->kind() != TypeKind::structure) return nullptr;
  for (const Method& method : plain->methods()) {
    if (method.name == name) return type;
  }
  for (const Member& member : plain->members()) {
    if (!member.is_base) continue;
    if (--budget < 0) return nullptr;
    if (const Type* const found = class_with_method(member.type, name, depth + 1, budget))
      return found;
  }
  return nullptr;
}

/// How much must be done to an argument, from nothing (0) on; nullopt when it does not fit at all.
std::optional<int> effort(const Type* from, const Type* to) {
  if (to->stripped()->kind() == TypeKind::reference) to = to->stripped()->target();
  const Type* const a = from->stripped();
  const Type* const b = to->stripped();
  if (value::is_same(a, b)) return 0;
  // Rust's &str and &[T] are made of what is typed.
  if (a->kind() == TypeKind::array && !b->find_member("data_ptr").empty()) return 1;
  const bool is_class = a->kind() == TypeKind::structure || b->kind() == TypeKind::structure ||
                        a->kind() == TypeKind::union_type || b->kind() == TypeKind::union_type;
  if (is_class) return a->kind() == b->kind() && is_base_of(b, a) ? std::optional(3) : std::nullopt;
  if (b->kind() == TypeKind::pointer) {
    if (a->kind() == TypeKind::integer) return 6;
    if (a->kind() == TypeKind::function) return value::is_same(a, b->target()->stripped()) ? 0 : 5;
    if (a->kind() != TypeKind::pointer && a->kind() != TypeKind::array) return std::nullopt;
    const Type* const pointed = a->target()->stripped();
    const Type* const wanted = b->target()->stripped();
    if (value::is_same(pointed, wanted)) return 1;
    if (wanted->kind() == TypeKind::nothing) return 4;
    if (is_base_of(wanted, pointed)) return 3;
    // const char* of a unit that calls it char.
    return pointed->size() == wanted->size() && pointed->kind() == wanted->kind() ? 2 : 5;
  }
  if (!b->is_scalar() || !a->is_scalar() || a->kind() == TypeKind::pointer) return std::nullopt;
  const bool is_widened = a->kind() == b->kind() && a->size() <= b->size();
  const bool is_promoted = a->is_integral() && b->kind() == TypeKind::integer && b->size() == 4U &&
                           a->size() < b->size();
  if (is_promoted) return 1;
  return is_widened ? 2 : 3;
}

}  // namespace

Result<Value> Evaluator::call(const Node& node) {
  const Type* const assumed = std::exchange(assumed_result_, nullptr);
  if (node.parts.size() > most_arguments)
    return fail(ErrorCode::bad_request, "so many arguments no function takes");
  std::vector<Value> given;
  for (size_t i = 1; i < node.parts.size(); ++i) {
    auto argument = evaluate(*node.parts[i]);
    if (!argument) return argument;
    given.push_back(std::move(*argument));
  }
  if (node.parts[0]->kind == NodeKind::dollar) {
    if (auto own = call_own_function(environment_, node.parts[0]->text, given)) return *own;
  }
  const auto candidates = callees(*node.parts[0]);
  if (!candidates) return tl::unexpected(candidates.error());
  const auto chosen = choose(*candidates, given);
  if (!chosen) return tl::unexpected(chosen.error());
  const Type* const type = function_type(chosen->function);
  const Type* result = type->target();
  if (result->stripped()->kind() == TypeKind::unknown && assumed != nullptr) result = assumed;
  if (result->stripped()->kind() == TypeKind::unknown) {
    return fail(
        ErrorCode::bad_request,
        "what this function returns is not known, since no debug information says it: say it "
        "with a cast, as in (int)f(1)");
  }
  if (!changes_)
    return Value::absent(environment_.target(), result, "a function is not called for its type");
  std::vector<CallArgument> arguments;
  if (chosen->self) arguments.push_back({*chosen->self});
  const auto parameters = parameters_of(*chosen);
  for (size_t i = 0; i < given.size(); ++i) {
    auto argument =
        i < parameters.size() ? fitted(given[i], parameters[i].type) : promoted(given[i]);
    if (!argument) {
      column_ = node.parts[i + 1]->column;
      return tl::unexpected(argument.error());
    }
    arguments.push_back(std::move(*argument));
  }
  return environment_.call(chosen->function, result, arguments);
}

/// Those that arguments are given for.
std::span<const Parameter> Evaluator::parameters_of(const Callee& callee) {
  const auto parameters = function_type(callee.function)->parameters();
  // Rust's self is a parameter as any.
  const bool has_self = callee.self || takes_this(function_type(callee.function));
  return parameters.subspan(has_self && !parameters.empty() ? 1 : 0);
}

Result<std::vector<Evaluator::Callee>> Evaluator::callees(const Node& node) {
  if (node.kind == NodeKind::member || node.kind == NodeKind::arrow) return methods_of(node);
  if (node.kind == NodeKind::name && node.file.empty()) {
    const auto object = environment_.variable(node.text, "");
    // Data that has a symbol alone (glibc's limit) hides no member function.
    const TypeKind kind = object ? object->type()->stripped()->kind() : TypeKind::function;
    const bool is_pointer =
        kind != TypeKind::function && kind != TypeKind::unknown && !object->is_absent();
    if (!is_pointer) {
      auto found = functions_named(node);
      if (found || kind != TypeKind::unknown) return found;
    }
  }
  const bool is_at =
      node.kind == NodeKind::binary && (node.op == Op::member_at || node.op == Op::pointer_at);
  if (is_at) return member_function_at(node);
  auto value = evaluate(node);
  if (!value) return tl::unexpected(value.error());
  value = value->referred();
  if (value && value->type()->is_pointer()) value = value->dereference();
  if (!value) return tl::unexpected(value.error());
  if (function_type(*value)->kind() != TypeKind::function) {
    column_ = node.column;
    return fail(ErrorCode::bad_request,
                fmt::format("a value of type {} is no function", value::type_text(value->type())));
  }
  return std::vector<Callee>{{*value, std::nullopt}};
}

Result<std::vector<Evaluator::Callee>> Evaluator::functions_named(const Node& node) {
  // Within a member function those of its object come first.
  const auto self = language_ == Language::cpp ? environment_.variable("this", "")
                                               : Result<Value>(fail(ErrorCode::not_found, ""));
  const bool is_qualified = node.text.find("::") != node.text.npos;
  if (self && self->type()->is_pointer() && !is_qualified) {
    if (const auto object = self->dereference()) {
      auto found = methods_named(*object, node.text, false);
      if (!found || !found->empty()) return found;
    }
  }
  std::vector<Callee> all;
  for (Value& function : environment_.functions(node.text)) {
    if (!takes_this(function_type(function))) {
      all.push_back({std::move(function), std::nullopt});
      continue;
    }
    // Class::f() needs an object: the one whose member function this is.
    const Type* const wanted = function_type(function)->parameters().front().type;
    const auto object = self ? converted(arithmetic_, *self, wanted) : self;
    if (object) all.push_back({std::move(function), *object});
  }
  if (!all.empty()) return all;
  column_ = node.column;
  if (!environment_.functions(node.text).empty()) {
    return fail(ErrorCode::bad_request, fmt::format("{} is a member function, and needs an object: "
                                                    "object.f()",
                                                    printable(node.text)));
  }
  const auto found = name(node);
  if (!found) return tl::unexpected(found.error());
  return fail(ErrorCode::not_found, fmt::format("{} has no code of its own: it was inlined or "
                                                "left out",
                                                printable(node.text)));
}

Result<std::vector<Evaluator::Callee>> Evaluator::methods_of(const Node& node) {
  const auto object = object_of(node, true);
  if (!object) return tl::unexpected(object.error());
  if (language_ == Language::rust) return rust_methods(*object, node.text);
  if (object->has_member(node.text)) {
    // A pointer to a function.
    auto value = object->member(node.text);
    if (value && value->type()->is_pointer()) value = value->dereference();
    if (!value) return tl::unexpected(value.error());
    return std::vector<Callee>{{*value, std::nullopt}};
  }
  const size_t scope = node.text.rfind("::");
  if (scope != node.text.npos) {
    // object.Base::f(): that very one.
    const auto base = environment_.type(node.text.substr(0, scope), TypeName::Tag::any);
    if (!base) return tl::unexpected(base.error());
    const auto part = converted(arithmetic_, *object, *base);
    if (!part) return tl::unexpected(part.error());
    return methods_named(*part, node.text.substr(scope + 2), true);
  }
  auto found = methods_named(*object, node.text, false);
  if (!found || !found->empty()) return found;
  column_ = node.column;
  return fail(ErrorCode::not_found,
              fmt::format("{} has no member function {}", value::type_text(object->type()),
                          printable(node.text)));
}

Result<std::vector<Evaluator::Callee>> Evaluator::methods_named(const Value& object,
                                                                const std::string& name,
                                                                bool as_declared) {
  std::vector<Callee> all;
  int budget = 10'000;
  const Type* const owner = class_with_method(object.type(), name, 0, budget);
  if (owner == nullptr) return all;
  const auto part = converted(arithmetic_, object, owner);
  if (!part) return tl::unexpected(part.error());
  std::optional<Error> why;
  for (const Method& method : owner->stripped()->methods()) {
    if (method.name != name) continue;
    auto function = method.is_virtual && !as_declared ? overrider(*part, method)
                                                      : environment_.method(owner, method);
    if (!function) {
      why = function.error();
      continue;
    }
    std::optional<Value> self;
    if (!method.is_static) {
      const auto pointer = part->pointer();
      if (!pointer) return tl::unexpected(pointer.error());
      self = *pointer;
    }
    all.push_back({std::move(*function), std::move(self)});
  }
  if (all.empty() && why) return tl::unexpected(*why);
  return all;
}

/// What the object's own table of virtual functions has for a function that its class declares
/// (Itanium C++ ABI, 2.5): it corrects `this` by itself.
Result<Value> Evaluator::overrider(const Value& object, const Method& method) {
  std::optional<uint64_t> index;
  {
    const auto& module = method.type->module();
    const auto lock = module->lock();
    Dwarf_Attribute attribute;
    Dwarf_Die die = method.die;
    Dwarf_Op* expression = nullptr;
    size_t length = 0;
    if (dwarf_getlocation(dwarf_attr(&die, DW_AT_vtable_elem_location, &attribute), &expression,
                          &length) == 0 &&
        length == 1 && expression->atom == DW_OP_constu) {
      index = expression->number;
    }
  }
  constexpr uint64_t most_functions = 100'000;
  const auto table = object.read<uint64_t>();
  if (!index || *index > most_functions) return environment_.method(object.type(), method);
  if (!table) return tl::unexpected(table.error());
  const auto code =
      environment_.target().memory().read<uint64_t>(Addr{*table + *index * sizeof(uint64_t)});
  if (!code) return tl::unexpected(code.error());
  const auto known = environment_.target().name_of(Addr{*code});
  if (!known || !known->is_code || known->offset != 0) {
    return fail(ErrorCode::bad_data,
                fmt::format("the object has no table of virtual functions: at its beginning stands "
                            "{:#x}",
                            *table));
  }
  return Value::in_memory(environment_.target(), method.type, Addr{*code});
}

/// (object.*pointer)(): the address of a function, or 1 more than its place in the table of virtual
/// functions, and what `this` is moved by (Itanium C++ ABI, 2.3).
Result<std::vector<Evaluator::Callee>> Evaluator::member_function_at(const Node& node) {
  auto object = evaluate(*node.parts[0]);
  if (object) object = node.op == Op::pointer_at ? dereference(*object) : object->referred();
  if (!object) return tl::unexpected(object.error());
  const auto pointer = evaluate(*node.parts[1]);
  if (!pointer) return tl::unexpected(pointer.error());
  const Type* const type = pointer->type()->stripped();
  if (type->kind() != TypeKind::member_pointer ||
      type->target()->stripped()->kind() != TypeKind::function) {
    column_ = node.column;
    return fail(ErrorCode::bad_request, fmt::format("a value of type {} is no member function",
                                                    value::type_text(pointer->type())));
  }
  const auto part = converted(arithmetic_, *object, type->containing());
  const auto self = part ? part->pointer() : part;
  if (!self) return tl::unexpected(self.error());
  const auto code = pointer->read<uint64_t>();
  const auto moved = pointer->read<uint64_t>(sizeof(uint64_t));
  const auto address = self->as_unsigned();
  if (!code || !moved || !address) return fail(ErrorCode::fault, "the pointer cannot be read");
  const Value adjusted = arithmetic_.number(self->type(), *address + *moved);
  Addr function{*code};
  if ((*code & 1) != 0) {
    MemoryReader& memory = environment_.target().memory();
    const auto table = memory.read<uint64_t>(Addr{*address + *moved});
    const auto entry = table ? memory.read<uint64_t>(Addr{*table + *code - 1}) : table;
    if (!entry) return tl::unexpected(entry.error());
    function = Addr{*entry};
  }
  if (function.value == 0)
    return fail(ErrorCode::bad_request, "this pointer points to no member function");
  return std::vector<Callee>{
      {Value::in_memory(environment_.target(), type->target(), function), adjusted}};
}

Result<std::vector<Evaluator::Callee>> Evaluator::rust_methods(const Value& object,
                                                               const std::string& name) {
  std::vector<Callee> all;
  const std::string path = fmt::format("{}::{}", object.type()->stripped()->full_name(), name);
  for (Value& function : environment_.functions(path)) {
    const auto parameters = function_type(function)->parameters();
    if (parameters.empty()) continue;
    const bool by_pointer = parameters.front().type->is_pointer();
    const auto self = by_pointer ? object.pointer() : Result<Value>(object);
    if (!self) return tl::unexpected(self.error());
    all.push_back({std::move(function), *self});
  }
  if (!all.empty()) return all;
  return fail(ErrorCode::not_found, fmt::format("{} has no function {} with code of its own",
                                                value::type_text(object.type()), printable(name)));
}

Result<Evaluator::Callee> Evaluator::choose(const std::vector<Callee>& candidates,
                                            const std::vector<Value>& arguments) const {
  const Callee* best = nullptr;
  int least = 0;
  bool is_ambiguous = false;
  std::optional<Error> why;
  for (const Callee& callee : candidates) {
    const Type* const type = function_type(callee.function);
    const auto parameters = parameters_of(callee);
    const bool fits_count = parameters.size() == arguments.size() ||
                            (type->is_variadic() && parameters.size() < arguments.size());
    if (!fits_count) {
      why = Error(ErrorCode::bad_request,
                  fmt::format("the function takes {}{} argument{}, not {}",
                              type->is_variadic() ? "at least " : "", parameters.size(),
                              parameters.size() == 1 ? "" : "s", arguments.size()));
      continue;
    }
    int total = 0;
    bool fits = true;
    for (size_t i = 0; i < parameters.size() && fits; ++i) {
      const auto object = arguments[i].referred();
      const auto one = object ? effort(object->type(), parameters[i].type) : std::nullopt;
      fits = one.has_value();
      total += one.value_or(0);
      if (fits) continue;
      why = Error(
          ErrorCode::bad_request,
          fmt::format("argument {} has type {}, where the function takes {}", i + 1,
                      value::type_text(arguments[i].type()), value::type_text(parameters[i].type)));
    }
    if (!fits) continue;
    const bool same =
        best != nullptr && total == least && best->function.address() != callee.function.address();
    is_ambiguous = same || (is_ambiguous && best != nullptr && total >= least);
    if (best != nullptr && total >= least) continue;
    best = &callee;
    least = total;
    is_ambiguous = false;
  }
  if (best == nullptr) {
    if (candidates.size() > 1)
      return fail(ErrorCode::bad_request,
                  fmt::format("none of {} functions of that name takes these arguments",
                              candidates.size()));
    return tl::unexpected(why.value_or(Error(ErrorCode::not_found, "there is no such function")));
  }
  if (is_ambiguous) {
    return fail(ErrorCode::bad_request,
                "several functions of that name suit these arguments alike: casts make one fit");
  }
  return *best;
}

Result<CallArgument> Evaluator::fitted(const Value& given, const Type* parameter) {
  const Type* const plain = parameter->stripped();
  const auto object = given.referred();
  if (!object) return tl::unexpected(object.error());
  const Type* const from = object->type()->stripped();
  if (plain->kind() == TypeKind::reference) {
    const Type* const wanted = plain->target()->stripped();
    const bool is_class = wanted->kind() == TypeKind::structure;
    if (object->address() && (is_class || value::is_same(from, wanted))) {
      auto reference = converted(arithmetic_, *object, parameter);
      if (!reference) return tl::unexpected(reference.error());
      return CallArgument{std::move(*reference)};
    }
    auto value = converted(arithmetic_, *object, plain->target());
    if (!value) return tl::unexpected(value.error());
    return CallArgument{std::move(*value), true};
  }
  if (plain->kind() == TypeKind::pointer && from->kind() == TypeKind::array && !object->address())
    return CallArgument{*object, true};
  const bool is_fat = plain->kind() == TypeKind::structure && object->type()->stripped() != plain &&
                      from->kind() == TypeKind::array && find_field(plain, {"data_ptr"}) &&
                      find_field(plain, {"length"});
  if (is_fat) return CallArgument{*object, true, from->count().value_or(0)};
  auto value = converted(arithmetic_, *object, parameter);
  if (!value) return tl::unexpected(value.error());
  return CallArgument{std::move(*value)};
}

/// The default argument promotions (C11, 6.5.2.2).
Result<CallArgument> Evaluator::promoted(const Value& given) {
  const auto object = given.referred();
  if (!object) return tl::unexpected(object.error());
  const Type* const type = object->type()->stripped();
  if (type->kind() == TypeKind::array && !object->address()) return CallArgument{*object, true};
  if (!type->is_scalar() && type->kind() != TypeKind::array && type->kind() != TypeKind::function)
    return CallArgument{*object};
  auto value = arithmetic_.decayed(*object);
  if (value && type->kind() == TypeKind::floating && type->size() == 4U)
    value = converted(arithmetic_, *value, arithmetic_.floating(8));
  if (value && value->type()->is_integral()) value = arithmetic_.unary(Op::plus, *value);
  if (!value) return tl::unexpected(value.error());
  return CallArgument{std::move(*value)};
}

}  // namespace clew::lang
