#include "session/step_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace clew {
namespace {

constexpr auto hold_patience = std::chrono::seconds(5);

}  // namespace

bool StepDriver::start(ThreadId thread, std::unique_ptr<StepPlan> plan, StepOthers others,
                       const Deadline& limit, std::function<RunRequest()> running,
                       std::function<bool(ThreadId)> judge) {
  plan_ = std::move(plan);
  move_ = StepMove::one();
  thread_ = thread;
  others_ = others;
  limit_ = limit;
  running_ = std::move(running);
  judge_ = std::move(judge);
  in_steps_ = released_ = others_running_ = done_ = false;
  arrived_ = Arrival::none;
  landing_.reset();
  begun_ = Clock::now();
  parts_ = 0;
  begin_goroutine();
  const auto registers = inferior_.general(thread_);
  if (!registers) {
    give_up(registers.error().text);
    return true;
  }
  ask_plan(**registers);
  return advance();
}

void StepDriver::begin_goroutine() {
  goroutine_.reset();
  const auto registers = inferior_.general(thread_);
  if (!registers || !find_goroutine_) return;
  // On another stack (in C, in the scheduler) a thread does its own work.
  const auto runs = find_goroutine_(**registers);
  if (!runs || !runs->is_on_stack(inferior_.arch().sp_of(**registers))) return;
  goroutine_ = runs->id;
  stack_low_ = runs->stack_low;
  stack_high_ = runs->stack_high;
}

void StepDriver::follow_stack() {
  if (!goroutine_) return;
  const auto registers = inferior_.general(thread_);
  const auto runs = registers ? find_goroutine_(**registers) : std::nullopt;
  if (!runs || runs->id != *goroutine_ || runs->stack_high == stack_high_) return;
  plan_->stack_moved(runs->stack_high - stack_high_);
  stack_low_ = runs->stack_low;
  stack_high_ = runs->stack_high;
}

bool StepDriver::is_arrival(const StepMove::Target& target, const TrapHit& hit) const {
  const uint64_t sp = inferior_.arch().sp_of(hit.registers);
  if (!goroutine_) return hit.thread == thread_ && (!target.sp || sp == *target.sp);
  const auto runs = find_goroutine_(hit.registers);
  if (!runs || runs->id != *goroutine_) return false;
  const bool is_relative = target.sp && *target.sp > stack_low_ && *target.sp <= stack_high_;
  if (!is_relative) return !target.sp || sp == *target.sp;
  return runs->stack_high - sp == stack_high_ - *target.sp;
}

void StepDriver::end() {
  targets_.clear();
  take_traps_away();
  in_steps_ = others_running_ = false;
  if (plan_ == nullptr) return;
  if (std::string remark = plan_->remark(); !remark.empty()) remarks_.push_back(std::move(remark));
  plan_.reset();
}

void StepDriver::take_traps_away() {
  for (const auto& [address, trap] : std::exchange(traps_, {})) breakpoints_.clear_internal(trap);
}

void StepDriver::hold_all() {
  (void)control_.hold_all(Deadline::after(hold_patience));
  others_running_ = false;
}

void StepDriver::let_others_run() {
  RunRequest request = running_();
  request.chosen[thread_.tid] = Wanted::hold;
  control_.apply(request);
  others_running_ = true;
}

bool StepDriver::end_held() {
  hold_all();
  end();
  return true;
}

void StepDriver::give_up(std::string why) {
  remarks_.push_back(std::move(why));
  end();
}

void StepDriver::ask_plan(const arch::GeneralRegisters& registers) {
  follow_stack();
  move_ = plan_->next(registers);
  if (plan_->parts_done() == parts_) return;
  // Each has the whole of its time.
  parts_ = plan_->parts_done();
  begun_ = Clock::now();
  released_ = false;
}

bool StepDriver::advance() {
  if (is_over_limit()) {
    hold_all();
    give_up("the step was broken off: --max-pause is over");
    return true;
  }
  if (move_.kind == StepMove::Kind::done) {
    done_ = true;
    return end_held();
  }
  const bool runs = move_.kind == StepMove::Kind::run;
  if (move_.kind != StepMove::Kind::run_free && !(runs && goroutine_)) return lead();
  if (auto running = run_to(); !running) {
    hold_all();
    give_up(running.error().text);
    return true;
  }
  return false;
}

bool StepDriver::needs_others() const {
  return move_.kind == StepMove::Kind::done || move_.kind == StepMove::Kind::run_free ||
         (move_.kind == StepMove::Kind::run && goroutine_) || others_run() != others_running_ ||
         is_patience_over();
}

