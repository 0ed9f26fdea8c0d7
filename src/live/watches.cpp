// The parts of the engine that deal with watched memory: debug registers of every thread.

#include <csignal>

#include "base/log.h"
#include "live/engine.h"

namespace clew::live {
namespace {

constexpr int from_debug_register = 4;  // TRAP_HWBKPT (include/uapi/asm-generic/siginfo.h)

}  // namespace

Result<unsigned> Engine::set_watch(const WatchedPlace& place) {
  if (traps_.is_inserted() || !is_everything_held())
    return fail(ErrorCode::not_stopped, "watchpoints are set while every thread is held");
  if (auto spread = spread_net(); !spread) return tl::unexpected(spread.error());
  auto slot = watches_.add(place);
  if (!slot) return slot;
  // The kernel refuses addresses that are not the target's: one thread tells for all.
  const auto tracee = any_held();
  const Status loaded = tracee ? load_watches(**tracee) : tl::unexpected(tracee.error());
  if (tracee) {
    // It is watched from its next resume on, when SIGTRAP is open: should clew die before that,
    // nothing is left in it.
    (void)write_debug_register(**tracee, debug_control, 0);
    (*tracee)->watches_version = 0;
  }
  if (loaded) return slot;
  watches_.remove(*slot);
  return tl::unexpected(loaded.error());
}

Status Engine::clear_watch(unsigned slot) {
  if (traps_.is_inserted())
    return fail(ErrorCode::not_stopped, "watchpoints are cleared while every thread is held");
  watches_.remove(slot);
  if (!watches_.empty()) return {};
  for (const auto& tracee : tracees_.order()) {
    if (tracee->id.tid != 0 && tracee->is_trapped()) restore_trap_signal(*tracee);
  }
  return {};
}

PortResult Engine::write_debug_register(const Tracee& tracee, unsigned number, uint64_t value) {
  return ptrace_.write_user(tracee.id.tid, arch_.debug_register_base + number * sizeof value,
                            value);
}

Status Engine::load_watches(Tracee& tracee) {
  tracee.watches_version = watches_.version();
  // An address can only be changed freely while nothing watches it.
  PortResult result = write_debug_register(tracee, debug_control, 0);
  const uint64_t control = debug_control_word(watches_.places());
  for (unsigned slot = 0; control != 0 && result.is_ok() && slot < watch_slots; ++slot) {
    if (const auto& place = watches_.places()[slot])
      result = write_debug_register(tracee, slot, place->address.value);
  }
  if (control != 0 && result.is_ok()) result = write_debug_register(tracee, debug_control, control);
  if (result.is_ok() || result.is_gone()) return {};
  log(LogArea::engine, "{}: debug registers are refused: {}", tracee.id.tid, result.error);
  return fail_os(result.error, "the kernel does not let that place be watched");
}

bool Engine::take_watch_hit(Tracee& tracee, WaitEvent& event) {
  if (event.signal != SIGTRAP || watches_.empty() || tracee.foreign) return false;
  siginfo_t info{};
  if (!ptrace_.signal_info(tracee.id.tid, info).is_ok() || info.si_code != from_debug_register)
    return false;
  queue_.take(event);
  note_stop(tracee, TraceeState::stopped);
  leave_slot(tracee);
  tell_watch_hits(tracee);
  reconcile(tracee);
  return true;
}

void Engine::tell_watch_hits(Tracee& tracee) {
  const pid_t tid = tracee.id.tid;
  uint64_t status = 0;
  const size_t offset = arch_.debug_register_base + debug_status * sizeof status;
  if (watches_.empty() || !ptrace_.read_user(tid, offset, status).is_ok()) return;
  // The bits stay until they are cleared (Intel SDM volume 3, 17.2.3).
  (void)write_debug_register(tracee, debug_status, 0);
  const auto now = registers(tracee);
  if (!now) return;
  HitVerdict verdict = HitVerdict::go_on;
  for (unsigned slot = 0; slot < watch_slots; ++slot) {
    if ((status >> slot & 1) == 0 || !watches_.places()[slot]) continue;
    verdict = std::max(
        verdict, watch_handler_ ? watch_handler_({tracee.id, slot, **now}) : HitVerdict::hold_all);
  }
  follow_verdict(tracee, verdict);
}

void Engine::follow_verdict(const Tracee& tracee, HitVerdict verdict) {
  if (verdict == HitVerdict::go_on) return;
  request_.chosen[tracee.id.tid] = Wanted::hold;
  if (verdict == HitVerdict::hold_all) stop_wanted_ = true;
}

}  // namespace clew::live
