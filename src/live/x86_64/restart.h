#pragma once

#include <sys/user.h>

#include "arch/arch.h"

namespace clew::live {

user_regs_struct as_struct(const arch::GeneralRegisters& registers);

/// What becomes of a call that keeps what is left of its time (nanosleep(2), poll(2)) when it is
/// restarted.
enum class RestOfTime {
  kept,      ///< the kernel has it: restart_syscall(2)
  forgotten  ///< rt_sigreturn(2) makes the kernel forget it: the call begins anew
};

/// Makes of the registers of a thread that was stopped inside a system call those with which it
/// makes that call again by itself, as the kernel does it behind a handler with SA_RESTART
/// (handle_signal() and arch_do_signal_or_restart() in arch/x86/kernel/signal.c). Others stay as
/// they are.
void restart_call(user_regs_struct& words, RestOfTime rest);

}  // namespace clew::live
