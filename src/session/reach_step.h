#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/memory_reader.h"
#include "session/step_plan.h"
#include "session/symbols.h"

namespace clew {

/// Lets a thread run until it arrives at one of some places.
class ReachStep : public StepPlan {
 public:
  explicit ReachStep(std::vector<StepMove::Target> targets) : targets_(std::move(targets)) {}

  StepMove next(const arch::GeneralRegisters&) override {
    if (std::exchange(begun_, true)) return StepMove::done();
    return {StepMove::Kind::run, targets_};
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

/// Where a thread comes back to when a frame of its stack returns. `physical` counts frames without
/// inlined copies, from the innermost. Needs the thread held. @return not_found when the frame has
/// no caller that is known.
Result<StepMove::Target> return_target(const Symbols& symbols, MemoryReader& memory,
                                       const arch::Arch& arch,
                                       const arch::GeneralRegisters& registers, size_t physical);

}  // namespace clew
