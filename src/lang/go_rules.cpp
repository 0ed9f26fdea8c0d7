// The operators and conversions of Go. See go_access.cpp for parts of values.

#include "lang/go_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "lang/conversion.h"
#include "lang/wide.h"
#include "value/go_types.h"
#include "value/number.h"
#include "value/place.h"
#include "value/type_text.h"
#include "value/types.h"

namespace clew::lang {

using value::GoKind;
using value::Type;
using value::TypeKind;
using value::Value;

namespace {

constexpr std::string_view untyped_mark = "untyped ";
/// Structures in structures.
constexpr int deepest_comparison = 64;

bool is_number(const Type* type) {
  const TypeKind kind = type->stripped()->kind();
  return kind == TypeKind::integer || kind == TypeKind::floating || kind == TypeKind::complex;
}
bool is_integer(const Type* type) { return type->stripped()->kind() == TypeKind::integer; }
bool is_complex(const Type* type) { return type->stripped()->kind() == TypeKind::complex; }

/// How far a constant is from a plain integer: two are brought to the further one.
int rank_of(const Type* type) {
  if (is_complex(type)) return 3;
  if (type->kind() == TypeKind::floating) return 2;
  return type->name().ends_with("rune") ? 1 : 0;
}

struct Complex {
  long double real = 0, imaginary = 0;
};

Result<Complex> complex_of(const Value& value) {
  if (!is_complex(value.type())) {
    const auto number = value.as_floating();
    if (!number) return tl::unexpected(number.error());
    return Complex{*number, 0};
  }
  const auto bytes = value.bytes();
  if (!bytes) return tl::unexpected(bytes.error());
  const Bytes all(*bytes);
  const Type* const type = value.type()->stripped();
  const auto real = value::floating_of(type, all.first(all.size() / 2));
  const auto imaginary = value::floating_of(type, all.subspan(all.size() / 2));
  if (!real || !imaginary) return tl::unexpected((!real ? real : imaginary).error());
  return Complex{*real, *imaginary};
}

Value of_complex(value::Target& target, const Type* type, const Complex& number) {
  const uint64_t half = type->stripped()->size().value_or(16) / 2;
  const Type* const part = target.types().base("part", TypeKind::floating, half, true);
  auto bytes = value::floating_bytes(part, number.real);
  const auto imaginary = value::floating_bytes(part, number.imaginary);
  bytes.insert(bytes.end(), imaginary.begin(), imaginary.end());
  return Value::of_bytes(target, type, std::move(bytes));
}

}  // namespace

bool is_untyped(const Type* type) {
  if (type->kind() == TypeKind::array) type = type->target();
  return type->name().starts_with(untyped_mark);
}

bool is_go_string(const Type* type) {
  return type->stripped()->go_kind() == GoKind::string ||
         (type->kind() == TypeKind::array && is_untyped(type));
}

bool is_go_interface(const Type* type) {
  return type->find_go_kind(GoKind::interface) != nullptr ||
         type->stripped()->name() == "runtime.eface" || type->stripped()->name() == "runtime.iface";
}

std::string go_type_text(const Type* type) {
  return type->kind() == TypeKind::array && is_untyped(type) ? "untyped string"
                                                             : value::type_text(type);
}

Result<std::string> go_text(const Value& string) {
  constexpr uint64_t longest = uint64_t{16} << 20;
  std::vector<std::byte> bytes;
  if (string.type()->kind() == TypeKind::array) {
    auto read = string.bytes();
    if (!read) return tl::unexpected(read.error());
    bytes = std::move(*read);
  } else {
    const auto start = string.member("str");
    const auto length = string.member("len");
    const auto from = start ? start->as_address() : tl::unexpected(start.error());
    const auto count = length ? length->as_unsigned() : tl::unexpected(length.error());
    if (!from) return tl::unexpected(from.error());
    if (!count) return tl::unexpected(count.error());
    if (*count > longest)
      return go_panic("a string of {} bytes is too long for this", static_cast<int64_t>(*count));
    bytes.resize(*count);
    if (auto read = string.target().memory().read_exactly(*from, bytes); !read) {
      return fail(read.error().code, fmt::format("cannot read the string at {:#x}", from->value));
    }
  }
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// --- Constants

const Type* GoRules::untyped(std::string_view what) const {
  const std::string name = std::string(untyped_mark) + std::string(what);
  value::Types& types = target_.types();
  if (what == "float") return types.base(name, TypeKind::floating, 16, true);
  if (what == "complex") return types.base(name, TypeKind::complex, 32, true);
  if (what == "nil") return types.base(name, TypeKind::pointer, 8, false);
  if (what == "byte") return types.base(name, TypeKind::character, 1, false);
  return types.base(name, TypeKind::integer, 16, true);
}

Value GoRules::integer(uint64_t number) const {
  return of_wide(target_, untyped("int"), Wide{number});
}
Value GoRules::rune(uint64_t number) const {
  return of_wide(target_, untyped("rune"), Wide{number});
}
Value GoRules::floating(long double number) const {
  return Value::of_floating(target_, untyped("float"), number);
}
Value GoRules::imaginary(long double number) const {
  return of_complex(target_, untyped("complex"), {0, number});
}
Value GoRules::boolean(bool value) const {
  return Value::of_number(target_, arithmetic_.boolean(), value ? 1 : 0);
}
Value GoRules::nil() const { return Value::of_number(target_, untyped("nil"), 0); }

Value GoRules::string(const std::string& text) const {
  const Bytes bytes = std::as_bytes(std::span(text.data(), text.size()));
  return Value::of_bytes(target_, target_.types().array_of(untyped("byte"), text.size()),
                         {bytes.begin(), bytes.end()});
}

Value GoRules::with_type(const Value& value) const {
  const Type* const type = value.type();
  if (!is_untyped(type) || type->kind() == TypeKind::array || type->kind() == TypeKind::pointer)
    return value;
  const std::string_view names[] = {"int", "rune", "float64", "complex128"};
  const Type* wanted = named(std::string(names[rank_of(type)]));
  auto typed = constant_as(value, wanted);
  // Larger than int: what it is.
  if (!typed) typed = constant_as(value, named("uint64"));
  return typed ? *typed : value;
}

const Type* GoRules::type_of(const Value& value) const {
  const Type* const type = with_type(value).type();
  const Type* const text =
      type->kind() == TypeKind::array && is_untyped(type) ? named("string") : nullptr;
  return text == nullptr ? type : text;
}

Result<Value> GoRules::nil_as(const Type* type) const {
  const TypeKind kind = type->stripped()->kind();
  const bool has_nil = kind == TypeKind::pointer || is_go_interface(type) ||
                       type->stripped()->go_kind() == GoKind::slice;
  if (!has_nil) return no_go("there is no nil of type {}", go_type_text(type));
  return Value::of_bytes(target_, type,
                         std::vector<std::byte>(type->stripped()->size().value_or(8)));
}

/// A constant as a type that can represent it.
Result<Value> GoRules::constant_as(const Value& constant, const Type* type) const {
  const Type* const from = constant.type();
  const Type* const to = type->stripped();
  if (from->kind() == TypeKind::array)
    return is_go_string(type) ? Result<Value>(constant)
                              : no_go("a string is no {}", go_type_text(type));
  if (from->kind() == TypeKind::pointer) return nil_as(type);
  if (!is_number(type)) return no_go("a number is no {}", go_type_text(type));
  const auto number = complex_of(constant);
  if (!number) return tl::unexpected(number.error());
  if (is_complex(to)) return of_complex(target_, type, *number);
  if (number->imaginary != 0) return no_go("a complex number is no {}", go_type_text(type));
  if (to->kind() == TypeKind::floating) return Value::of_floating(target_, type, number->real);
  Wide whole = 0;
  if (from->kind() == TypeKind::integer) {
    const auto wide = wide_of(constant);
    if (!wide) return tl::unexpected(wide.error());
    whole = *wide;
  } else {
    constexpr long double most = 18446744073709551615.0L;
    if (std::floor(number->real) != number->real || std::fabs(number->real) > most)
      return no_go("{} is no {}: it would be cut", static_cast<double>(number->real),
                   go_type_text(type));
    const bool below = number->real < 0;
    whole = static_cast<Wide>(std::fabs(number->real));
    if (below) whole = Wide{0} - whole;
  }
  Value fitting = of_wide(target_, type, whole);
  const auto back = wide_of(fitting);
  if (!back || *back != whole) return no_go("the constant overflows {}", go_type_text(type));
  return fitting;
}

// --- Operands

/// References followed; what has no bytes is told now.
Result<Value> GoRules::usable(const Value& value) const {
  auto object = value.referred();
  if (object && object->is_absent()) return fail(ErrorCode::unavailable, object->absence());
  return object;
}

Result<bool> GoRules::truth(const Value& value) const {
  const auto object = usable(value);
  if (!object) return tl::unexpected(object.error());
  if (object->type()->stripped()->kind() != TypeKind::boolean)
    return no_go("a value of type {} is neither true nor false", go_type_text(object->type()));
  return object->as_condition();
}

Status GoRules::match(Op op, Value& left, Value& right) {
  const bool left_is_constant = is_untyped(left.type());
  const bool right_is_constant = is_untyped(right.type());
  if (left_is_constant && right_is_constant) {
    if (!is_number(left.type()) && left.type()->kind() == right.type()->kind()) return {};
    if (!is_number(left.type()) || !is_number(right.type())) {
      return no_go("{} cannot be applied to {} and {}", op_text(op), go_type_text(left.type()),
                   go_type_text(right.type()));
    }
    const Type* const type =
        rank_of(left.type()) >= rank_of(right.type()) ? left.type() : right.type();
    for (Value* const value : {&left, &right}) {
      auto changed = constant_as(*value, type);
      if (!changed) return tl::unexpected(changed.error());
      *value = std::move(*changed);
    }
    return {};
  }
  if (left_is_constant || right_is_constant) {
    Value& constant = left_is_constant ? left : right;
    const Value& other = left_is_constant ? right : left;
    if (is_go_interface(other.type()) && constant.type()->kind() != TypeKind::pointer) {
      constant = with_type(constant);
      return {};
    }
    auto changed = constant_as(constant, other.type());
    if (!changed) return tl::unexpected(changed.error());
    constant = std::move(*changed);
    return {};
  }
  if (value::is_same(left.type(), right.type())) return {};
  const bool compares = op == Op::equal || op == Op::not_equal;
  if (compares && (is_go_interface(left.type()) || is_go_interface(right.type()))) return {};
  // Registers and other values that are of no Go type take part as they are.
  const bool is_foreign =
      left.type()->stripped()->language() == 0 || right.type()->stripped()->language() == 0;
  if (is_foreign && is_integer(left.type()) && is_integer(right.type()) &&
      left.size() == right.size()) {
    right = right.as(left.type());
    return {};
  }
  return no_go("{} of {} and {}: both must have one type, as in {}(x)", op_text(op),
               go_type_text(left.type()), go_type_text(right.type()), go_type_text(left.type()));
}

// --- Operators

Result<Value> GoRules::unary(Op op, const Value& operand) {
  if (op == Op::address) return address_of(operand);
  auto value = usable(operand);
  if (!value) return value;
  const Type* const type = value->type()->stripped();
  switch (op) {
    case Op::dereference:
      return dereferenced(*value);
    case Op::logic_not: {
      const auto is_true = truth(*value);
      if (!is_true) return tl::unexpected(is_true.error());
      return boolean(!*is_true);
    }
    case Op::complement:
      if (!is_integer(type)) break;
      return arithmetic_.unary(op, *value);
    default:
      if (!is_number(type)) break;
      if (!is_complex(type)) return arithmetic_.unary(op, *value);
      const auto number = complex_of(*value);
      if (!number) return tl::unexpected(number.error());
      if (op == Op::plus) return value;
      return of_complex(target_, value->type(), {-number->real, -number->imaginary});
  }
  return no_go("{} cannot be applied to {}", op == Op::complement ? "^" : op_text(op),
               go_type_text(value->type()));
}

Result<Value> GoRules::binary(Op op, const Value& first, const Value& second) {
  auto left = usable(first);
  if (!left) return left;
  auto right = usable(second);
  if (!right) return right;
  if (op == Op::shift_left || op == Op::shift_right) return shift(op, *left, *right);
  if (auto matched = match(op, *left, *right); !matched) return tl::unexpected(matched.error());
  if (op == Op::equal || op == Op::not_equal) {
    const auto is_equal = equal(*left, *right, 0);
    if (!is_equal) return tl::unexpected(is_equal.error());
    return boolean(*is_equal == (op == Op::equal));
  }
  const Type* const type = left->type();
  if (is_go_string(type) && is_go_string(right->type())) return compare_strings(op, *left, *right);
  if (is_complex(type)) return complex_binary(op, *left, *right);
  const bool is_float = type->stripped()->kind() == TypeKind::floating;
  if (is_integer(type) || (is_float && op != Op::remainder))
    return arithmetic_.binary(op, *left, *right);
  return no_go("{} cannot be applied to {} and {}", op_text(op), go_type_text(type),
               go_type_text(right->type()));
}

/// The count may be of any integer type; the result has that of the left operand.
Result<Value> GoRules::shift(Op op, const Value& left, const Value& right) {
  auto count = is_untyped(right.type()) ? constant_as(right, named("uint")) : right;
  if (!count) return count;
  Result<Value> number = left;
  if (is_untyped(left.type())) number = constant_as(left, untyped("int"));
  if (!number) return number;
  if (!is_integer(number->type()) || !is_integer(count->type())) {
    return no_go("{} cannot be applied to {} and {}", op_text(op), go_type_text(left.type()),
                 go_type_text(right.type()));
  }
  const auto by = wide_of(*count);
  if (!by) return tl::unexpected(by.error());
  if (is_negative(*by)) return go_panic("a shift by a negative number");
  return arithmetic_.binary(op, *number, *count);
}

Result<Value> GoRules::compare_strings(Op op, const Value& left, const Value& right) const {
  const auto a = go_text(left);
  if (!a) return tl::unexpected(a.error());
  const auto b = go_text(right);
  if (!b) return tl::unexpected(b.error());
  switch (op) {
    case Op::add:
      return string(*a + *b);
    case Op::less:
      return boolean(*a < *b);
    case Op::less_equal:
      return boolean(*a <= *b);
    case Op::greater:
      return boolean(*a > *b);
    case Op::greater_equal:
      return boolean(*a >= *b);
    default:
      return no_go("{} cannot be applied to strings", op_text(op));
  }
}

Result<Value> GoRules::complex_binary(Op op, const Value& left, const Value& right) const {
  const auto a = complex_of(left);
  if (!a) return tl::unexpected(a.error());
  const auto b = complex_of(right);
  if (!b) return tl::unexpected(b.error());
  Complex result;
  switch (op) {
    case Op::add:
      result = {a->real + b->real, a->imaginary + b->imaginary};
      break;
    case Op::subtract:
      result = {a->real - b->real, a->imaginary - b->imaginary};
      break;
    case Op::multiply:
      result = {a->real * b->real - a->imaginary * b->imaginary,
                a->real * b->imaginary + a->imaginary * b->real};
      break;
    case Op::divide: {
      const long double square = b->real * b->real + b->imaginary * b->imaginary;
      if (square == 0) return no_go("division by zero");
      result = {(a->real * b->real + a->imaginary * b->imaginary) / square,
                (a->imaginary * b->real - a->real * b->imaginary) / square};
      break;
    }
    default:
      return no_go("{} cannot be applied to complex numbers", op_text(op));
  }
  return of_complex(target_, left.type(), result);
}

/// "Comparison operators": of two that have one type, or of which one is an interface.
Result<bool> GoRules::equal(const Value& left, const Value& right, int depth) {
  if (depth > deepest_comparison) return no_go("too many structures within one another");
  if (is_go_interface(left.type()) || is_go_interface(right.type()))
    return equal_interfaces(left, right, depth);
  const Type* const type = left.type()->stripped();
  if (is_go_string(left.type()) && is_go_string(right.type())) {
    const auto a = go_text(left);
    if (!a) return tl::unexpected(a.error());
    const auto b = go_text(right);
    if (!b) return tl::unexpected(b.error());
    return *a == *b;
  }
  const auto is_zero = [](const Value& value) -> Result<bool> {
    const auto word = value.read<uint64_t>();
    if (!word) return tl::unexpected(word.error());
    return *word == 0;
  };
  const bool only_with_nil = left.type()->find_go_kind(GoKind::map) != nullptr ||
                             type->go_kind() == GoKind::function ||
                             type->go_kind() == GoKind::slice;
  if (only_with_nil) {
    auto a = is_zero(left);
    if (!a) return a;
    auto b = is_zero(right);
    if (!b) return b;
    if (!*a && !*b) return no_go("a {} can be compared with nil alone", go_type_text(left.type()));
    return *a == *b;
  }
  switch (type->kind()) {
    case TypeKind::boolean:
    case TypeKind::integer:
    case TypeKind::pointer:
    case TypeKind::floating: {
      const auto same = arithmetic_.binary(Op::equal, left, right);
      return same ? same->as_condition() : tl::unexpected(same.error());
    }
    case TypeKind::complex: {
      const auto a = complex_of(left);
      const auto b = complex_of(right);
      if (!a || !b) return tl::unexpected((!a ? a : b).error());
      return a->real == b->real && a->imaginary == b->imaginary;
    }
    case TypeKind::array: {
      constexpr uint64_t most_elements = 1'000'000;
      const uint64_t count = type->count().value_or(0);
      if (count > most_elements) return go_panic("an array of {} elements is too long", count);
      for (uint64_t i = 0; i < count; ++i) {
        const auto a = left.element(static_cast<int64_t>(i));
        const auto b = right.element(static_cast<int64_t>(i));
        if (!a || !b) return tl::unexpected((!a ? a : b).error());
        auto same = equal(*a, *b, depth + 1);
        if (!same || !*same) return same;
      }
      return true;
    }
    case TypeKind::structure:
      for (const value::Member& member : type->members()) {
        if (member.name == "_") continue;
        const auto a = left.member(member);
        const auto b = right.member(member);
        if (!a || !b) return tl::unexpected((!a ? a : b).error());
        auto same = equal(*a, *b, depth + 1);
        if (!same || !*same) return same;
      }
      return true;
    default:
      return no_go("values of type {} cannot be compared", go_type_text(left.type()));
  }
}

Result<bool> GoRules::equal_interfaces(const Value& left, const Value& right, int depth) {
  // nil, and what is no interface itself, stand for what would be in one.
  const auto held = [&](const Value& value) -> Result<std::optional<Value>> {
    if (is_go_interface(value.type())) return dynamic(value);
    return std::optional(value);
  };
  const auto a = held(left);
  const auto b = held(right);
  if (!a || !b) return tl::unexpected((!a ? a : b).error());
  if (!*a || !*b) return !*a && !*b;
  const bool has_one_type = value::is_same((*a)->type(), (*b)->type()) ||
                            (is_go_string((*a)->type()) && is_go_string((*b)->type()));
  return has_one_type ? equal(**a, **b, depth + 1) : Result<bool>(false);
}

// --- Pointers

Result<Value> GoRules::address_of(const Value& value) const {
  auto object = value.referred();
  if (!object) return object;
  if (object->is_absent()) return fail(ErrorCode::unavailable, object->absence());
  auto pointer = object->pointer();
  if (!pointer) return pointer;
  const Type* const own = target_.types().go().find(target_, "*" + go_type_text(object->type()));
  return own != nullptr && own->is_pointer() ? pointer->as(own) : pointer;
}

Result<Value> GoRules::dereferenced(const Value& value) const {
  const Type* const type = value.type()->stripped();
  if (is_untyped(type) && type->kind() == TypeKind::pointer) return no_go("nil points to nothing");
  const bool is_plain = type->kind() == TypeKind::pointer &&
                        type->target()->stripped()->kind() != TypeKind::nothing &&
                        value.type()->find_go_kind(GoKind::map) == nullptr &&
                        value.type()->find_go_kind(GoKind::channel) == nullptr;
  if (!is_plain) {
    return no_go(
        "a value of type {} is no pointer to anything that has a type: convert it, as in "
        "(*int)(p)",
        go_type_text(value.type()));
  }
  if (value.place().kind() == value::Place::Kind::implicit_pointer) return value.dereference();
  const auto address = value.as_address();
  if (!address) return tl::unexpected(address.error());
  if (address->value == 0) return go_panic("the pointer is nil");
  return value.dereference();
}

// --- Conversions

Result<Value> GoRules::string_of(const Value& value) const {
  const Type* const type = value.type()->stripped();
  if (is_go_string(value.type())) return value;
  if (is_integer(type)) {
    const auto number = wide_of(value);
    if (!number) return tl::unexpected(number.error());
    std::string text;
    const auto code = static_cast<uint64_t>(std::min<Wide>(*number, last_character + 1));
    append_utf8(text, is_character(code) ? static_cast<uint32_t>(code) : 0xfffd);
    return string(text);
  }
  std::optional<uint64_t> count = type->count();
  Result<Value> first = value;
  if (type->go_kind() == GoKind::slice) {
    const auto length = value.member("len");
    const auto number = length ? length->as_unsigned() : tl::unexpected(length.error());
    if (!number) return tl::unexpected(number.error());
    count = *number;
    first = value.member("array");
  }
  constexpr uint64_t longest = uint64_t{1} << 20;
  if (!first) return first;
  if (!count) return no_go("a value of type {} is no text", go_type_text(value.type()));
  if (*count > longest) return go_panic("{} elements are too many for a text", *count);
  std::string text;
  for (uint64_t i = 0; i < *count; ++i) {
    auto element = first->element(static_cast<int64_t>(i));
    if (!element) return element;
    const uint64_t size = element->size();
    const auto number = element->as_unsigned();
    if (!number) return tl::unexpected(number.error());
    if (!is_integer(element->type()) || (size != 1 && size != 4))
      return no_go("a value of type {} is no text", go_type_text(value.type()));
    if (size == 1) {
      text += static_cast<char>(*number);
    } else {
      append_utf8(text, *number < 0x110000 ? static_cast<uint32_t>(*number) : 0xfffd);
    }
  }
  return string(text);
}

Result<Value> GoRules::converted(const Value& operand, const Type* type) {
  auto value = usable(operand);
  if (!value) return value;
  const Type* const from = value->type()->stripped();
  const Type* const to = type->stripped();
  const auto no_way = [&]() -> tl::unexpected<Error> {
    return no_go("a {} cannot be converted to {}", go_type_text(value->type()), go_type_text(type));
  };
  if (value::is_same(value->type(), type)) return value->as(type);
  if (is_go_string(type)) return string_of(*value);
  if (is_untyped(from) && from->kind() == TypeKind::pointer) return nil_as(type);
  if (is_untyped(from) && is_number(from) && is_number(to)) {
    // A constant of a floating type is cut by no conversion.
    return constant_as(*value, type);
  }
  if (to->kind() == TypeKind::pointer) {
    const bool has_address = from->kind() == TypeKind::pointer || from->kind() == TypeKind::integer;
    if (!has_address) return no_way();
    const auto number = wide_of(*value);
    if (!number) return tl::unexpected(number.error());
    return of_wide(target_, type, *number);
  }
  if (is_number(to) && is_number(from)) {
    if (!is_complex(to) && !is_complex(from)) return lang::converted(arithmetic_, *value, type);
    const auto number = complex_of(*value);
    if (!number) return tl::unexpected(number.error());
    if (!is_complex(to)) return no_way();
    return of_complex(target_, type, *number);
  }
  // uintptr(unsafe.Pointer(p)), without the step between.
  if (is_integer(to) && from->kind() == TypeKind::pointer)
    return lang::converted(arithmetic_, *value, type);
  if (to->kind() == TypeKind::boolean && from->kind() == TypeKind::boolean) return value->as(type);
  if (to->go_kind() == GoKind::slice && is_go_string(value->type()) &&
      to->go_element() != nullptr && to->go_element()->size() == 1U) {
    const auto text = go_text(*value);
    if (!text) return tl::unexpected(text.error());
    const Bytes bytes = std::as_bytes(std::span(text->data(), text->size()));
    return Value::of_bytes(target_, target_.types().array_of(to->go_element(), text->size()),
                           {bytes.begin(), bytes.end()});
  }
  if (is_go_interface(value->type()) && !is_go_interface(type)) return no_way();
  // Named structures and the like, with one form.
  const bool has_one_form =
      from->kind() == to->kind() && from->size() == to->size() && from->go_kind() == to->go_kind();
  if (has_one_form && to->kind() != TypeKind::unknown) return value->as(type);
  return no_way();
}

Result<Value> GoRules::assignable(const Value& operand, const Type* type) {
  auto value = usable(operand);
  if (!value) return value;
  const Type* const from = value->type();
  if (is_go_string(type) && from->kind() == TypeKind::array) {
    return fail(
        ErrorCode::unsupported,
        "a new string would need memory of the program's: assign a part of one that it has");
  }
  if (is_untyped(from)) return constant_as(*value, type);
  if (value::is_same(from, type)) return value->as(type);
  const bool is_foreign = from->stripped()->language() == 0;
  if (is_foreign && from->is_scalar() && type->is_scalar())
    return lang::converted(arithmetic_, *value, type);
  return no_go("a {} cannot be assigned to a {}: convert it, as in {}(x)", go_type_text(from),
               go_type_text(type), go_type_text(type));
}

}  // namespace clew::lang
