#include "session/idle.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "os/syscall_table.h"

namespace clew {
namespace {

/// By name. Reading from a file or a pipe is not among them: that can be work.
constexpr std::array<std::string_view, 25> waiting_calls{
    "accept",        "accept4",        "clock_nanosleep", "epoll_pwait", "epoll_pwait2",
    "epoll_wait",    "futex",          "futex_wait",      "futex_waitv", "io_getevents",
    "io_pgetevents", "io_uring_enter", "mq_timedreceive", "msgrcv",      "nanosleep",
    "pause",         "poll",           "ppoll",           "pselect6",    "recvfrom",
    "recvmsg",       "rt_sigsuspend",  "rt_sigtimedwait", "select",      "semtimedop",
};

}  // namespace

bool is_waiting(const arch::Arch& arch, const arch::GeneralRegisters& registers) {
  if (arch.is_compat(registers) || !arch.in_syscall(registers)) return false;
  const std::string_view name = os::syscall_name(registers.word(arch.syscall_number));
  // A sleep that was interrupted before goes on in restart_syscall.
  return name == "restart_syscall" ||
         std::find(waiting_calls.begin(), waiting_calls.end(), name) != waiting_calls.end();
}

}  // namespace clew
