#include "lang/arithmetic.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>

#include "lang/wide.h"
#include "value/type_text.h"

namespace clew::lang {

using value::Type;
using value::TypeKind;
using value::Value;

namespace {

struct Basic {
  std::string_view name;
  uint64_t size;
  TypeKind kind;
  bool is_signed;
};

// x86-64 System V ABI, 3.1.2; what aarch64 has apart is the sign of char and long double.
constexpr Basic c_types[] = {
    {"char", 1, TypeKind::character, true},
    {"signed char", 1, TypeKind::character, true},
    {"unsigned char", 1, TypeKind::character, false},
    {"short", 2, TypeKind::integer, true},
    {"unsigned short", 2, TypeKind::integer, false},
    {"int", 4, TypeKind::integer, true},
    {"unsigned int", 4, TypeKind::integer, false},
    {"long", 8, TypeKind::integer, true},
    {"unsigned long", 8, TypeKind::integer, false},
    {"long long", 8, TypeKind::integer, true},
    {"unsigned long long", 8, TypeKind::integer, false},
    {"__int128", 16, TypeKind::integer, true},
    {"unsigned __int128", 16, TypeKind::integer, false},
    {"bool", 1, TypeKind::boolean, false},
    {"float", 4, TypeKind::floating, true},
    {"double", 8, TypeKind::floating, true},
    {"long double", 16, TypeKind::floating, true},
    {"wchar_t", 4, TypeKind::character, true},
    {"char8_t", 1, TypeKind::character, false},
    {"char16_t", 2, TypeKind::character, false},
    {"char32_t", 4, TypeKind::character, false},
};

constexpr Basic rust_types[] = {
    {"i8", 1, TypeKind::integer, true},    {"u8", 1, TypeKind::integer, false},
    {"i16", 2, TypeKind::integer, true},   {"u16", 2, TypeKind::integer, false},
    {"i32", 4, TypeKind::integer, true},   {"u32", 4, TypeKind::integer, false},
    {"i64", 8, TypeKind::integer, true},   {"u64", 8, TypeKind::integer, false},
    {"i128", 16, TypeKind::integer, true}, {"u128", 16, TypeKind::integer, false},
    {"isize", 8, TypeKind::integer, true}, {"usize", 8, TypeKind::integer, false},
    {"f32", 4, TypeKind::floating, true},  {"f64", 8, TypeKind::floating, true},
    {"bool", 1, TypeKind::boolean, false}, {"char", 4, TypeKind::character, false},
};

constexpr Basic go_types[] = {
    {"int", 8, TypeKind::integer, true},       {"uint", 8, TypeKind::integer, false},
    {"int8", 1, TypeKind::integer, true},      {"uint8", 1, TypeKind::integer, false},
    {"int16", 2, TypeKind::integer, true},     {"uint16", 2, TypeKind::integer, false},
    {"int32", 4, TypeKind::integer, true},     {"uint32", 4, TypeKind::integer, false},
    {"int64", 8, TypeKind::integer, true},     {"uint64", 8, TypeKind::integer, false},
    {"uintptr", 8, TypeKind::integer, false},  {"bool", 1, TypeKind::boolean, false},
    {"float32", 4, TypeKind::floating, true},  {"float64", 8, TypeKind::floating, true},
    {"complex64", 8, TypeKind::complex, true}, {"complex128", 16, TypeKind::complex, true},
};

/// Each language's basic types with sizes: signed, unsigned and floating ones.
std::string_view go_integer(uint64_t size, bool is_signed) {
  switch (size) {
    case 1:
      return is_signed ? "int8" : "uint8";
    case 2:
      return is_signed ? "int16" : "uint16";
    case 4:
      return is_signed ? "int32" : "uint32";
    default:
      return is_signed ? "int" : "uint";
  }
}

template <size_t N>
const Basic* find(const Basic (&list)[N], std::string_view name) {
  for (const Basic& basic : list) {
    if (basic.name == name) return &basic;
  }
  return nullptr;
}

Wide low_bits(Wide number, uint64_t size) {
  return size >= sizeof number ? number : number & ((Wide{1} << (8 * size)) - 1);
}

Wide widened(Wide number, uint64_t size, bool is_signed) {
  if (size == 0 || size >= sizeof number) return number;
  number = low_bits(number, size);
  if (is_signed && (number >> (8 * size - 1) & 1) != 0) number |= ~((Wide{1} << (8 * size)) - 1);
  return number;
}

bool is_less(Wide a, Wide b, bool is_signed) {
  if (is_signed && is_negative(a) != is_negative(b)) return is_negative(a);
  return a < b;
}

Wide divided(Wide a, Wide b, bool is_signed, Wide& remainder) {
  const bool a_negative = is_signed && is_negative(a);
  const bool b_negative = is_signed && is_negative(b);
  const Wide x = a_negative ? Wide{0} - a : a;
  const Wide y = b_negative ? Wide{0} - b : b;
  remainder = a_negative ? Wide{0} - x % y : x % y;
  return a_negative != b_negative ? Wide{0} - x / y : x / y;
}

Wide shifted(Op op, Wide number, Wide count, uint64_t size, bool is_signed) {
  const bool is_too_much = count >= Wide{8} * size;
  if (op == Op::shift_left) return is_too_much ? Wide{0} : number << static_cast<unsigned>(count);
  const bool fills_ones = is_signed && is_negative(number);
  if (is_too_much) return fills_ones ? ~Wide{0} : Wide{0};
  Wide result = number >> static_cast<unsigned>(count);
  if (fills_ones && count != 0) result |= ~Wide{0} << (128 - static_cast<unsigned>(count));
  return result;
}

template <typename T>
bool compare(Op op, T a, T b) {
  switch (op) {
    case Op::equal:
      return a == b;
    case Op::not_equal:
      return a != b;
    case Op::less:
      return a < b;
    case Op::less_equal:
      return a <= b;
    case Op::greater:
      return a > b;
    default:
      return a >= b;
  }
}

bool compare_wide(Op op, Wide a, Wide b, bool is_signed) {
  const int order = is_less(a, b, is_signed) ? -1 : is_less(b, a, is_signed) ? 1 : 0;
  return compare(op, order, 0);
}

tl::unexpected<Error> unfit(Op op, const Value& left, const Value& right) {
  return fail(ErrorCode::bad_request,
              fmt::format("{} cannot be applied to {} and {}", op_text(op),
                          value::type_text(left.type()), value::type_text(right.type())));
}

}  // namespace

bool is_comparison(Op op) {
  return op == Op::equal || op == Op::not_equal || op == Op::less || op == Op::less_equal ||
         op == Op::greater || op == Op::greater_equal;
}

std::string_view op_text(Op op) {
  switch (op) {
    case Op::add:
    case Op::plus:
      return "+";
    case Op::subtract:
    case Op::negate:
      return "-";
    case Op::multiply:
    case Op::dereference:
      return "*";
    case Op::divide:
      return "/";
    case Op::remainder:
      return "%";
    case Op::shift_left:
      return "<<";
    case Op::shift_right:
      return ">>";
    case Op::bit_and:
    case Op::address:
      return "&";
    case Op::bit_or:
      return "|";
    case Op::bit_xor:
      return "^";
    case Op::bit_clear:
      return "&^";
    case Op::logic_and:
      return "&&";
    case Op::logic_or:
      return "||";
    case Op::equal:
      return "==";
    case Op::not_equal:
      return "!=";
    case Op::less:
      return "<";
    case Op::less_equal:
      return "<=";
    case Op::greater:
      return ">";
    case Op::greater_equal:
      return ">=";
    case Op::repeat:
      return "@";
    case Op::member_at:
      return ".*";
    case Op::pointer_at:
      return "->*";
    case Op::complement:
      return "~";
    case Op::logic_not:
      return "!";
    case Op::pre_increment:
    case Op::post_increment:
      return "++";
    case Op::pre_decrement:
    case Op::post_decrement:
      return "--";
    case Op::none:
      break;
  }
  return "=";
}

bool is_negative(Wide number) { return (number >> 127 & 1) != 0; }

Result<Wide> wide_of(const Value& value) {
  const Type* const type = value.type()->stripped();
  if (value.is_bit_field() || type->kind() == TypeKind::array ||
      type->kind() == TypeKind::function || type->kind() == TypeKind::member_pointer) {
    const auto number = value.as_unsigned();
    if (!number) return tl::unexpected(number.error());
    return widened(*number, sizeof(uint64_t), type->is_signed());
  }
  if (!type->is_scalar() || type->kind() == TypeKind::floating) {
    return fail(ErrorCode::bad_request, fmt::format("a value of type {} is no whole number",
                                                    value::type_text(value.type())));
  }
  const uint64_t size = value.size();
  if (size == 0 || size > sizeof(Wide)) {
    return fail(ErrorCode::unsupported, fmt::format("a number of {} bytes", size));
  }
  Wide number = 0;
  if (auto read = value.read(0, bytes_of(number).first(size)); !read)
    return tl::unexpected(read.error());
  return widened(number, size, type->is_signed());
}

Value of_wide(value::Target& target, const Type* type, Wide number) {
  const uint64_t size = std::min<uint64_t>(type->stripped()->size().value_or(8), sizeof number);
  const Bytes bytes = bytes_of(number);
  return Value::of_bytes(target, type,
                         {bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)});
}

