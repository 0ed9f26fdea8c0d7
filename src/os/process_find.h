#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/task_facts.h"

namespace clew::os {

/// No process id is above it: PID_MAX_LIMIT of the kernel's include/linux/threads.h, for 64 bits
/// (proc(5), /proc/sys/kernel/pid_max).
inline constexpr pid_t pid_limit = 4194304;

/// Reads a process id as a user types it: decimal digits and nothing else.
/// @return bad_request, with a text that says what is wrong with it.
Result<pid_t> parse_pid(std::string_view text);

/// A process that find_processes() found. Texts are fit for a terminal.
struct ProcessMatch {
  pid_t pid = 0;
  std::string name;          ///< what the kernel calls it (comm), at most 15 bytes of the name
  std::string command_line;  ///< quoted as for a shell; empty when it has none
  uid_t uid = 0;             ///< the effective one
  size_t threads = 0;
  StateLetter state = '?';  ///< of the leader; 'Z' when only other threads are left
  double age_seconds = 0;   ///< since its start
};

/// Finds processes by the whole of a name: that of the process (comm), of its executable, or of its
/// argument 0, the last two without their folders. The kernel cuts comm to 15 bytes, so a longer
/// name is found by the executable or by argument 0. Left out: this process, kernel threads, and
/// processes that have exited. Stops nothing; what comes and goes meanwhile may or may not be
/// found.
/// @return by pid; empty when there is none.
std::vector<ProcessMatch> find_processes(std::string_view name);

}  // namespace clew::os
