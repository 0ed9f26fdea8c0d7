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
  // Whoever would take it over from a process that has ended, or was let go, may be gone as well.
  if (!alive_) return;
  if (children_ == Children::let_go || child.shares_memory || child.state != TraceeState::stopped)
    return;
  if (children_ == Children::keep_one && !kept_children().empty()) return;
  child.is_kept = true;
  if (children_ != Children::keep_all) stop_wanted_ = true;
  events_.emplace_back(ChildKept{child.id.tid});
}

std::vector<pid_t> Engine::kept_children() const {
  std::vector<pid_t> kept;
  for (const auto& tracee : tracees_.order()) {
    if (tracee->id.tid != 0 && tracee->is_kept && tracee->state == TraceeState::stopped)
      kept.push_back(tracee->id.tid);
  }
  return kept;
}

bool Engine::give_child(pid_t child) {
  Tracee* tracee = tracees_.find(child);
  if (tracee == nullptr || !tracee->is_kept || tracee->state != TraceeState::stopped) return false;
  // It has its parent's mask, in which SIGTRAP may have been opened for traps that it has not.
  restore_trap_signal(*tracee);
  tracees_.remove(child);
  return true;
}

void Engine::release_child(pid_t child) {
  Tracee* const tracee = tracees_.find(child);
  if (tracee == nullptr || !tracee->is_kept) return;
  tracee->is_kept = false;
  reconcile(*tracee);
}

bool Engine::is_typed_interrupt(const Tracee& tracee, int signal) {
  if (!typed_interrupts_kept_ || signal != SIGINT || tracee.foreign) return false;
  // The terminal's own signals come from the kernel (isig() in drivers/tty/n_tty.c), a process's
  // have a code of zero or less (sigaction(2)).
  siginfo_t info{};
  return ptrace_.signal_info(tracee.id.tid, info).is_ok() && info.si_code == SI_KERNEL;
}

Result<Backend::Attached> LiveProcess::launch(const LaunchOptions& options, os::EventLoop& loop,
                                              LetGo& let_go, Neighbours* neighbours) {
  const auto ptrace = system_ptrace_port();
  const auto waits = system_wait_port(loop);
  WaitQueue queue(*waits);
  auto started = start_program(options, loop.inherited(), *ptrace, queue);
  if (!started) return tl::unexpected(started.error());
  // Only now: what /proc/PID shows and the memory behind it are those of the program.
  auto process = open(started->pid, loop, neighbours);
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

Result<Backend::Attached> LiveProcess::take_over(pid_t child, bool launched, os::EventLoop& loop,
                                                 Neighbours* neighbours) {
  auto process = open(child, loop, neighbours);
  if (!process) return tl::unexpected(process.error());
  AttachReport report = (*process)->engine_.adopt(child);
  return Backend::Attached{std::move(*process), std::move(report), launched, {}};
}

void LiveBackend::reap() {
  let_go_.reap();
  if (!neighbours_.empty()) return;
  // The children of a process may come to their first stop when that has ended already, and clew
  // with it: nobody else lets them go.
  const auto waits = system_wait_port(loop_);
  const auto ptrace = system_ptrace_port();
  WaitQueue queue(*waits);
  for (;;) {
    const auto polled = queue.poll_any();
    if (polled.answer != WaitQueue::Answer::event) return;
    const WaitEvent& event = polled.event;
    if (event.kind == WaitKind::exit) {
      ptrace->resume(event.tid, 0);
    } else if (event.kind != WaitKind::exited && event.kind != WaitKind::killed) {
      ptrace->detach(event.tid, event.kind == WaitKind::signal_stop ? event.signal : 0);
    }
  }
}

DetachReport LiveProcess::detach(const Deadline& deadline) {
  const bool was_alive = is_alive();
  DetachReport report = engine_.detach(deadline);
  if (was_alive && let_go_ != nullptr && report.remaining.empty()) let_go_->add(pid());
  return report;
}

}  // namespace clew::live