const Type* Arithmetic::by_name(std::string_view name) const {
  if (language_ == Language::go) {
    if (name == "byte") name = "uint8";
    if (name == "rune") name = "int32";
    const Basic* const known = find(go_types, name);
    return known == nullptr
               ? nullptr
               : target_.types().base(known->name, known->kind, known->size, known->is_signed);
  }
  const Basic* const basic =
      language_ == Language::rust ? find(rust_types, name) : find(c_types, name);
  if (basic == nullptr) {
    const bool is_void = language_ == Language::rust ? name == "()" : name == "void";
    return is_void ? target_.types().nothing() : nullptr;
  }
  return target_.types().base(basic->name, basic->kind, basic->size, basic->is_signed);
}

const Type* Arithmetic::signed_type(uint64_t size) const {
  if (language_ == Language::go) return by_name(go_integer(size, true));
  const bool is_rust = language_ == Language::rust;
  switch (size) {
    case 1:
      return by_name(is_rust ? "i8" : "signed char");
    case 2:
      return by_name(is_rust ? "i16" : "short");
    case 4:
      return by_name(is_rust ? "i32" : "int");
    case 16:
      return by_name(is_rust ? "i128" : "__int128");
    default:
      return by_name(is_rust ? "i64" : "long");
  }
}

const Type* Arithmetic::unsigned_type(uint64_t size) const {
  if (language_ == Language::go) return by_name(go_integer(size, false));
  const bool is_rust = language_ == Language::rust;
  switch (size) {
    case 1:
      return by_name(is_rust ? "u8" : "unsigned char");
    case 2:
      return by_name(is_rust ? "u16" : "unsigned short");
    case 4:
      return by_name(is_rust ? "u32" : "unsigned int");
    case 16:
      return by_name(is_rust ? "u128" : "unsigned __int128");
    default:
      return by_name(is_rust ? "u64" : "unsigned long");
  }
}

