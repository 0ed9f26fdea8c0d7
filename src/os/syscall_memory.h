#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/syscall_format.h"

namespace clew::os {

/// Where something was cut.
inline constexpr std::string_view ellipsis = "…";

/// Writes `bytes` so that they can be shown on a terminal: C escapes for control characters, octal
/// escapes for all that is not ASCII, and for the characters of `also`.
std::string escape_bytes(std::string_view bytes, std::string_view also = "");

/// @return "NULL" or the address in hexadecimal.
std::string format_pointer(uint64_t address);

/// Shows what the pointers of a system call lead to. Each function answers with format_pointer()
/// when the memory cannot be read or holds no sense; reads are bounded whatever the target says.
class SyscallMemory {
 public:
  /// @param lookups must outlive the object
  explicit SyscallMemory(const SyscallLookups& lookups) : lookups_(lookups) {}

  /// @return "3</dev/null>", or "3" when it is not known what the descriptor refers to.
  std::string fd(int number) const;

  /// A string that ends with a zero byte: `"text"`, or `"begin"…` when it is longer than 32 bytes.
  std::string text(uint64_t address) const;
  /// `length` bytes, shown in the same way.
  std::string bytes(uint64_t address, uint64_t length) const;

  std::string timespec(uint64_t address) const;  ///< "{1.5 s}"
  std::string timeval(uint64_t address) const;
  std::string sigset(uint64_t address) const;  ///< "[INT TERM]"
  /// The descriptors below `fd_count` that a set of select(2) holds: "[0</dev/null> 3]".
  std::string fd_set(uint64_t address, int fd_count) const;
  std::string socket_address(uint64_t address, int size) const;  ///< "{AF_INET, 127.0.0.1:80}"
  std::string epoll_event(uint64_t address) const;               ///< "{EPOLLIN, data=0x5}"
  std::string file_lock(uint64_t address) const;                 ///< "{F_WRLCK, SEEK_SET, 0, 100}"

  std::string poll_fds(uint64_t address, uint64_t count) const;  ///< "[{3, POLLIN}]"
  /// "[{"abc", 3}]", or with the addresses of the buffers when these hold no data yet.
  std::string io_vectors(uint64_t address, uint64_t count, bool with_data) const;
  /// "[{0, -1, SEM_UNDO}]": number, change, flags, as semop(2) takes them.
  std::string semaphore_operations(uint64_t address, uint64_t count) const;
  /// "[{0x7f001000, 2, FUTEX2_SIZE_U32}]": address, expected value, flags.
  std::string futex_waiters(uint64_t address, uint64_t count) const;

 private:
  bool read(uint64_t address, void* into, size_t size) const;
  template <typename T>
  std::optional<T> read_object(uint64_t address) const;
  template <typename T, typename Format>
  std::string array(uint64_t address, uint64_t count, Format format_element) const;

  const SyscallLookups& lookups_;
};

}  // namespace clew::os
