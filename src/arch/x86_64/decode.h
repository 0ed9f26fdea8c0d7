#pragma once

#include <Zydis/Zydis.h>

#include <array>
#include <optional>
#include <span>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/result.h"

namespace clew::arch {

/// One decoded 64-bit instruction with its operands, hidden ones (rsp of a push) included.
struct Decoded {
  ZydisDecodedInstruction instruction;
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> all_operands;

  std::span<const ZydisDecodedOperand> operands() const {
    return {all_operands.data(), instruction.operand_count};
  }
  bool has(ZydisInstructionAttributes attribute) const {
    return (instruction.attributes & attribute) != 0;
  }
  /// True when an operand-size prefix makes this branch 16 bits wide on some processors and not on
  /// others (Intel ignores it, AMD does not).
  bool is_narrow_branch() const;
  /// The memory operand that is written out in the instruction (not the stack of a push); nullptr
  /// when there is none.
  const ZydisDecodedOperand* memory_operand() const;
  /// True when that operand is relative to the pc, be it as a 32-bit address.
  bool is_pc_relative() const;
  /// Where a relative branch at `address` leads; nothing when this is none.
  std::optional<Addr> branch_target(Addr address) const;
};

/// @return bad_data when the bytes are no instruction, or only the beginning of one.
Result<Decoded> decode(Bytes instruction, Addr address);

}  // namespace clew::arch
