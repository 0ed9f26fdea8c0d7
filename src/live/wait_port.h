#pragma once

#include <sys/types.h>

#include <memory>

#include "base/clock.h"

namespace clew::os {
class EventLoop;
}

namespace clew::live {

/// What waitpid(2) answered.
struct RawWait {
  enum class Kind {
    none,      ///< nothing to report now
    status,    ///< `tid` and `status` are good
    no_child,  ///< ECHILD: no such tracee (any more)
  };
  Kind kind = Kind::none;
  pid_t tid = 0;
  int status = 0;
};

/// Every wait that clew makes for its tracees. Virtual for the scripted kernel of the tests.
class WaitPort {
 public:
  enum class Wake { child, signal, timeout };

  virtual ~WaitPort() = default;

  /// Never blocks.
  virtual RawWait poll(pid_t tid) = 0;
  /// Any tracee; never blocks. Each call walks all of them: with N tracees N such calls cost N².
  virtual RawWait poll_any() = 0;
  /// The same two, but what is reported stays to be reported: the tracee's stop is not taken
  /// (waitid(2), WNOWAIT). `status` is good for stops only; for an end it is 0, and poll() says.
  virtual RawWait peek(pid_t tid) = 0;
  virtual RawWait peek_any() = 0;
  /// Takes a stop that peek() has seen; leaves an end for poll().
  virtual RawWait take_stop(pid_t tid) = 0;
  /// Sleeps until a tracee may have changed or the deadline. With `interruptible` it also returns,
  /// at once, while a signal to clew is pending, which it leaves for the event loop.
  virtual Wake sleep(const Deadline& deadline, bool interruptible) = 0;

  /// Waits for one tracee, at most until the next tick (see start_ticking()): `raw` becomes what it
  /// has to report. `child` with nothing in `raw` means that another has changed. A pending signal
  /// to clew is looked for at a tick only.
  /// With `peek` what it has to report is not taken.
  virtual Wake wait(pid_t tid, bool interruptible, bool peek, RawWait& raw) {
    raw = peek ? this->peek(tid) : poll(tid);
    return raw.kind == RawWait::Kind::none ? sleep(Deadline::after(tick), interruptible)
                                           : Wake::child;
  }

  /// The longest that one wait() lasts.
  static constexpr std::chrono::milliseconds tick{5};

  /// To be called before and after a series of waits; see Ticking. One may be within another.
  void start_ticking() {
    if (series_++ == 0) tick_on(true);
  }
  void stop_ticking() {
    if (--series_ == 0) tick_on(false);
  }

 private:
  virtual void tick_on(bool) {}

  unsigned series_ = 0;
};

/// A series of WaitPort::wait() calls.
class Ticking {
 public:
  explicit Ticking(WaitPort& port) : port_(port) { port_.start_ticking(); }
  ~Ticking() { port_.stop_ticking(); }
  Ticking(const Ticking&) = delete;
  Ticking& operator=(const Ticking&) = delete;

 private:
  WaitPort& port_;
};

/// The real kernel; sleeps in `loop`, which must outlive it.
std::unique_ptr<WaitPort> system_wait_port(os::EventLoop& loop);

}  // namespace clew::live
