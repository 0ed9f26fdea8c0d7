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

DetachReport LiveProcess::detach(const Deadline& deadline) {
  const bool was_alive = is_alive();
  DetachReport report = engine_.detach(deadline);
  if (was_alive && let_go_ != nullptr && report.remaining.empty()) let_go_->add(pid());
  return report;
}

}  // namespace clew::live
