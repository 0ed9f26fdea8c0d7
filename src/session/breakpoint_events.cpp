// Breakpoints that are about no place in the code: watched memory, and what threads do.

#include <fmt/format.h>

#include <algorithm>

#include "os/signal_names.h"
#include "os/syscall_format.h"
#include "os/syscall_table.h"
#include "session/breakpoints.h"

namespace clew {
namespace {

/// The longest text of a system call.
constexpr size_t longest_call = 160;

/// The largest of the processor's sizes that an address and what is left allow.
unsigned piece_at(Addr address, uint64_t left) {
  for (const unsigned size : {8U, 4U, 2U}) {
    if (size <= left && address.value % size == 0) return size;
  }
  return 1;
}

}  // namespace

// --- Watched memory

Status Breakpoints::begin_watch(Breakpoint& breakpoint) {
  if (!breakpoint.request.watch) return {};
  auto place = compiler_.watch(breakpoint.request.watch->expression);
  if (!place) return tl::unexpected(place.error());
  breakpoint.watched = std::move(*place);
  if (auto loaded = load_watch(breakpoint); !loaded) {
    breakpoint.watched = {};
    return loaded;
  }
  breakpoint.pending.clear();
  if (const auto& scope = breakpoint.watched.scope) {
    Breakpoint* const watch = &breakpoint;
    const auto trap = set_internal(
        scope->returns_to, [this, watch](const TrapHit& hit) { return end_watch(*watch, hit); });
    if (trap) scope_traps_[breakpoint.number] = *trap;
  }
  return {};
}

Status Breakpoints::load_watch(Breakpoint& breakpoint) {
  const WatchPlace& place = breakpoint.watched;
  breakpoint.value.resize(place.size);
  if (const auto read = inferior_.read_exactly(place.address, breakpoint.value); !read) return read;
  const WatchKind kind = breakpoint.request.watch->kind == WatchRequest::Kind::write
                             ? WatchKind::write
                             : WatchKind::access;
  for (uint64_t at = 0; at < place.size;) {
    const unsigned size = piece_at(place.address + at, place.size - at);
    const auto slot = control_.set_watch(place.address + at, size, kind);
    if (!slot) {
      const bool is_large = size < place.size;
      stop_watching(breakpoint);
      if (!is_large || slot.error().code != ErrorCode::unavailable)
        return tl::unexpected(slot.error());
      return fail(
          ErrorCode::unavailable,
          fmt::format("{} has {} bytes, and not enough of the processor's watchpoints, of at "
                      "most 8 bytes each, are free: delete others, or watch a part of it",
                      breakpoint.request.watch->expression, place.size));
    }
    breakpoint.slots.push_back(*slot);
    at += size;
  }
  return {};
}

void Breakpoints::stop_watching(Breakpoint& breakpoint) {
  for (const unsigned slot : std::exchange(breakpoint.slots, {})) (void)control_.clear_watch(slot);
}

void Breakpoints::forget_scope(const Breakpoint& breakpoint) {
  const auto trap = scope_traps_.find(breakpoint.number);
  if (trap == scope_traps_.end()) return;
  clear_internal(trap->second);
  scope_traps_.erase(trap);
}

HitVerdict Breakpoints::end_watch(Breakpoint& breakpoint, const TrapHit& hit) {
  const WatchPlace::Scope& scope = *breakpoint.watched.scope;
  // Stacks grow down: at a smaller sp an invocation further in returns to the same place.
  if (hit.thread != scope.thread || inferior_.arch().sp_of(hit.registers) < scope.sp)
    return HitVerdict::go_on;
  spent_.insert(breakpoint.number);
  if (!breakpoint.enabled) return HitVerdict::go_on;
  stops_.push_back({breakpoint.number, hit.thread, hit.address, false, StopPolicy::all,
                    std::string(breakpoint.request.kind()),
                    fmt::format("{}: it ends, since the function has returned",
                                breakpoint.request.watch->expression)});
  return HitVerdict::hold_all;
}

HitVerdict Breakpoints::judge_watch(const WatchHit& hit) {
  HitVerdict verdict = HitVerdict::go_on;
  const Addr pc{inferior_.arch().pc_of(hit.registers)};
  for (const auto& breakpoint : breakpoints_) {
    const auto& slots = breakpoint->slots;
    if (std::find(slots.begin(), slots.end(), hit.slot) == slots.end()) continue;
    std::vector<std::byte> now(breakpoint->watched.size);
    if (!inferior_.read_memory(breakpoint->watched.address, now)) continue;
    const bool changed = now != breakpoint->value;
    const std::string before = breakpoint->watched.show(breakpoint->value);
    breakpoint->value = now;
    const WatchRequest& request = *breakpoint->request.watch;
    // What is written and stays the same is no news to who watches for writes; who watches for
    // reads cannot be told of one that came with a change.
    if (request.kind == WatchRequest::Kind::write && !changed) continue;
    if (request.kind == WatchRequest::Kind::read && changed) continue;
    const std::string after = breakpoint->watched.show(now);
    const std::string detail = changed
                                   ? fmt::format("{}: {} -> {}", request.expression, before, after)
                                   : fmt::format("{}: {}", request.expression, after);
    verdict =
        std::max(verdict, judge_one(*breakpoint, nullptr, {hit.thread, pc, hit.registers}, detail));
  }
  return verdict;
}

// --- What threads do

void Breakpoints::choose_acts() {
  unsigned acts = 0;
  for (const auto& breakpoint : breakpoints_) {
    if (breakpoint->enabled && breakpoint->request.caught) acts |= breakpoint->request.caught->acts;
  }
  control_.catch_acts(acts);
}

HitVerdict Breakpoints::judge_act(const Act& act) {
  HitVerdict verdict = HitVerdict::go_on;
  const Addr pc{inferior_.arch().pc_of(act.registers)};
  const bool is_call = act.kind == ActKind::call || act.kind == ActKind::call_return;
  for (const auto& breakpoint : breakpoints_) {
    const auto& caught = breakpoint->request.caught;
    if (!breakpoint->enabled || !caught || (caught->acts & act_bit(act.kind)) == 0) continue;
    if (is_call && !caught->calls.empty() &&
        !caught->calls.contains(static_cast<uint64_t>(act.detail)))
      continue;
    if (act.kind == ActKind::signal && !caught->signals.empty() &&
        !caught->signals.contains(static_cast<int>(act.detail)))
      continue;
    verdict = std::max(
        verdict, judge_one(*breakpoint, nullptr, {act.thread, pc, act.registers}, describe(act)));
  }
  return verdict;
}

HitVerdict Breakpoints::judge_library(const LibraryChange& change, const TrapHit& hit) {
  HitVerdict verdict = HitVerdict::go_on;
  for (const auto& breakpoint : breakpoints_) {
    const auto& caught = breakpoint->request.caught;
    if (!breakpoint->enabled || !caught) continue;
    if (!(change.is_loaded ? caught->loads : caught->unloads)) continue;
    if (breakpoint->library && !breakpoint->library->matches(change.path)) continue;
    verdict =
        std::max(verdict, judge_one(*breakpoint, nullptr, hit,
                                    (change.is_loaded ? "loaded " : "unloaded ") + change.path));
  }
  return verdict;
}

std::string Breakpoints::describe(const Act& act) {
  switch (act.kind) {
    case ActKind::fork:
      return fmt::format("fork of process {}", act.detail);
    case ActKind::vfork:
      return fmt::format("vfork of process {}", act.detail);
    case ActKind::clone:
      return fmt::format("birth of the thread with tid {}", act.detail);
    case ActKind::exec:
      return "exec of a new program";
    case ActKind::signal:
      return fmt::format("{}, before its delivery", os::signal_name(static_cast<int>(act.detail)));
    case ActKind::call:
    case ActKind::call_return:
      break;
  }
  const auto number = static_cast<uint64_t>(act.detail);
  if (act.kind == ActKind::call_return) {
    return fmt::format("return of {} with {}", os::syscall_name(number), act.result);
  }
  os::SyscallCall call;
  call.number = number;
  for (size_t i = 0; i < call.args.size(); ++i)
    call.args[i] = act.registers.word(inferior_.arch().syscall_arguments[i]);
  os::SyscallLookups lookups;
  lookups.read_memory = [this](uint64_t address, std::span<std::byte> into) {
    const auto n = inferior_.read_memory({address}, into);
    return n && *n == into.size();
  };
  return "call of " + os::format_syscall(call, lookups, longest_call);
}

}  // namespace clew
