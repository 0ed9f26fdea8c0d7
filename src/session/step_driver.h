#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "inferior/inferior.h"
#include "session/breakpoints.h"
#include "session/escapes.h"
#include "session/step_plan.h"

namespace clew {

/// What the other threads do while one is led by a plan.
enum class StepOthers : uint8_t {
  run,
  hold,
  automatic,  ///< held, and let run when it has not ended in StepDriver::patience
};

/// Executes one plan at a time: makes the instructions, sets the traps that it runs to, decides
/// whether the others run. Instructions are made in slices, so that the control thread is free
/// again soon; see pump().
///
/// A thread that runs a goroutine, on the goroutine's stack, is only where the step begins: the
/// goroutine is led from then on, on whichever thread it is. It needs the runtime's other threads,
/// so that with StepOthers::automatic they run whenever it does, and are held while instructions
/// are made one by one. Its stack may be moved meanwhile: stack pointers are compared by their
/// distance from the stack's upper end.
class StepDriver {
 public:
  static constexpr auto patience = std::chrono::milliseconds(100);
  /// How long instructions are made before the rest of the world is looked at.
  static constexpr auto slice = std::chrono::milliseconds(20);

  /// All must outlive it.
  StepDriver(Inferior& inferior, RunControl& control, Breakpoints& breakpoints)
      : inferior_(inferior), control_(control), breakpoints_(breakpoints) {}

  /// See Breakpoints::Compiler::goroutine.
  using FindGoroutine =
      std::function<std::optional<RunningGoroutine>(const arch::GeneralRegisters&)>;
  void set_goroutines(FindGoroutine find) { find_goroutine_ = std::move(find); }
  /// Without it, what leaves functions by other ways than a return is not seen.
  void set_escapes(std::unique_ptr<Escapes> escapes) { escapes_ = std::move(escapes); }
  /// What is to be said of a thread that a step waits for: "; it waits for …", or nothing.
  void set_explanation(std::function<std::string(ThreadId)> explain) {
    explain_wait_ = std::move(explain);
  }

  bool is_active() const { return plan_ != nullptr; }
  /// Whether the last plan has led its thread to where it was to go.
  bool is_done() const { return done_; }
  /// The thread that is led, or that the goroutine was seen on last.
  ThreadId thread() const { return thread_; }
  /// The goroutine that is led; nothing when it is a thread.
  const std::optional<uint64_t>& goroutine() const { return goroutine_; }
  /// Whether the other threads are held for as long as the plan takes.
  bool holds_others() const { return !others_run(); }

  /// `running` says who runs when the others do. `judge` says whether a thread that has been
  /// stepped somewhere may go on (Session::judge_step). After `limit` the others are held no
  /// longer: the plan is given up. Needs every thread held.
  /// @return true when the plan has ended already.
  bool start(ThreadId thread, std::unique_ptr<StepPlan> plan, StepOthers others,
             const Deadline& limit, std::function<RunRequest()> running,
             std::function<bool(ThreadId)> judge);
  /// After the kernel's news were taken in. @return true when the plan has ended.
  bool pump();
  /// When pump() must be called at the latest.
  Deadline next_deadline() const;
  /// After a hold that has not ended the plan: who ran before runs on.
  void go_on();
  /// Gives the plan up. Needs every thread held: its traps are taken away.
  void end();
  /// The same, for a reason that the user is told.
  void give_up(std::string why);
  /// What the user should know of it.
  std::vector<std::string> take_remarks() { return std::exchange(remarks_, {}); }

 private:
  /// Makes what `move_` says. @return true when the plan has ended.
  bool advance();
  /// Leads the thread from move to move, as long as it takes no more than a slice of time.
  bool lead();
  /// The thread is held again: what comes next. @return false when something else has stopped it.
  bool take_in(bool has_run);
  void ask_plan(const arch::GeneralRegisters& registers);
  bool is_alive() const;
  /// Lets it run, alone or with the others, until pump() is told that it has arrived.
  Status run_to();
  /// Where the thread of the plan has come to while it ran.
  enum class Arrival : uint8_t {
    none,
    target,   ///< of the move
    gate,     ///< of Escapes: it is about to leave for `landing_`
    landing,  ///< there
  };
  struct Target {
    Addr address;
    Arrival arrival;
    std::function<bool(const TrapHit&)> is_it;
    /// See StepMove::Target.
    bool is_resumption = false;
  };
  /// Has traps for all that ends the move.
  Status set_targets();
  Status set_target(Target target);
  Status set_escapes();
  Status place_trap(Addr address);
  HitVerdict judge_arrival(const TrapHit& hit);
  bool is_resumption(const TrapHit& hit) const;
  /// Needs every thread held.
  void take_traps_away();
  /// Every thread is held afterwards.
  void hold_all();
  void let_others_run();
  bool end_held();
  RunRequest request_now() const;
  /// The next move cannot be made by leading the one thread on.
  bool needs_others() const;
  bool is_patience_over() const;
  bool is_over_limit() const { return !others_run() && limit_.passed(); }
  void release_others();
  bool others_run() const {
    const bool runs = move_.kind == StepMove::Kind::run || move_.kind == StepMove::Kind::run_free;
    return others_ == StepOthers::run || released_ ||
           (goroutine_ && others_ == StepOthers::automatic && runs);
  }
  void begin_goroutine();
  void follow_stack();
  bool is_arrival(const StepMove::Target& target, const TrapHit& hit) const;

  Inferior& inferior_;
  RunControl& control_;
  Breakpoints& breakpoints_;
  std::unique_ptr<StepPlan> plan_;
  ThreadId thread_;
  StepOthers others_ = StepOthers::automatic;
  std::function<RunRequest()> running_;
  std::function<bool(ThreadId)> judge_;
  FindGoroutine find_goroutine_;
  std::optional<uint64_t> goroutine_;
  uint64_t stack_low_ = 0, stack_high_ = 0;  ///< of the goroutine, as the plan knows it
  StepMove move_;
  std::unique_ptr<Escapes> escapes_;
  std::function<std::string(ThreadId)> explain_wait_;
  std::optional<Escapes::Landing> landing_;  ///< where the thread is on its way to
  std::vector<Target> targets_;              ///< of the move
  /// Traps stay until the plan ends: what is run once is often run again, and to take them away
  /// the others would have to be held. By address, of Breakpoints::set_internal().
  std::unordered_map<uint64_t, unsigned> traps_;
  Deadline limit_;
  Arrival arrived_ = Arrival::none;
  bool in_steps_ = false;  ///< a slice of instructions has ended, and the next is due
  bool released_ = false;
  bool others_running_ = false;  ///< they were let run, and not held since
  uint64_t parts_ = 0;           ///< of the plan, that are done
  bool done_ = false;
  TimePoint begun_{};
  std::vector<std::string> remarks_;
};

}  // namespace clew
