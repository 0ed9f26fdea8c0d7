#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/debug/debugged_process.h"
#include "cli/debug/line_source.h"
#include "cli/debug/source_view.h"
#include "cli/debug/value_view.h"
#include "cli/symbol_reading.h"
#include "os/proc_dir.h"
#include "os/terminal_share.h"
#include "session/no_process.h"
#include "session/session.h"
#include "session/skip_rules.h"
#include "session/symbols.h"
#include "session/thread_row.h"
#include "session/thread_stacks.h"
#include "view/memory_dump.h"

namespace clew::cli {

class Debugger;

/// What the user typed behind the command's name.
struct Arguments {
  std::string text;                ///< as typed, without space at the ends
  std::vector<std::string> words;  ///< the same, split at spaces
  std::string suffix;              ///< what followed '/' directly behind the name, as in x/4xg
};

/// One command of the prompt.
struct DebugCommand {
  std::string_view name;
  std::vector<std::string_view> aliases;  ///< what gdb and delve users type
  std::string_view usage;                 ///< its arguments, e.g. "[N | tid T]"
  std::string_view summary;               ///< one line
  std::string_view details;               ///< for `help NAME`; may be empty
  Status (*run)(Debugger&, const Arguments&);
  bool per_thread = false;  ///< acts on the selected thread, so that `thread apply` makes sense
  /// Reads what the command will need of symbols, before the target is attached to; may be nullptr.
  /// Only symbols() can be used there.
  void (*prepare)(Debugger&, const Arguments&) = nullptr;
};

/// Which goroutine that is and where it stands, for people; why not, when it has ended.
std::string describe_goroutine(HeldGoroutines& goroutines, uint64_t id);

/// All commands, in the order in which help shows them.
std::span<const DebugCommand> debug_commands();

/// By name, alias or a beginning that only one name has. @return bad_request, which lists what it
/// could have been.
Result<const DebugCommand*> find_debug_command(std::string_view name);

/// Who is debugged when a process makes another one.
enum class FollowFork : uint8_t { parent, child, both };

/// The interactive debugger: reads commands, runs them on one process, tells of the news of all,
/// and leaves well.
class Debugger final : public LineSource::Host {
 public:
  Debugger(Context context, const DebugOptions& options);
  ~Debugger() override;

  /// Does `begin` (attach, launch, or nothing), then what the options and the user say.
  /// @return the exit status of clew.
  int run(const std::function<Status()>& begin);

  /// Runs one command line and prints its error, if it has one. @return false when it failed.
  bool execute(std::string_view line);

