#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inferior/backend.h"
#include "os/proc_dir.h"
#include "session/breakpoints.h"
#include "session/held_threads.h"
#include "session/signal_rules.h"
#include "session/step_driver.h"

namespace clew {

/// Something that the user is to be told, in words.
struct Notice {
  enum class Kind { info, warning };
  Kind kind = Kind::info;
  std::string text;
};

/// @return the words for an event, e.g. "thread 7 (tid 4711) was born"; `verbose` tells of births
/// and exits too, and without it those give an empty text.
std::string describe_event(const Event& event, bool verbose);

/// What has stopped the process, or a thread of it, by itself.
struct StopNews {
  std::vector<BreakpointStop> breakpoints;  ///< every hit of this stop, in order
  std::vector<SignalStop> signals;          ///< what threads are held before
  bool all = false;                         ///< every thread is held now
  bool step_ended = false;                  ///< a step by a plan has come to its end
};

/// One attached process: what is held, since when and for how long, and which thread is selected.
/// Fronts ask it; it never prints.
class Session {
 public:
  struct Limits {
    /// The target is let go when it has been held this long.
    std::optional<Duration> max_pause;
  };

  Session(Backend::Attached attached, Limits limits);

  Inferior& inferior() { return *inferior_; }
  const AttachReport& attach_report() const { return attach_report_; }
  pid_t pid() const { return inferior_->pid(); }
  /// False once the process has ended or was let go.
  bool is_alive() const { return inferior_->is_alive(); }
  /// True between hold() and resume(): what the user asked for, which single threads may be late to
  /// follow.
  bool is_holding() const { return holding_; }
  /// True when clew has started the process: it ends when clew does, unless it is detached.
  bool is_launched() const { return launched_; }
  /// True while a stop signal (SIGSTOP, SIGTSTP, …) keeps the whole process stopped.
  bool is_job_stopped() const { return job_stopped_; }
  /// True once for each time that a stop signal has stopped it.
  bool take_job_stop() { return std::exchange(job_stop_told_, false); }
  /// What becomes of the processes that it makes: see RunControl::keep_children(). With any kept,
  /// take_kept_children() is due.
  void keep_children(Children what) { control_.keep_children(what); }
  bool has_kept_child() const { return has_kept_child_; }
  /// Those that are kept and live; each is to be taken over or released.
  std::vector<pid_t> take_kept_children();
  /// How often the process has executed another program.
  size_t program_changes() const { return program_changes_; }
  /// How the process has ended; nothing while it lives, and when it was let go.
  const std::optional<Event>& end() const { return end_; }
  /// Ctrl-C was typed at the terminal that the process has, since the last call; see
  /// RunControl::keep_typed_interrupts(). hold() is due.
  bool take_typed_interrupt() { return std::exchange(interrupt_typed_, false); }

  /// Makes breakpoints possible; before the first one.
  void set_compiler(Breakpoints::Compiler compiler);
  /// What steps need to know; see StepDriver. Behind set_compiler().
  void set_step_help(std::unique_ptr<Escapes> escapes,
                     std::function<std::string(ThreadId)> explain_wait) {
    driver_->set_escapes(std::move(escapes));
    driver_->set_explanation(std::move(explain_wait));
  }
  Breakpoints& breakpoints() { return *breakpoints_; }
  SignalRules& signals() { return *signals_; }
  /// What has stopped by itself since the last call; nothing when nothing has.
  std::optional<StopNews> take_stop();
  /// Lines of logpoints since the last call.
  std::vector<std::string> take_log();
  /// Every thread is held for as long as `change` takes, when the process runs, and runs on then.
  Status while_held(const std::function<Status()>& change);

  /// Stops every thread. The time for max_pause begins with the call.
  HoldReport hold(const Deadline& deadline);
  /// Lets every thread run that is not frozen.
  Status resume();
  /// The same for frozen ones too: nothing is held any more.
  Status let_go();
  const HeldThreads& held_apart() const { return held_apart_; }
  /// Changes who is held while the others run; at once when they do.
  void change_held_apart(const std::function<void(HeldThreads&)>& change);
  /// Breakpoints stop nothing when others than the selected thread or goroutine come by. A thread
  /// that runs no goroutine is followed itself.
  enum class Follow : uint8_t { any, thread, goroutine };
  void set_follow(Follow follow) { follow_ = follow; }
  /// `count` instructions of the selected thread, the others as they are.
  /// `done` becomes how many were made, also when an error came.
  Status step(uint64_t count, const Deadline& deadline, uint64_t& done);
  /// Has a held thread call a function, at most for `limit`. Breakpoints and the like that end the
  /// call are told by take_call_stop(), not by take_stop(). @return as RunControl::call_function().
  Result<CallEnd> call(ThreadId id, const FunctionCall& call, Duration limit);
  /// What has ended the last call, in words; empty when nothing has.
  std::string take_call_stop() { return std::exchange(call_stop_, {}); }
  /// Leads the selected thread by a plan, which outlives the call: is_holding() is false until it
  /// has ended, which take_stop() tells. A hold ends it early.
  /// @return not_stopped, gone.
  Status follow(std::unique_ptr<StepPlan> plan);
  /// True while a plan leads a thread.
  bool is_stepping() const { return driver_ && driver_->is_active(); }
  StepOthers step_others() const { return step_others_; }
  void set_step_others(StepOthers others) { step_others_ = others; }
  DetachReport detach(const Deadline& deadline);
  Status kill();
  /// Sends a signal to the process, as kill(2) does. @return gone, permission, bad_request.
  Status send_signal(int signal);

