#include "stack/expression_value.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>

namespace clew::stack {
namespace {

constexpr size_t x87_bytes = 10;  // of the 16 that long double takes on x86-64

uint64_t extended(ValueType type, uint64_t word) {
  if (type.size >= 8) return word;
  const unsigned unused = 64 - 8U * type.size;
  word <<= unused;
  return type.kind == ValueType::Kind::signed_integer
             ? static_cast<uint64_t>(static_cast<int64_t>(word) >> unused)
             : word >> unused;
}

bool is_signed(ValueType type) { return type.kind != ValueType::Kind::unsigned_integer; }

/// Behind the ends of the integer's range a conversion in C++ would be undefined.
uint64_t integer_of(long double number, bool to_signed) {
  if (std::isnan(number)) return 0;
  constexpr long double limit = 18446744073709551616.0L;  // 2^64
  if (number < 0 || to_signed) {
    if (number <= -limit / 2) return static_cast<uint64_t>(std::numeric_limits<int64_t>::min());
    if (number >= limit / 2) return static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    return static_cast<uint64_t>(static_cast<int64_t>(number));
  }
  return number >= limit ? std::numeric_limits<uint64_t>::max() : static_cast<uint64_t>(number);
}

tl::unexpected<Error> has_no_operator(uint8_t opcode) {
  return fail(
      ErrorCode::unsupported,
      fmt::format("a DWARF expression applies operator {:#x} to a floating-point number", opcode));
}

Result<ExpressionValue> divide(const ExpressionValue& left, const ExpressionValue& right) {
  if (right.is_zero()) return fail(ErrorCode::bad_data, "a DWARF expression divides by zero");
  const ValueType type = left.type();
  if (!is_signed(type)) return ExpressionValue::integer(type, left.word() / right.word());
  const auto a = static_cast<int64_t>(left.word());
  const auto b = static_cast<int64_t>(right.word());
  // The one quotient that does not fit wraps around, as everything else does.
  if (b == -1) return ExpressionValue::integer(type, 0 - left.word());
  return ExpressionValue::integer(type, static_cast<uint64_t>(a / b));
}

Result<ExpressionValue> remainder(const ExpressionValue& left, const ExpressionValue& right) {
  if (right.is_zero()) return fail(ErrorCode::bad_data, "a DWARF expression divides by zero");
  const ValueType type = left.type();
  // The generic type counts as unsigned here (DWARF 5, 2.5.1.4).
  if (type.kind != ValueType::Kind::signed_integer)
    return ExpressionValue::integer(type, left.word() % right.word());
  const auto a = static_cast<int64_t>(left.word());
  const auto b = static_cast<int64_t>(right.word());
  return ExpressionValue::integer(type, b == -1 ? 0 : static_cast<uint64_t>(a % b));
}

ExpressionValue shift(uint8_t opcode, const ExpressionValue& left, uint64_t count) {
  const ValueType type = left.type();
  const unsigned width = 8U * type.size;
  uint64_t word = left.word();
  if (opcode == DW_OP_shl)
    return ExpressionValue::integer(type, count >= width ? 0 : word << count);
  if (opcode == DW_OP_shra) {
    const auto number = static_cast<int64_t>(word);
    return ExpressionValue::integer(type,
                                    static_cast<uint64_t>(number >> (count >= width ? 63 : count)));
  }
  // Logical: what the sign extension put above the type's own bits must not come in.
  if (width < 64) word &= (uint64_t{1} << width) - 1;
  return ExpressionValue::integer(type, count >= width ? 0 : word >> count);
}

template <typename T>
std::optional<bool> compare(uint8_t opcode, T a, T b) {
  switch (opcode) {
    case DW_OP_eq:
      return a == b;
    case DW_OP_ne:
      return a != b;
    case DW_OP_lt:
      return a < b;
    case DW_OP_le:
      return a <= b;
    case DW_OP_gt:
      return a > b;
    case DW_OP_ge:
      return a >= b;
    default:
      return std::nullopt;
  }
}

Result<ExpressionValue> apply_floating(uint8_t opcode, const ExpressionValue& left,
                                       const ExpressionValue& right) {
  const long double a = left.number();
  const long double b = right.number();
  if (const auto truth = compare(opcode, a, b)) return ExpressionValue(*truth ? 1 : 0);
  switch (opcode) {
    case DW_OP_plus:
      return ExpressionValue::floating(left.type(), a + b);
    case DW_OP_minus:
      return ExpressionValue::floating(left.type(), a - b);
    case DW_OP_mul:
      return ExpressionValue::floating(left.type(), a * b);
    case DW_OP_div:
      return ExpressionValue::floating(left.type(), a / b);
    default:
      return has_no_operator(opcode);
  }
}

}  // namespace

Result<ValueType> ValueType::of(unsigned encoding, uint64_t size) {
  ValueType type;
  switch (encoding) {
    case DW_ATE_signed:
    case DW_ATE_signed_char:
      type.kind = Kind::signed_integer;
      break;
    case DW_ATE_unsigned:
    case DW_ATE_unsigned_char:
    case DW_ATE_boolean:
    case DW_ATE_address:
    case DW_ATE_UTF:
    case DW_ATE_UCS:
    case DW_ATE_ASCII:
      type.kind = Kind::unsigned_integer;
      break;
    case DW_ATE_float:
      type.kind = Kind::floating;
      break;
    default:
      return fail(ErrorCode::unsupported,
                  fmt::format("a DWARF expression computes with a type of encoding {}", encoding));
  }
  const bool fits = type.is_floating() ? size == 4 || size == 8 || size == 16
                                       : size >= 1 && size <= sizeof(uint64_t);
  if (!fits) {
    return fail(ErrorCode::unsupported,
                fmt::format("a DWARF expression computes with a type of {} bytes", size));
  }
  type.size = static_cast<uint8_t>(size);
  return type;
}

ExpressionValue ExpressionValue::integer(ValueType type, uint64_t word) {
  ExpressionValue value;
  value.type_ = type;
  value.word_ = extended(type, word);
  return value;
}

ExpressionValue ExpressionValue::floating(ValueType type, long double number) {
  ExpressionValue value;
  value.type_ = type;
  value.number_ = type.size == 4   ? static_cast<long double>(static_cast<float>(number))
                  : type.size == 8 ? static_cast<long double>(static_cast<double>(number))
                                   : number;
  return value;
}

Result<ExpressionValue> ExpressionValue::from_bytes(ValueType type, Bytes bytes) {
  if (bytes.size() < type.size)
    return fail(ErrorCode::bad_data, "a DWARF expression has a value of too few bytes");
  if (!type.is_floating()) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), type.size);
    return integer(type, word);
  }
  if (type.size == sizeof(float)) {
    float number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return floating(type, static_cast<long double>(number));
  }
  if (type.size == sizeof(double)) {
    double number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return floating(type, static_cast<long double>(number));
  }
  long double number = 0;
  std::memcpy(&number, bytes.data(), x87_bytes);
  return floating(type, number);
}

