#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clew::os {

/// The letter of proc_pid_stat(5), field 3: R running, S sleeping, D uninterruptible, T stopped by
/// a signal, t stopped by a tracer, Z zombie, X dead, I idle kernel thread; '?' when unknown.
using StateLetter = char;

/// @return e.g. "sleeping" for 'S'.
std::string_view state_words(StateLetter state);

/// What /proc/PID/task/TID/stat says (proc_pid_stat(5)).
struct TaskStat {
  pid_t tid = 0;
  std::string name;
  StateLetter state = '?';
  pid_t ppid = 0;
  uint64_t flags = 0;       ///< PF_* of the kernel
  uint64_t start_time = 0;  ///< in clock ticks since boot
  /// Where the main thread's stack began, below the arguments and the environment; 0 or 1 when the
  /// kernel does not tell it to us.
  uint64_t start_stack = 0;
  int cpu = -1;  ///< the CPU it last ran on

  bool is_kernel_thread() const { return (flags & 0x00200000) != 0; }  // PF_KTHREAD
};

/// @return bad_data when the line is not of the known form.
Result<TaskStat> parse_task_stat(std::string_view line);

/// What /proc/PID/task/TID/status says, as far as clew uses it (proc_pid_status(5)).
struct TaskStatus {
  StateLetter state = '?';
  pid_t tgid = 0;
  pid_t parent_pid = 0;
  pid_t tracer_pid = 0;
  uid_t uids[4] = {};  ///< real, effective, saved, file system
  gid_t gids[4] = {};
  std::vector<pid_t> namespace_tids;  ///< NSpid: from our pid namespace to the innermost
  std::vector<pid_t> namespace_pids;  ///< NStgid, the same for the process
  size_t thread_count = 0;
  uint64_t signals_queued = 0;  ///< SigQ: queued for the real user id
  uint64_t signals_limit = 0;
  uint64_t pending = 0, shared_pending = 0, blocked = 0, ignored = 0, caught = 0;
  uint64_t permitted_capabilities = 0;
  uint64_t effective_capabilities = 0;
  int seccomp = 0;                ///< 0 none, 1 strict, 2 filter
  bool has_shadow_stack = false;  ///< x86_Thread_features
};

/// Unknown lines are skipped and missing ones leave the default: older kernels have fewer.
TaskStatus parse_task_status(std::string_view text);

}  // namespace clew::os
