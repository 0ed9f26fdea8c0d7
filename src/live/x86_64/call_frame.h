#pragma once

#include <cstdint>
#include <vector>

#include "arch/arch.h"
#include "base/bytes.h"
#include "inferior/function_call.h"

namespace clew::live {

/// What a thread needs for one call: code of a few bytes that no other thread runs, and a stack
/// that looks to the kernel like that of a signal handler, so that rt_sigreturn(2) puts everything
/// back:
///
///   higher   the thread's own stack, and its red zone
///            FunctionCall::data
///            the vector state
///            a ucontext: registers as they were, the signal mask
///            arguments that are passed in memory
///            the address to return to: the code's second half
///            the address of the function
///   lower    eight vector registers, loaded by the code's first half
struct CallFrame {
  std::vector<std::byte> code;  ///< at most code_padding_size bytes
  Addr start;                   ///< of the stack
  std::vector<std::byte> stack;
  arch::GeneralRegisters entry;  ///< with which the call begins
  /// Where the thread stands at the entry of its last system call, the rt_sigreturn of the frame.
  Addr end_pc;
};

/// @param before, extended, mask: as they are, to be put back by the kernel. A system call that is
/// to be restarted is restarted from its beginning then.
CallFrame make_call_frame(const FunctionCall& call, Addr code_at,
                          const arch::GeneralRegisters& before, Bytes extended, uint64_t mask);

/// What a thread that has told of its return had right behind it.
arch::GeneralRegisters registers_at_return(const arch::GeneralRegisters& told);

}  // namespace clew::live
