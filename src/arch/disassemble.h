#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/addr.h"
#include "base/bytes.h"

namespace clew::arch {

/// How instructions are written: what Intel's manuals do ("mov rax, 1"), or AT&T's assembler
/// ("mov $1, %rax").
enum class AssemblyFlavor : uint8_t { intel, att };

/// One instruction as text.
struct InstructionText {
  uint8_t length = 1;
  std::string text;  ///< "(bad)" for bytes that are none, one by one
  std::optional<Addr>
      target;  ///< of a direct call or jump, or what a pc-relative operand refers to
};

/// No instruction is longer.
constexpr size_t longest_instruction = 15;

/// The instruction at the beginning of `code`, which stands at `address`.
InstructionText disassemble(Bytes code, Addr address, AssemblyFlavor flavor);

}  // namespace clew::arch
