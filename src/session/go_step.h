#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_reader.h"
#include "session/go_runtime.h"
#include "session/line_step.h"
#include "session/running_goroutine.h"
#include "stack/frame.h"

namespace clew {

/// What a step in Go has to be told; all must outlive it.
struct GoStepTools {
  GoRuntime runtime;  ///< a copy: code can be mapped while the step is on its way
  Symbols& symbols;
  MemoryReader& memory;
  const arch::Arch& arch;
  const SkipRules& skips;
  /// The physical frames of a held thread with these registers.
  std::function<stack::RawStack(const arch::GeneralRegisters&)> unwind;
};

/// True for code that steps do not show: see go::is_hidden_function(); wrappers that the compiler
/// has made as well.
bool is_hidden_code(Symbols& symbols, Addr pc);

/// A plan for lines of Go, which passes what is hidden.
std::unique_ptr<LineStep> make_go_line_step(LineStep::Calls calls, LineStep::Loops loops,
                                            const GoStepTools& tools);

/// Has another plan lead a goroutine, and looks after what leaves the way that plan knows of: where
/// a panic or Goexit calls deferred functions of the function that the step is in, or of one around
/// it, where a panic is recovered, where the goroutine ends, and where a return leads into the
/// runtime, which the source does not show. A step that begins in there ends where the goroutine
/// comes back to the source.
class GoStep final : public StepPlan {
 public:
  enum class Kind : uint8_t {
    lines_over,
    lines_into,  ///< deferred functions are entered when the function returns, too
    places       ///< the plan's places may be in the runtime, if the step begins there
  };
  GoStep(std::unique_ptr<StepPlan> plan, Kind kind, GoStepTools tools)
      : plan_(std::move(plan)), kind_(kind), tools_(std::move(tools)) {}

  StepMove next(const arch::GeneralRegisters& registers) override;
  void stack_moved(uint64_t by) override;
  std::string remark() const override;

 private:
  /// What the goroutine does that is led.
  enum class Phase : uint8_t {
    plan,      ///< what the plan says
    leaving,   ///< it runs to code that the source shows
    recovery,  ///< a panic was recovered: where it goes on is about to be settled
    resuming,  ///< it comes to where it goes on
    ended
  };

  bool enters() const { return kind_ == Kind::lines_into; }
  bool is_hidden(Addr pc) const { return !shows_all_ && is_hidden_code(tools_.symbols, pc); }
  StepMove ask_plan(const arch::GeneralRegisters& registers);
  StepMove leave_runtime(const arch::GeneralRegisters& registers);
  /// Runs to `targets` and to what the runtime may do instead.
  StepMove run(std::vector<StepMove::Target> targets, uint64_t sp);
  StepMove run_again();
  std::optional<StepMove> at_watched(const arch::GeneralRegisters& registers);
  StepMove at_deferred_call(const arch::GeneralRegisters& registers, bool is_return);
  StepMove leave_recovered(const arch::GeneralRegisters& registers);
  StepMove resume_recovered(const arch::GeneralRegisters& registers);
  std::optional<uint64_t> deferrer(const arch::GeneralRegisters& registers) const;

  std::unique_ptr<StepPlan> plan_;
  Kind kind_;
  GoStepTools tools_;
  Phase phase_ = Phase::plan;
  bool begun_ = false;
  bool shows_all_ = false;  ///< code of the runtime is as good as any
  bool watches_ = false;    ///< it runs, and the runtime may do something instead
  bool exits_ = false;      ///< it is about to come to its end
  std::vector<StepMove::Target> targets_;
  /// Deferred functions of functions whose frames begin below it are called on the way, as any.
  uint64_t frame_sp_ = 0;
  std::string remark_;
};

}  // namespace clew