uint64_t ExpressionValue::word() const {
  return type_.is_floating() ? integer_of(number_, false) : word_;
}

long double ExpressionValue::number() const {
  if (type_.is_floating()) return number_;
  return is_signed(type_) ? static_cast<long double>(static_cast<int64_t>(word_))
                          : static_cast<long double>(word_);
}

std::vector<std::byte> ExpressionValue::bytes() const {
  std::vector<std::byte> bytes(type_.size);
  if (!type_.is_floating()) {
    std::memcpy(bytes.data(), &word_, type_.size);
  } else if (type_.size == sizeof(float)) {
    const auto number = static_cast<float>(number_);
    std::memcpy(bytes.data(), &number, sizeof number);
  } else if (type_.size == sizeof(double)) {
    const auto number = static_cast<double>(number_);
    std::memcpy(bytes.data(), &number, sizeof number);
  } else {
    std::memcpy(bytes.data(), &number_, x87_bytes);
  }
  return bytes;
}

ExpressionValue ExpressionValue::converted(ValueType type) const {
  if (type.is_floating()) return floating(type, number());
  if (type_.is_floating()) {
    return integer(type, integer_of(number_, type.kind == ValueType::Kind::signed_integer));
  }
  return integer(type, word_);
}

Result<ExpressionValue> ExpressionValue::reinterpreted(ValueType type) const {
  if (type.size != type_.size) {
    return fail(ErrorCode::bad_data,
                "a DWARF expression reinterprets a value as a type of another size");
  }
  return from_bytes(type, bytes());
}

Result<ExpressionValue> apply_binary(uint8_t opcode, const ExpressionValue& left,
                                     const ExpressionValue& right) {
  const ValueType type = left.type();
  const bool is_shift = opcode == DW_OP_shl || opcode == DW_OP_shr || opcode == DW_OP_shra;
  if (is_shift) {
    if (type.is_floating() || right.type().is_floating()) return has_no_operator(opcode);
    return shift(opcode, left, right.word());
  }
  if (type != right.type())
    return fail(ErrorCode::bad_data, "a DWARF expression mixes values of different types");
  if (type.is_floating()) return apply_floating(opcode, left, right);
  const uint64_t a = left.word();
  const uint64_t b = right.word();
  // Comparisons of the generic type are signed (DWARF 5, 2.5.1.5).
  const auto truth = is_signed(type)
                         ? compare(opcode, static_cast<int64_t>(a), static_cast<int64_t>(b))
                         : compare(opcode, a, b);
  if (truth) return ExpressionValue(*truth ? 1 : 0);
  switch (opcode) {
    case DW_OP_and:
      return ExpressionValue::integer(type, a & b);
    case DW_OP_or:
      return ExpressionValue::integer(type, a | b);
    case DW_OP_xor:
      return ExpressionValue::integer(type, a ^ b);
    case DW_OP_plus:
      return ExpressionValue::integer(type, a + b);
    case DW_OP_minus:
      return ExpressionValue::integer(type, a - b);
    case DW_OP_mul:
      return ExpressionValue::integer(type, a * b);
    case DW_OP_div:
      return divide(left, right);
    case DW_OP_mod:
      return remainder(left, right);
    default:
      return fail(ErrorCode::bad_data,
                  fmt::format("a DWARF expression has the unknown operator {:#x}", opcode));
  }
}

Result<ExpressionValue> apply_unary(uint8_t opcode, const ExpressionValue& value) {
  const ValueType type = value.type();
  if (type.is_floating()) {
    if (opcode == DW_OP_neg) return ExpressionValue::floating(type, -value.number());
    if (opcode == DW_OP_abs) return ExpressionValue::floating(type, std::fabs(value.number()));
    return has_no_operator(opcode);
  }
  const uint64_t word = value.word();
  if (opcode == DW_OP_not) return ExpressionValue::integer(type, ~word);
  const bool negate = opcode == DW_OP_neg || (is_signed(type) && static_cast<int64_t>(word) < 0);
  return ExpressionValue::integer(type, negate ? 0 - word : word);
}

}  // namespace clew::stack