const Type* Arithmetic::boolean() const { return by_name("bool"); }
const Type* Arithmetic::character() const {
  return by_name(language_ == Language::go ? "rune" : "char");
}

const Type* Arithmetic::floating(uint64_t size) const {
  if (language_ == Language::go) return by_name(size <= 4 ? "float32" : "float64");
  if (language_ == Language::rust) return by_name(size <= 4 ? "f32" : "f64");
  return by_name(size <= 4 ? "float" : size <= 8 ? "double" : "long double");
}

const Type* Arithmetic::truth() const {
  return language_ == Language::c ? by_name("int") : boolean();
}
const Type* Arithmetic::size_type() const {
  if (language_ == Language::go) return by_name("uintptr");
  return by_name(language_ == Language::rust ? "usize" : "unsigned long");
}
const Type* Arithmetic::difference_type() const {
  if (language_ == Language::go) return by_name("int");
  return by_name(language_ == Language::rust ? "isize" : "long");
}

Value Arithmetic::truth(bool value) const { return number(truth(), value ? 1 : 0); }

Result<Value> Arithmetic::decayed(const Value& value) const {
  auto object = value.referred();
  if (!object) return object;
  const Type* const type = object->type()->stripped();
  if (type->kind() != TypeKind::array && type->kind() != TypeKind::function) return object;
  if (type->is_vector()) return object;
  const auto at = object->address();
  if (!at) {
    if (object->is_absent()) return fail(ErrorCode::unavailable, object->absence());
    return fail(ErrorCode::bad_request, "an array that is not in memory has no address");
  }
  const Type* const target = type->kind() == TypeKind::array ? type->target() : object->type();
  return number(target_.types().pointer_to(target), at->value);
}

