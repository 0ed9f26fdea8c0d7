#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
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
  bool advance();
  /// @return true when the plan has ended.
  bool go_on_from_here();
  bool make_steps();
  bool is_alive() const;
  Status run_to(const StepMove& move);
  /// Where the thread of the plan has come to while it ran.
  enum class Arrival : uint8_t {
    none,
    target,   ///< of the move
    gate,     ///< of Escapes: it is about to leave for `landing_`
    landing,  ///< there
  };
  Status set_target(Addr address, Arrival arrival, std::function<bool(const TrapHit&)> is_it,
                    bool is_resumption = false);
  Status watch_escapes(const StepMove& move);
  /// It has come to where it has escaped to. @return true when the plan has ended.
  bool go_on_from_landing();
  void clear_targets();
  RunRequest request_now() const;
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
  std::vector<unsigned> targets_;            ///< of Breakpoints::set_internal()
  Deadline limit_;
  Arrival arrived_ = Arrival::none;
  bool in_steps_ = false;  ///< a slice of instructions has ended, and the next is due
  bool released_ = false;
  bool done_ = false;
  TimePoint begun_{};
  std::vector<std::string> remarks_;
};

}  // namespace clew
