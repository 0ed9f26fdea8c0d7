#pragma once

#include <functional>
#include <span>
#include <unordered_set>

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
  Attacher(PtracePort& ptrace, TaskPort& tasks, TraceeTable& tracees)
      : ptrace_(ptrace), tasks_(tasks), tracees_(tracees) {}

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
  enum class Seized { yes, no, denied };

  /// @return how many threads were new.
  size_t pass(const std::vector<pid_t>& tids, AttachReport& report);
  Seized seize(pid_t tid, AttachReport& report);
  Seized explain_denial(pid_t tid, AttachReport& report);
  bool is_complete(const AttachReport& report) const;
  void find_strays();

  PtracePort& ptrace_;
  TaskPort& tasks_;
  TraceeTable& tracees_;
  std::unordered_set<pid_t> denied_before_;
  std::vector<pid_t> strays_;
};

}  // namespace clew::live