  // For the commands.
  Console& console() { return context_.console; }
  /// The process that commands are about; without one, an empty place for it.
  DebuggedProcess& now() { return *now_; }
  /// Those that are attached, by number.
  std::vector<const DebuggedProcess*> processes() const;
  /// "process 2 (pid 4711)".
  static std::string name_of(const DebuggedProcess& process);
  /// Commands are about that process from now on. @return not_found.
  Status select_process(unsigned number);
  /// Has `run` act on one process, and goes back to the one that was selected, unless that has
  /// gone.
  /// @return not_found.
  Status with_process(unsigned number, const std::function<Status()>& run);
  /// Tells every process what becomes of its children.
  void apply_follow_fork();
  /// @return not_found when no process is attached.
  Result<Session*> session();
  /// The same with every thread held. @return not_stopped, which says what to do.
  Result<Session*> held_session();
  Status attach(const TargetChoice& choice);
  /// Leaves the process and says so.
  void detach();
  /// What `run` and `restart` start. @return unavailable, with the reason, when there is none.
  Result<LaunchOptions*> program();
  /// The same to be changed; it may be without arguments yet.
  LaunchOptions& program_settings() { return program_; }
  void set_program(LaunchOptions program);
  /// Starts program(), with no process attached; it is held before its first instruction.
  Status launch();
  /// Lets the process run. One that clew has started has the terminal then, and this waits until it
  /// stops or ends, unless it is to run in the background.
  Status go_on(bool in_background);
  /// The breakpoint that stopped the process last; 0 when none has since it ran.
  unsigned last_breakpoint() const { return now_->last_breakpoint; }
  /// True when the process was stopped by a breakpoint or a signal since it was last let run.
  bool has_stopped_itself() {
    has_news();
    return now_->stopped_itself;
  }
  /// Leads the selected thread by a plan and waits for its end, with the terminal lent to a program
  /// that clew has started. Needs every thread held. @return true when the plan has ended, false
  /// when something else has stopped the process or it has ended.
  Result<bool> follow(std::unique_ptr<StepPlan> plan);
  /// True until a launched process runs for the first time.
  bool is_fresh() const { return now_->fresh; }
  /// SIGKILL, and waits for the end.
  Status kill();
  /// How the last process that clew had started has ended; empty when none has.
  const std::string& last_end() const { return last_end_; }
  void stop();
  void request_quit() { quit_ = true; }
  /// Asks, where somebody is there to ask and leaving would end a process. @return true to leave.
  bool may_leave();
  /// True when there is somebody to ask.
  bool is_interactive() const { return interactive_; }
  /// Asks; only "y" or "yes" is yes. The end of the input is `at_end`.
  bool confirm(std::string_view question, bool at_end = false);
  /// Waits until the target is held or ends, a signal to clew arrives, or the deadline.
  void wait_for_stop(const Deadline& until);
  /// In a script that has set breakpoints: until the stop that it has asked for.
  void await_asked_stop();
  /// Waits until the plan that leads a thread has ended, or was given up.
  void wait_for_plan();
  /// Where the selected thread or goroutine stands, a line each.
  std::string describe_selection();
  /// The table of threads as the session sees them.
  std::vector<ThreadRow> thread_rows();
  const CodeMap& code_map();
  /// Stacks of the target's threads. Only while a process is attached, as symbols().
  ThreadStacks& stacks() { return *now_->stacks; }
  /// Of a Go program; the same holds.
  HeldGoroutines& goroutines() { return *now_->goroutines; }
  /// The selected goroutine, or the one that the selected thread runs. Only while it is held.
  std::optional<uint64_t> current_goroutine();
  /// The number or address that an expression has in the selected frame. @return not_found,
  /// bad_request, and for what needs a stop not_stopped, gone, unavailable.
  Result<uint64_t> evaluate(std::string_view text);
  /// The target as values see it, with nothing known of its memory yet. Only while a process is
  /// attached, as symbols().
  Values& values();
  /// What names mean in the selected frame. The same.
  ValueScope value_scope();
  /// The same for any other place.
  ValueScope value_scope(ValueScope::Place place);
  /// A value on one line, as it is shown within others.
  std::string text_of(const value::Value& value);
  ValueHistory& history() {
    return now_->values == nullptr ? no_process_.history() : now_->values->history;
  }
  /// For expressions while no process is attached.
  NoProcess& no_process() { return no_process_; }
  /// Names for the target's addresses. Only while a process is attached: after session() was good.
  Symbols& symbols() { return *now_->symbols; }
  void print_notices();

  ValueView view;              ///< how values are shown, and which at every stop
  SourceView source;           ///< what `list` and `disassemble` go on from, and how
  MemoryFormat memory_format;  ///< what x used last
  StepOthers step_others = StepOthers::automatic;
  SkipRules skips;
  FollowFork follow_fork = FollowFork::parent;
  bool detaches_on_fork = true;                     ///< whom that does not name is let go
  Duration call_timeout = std::chrono::seconds(5);  ///< of one call of a function of the program
  bool safety_net = true;                           ///< see RunControl::set_safety_net()
  StopPolicy stop_policy = StopPolicy::all;
  bool stops_on_panic = true;  ///< see arm_go_stops()
  Session::Follow follow_policy = Session::Follow::any;

  // LineSource::Host
  std::string prompt() override;
  std::vector<std::string> completions(std::string_view line) override;
  bool has_news() override;
  void print_news() override {
    print_notices();
    run_pending_commands();
  }
  bool interrupt() override;

 private:
  /// Another process is the present one as long as this lives.
  class Turn {
   public:
    Turn(Debugger& debugger, DebuggedProcess& process)
        : debugger_(debugger), before_(debugger.now_) {
      debugger.now_ = &process;
    }
    ~Turn() { debugger_.now_ = before_; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Debugger& debugger_;
    DebuggedProcess* before_;
  };

