#pragma once

#include <sys/types.h>

#include <csignal>
#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "os/inherited.h"

namespace clew::os {

/// The one place where the control thread sleeps: on SIGCHLD, on the signals that ask clew to
/// leave, on the front's input and on a deadline. Signals are taken by signalfd(2), so there is no
/// handler and no race with one.
class EventLoop {
 public:
  /// Blocks SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE and SIGWINCH in the calling thread.
  /// A signal of these that was ignored when clew started (nohup does that to SIGHUP) stays
  /// ignored.
  static Result<EventLoop> create();
  EventLoop(EventLoop&&) noexcept = default;
  EventLoop& operator=(EventLoop&&) noexcept = default;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  /// Puts the signal mask back.
  ~EventLoop();

  struct Wake {
    std::vector<pid_t>
        children;  ///< tids that SIGCHLD named; one may stand for several (signals are merged)
    std::vector<int> signals;  ///< others that arrived, in order
    bool input = false;        ///< the input descriptor is readable or at its end
    bool output = false;       ///< the output descriptor takes more, or is broken
    bool timed_out = false;
    bool any() const { return !children.empty() || !signals.empty() || input || output; }
  };

  struct WaitFor {
    int input_fd = -1;
    int output_fd = -1;
    Deadline until;
  };

  /// Sleeps until something of `what`, a child's change or a signal is there; takes the signals.
  Wake wait(const WaitFor& what);

  enum class ChildWake { child, signal, timeout };
  /// Only for the engine while it collects stops: sleeps until a child changes or the deadline;
  /// with `interruptible` also until another signal is pending, which stays pending for wait().
  ChildWake wait_child(const Deadline& until, bool interruptible);

  /// True when a signal that asks to leave or interrupt is pending and not yet taken by wait().
  bool is_signal_pending() const;

  /// What a program that clew starts must get back.
  const Inherited& inherited() const { return inherited_; }

 private:
  EventLoop() = default;
  void drain_children(Wake* wake);

  UniqueFd child_fd_;
  UniqueFd signal_fd_;
  Inherited inherited_;
  sigset_t other_signals_{};
};

}  // namespace clew::os
