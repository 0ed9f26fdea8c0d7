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
    /// The thread has been there and was broken off: its coming back is no arrival for breakpoints.
    bool is_resumption = false;
  };

  Kind kind = Kind::done;
  std::vector<Target> targets;
  /// A call is run through, which a longjmp or an exception may leave for the frame of a target or
  /// one further out: see StepPlan::escaped().
  bool may_be_left = false;

  static StepMove done() { return {}; }
  static StepMove one() { return {Kind::one, {}, false}; }
  static StepMove run_free() { return {Kind::run_free, {}, false}; }
  static StepMove run_to(Addr address, std::optional<uint64_t> sp) {
    return {Kind::run, {{address, sp}}, false};
  }
  /// The same through a call.
  static StepMove run_call(std::vector<Target> targets) {
    return {Kind::run, std::move(targets), true};
  }
  /// Back to where a signal's handler or the kernel has broken the thread off.
  static StepMove back_to(Addr address, std::optional<uint64_t> sp) {
    return {Kind::run, {{address, sp, true}}, true};
  }
};

/// Where a thread is to be led: told of every place at which it stands, it says what comes next.
class StepPlan {
 public:
  virtual ~StepPlan() = default;

  /// The thread stands at `registers`: first where it was, then after every move. Needs it held.
  virtual StepMove next(const arch::GeneralRegisters& registers) = 0;
  /// The stack of the goroutine that is led has been moved, by so many bytes modulo 2^64, since the
  /// last call: what the plan remembers of it lies there now.
  virtual void stack_moved(uint64_t) {}
  /// The same where a longjmp or an exception has led the thread past the targets of its run.
  virtual StepMove escaped(const arch::GeneralRegisters&) { return StepMove::done(); }
  /// How many plans of its own it has brought to an end: each has the whole of the time that a step
  /// may take.
  virtual uint64_t parts_done() const { return 0; }
  /// What the user should know of how it has ended; empty when nothing.
  virtual std::string remark() const { return {}; }
};

}  // namespace clew
