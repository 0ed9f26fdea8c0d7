#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "stack/expression_value.h"

namespace clew::stack {

/// A DWARF expression (DWARF 5, 2.5) as it stands in its section, and what of its unit is needed to
/// read it. The bytes must live as long as the Expression.
struct Expression {
  Bytes bytes;
  uint8_t offset_size = 4;  ///< 8 in a unit of 64-bit DWARF
  uint8_t version = 5;      ///< of the unit's DWARF
};

/// Where (a part of) an object is, or what it is.
struct Piece {
  enum class Kind : uint8_t {
    memory,            ///< `number` is the address
    in_register,       ///< `number` is the DWARF register
    value,             ///< it is nowhere; `bytes` is what it is, least significant first
    implicit_pointer,  ///< a pointer to an object that is nowhere: the object of the DIE at
                       ///< `number` (an offset in .debug_info), `byte_offset` bytes into it
    absent             ///< optimised out
  };

  Kind kind = Kind::absent;
  uint64_t number = 0;
  int64_t byte_offset = 0;
  std::vector<std::byte> bytes;
  /// Which part of the object this is: so many bits, the pieces one behind the other. 0 when the
  /// expression does not say: the whole object.
  uint64_t bit_size = 0;
  /// From which bit of the register, memory or value on.
  uint64_t bit_offset = 0;
};

/// One piece for an object in one place, several for one that is split, least significant first.
struct Location {
  std::vector<Piece> pieces;
};

/// What an expression asks of the frame, the unit and the target. What a context does not have it
/// leaves as it is here: an error that says what was missing. Errors end the evaluation and come
/// out of evaluate() unchanged.
class ExpressionContext {
 public:
  virtual ~ExpressionContext() = default;

  /// DW_OP_breg…, and register values up to eight bytes. @return unavailable when it was not saved.
  virtual Result<uint64_t> register_word(unsigned dwarf);
  /// DW_OP_regval_type: the low `size` bytes; by default those of register_word().
  virtual Result<std::vector<std::byte>> register_bytes(unsigned dwarf, size_t size);
  /// DW_OP_deref…
  virtual Status read_memory(uint64_t address, MutableBytes into);
  /// DW_OP_addr: a file's own address made one of the target.
  virtual Result<uint64_t> relocated(uint64_t address);
  /// DW_OP_addrx and DW_OP_GNU_addr_index: entry `index` of .debug_addr, made one of the target.
  virtual Result<uint64_t> address_at(uint64_t index);
  /// DW_OP_constx and DW_OP_GNU_const_index: the same entry as it is.
  virtual Result<uint64_t> constant_at(uint64_t index);
  /// DW_OP_fbreg: what DW_AT_frame_base of the function says.
  virtual Result<uint64_t> frame_base();
  virtual Result<uint64_t> call_frame_cfa();
  virtual Result<uint64_t> object_address();
  /// DW_OP_form_tls_address: `offset` into the module's block of this thread.
  virtual Result<uint64_t> tls_address(uint64_t offset);
  /// DW_OP_call2, call4 and call_ref: the expression of another DIE's DW_AT_location; empty bytes
  /// when it has none. `in_unit`: the offset counts from the unit's start, not the section's.
  virtual Result<Expression> called(uint64_t offset, bool in_unit);
  /// DW_OP_entry_value: what `inner` was worth when the function was entered.
  virtual Result<ExpressionValue> entry_value(const Expression& inner);
  /// DW_OP_GNU_parameter_ref: what the parameter at that offset in the unit was worth then.
  virtual Result<ExpressionValue> parameter_value(uint64_t offset);
  /// DW_OP_GNU_variable_value: what the variable at that offset in .debug_info is worth.
  virtual Result<ExpressionValue> variable_value(uint64_t offset);
  /// The base type at that offset in the unit, for typed operations.
  virtual Result<ValueType> base_type(uint64_t offset);
};

/// How much an expression may do: what comes from a file may be broken or meant badly.
struct ExpressionLimits {
  size_t steps = 50'000;  ///< operations, those of called expressions included
  size_t stack = 1'024;   ///< values
  size_t pieces = 1'024;
  size_t calls = 32;  ///< expressions within expressions
};

/// Evaluates an expression. `initial` is on the stack at its start, first at the bottom: the CFA
/// for rules of unwind tables, the object's address for members.
/// @return where the object is. A value that is left on the stack is an address in memory, as
/// DWARF has it: CFI rules that compute a value take it by as_word(). bad_data, unsupported, or
/// what the context said.
Result<Location> evaluate(const Expression& expression, ExpressionContext& context,
                          std::span<const uint64_t> initial = {},
                          const ExpressionLimits& limits = {});

/// The one number that an expression has computed: the address of a memory location, or a value.
/// @return bad_data when the location is anything else.
Result<uint64_t> as_word(const Location& location);

}  // namespace clew::stack
