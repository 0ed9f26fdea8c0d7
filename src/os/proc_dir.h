#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace clew::os {

/// An open /proc/PID. The descriptor stays with that one process: once it is dead every call says
/// `gone`, even if its pid has been given to another.
class ProcDir {
 public:
  /// @return not_found when there is no such process (or hidepid hides it). A tid that is not a pid
  /// opens too, as in /proc itself; see TaskStatus::tgid.
  static Result<ProcDir> open(pid_t pid);

  pid_t pid() const { return pid_; }

  /// The tids in /proc/PID/task, in the kernel's order (the leader first, then by birth). A thread
  /// can come or go while the list is read; one that stays is always in it.
  Result<std::vector<pid_t>> tids() const;

  /// How many threads the process has now, those not yet reaped by a tracer included: one system
  /// call, from the link count of /proc/PID/task (proc_task_getattr in the kernel's
  /// fs/proc/base.c).
  Result<size_t> thread_count() const;

  /// True when `tid` is a thread of this process now.
  bool has_thread(pid_t tid) const;

  /// Whole content of a file such as "status" or "task/12/stat". `not_found` and `gone` both mean
  /// that it went away.
  Result<std::string> read(std::string_view path) const;

  /// Reads into a buffer that the caller keeps, for loops over ten thousand threads. @return the
  /// bytes read, a view of `buffer`, cut at its size.
  Result<std::string_view> read_into(const char* path, std::string& buffer) const;

  /// The same for task/TID/`file`, without looking up the directory again.
  Result<std::string_view> read_task(pid_t tid, std::string_view file, std::string& buffer) const;

  /// Target of a symbolic link such as "exe" or "fd/3".
  Result<std::string> read_link(std::string_view path) const;

  /// @return a descriptor of a file below this directory, opened with `flags` and O_CLOEXEC.
  Result<UniqueFd> open_file(std::string_view path, int flags) const;

  int fd() const { return fd_.value(); }

 private:
  ProcDir(pid_t pid, UniqueFd fd, UniqueFd task_fd);

  pid_t pid_ = 0;
  UniqueFd fd_;
  UniqueFd task_fd_;
};

/// Whole content of any small file; for files such as /proc/sys/kernel/yama/ptrace_scope.
Result<std::string> read_small_file(const std::string& path);

}  // namespace clew::os
