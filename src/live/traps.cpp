// The parts of the engine that deal with traps in the text: breakpoints as the kernel knows them.

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/log.h"
#include "live/engine.h"
#include "os/scheduling.h"

namespace clew::live {
namespace {

/// How far apart a slot and its instruction may be, so that operands relative to the pc still
/// reach.
constexpr uint64_t reach = 0x7000'0000;

/// @return a free stretch of `size` bytes within reach of `near`, the nearest one below or above.
std::optional<Addr> find_gap(const std::vector<os::Mapping>& mappings, Addr near, uint64_t size) {
  constexpr uint64_t lowest = 0x10000;
  constexpr uint64_t page = 4096;
  std::optional<Addr> best;
  uint64_t best_distance = reach;
  uint64_t free_from = lowest;
  const auto consider = [&](uint64_t from, uint64_t to) {
    // A page is left on both sides: a stack or heap beside it may want to grow.
    if (to < from + size + 2 * page) return;
    const uint64_t low = from + page;
    const uint64_t high = to - size - page;
    const uint64_t at = std::clamp(near.value, low, high) & ~(page - 1);
    const uint64_t distance = at > near.value ? at - near.value : near.value - at;
    if (at < low || distance >= best_distance) return;
    best = Addr{at};
    best_distance = distance;
  };
  for (const os::Mapping& mapping : mappings) {
    if (mapping.start.value >= uint64_t{1} << 47) break;
    consider(free_from, mapping.start.value);
    free_from = std::max(free_from, mapping.end.value);
  }
  return best;
}

}  // namespace

bool Engine::is_everything_held() const {
  return std::all_of(tracees_.order().begin(), tracees_.order().end(), [](const auto& tracee) {
    return tracee->id.tid == 0 || tracee->foreign || tracee->is_trapped() || tracee->stuck ||
           tracee->state == TraceeState::exiting;
  });
}

Result<Tracee*> Engine::any_held() {
  // Best one that sleeps in a system call: it is in no restartable sequence (rseq(2)), which the
  // kernel would not break off if the thread were elsewhere at the time.
  constexpr size_t most_asked = 64;
  Tracee* first = nullptr;
  size_t asked = 0;
  for (const auto& tracee : tracees_.order()) {
    if (tracee->id.tid == 0 || tracee->foreign || tracee->state != TraceeState::stopped ||
        (tracee->place != StopPlace::ordinary && tracee->place != StopPlace::event))
      continue;
    const auto now = registers(*tracee);
    if (now && arch_.in_syscall(**now)) return tracee.get();
    if (first == nullptr) first = tracee.get();
    if (++asked == most_asked) break;
  }
  if (first != nullptr) return first;
  return fail(ErrorCode::not_stopped,
              "no thread of the process is held but before the delivery of a signal: `stepi` or "
              "`continue` delivers it");
}

Status Engine::set_trap(Addr address) {
  if (traps_.is_inserted()) return set_trap_also(address);
  if (!is_everything_held())
    return fail(ErrorCode::not_stopped, "breakpoints are set while every thread is held");
  if (auto spread = spread_net(); !spread) return spread;
  return traps_.add(address);
}

Status Engine::set_trap_also(Addr address) {
  if (const Trap* const there = traps_.find(address); there != nullptr && there->patched)
    return traps_.add(address);
  const auto found = any_held();
  if (!found) return tl::unexpected(found.error());
  if (auto added = traps_.add(address); !added) return added;
  traps_.prepare_also(address, (*found)->id.tid,
                      [this](Addr near, uint64_t size) { return map_pages(near, size); });
  if (exec_in_call_) {
    tell_exec_in_call();
    return fail(ErrorCode::gone, "the program has executed another one meanwhile");
  }
  // The one that has made the calls may have been killed in them: its tid may be that of a thread
  // with another memory next.
  const auto still = any_held();
  if (!still) {
    traps_.remove(address);
    return tl::unexpected(still.error());
  }
  const pid_t held = (*still)->id.tid;
  Status done;
  if (net_.is_installed()) done = net_.publish_also(*traps_.find(address), held);
  if (done) done = traps_.insert_also(address, held);
  if (!done) traps_.remove(address);
  return done;
}

CallTarget Engine::caller() {
  return [this](std::span<const TargetCall> calls) -> Result<std::vector<int64_t>> {
    const auto tracee = any_held();
    if (!tracee) return tl::unexpected(tracee.error());
    return call_target(**tracee, memory_, calls);
  };
}

Status Engine::spread_net() {
  if (net_.is_installed()) return {};
  const auto held = any_held();
  if (!held) return tl::unexpected(held.error());
  const TaskPort::Facts facts = tasks_.facts((*held)->id.tid);
  Status installed = fail(ErrorCode::unavailable, "it is switched off");
  if (wants_net_) installed = net_.install(caller(), (*held)->id.tid, facts.has_filter);
  net_failure_ = installed ? "" : installed.error().text;
  if (installed) {
    trap_signal_ignored_.reset();
    return {};
  }
  log(LogArea::engine, "no safety net: {}", net_failure_);
  if ((facts.ignored_signals & (uint64_t{1} << (SIGTRAP - 1))) != 0) {
    return fail(ErrorCode::unsupported,
                "the program ignores SIGTRAP, which the kernel would end for good at the first "
                "hit; and there is no safety net: " +
                    net_failure_);
  }
  return {};
}

Status Engine::clear_trap(Addr address) {
  if (traps_.is_inserted()) {
    return fail(ErrorCode::not_stopped, "breakpoints are cleared while every thread is held");
  }
  traps_.remove(address);
  return {};
}

void Engine::pass_trap(ThreadId id) {
  auto tracee = held(id);
  if (!tracee) return;
  if (const auto now = registers(**tracee))
    note_told(**tracee, {arch_.pc_of(**now)}, arch_.sp_of(**now));
}

void Engine::note_told(Tracee& tracee, Addr trap, uint64_t sp) {
  tracee.at_trap = trap.value;
  tracee.at_trap_sp = sp;
  tracee.at_trap_later = false;
}

void Engine::insert_traps() {
  if (traps_.empty() && watches_.empty()) return;
  // None when each stands where it can make no call for clew; the text can be written all the same.
  const auto held_one = [this] {
    const auto found = any_held();
    return found ? std::optional((*found)->id.tid) : std::nullopt;
  };
  if (wants_net_)
    traps_.prepare(held_one(), [this](Addr near, uint64_t size) { return map_pages(near, size); });
  const std::vector<pid_t> unblocked = prepare_trap_signals();
  queue_.set_peeking(true);
  if (net_.is_installed()) {
    if (auto told = net_.publish(traps_, unblocked, caller(), held_one()); !told)
      log(LogArea::engine, "the safety net does not know of the traps: {}", told.error().text);
  }
  // Not by one that was killed in the calls before.
  if (const auto inserted = traps_.insert(held_one()); !inserted)
    log(LogArea::engine, "{}", inserted.error().text);
}

void Engine::lift_traps() {
  if (!traps_.is_inserted()) return;
  const auto found = any_held();
  const std::optional<pid_t> held = found ? std::optional((*found)->id.tid) : std::nullopt;
  traps_.lift(held);
  net_.withdraw(held);
  queue_.set_peeking(false);
  for (const auto& tracee : tracees_.order()) {
    if (tracee->id.tid != 0 && tracee->is_trapped()) restore_trap_signal(*tracee);
  }
}

std::vector<pid_t> Engine::prepare_trap_signals() {
  // The signal of a trap is forced: where a thread blocks it, the kernel resets its action for good
  // (kernel facts, 13).
  std::vector<pid_t> unblocked;
  for (const auto& tracee : tracees_.order()) {
    if (tracee->id.tid == 0 || !tracee->is_trapped()) continue;
    unblock_trap_signal(*tracee);
    if (tracee->trap_signal_unblocked) unblocked.push_back(tracee->id.tid);
  }
  return unblocked;
}

void Engine::mend_net() {
  // A thread that has blocked SIGTRAP since and then hit a trap has had the handler reset by the
  // kernel. It is found out soon, and set again in one short stop.
  constexpr auto interval = std::chrono::milliseconds(50);
  const TimePoint now = Clock::now();
  if (!traps_.is_inserted() || !net_.is_installed() || now - net_looked_at_ < interval) return;
  net_looked_at_ = now;
  const TaskPort::Facts facts = tasks_.facts(tasks_.leader());
  if (!facts.exists || (facts.caught_signals & (uint64_t{1} << (SIGTRAP - 1))) != 0) return;
  const RunRequest before = request_;
  apply(RunRequest::all(Wanted::hold));
  if (settle(Deadline::after(std::chrono::seconds(1)), false) == Settled::yes) {
    lift_traps();
    if (auto set = net_.install_handler(caller()); !set)
      log(LogArea::engine, "the safety net is lost: {}", set.error().text);
  }
  if (!stop_wanted_) apply(before);
}

void Engine::remove_net() {
  net_.remove(traps_, caller());
  traps_.forget_areas();
}

void Engine::clean_child(Tracee& child) {
  // A forked child has copies of the traps, and of the net.
  if (!traps_.is_inserted() && !net_.is_installed()) return;
  const auto memory = memory_.of_child(child.id.tid);
  if (memory == nullptr) return;
  traps_.clean_copy(*memory, child.id.tid);
  if (!net_.is_installed()) return;
  const std::vector<TargetCall> calls = net_.prepare_copy(*memory, traps_);
  if (auto cleaned = call_target(child, *memory, calls); !cleaned)
    log(LogArea::engine, "{} keeps the safety net: {}", child.id.tid, cleaned.error().text);
}

Result<Addr> Engine::map_pages(Addr near, uint64_t size) {
  const auto mappings = memory_.mappings();
  if (!mappings) return tl::unexpected(mappings.error());
  const auto gap = find_gap(*mappings, near, size);
  if (!gap) {
    return fail(ErrorCode::unavailable,
                fmt::format("there is no free address space near {:#x}", near.value));
  }
  constexpr uint64_t prot_read_execute = 5;
  constexpr uint64_t map_private_anonymous_fixed_noreplace = 0x02 | 0x20 | 0x100000;
  const TargetCall call{arch_.mmap_call,
                        {gap->value, size, prot_read_execute, map_private_anonymous_fixed_noreplace,
                         ~uint64_t{0}, 0}};
  const auto mapped = caller()(std::span(&call, 1));
  if (!mapped) return tl::unexpected(mapped.error());
  const int64_t start = mapped->front();
  if (start < 0 && start > -4096)
    return fail_os(static_cast<int>(-start), "the target cannot map a page for clew");
  return Addr{static_cast<uint64_t>(start)};
}

bool Engine::is_behind_trap(Tracee& tracee) {
  if (!traps_.is_inserted()) return false;
  const auto now = registers(tracee);
  return now && traps_.find_patched(Addr{arch_.pc_of(**now)} - arch_.trap_advance) != nullptr;
}

bool Engine::take_hit(Tracee& tracee, WaitEvent& event) {
  if (event.signal != SIGTRAP || !is_behind_trap(tracee)) return false;
  const Addr address = Addr{arch_.pc_of(tracee.registers)} - arch_.trap_advance;
  const Trap& trap = *traps_.find_patched(address);
  // A SIGTRAP that somebody has sent, or a step that has ended here, is no hit. In the middle of an
  // instruction only the trap itself leads to a stop.
  const bool is_in_the_middle = trap.slot && trap.copy.info.length > arch_.trap_advance;
  siginfo_t info{};
  if (!is_in_the_middle &&
      (!ptrace_.signal_info(tracee.id.tid, info).is_ok() || info.si_code != SI_KERNEL))
    return false;
  // Moved into the slot before the stop is taken: from here on the thread is well wherever clew
  // dies (WaitQueue::set_peeking).
  arch::GeneralRegisters moved = tracee.registers;
  moved.set_word(arch_.pc, trap.slot.value_or(address).value);
  const bool alive = write_registers(tracee, moved).has_value();
  queue_.take(event);
  note_stop(tracee, TraceeState::stopped);
  if (!alive) return true;
  tracee.registers = moved;
  tracee.registers_known = true;
  judge_hit(tracee, trap);
  return true;
}

void Engine::judge_hit(Tracee& tracee, const Trap& trap) {
  const pid_t tid = tracee.id.tid;
  const bool told =
      tracee.at_trap == trap.address.value && tracee.at_trap_sp == arch_.sp_of(tracee.registers);
  tracee.at_trap.reset();
  HitVerdict verdict = HitVerdict::go_on;
  if (!told && !tracee.foreign) {
    arch::GeneralRegisters shown = tracee.registers;
    shown.set_word(arch_.pc, trap.address.value);
    verdict = hit_handler_ ? hit_handler_({tracee.id, trap.address, shown}) : HitVerdict::hold_all;
  }
  const Wanted wanted = tracee.foreign ? Wanted::run : request_.of(tid);
  if (verdict == HitVerdict::go_on && wanted == Wanted::run && trap.slot) {
    if (let_run(tracee, 0).is_ok()) {
      note_passing_hit(tid);
      note_resumed(tracee, TraceeState::running);
    } else {
      note_dying(tracee);
    }
    return;
  }
  // It stands before the instruction, as the user sees it.
  arch::GeneralRegisters before = tracee.registers;
  before.set_word(arch_.pc, trap.address.value);
  if (!write_registers(tracee, before)) return;
  note_told(tracee, trap.address, arch_.sp_of(before));
  if (verdict == HitVerdict::go_on && wanted == Wanted::run) {
    to_step_lifted_.push_back(tracee.id);
    return;
  }
  if (verdict != HitVerdict::go_on || wanted == Wanted::step) request_.chosen[tid] = Wanted::hold;
  if (verdict == HitVerdict::hold_all) stop_wanted_ = true;
  reconcile(tracee);
}

void Engine::note_passing_hit(pid_t tid) {
  passing_hits_.of_several = passing_hits_.count > 0 && passing_hits_.tid != tid;
  passing_hits_.tid = tid;
  ++passing_hits_.count;
}

void Engine::serve_hot_thread() {
  // One thread runs into traps all the time: its next hit is waited for here for a while, on its
  // CPU. To sleep in the event loop in between costs more than the hit itself, and looking at all
  // tracees after each costs in proportion to their number (kernel facts, 1 and 7).
  constexpr auto slice = std::chrono::milliseconds(20);
  constexpr unsigned hits_a_look = 256;
  if (passing_hits_.count == 0 || passing_hits_.of_several || stop_wanted_) return;
  const pid_t tid = passing_hits_.tid;
  const Ticking ticking(queue_.port());
  os::CpuFollower follower;
  const Deadline end = Deadline::after(slice);
  bool ticked = false;
  for (unsigned hits = 0; !stop_wanted_ && !end.passed(); ++hits) {
    if (hits % hits_a_look == 1) follower.follow(tasks_.cpu(tid));
    const unsigned before = passing_hits_.count;
    WaitQueue::Polled polled;
    const auto wake = queue_.wait(tid, true, polled);
    if (polled.answer == WaitQueue::Answer::none) {
      // A tick that comes just after a hit says nothing; two in a row, that none comes.
      if (wake == WaitPort::Wake::signal || std::exchange(ticked, true)) return;
      continue;
    }
    if (polled.answer == WaitQueue::Answer::no_child) return;
    handle(polled.event);
    ticked = false;
    if (passing_hits_.count == before || passing_hits_.of_several) return;
  }
}

void Engine::leave_slot(Tracee& tracee) {
  if (!traps_.has_slots()) return;
  const auto now = registers(tracee);
  if (!now) return;
  const Addr pc{arch_.pc_of(**now)};
  const Trap* const trap = traps_.slot_owner(pc);
  if (trap == nullptr) return;
  const auto place = trap->copy.place_of(pc - *trap->slot, tracee.registers);
  if (!place || !write_registers(tracee, place->registers) || place->executed) return;
  // The hit has been told, and the instruction is yet to be executed.
  note_told(tracee, trap->address, arch_.sp_of(place->registers));
}

void Engine::tell_broken_off(Tracee& tracee) {
  if (!tracee.at_trap || tracee.foreign || !broken_off_handler_) return;
  const auto now = registers(tracee);
  if (!now || arch_.pc_of(**now) != *tracee.at_trap || arch_.sp_of(**now) != tracee.at_trap_sp)
    return;
  const arch::GeneralRegisters shown = **now;
  if (broken_off_handler_({tracee.id, Addr{*tracee.at_trap}, shown})) tracee.at_trap.reset();
}

void Engine::enter_slot(Tracee& tracee) {
  // A signal's frame must not have a pc in a slot: then the thread runs into the trap again after
  // the handler, and that is no second hit.
  if (!tracee.at_trap) return;
  if (tracee.signal != 0) {
    tracee.at_trap_later = true;
    return;
  }
  const auto now = registers(tracee);
  if (!now) return;
  const uint64_t told = *tracee.at_trap;
  const bool there = arch_.pc_of(**now) == told && arch_.sp_of(**now) == tracee.at_trap_sp;
  // It was stopped in the handler. Further up the stack it has left that by a longjmp.
  if (!there && tracee.at_trap_later && arch_.sp_of(**now) <= tracee.at_trap_sp) return;
  const Trap* const trap = there ? traps_.find_patched(Addr{told}) : nullptr;
  if (there && trap != nullptr && !trap->slot) return;
  tracee.at_trap.reset();
  if (trap == nullptr) return;
  arch::GeneralRegisters moved = tracee.registers;
  moved.set_word(arch_.pc, trap->slot->value);
  (void)write_registers(tracee, moved);
}

void Engine::step_over_lifted() {
  // The instruction can only be executed where it stands: all are held for as long as that takes.
  while (!to_step_lifted_.empty() && !stop_wanted_) {
    const RunRequest before = request_;
    apply(RunRequest::all(Wanted::hold));
    if (settle(Deadline::after(std::chrono::seconds(1)), false) != Settled::yes) return;
    lift_traps();
    for (const ThreadId id : std::exchange(to_step_lifted_, {})) {
      if (const auto tracee = held(id)) {
        (*tracee)->at_trap.reset();
        (void)step(id, Deadline::after(std::chrono::seconds(1)));
      }
    }
    if (stop_wanted_) return;
    apply(before);
  }
}

}  // namespace clew::live
