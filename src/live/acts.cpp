// What threads do that can be caught: births, exec, system calls, signals.

#include <cerrno>

#include "live/engine.h"

namespace clew::live {

bool Engine::catches(ActKind kind) const {
  return act_handler_ && (caught_acts_ & act_bit(kind)) != 0;
}

HitVerdict Engine::tell_act(Tracee& tracee, ActKind kind, int64_t detail, int64_t result) {
  if (tracee.foreign || !catches(kind)) return HitVerdict::go_on;
  const auto now = registers(tracee);
  if (!now) return HitVerdict::go_on;
  const arch::GeneralRegisters registers = **now;
  const HitVerdict verdict = act_handler_({tracee.id, kind, detail, result, registers});
  follow_verdict(tracee, verdict);
  return verdict;
}

PortResult Engine::let_run(const Tracee& tracee, int signal) {
  const bool is_calling = call_ && call_->id == tracee.id;
  const bool to_call =
      is_calling || (!tracee.foreign && (catches(ActKind::call) || catches(ActKind::call_return)));
  return to_call ? ptrace_.resume_to_syscall(tracee.id.tid, signal)
                 : ptrace_.resume(tracee.id.tid, signal);
}

void Engine::on_call_stop(Tracee& tracee) {
  note_stop(tracee, TraceeState::stopped);
  leave_slot(tracee);
  bool is_entry = false;
  const auto now = registers(tracee);
  if (!now || !ptrace_.call_info(tracee.id.tid, is_entry).is_ok()) return;
  tracee.place = is_entry ? StopPlace::call_entry : StopPlace::ordinary;
  const auto number = static_cast<int64_t>((*now)->word(arch_.syscall_number));
  const auto result = static_cast<int64_t>((*now)->word(arch_.syscall_result));
  tell_act(tracee, is_entry ? ActKind::call : ActKind::call_return, number, is_entry ? 0 : result);
}

Status Engine::leave_event(Tracee& tracee) {
  // In the middle of fork(2), clone(2) or execve(2) registers are yet to be overwritten by the
  // call's result. INTERRUPT and CONT lead to a stop behind the call, before any instruction.
  if (tracee.place == StopPlace::ordinary) return {};
  const ThreadId id = tracee.id;
  if (!ptrace_.interrupt(id.tid).is_ok() || !ptrace_.resume(id.tid, 0).is_ok())
    return fail(ErrorCode::gone, "the thread has exited");
  tracee.state = TraceeState::running;
  tracee.place = StopPlace::ordinary;
  tracee.interrupt_sent = true;
  tracee.registers_known = false;
  wait_for_stop_of(id);
  const Tracee* const after = tracees_.find(id.tid);
  if (after != nullptr && after->state == TraceeState::stopped) return {};
  return fail(ErrorCode::not_stopped, "the thread has not come out of its system call");
}

}  // namespace clew::live
