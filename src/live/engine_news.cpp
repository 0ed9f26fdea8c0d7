// What the kernel says of the tracees, and what the engine knows from then on.

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "base/log.h"
#include "live/engine.h"

namespace clew::live {

void Engine::handle(WaitEvent event) {
  if (event.kind == WaitKind::exec && event.tid == pid_) {
    on_exec(event);
    return;
  }
  if (Tracee* tracee = tracees_.find(event.tid)) {
    handle_known(*tracee, event);
    return;
  }
  queue_.take(event);
  if (event.kind == WaitKind::exit) {
    // Nobody may ever tell whose thread this is, and the process does not end before it has gone.
    ptrace_.resume(event.tid, 0);
    return;
  }
  queue_.keep_early(event);
  // Nobody of this process is left to tell of it.
  if (!alive_) adopt_early();
}

void Engine::handle_known(Tracee& tracee, WaitEvent& event) {
  const bool ended = event.kind == WaitKind::exited || event.kind == WaitKind::killed;
  if (ended) {
    on_end(tracee, event);
    return;
  }
  tracee.stuck = false;
  tracee.awaited_since = {};
  // Any stop takes a pending INTERRUPT with it (kernel facts, 2). Should the request have come
  // after the stop began, one more stop follows the next resume; it is handled like any that nobody
  // asked for.
  tracee.interrupt_sent = false;
  tracee.registers_known = false;
  if (event.kind == WaitKind::signal_stop && take_hit(tracee, event)) return;
  if (event.kind == WaitKind::signal_stop && take_watch_hit(tracee, event)) return;
  queue_.take(event);
  if (take_call_stop(tracee, event)) {
    reconcile(tracee);
    return;
  }
  const bool first_stop_of_child = tracee.foreign && tracee.state == TraceeState::newborn;
  const bool has_executed = tracee.foreign && event.kind == WaitKind::exec;
  if (event.kind == WaitKind::exec) tracee.shares_memory = false;
  switch (event.kind) {
    case WaitKind::interrupt_stop:
      on_interrupt_stop(tracee);
      break;
    case WaitKind::group_stop:
      on_group_stop(tracee, event.signal);
      break;
    case WaitKind::signal_stop:
      on_signal_stop(tracee, event.signal);
      break;
    case WaitKind::clone:
    case WaitKind::fork:
    case WaitKind::vfork:
      on_birth(tracee, event);
      break;
    case WaitKind::exit:
      on_exit_event(tracee);
      return;
    case WaitKind::syscall_stop:
      if (is_in_call_step(tracee)) return;
      if (tracee.call_step == 0 && (catches(ActKind::call) || catches(ActKind::call_return))) {
        on_call_stop(tracee);
      } else {
        on_call_end(tracee);
      }
      break;
    default:
      note_stop(tracee, TraceeState::stopped);
      break;
  }
  if (first_stop_of_child && !tracee.shares_memory && tracee.state == TraceeState::stopped)
    clean_child(tracee);
  if (first_stop_of_child || has_executed) keep_child(tracee);
  reconcile(tracee);
}

void Engine::on_end(Tracee& tracee, const WaitEvent& event) {
  const ThreadId id = tracee.id;
  const bool foreign = tracee.foreign;
  note_resumed(tracee, TraceeState::exiting);
  tracees_.remove(id.tid);
  request_.chosen.erase(id.tid);
  if (foreign) return;
  if (id.tid == pid_) {
    // The leader's status comes last, when every other thread has gone.
    note_process_end(event);
    return;
  }
  events_.emplace_back(ThreadExited{id, event.exit_code});
  note_nobody_left();
}

void Engine::note_nobody_left() {
  if (tracees_.thread_count() != 0 || !alive_) return;
  // An exec by a thread that could not be seized yet ends all others, and has the leader's number.
  if (is_untraced(pid_) && ptrace_.seize(pid_, attach_options()).is_ok()) {
    reconcile(tracees_.add(pid_, TraceeState::running));
    return;
  }
  alive_ = false;
  events_.emplace_back(ProcessVanished{});
}

bool Engine::is_untraced(pid_t tid) {
  const TaskPort::Facts facts = tasks_.facts(tid);
  return facts.exists && facts.tracer == 0 && facts.state != 'Z' && facts.state != 'X';
}

void Engine::adopt_early() {
  // Whoever could have told of them is gone: children of a fork live on, threads are dying.
  for (const pid_t tid : queue_.early_tids()) {
    if (is_for_neighbour(tid)) continue;
    tracees_.add(tid, TraceeState::newborn, true);
    while (tracees_.find(tid) != nullptr) {
      const auto early = queue_.take_early(tid);
      if (!early) break;
      handle(*early);
    }
  }
}

bool Engine::is_for_neighbour(pid_t tid) {
  if (!has_neighbours()) return false;
  const TaskPort::Lineage lineage = tasks_.lineage(tid);
  return neighbours_->is_process_of_other(*this, lineage.process) ||
         (lineage.process == tid && neighbours_->is_process_of_other(*this, lineage.parent));
}

void Engine::note_process_end(const WaitEvent& event) {
  alive_ = false;
  for (const auto& tracee : tracees_.order()) {
    if (tracee->id.tid != 0 && !tracee->foreign) tracees_.remove(tracee->id.tid);
  }
  adopt_early();
  if (event.kind == WaitKind::exited) {
    events_.emplace_back(ProcessExited{event.exit_code});
  } else {
    events_.emplace_back(ProcessKilled{event.signal, event.core_dumped});
  }
}

void Engine::on_exit_event(Tracee& tracee) {
  // Never held: an exec, an exit_group or a SIGKILL of the user's waits for this thread to die.
  ptrace_.resume(tracee.id.tid, 0);
  note_resumed(tracee, TraceeState::exiting);
}

void Engine::on_birth(Tracee& parent, const WaitEvent& event) {
  note_stop(parent, TraceeState::stopped);
  parent.place = event.kind == WaitKind::vfork ? StopPlace::vfork_event : StopPlace::event;
  uint64_t message = 0;
  if (!ptrace_.event_message(parent.id.tid, message).is_ok()) {
    note_dying(parent);
    return;
  }
  const pid_t child = static_cast<pid_t>(message);
  // clone(2) without CLONE_THREAD makes a process and is told as an ordinary clone, unless its
  // signal is SIGCHLD.
  const bool foreign = event.kind != WaitKind::clone || !tasks_.has(child);
  Tracee* known = tracees_.find(child);
  if (known == nullptr) {
    known = &tracees_.add(child, TraceeState::newborn, foreign);
    known->trap_signal_unblocked = parent.trap_signal_unblocked;  // the mask is inherited
    // A child that shares the memory runs into our traps: it is kept until it executes or exits.
    known->shares_memory = foreign && event.kind != WaitKind::fork &&
                           (traps_.is_inserted() || children_ != Children::let_go);
    if (foreign) {
      events_.emplace_back(Forked{parent.id, child, children_ != Children::let_go});
    } else {
      events_.emplace_back(ThreadBorn{known->id});
      // A call for the user may wait for the threads that it has started.
      if (call_ && call_->id == parent.id) request_.chosen[child] = Wanted::run;
    }
  }
  const ActKind kind = !foreign                        ? ActKind::clone
                       : event.kind == WaitKind::vfork ? ActKind::vfork
                                                       : ActKind::fork;
  tell_act(parent, kind, child);
  // Its first stop, or even its end, may have come before this news.
  while (tracees_.find(child) != nullptr) {
    const auto early = queue_.take_early(child);
    if (!early) break;
    handle(*early);
  }
}

void Engine::on_exec(const WaitEvent& event) {
  uint64_t former = 0;
  ptrace_.event_message(event.tid, former);
  const Tracee* const caller = tracees_.find(static_cast<pid_t>(former));
  const bool was_unblocked = caller != nullptr && caller->trap_signal_unblocked;
  for (const auto& tracee : tracees_.order()) {
    if (tracee->id.tid != 0 && !tracee->foreign && tracee->id.tid != event.tid)
      tracees_.remove(tracee->id.tid);
  }
  adopt_early();
  Tracee* survivor = tracees_.find(event.tid);
  // The caller of exec has the leader's tid now, and the leader's own record may be that of a
  // thread that had exited.
  if (survivor == nullptr) survivor = &tracees_.add(event.tid, TraceeState::running);
  const bool was_step = request_.of(event.tid) == Wanted::step ||
                        request_.of(static_cast<pid_t>(former)) == Wanted::step;
  request_.chosen.clear();
  leader_exit_told_ = false;
  job_stopped_ = false;
  memory_.renew();
  // What was patched, and the pages for it, went with the old memory (kernel facts, 18).
  traps_.forget();
  net_.forget();
  queue_.set_peeking(false);
  to_step_lifted_.clear();
  syscall_code_.reset();
  target_call_room_.reset();
  call_.reset();
  lost_call_code_.clear();
  survivor->at_trap.reset();
  // The mask lives on (execve(2)), the leader's own record may be that of a thread which has gone.
  survivor->trap_signal_unblocked = was_unblocked || survivor->trap_signal_unblocked;
  survivor->stuck = false;
  survivor->interrupt_sent = false;
  survivor->stepping = false;
  survivor->registers_known = false;
  note_stop(*survivor, TraceeState::stopped);
  survivor->place = StopPlace::event;
  // The kernel has emptied the debug registers (flush_ptrace_hw_breakpoint()).
  watches_.clear();
  survivor->watches_version = watches_.version();
  restore_trap_signal(*survivor);
  events_.emplace_back(Executed{static_cast<pid_t>(former), survivor->id});
  if (was_step || holds_at_exec_) request_.chosen[event.tid] = Wanted::hold;
  tell_act(*survivor, ActKind::exec, 0);
  reconcile(*survivor);
}

void Engine::on_interrupt_stop(Tracee& tracee) {
  const bool birth = tracee.state == TraceeState::newborn;
  const bool after_group_stop = tracee.group_stop_seen;
  if (job_stopped_ && tracee.state == TraceeState::listening && !tracee.foreign) {
    job_stopped_ = false;
    events_.emplace_back(JobContinued{});
  }
  note_stop(tracee, TraceeState::stopped);
  tracee.group_stop_seen = false;
  if (flush_trap(tracee)) return;
  leave_slot(tracee);
  restore_trap_signal(tracee);
  // A call that a real SIGSTOP ended is not ours to restart.
  if (!birth && !after_group_stop) hide_stop_from_syscall(tracee);
  if (tracee.signal_in_step && request_.of(tracee.id.tid) == Wanted::step) {
    // The signal has a handler, and the thread stands at its first instruction: the step has led
    // there.
    const auto now = registers(tracee);
    if (now && arch_.pc_of(**now) != tracee.step_from && !arch_.in_syscall(**now)) {
      request_.chosen[tracee.id.tid] = Wanted::hold;
    }
  }
}

void Engine::on_group_stop(Tracee& tracee, int signal) {
  note_stop(tracee, TraceeState::group_stopped);
  tracee.group_stop_seen = true;
  if (tracee.foreign) return;
  if (!job_stopped_) {
    job_stopped_ = true;
    events_.emplace_back(JobStopped{signal});
  }
  if (flush_trap(tracee)) {
    tracee.rejoins_group_stop = true;
    return;
  }
  leave_slot(tracee);
  if (request_.of(tracee.id.tid) == Wanted::step) {
    give_up_step(tracee, "the process was stopped by a signal");
  }
}

void Engine::on_signal_stop(Tracee& tracee, int signal) {
  const bool own_step = signal == SIGTRAP && is_own_step(tracee);
  const bool mask_is_known = own_step && tracee.trap_signal_open;
  // Kept from the target: it goes on from this stop as from that of any signal, but without one.
  const bool typed = !own_step && is_typed_interrupt(tracee, signal);
  if (typed) events_.emplace_back(TypedInterrupt{tracee.id});
  const bool asks = !own_step && !typed && !tracee.foreign && signal_handler_;
  const SignalVerdict verdict = asks ? signal_handler_(tracee.id, signal) : SignalVerdict{};
  const bool kept = typed || !verdict.deliver;
  note_stop(tracee, own_step ? TraceeState::stopped : TraceeState::signal_stopped,
            own_step || kept ? 0 : signal);
  tracee.trap_signal_open = mask_is_known;
  if (verdict.stop) {
    tracee.keeps_signal = true;
    stop_wanted_ = true;
    request_.chosen[tracee.id.tid] = Wanted::hold;
  }
  restore_trap_signal(tracee);
  leave_slot(tracee);
  if (tracee.signal != 0 && !verdict.stop) tell_broken_off(tracee);
  if (asks && tell_act(tracee, ActKind::signal, signal) != HitVerdict::go_on)
    tracee.keeps_signal = true;
  if (own_step) {
    tell_watch_hits(tracee);
    tracee.stepping = false;
    if (request_.of(tracee.id.tid) == Wanted::step) request_.chosen[tracee.id.tid] = Wanted::hold;
  }
}

void Engine::note_leader_exit() {
  const Tracee* leader = tracees_.find(pid_);
  if (leader_exit_told_ || leader == nullptr || leader->state != TraceeState::exiting) return;
  if (tasks_.facts(pid_).state != 'Z') return;
  // In an exit of the whole process the leader may only be the first to go.
  for (const auto& tracee : tracees_.order()) {
    if (tracee->id.tid == 0 || tracee->foreign || tracee->state == TraceeState::exiting) continue;
    const TaskPort::Facts facts = tasks_.facts(tracee->id.tid);
    if (facts.exists && !facts.kill_pending && facts.state != 'Z' && facts.state != 'X') {
      leader_exit_told_ = true;
      events_.emplace_back(LeaderExited{leader->id});
    }
    return;
  }
}

void Engine::on_vanished(Tracee& tracee) {
  // No status to come: another thread's exec took it, or it was reaped before we came to know it.
  log(LogArea::engine, "{} vanished", tracee.id.tid);
  const pid_t tid = tracee.id.tid;
  const bool foreign = tracee.foreign;
  const bool was_unblocked = tracee.trap_signal_unblocked;
  note_resumed(tracee, TraceeState::exiting);
  tracees_.remove(tid);
  if (!foreign && tid != pid_ && expect_heir(was_unblocked)) return;
  if (!foreign) note_nobody_left();
}

bool Engine::expect_heir(bool trap_signal_unblocked) {
  // The caller of an exec has the leader's tid from then on; its exec stop is yet to come.
  Tracee* leader = tracees_.find(pid_);
  if (leader != nullptr && leader->state != TraceeState::exiting) return false;
  const TaskPort::Facts facts = tasks_.facts(pid_);
  if (!facts.exists || facts.tracer != tasks_.own_tid() || facts.state == 'Z') return false;
  if (leader == nullptr) leader = &tracees_.add(pid_, TraceeState::running);
  leader->state = TraceeState::running;
  leader->stuck = false;
  leader->interrupt_sent = false;
  leader->trap_signal_unblocked = trap_signal_unblocked;
  reconcile(*leader);
  return true;
}

}  // namespace clew::live
