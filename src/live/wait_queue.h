#pragma once

#include <sys/types.h>

#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "live/wait_port.h"

namespace clew::live {

/// What a wait status means, decoded once (ptrace(2), "Stopped states").
enum class WaitKind {
  exited,
  killed,
  signal_stop,     ///< signal-delivery-stop: `signal` is not delivered yet
  interrupt_stop,  ///< PTRACE_EVENT_STOP with SIGTRAP: our INTERRUPT, a birth, or the end of a
                   ///< group-stop
  group_stop,      ///< PTRACE_EVENT_STOP with a stop signal in `signal`
  syscall_stop,
  clone,
  fork,
  vfork,
  vfork_done,
  exec,
  exit,   ///< PTRACE_EVENT_EXIT: about to exit
  other,  ///< an event that clew did not ask for
};

struct WaitEvent {
  pid_t tid = 0;
  WaitKind kind = WaitKind::other;
  int signal = 0;     ///< of a stop or a death
  int exit_code = 0;  ///< for `exited`
  bool core_dumped = false;
  /// The stop is not taken yet: see WaitQueue::set_peeking().
  bool untaken = false;
};

/// Pure; the status is one that waitpid(2) gave for a tracee seized with PTRACE_O_TRACESYSGOOD.
WaitEvent decode_wait_status(pid_t tid, int status);

/// @return e.g. "interrupt_stop", for the log.
const char* wait_kind_name(WaitKind kind);

/// Stops of tids that are not known yet: they have come before the news of their births.
class EarlyStops {
 public:
  /// A later one of the same tid is kept behind it. The news of its end replaces all before it:
  /// nothing can be asked of it any more.
  void keep(const WaitEvent& event);
  /// @return the oldest kept event of a tid that has become known.
  std::optional<WaitEvent> take(pid_t tid);
  std::vector<pid_t> tids() const;

 private:
  std::unordered_map<pid_t, std::deque<WaitEvent>> kept_;
};

/// The only reader of the wait port. Keeps a stop that arrives before the news of its thread's
/// birth.
class WaitQueue {
 public:
  /// Early stops are kept in `shared`, where there are several readers.
  explicit WaitQueue(WaitPort& port, EarlyStops* shared = nullptr)
      : port_(port), early_(shared != nullptr ? *shared : own_early_) {}

  enum class Answer { none, event, no_child };
  struct Polled {
    Answer answer = Answer::none;
    WaitEvent event;
  };

  Polled poll(pid_t tid) { return peeking_ ? peeked(port_.peek(tid)) : decoded(port_.poll(tid)); }
  Polled poll_any() { return peeking_ ? peeked(port_.peek_any()) : decoded(port_.poll_any()); }
  /// What poll_any() would find, all of it left there: only the tid is good.
  RawWait look_any() { return port_.peek_any(); }
  /// See WaitPort::wait().
  WaitPort::Wake wait(pid_t tid, bool interruptible, Polled& polled);
  WaitPort& port() { return port_; }

  /// While traps are in the text a SIGTRAP stop is only looked at, and taken by take(): should
  /// clew die before that, the kernel delivers the signal to the handler that puts the text back,
  /// where a signal that was taken would be lost and leave the thread behind half an instruction
  /// (docs/ptrace-notes.md).
  void set_peeking(bool peeking) { peeking_ = peeking; }
  /// Takes a stop that was only looked at.
  void take(WaitEvent& event);

  /// See EarlyStops.
  void keep_early(const WaitEvent& event) { early_.keep(event); }
  std::optional<WaitEvent> take_early(pid_t tid) { return early_.take(tid); }
  std::vector<pid_t> early_tids() const { return early_.tids(); }

 private:
  static Polled decoded(const RawWait& raw);
  Polled peeked(const RawWait& raw);

  WaitPort& port_;
  bool peeking_ = false;
  EarlyStops own_early_;
  EarlyStops& early_;
};

}  // namespace clew::live
