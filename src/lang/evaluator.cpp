#include "lang/evaluator.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "lang/conversion.h"
#include "lang/expression.h"
#include "lang/field.h"
#include "lang/wide.h"
#include "value/made_types.h"
#include "value/place.h"
#include "value/type_text.h"

namespace clew::lang {

using value::TypeKind;

namespace {

/// Elements of one array that is made at the prompt.
constexpr int64_t most_elements = int64_t{1} << 32;

/// What a text in UTF-8 is made of; bytes that are none stand for themselves.
std::vector<uint32_t> characters_of(std::string_view text) {
  std::vector<uint32_t> characters;
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t length = lead < 0xc2 || lead > 0xf4 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t character = length == 1 ? lead : lead & (0x7fU >> length);
    size_t taken = 1;
    for (; taken < length && at + taken < text.size(); ++taken) {
      const auto byte = static_cast<unsigned char>(text[at + taken]);
      if ((byte & 0xc0) != 0x80) break;
      character = character << 6 | (byte & 0x3fU);
    }
    characters.push_back(taken == length ? character : lead);
    at += taken == length ? length : 1;
  }
  return characters;
}

tl::unexpected<Error> unsupported(std::string text) {
  return fail(ErrorCode::unsupported, std::move(text));
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
  }
  return unsupported("this is not known to clew");
}

// --- What stands for itself

Result<value::Value> Evaluator::integer(const Node& node) const {
  bool is_unsigned = false;
  int longs = 0;
  for (const char c : node.suffix) {
    if (c == 'u' || c == 'U') {
      is_unsigned = true;
    } else if (c == 'l' || c == 'L') {
      ++longs;
    } else {
      return fail(ErrorCode::bad_request,
                  fmt::format("a number has no suffix \"{}\"", printable(node.suffix)));
    }
  }
  // C11, 6.4.4.1: the first type that the number fits in.
  const uint64_t number = node.number;
  const bool may_be_unsigned = is_unsigned || !node.is_decimal;
  if (longs == 0 && !is_unsigned && number <= INT32_MAX)
    return arithmetic_.number(arithmetic_.signed_type(4), number);
  if (longs == 0 && may_be_unsigned && number <= UINT32_MAX)
    return arithmetic_.number(arithmetic_.unsigned_type(4), number);
  const bool fits = number <= INT64_MAX && !is_unsigned;
  const std::string_view name =
      longs < 2 ? (fits ? "long" : "unsigned long") : (fits ? "long long" : "unsigned long long");
  return arithmetic_.number(arithmetic_.by_name(name), number);
}

Result<value::Value> Evaluator::rust_integer(const Node& node) const {
  if (!node.suffix.empty()) {
    const Type* const type = arithmetic_.by_name(node.suffix);
    if (type == nullptr || !type->is_scalar()) {
      return fail(ErrorCode::bad_request,
                  fmt::format("a number has no suffix \"{}\"", printable(node.suffix)));
    }
    return type->kind() == TypeKind::floating
               ? Value::of_floating(environment_.target(), type,
                                    static_cast<long double>(node.number))
               : arithmetic_.number(type, node.number);
  }
  const Type* const type = node.number <= INT32_MAX   ? arithmetic_.signed_type(4)
                           : node.number <= INT64_MAX ? arithmetic_.signed_type(8)
                                                      : arithmetic_.unsigned_type(8);
  return arithmetic_.number(type, node.number);
}

Result<value::Value> Evaluator::floating(const Node& node) const {
  uint64_t size = 8;
  if (node.suffix == "f" || node.suffix == "F" || node.suffix == "f32") size = 4;
  if (node.suffix == "l" || node.suffix == "L") size = 16;
  if (size == 8 && !node.suffix.empty() && node.suffix != "f64") {
    return fail(ErrorCode::bad_request,
                fmt::format("a number has no suffix \"{}\"", printable(node.suffix)));
  }
  return Value::of_floating(environment_.target(), arithmetic_.floating(size), node.floating);
}

Result<value::Value> Evaluator::character(const Node& node) const {
  const Type* type = arithmetic_.character();
  if (node.suffix == "L") type = arithmetic_.by_name("wchar_t");
  if (node.suffix == "u") type = arithmetic_.by_name("char16_t");
  if (node.suffix == "U") type = arithmetic_.by_name("char32_t");
  if (node.suffix == "b") type = arithmetic_.unsigned_type(1);
  if (type == nullptr) return fail(ErrorCode::bad_request, "this language has no such characters");
  return arithmetic_.number(type, node.number);
}

