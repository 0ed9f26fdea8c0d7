#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "arch/arch.h"
#include "base/addr.h"

namespace clew {

/// A call of one of the target's functions, with its arguments where the ABI wants them.
struct FunctionCall {
  Addr function;
  std::vector<uint64_t> integers;                  ///< at most six, in the order of registers
  std::vector<std::array<std::byte, 16>> vectors;  ///< at most eight
  std::vector<std::byte> stack;                    ///< those in memory, a multiple of 16 bytes
  /// What arguments point to. It lies below the thread's stack pointer and red zone, which the
  /// caller has left room for, and is there for as long as the call lasts.
  Addr data_at;
  std::vector<std::byte> data;
};

/// How a call has ended. Unless the thread is gone or `is_abandoned`, it is again as it was before
/// the call: registers, signal mask, system call, what it stood before.
struct CallEnd {
  enum class Kind : uint8_t {
    returned,
    signalled,  ///< `signal` came in it: a crash, or one that it has sent itself
    stopped,    ///< something in it wants every thread held: a breakpoint, a catchpoint
    timed_out,
    cancelled,  ///< a signal to clew came first
    gone,       ///< the thread has exited, or the process has ended or executed another program
  };
  Kind kind = Kind::gone;
  int signal = 0;
  /// In uninterruptible sleep inside the call: it cannot be stopped. When the call returns, the
  /// thread goes on by itself where it was before.
  bool is_abandoned = false;
  arch::GeneralRegisters registers;  ///< at its end, or where it was given up
  std::vector<std::byte> extended;   ///< the same
};

}  // namespace clew
