#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/memory_reader.h"
#include "session/step_plan.h"
#include "stack/frame.h"

namespace clew {

/// Lets a thread run until it arrives at one of some places.
class ReachStep : public StepPlan {
 public:
  explicit ReachStep(std::vector<StepMove::Target> targets) : targets_(std::move(targets)) {}

  StepMove next(const arch::GeneralRegisters&) override {
    if (std::exchange(begun_, true)) return StepMove::done();
    return StepMove::run_call(targets_);
  }

 private:
  std::vector<StepMove::Target> targets_;
  bool begun_ = false;
};

/// One instruction; a call with all that it does, and what may take long, are run.
class InstructionStep : public StepPlan {
 public:
  /// Both must outlive it.
  InstructionStep(MemoryReader& memory, const arch::Arch& arch) : memory_(memory), arch_(arch) {}

  StepMove next(const arch::GeneralRegisters& registers) override;

 private:
  MemoryReader& memory_;
  const arch::Arch& arch_;
  bool begun_ = false;
};

/// Where a thread comes back to when a frame of its stack returns. `physical` is an index into the
/// frames. @return not_found when the frame has no caller that is known.
Result<StepMove::Target> return_target(const stack::RawStack& stack, size_t physical);

}  // namespace clew
