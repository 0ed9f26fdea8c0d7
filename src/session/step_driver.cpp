#include "session/step_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace clew {
namespace {

constexpr auto hold_patience = std::chrono::seconds(5);

}  // namespace

bool StepDriver::start(ThreadId thread, std::unique_ptr<StepPlan> plan, StepOthers others,
                       std::function<bool()> judge) {
  plan_ = std::move(plan);
  thread_ = thread;
  others_ = others;
  judge_ = std::move(judge);
  arrived_ = released_ = false;
  begun_ = Clock::now();
  const auto registers = inferior_.general(thread_);
  if (!registers) {
    remarks_.push_back(registers.error().text);
    end();
    return true;
  }
  move_ = plan_->next(**registers);
  return advance();
}

void StepDriver::end() {
  clear_targets();
  if (plan_ == nullptr) return;
  if (std::string remark = plan_->remark(); !remark.empty()) remarks_.push_back(std::move(remark));
  plan_.reset();
}

bool StepDriver::advance() {
  for (;;) {
    switch (move_.kind) {
      case StepMove::Kind::done:
        (void)control_.hold_all(Deadline::after(hold_patience));
        end();
        return true;
      case StepMove::Kind::one:
        if (make_steps()) return true;
        continue;
      case StepMove::Kind::run:
      case StepMove::Kind::run_free: {
        const Status running = run_to(move_);
        if (running) return false;
        remarks_.push_back(running.error().text);
        end();
        return true;
      }
    }
  }
}

bool StepDriver::make_steps() {
  if (is_patience_over()) release_others();
  if (others_run()) {
    RunRequest request = RunRequest::all(Wanted::run);
    request.chosen[thread_.tid] = Wanted::hold;
    control_.apply(request);
  }
  bool stopped = false;
  const auto decide = [&] {
    if (!judge_()) {
      stopped = true;
      return false;
    }
    const auto registers = inferior_.general(thread_);
    if (!registers) return false;
    move_ = plan_->next(**registers);
    return move_.kind == StepMove::Kind::one && !is_patience_over();
  };
  uint64_t done = 0;
  constexpr uint64_t many = std::numeric_limits<uint64_t>::max();
  Status stepped = control_.step(thread_, many, decide,
                                 Deadline::after(others_run() ? hold_patience : patience), done);
  // Others that run have their traps in the text.
  if (others_run()) (void)control_.hold_all(Deadline::after(hold_patience));
  const bool may_wait = !stepped && stepped.error().code == ErrorCode::timeout;
  if (stopped || (!stepped && !may_wait)) {
    if (!stepped) remarks_.push_back(stepped.error().text);
    end();
    return true;
  }
  if (may_wait && !others_run() && others_ == StepOthers::automatic) release_others();
  return false;
}

Status StepDriver::run_to(const StepMove& move) {
  if (is_patience_over()) release_others();
  for (const StepMove::Target& target : move.targets) {
    const auto arrive = [this, target](const TrapHit& hit) {
      const bool is_it = hit.thread == thread_ &&
                         (!target.sp || inferior_.arch().sp_of(hit.registers) == *target.sp);
      if (!is_it) return HitVerdict::go_on;
      arrived_ = true;
      return HitVerdict::hold_thread;
    };
    if (auto set = breakpoints_.set_internal(target.address, arrive); !set) return set;
    targets_.push_back(target.address);
  }
  if (move.kind == StepMove::Kind::run_free) {
    // Nothing that the others hold back may keep it from its end.
    others_ = StepOthers::run;
  }
  RunRequest request = RunRequest::all(others_run() ? Wanted::run : Wanted::hold);
  request.chosen[thread_.tid] = Wanted::run;
  control_.apply(request);
  return {};
}

bool StepDriver::pump() {
  if (plan_ == nullptr) return false;
  const auto all = inferior_.threads();
  const bool lives =
      std::any_of(all.begin(), all.end(), [&](const Thread& t) { return t.id == thread_; });
  if (!lives) {
    if (inferior_.is_alive()) {
      (void)control_.hold_all(Deadline::after(hold_patience));
      remarks_.push_back(fmt::format("thread {} (tid {}) exited before the step had ended",
                                     thread_.number, thread_.tid));
    }
    end();
    return true;
  }
  if (arrived_) {
    arrived_ = false;
    (void)control_.hold_all(Deadline::after(hold_patience));
    clear_targets();
    const auto registers = inferior_.general(thread_);
    if (!registers) {
      remarks_.push_back(registers.error().text);
      end();
      return true;
    }
    move_ = plan_->next(**registers);
    return advance();
  }
  if (is_patience_over()) {
    release_others();
    control_.apply(RunRequest::all(Wanted::run));
  }
  return false;
}

Deadline StepDriver::next_deadline() const {
  if (plan_ == nullptr || others_ != StepOthers::automatic || released_) return Deadline::never();
  return Deadline(begun_ + patience);
}

bool StepDriver::is_patience_over() const {
  return others_ == StepOthers::automatic && !released_ && Clock::now() - begun_ >= patience;
}

void StepDriver::release_others() {
  released_ = true;
  if (inferior_.threads().size() < 2) return;
  remarks_.push_back(
      fmt::format("the step of thread {} has not ended in {} ms: the other threads "
                  "run too (`set step-others hold` keeps them held)",
                  thread_.number, patience.count()));
}

void StepDriver::clear_targets() {
  for (const Addr target : std::exchange(targets_, {})) breakpoints_.clear_internal(target);
}

}  // namespace clew
