#include "os/syscall_memory.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/addr.h"
#include "os/signal_names.h"
#include "os/syscall_flags.h"

namespace clew::os {
namespace {

constexpr size_t most_text = 32;      // bytes of a string
constexpr size_t most_elements = 16;  // of an array
constexpr size_t most_fd_target = 80;
constexpr int most_select_fds = 1024;  // FD_SETSIZE

// Layouts that the kernel reads on x86-64. <time.h> and others depend on the C library that clew is
// built with, so those that may differ are written out.
struct KernelTime {
  int64_t seconds;
  int64_t fraction;  // nanoseconds in a timespec, microseconds in a timeval
};
struct FutexWaiter {  // struct futex_waitv of futex_waitv(2)
  uint64_t value;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};

std::string quote(std::string_view bytes, bool is_cut) {
  return fmt::format("\"{}\"{}", escape_bytes(bytes, "\""), is_cut ? ellipsis : "");
}

std::string format_flags(ArgKind kind, uint64_t value) {
  return format_named(*named_set(kind), value);
}

/// @return `whole` and the fraction that has `digits` digits, without zeros at the end.
std::string decimal(uint64_t whole, uint64_t fraction, int digits) {
  std::string text = fmt::format("{}.{:0{}}", whole, fraction, digits);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

/// The kernel refuses negative times and fractions of a second or more: they are shown raw.
std::string format_time(const KernelTime& time, bool is_timeval) {
  const int64_t limit = is_timeval ? 1'000'000 : 1'000'000'000;
  if (time.seconds < 0 || time.fraction < 0 || time.fraction >= limit) {
    return fmt::format("{{tv_sec={}, {}={}}}", time.seconds, is_timeval ? "tv_usec" : "tv_nsec",
                       time.fraction);
  }
  const auto seconds = uint64_t(time.seconds);
  const auto fraction = uint64_t(time.fraction);
  if (seconds != 0 || fraction == 0) {
    return fmt::format("{{{} s}}", decimal(seconds, fraction, is_timeval ? 6 : 9));
  }
  const uint64_t ns = is_timeval ? fraction * 1000 : fraction;
  if (ns >= 1'000'000) return fmt::format("{{{} ms}}", decimal(ns / 1'000'000, ns % 1'000'000, 6));
  if (ns >= 1000) return fmt::format("{{{} us}}", decimal(ns / 1000, ns % 1000, 3));
  return fmt::format("{{{} ns}}", ns);
}

template <typename T>
T copy_from(const std::byte* bytes) {
  T object;
  std::memcpy(&object, bytes, sizeof object);
  return object;
}

std::string format_inet(int family, const void* address, uint16_t port) {
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(family, address, text, sizeof text) == nullptr) return "?";
  const std::string host = family == AF_INET6 ? fmt::format("[{}]", text) : text;
  return fmt::format("{}:{}", host, ntohs(port));
}

/// The path of a Unix socket ends at a zero byte or at the end of the address; an abstract name
/// starts with a zero byte and has no other end than that of the address (unix(7)).
std::string format_unix(std::string_view path) {
  if (path.empty()) return "unnamed";
  const bool is_abstract = path[0] == '\0';
  path = is_abstract ? path.substr(1) : path.substr(0, path.find('\0'));
  return (is_abstract ? "@" : "") + quote(path.substr(0, most_text), path.size() > most_text);
}

}  // namespace

std::string escape_bytes(std::string_view bytes, std::string_view also) {
  constexpr std::string_view named = "\a\b\t\n\v\f\r\\\"";
  constexpr std::string_view letters = "abtnvfr\\\"";
  std::string text;
  for (const char c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    const bool is_plain = code >= 0x20 && code < 0x7f && c != '\\';
    if (is_plain && also.find(c) == also.npos) {
      text += c;
    } else if (const size_t at = named.find(c); at != named.npos) {
      text += '\\';
      text += letters[at];
    } else {
      // Always three digits: a digit that follows is then not part of the escape.
      text += fmt::format("\\{:03o}", code);
    }
  }
  return text;
}

std::string format_pointer(uint64_t address) {
  return address == 0 ? "NULL" : fmt::format("{:#x}", address);
}

bool SyscallMemory::read(uint64_t address, void* into, size_t size) const {
  if (!lookups_.read_memory || address == 0 || address + size < address) return false;
  return lookups_.read_memory(address, {static_cast<std::byte*>(into), size});
}

template <typename T>
std::optional<T> SyscallMemory::read_object(uint64_t address) const {
  std::array<std::byte, sizeof(T)> bytes;
  if (!read(address, bytes.data(), bytes.size())) return std::nullopt;
  return copy_from<T>(bytes.data());
}

template <typename T, typename Format>
std::string SyscallMemory::array(uint64_t address, uint64_t count, Format format_element) const {
  if (address == 0) return format_pointer(address);
  const size_t shown = size_t(std::min<uint64_t>(count, most_elements));
  std::vector<std::byte> bytes(shown * sizeof(T));
  if (shown != 0 && !read(address, bytes.data(), bytes.size())) return format_pointer(address);
  std::string text = "[";
  for (size_t i = 0; i < shown; ++i) {
    if (i != 0) text += ", ";
    text += format_element(copy_from<T>(bytes.data() + i * sizeof(T)));
  }
  if (shown < count) text += fmt::format(", {}", ellipsis);
  return text + ']';
}

std::string SyscallMemory::fd(int number) const {
  if (number < 0 || !lookups_.fd_target) return fmt::format("{}", number);
  const std::string target = lookups_.fd_target(number);
  if (target.empty()) return fmt::format("{}", number);
  // A file's name can hold any character; "<" and ">" are escaped so that it cannot forge an end.
  return fmt::format("{}<{}{}>", number,
                     escape_bytes(std::string_view(target).substr(0, most_fd_target), "<>"),
                     target.size() > most_fd_target ? ellipsis : "");
}

std::string SyscallMemory::text(uint64_t address) const {
  std::array<char, most_text + 1> buffer;
  size_t got = 0;
  // Page by page_size: the string may end just before memory that cannot be read.
  while (got < buffer.size()) {
    const uint64_t at = address + got;
    const size_t wanted = std::min(buffer.size() - got, size_t(page_size - at % page_size));
    if (!read(at, buffer.data() + got, wanted)) break;
    const char* begin = buffer.data() + got;
    const char* end = std::find(begin, begin + wanted, '\0');
    got += size_t(end - begin);
    if (end != begin + wanted) return quote({buffer.data(), got}, got > most_text);
  }
  if (got == 0) return format_pointer(address);
  return quote({buffer.data(), std::min(got, most_text)}, true);
}

std::string SyscallMemory::bytes(uint64_t address, uint64_t length) const {
  std::array<char, most_text> buffer;
  const size_t shown = size_t(std::min<uint64_t>(length, buffer.size()));
  if (address == 0) return format_pointer(address);
  if (shown != 0 && !read(address, buffer.data(), shown)) return format_pointer(address);
  return quote({buffer.data(), shown}, shown < length);
}

std::string SyscallMemory::timespec(uint64_t address) const {
  const auto time = read_object<KernelTime>(address);
  return time ? format_time(*time, false) : format_pointer(address);
}

std::string SyscallMemory::timeval(uint64_t address) const {
  const auto time = read_object<KernelTime>(address);
  return time ? format_time(*time, true) : format_pointer(address);
}

std::string SyscallMemory::sigset(uint64_t address) const {
  const auto mask = read_object<uint64_t>(address);
  return mask ? format_sigset(*mask) : format_pointer(address);
}

std::string SyscallMemory::fd_set(uint64_t address, int fd_count) const {
  if (fd_count < 0 || address == 0) return format_pointer(address);
  const int bits = std::min(fd_count, most_select_fds);
  // The kernel reads whole 64-bit words (select(2), the raw system call).
  std::vector<uint64_t> words(size_t(bits + 63) / 64);
  if (!words.empty() && !read(address, words.data(), words.size() * sizeof(uint64_t))) {
    return format_pointer(address);
  }
  std::string text = "[";
  size_t shown = 0;
  for (int i = 0; i < bits; ++i) {
    if ((words[size_t(i) / 64] >> (i % 64) & 1) == 0) continue;
    if (shown != 0) text += ' ';
    if (shown++ == most_elements) {
      text += ellipsis;
      break;
    }
    text += fd(i);
  }
  return text + ']';
}

std::string SyscallMemory::socket_address(uint64_t address, int size) const {
  std::array<std::byte, sizeof(sockaddr_storage)> bytes{};
  const auto length = size_t(std::clamp(size, 0, int(bytes.size())));
  if (length < sizeof(sa_family_t) || !read(address, bytes.data(), length)) {
    return format_pointer(address);
  }
  const auto family = copy_from<sa_family_t>(bytes.data());
  std::string rest;
  if (family == AF_INET && length >= sizeof(sockaddr_in)) {
    const auto inet = copy_from<sockaddr_in>(bytes.data());
    rest = format_inet(AF_INET, &inet.sin_addr, inet.sin_port);
  } else if (family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    const auto inet = copy_from<sockaddr_in6>(bytes.data());
    rest = format_inet(AF_INET6, &inet.sin6_addr, inet.sin6_port);
  } else if (family == AF_UNIX) {
    const size_t start = offsetof(sockaddr_un, sun_path);
    const size_t end = std::min(length, sizeof(sockaddr_un));
    rest = format_unix({reinterpret_cast<const char*>(bytes.data()) + start, end - start});
  } else {
    rest = std::string(ellipsis);
  }
  return fmt::format("{{{}, {}}}", format_flags(ArgKind::socket_domain, family), rest);
}

std::string SyscallMemory::epoll_event(uint64_t address) const {
  const auto event = read_object<::epoll_event>(address);
  if (!event) return format_pointer(address);
  const uint64_t data = event->data.u64;
  return fmt::format("{{{}, data={:#x}}}", format_flags(ArgKind::epoll_events, event->events),
                     data);
}

std::string SyscallMemory::file_lock(uint64_t address) const {
  const auto lock = read_object<struct flock>(address);
  if (!lock) return format_pointer(address);
  return fmt::format("{{{}, {}, {}, {}}}", format_flags(ArgKind::lock_type, uint64_t(lock->l_type)),
                     format_flags(ArgKind::whence, uint64_t(lock->l_whence)), lock->l_start,
                     lock->l_len);
}

std::string SyscallMemory::poll_fds(uint64_t address, uint64_t count) const {
  return array<pollfd>(address, count, [&](const pollfd& entry) {
    const auto events = static_cast<unsigned short>(entry.events);
    return fmt::format("{{{}, {}}}", fd(entry.fd), format_flags(ArgKind::poll_events, events));
  });
}

std::string SyscallMemory::io_vectors(uint64_t address, uint64_t count, bool with_data) const {
  return array<iovec>(address, count, [&](const iovec& vector) {
    const auto base = reinterpret_cast<uint64_t>(vector.iov_base);
    return fmt::format("{{{}, {}}}", with_data ? bytes(base, vector.iov_len) : format_pointer(base),
                       vector.iov_len);
  });
}

std::string SyscallMemory::semaphore_operations(uint64_t address, uint64_t count) const {
  return array<sembuf>(address, count, [](const sembuf& operation) {
    const auto bits = static_cast<unsigned short>(operation.sem_flg);
    return fmt::format("{{{}, {}, {}}}", operation.sem_num, operation.sem_op,
                       format_flags(ArgKind::semaphore_flags, bits));
  });
}

std::string SyscallMemory::futex_waiters(uint64_t address, uint64_t count) const {
  return array<FutexWaiter>(address, count, [](const FutexWaiter& waiter) {
    return fmt::format("{{{}, {}, {}}}", format_pointer(waiter.address), waiter.value,
                       format_flags(ArgKind::futex2_flags, waiter.flags));
  });
}

}  // namespace clew::os