const Type* Arithmetic::promoted(const Value& value) const {
  const Type* const type = value.type()->stripped();
  if (type->kind() == TypeKind::floating || language_ == Language::rust ||
      language_ == Language::go) {
    return value.type();
  }
  const uint64_t size = value.size();
  const bool is_narrow = value.is_bit_field() && value.bit_size() < 32;
  if (size < 4 || is_narrow || type->kind() == TypeKind::boolean) return by_name("int");
  return type->is_signed() ? signed_type(size) : unsigned_type(size);
}

/// The usual arithmetic conversions (C11, 6.3.1.8) of two promoted types.
const Type* Arithmetic::common(const Type* left, const Type* right) const {
  const Type* const a = left->stripped();
  const Type* const b = right->stripped();
  const bool a_floats = a->kind() == TypeKind::floating;
  const bool b_floats = b->kind() == TypeKind::floating;
  const uint64_t a_size = a->size().value_or(0);
  const uint64_t b_size = b->size().value_or(0);
  if (a_floats || b_floats) {
    if (a_floats != b_floats) return a_floats ? left : right;
    return a_size >= b_size ? left : right;
  }
  if (a_size != b_size) return a_size > b_size ? left : right;
  return a->is_signed() ? right : left;
}

Result<Value> Arithmetic::binary(Op op, const Value& first, const Value& second) const {
  auto left = decayed(first);
  if (!left) return left;
  auto right = decayed(second);
  if (!right) return right;
  const Type* const a = left->type()->stripped();
  const Type* const b = right->type()->stripped();
  if (a->kind() == TypeKind::pointer || b->kind() == TypeKind::pointer)
    return pointer_binary(op, *left, *right);
  if (!a->is_scalar() || !b->is_scalar()) return unfit(op, *left, *right);
  if (a->kind() != TypeKind::floating && b->kind() != TypeKind::floating)
    return integer_binary(op, *left, *right);
  const auto x = left->as_floating();
  if (!x) return tl::unexpected(x.error());
  const auto y = right->as_floating();
  if (!y) return tl::unexpected(y.error());
  return floating_binary(op, common(promoted(*left), promoted(*right)), *x, *y);
}

Result<Value> Arithmetic::floating_binary(Op op, const Type* type, long double a,
                                          long double b) const {
  if (is_comparison(op)) return truth(compare(op, a, b));
  long double result = 0;
  switch (op) {
    case Op::add:
      result = a + b;
      break;
    case Op::subtract:
      result = a - b;
      break;
    case Op::multiply:
      result = a * b;
      break;
    case Op::divide:
      result = a / b;
      break;
    default:
      return fail(ErrorCode::bad_request,
                  fmt::format("{} cannot be applied to floating-point numbers", op_text(op)));
  }
  return Value::of_floating(target_, type, result);
}

Result<Value> Arithmetic::integer_binary(Op op, const Value& left, const Value& right) const {
  const auto a = wide_of(left);
  if (!a) return tl::unexpected(a.error());
  const auto b = wide_of(right);
  if (!b) return tl::unexpected(b.error());
  const bool is_shift = op == Op::shift_left || op == Op::shift_right;
  const Type* const type = is_shift ? promoted(left) : common(promoted(left), promoted(right));
  const Type* const plain = type->stripped();
  const uint64_t size = plain->size().value_or(8);
  const bool is_signed = plain->is_signed();
  const Wide x = widened(*a, size, is_signed);
  const Wide y = is_shift ? *b : widened(*b, size, is_signed);
  if (is_comparison(op)) return truth(compare_wide(op, x, y, is_signed));
  Wide result = 0;
  switch (op) {
    case Op::add:
      result = x + y;
      break;
    case Op::subtract:
      result = x - y;
      break;
    case Op::multiply:
      result = x * y;
      break;
    case Op::divide:
    case Op::remainder: {
      if (y == 0) return fail(ErrorCode::bad_request, "division by zero");
      Wide rest = 0;
      const Wide quotient = divided(x, y, is_signed, rest);
      result = op == Op::divide ? quotient : rest;
      break;
    }
    case Op::shift_left:
    case Op::shift_right:
      result = shifted(op, x, y, size, is_signed);
      break;
    case Op::bit_and:
      result = x & y;
      break;
    case Op::bit_or:
      result = x | y;
      break;
    case Op::bit_xor:
      result = x ^ y;
      break;
    case Op::bit_clear:
      result = x & ~y;
      break;
    default:
      return unfit(op, left, right);
  }
  return of_wide(target_, type, result);
}

