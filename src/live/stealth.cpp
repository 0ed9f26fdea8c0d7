// The parts of the engine that keep a stop and a step from being seen by the target.

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/log.h"
#include "live/engine.h"
#include "os/eintr_calls.h"

namespace clew::live {
namespace {

constexpr uint64_t trap_bit = uint64_t{1} << (SIGTRAP - 1);

}  // namespace

Result<const arch::GeneralRegisters*> Engine::registers(Tracee& tracee) {
  if (!tracee.registers_known) {
    size_t size = 0;
    const PortResult result = ptrace_.read_registers(
        tracee.id.tid, NT_PRSTATUS, MutableBytes(tracee.registers.bytes).first(arch_.general_size),
        size);
    if (result.is_gone()) {
      note_dying(tracee);
      return fail(ErrorCode::gone, fmt::format("thread {} has just been killed", tracee.id.number));
    }
    if (!result.is_ok()) return fail_os(result.error, "cannot read the registers");
    tracee.registers_known = true;
  }
  return &tracee.registers;
}

Status Engine::write_registers(Tracee& tracee, const arch::GeneralRegisters& registers) {
  const PortResult result = ptrace_.write_registers(
      tracee.id.tid, NT_PRSTATUS, Bytes(registers.bytes).first(arch_.general_size));
  if (result.is_gone()) {
    note_dying(tracee);
    return fail(ErrorCode::gone, fmt::format("thread {} has just been killed", tracee.id.number));
  }
  if (!result.is_ok()) return fail_os(result.error, "cannot write the registers");
  tracee.registers = registers;
  tracee.registers_known = true;
  return {};
}

bool Engine::is_eintr_suspect(Tracee& tracee) {
  const auto now = registers(tracee);
  if (!now) return false;
  const auto result = static_cast<int64_t>((*now)->word(arch_.syscall_result));
  const auto number = static_cast<int64_t>((*now)->word(arch_.syscall_number));
  return result == -EINTR && number >= 0 &&
         os::returns_eintr_when_stopped(static_cast<uint64_t>(number), arch_.is_compat(**now));
}

void Engine::hide_stop_from_syscall(Tracee& tracee) {
  // Some calls return EINTR merely because they were stopped (kernel facts, 9;
  // docs/ptrace-notes.md). With ERESTARTNOHAND in its place the kernel itself decides on the way
  // out: a handler runs, then EINTR after all; none runs, then the call starts again.
  if (!is_eintr_suspect(tracee)) return;
  arch::GeneralRegisters changed = tracee.registers;
  changed.set_word(arch_.syscall_result, static_cast<uint64_t>(-erestartnohand));
  log(LogArea::engine, "{}: restarting system call {}", tracee.id.tid,
      changed.word(arch_.syscall_number));
  (void)write_registers(tracee, changed);
}

Status Engine::check_step(Tracee& tracee) {
  // The trap of a single step is a forced signal: where SIGTRAP is ignored the kernel resets its
  // action for good (force_sig_info_to_task() in kernel/signal.c; kernel facts, 13).
  if (!trap_signal_ignored_) {
    trap_signal_ignored_ = (tasks_.facts(tracee.id.tid).ignored_signals & trap_bit) != 0;
  }
  if (*trap_signal_ignored_) {
    return fail(ErrorCode::unsupported, fmt::format("thread {} is not stepped: the program ignores "
                                                    "SIGTRAP, and the kernel would end that for "
                                                    "good at the first step",
                                                    tracee.id.number));
  }
  // The step may be over the very call that changes what SIGTRAP does.
  const auto now = registers(tracee);
  if (!now) return tl::unexpected(now.error());
  if ((*now)->word(arch_.syscall_result) == arch_.sigaction_call) trap_signal_ignored_.reset();
  return {};
}

void Engine::unblock_trap_signal(Tracee& tracee) {
  // A forced signal that is blocked is unblocked for good, and its action reset: so it must not be
  // blocked then.
  uint64_t mask = 0;
  if (tracee.trap_signal_unblocked || tracee.trap_signal_open) return;
  if (!ptrace_.signal_mask(tracee.id.tid, mask).is_ok()) return;
  if ((mask & trap_bit) == 0) {
    tracee.trap_signal_open = true;
  } else if (ptrace_.set_signal_mask(tracee.id.tid, mask & ~trap_bit).is_ok()) {
    tracee.trap_signal_unblocked = true;
  }
}

void Engine::restore_trap_signal(Tracee& tracee) {
  if (!tracee.trap_signal_unblocked) return;
  // It stays open for the traps; a forked child has none.
  // Debug registers stay, should clew die at the prompt.
  const bool has_traps = (traps_.is_inserted() && (!tracee.foreign || tracee.shares_memory)) ||
                         (!watches_.empty() && !tracee.foreign);
  if (has_traps) return;
  block_trap_signal(tracee);
}

void Engine::block_trap_signal(Tracee& tracee) {
  // A handler is entered only after this (see run_policy.cpp), so that the mask in its frame is the
  // target's own.
  uint64_t mask = 0;
  if (ptrace_.signal_mask(tracee.id.tid, mask).is_ok())
    ptrace_.set_signal_mask(tracee.id.tid, mask | trap_bit);
  tracee.trap_signal_unblocked = false;
}

PortResult Engine::resume_for_step(Tracee& tracee) {
  if (tracee.signal != 0 || !steps_as_call(tracee)) {
    unblock_trap_signal(tracee);
    return ptrace_.step(tracee.id.tid, tracee.signal);
  }
  // What the call sees and sets is the target's own.
  if (tracee.trap_signal_unblocked) block_trap_signal(tracee);
  tracee.call_step = 1;
  return ptrace_.resume_to_syscall(tracee.id.tid, 0);
}

bool Engine::steps_as_call(Tracee& tracee) {
  // A call that looks up or changes the mask would find SIGTRAP unblocked, and after one that
  // blocks or ignores it the kernel would force the trap of the step through (kernel facts, 13).
  // The stops around a system call need no signal.
  const auto now = registers(tracee);
  if (!now || arch_.is_compat(**now)) return false;
  const uint64_t number = (*now)->word(arch_.syscall_result);
  if (number != arch_.sigprocmask_call && number != arch_.sigreturn_call &&
      number != arch_.sigaction_call) {
    return false;
  }
  std::array<std::byte, 8> code{};
  const size_t size = arch_.syscall_code.size();
  const auto n =
      memory_.read_memory({arch_.pc_of(**now)}, MutableBytes(code).first(size)).value_or(0);
  return n == size &&
         std::equal(arch_.syscall_code.begin(), arch_.syscall_code.end(), code.begin());
}

bool Engine::is_in_call_step(Tracee& tracee) {
  // None of the calls blocks, so that their end follows their beginning before anything else.
  if (tracee.call_step != 1 || !ptrace_.resume_to_syscall(tracee.id.tid, 0).is_ok()) return false;
  tracee.call_step = 2;
  tracee.state = TraceeState::running;
  tracee.interrupt_sent = true;
  return true;
}

void Engine::on_call_end(Tracee& tracee) {
  const bool own_step = tracee.call_step == 2;
  note_stop(tracee, TraceeState::stopped);
  leave_slot(tracee);
  if (!own_step) return;
  if (traps_.is_inserted()) unblock_trap_signal(tracee);
  if (request_.of(tracee.id.tid) == Wanted::step) request_.chosen[tracee.id.tid] = Wanted::hold;
}

void Engine::leave_step_mode(ThreadId id) {
  // Single-stepping stays switched on until another kind of resume: if clew were killed now, the
  // thread would make one more step, and its SIGTRAP would kill the target (docs/ptrace-notes.md,
  // 14). INTERRUPT and CONT lead to a stop before any instruction is executed.
  Tracee* const tracee = tracees_.find(id.tid);
  if (tracee == nullptr || !tracee->step_mode || tracee->state != TraceeState::stopped) return;
  const auto since = tracee->held_since;
  if (!ptrace_.interrupt(id.tid).is_ok() || !ptrace_.resume(id.tid, 0).is_ok()) {
    note_dying(*tracee);
    return;
  }
  note_resumed(*tracee, TraceeState::running);
  tracee->held_since = since;
  tracee->interrupt_sent = true;
  const Wanted before = request_.of(id.tid);
  request_.chosen[id.tid] = Wanted::hold;
  wait_until_settled(id, Deadline::after(std::chrono::seconds(1)));
  if (before != Wanted::hold || request_.others == Wanted::hold) request_.chosen.erase(id.tid);
}

bool Engine::flush_trap(Tracee& tracee) {
  // The step was made or the trap was hit, its SIGTRAP is queued, and another stop came before that
  // (get_signal() looks at stops first). Left there, it would kill the target when it runs on. A
  // resume now leads straight to it: the kernel takes forced signals before all others.
  const bool behind_trap = is_behind_trap(tracee);
  const bool is_watched = !watches_.empty() && !tracee.foreign;
  if (!tracee.stepping && !behind_trap && !is_watched) return false;
  std::array<siginfo_t, 32> queued{};
  size_t count = 0;
  if (!ptrace_.pending_signals(tracee.id.tid, queued, count).is_ok()) return false;
  const bool pending = std::any_of(
      queued.begin(), queued.begin() + static_cast<ptrdiff_t>(count), [&](const siginfo_t& info) {
        if (info.si_signo != SIGTRAP || info.si_code <= 0) return false;
        constexpr int from_debug_register = 4;  // TRAP_HWBKPT
        if (info.si_code == from_debug_register) return is_watched;
        return info.si_code == SI_KERNEL ? behind_trap : tracee.stepping;
      });
  if (!pending || !ptrace_.resume(tracee.id.tid, 0).is_ok()) return false;
  tracee.state = TraceeState::running;
  tracee.registers_known = false;
  // That stop is certain to come. An INTERRUPT would win over it each time, and this would go round
  // for ever.
  tracee.interrupt_sent = true;
  return true;
}

}  // namespace clew::live
