#include "live/wait_port.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "live/tick.h"
#include "os/event_loop.h"

namespace clew::live {
namespace {

RawWait wait_for(pid_t tid, int flags) {
  RawWait raw;
  const pid_t answer = ::waitpid(tid, &raw.status, flags);
  if (answer > 0) {
    raw.kind = RawWait::Kind::status;
    raw.tid = answer;
  } else if (answer < 0 && errno == ECHILD) {
    raw.kind = RawWait::Kind::no_child;
  }
  return raw;
}

RawWait peek_for(idtype_t which, pid_t tid, int flags) {
  RawWait raw;
  siginfo_t info{};
  const int answer =
      ::waitid(which, static_cast<id_t>(tid), &info, WEXITED | WSTOPPED | WNOWAIT | flags);
  if (answer == 0 && info.si_pid != 0) {
    raw.kind = RawWait::Kind::status;
    raw.tid = info.si_pid;
    // A tracee's stop has the event above the signal (wait_task_stopped() in kernel/exit.c); as in
    // waitpid(2)'s form of it.
    if (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED)
      raw.status = info.si_status << 8 | 0x7f;
  } else if (answer < 0 && errno == ECHILD) {
    raw.kind = RawWait::Kind::no_child;
  }
  return raw;
}

/// Waits for one thread block in waitpid(2) itself, which wakes for that thread alone; to sleep on
/// SIGCHLD would be to wake for every stop of ten thousand. A timer that ticks while such waits are
/// made breaks them off, so that deadlines and signals to clew are seen. It ticks on, so that one
/// that fires just before the wait begins does no harm.
class SystemWaitPort final : public WaitPort {
 public:
  explicit SystemWaitPort(os::EventLoop& loop) : loop_(loop) {
    handle_ticks();
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));
    has_timer_ = timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
  }
  ~SystemWaitPort() override {
    if (has_timer_) timer_delete(timer_);
  }
  SystemWaitPort(const SystemWaitPort&) = delete;
  SystemWaitPort& operator=(const SystemWaitPort&) = delete;

  // __WALL: threads that are not leaders are "clone" children to wait(2).
  RawWait poll(pid_t tid) override { return wait_for(tid, __WALL | WNOHANG); }
  // __WCLONE: every tracee, as with __WALL, but no child of clew's that is not traced
  // (eligible_child() in kernel/exit.c). Such a child's end is not the engine's to take, and while
  // it lives ECHILD can still say that nothing is traced.
  RawWait poll_any() override { return wait_for(-1, __WCLONE | WNOHANG); }
  RawWait take_stop(pid_t tid) override {
    RawWait raw;
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(tid), &info, WSTOPPED | WNOHANG | __WALL) == 0 &&
        info.si_pid != 0) {
      raw.kind = RawWait::Kind::status;
      raw.tid = info.si_pid;
    }
    return raw;
  }
  RawWait peek(pid_t tid) override { return peek_for(P_PID, tid, __WALL | WNOHANG); }
  RawWait peek_any() override { return peek_for(P_ALL, 0, __WCLONE | WNOHANG); }

  Wake sleep(const Deadline& deadline, bool interruptible) override {
    switch (loop_.wait_child(deadline, interruptible)) {
      case os::EventLoop::ChildWake::child:
        return Wake::child;
      case os::EventLoop::ChildWake::signal:
        return Wake::signal;
      case os::EventLoop::ChildWake::timeout:
        return Wake::timeout;
    }
    return Wake::timeout;
  }

  Wake wait(pid_t tid, bool interruptible, bool peek, RawWait& raw) override {
    if (!has_timer_) return WaitPort::wait(tid, interruptible, peek, raw);
    raw = peek ? peek_for(P_PID, tid, __WALL) : wait_for(tid, __WALL);
    if (raw.kind != RawWait::Kind::none) return Wake::child;
    return interruptible && loop_.is_signal_pending() ? Wake::signal : Wake::timeout;
  }

 private:
  void tick_on(bool on) override {
    if (!has_timer_) return;
    itimerspec spec{};
    if (on) spec.it_interval.tv_nsec = std::chrono::nanoseconds(tick).count();
    spec.it_value = spec.it_interval;
    timer_settime(timer_, 0, &spec, nullptr);
  }

  os::EventLoop& loop_;
  timer_t timer_{};
  bool has_timer_ = false;
};

}  // namespace

std::unique_ptr<WaitPort> system_wait_port(os::EventLoop& loop) {
  return std::make_unique<SystemWaitPort>(loop);
}

}  // namespace clew::live