Result<Value> Arithmetic::moved(const Value& pointer, const Value& count, bool backwards) const {
  const auto from = pointer.as_unsigned();
  if (!from) return tl::unexpected(from.error());
  const auto by = wide_of(count);
  if (!by) return tl::unexpected(by.error());
  const Type* const target = pointer.type()->stripped()->target()->stripped();
  // As in GNU C, void and functions have the size 1.
  uint64_t size = target->size().value_or(0);
  if (target->kind() == TypeKind::nothing || target->kind() == TypeKind::function) size = 1;
  if (size == 0) {
    return fail(ErrorCode::bad_request,
                fmt::format("the size of {} is not known",
                            value::type_text(pointer.type()->stripped()->target())));
  }
  const uint64_t distance = static_cast<uint64_t>(*by) * size;
  return number(pointer.type(), backwards ? *from - distance : *from + distance);
}

Result<Value> Arithmetic::pointer_binary(Op op, const Value& left, const Value& right) const {
  const bool is_left = left.type()->is_pointer();
  const bool is_right = right.type()->is_pointer();
  if (!left.type()->is_scalar() || !right.type()->is_scalar()) return unfit(op, left, right);
  if (is_comparison(op)) {
    const auto a = wide_of(left);
    if (!a) return tl::unexpected(a.error());
    const auto b = wide_of(right);
    if (!b) return tl::unexpected(b.error());
    return truth(compare_wide(op, low_bits(*a, 8), low_bits(*b, 8), false));
  }
  if (op == Op::add && is_left != is_right)
    return is_left ? moved(left, right, false) : moved(right, left, false);
  if (op == Op::subtract && is_left && !is_right) return moved(left, right, true);
  if (op == Op::subtract && is_left && is_right) {
    const auto a = left.as_unsigned();
    if (!a) return tl::unexpected(a.error());
    const auto b = right.as_unsigned();
    if (!b) return tl::unexpected(b.error());
    const uint64_t size =
        std::max<uint64_t>(left.type()->stripped()->target()->stripped()->size().value_or(1), 1);
    // A difference that is no multiple is cut towards zero, as by a division of signed numbers.
    const auto bytes = static_cast<int64_t>(*a - *b);
    const int64_t count = size > INT64_MAX ? 0
                          : size == 1      ? bytes
                                           : bytes / static_cast<int64_t>(size);
    return number(difference_type(), static_cast<uint64_t>(count));
  }
  // Bits of addresses are of use at a prompt: p & ~0xfff.
  const auto as_number = [&](const Value& value) -> Result<Value> {
    if (!value.type()->is_pointer()) return value;
    const auto address = value.as_unsigned();
    if (!address) return tl::unexpected(address.error());
    return number(difference_type(), *address);
  };
  auto a = as_number(left);
  if (!a) return a;
  auto b = as_number(right);
  if (!b) return b;
  return integer_binary(op, *a, *b);
}

Result<Value> Arithmetic::unary(Op op, const Value& value) const {
  auto operand = decayed(value);
  if (!operand) return operand;
  const Type* const type = operand->type()->stripped();
  if (op == Op::logic_not && !(language_ == Language::rust && type->kind() == TypeKind::integer)) {
    const auto is_true = operand->as_condition();
    if (!is_true) return tl::unexpected(is_true.error());
    return truth(!*is_true);
  }
  if (!type->is_scalar() || (type->kind() == TypeKind::pointer && op != Op::plus)) {
    return fail(ErrorCode::bad_request, fmt::format("{} cannot be applied to {}", op_text(op),
                                                    value::type_text(operand->type())));
  }
  const Type* const result = promoted(*operand);
  if (type->kind() == TypeKind::floating) {
    const auto number = operand->as_floating();
    if (!number) return tl::unexpected(number.error());
    if (op == Op::complement)
      return fail(ErrorCode::bad_request, "~ cannot be applied to a floating-point number");
    return Value::of_floating(target_, result, op == Op::negate ? -*number : *number);
  }
  if (op == Op::plus && type->kind() == TypeKind::pointer) return operand;
  const auto number = wide_of(*operand);
  if (!number) return tl::unexpected(number.error());
  if (op == Op::plus) return of_wide(target_, result, *number);
  return of_wide(target_, result, op == Op::negate ? Wide{0} - *number : ~*number);
}

}  // namespace clew::lang