Result<value::Value> Evaluator::string(const Node& node) const {
  if (node.suffix == "L" || node.suffix == "u" || node.suffix == "U") return wide_string(node);
  const Type* const element =
      language_ == Language::rust ? arithmetic_.unsigned_type(1) : arithmetic_.character();
  const Bytes bytes = std::as_bytes(std::span(node.text.data(), node.text.size() + 1));
  const size_t count = bytes.size() - (language_ == Language::rust ? 1 : 0);
  return Value::of_bytes(environment_.target(),
                         environment_.target().types().array_of(element, count),
                         {bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count)});
}

Result<value::Value> Evaluator::wide_string(const Node& node) const {
  const Type* const element = arithmetic_.by_name(node.suffix == "L"   ? "wchar_t"
                                                  : node.suffix == "u" ? "char16_t"
                                                                       : "char32_t");
  if (element == nullptr)
    return fail(ErrorCode::bad_request, "this language has no such characters");
  const size_t size = element->size().value_or(4);
  std::vector<std::byte> bytes;
  const auto add = [&](uint32_t unit) {
    for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(unit >> (8 * i)));
  };
  size_t count = 1;
  for (const uint32_t character : characters_of(node.text)) {
    const bool is_pair = size == 2 && character >= 0x10000;
    if (is_pair) add(0xd800 + ((character - 0x10000) >> 10));
    add(is_pair ? 0xdc00 + ((character - 0x10000) & 0x3ff) : character);
    count += is_pair ? 2 : 1;
  }
  add(0);
  value::Types& types = environment_.target().types();
  return Value::of_bytes(environment_.target(), types.array_of(element, count), std::move(bytes));
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
  const auto object = value.referred();
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
  const auto object = value.referred();
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
    const auto part = evaluate(*node.parts[i]);
    if (!part) return part;
    const auto value = arithmetic_.decayed(*part);
    if (!value) return value;
    const auto is_true = value->as_condition();
    if (!is_true) return tl::unexpected(is_true.error());
    if (*is_true == (node.op == Op::logic_or)) return arithmetic_.truth(*is_true);
  }
  return arithmetic_.truth(node.op == Op::logic_and);
}

