#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"

namespace clew::arch {

/// Where the frame that the kernel makes for a signal's handler keeps a register, from the stack
/// pointer that the code has which returns from the handler.
struct SignalRegister {
  uint16_t dwarf;
  uint16_t offset;
};

/// A call instruction.
struct CallSite {
  std::optional<uint64_t> target;  ///< nullopt when a register or memory says where it goes
};

/// What an instruction set and its ABI have fixed about frames. Registers go by DWARF number.
struct FrameFacts {
  uint16_t return_address;  ///< the column that stands for it, which is the pc's as well
  uint16_t stack_pointer;
  uint16_t frame_pointer;
  /// The same in every frame of a thread: segments and their bases.
  std::span<const uint16_t> constant;
  uint64_t callee_saved;  ///< bit N: register N; a function gives them back as they were
  uint16_t red_zone;      ///< bytes below the stack pointer that a function may use

  /// True when `code` begins with the code that a signal's handler returns to and that ends it.
  bool (*is_signal_return)(Bytes code);
  size_t signal_return_size;  ///< how many bytes is_signal_return() looks at
  std::span<const SignalRegister> signal_registers;
  /// In the same frame: the alternate stack as sigaltstack(2) had it then.
  uint16_t signal_stack_address, signal_stack_size;

  /// The call that ends where `code` ends, at address `end`. @return nullopt when there is none.
  std::optional<CallSite> (*call_before)(Bytes code, uint64_t end);
  size_t longest_call;  ///< how many bytes call_before() looks at
};

}  // namespace clew::arch