bool StepDriver::lead() {
  if (is_patience_over()) release_others();
  if (others_run() && !others_running_) {
    let_others_run();
  } else if (!others_run() && others_running_) {
    hold_all();
  }
  const Deadline end_of_slice = Deadline::after(slice);
  bool is_first = true;
  bool has_run = false;
  bool stopped = false;
  Status failure;
  const auto next = [&] {
    if (!std::exchange(is_first, false)) {
      // Held by what is no matter of the plan's: the others hear of it first.
      if (has_run && arrived_ == Arrival::none && !control_.is_stop_wanted()) return Lead::leave;
      stopped = !take_in(has_run);
      if (stopped || needs_others() || end_of_slice.passed()) {
        in_steps_ = !stopped;
        return Lead::leave;
      }
    }
    has_run = move_.kind == StepMove::Kind::run;
    if (!has_run) return Lead::step;
    failure = set_targets();
    return failure ? Lead::run : Lead::leave;
  };
  const auto led = control_.lead(thread_, next, Deadline::after(patience));
  if (!led && led.error().code == ErrorCode::timeout) {
    // What cannot be stepped in time waits for something that the others do, perhaps.
    in_steps_ = true;
    return false;
  }
  if (!led) failure = tl::unexpected(led.error());
  if (!failure) {
    hold_all();
    give_up(failure.error().text);
    return true;
  }
  if (stopped) return end_held();
  if (!*led || !in_steps_ || !needs_others()) return false;
  in_steps_ = false;
  return advance();
}

bool StepDriver::take_in(bool has_run) {
  // A breakpoint that the step has led to, a signal that is to stop the process.
  if (control_.is_stop_wanted() || (!has_run && !judge_(thread_))) return false;
  const auto registers = inferior_.general(thread_);
  if (!registers) return false;
  const Arrival arrival = std::exchange(arrived_, Arrival::none);
  targets_.clear();
  // At a gate the same run goes on, to the landing as well; so it does from a landing for cleaning.
  if (has_run && arrival == Arrival::gate) return true;
  const auto landing = std::exchange(landing_, {});
  if (has_run && arrival == Arrival::landing) {
    if (!landing->may_clean_up || !escapes_->is_cleanup(**registers))
      move_ = plan_->escaped(**registers);
    return true;
  }
  ask_plan(**registers);
  return true;
}

Status StepDriver::run_to() {
  if (is_patience_over()) release_others();
  if (auto set = set_targets(); !set) return set;
  // Nothing that the others hold back may keep it from its end.
  if (move_.kind == StepMove::Kind::run_free) others_ = StepOthers::run;
  control_.apply(request_now());
  others_running_ = others_run();
  return {};
}

Status StepDriver::set_targets() {
  targets_.clear();
  for (const StepMove::Target& target : move_.targets) {
    const auto is_it = [this, target](const TrapHit& hit) { return is_arrival(target, hit); };
    if (auto set = set_target({target.address, Arrival::target, is_it, target.is_resumption}); !set)
      return set;
  }
  return set_escapes();
}

Status StepDriver::set_target(Target target) {
  if (!traps_.contains(target.address.value)) {
    if (auto placed = place_trap(target.address); !placed) return placed;
  }
  targets_.push_back(std::move(target));
  return {};
}

Status StepDriver::place_trap(Addr address) {
  // So many that each place of a long way has its own: those that are behind are taken away.
  constexpr size_t most_traps = 64;
  const auto place = [&] {
    return breakpoints_.set_internal(
        address, [this](const TrapHit& hit) { return judge_arrival(hit); },
        [this](const TrapHit& hit) { return is_resumption(hit); });
  };
  auto placed = traps_.size() < most_traps
                    ? place()
                    : Result<unsigned>(fail(ErrorCode::unavailable, "too many places"));
  if (!placed && placed.error().code != ErrorCode::fault) {
    // With all held there are no traps in the text, and one can be added in any case.
    const bool others = others_running_;
    hold_all();
    if (traps_.size() >= most_traps) {
      take_traps_away();
      for (const Target& target : targets_) {
        if (auto again = place_trap(target.address); !again) return again;
      }
    }
    placed = place();
    if (others) let_others_run();
  }
  if (!placed) return tl::unexpected(placed.error());
  traps_.emplace(address.value, *placed);
  return {};
}

