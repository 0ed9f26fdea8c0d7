#include "session/call_trace.h"

#include <algorithm>

namespace clew {
namespace {}  // namespace

// --- Traps

Status CallTrace::follow(std::vector<TracedFunction> functions) {
  Status first_failure;
  for (TracedFunction& one : functions) {
    if (entries_.contains(one.entry.value)) continue;
    functions_.push_back(std::move(one));
    TracedFunction& function = functions_.back();
    const auto entry = session_.breakpoints().set_internal(
        function.entry, [this, &function](const TrapHit& hit) { return on_entry(function, hit); });
    if (!entry) {
      if (first_failure) first_failure = tl::unexpected(entry.error());
      functions_.pop_back();
      continue;
    }
    entries_[function.entry.value] = *entry;
    if (!function.body) continue;
    const auto body =
        session_.breakpoints().set_internal(*function.body, [this, &function](const TrapHit& hit) {
          on_body(function, hit);
          return HitVerdict::go_on;
        });
    if (body) bodies_[function.body->value] = *body;
  }
  if (auto watched = watch_ways_out(); !watched && first_failure) first_failure = watched;
  return first_failure;
}

Status CallTrace::watch_ways_out() {
  for (const Addr gate : escapes_.gates()) {
    if (gates_.contains(gate.value)) continue;
    const auto set = session_.breakpoints().set_internal(gate, [this, gate](const TrapHit& hit) {
      on_gate(gate, hit);
      return HitVerdict::go_on;
    });
    if (!set) return tl::unexpected(set.error());
    gates_[gate.value] = *set;
  }
  const auto event = library_event_ ? std::nullopt : symbols_.library_event();
  if (!event) return {};
  const auto set = session_.breakpoints().set_internal(*event, [this](const TrapHit&) {
    code_changed_ = code_changed_ || symbols_.refresh();
    return code_changed_ ? HitVerdict::hold_all : HitVerdict::go_on;
  });
  if (!set) return tl::unexpected(set.error());
  library_event_ = *set;
  return {};
}

Status CallTrace::watch_returns() {
  while (!new_returns_.empty()) {
    const uint64_t address = *new_returns_.begin();
    const auto set = session_.breakpoints().set_internal({address}, [this](const TrapHit& hit) {
      on_return(hit);
      return HitVerdict::go_on;
    });
    if (!set) return tl::unexpected(set.error());
    returns_[address] = *set;
    new_returns_.erase(address);
  }
  return {};
}

bool CallTrace::is_mapped(const sym::LoadedModule& module) const {
  const sym::LoadedModule* const now = symbols_.modules().find(module.start);
  return now != nullptr && now->module == module.module && now->bias == module.bias;
}

void CallTrace::look_at_code() {
  // Another library may be mapped where one has gone: a trap that stayed would be anywhere in its
  // code.
  const auto drop = [&](std::map<uint64_t, unsigned>& traps, auto is_gone) {
    std::erase_if(traps, [&](const auto& trap) {
      if (!is_gone(trap.first)) return false;
      session_.breakpoints().clear_internal(trap.second);
      return true;
    });
  };
  const auto has_no_code = [&](uint64_t address) {
    return symbols_.modules().find({address}) == nullptr;
  };
  for (const TracedFunction& function : functions_) {
    if (is_mapped(function.module)) continue;
    drop(entries_, [&](uint64_t address) { return address == function.entry.value; });
    drop(bodies_,
         [&](uint64_t address) { return function.body && address == function.body->value; });
  }
  drop(returns_, has_no_code);
  drop(gates_, has_no_code);
  new_code_told_ = true;
}

Status CallTrace::catch_up() {
  if (std::exchange(code_changed_, false)) look_at_code();
  // Threads that have exited in the middle of a call.
  std::set<uint32_t> living;
  for (const Thread& thread : session_.threads()) living.insert(thread.id.number);
  for (auto at = by_thread_.begin(); at != by_thread_.end();) {
    if (living.contains(at->first)) {
      ++at;
      continue;
    }
    while (!at->second.frames.empty()) leave_frame(at->second);
    at = by_thread_.erase(at);
  }
  return watch_returns();
}

size_t CallTrace::open_calls() const {
  size_t open = 0;
  for (const auto& [number, stack] : by_thread_) {
    for (const Frame& frame : stack.frames) open += frame.calls.size();
  }
  return open;
}

// --- Hits

void CallTrace::add_call(Frame& frame, TracedFunction& function, size_t depth, const TrapHit& hit) {
  Call& call = frame.calls.emplace_back();
  call.id = calls_;
  call.function = &function;
  call.depth = depth;
  call.begun = Clock::now();
  if (function.body) return;
  call.is_told = true;
  listener_.called(call, hit);
}

HitVerdict CallTrace::on_entry(TracedFunction& function, const TrapHit& hit) {
  if (is_full()) return HitVerdict::go_on;
  Inferior& inferior = session_.inferior();
  const uint64_t sp = inferior.arch().sp_of(hit.registers);
  const auto back = function.follows_return ? inferior.read<uint64_t>({sp})
                                            : Result<uint64_t>(fail(ErrorCode::unsupported, ""));
  ++calls_;
  ++function.calls;
  const bool is_followed = back && symbols_.modules().find({*back}) != nullptr;
  Stack& stack = by_thread_[hit.thread.number];
  stack.thread = hit.thread;
  std::vector<Frame>& frames = stack.frames;
  if (!is_followed) {
    if (function.follows_return) ++from_nowhere_;
    Frame alone;
    add_call(alone, function, frames.size(), hit);
    return HitVerdict::go_on;
  }
  const uint64_t cfa = sp + word_size;
  // The same frame again: it was reached by a jump from the function that has it.
  const bool is_tail_call =
      !frames.empty() && frames.back().cfa == cfa && frames.back().returns_to.value == *back;
  if (!is_tail_call) frames.push_back({cfa, {*back}, {}});
  Frame& frame = frames.back();
  if (frame.calls.size() >= most_calls_in_frame) {
    // Functions that jump to each other for ever: the oldest of them ends here.
    listener_.left(frame.calls.front(), hit.thread);
    ++frame.calls.front().function->left;
    frame.calls.erase(frame.calls.begin());
  }
  add_call(frame, function, frames.size() - 1, hit);
  if (returns_.contains(*back)) return HitVerdict::go_on;
  new_returns_.insert(*back);
  return HitVerdict::hold_all;
}

void CallTrace::on_body(const TracedFunction& function, const TrapHit& hit) {
  const auto found = by_thread_.find(hit.thread.number);
  if (found == by_thread_.end() || found->second.frames.empty()) return;
  Call& call = found->second.frames.back().calls.back();
  if (call.function != &function || call.is_told) return;
  call.is_told = true;
  listener_.called(call, hit);
}

void CallTrace::leave_frame(Stack& stack) {
  const Frame frame = std::move(stack.frames.back());
  stack.frames.pop_back();
  for (auto call = frame.calls.rbegin(); call != frame.calls.rend(); ++call) {
    ++call->function->left;
    listener_.left(*call, stack.thread);
  }
}

void CallTrace::on_return(const TrapHit& hit) {
  const auto found = by_thread_.find(hit.thread.number);
  if (found == by_thread_.end()) return;
  std::vector<Frame>& frames = found->second.frames;
  const uint64_t sp = session_.inferior().arch().sp_of(hit.registers);
  // Other functions return here as well, and jumps may lead here.
  const auto frame = std::find_if(frames.rbegin(), frames.rend(), [&](const Frame& one) {
    return one.cfa == sp && one.returns_to == hit.address;
  });
  if (frame == frames.rend()) return;
  const size_t at = static_cast<size_t>(frames.rend() - frame) - 1;
  while (frames.size() > at + 1) leave_frame(found->second);
  const Frame ended = std::move(frames.back());
  frames.pop_back();
  const TimePoint now = Clock::now();
  for (auto call = ended.calls.rbegin(); call != ended.calls.rend(); ++call) {
    TracedFunction& function = *call->function;
    const Duration took = now - call->begun;
    ++function.returns;
    function.total += took;
    function.longest = std::max(function.longest, took);
    listener_.returned(*call, hit, took, call != ended.calls.rbegin());
  }
}

void CallTrace::on_gate(Addr gate, const TrapHit& hit) {
  const auto found = by_thread_.find(hit.thread.number);
  if (found == by_thread_.end() || found->second.frames.empty()) return;
  const auto landing = escapes_.landing(gate, hit.registers);
  if (!landing) return;
  // The frame that goes on has called the outermost of those that are left.
  const std::vector<Frame>& frames = found->second.frames;
  while (!frames.empty() && frames.back().cfa <= landing->sp) leave_frame(found->second);
}

}  // namespace clew
