#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace clew::stack {

/// The type of a value on the stack of a DWARF expression (DWARF 5, 2.5.1): the generic type, which
/// is an integer as wide as an address and of no particular sign, or a base type.
struct ValueType {
  enum class Kind : uint8_t { generic, signed_integer, unsigned_integer, floating };

  Kind kind = Kind::generic;
  uint8_t size = 8;  ///< in bytes: 1 to 8 for integers, 4, 8 or 16 for floating point

  /// From DW_AT_encoding and DW_AT_byte_size. @return unsupported for what expressions cannot
  /// compute with (complex, decimal, more than 64 bits).
  static Result<ValueType> of(unsigned encoding, uint64_t size);

  bool is_floating() const { return kind == Kind::floating; }
  friend bool operator==(const ValueType&, const ValueType&) = default;
};

/// One value on the stack. Integers narrower than 64 bits are kept widened, by their sign if they
/// have one.
class ExpressionValue {
 public:
  ExpressionValue() = default;
  /// Of the generic type.
  explicit ExpressionValue(uint64_t word) : word_(word) {}
  static ExpressionValue integer(ValueType type, uint64_t word);
  static ExpressionValue floating(ValueType type, long double number);
  /// @return bad_data when there are too few bytes.
  static Result<ExpressionValue> from_bytes(ValueType type, Bytes bytes);

  const ValueType& type() const { return type_; }
  /// The integer, or what a floating-point number is cut to.
  uint64_t word() const;
  long double number() const;
  bool is_zero() const { return type_.is_floating() ? number_ == 0 : word_ == 0; }
  /// As it lies in memory.
  std::vector<std::byte> bytes() const;

  /// The same number in another type (DW_OP_convert).
  ExpressionValue converted(ValueType type) const;
  /// The same bytes as another type (DW_OP_reinterpret). @return bad_data when the sizes differ.
  Result<ExpressionValue> reinterpreted(ValueType type) const;

 private:
  ValueType type_;
  uint64_t word_ = 0;
  long double number_ = 0;
};

/// The operators with two operands, by their opcodes DW_OP_and to DW_OP_ne (DWARF 5, 2.5.1.4).
/// @return bad_data for a division by zero and for operands of different types, unsupported for an
/// operator that the type does not have.
Result<ExpressionValue> apply_binary(uint8_t opcode, const ExpressionValue& left,
                                     const ExpressionValue& right);

/// DW_OP_abs, DW_OP_neg and DW_OP_not.
Result<ExpressionValue> apply_unary(uint8_t opcode, const ExpressionValue& value);

}  // namespace clew::stack