Result<value::Value> Evaluator::repeated(const Value& first, const Value& count) {
  const auto object = first.referred();
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
  const auto condition = evaluate(*node.parts[0]);
  if (!condition) return condition;
  const auto decayed = arithmetic_.decayed(*condition);
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
  const auto object = target.referred();
  if (!object) return object;
  if (object->is_absent()) return fail(ErrorCode::unavailable, object->absence());
  const auto fitting = language_ == Language::go ? go_.assignable(value, object->type())
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
    const auto operand = quiet.evaluate(*node.parts[0]);
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
  return types.function(type, std::move(parameters), step.is_variadic);
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

// --- Parts

/// &Class::member of one that each object has. @return nullopt for everything else.
std::optional<value::Value> Evaluator::pointer_to_member(const Node& node) {
  const size_t scope = node.kind == NodeKind::name ? node.text.rfind("::") : node.text.npos;
  if (scope == node.text.npos || scope == 0 || language_ == Language::rust) return std::nullopt;
  if (environment_.variable(node.text, node.file)) return std::nullopt;
  const auto type = environment_.type(node.text.substr(0, scope), TypeName::Tag::any);
  if (!type) return std::nullopt;
  const auto field = find_field(*type, {std::string_view(node.text).substr(scope + 2)});
  if (!field) return std::nullopt;
  return arithmetic_.number(
      value::member_pointer_to(environment_.target().types(), *type, field->type), field->offset);
}

Result<value::Value> Evaluator::member_at(const Value& object, const Value& pointer) {
  const Type* const type = pointer.type()->stripped();
  if (type->kind() != TypeKind::member_pointer) {
    return fail(ErrorCode::bad_request, fmt::format("a value of type {} points to no member",
                                                    value::type_text(pointer.type())));
  }
  if (type->target()->stripped()->kind() == TypeKind::function)
    return fail(ErrorCode::bad_request, "a member function can only be called");
  const auto part = converted(arithmetic_, object, type->containing());
  if (!part) return part;
  // Itanium C++ ABI, 2.3: the offset, -1 for none.
  const auto offset = pointer.read<int64_t>();
  if (!offset) return tl::unexpected(offset.error());
  if (*offset < 0) return fail(ErrorCode::bad_request, "this pointer points to no member");
  return part->part(static_cast<uint64_t>(*offset), type->target());
}

Result<value::Value> Evaluator::member(const Node& node) {
  const auto object = object_of(node, false);
  if (!object) return object;
  if (language_ == Language::rust) return rust_member(*object, node.text);
  return member_of(*object, node.text);
}

/// Of which a.b and a->b take a part, or call a function.
Result<value::Value> Evaluator::object_of(const Node& node, bool is_called) {
  auto object = evaluate(*node.parts[0]);
  if (!object) return object;
  object = object->referred();
  if (!object) return object;
  const bool was_pointer = object->type()->is_pointer();
  // Pointers are followed for both, as gdb does; smart ones for -> alone.
  for (int i = 0; i < 2 && object->type()->is_pointer(); ++i) {
    object = object->dereference();
    if (!object) return object;
    if (language_ != Language::rust) break;
  }
  const Type* const type = object->type()->stripped();
  if (type->kind() != TypeKind::structure && type->kind() != TypeKind::union_type) {
    return fail(ErrorCode::bad_request,
                fmt::format("a value of type {} has no members", value::type_text(object->type())));
  }
  if (node.kind == NodeKind::arrow && !was_pointer &&
      (is_called || type->find_member(node.text).empty())) {
    if (const auto pointer = held_pointer(*object)) return pointer->dereference();
  }
  return object;
}

Result<value::Value> Evaluator::member_of(const Value& object, const std::string& name) {
  const size_t scope = name.rfind("::");
  if (scope != name.npos) {
    // object.Base::x
    const auto base = environment_.type(name.substr(0, scope), TypeName::Tag::any);
    if (!base) return tl::unexpected(base.error());
    const auto part = converted(arithmetic_, object, *base);
    if (!part) return part;
    return part->member(name.substr(scope + 2));
  }
  auto found = object.member(name);
  if (found || found.error().code != ErrorCode::not_found) return found;
  for (const value::Method& method : object.type()->stripped()->methods()) {
    if (method.name == name) return environment_.method(object.type(), method);
  }
  return fail(ErrorCode::not_found,
              fmt::format("{} has no member {}", value::type_text(object.type()), printable(name)));
}

Result<value::Value> Evaluator::rust_member(const Value& value, const std::string& name) {
  Value object = value;
  const Type* type = object.type()->stripped();
  if (!type->variant_parts().empty()) {
    const auto active = object.active_variant(type->variant_parts().front());
    if (!active) return tl::unexpected(active.error());
    if (active->variant->members.empty())
      return fail(ErrorCode::not_found, "this alternative has no fields");
    auto payload = object.member(active->variant->members.front());
    if (!payload) return payload;
    object = std::move(*payload);
  }
  // Fields of tuples have the names "__0" and on in the debug information.
  const bool is_number = !name.empty() && name.find_first_not_of("0123456789") == name.npos;
  if (is_number && object.has_member("__" + name)) return object.member("__" + name);
  if (object.has_member(name)) return object.member(name);
  if (const auto pointer = held_pointer(object)) {
    const auto pointed = pointer->dereference();
    if (pointed && pointed->has_member(name)) return pointed->member(name);
  }
  return member_of(object, name);
}

std::optional<value::Value> Evaluator::held_pointer(const Value& value) {
  const value::Printer* const printer = environment_.printers().find(value.type());
  if (printer == nullptr) return std::nullopt;
  const auto shown = printer->present(value);
  if (!shown) return std::nullopt;
  if (shown->stand_in) return shown->stand_in->pointer().value_or(*shown->stand_in);
  if (!shown->next || shown->shape != value::Shape::fields) return std::nullopt;
  // What a smart pointer's printer gives first: get() = 0x…
  const auto first = shown->next();
  if (!first || !*first || (*first)->name != "get()") return std::nullopt;
  return (*first)->value;
}

std::optional<Result<value::Value>> Evaluator::presented_element(const Value& value,
                                                                 uint64_t index) {
  const value::Printer* const printer = environment_.printers().find(value.type());
  if (printer == nullptr) return std::nullopt;
  const auto shown = printer->present(value);
  if (!shown) return Result<Value>(tl::unexpected(shown.error()));
  if (shown->stand_in) return element(*shown->stand_in, static_cast<int64_t>(index));
  if (!shown->next || shown->shape != value::Shape::list) return std::nullopt;
  // A list is walked: only so many are.
  constexpr uint64_t most_walked = 1'000'000;
  for (uint64_t i = 0; i <= std::min(index, most_walked); ++i) {
    const auto next = shown->next();
    if (!next) return Result<Value>(tl::unexpected(next.error()));
    if (!*next) {
      return Result<Value>(
          fail(ErrorCode::not_found, fmt::format("there is no element {}: it has {}", index, i)));
    }
    if (i == index) return Result<Value>((*next)->value);
  }
  return Result<Value>(fail(ErrorCode::unsupported, "so many elements are not walked through"));
}

Result<int64_t> Evaluator::count_of(const Node* node, int64_t otherwise) {
  if (node == nullptr) return otherwise;
  const auto value = evaluate(*node);
  if (!value) return tl::unexpected(value.error());
  const auto number = wide_of(*value);
  if (!number) return tl::unexpected(number.error());
  return static_cast<int64_t>(static_cast<uint64_t>(*number));
}

Result<value::Value> Evaluator::index(const Node& node) {
  auto array = evaluate(*node.parts[0]);
  if (!array) return array;
  const auto number = count_of(node.parts[1].get(), 0);
  if (!number) return tl::unexpected(number.error());
  return element(*array, *number);
}

Result<value::Value> Evaluator::element(const Value& array, int64_t index) {
  const auto object = array.referred();
  if (!object) return object;
  const Type* const type = object->type()->stripped();
  if (type->kind() == TypeKind::structure) {
    if (object->has_member("data_ptr") && object->has_member("length"))
      return slice_of(*object, index, -1);
    if (auto found = presented_element(*object, static_cast<uint64_t>(index))) return *found;
    return fail(ErrorCode::bad_request, fmt::format("a value of type {} has no elements",
                                                    value::type_text(object->type())));
  }
  return object->element(index);
}

Result<value::Value> Evaluator::slice(const Node& node) {
  auto array = evaluate(*node.parts[0]);
  if (!array) return array;
  auto object = array->referred();
  if (!object) return object;
  std::optional<uint64_t> length = object->type()->stripped()->count();
  if (object->has_member("data_ptr") && object->has_member("length")) {
    const auto known = object->member("length");
    const auto number = known ? known->as_unsigned() : tl::unexpected(known.error());
    if (!number) return tl::unexpected(number.error());
    length = *number;
  }
  const int64_t lowest = object->type()->stripped()->kind() == TypeKind::array
                             ? object->type()->stripped()->lower_bound()
                             : 0;
  const auto first = count_of(node.parts[1].get(), lowest);
  if (!first) return tl::unexpected(first.error());
  if (node.parts[2] == nullptr && !length)
    return fail(ErrorCode::bad_request, "a slice of a pointer needs an end: p[0:4]");
  const auto last =
      count_of(node.parts[2].get(), static_cast<int64_t>(length.value_or(0) & INT64_MAX) + lowest);
  if (!last) return tl::unexpected(last.error());
  const int64_t count =
      static_cast<int64_t>(static_cast<uint64_t>(*last) - static_cast<uint64_t>(*first));
  if (count <= 0 || count > most_elements)
    return fail(
        ErrorCode::bad_request,
        fmt::format("from {} up to {}, which is not part of it, there is nothing", *first, *last));
  return slice_of(*object, *first, count);
}

/// -1 elements: that one alone.
Result<value::Value> Evaluator::slice_of(const Value& array, int64_t first, int64_t count) {
  Value pointer = array;
  if (array.type()->is_structure()) {
    const auto data = array.member("data_ptr");
    if (!data) return data;
    const auto length = array.member("length");
    const auto known = length ? length->as_unsigned() : tl::unexpected(length.error());
    if (!known) return tl::unexpected(known.error());
    const auto end = static_cast<uint64_t>(first) + static_cast<uint64_t>(count < 0 ? 1 : count);
    if (first < 0 || end > *known) {
      return fail(ErrorCode::not_found,
                  fmt::format("there is no element {}: it has {}",
                              first < 0 ? first : static_cast<int64_t>(end - 1), *known));
    }
    pointer = *data;
  }
  auto start = pointer.element(first);
  if (!start || count < 0) return start;
  return start->as(
      environment_.target().types().array_of(start->type(), static_cast<uint64_t>(count)));
}

}  // namespace clew::lang
