#include "os/event_loop.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace clew::os {
namespace {

constexpr std::array leaving_signals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGWINCH};

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Result<EventLoop> EventLoop::create() {
  EventLoop loop;
  loop.inherited_ = Inherited::capture();
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigemptyset(&loop.other_signals_);
  for (const int signal : leaving_signals) {
    if (!is_ignored(signal)) sigaddset(&loop.other_signals_, signal);
  }
  sigset_t both = loop.other_signals_;
  sigaddset(&both, SIGCHLD);
  // A parent may have left SIGCHLD ignored, and then the kernel would reap for us and wake nobody.
  if (is_ignored(SIGCHLD)) ::signal(SIGCHLD, SIG_DFL);
  if (const int error = pthread_sigmask(SIG_BLOCK, &both, nullptr)) {
    return fail_os(error, "cannot block signals");
  }
  loop.child_fd_ = UniqueFd(signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!loop.child_fd_) return fail_os(errno, "cannot watch for children");
  loop.signal_fd_ = UniqueFd(signalfd(-1, &loop.other_signals_, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!loop.signal_fd_) return fail_os(errno, "cannot watch for signals");
  return loop;
}

EventLoop::~EventLoop() {
  if (!child_fd_) return;
  // A signal that nobody took, such as the SIGPIPE of the last write, asked clew to leave; it is
  // not to kill it on its way out.
  const timespec no_time{};
  while (sigtimedwait(&other_signals_, nullptr, &no_time) > 0) {
  }
  pthread_sigmask(SIG_SETMASK, &inherited_.mask, nullptr);
}

void EventLoop::drain_children(Wake* wake) {
  std::array<signalfd_siginfo, 8> infos;
  for (;;) {
    const ssize_t n = ::read(child_fd_.value(), infos.data(), sizeof infos);
    if (n <= 0) return;
    const size_t count = static_cast<size_t>(n) / sizeof infos[0];
    for (size_t i = 0; wake != nullptr && i < count; ++i) {
      wake->children.push_back(static_cast<pid_t>(infos[i].ssi_pid));
    }
    if (count < infos.size()) return;
  }
}

EventLoop::Wake EventLoop::wait(const WaitFor& what) {
  std::array<pollfd, 4> fds = {{{child_fd_.value(), POLLIN, 0},
                                {signal_fd_.value(), POLLIN, 0},
                                {what.input_fd, POLLIN, 0},
                                {what.output_fd, POLLOUT, 0}}};
  Wake wake;
  const int n = ::poll(fds.data(), fds.size(), what.until.poll_timeout());
  if (n == 0) wake.timed_out = true;
  if (n <= 0) return wake;
  if (fds[0].revents != 0) drain_children(&wake);
  if (fds[1].revents != 0) {
    signalfd_siginfo info;
    while (::read(signal_fd_.value(), &info, sizeof info) == sizeof info) {
      wake.signals.push_back(static_cast<int>(info.ssi_signo));
    }
  }
  wake.input = fds[2].revents != 0;
  wake.output = fds[3].revents != 0;
  return wake;
}

EventLoop::ChildWake EventLoop::wait_child(const Deadline& until, bool interruptible) {
  std::array<pollfd, 2> fds = {{{child_fd_.value(), POLLIN, 0}, {signal_fd_.value(), POLLIN, 0}}};
  if (::poll(fds.data(), interruptible ? 2 : 1, until.poll_timeout()) <= 0)
    return ChildWake::timeout;
  if (fds[1].revents != 0) return ChildWake::signal;
  drain_children(nullptr);
  return ChildWake::child;
}

bool EventLoop::is_signal_pending() const {
  pollfd fd = {signal_fd_.value(), POLLIN, 0};
  return ::poll(&fd, 1, 0) > 0;
}

}  // namespace clew::os
