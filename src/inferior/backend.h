#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <span>

#include "base/clock.h"
#include "inferior/inferior.h"
#include "inferior/launch.h"

namespace clew {

/// How live processes are reached. The application names the one concrete backend; fronts and the
/// session see only this.
class Backend {
 public:
  struct Options {
    /// Gives up attaching then; what was seized by that time is in the report.
    Deadline deadline;
    /// Called once with the first listing of the threads, before any of them is touched.
    std::function<void(std::span<const pid_t>)> on_listed;
  };

  struct Attached {
    std::unique_ptr<Inferior> inferior;
    AttachReport report;
    bool launched = false;  ///< started by clew: it ends when clew does, unless it is detached
    std::vector<std::string> warnings;
  };

  struct Look {
    pid_t tid = 0;
    ThreadActivity activity = ThreadActivity::held;
    arch::GeneralRegisters registers;
  };

  struct RollReport {
    size_t seen = 0;
    size_t gone = 0;
    std::vector<DeniedThread> denied;
    std::vector<pid_t> not_stopped;
    bool verified = false;  ///< the kernel has confirmed that clew traces nothing any more
    bool timed_out = false;
    Duration longest_pause{};  ///< of any one thread
  };

  virtual ~Backend() = default;

  /// Attaches to every thread of a process; they run on.
  /// @return not_found, gone, permission.
  virtual Result<Attached> attach(pid_t pid, const Options& options) = 0;

  /// Starts a program; it is held before its first instruction, and is killed when clew ends.
  /// @return bad_request, not_found, permission, cancelled (a signal to clew came first), …
  virtual Result<Attached> launch(const LaunchOptions& options) = 0;

  /// Goes on with one of RunControl::kept_children(); it is held. Its parent's give_child() is due
  /// then, before anything else is done with either. `launched` as for its parent: then it ends
  /// when clew does. @return gone; the child is its parent's still.
  virtual Result<Attached> take_over(pid_t child, bool launched) = 0;

  /// Takes the end of programs that were launched and then let go, and lets go what is traced on
  /// behalf of nobody any more. To be called when a child of clew's may have ended or stopped.
  virtual void reap() = 0;

  /// Looks at one thread after the other: each is attached to, stopped, read and let go before the
  /// next, so that none is held longer than its own look. Threads born meanwhile are not seen.
  virtual Result<RollReport> roll(pid_t pid, const Options& options,
                                  const std::function<void(const Look&)>& visitor) = 0;
};

}  // namespace clew
