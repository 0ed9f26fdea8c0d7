#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace clew::os {

/// What an argument of a system call means, as far as it matters for showing it. Kinds ending in
/// _in are pointers to data that the caller of the system call has filled in, so it may be read
/// while the call is in progress; what the kernel will only write on return is a plain pointer.
enum class ArgKind : uint8_t {
  none,  ///< the call has no such argument

  // Numbers.
  integer,   ///< int, decimal
  uinteger,  ///< unsigned int, decimal
  size,      ///< size_t or a count, decimal
  offset,    ///< loff_t or long, decimal
  hex,       ///< anything best shown as 64 bits in hexadecimal
  mode,      ///< permission bits, octal
  pid,
  signal,
  fd,
  dirfd,  ///< a descriptor or AT_FDCWD

  // Memory of the target.
  pointer,
  string,    ///< ends with a zero byte
  path,      ///< ends with a zero byte
  bytes_in,  ///< as many bytes as the next argument says
  timespec_in,
  timeval_in,
  sigset_in,    ///< of the kernel's size, 8 bytes
  fd_set_in,    ///< as many bits as the first argument says
  sockaddr_in,  ///< as many bytes as the next argument says
  // Arrays; the next argument is the number of elements.
  poll_fds_in,
  iovec_in,   ///< with data
  iovec_out,  ///< the buffers are yet to be filled
  sembufs_in,
  futex_waiters_in,
  epoll_event_in,  ///< one, not an array

  // Numbers whose meaning depends on another argument.
  futex_op,
  open_mode,    ///< used only if the open_flags before it create a file
  fcntl_arg,    ///< after fcntl_command
  clone_flags,  ///< flags and, in the low byte, the signal sent on exit

  // Flags of a named set; syscall_flags.h has the sets.
  open_flags,
  at_flags,
  unlink_flags,
  access_mode,
  fd_flags,  ///< for a new descriptor
  mmap_prot,
  mmap_flags,
  mremap_flags,
  msync_flags,
  mlock_flags,
  message_flags,
  socket_type,
  wait_options,
  waitid_options,
  rw_flags,
  splice_flags,
  epoll_events,
  poll_events,
  eventfd_flags,
  timerfd_flags,
  timer_flags,
  random_flags,
  memfd_flags,
  namespace_flags,
  futex2_flags,  ///< of futex_waitv(2) and the calls after it
  io_uring_enter_flags,
  close_range_flags,
  rename_flags,
  ipc_flags,
  semaphore_flags,
  fallocate_flags,
  sync_range_flags,
  flock_operation,
  pidfd_flags,

  // One of a named set.
  whence,
  clock_id,
  wait_id_type,
  socket_domain,
  shutdown_how,
  socket_level,
  madvise_advice,
  signal_mask_how,
  epoll_operation,
  fcntl_command,
  lock_type,
  ioctl_request,
  resource,
  rusage_who,
  interval_timer,
  priority_which,
  scheduler,
  prctl_option,
  arch_prctl_code,
  seccomp_operation,
  ptrace_request,
  membarrier_command,
};

/// One system call of x86-64.
struct SyscallInfo {
  uint64_t number;
  std::string_view name;
  std::array<ArgKind, 6> args;  ///< ArgKind::none from the first that the call does not have

  constexpr size_t arg_count() const {
    size_t count = 0;
    while (count < args.size() && args[count] != ArgKind::none) ++count;
    return count;
  }
};

/// @return every call that clew knows (Linux 6.18), ascending by number.
std::span<const SyscallInfo> all_syscalls();

/// @return the x86-64 call with this number; null when unknown. The object lives for ever.
const SyscallInfo* find_syscall(uint64_t number);

/// @return e.g. "futex"; "" when the number is unknown.
std::string_view syscall_name(uint64_t number);

/// @return the x86-64 number; nullopt when no call has this name.
std::optional<uint64_t> syscall_number(std::string_view name);

/// @return the name of a call made through the 32-bit entry (int 0x80), whose numbers are those of
/// i386; "" when unknown.
std::string_view syscall_name_ia32(uint64_t number);

}  // namespace clew::os
