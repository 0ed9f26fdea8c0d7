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
  in_steps_ = released_ = done_ = false;
  arrived_ = Arrival::none;
  landing_.reset();
  begun_ = Clock::now();
  begin_goroutine();
  return go_on_from_here();
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
  clear_targets();
  in_steps_ = false;
  if (plan_ == nullptr) return;
  if (std::string remark = plan_->remark(); !remark.empty()) remarks_.push_back(std::move(remark));
  plan_.reset();
}

void StepDriver::give_up(std::string why) {
  remarks_.push_back(std::move(why));
  end();
}

bool StepDriver::go_on_from_here() {
  const auto registers = inferior_.general(thread_);
  if (!registers) {
    give_up(registers.error().text);
    return true;
  }
  follow_stack();
  move_ = plan_->next(**registers);
  return advance();
}

bool StepDriver::advance() {
  if (is_over_limit()) {
    (void)control_.hold_all(Deadline::after(hold_patience));
    give_up("the step was broken off: --max-pause is over");
    return true;
  }
  switch (move_.kind) {
    case StepMove::Kind::done:
      (void)control_.hold_all(Deadline::after(hold_patience));
      done_ = true;
      end();
      return true;
    case StepMove::Kind::one:
      return make_steps();
    case StepMove::Kind::run:
    case StepMove::Kind::run_free:
      break;
  }
  if (auto running = run_to(move_); !running) {
    (void)control_.hold_all(Deadline::after(hold_patience));
    give_up(running.error().text);
    return true;
  }
  return false;
}

bool StepDriver::make_steps() {
  if (is_patience_over()) release_others();
  if (others_run()) {
    RunRequest request = running_();
    request.chosen[thread_.tid] = Wanted::hold;
    control_.apply(request);
  }
  bool stopped = false;
  const Deadline end_of_slice = Deadline::after(slice);
  const auto decide = [&] {
    // A breakpoint that the step has led to, a signal that is to stop the process.
    stopped = control_.is_stop_wanted() || !judge_(thread_);
    if (stopped) return false;
    const auto registers = inferior_.general(thread_);
    if (!registers) return false;
    move_ = plan_->next(**registers);
    return move_.kind == StepMove::Kind::one && !end_of_slice.passed();
  };
  uint64_t done = 0;
  constexpr uint64_t many = std::numeric_limits<uint64_t>::max();
  const Status stepped = control_.step(thread_, many, decide, Deadline::after(patience), done);
  // What cannot be stepped in time waits for something that the others do, perhaps.
  const bool is_late = !stepped && stepped.error().code == ErrorCode::timeout;
  in_steps_ = !stopped && (is_late || (stepped && move_.kind == StepMove::Kind::one));
  if (in_steps_) return false;
  if (others_run()) (void)control_.hold_all(Deadline::after(hold_patience));
  if (!stepped) remarks_.push_back(stepped.error().text);
  if (stopped || !stepped) {
    end();
    return true;
  }
  return advance();
}

Status StepDriver::run_to(const StepMove& move) {
  if (is_patience_over()) release_others();
  for (const StepMove::Target& target : move.targets) {
    const auto is_it = [this, target](const TrapHit& hit) { return is_arrival(target, hit); };
    if (auto set = set_target(target.address, Arrival::target, is_it, target.is_resumption); !set)
      return set;
  }
  if (auto watched = watch_escapes(move); !watched) return watched;
  if (move.kind == StepMove::Kind::run_free) {
    // Nothing that the others hold back may keep it from its end.
    others_ = StepOthers::run;
  }
  control_.apply(request_now());
  return {};
}

Status StepDriver::set_target(Addr address, Arrival arrival,
                              std::function<bool(const TrapHit&)> is_it, bool is_resumption) {
  const auto arrive = [this, arrival, is_it](const TrapHit& hit) {
    if (arrived_ != Arrival::none || !is_it(hit)) return HitVerdict::go_on;
    arrived_ = arrival;
    thread_ = hit.thread;
    return HitVerdict::hold_thread;
  };
  const auto set = breakpoints_.set_internal(
      address, arrive, is_resumption ? std::move(is_it) : std::function<bool(const TrapHit&)>());
  if (!set) return tl::unexpected(set.error());
  targets_.push_back(*set);
  return {};
}

Status StepDriver::watch_escapes(const StepMove& move) {
  if (!move.may_be_left || escapes_ == nullptr) return {};
  std::optional<uint64_t> frame;  // the stack pointer of the innermost one that ends the run
  for (const StepMove::Target& target : move.targets) {
    if (target.sp) frame = std::min(frame.value_or(*target.sp), *target.sp);
  }
  if (!frame) return {};
  if (landing_) {
    const auto is_it = [this, sp = landing_->sp](const TrapHit& hit) {
      return hit.thread == thread_ && inferior_.arch().sp_of(hit.registers) >= sp;
    };
    if (auto set = set_target(landing_->address, Arrival::landing, is_it); !set) return set;
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
    (void)set_target(gate, Arrival::gate, leads_out);
  }
  return {};
}

bool StepDriver::go_on_from_landing() {
  const auto registers = inferior_.general(thread_);
  if (!registers) {
    give_up(registers.error().text);
    return true;
  }
  const bool cleans_up = landing_->may_clean_up && escapes_->is_cleanup(**registers);
  landing_.reset();
  if (!cleans_up) move_ = plan_->escaped(**registers);
  return advance();
}

/// While it runs to a place.
RunRequest StepDriver::request_now() const {
  RunRequest request = others_run() ? running_() : RunRequest::all(Wanted::hold);
  request.chosen[thread_.tid] = Wanted::run;
  return request;
}

void StepDriver::go_on() {
  // Between two slices, and where it has arrived, it waits for pump().
  if (plan_ != nullptr && arrived_ == Arrival::none && !in_steps_) control_.apply(request_now());
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
      (void)control_.hold_all(Deadline::after(hold_patience));
      remarks_.push_back(fmt::format("thread {} (tid {}) exited before the step had ended",
                                     thread_.number, thread_.tid));
    }
    end();
    return true;
  }
  if (std::exchange(in_steps_, false)) return advance();
  if (const Arrival arrival = std::exchange(arrived_, Arrival::none); arrival != Arrival::none) {
    (void)control_.hold_all(Deadline::after(hold_patience));
    clear_targets();
    if (arrival == Arrival::landing) return go_on_from_landing();
    // At a gate the same run goes on, to the landing as well.
    if (arrival == Arrival::gate) return advance();
    landing_.reset();
    return go_on_from_here();
  }
  if (is_over_limit()) return advance();
  if (is_patience_over()) {
    release_others();
    control_.apply(request_now());
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

void StepDriver::clear_targets() {
  for (const unsigned target : std::exchange(targets_, {})) breakpoints_.clear_internal(target);
}

}  // namespace clew
