#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arch/arch.h"
#include "base/addr.h"

namespace clew {

/// What a plan wants next of the thread that it moves.
struct StepMove {
  enum class Kind : uint8_t {
    done,      ///< it is where it was to go
    one,       ///< one instruction
    run,       ///< it runs until it arrives at one of `targets`
    run_free,  ///< nothing is known to stop it at
  };
  /// A place, and the stack pointer that the thread must have there: other invocations of the same
  /// code do not count.
  struct Target {
    Addr address;
    std::optional<uint64_t> sp;
  };

  Kind kind = Kind::done;
  std::vector<Target> targets;

  static StepMove done() { return {}; }
  static StepMove one() { return {Kind::one, {}}; }
  static StepMove run_to(Addr address, std::optional<uint64_t> sp) {
    return {Kind::run, {{address, sp}}};
  }
};

/// Where a thread is to be led: told of every place at which it stands, it says what comes next.
class StepPlan {
 public:
  virtual ~StepPlan() = default;

  /// The thread stands at `registers`: first where it was, then after every move. Needs it held.
  virtual StepMove next(const arch::GeneralRegisters& registers) = 0;
  /// What the user should know of how it has ended; empty when nothing.
  virtual std::string remark() const { return {}; }
};

}  // namespace clew
