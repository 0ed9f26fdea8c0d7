#include "lang/evaluator.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "lang/conversion.h"
#include "lang/expression.h"
#include "lang/field.h"
#include "value/dynamic_type.h"
#include "value/made_types.h"
#include "value/place.h"
#include "value/type_text.h"

namespace clew::lang {

using value::TypeKind;

namespace {

tl::unexpected<Error> unsupported(std::string text) {
  return fail(ErrorCode::unsupported, std::move(text));
}

/// A program can use it without describing it: then it is what the C++ ABI says (Itanium, 2.9.3).
const value::Type* type_info_type(value::Target& target) {
  if (const auto found = target.find_type("std::type_info", nullptr);
      found && !(*found)->is_declaration()) {
    return *found;
  }
  value::Types& types = target.types();
  const value::Type* const text =
      types.pointer_to(types.qualified(types.base("char", TypeKind::character, 1, true), "const"));
  return value::made_type(types, TypeKind::structure, "std::type_info", "std::type_info",
                          {{"_vptr.type_info", types.pointer_to(types.nothing()), 0},
                           {"__name", text, sizeof(uint64_t)}});
}

}  // namespace

Result<value::Value> Evaluator::evaluate(const Node& node) {
  auto result = dispatch(node);
  if (!result && !column_) column_ = node.column;
  return result;
}

Result<value::Value> Evaluator::dispatch(const Node& node) {
  if (language_ == Language::go) {
    if (auto done = go(node)) return std::move(*done);
  }
  switch (node.kind) {
    case NodeKind::integer:
      return language_ == Language::rust ? rust_integer(node) : integer(node);
    case NodeKind::floating:
      return floating(node);
    case NodeKind::character:
      return character(node);
    case NodeKind::string:
      return string(node);
    case NodeKind::boolean:
      return arithmetic_.number(arithmetic_.boolean(), node.number);
    case NodeKind::null_pointer: {
      value::Types& types = environment_.target().types();
      return arithmetic_.number(types.pointer_to(types.nothing()), 0);
    }
    case NodeKind::name:
      return name(node);
    case NodeKind::dollar:
      return environment_.dollar(node.text);
    case NodeKind::unary:
      return unary(node);
    case NodeKind::binary:
      return binary(node);
    case NodeKind::conditional:
      return conditional(node);
    case NodeKind::comma: {
      auto first = evaluate(*node.parts[0]);
      return first ? evaluate(*node.parts[1]) : first;
    }
    case NodeKind::assign:
      return assign(node);
    case NodeKind::cast:
    case NodeKind::dynamic_cast_:
    case NodeKind::reinterpret:
      return cast(node);
    case NodeKind::size_of_type:
    case NodeKind::size_of_value:
      return size_of(node);
    case NodeKind::alignment_of_type: {
      const auto type = this->type(*node.type);
      if (!type) return tl::unexpected(type.error());
      return arithmetic_.number(arithmetic_.size_type(), clew::lang::alignment_of(*type));
    }
    case NodeKind::type_id_of_type:
    case NodeKind::type_id_of_value:
      return type_id(node);
    case NodeKind::member:
    case NodeKind::arrow:
      return member(node);
    case NodeKind::index:
      return index(node);
    case NodeKind::slice:
      return slice(node);
    case NodeKind::assertion:
    case NodeKind::call:
      return call(node);
    case NodeKind::composite:  // Go's alone
    case NodeKind::keyed:
      break;
  }
  return unsupported("this is not known to clew");
}

Result<value::Value> Evaluator::name(const Node& node) {
  auto found = environment_.variable(node.text, node.file);
  if (found || found.error().code != ErrorCode::not_found) return found;
  if (environment_.classify(node.text) == NameClass::type) {
    return fail(ErrorCode::bad_request,
                fmt::format("{} is a type, not a value", printable(node.text)));
  }
  return found;
}

// --- Operators of one operand

Result<value::Value> Evaluator::unary(const Node& node) {
  if (node.op == Op::address) {
    if (auto pointer = pointer_to_member(*node.parts[0])) return *pointer;
  }
  auto operand = evaluate(*node.parts[0]);
  if (!operand) return operand;
  switch (node.op) {
    case Op::dereference:
      return dereference(*operand);
    case Op::address:
      return address_of(*operand);
    case Op::pre_increment:
    case Op::pre_decrement:
    case Op::post_increment:
    case Op::post_decrement:
      return stepped(node, *operand);
    default:
      return arithmetic_.unary(node.op, *operand);
  }
}

Result<value::Value> Evaluator::dereference(const Value& value) {
  auto object = value.referred();
  if (!object) return object;
  const Type* const type = object->type()->stripped();
  // As in gdb a number is an address of a long.
  if (type->is_integral()) {
    const auto at = object->as_address();
    if (!at) return tl::unexpected(at.error());
    return Value::in_memory(environment_.target(), arithmetic_.difference_type(), *at);
  }
  if (type->kind() == TypeKind::structure) {
    if (const auto pointer = held_pointer(*object)) return pointer->dereference();
  }
  return object->dereference();
}

Result<value::Value> Evaluator::address_of(const Value& value) {
  auto object = value.referred();
  if (!object) return object;
  return object->pointer();
}

Result<value::Value> Evaluator::stepped(const Node& node, const Value& operand) {
  const bool is_up = node.op == Op::pre_increment || node.op == Op::post_increment;
  const bool is_post = node.op == Op::post_increment || node.op == Op::post_decrement;
  const Node& target = *node.parts[0];
  const Value before = operand.fetched();
  auto changed = arithmetic_.binary(is_up ? Op::add : Op::subtract, operand,
                                    arithmetic_.number(arithmetic_.signed_type(4), 1));
  if (!changed) return changed;
  auto stored =
      target.kind == NodeKind::dollar ? assign_dollar(target, *changed) : store(operand, *changed);
  if (!stored) return stored;
  return is_post ? Result<Value>(before) : stored;
}

// --- Operators of two

Result<value::Value> Evaluator::binary(const Node& node) {
  if (node.op == Op::logic_and || node.op == Op::logic_or) return logic(node);
  auto left = evaluate(*node.parts[0]);
  if (!left) return left;
  auto right = evaluate(*node.parts[1]);
  if (!right) return right;
  if (node.op == Op::repeat) return repeated(*left, *right);
  if (node.op == Op::member_at || node.op == Op::pointer_at) {
    const auto object = node.op == Op::pointer_at ? dereference(*left) : left->referred();
    return object ? member_at(*object, *right) : object;
  }
  return arithmetic_.binary(node.op, *left, *right);
}

Result<value::Value> Evaluator::logic(const Node& node) {
  for (size_t i = 0; i < 2; ++i) {
    auto part = evaluate(*node.parts[i]);
    if (!part) return part;
    auto value = arithmetic_.decayed(*part);
    if (!value) return value;
    const auto is_true = value->as_condition();
    if (!is_true) return tl::unexpected(is_true.error());
    if (*is_true == (node.op == Op::logic_or)) return arithmetic_.truth(*is_true);
  }
  return arithmetic_.truth(node.op == Op::logic_and);
}

Result<value::Value> Evaluator::repeated(const Value& first, const Value& count) {
  auto object = first.referred();
  if (!object) return object;
  if (!object->address())
    return fail(ErrorCode::bad_request, "only what is in memory can be repeated by @");
  const auto number = count.as_signed();
  if (!number) return tl::unexpected(number.error());
  if (*number <= 0 || *number > most_elements)
    return fail(ErrorCode::bad_request, fmt::format("{} elements are no array", *number));
  return object->as(
      environment_.target().types().array_of(object->type(), static_cast<uint64_t>(*number)));
}

Result<value::Value> Evaluator::conditional(const Node& node) {
  auto condition = evaluate(*node.parts[0]);
  if (!condition) return condition;
  auto decayed = arithmetic_.decayed(*condition);
  if (!decayed) return decayed;
  const auto is_true = decayed->as_condition();
  if (!is_true) return tl::unexpected(is_true.error());
  return evaluate(*node.parts[*is_true ? 1 : 2]);
}

// --- Assignments

Result<value::Value> Evaluator::assign(const Node& node) {
  const Node& left = *node.parts[0];
  auto target = evaluate(left);
  if (!target) return target;
  auto value = evaluate(*node.parts[1]);
  if (!value) return value;
  if (node.op != Op::none) {
    value = language_ == Language::go ? go_.binary(node.op, *target, *value)
                                      : arithmetic_.binary(node.op, *target, *value);
    if (!value) return value;
  }
  return left.kind == NodeKind::dollar ? assign_dollar(left, *value) : store(*target, *value);
}

Result<value::Value> Evaluator::assign_dollar(const Node& target, const Value& value) {
  const auto before = environment_.dollar(target.text);
  // Registers are places; the rest are names.
  if (before && before->place().kind() == value::Place::Kind::pieces) return store(*before, value);
  if (!changes_) return value;
  const Value kept = (language_ == Language::go ? go_.with_type(value) : value).fetched();
  if (auto set = environment_.set_dollar(target.text, kept); !set)
    return tl::unexpected(set.error());
  return kept;
}

Result<value::Value> Evaluator::store(const Value& target, const Value& value) {
  auto object = target.referred();
  if (!object) return object;
  if (object->is_absent()) return fail(ErrorCode::unavailable, object->absence());
  auto fitting = language_ == Language::go ? go_.assignable(value, object->type())
                                           : converted(arithmetic_, value, object->type());
  if (!fitting) return fitting;
  if (!changes_) return object;
  auto bytes = fitting->bytes();
  if (!bytes) return tl::unexpected(bytes.error());
  if (auto written = object->write(*bytes); !written) return tl::unexpected(written.error());
  // What is in memory is read again when it is shown; a register's value was read before.
  return object->address() || object->is_bit_field() ? object : fitting;
}

// --- Types

Result<value::Value> Evaluator::cast(const Node& node) {
  const auto type = this->type(*node.type);
  if (!type) return tl::unexpected(type.error());
  // (int)f(1): so it is told what a function without debug information returns.
  if (node.kind == NodeKind::cast && node.parts[0]->kind == NodeKind::call) assumed_result_ = *type;
  auto operand = evaluate(*node.parts[0]);
  if (!operand) return operand;
  if (node.kind == NodeKind::dynamic_cast_)
    return dynamically_converted(arithmetic_, *operand, *type);
  if (node.kind == NodeKind::cast) return converted(arithmetic_, *operand, *type);
  const auto at = number_of(*operand);
  if (!at) return tl::unexpected(at.error());
  return Value::in_memory(environment_.target(), *type, Addr{*at});
}

Result<value::Value> Evaluator::size_of(const Node& node) {
  const Type* type = nullptr;
  if (node.kind == NodeKind::size_of_type) {
    const auto named = this->type(*node.type);
    if (!named) return tl::unexpected(named.error());
    type = *named;
  } else {
    Evaluator quiet(environment_, language_, false);
    auto operand = quiet.evaluate(*node.parts[0]);
    if (!operand) {
      column_ = quiet.column();
      return operand;
    }
    type = operand->type();
  }
  // C++: of a reference the size of what it refers to.
  if (type->stripped()->kind() == TypeKind::reference) type = type->stripped()->target();
  const auto size = type->size() ? type->size() : type->stripped()->size();
  if (type->stripped()->kind() == TypeKind::nothing)
    return arithmetic_.number(arithmetic_.size_type(), 1);
  if (!size) {
    return fail(ErrorCode::unavailable,
                fmt::format("the size of {} is not known", value::type_text(type)));
  }
  return arithmetic_.number(arithmetic_.size_type(), *size);
}

/// [expr.typeid]: of an object with virtual functions what it is in truth; of all else what it is
/// declared to be, without reference and qualifiers.
Result<value::Value> Evaluator::type_id(const Node& node) {
  value::Target& target = environment_.target();
  const Type* const info_type = type_info_type(target);
  const Type* type = nullptr;
  if (node.kind == NodeKind::type_id_of_type) {
    const auto named = this->type(*node.type);
    if (!named) return tl::unexpected(named.error());
    type = *named;
  } else {
    const auto operand = evaluate(*node.parts[0]);
    if (!operand) return operand;
    if (const auto info = value::dynamic_type_info(*operand))
      return Value::in_memory(target, info_type, *info);
    type = operand->type();
  }
  if (type->stripped()->kind() == TypeKind::reference) type = type->stripped()->target();
  const auto info = environment_.type_info(type->stripped());
  if (!info) return tl::unexpected(info.error());
  return Value::in_memory(target, info_type, *info);
}

const value::Type* Evaluator::with_step(const Type* type, const TypeStep& step, Status& status) {
  value::Types& types = environment_.target().types();
  switch (step.kind) {
    case TypeStep::Kind::pointer:
      return types.pointer_to(type);
    case TypeStep::Kind::reference:
      return types.reference_to(type);
    case TypeStep::Kind::rvalue_reference:
      return types.reference_to(type, true);
    case TypeStep::Kind::array:
      return types.array_of(type, step.count);
    case TypeStep::Kind::qualifier:
      return types.qualified(type, step.qualifier);
    case TypeStep::Kind::slice:
    case TypeStep::Kind::map:
    case TypeStep::Kind::channel:
      return type;  // GoRules makes these
    case TypeStep::Kind::function:
      break;
  }
  std::vector<const Type*> parameters;
  for (const auto& parameter : step.parameters) {
    const auto one = this->type(*parameter);
    if (!one) {
      status = tl::unexpected(one.error());
      return type;
    }
    parameters.push_back(*one);
  }
  return types.function(type, parameters, step.is_variadic);
}

Result<const value::Type*> Evaluator::type(const TypeName& name) {
  Result<const Type*> found = nullptr;
  if (language_ == Language::go) {
    found = go_.type(name);
    if (!found && !column_) column_ = name.column;
    return found;
  }
  if (name.is_basic) {
    found = arithmetic_.by_name(name.name);
    // str, and what a language of another unit has.
    if (*found == nullptr) found = environment_.type(name.name, name.tag);
  } else {
    found = environment_.type(name.name, name.tag);
  }
  if (!found) {
    if (!column_) column_ = name.column;
    return found;
  }
  const Type* type = *found;
  Status status;
  for (const TypeStep& step : name.steps) type = with_step(type, step, status);
  if (!status) return tl::unexpected(status.error());
  return type;
}

}  // namespace clew::lang