HitVerdict StepDriver::judge_arrival(const TrapHit& hit) {
  if (arrived_ != Arrival::none) return HitVerdict::go_on;
  for (const Target& target : targets_) {
    if (target.address != hit.address || !target.is_it(hit)) continue;
    arrived_ = target.arrival;
    thread_ = hit.thread;
    return HitVerdict::hold_thread;
  }
  return HitVerdict::go_on;
}

bool StepDriver::is_resumption(const TrapHit& hit) const {
  return std::any_of(targets_.begin(), targets_.end(), [&](const Target& target) {
    return target.is_resumption && target.address == hit.address && target.is_it(hit);
  });
}

Status StepDriver::set_escapes() {
  if (!move_.may_be_left || escapes_ == nullptr) return {};
  std::optional<uint64_t> frame;  // the stack pointer of the innermost one that ends the run
  for (const StepMove::Target& target : move_.targets) {
    if (target.sp) frame = std::min(frame.value_or(*target.sp), *target.sp);
  }
  if (!frame) return {};
  if (landing_) {
    const auto is_it = [this, sp = landing_->sp](const TrapHit& hit) {
      return hit.thread == thread_ && inferior_.arch().sp_of(hit.registers) >= sp;
    };
    if (auto set = set_target({landing_->address, Arrival::landing, is_it}); !set) return set;
  }
  for (const Addr gate : escapes_->gates()) {
    const auto leads_out = [this, gate, frame](const TrapHit& hit) {
      if (hit.thread != thread_) return false;
      // What is caught within the call is no concern of the step's.
      const auto landing = escapes_->landing(gate, hit.registers);
      if (!landing || landing->sp < *frame) return false;
      landing_ = landing;
      return true;
    };
    // The step is good without it where nothing leaves the call.
    (void)set_target({gate, Arrival::gate, leads_out});
  }
  return {};
}

/// While it runs to a place.
RunRequest StepDriver::request_now() const {
  RunRequest request = others_run() ? running_() : RunRequest::all(Wanted::hold);
  request.chosen[thread_.tid] = Wanted::run;
  return request;
}

void StepDriver::go_on() {
  // Between two slices, and where it has arrived, it waits for pump().
  if (plan_ == nullptr || arrived_ != Arrival::none || in_steps_) return;
  control_.apply(request_now());
  others_running_ = others_run();
}

bool StepDriver::is_alive() const {
  const auto all = inferior_.threads();
  return std::any_of(all.begin(), all.end(), [&](const Thread& t) { return t.id == thread_; });
}

bool StepDriver::pump() {
  if (plan_ == nullptr) return false;
  // A goroutine that is not being stepped does not end with the thread that it was on.
  const bool needs_thread = !goroutine_ || in_steps_ || arrived_ != Arrival::none;
  if (needs_thread ? !is_alive() : !inferior_.is_alive()) {
    if (inferior_.is_alive()) {
      hold_all();
      remarks_.push_back(fmt::format("thread {} (tid {}) exited before the step had ended",
                                     thread_.number, thread_.tid));
    }
    end();
    return true;
  }
  if (std::exchange(in_steps_, false)) return advance();
  if (arrived_ != Arrival::none) {
    if (goroutine_) {
      // It may go on in another thread at any instruction, which is to find no traps there.
      hold_all();
      take_traps_away();
    }
    return take_in(true) ? advance() : end_held();
  }
  if (is_over_limit()) return advance();
  if (is_patience_over()) {
    release_others();
    control_.apply(request_now());
    others_running_ = true;
  }
  return false;
}

Deadline StepDriver::next_deadline() const {
  if (plan_ == nullptr) return Deadline::never();
  if (in_steps_) return Deadline::after(Duration::zero());
  const Deadline limit = others_run() ? Deadline::never() : limit_;
  if (others_ != StepOthers::automatic || released_) return limit;
  return limit.sooner(Deadline(begun_ + patience));
}

bool StepDriver::is_patience_over() const {
  return others_ == StepOthers::automatic && !released_ && Clock::now() - begun_ >= patience;
}

void StepDriver::release_others() {
  released_ = true;
  // Those of a Go program have run whenever it was more than instructions.
  if (inferior_.threads().size() < 2 || goroutine_) return;
  remarks_.push_back(
      fmt::format("the step of thread {} has not ended in {} ms: the other threads "
                  "run too (`set step-others hold` keeps them held){}",
                  thread_.number, patience.count(), explain_wait_ ? explain_wait_(thread_) : ""));
}

}  // namespace clew
