#include "os/pidfd.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace clew::os {

Result<Pidfd> Pidfd::open(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (fd) return Pidfd(std::move(fd));
  return fail_os(errno, fmt::format("cannot hold process {}", pid));
}

bool Pidfd::is_alive() const {
  // EPERM means that it exists and is another user's.
  return ::syscall(SYS_pidfd_send_signal, fd_.value(), 0, nullptr, 0) == 0 || errno == EPERM;
}

Status Pidfd::send_signal(int signal) const {
  if (::syscall(SYS_pidfd_send_signal, fd_.value(), signal, nullptr, 0) == 0) return {};
  return fail_os(errno, "cannot send the signal");
}

}  // namespace clew::os
