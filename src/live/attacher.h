#pragma once

#include <functional>
#include <optional>
#include <span>
#include <unordered_map>

#include "base/clock.h"
#include "inferior/inferior.h"
#include "live/ptrace_port.h"
#include "live/task_port.h"
#include "live/tracee.h"

namespace clew::live {

/// PTRACE_O_* that every tracee is seized with.
unsigned attach_options();

/// The attach loop: seizes every thread, those included that are born while it works. Nothing is
/// stopped by it, but for threads that give birth (their stop is an event of the kernel's).
class Attacher {
 public:
  /// `attend` takes in what the tracees have to say: in the middle of an execve(2) no other thread
  /// can be seized before those that it ends are reaped. Ticks must be on (Ticking).
  Attacher(PtracePort& ptrace, TaskPort& tasks, TraceeTable& tracees,
           std::function<void()> attend = {})
      : ptrace_(ptrace), tasks_(tasks), tracees_(tracees), attend_(std::move(attend)) {}

  using OnListed = std::function<void(std::span<const pid_t>)>;

  /// Lists and seizes until a pass finds nothing new. @return gone when the process has exited;
  /// permission when not one thread could be had, with the reason of the first.
  /// `on_listed` is called with the first listing, before any thread is touched.
  Result<AttachReport> run(const Deadline& deadline, const OnListed& on_listed);

  /// Seizes one thread with no other options, so that what it gives birth to is left alone.
  PortResult seize_alone(pid_t tid);

  /// Tids that were seized but turned out to be of another process, their number having been given
  /// away between the listing and the seize. They are in the table as foreign.
  const std::vector<pid_t>& strays() const { return strays_; }

 private:
  enum class Seized { yes, no, denied, busy };

  /// @return how many threads were new.
  size_t pass(const std::vector<pid_t>& tids, AttachReport& report);
  Seized seize(pid_t tid, AttachReport& report);
  /// A thread that cannot be seized yet. @return false when that has lasted too long.
  bool await_exec(AttachReport& report);
  Seized explain_denial(pid_t tid, AttachReport& report);
  bool is_complete(const AttachReport& report) const;
  void find_strays();

  PtracePort& ptrace_;
  TaskPort& tasks_;
  TraceeTable& tracees_;
  std::function<void()> attend_;
  pid_t busy_ = 0;  ///< the thread that the last pass has ended at, which is in the way of an exec
  std::optional<TimePoint> busy_since_;
  std::unordered_map<pid_t, int> denials_;
  std::vector<pid_t> strays_;
};

}  // namespace clew::live
