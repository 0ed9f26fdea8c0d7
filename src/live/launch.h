#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "inferior/launch.h"
#include "live/ptrace_port.h"
#include "live/wait_queue.h"
#include "os/inherited.h"

namespace clew::live {

/// A program that stands before its first instruction.
struct Started {
  pid_t pid = 0;  ///< a child of clew's, seized, in the stop of its exec, which has been taken
  std::vector<std::string> warnings;
};

/// Starts a program under ptrace: a child is forked, seized, and only then executes the program,
/// with the signals, descriptors and limits that `inherited` and the kernel have kept from clew's
/// own start. It has a process group of its own. PTRACE_O_EXITKILL is set: it ends when clew does.
/// @return what kept it from starting: bad_request, not_found, permission, …; cancelled when a
/// signal to clew came first. Nothing is left of it then.
Result<Started> start_program(const LaunchOptions& options, const os::Inherited& inherited,
                              PtracePort& ptrace, WaitQueue& queue);

/// The environment that the program of `options` gets, "NAME=VALUE" each.
std::vector<std::string> environment_of(const LaunchOptions& options);

/// Children of clew's that it traces no more. Their ends are taken here, so that none is left a
/// zombie while clew runs on; the engine waits for tracees only.
class LetGo {
 public:
  void add(pid_t pid) { pids_.push_back(pid); }
  /// It is to be traced again: its end is the engine's. @return true when it was here.
  bool take(pid_t pid);
  void reap();

 private:
  std::vector<pid_t> pids_;
};

}  // namespace clew::live
