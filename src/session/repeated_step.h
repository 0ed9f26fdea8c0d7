#pragma once

#include <functional>
#include <memory>

#include "session/step_plan.h"

namespace clew {

/// The same step several times, with no stop in between that the user sees: each begins where the
/// one before it has ended.
class RepeatedStep : public StepPlan {
 public:
  /// Plans a step of the thread that stands at `registers`.
  using Make = std::function<std::unique_ptr<StepPlan>(const arch::GeneralRegisters& registers)>;

  /// `times` is at least 1.
  RepeatedStep(Make make, uint64_t times) : make_(std::move(make)), left_(times) {}

  StepMove next(const arch::GeneralRegisters& registers) override {
    if (!now_) now_ = make_(registers);
    return follow(now_->next(registers), registers);
  }
  StepMove escaped(const arch::GeneralRegisters& registers) override {
    return follow(now_->escaped(registers), registers);
  }
  void stack_moved(uint64_t by) override {
    if (now_) now_->stack_moved(by);
  }
  uint64_t parts_done() const override { return done_; }
  std::string remark() const override { return now_ ? now_->remark() : std::string(); }

 private:
  StepMove follow(StepMove move, const arch::GeneralRegisters& registers) {
    while (move.kind == StepMove::Kind::done && left_ > 1) {
      --left_;
      ++done_;
      now_ = make_(registers);
      move = now_->next(registers);
    }
    return move;
  }

  Make make_;
  uint64_t left_;
  uint64_t done_ = 0;
  std::unique_ptr<StepPlan> now_;
};

}  // namespace clew