  /// Takes in the kernel's news and does what time demands. Call it after every sleep.
  void pump(std::span<const pid_t> named);
  std::vector<Notice> take_notices();
  void set_verbose(bool verbose) { verbose_ = verbose; }

  /// When pump() must be called at the latest.
  Deadline next_deadline() const;
  /// True when max_pause has passed; resume() or detach() are then due.
  bool is_pause_over() const;
  std::optional<Duration> max_pause() const { return limits_.max_pause; }

  std::vector<Thread> threads() const { return inferior_->threads(); }
  /// The selected thread. @return gone when it has exited or none is left, unavailable when a
  /// goroutine is selected that is on no thread.
  Result<ThreadId> selected() const;
  /// A goroutine of a Go program. Which thread it is on, if any, changes when the program runs: see
  /// HeldGoroutines::follow().
  struct SelectedGoroutine {
    uint64_t id = 0;
    bool is_parked = false;  ///< on no thread: its registers are what the runtime has saved
  };
  /// nullopt when a thread is selected by itself.
  const std::optional<SelectedGoroutine>& selected_goroutine() const { return goroutine_; }
  /// It is looked at from its innermost frame on, if it was not selected before. `thread` is the
  /// one that it is on.
  void select_goroutine(uint64_t id, std::optional<ThreadId> thread);
  /// All that is selected, to be selected again.
  struct Selection {
    ThreadId thread;
    std::optional<SelectedGoroutine> goroutine;
    unsigned frame = 0;
  };
  Selection selection() const { return {selection_, goroutine_, selected_frame()}; }
  void restore(const Selection& selection);
  /// By clew's number. @return not_found.
  Result<ThreadId> find_thread(uint32_t number) const;
  /// By tid, the target's own namespace's included. @return not_found.
  Result<ThreadId> find_tid(pid_t tid) const;
  /// Another thread is looked at from its innermost frame on.
  void select(ThreadId id) {
    if (id != selection_ || (goroutine_ && goroutine_->is_parked)) selected_frame_ = 0;
    selection_ = id;
    goroutine_.reset();
  }
  /// The level of the selected frame; 0, the innermost, again whenever the target has run.
  unsigned selected_frame() const { return frame_epoch_ == epoch_ ? selected_frame_ : 0; }
  void select_frame(unsigned level) {
    selected_frame_ = level;
    frame_epoch_ = epoch_;
  }

  /// Another number whenever something of the target may have run or been changed: what was learnt
  /// of its stacks before is stale.
  uint64_t epoch() const { return epoch_; }
  /// The user has changed memory or registers; the selected frame stays.
  void note_change() {
    const unsigned level = selected_frame();
    ++epoch_;
    select_frame(level);
  }

 private:
  void take_events();
  void follow_hits();
  void follow_exec();
  void follow_libraries();
  void tell_of_breakpoints(const std::vector<unsigned>& changed);
  /// Whether what has stopped something is for every thread.
  bool must_stop() const;
  void run_on();
  Status refuse_frozen(ThreadId id) const;
  bool judge_step(ThreadId id);
  /// Whether every thread is held: for the user, or while a step holds the others.
  bool is_target_held() const { return holding_ || (is_stepping() && driver_->holds_others()); }
  void end_plan();
  void follow_goroutine();
  bool is_followed(const TrapHit& hit) const;
  void choose_followed_goroutine();
  void take_remarks();
  void forget_wanted_stop();
  void note(const Event& event);
  void warn_of_timers();

  std::unique_ptr<Inferior> inferior_;
  RunControl& control_;
  AttachReport attach_report_;
  Limits limits_;
  ThreadId selection_;
  std::optional<SelectedGoroutine> goroutine_;
  uint64_t epoch_ = 1;
  unsigned selected_frame_ = 0;
  uint64_t frame_epoch_ = 0;  ///< when selected_frame_ was chosen
  bool launched_ = false;
  bool job_stopped_ = false;
  bool job_stop_told_ = false;
  bool interrupt_typed_ = false;
  size_t program_changes_ = 0;
  bool has_kept_child_ = false;
  bool executed_ = false;     ///< another program, since the last look
  bool alone_ended_ = false;  ///< the thread that ran alone has exited
  Follow follow_ = Follow::any;
  std::optional<uint64_t> followed_goroutine_;  ///< since the process runs
  StepDriver::FindGoroutine find_goroutine_;
  bool holding_ = false;
  bool verbose_ = false;
  bool timers_warned_ = false;
  TimePoint held_since_{};
  HeldThreads held_apart_;
  TimePoint apart_since_{};  ///< when the first of them was held
  std::optional<Event> end_;
  std::vector<Notice> notices_;
  std::unique_ptr<Breakpoints> breakpoints_;
  std::unique_ptr<StepDriver> driver_;
  StepOthers step_others_ = StepOthers::automatic;
  std::unique_ptr<SignalRules> signals_;  ///< where it stays: the engine asks it
  StopNews stop_news_;
  std::string call_stop_;
};

}  // namespace clew
