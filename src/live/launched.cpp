// What is different for a process that clew has started itself.

#include <csignal>

#include "live/engine.h"
#include "live/live_process.h"

namespace clew::live {

AttachReport Engine::adopt(pid_t tid) {
  request_ = RunRequest::all(Wanted::hold);
  Tracee& tracee = tracees_.add(tid, TraceeState::running);
  note_stop(tracee, TraceeState::stopped);
  tracee.place = StopPlace::event;
  alive_ = true;
  AttachReport report;
  report.seized = 1;
  return report;
}

void Engine::keep_child(Tracee& child) {
  if (!keeps_children_ || child.shares_memory || child.state != TraceeState::stopped) return;
  for (const auto& tracee : tracees_.order()) {
    if (tracee->is_kept) return;
  }
  child.is_kept = true;
  stop_wanted_ = true;
  events_.emplace_back(ChildKept{child.id.tid});
}

std::optional<pid_t> Engine::give_child() {
  for (const auto& tracee : tracees_.order()) {
    if (!tracee->is_kept) continue;
    const pid_t child = tracee->id.tid;
    const bool is_there = child != 0 && tracee->state == TraceeState::stopped;
    // It has its parent's mask, in which SIGTRAP may have been opened for traps that it has not.
    if (is_there) restore_trap_signal(*tracee);
    if (!is_there) return std::nullopt;
    tracees_.remove(child);
    return child;
  }
  return std::nullopt;
}

bool Engine::is_typed_interrupt(const Tracee& tracee, int signal) {
  if (!typed_interrupts_kept_ || signal != SIGINT || tracee.foreign) return false;
  // The terminal's own signals come from the kernel (isig() in drivers/tty/n_tty.c), a process's
  // have a code of zero or less (sigaction(2)).
  siginfo_t info{};
  return ptrace_.signal_info(tracee.id.tid, info).is_ok() && info.si_code == SI_KERNEL;
}

Result<Backend::Attached> LiveProcess::launch(const LaunchOptions& options, os::EventLoop& loop,
                                              LetGo& let_go) {
  const auto ptrace = system_ptrace_port();
  const auto waits = system_wait_port(loop);
  WaitQueue queue(*waits);
  auto started = start_program(options, loop.inherited(), *ptrace, queue);
  if (!started) return tl::unexpected(started.error());
  // Only now: what /proc/PID shows and the memory behind it are those of the program.
  auto process = open(started->pid, loop);
  if (!process) {
    ::kill(started->pid, SIGKILL);
    let_go.add(started->pid);
    return tl::unexpected(process.error());
  }
  (*process)->let_go_ = &let_go;
  AttachReport report = (*process)->engine_.adopt(started->pid);
  return Backend::Attached{std::move(*process), std::move(report), true,
                           std::move(started->warnings)};
}

Result<Backend::Attached> LiveProcess::take_over(pid_t child, bool launched, os::EventLoop& loop) {
  auto process = open(child, loop);
  if (!process) return tl::unexpected(process.error());
  AttachReport report = (*process)->engine_.adopt(child);
  return Backend::Attached{std::move(*process), std::move(report), launched, {}};
}

DetachReport LiveProcess::detach(const Deadline& deadline) {
  const bool was_alive = is_alive();
  DetachReport report = engine_.detach(deadline);
  if (was_alive && let_go_ != nullptr && report.remaining.empty()) let_go_->add(pid());
  return report;
}

}  // namespace clew::live