  void wait_while(const std::function<bool()>& goes_on, const Deadline& until);
  void attend(std::span<const pid_t> named);
  Deadline next_deadline() const;
  DebuggedProcess* find_process(unsigned number);
  enum class News : uint8_t { none, stopped, ended };
  /// The present process's news, for people. When it has ended its place is to be given up.
  News take_news();
  void take_news_of_others();
  /// "process 2 (pid 4711): ", where there are several.
  std::string prefix() const;
  /// What was told from `first` on is of the present process.
  void name_news(size_t first);
  /// Stops every process that runs.
  bool stop_all();
  /// The present process is no more, or was let go: another takes its place, if there is one.
  void drop_process();
  Breakpoints::Compiler make_compiler();
  /// Takes in what has stopped by itself: words for it, the selection, commands to be run.
  /// @return true when that has stopped the process.
  bool take_stop();
  void select_after_stop(const StopNews& stop);
  /// "main.c:12 in main", for people.
  std::string describe_code(Addr address);
  /// "; it waits for the lock …", of a thread that a step has not led on for long.
  std::string explain_wait(ThreadId thread);
  /// The line of source that the selected thread is at; empty when there is none.
  std::string source_line();
  std::string text_of_line(const sym::SourceLine& line);
  /// Selects and shows the frame that has brought a Go program to its end.
  void show_panic();
  std::string describe_thread();
  void run_pending_commands();
  /// Whether it is time to let the processes go by themselves (--detach-after).
  bool is_leave_due() const;
  void run_init_file();
  void run_lines();
  void leave();
  /// Opens what is known of a process by its files, before it is attached to.
  void begin_process(os::ProcDir proc);
  void begin_session(Backend::Attached attached, Target target);
  /// Libraries may have come or gone.
  void look_at_code();
  /// The same, but debug files are looked for at the next look. @return what has changed.
  std::vector<LibraryChange> note_new_code();
  /// Of modules that are new; servers may be asked.
  void open_debug_files();
  /// What commands that are known already will ask of symbols is read while the target still runs.
  void prepare_commands(pid_t pid);
  void warn_of_unheld(const HoldReport& report);
  /// The process has made children that are to be debugged in its place, or beside it.
  void take_children();
  /// A child that is clew's now, with what it inherits from its parent.
  struct TakenChild {
    Backend::Attached attached;
    Target target;
    os::ProcDir proc;
    SignalRules signals;
    KeptBreakpoints breakpoints;
    bool shares_terminal = false;
  };
  /// Takes one that the present process keeps. @return gone, when it has ended.
  Result<TakenChild> take_child(pid_t child);
  /// Makes it the present process, held.
  void begin_child(TakenChild taken);
  void run_child();
  /// The present process is let go. @return where the child is, held; nullptr when it has ended.
  DebuggedProcess* replace_by_child(pid_t child);
  /// @return where it is; nullptr when it has ended, or was let go.
  DebuggedProcess* add_child(pid_t child, bool is_followed = false);
  void end_launched();
  void remember_end();
  bool lend_terminal();
  /// @return true when it was lent.
  bool take_terminal_back();
  /// Stops what the user has stopped at the terminal that the program has. @return true when it
  /// was.
  bool stop_at_terminal();
  void forget_session();

  Context context_;
  const DebugOptions& options_;
  std::span<const std::string> coming_commands_;  ///< of the options, not yet begun with
  std::list<DebuggedProcess> processes_;          ///< by number; one at least, which may be empty
  DebuggedProcess* now_;
  unsigned last_number_ = 1;
  std::shared_ptr<FetchState> fetch_ = std::make_shared<FetchState>();
  /// Let go or ended, but with tracees that the kernel has yet to let go of (a zombie leader, a
  /// child of a fork that has not come to its first stop): reaped when they end.
  std::list<std::unique_ptr<Session>> limbo_;
  std::vector<std::string> pending_output_;
  /// Of breakpoints that have stopped a process, with its number.
  std::vector<std::pair<unsigned, std::string>> pending_commands_;
  LaunchOptions program_;
  std::string why_no_program_;  ///< when program_ has no arguments
  std::string last_end_;
  NoProcess no_process_;
  KeptBreakpoints kept_breakpoints_;  ///< of the last process, for the next run of its program
  std::unique_ptr<os::TerminalShare> terminal_;
  bool interactive_;
  bool quit_ = false;
  bool failed_ = false;
};

}  // namespace clew::cli
