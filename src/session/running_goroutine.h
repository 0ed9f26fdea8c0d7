#pragma once

#include <cstdint>
#include <optional>

#include "arch/arch.h"
#include "base/memory_reader.h"
#include "session/go_runtime.h"

namespace clew {

/// The goroutine that a thread runs, as the thread itself has it.
struct RunningGoroutine {
  uint64_t id = 0;
  Addr descriptor;                         ///< of its runtime.g
  uint64_t stack_low = 0, stack_high = 0;  ///< another place whenever the stack has grown

  bool is_on_stack(uint64_t sp) const { return sp > stack_low && sp <= stack_high; }
};

/// Asks a thread that has run into a trap, or is held, for its goroutine: by thread-local storage,
/// where the runtime keeps it, with two or three small reads and nobody else stopped. A thread that
/// is on a stack of the runtime's own (in the scheduler, in C, in a signal's handler) runs the
/// goroutine that it has come there from. @return nothing for a thread that runs none.
std::optional<RunningGoroutine> running_goroutine(const GoRuntime& runtime, MemoryReader& memory,
                                                  const arch::Arch& arch,
                                                  const arch::GeneralRegisters& registers);

}  // namespace clew
