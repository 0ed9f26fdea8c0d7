#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace clew::os {

/// A system call of x86-64 as a thread has made it.
struct SyscallCall {
  uint64_t number = 0;
  std::array<uint64_t, 6> args = {};
};

/// What the formatter may look up in the target. Each may be empty, then raw values are shown; none
/// may throw.
struct SyscallLookups {
  /// Fills `into` from the target's memory; false when any byte of it is unreadable.
  std::function<bool(uint64_t address, std::span<std::byte> into)> read_memory;
  /// What a descriptor of the target refers to, as the link in /proc/PID/fd says: "socket:[123]",
  /// "/dev/pts/0"; "" when unknown.
  std::function<std::string(int fd)> fd_target;
};

/// Shows a call in progress the way strace(1) does, e.g. `read(3</dev/pts/0>, 0x7ffe1000, 1024)`,
/// `futex(0x7f12345678, FUTEX_WAIT_PRIVATE, 2, NULL)`. Memory that the caller has filled in is
/// shown by its contents, memory that the kernel will fill by its address.
///
/// Nothing that comes from the target is trusted: a pointer to memory that cannot be read or makes
/// no sense is shown as a number, lengths and counts are bounded, and bytes that are not printable
/// ASCII are escaped. The only character outside ASCII in the result is "…", where something was
/// cut.
/// @param max_width the most columns that the result may take; a longer one is cut with "…)". 0
/// means no limit.
std::string format_syscall(const SyscallCall& call, const SyscallLookups& lookups,
                           size_t max_width = 0);

}  // namespace clew::os
