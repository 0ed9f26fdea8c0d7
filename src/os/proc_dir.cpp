#include "os/proc_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace clew::os {
namespace {

Result<std::string> read_whole(int fd, std::string_view name) {
  std::string content;
  char chunk[8192];
  for (;;) {
    const ssize_t n = ::read(fd, chunk, sizeof chunk);
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail_os(errno, fmt::format("cannot read {}", name));
    }
    if (n == 0) return content;
    content.append(chunk, static_cast<size_t>(n));
  }
}

Result<UniqueFd> open_at(int dir, std::string_view path, int flags) {
  UniqueFd fd(::openat(dir, std::string(path).c_str(), flags | O_CLOEXEC));
  if (!fd) return fail_os(errno, fmt::format("cannot open {}", path));
  return fd;
}

/// Every file below a process that has died says ENOENT or ESRCH.
Error gone_or(int sys_errno, std::string_view what) {
  if (sys_errno == ENOENT || sys_errno == ESRCH)
    return {ErrorCode::gone, sys_errno, std::string(what) + ": it has exited"};
  return os_error(sys_errno, what);
}

Result<std::string_view> read_once(int dir, const char* path, std::string& buffer) {
  const UniqueFd fd(::openat(dir, path, O_RDONLY | O_CLOEXEC));
  if (!fd) return tl::unexpected(gone_or(errno, "cannot open a file of /proc"));
  const ssize_t n = ::read(fd.value(), buffer.data(), buffer.size());
  if (n < 0) return tl::unexpected(gone_or(errno, "cannot read a file of /proc"));
  return std::string_view(buffer.data(), static_cast<size_t>(n));
}

}  // namespace

ProcDir::ProcDir(pid_t pid, UniqueFd fd, UniqueFd task_fd)
    : pid_(pid), fd_(std::move(fd)), task_fd_(std::move(task_fd)) {}

Result<ProcDir> ProcDir::open(pid_t pid) {
  const std::string path = fmt::format("/proc/{}", pid);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ESRCH) {
      return fail(ErrorCode::not_found, errno, fmt::format("there is no process {}", pid));
    }
    return fail_os(errno, fmt::format("cannot open {}", path));
  }
  auto task = open_at(fd.value(), "task", O_RDONLY | O_DIRECTORY);
  if (!task) {
    if (task.error().sys_errno == ENOENT || task.error().sys_errno == ESRCH) {
      return fail(ErrorCode::not_found, ESRCH, fmt::format("process {} has just exited", pid));
    }
    return tl::unexpected(task.error());
  }
  return ProcDir(pid, std::move(fd), std::move(*task));
}

Result<std::vector<pid_t>> ProcDir::tids() const {
  auto fd = open_at(task_fd_.value(), ".", O_RDONLY | O_DIRECTORY);
  if (!fd)
    return tl::unexpected(
        gone_or(fd.error().sys_errno, fmt::format("cannot list the threads of {}", pid_)));
  std::vector<pid_t> tids;
  // getdents64(2) itself, with a large buffer: readdir(3) asks for 32 KiB at a time and costs twice
  // as much over ten thousand entries.
  constexpr size_t size = 1 << 18;
  const auto buffer = std::make_unique_for_overwrite<char[]>(size);
  for (;;) {
    const long n = ::syscall(SYS_getdents64, fd->value(), buffer.get(), size);
    if (n < 0)
      return tl::unexpected(gone_or(errno, fmt::format("cannot list the threads of {}", pid_)));
    if (n == 0) break;
    for (long at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.get() + at);
      pid_t tid = 0;
      const char* const name = entry->d_name;
      const auto [end, error] = std::from_chars(name, name + std::strlen(name), tid);
      if (error == std::errc() && *end == '\0') tids.push_back(tid);
      at += entry->d_reclen;
    }
  }
  if (tids.empty()) return fail(ErrorCode::gone, ESRCH, fmt::format("process {} has exited", pid_));
  return tids;
}

Result<size_t> ProcDir::thread_count() const {
  struct stat info {};
  if (::fstat(task_fd_.value(), &info) != 0 || info.st_nlink < 3) {
    return fail(ErrorCode::gone, ESRCH, fmt::format("process {} has exited", pid_));
  }
  return static_cast<size_t>(info.st_nlink) - 2;
}

bool ProcDir::has_thread(pid_t tid) const {
  char name[16];
  *fmt::format_to(name, "{}", tid) = '\0';
  return ::faccessat(task_fd_.value(), name, F_OK, 0) == 0;
}

Result<std::string> ProcDir::read(std::string_view path) const {
  auto fd = open_at(fd_.value(), path, O_RDONLY);
  if (!fd) return tl::unexpected(fd.error());
  return read_whole(fd->value(), path);
}

Result<std::string_view> ProcDir::read_into(const char* path, std::string& buffer) const {
  return read_once(fd_.value(), path, buffer);
}

Result<std::string_view> ProcDir::read_task(pid_t tid, std::string_view file,
                                            std::string& buffer) const {
  char path[64];
  *fmt::format_to_n(path, sizeof path - 1, "{}/{}", tid, file).out = '\0';
  return read_once(task_fd_.value(), path, buffer);
}

Result<std::string> ProcDir::read_link(std::string_view path) const {
  std::string target(4096, '\0');
  const ssize_t n =
      ::readlinkat(fd_.value(), std::string(path).c_str(), target.data(), target.size());
  if (n < 0) return fail_os(errno, fmt::format("cannot read the link {}", path));
  target.resize(static_cast<size_t>(n));
  return target;
}

Result<UniqueFd> ProcDir::open_file(std::string_view path, int flags) const {
  return open_at(fd_.value(), path, flags);
}

Result<std::string> read_small_file(const std::string& path) {
  auto fd = open_at(AT_FDCWD, path, O_RDONLY);
  if (!fd) return tl::unexpected(fd.error());
  return read_whole(fd->value(), path);
}

}  // namespace clew::os
