#include "live/tick.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstring>

#include "arch/arch.h"

namespace clew::live {
namespace {

// A handler can reach nothing else than what is static. A tick is sent to the thread that asked.
thread_local sigjmp_buf escape;
thread_local volatile sig_atomic_t may_escape = 0;

/// True when the thread is about to enter ptrace(2), for the first time or once more: it has
/// neither done anything nor a result that could be lost.
bool is_before_ptrace(const ucontext_t& context) {
#ifdef __x86_64__
  const auto& registers = context.uc_mcontext.gregs;
  const auto code = arch::native().syscall_code;
  const auto* const at =
      reinterpret_cast<const void*>(registers[REG_RIP]);  // NOLINT(performance-no-int-to-ptr)
  return registers[REG_RAX] == SYS_ptrace && std::memcmp(at, code.data(), code.size()) == 0;
#else
#error "where a restarted system call begins must be known"
#endif
}

void on_tick(int, siginfo_t*, void* frame) {
  if (may_escape == 0 || !is_before_ptrace(*static_cast<const ucontext_t*>(frame))) return;
  may_escape = 0;
  siglongjmp(escape, 1);
}

}  // namespace

void handle_ticks() {
  struct sigaction action {};
  action.sa_sigaction = on_tick;
  // Without SA_RESTART: a sleep ends. The handler may be left with no return from it, so that it
  // must not have blocked anything.
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGALRM, &action, nullptr);
}

PortResult escapable_seize(pid_t tid, unsigned options) {
  if (sigsetjmp(escape, 0) != 0) return {EAGAIN};
  may_escape = 1;
  errno = 0;
  const long answer = ::ptrace(PTRACE_SEIZE, tid, nullptr,
                               reinterpret_cast<void*>(  // NOLINT(performance-no-int-to-ptr)
                                   static_cast<unsigned long>(options)));
  may_escape = 0;
  return {answer == -1 ? errno : 0};
}

}  // namespace clew::live
