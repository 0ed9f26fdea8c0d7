#include "os/terminal_share.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace clew::os {

std::unique_ptr<TerminalShare> TerminalShare::open() {
  UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal) return nullptr;
  void* const page =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  auto* const shared = new (page) Shared{};
  shared->own_group = getpgrp();
  if (tcgetattr(terminal.value(), &shared->own_settings) != 0) {
    munmap(page, sizeof(Shared));
    return nullptr;
  }
  std::unique_ptr<TerminalShare> share(new TerminalShare(std::move(terminal), shared));
  share->start_guard();
  return share;
}

TerminalShare::TerminalShare(UniqueFd terminal, Shared* shared)
    : terminal_(std::move(terminal)), shared_(shared) {}

TerminalShare::~TerminalShare() {
  take_back();
  stop_guard();
  munmap(shared_, sizeof(Shared));
}

void TerminalShare::start_guard() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return;
  UniqueFd read(fds[0]);
  life_ = UniqueFd(fds[1]);
  guard_ = fork();
  if (guard_ == 0) guard(terminal_.value(), read.value(), *shared_);
  if (guard_ < 0) guard_ = 0;
}

void TerminalShare::guard(int terminal, int life, const Shared& shared) {
  // Nothing may end it before clew, and nothing else of clew's may be kept open by it.
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  setpgid(0, 0);
  prctl(PR_SET_NAME, "clew-terminal");
  dup2(terminal, STDIN_FILENO);
  dup2(life, STDOUT_FILENO);
  dup2(life, STDERR_FILENO);
  (void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
  char byte = 0;
  while (::read(STDOUT_FILENO, &byte, 1) < 0 && errno == EINTR) {
  }
  const pid_t lent_to = shared.lent_to;
  if (lent_to != 0) {
    // If it is with another group by now, that one's shell has seen to it. If clew's group is no
    // more, there is nobody to give it to, and the call fails.
    const bool is_there = tcgetpgrp(STDIN_FILENO) == lent_to;
    if (is_there && tcsetpgrp(STDIN_FILENO, shared.own_group) == 0)
      tcsetattr(STDIN_FILENO, TCSANOW, &shared.own_settings);
  }
  _exit(0);
}

void TerminalShare::stop_guard() {
  life_.reset();
  if (guard_ == 0) return;
  while (waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void TerminalShare::block_output_signal() {
  // A process in the background is stopped by SIGTTOU for taking the terminal, for changing its
  // settings and, with TOSTOP set, for writing to it, unless it blocks that signal.
  sigset_t output, before;
  sigemptyset(&output);
  sigaddset(&output, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &output, &before);
  was_blocked_ = sigismember(&before, SIGTTOU) == 1;
}

void TerminalShare::unblock_output_signal() {
  if (was_blocked_) return;
  sigset_t output;
  sigemptyset(&output);
  sigaddset(&output, SIGTTOU);
  pthread_sigmask(SIG_UNBLOCK, &output, nullptr);
}

bool TerminalShare::lend(pid_t group) {
  if (lent_) return true;
  const int fd = terminal_.value();
  if (tcgetpgrp(fd) != shared_->own_group) return false;
  tcgetattr(fd, &shared_->own_settings);
  block_output_signal();
  if (has_program_settings_) tcsetattr(fd, TCSANOW, &program_settings_);
  // Told first: a guard that knows of no loan would do nothing.
  const pid_t wanted = program_group_ != 0 ? program_group_ : group;
  shared_->lent_to = wanted;
  int done = tcsetpgrp(fd, wanted);
  if (done != 0 && wanted != group) {
    // The group that the program had put in front (a shell's job) has ended.
    shared_->lent_to = group;
    done = tcsetpgrp(fd, group);
  }
  lent_ = done == 0;
  if (lent_) return true;
  shared_->lent_to = 0;
  tcsetattr(fd, TCSANOW, &shared_->own_settings);
  unblock_output_signal();
  return false;
}

void TerminalShare::take_back() {
  if (!lent_) return;
  lent_ = false;
  const int fd = terminal_.value();
  const pid_t front = tcgetpgrp(fd);
  // The shell is the session's leader or clew's parent. If it is in front, clew was stopped or put
  // in the background, and the terminal is no longer clew's to take. If clew's own group is, the
  // program has given it back by itself.
  const bool taken_by_shell =
      front != shared_->own_group && (front == getsid(0) || front == getpgid(getppid()));
  if (front > 0 && !taken_by_shell) {
    program_group_ = front == shared_->own_group ? 0 : front;
    has_program_settings_ = tcgetattr(fd, &program_settings_) == 0;
    tcsetpgrp(fd, shared_->own_group);
    tcsetattr(fd, TCSANOW, &shared_->own_settings);
  }
  shared_->lent_to = 0;
  unblock_output_signal();
}

void TerminalShare::forget_program() {
  take_back();
  program_group_ = 0;
  has_program_settings_ = false;
}

}  // namespace clew::os
