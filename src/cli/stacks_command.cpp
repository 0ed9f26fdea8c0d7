// clew stacks: the backtrace of every thread from one short stop, in which only registers and
// stacks are copied. Everything else is done before it or after it.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/background.h"
#include "base/printable.h"
#include "base/unique_fd.h"
#include "cli/commands.h"
#include "cli/exit_status.h"
#include "cli/symbol_reading.h"
#include "lang/printers.h"
#include "os/process_memory.h"
#include "os/scheduling.h"
#include "session/copied_stacks.h"
#include "session/go_capture.h"
#include "session/idle.h"
#include "session/stack_capture.h"
#include "session/stack_variable_reading.h"
#include "session/symbols.h"
#include "session/thread_row.h"
#include "sym/unwind_table.h"
#include "view/flame_graph.h"
#include "view/stack_report.h"
#include "view/table.h"

namespace clew::cli {
namespace {

/// What was mapped before the stop or is after it: a library can come or go between.
sym::ModuleMap joined(const sym::ModuleMap& before, const sym::ModuleMap& after) {
  std::vector<sym::LoadedModule> all = after.modules();
  for (const sym::LoadedModule& old : before.modules()) {
    const bool is_free = std::none_of(all.begin(), all.end(), [&](const sym::LoadedModule& loaded) {
      return old.start < loaded.end && loaded.start < old.end;
    });
    if (is_free) all.push_back(old);
  }
  return sym::ModuleMap(std::move(all));
}

/// With fewer threads another one of clew's costs more than it spares.
constexpr size_t least_beside = 64;

/// There are no more kinds of stacks than a person reads.
constexpr auto longest_rehearsal = std::chrono::seconds(10);

/// The values of many threads are more work, and somebody waits for the process.
Duration longest_pause(const StacksOptions& options) {
  return options.max_pause.value_or(options.full ? std::chrono::seconds(1)
                                                 : std::chrono::seconds(10));
}

class StacksCommand {
 public:
  StacksCommand(Context context, const StacksOptions& options, Target target, os::ProcDir proc)
      : console_(context.console),
        backend_(context.backend),
        options_(options),
        target_(std::move(target)),
        proc_(std::move(proc)),
        live_(proc_) {}

  int run();

 private:
  /// What one stop has given.
  struct Look {
    Look(pid_t pid, const os::ProcDir& proc, uint64_t main_stack_top)
        : rows(proc, arch::native()), capture(pid, arch::native(), main_stack_top) {}
    RowBuilder rows;
    StackCapture capture;
    std::optional<GoCapture> go;
    std::optional<CopiedStacks> stacks;
    // Of the walk over the stacks:
    size_t walked = 0;                        ///< so many threads' are in the groups
    std::vector<std::optional<size_t>> runs;  ///< goroutines, by the threads that run them
    std::vector<bool> is_on_thread;           ///< by goroutine
    stack::StackGroups threads, goroutines;
  };

  static GoCapture* go_of(Look& look) { return look.go ? &*look.go : nullptr; }
  Status look();
  Status look_for_variables(Symbols& symbols);
  std::vector<StackVariableReading::Wanted> wanted_variables() const;
  void find_go(Symbols& symbols);
  void start_warm_up(std::span<const pid_t> tids, Symbols& symbols);
  using WhileHeld = std::function<void(Inferior&, Look&, const Deadline&)>;
  Result<std::unique_ptr<Look>> stop_and_copy(Symbols& symbols, const WhileHeld& more);
  DetachReport copy(Inferior& inferior, Look& look, const WhileHeld& more);
  void walk(Look& look, Symbols& symbols, const sym::ModuleMap& before);
  void start_walk(Look& look);
  bool begin_walk(Look& look, Symbols& symbols, const sym::ModuleMap& before,
                  const Deadline& limit);
  bool walk_threads(Look& look, const Deadline& limit);
  void finish_walk(Look& look);
  void add_thread(const Look& look, const StackCapture::Captured& captured);
  bool add_goroutines(GoCapture& go, const Deadline& limit);
  uint64_t main_stack_top() const;
  Status print();
  Status open_svg();
  Status write_svg();

  Console& console_;
  Backend& backend_;
  const StacksOptions& options_;
  Target target_;
  os::ProcDir proc_;
  os::ProcessMemory live_;
  std::optional<Symbols> symbols_;
  std::optional<sym::KeptPlaces> kept_;  ///< where no variables are wanted
  std::optional<Background> warm_up_;
  std::function<void(Look&)> walk_beside_;  ///< beside the detach; empty: after it
  std::optional<Background> walking_;
  std::optional<StackVariableReader> reader_;  ///< has the types of what is in the report
  StackReport report_;
  std::optional<GoRuntime> go_runtime_;
  std::vector<std::string> problems_;  ///< from before the stop
  std::unique_ptr<Look> last_;
  UniqueFd svg_;
};

uint64_t StacksCommand::main_stack_top() const {
  const auto text = proc_.read("stat");
  if (!text) return 0;
  const auto stat = os::parse_task_stat(*text);
  return stat ? stat->start_stack : 0;
}

/// A Go program that hides its goroutines has threads all the same.
void StacksCommand::find_go(Symbols& symbols) {
  if (!has_go_code(symbols.modules())) return;
  auto runtime = find_go_runtime(symbols, live_);
  if (runtime) {
    go_runtime_ = std::move(*runtime);
    for (std::string& other : told_of_other_runtimes(symbols.modules(), go_runtime_->module))
      problems_.push_back(std::move(other));
  } else {
    problems_.push_back("goroutines are not shown: " + printable(runtime.error().text));
  }
}

/// Reads what the names of sleeping threads' places need (for those of the C library some 10 MB of
/// compressed debug information, unless they are kept of other times) beside the attach, on another
/// CPU. `symbols` and what is kept are the worker's until warm_up_ is joined. The leader and the
/// first of a pool stand where all of it does.
void StacksCommand::start_warm_up(std::span<const pid_t> tids, Symbols& symbols) {
  constexpr size_t most_threads = 8;
  const auto first = tids.first(std::min(tids.size(), most_threads));
  warm_up_.emplace([this, &symbols, some = std::vector<pid_t>(first.begin(), first.end())](
                       WorkControl&) { symbols.warm_up(some, &*kept_); });
}

Status StacksCommand::look() {
  // Before the stop: files are opened and /proc is read.
  Symbols& symbols = symbols_.emplace(proc_, symbol_options(proc_));
  for (const sym::LoadedModule& loaded : symbols.modules().modules())
    (void)loaded.module->eh_frame();
  find_go(symbols);
  if (options_.full) return look_for_variables(symbols);
  kept_.emplace(symbols.cache());
  const sym::ModuleMap before = symbols.modules();
  if (!go_runtime_) walk_beside_ = [&](Look& look) { walk(look, symbols, before); };
  auto stopped = stop_and_copy(symbols, {});
  const bool is_walked = walking_.has_value();
  walking_.reset();
  warm_up_.reset();
  if (!stopped) return tl::unexpected(stopped.error());
  last_ = std::move(*stopped);
  if (!is_walked) walk(*last_, symbols, before);
  return {};
}

/// Variables can lie anywhere in memory and are read while the process is held. So that this takes
/// no longer than it must, it is rehearsed: a first, short look finds out where the threads are,
/// and when they run again one stack of each kind is read as the second look will read it. By then
/// the debug information of it is known.
Status StacksCommand::look_for_variables(Symbols& symbols) {
  if (auto read = read_names(console_, symbols); !read) return read;
  StackVariableReader& reader = reader_.emplace(live_, symbols, lang::all_printers());
  const sym::ModuleMap before = symbols.modules();
  auto first = stop_and_copy(symbols, {});
  if (!first) return tl::unexpected(first.error());
  report_.first_pause = report_.pause;
  walk(**first, symbols, before);
  const auto is_given_up = [this] {
    console_.wait(-1, Deadline::after({}));
    return console_.is_interrupted() || console_.must_leave();
  };
  StackVariableReading(reader, *(*first)->stacks, go_of(**first), is_given_up)
      .rehearse(wanted_variables(), live_, Deadline::after(longest_rehearsal));
  if (is_given_up()) return fail(ErrorCode::cancelled, "interrupted");
  const auto read = [&](Inferior& inferior, Look& look, const Deadline& limit) {
    if (limit.passed()) return;
    if (!begin_walk(look, symbols, symbols.modules(), limit) || !walk_threads(look, limit)) return;
    finish_walk(look);
    StackVariableReading reading(reader, *look.stacks, go_of(look), is_given_up);
    report_.variables = reading.read(inferior, wanted_variables(), limit);
  };
  auto second = stop_and_copy(symbols, read);
  reader.read_from(live_);
  if (!second) return tl::unexpected(second.error());
  last_ = std::move(*second);
  if (!report_.variables) {
    // Time was up before it was known what there is to be read; the stacks are copied all the same.
    if (!last_->stacks) begin_walk(*last_, symbols, symbols.modules(), Deadline::never());
    walk_threads(*last_, Deadline::never());
    finish_walk(*last_);
    report_.variables =
        StackVariableReading(reader, *last_->stacks, go_of(*last_), {}).unread(wanted_variables());
  }
  if (report_.variables->cut > 0) {
    report_.problems.push_back(fmt::format(
        "the variables of {} were not all read before the process was let go after {}: --max-pause "
        "gives more time",
        count_of(report_.variables->cut, "stack"), format_duration(longest_pause(options_))));
  }
  return {};
}

std::vector<StackVariableReading::Wanted> StacksCommand::wanted_variables() const {
  std::vector<StackVariableReading::Wanted> wanted;
  for (const stack::StackGroup& group : report_.goroutine_groups)
    wanted.push_back({&group, StackVariableReading::Of::goroutines});
  for (const stack::StackGroup& group : report_.groups) {
    // What is folded to a line has no room for them.
    if (!group.is_idle || options_.all || options_.json)
      wanted.push_back({&group, StackVariableReading::Of::threads});
  }
  return wanted;
}

/// One stop, in which registers and stacks are copied. `more` is called at its end, with the
/// threads held; it may be empty.
Result<std::unique_ptr<StacksCommand::Look>> StacksCommand::stop_and_copy(Symbols& symbols,
                                                                          const WhileHeld& more) {
  const Duration first_pause = report_.first_pause;
  report_ = {};
  report_.first_pause = first_pause;
  report_.problems = problems_;
  auto look = std::make_unique<Look>(target_.pid, proc_, main_stack_top());
  if (go_runtime_) look->go.emplace(target_.pid, *go_runtime_, symbols.modules());
  Backend::Options attach_options;
  attach_options.on_listed = [&](std::span<const pid_t> tids) {
    // Not where the stop itself asks for debug information: it would wait for the worker.
    if (kept_ && !go_runtime_) start_warm_up(tids, symbols);
    look->rows.start_survey(tids);
    look->capture.prepare(tids.size());
    if (look->go) look->go->prepare(live_);
  };
  auto attached = backend_.attach(target_.pid, attach_options);
  if (!attached) return tl::unexpected(explain_attach_failure(target_, attached.error()));
  look->rows.finish_survey();
  for (const DeniedThread& denied : attached->report.denied)
    report_.problems.push_back(denied.reason);
  attached->inferior->run_control()->attend_first(look->rows.running());
  const DetachReport left = copy(*attached->inferior, *look, more);
  report_.pause = left.longest_pause;
  report_.is_resumed = left.verified;
  for (const pid_t tid : left.remaining) {
    report_.problems.push_back(
        fmt::format("thread {} cannot stop now, and is let go when clew ends", tid));
  }
  return look;
}

/// All that the walk needs is copied by now. To let thousands of threads go takes as long as to
/// walk over their stacks, and that is done on another CPU.
void StacksCommand::start_walk(Look& look) {
  walking_.emplace([this, &look](WorkControl&) {
    // What it reads is the other worker's until then.
    if (warm_up_) warm_up_->join();
    walk_beside_(look);
  });
}

/// The target waits for this function.
DetachReport StacksCommand::copy(Inferior& inferior, Look& look, const WhileHeld& more) {
  RunControl& control = *inferior.run_control();
  const Deadline limit = Deadline::after(longest_pause(options_));
  {
    const os::PriorityBoost boost;
    const HoldReport held = control.hold_all(limit);
    bool is_all = look.capture.take(inferior, limit);
    if (look.go) {
      const auto inner_tid = [&look](pid_t tid) { return look.rows.inner_tid(tid); };
      is_all = look.go->take(inferior, look.capture, inner_tid, limit) && is_all;
    }
    report_.is_complete = is_all && !held.timed_out;
    if (walk_beside_ && look.capture.threads().size() >= least_beside) start_walk(look);
    if (!more) return control.detach(leave_deadline());
  }
  more(inferior, look, limit);
  const os::PriorityBoost boost;
  return control.detach(leave_deadline());
}

void StacksCommand::add_thread(const Look& look, const StackCapture::Captured& captured) {
  const ThreadRow row = look.rows.row(captured.thread.id);
  StackReport::Thread& thread = report_.threads.emplace_back();
  thread.number = row.number;
  thread.tid = row.tid;
  thread.inner_tid = row.inner_tid;
  thread.name = row.name;
  thread.state = row.state;
  if (captured.registers) {
    if (arch::native().is_compat(*captured.registers))
      thread.error = "a 32-bit program: clew cannot unwind its stacks";
  } else if (captured.thread.activity == ThreadActivity::uninterruptible) {
    thread.error = "could not be stopped: uninterruptible sleep";
  } else if (captured.thread.activity == ThreadActivity::exiting) {
    thread.error = "is exiting";
  } else {
    thread.error = "not looked at before the target was let go";
  }
}

/// `before` is what was mapped before the stop.
void StacksCommand::walk(Look& look, Symbols& symbols, const sym::ModuleMap& before) {
  begin_walk(look, symbols, before, Deadline::never());
  walk_threads(look, Deadline::never());
  finish_walk(look);
}

/// @return false when it has come to the limit: then nothing is begun.
bool StacksCommand::begin_walk(Look& look, Symbols& symbols, const sym::ModuleMap& before,
                               const Deadline& limit) {
  symbols.refresh();
  GoCapture* const go = go_of(look);
  if (go != nullptr && !add_goroutines(*go, limit)) return false;
  CopiedStacks& stacks = look.stacks.emplace(look.capture, go, joined(before, symbols.modules()),
                                             symbols.code_mappings(), live_);
  if (kept_) stacks.namer().use(*kept_);
  look.runs.resize(stacks.threads().size());
  if (go == nullptr) return true;
  look.runs = go->goroutines_of_threads();
  look.is_on_thread.resize(report_.goroutines.size());
  return true;
}

/// Goes on where it has left off. @return false when it has come to the limit before the end.
bool StacksCommand::walk_threads(Look& look, const Deadline& limit) {
  const arch::Arch& arch = arch::native();
  CopiedStacks& stacks = *look.stacks;
  for (; look.walked < stacks.threads().size(); ++look.walked) {
    if (limit.passed()) return false;
    const size_t i = look.walked;
    const StackCapture::Captured& captured = stacks.threads()[i];
    add_thread(look, captured);
    if (!report_.threads.back().error.empty()) continue;
    const stack::RawStack whole = stacks.walk(i);
    if (look.runs[i] && look.go->reaches(whole, *look.runs[i])) {
      report_.goroutines[*look.runs[i]].tid = report_.threads.back().tid;
      report_.goroutines[*look.runs[i]].error.clear();
      look.is_on_thread[*look.runs[i]] = true;
      look.goroutines.add(*look.runs[i], whole, false);
    } else {
      look.threads.add(i, whole, is_waiting(arch, *captured.registers));
    }
  }
  return true;
}

void StacksCommand::finish_walk(Look& look) {
  if (look.go) look.go->add_parked(look.is_on_thread, look.goroutines);
  const auto finish = [&](stack::StackGroups& groups) {
    return options_.no_group ? groups.finish_each() : groups.finish(look.stacks->namer());
  };
  report_.groups = finish(look.threads);
  report_.goroutine_groups = finish(look.goroutines);
  const auto is_users = [&](const stack::StackGroup& group) {
    return !report_.goroutines[group.threads.front()].is_system;
  };
  std::stable_partition(report_.goroutine_groups.begin(), report_.goroutine_groups.end(), is_users);
}

/// @return false when it has come to the limit: then none is in the report.
bool StacksCommand::add_goroutines(GoCapture& go, const Deadline& limit) {
  report_.is_go = true;
  report_.go_version = go.runtime().version;
  if (!go.sort(limit)) return false;
  GoroutineSnapshot& snapshot = go.snapshot();
  report_.goroutines.reserve(snapshot.found.all.size());
  constexpr size_t between_looks = 4096;
  for (const go::Goroutine& found : snapshot.found.all) {
    if (report_.goroutines.size() % between_looks == 0 && limit.passed()) {
      report_.goroutines.clear();
      return false;
    }
    StackReport::Goroutine& goroutine = report_.goroutines.emplace_back();
    goroutine.id = found.id;
    goroutine.state = snapshot.state(found);
    goroutine.plain_state = go::state_name(found.state());
    if (goroutine.plain_state.empty())
      goroutine.plain_state = fmt::format("{}", found.state_number);
    goroutine.wait_reason = snapshot.wait_reason(found);
    goroutine.waited = snapshot.waited(found);
    goroutine.tid = found.thread;
    goroutine.is_system = snapshot.places.is_system(found);
    if (found.has_broken_stack) {
      goroutine.error = "its stack pointer is not within its stack";
    } else if (found.stack == go::Goroutine::none) {
      goroutine.error = "its stack was not read";
    }
  }
  for (const std::string& problem : snapshot.found.problems) report_.problems.push_back(problem);
  return true;
}

Status StacksCommand::print() {
  stack::Namer& namer = last_->stacks->namer();
  report_.pid = target_.pid;
  report_.via_tid = target_.via_tid;
  report_.name = target_.name;
  report_.executable = target_.executable;
  if (svg_) {
    if (auto written = write_svg(); !written) return written;
  } else if (options_.json) {
    console_.out(stacks_to_json(report_, namer).dump() + "\n");
  } else if (options_.folded) {
    console_.out(stacks_to_folded(report_, namer));
  } else {
    StackReportOptions view;
    view.unfold = options_.all;
    view.width = console_.width();
    console_.out_paged(render_stacks(report_, namer, view, console_.style()));
  }
  for (const std::string& problem : report_.problems) console_.warn(problem);
  if (!report_.is_complete) {
    console_.warn(fmt::format("let go after {} (--max-pause): not every thread was looked at",
                              format_duration(longest_pause(options_))));
  }
  return {};
}

/// Before the target is stopped: it is not to be stopped in vain.
Status StacksCommand::open_svg() {
  if (options_.svg.empty()) return {};
  svg_ = UniqueFd(::open(options_.svg.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!svg_) return fail_os(errno, fmt::format("cannot write to {}", printable(options_.svg)));
  return {};
}

Status StacksCommand::write_svg() {
  const std::string text = stacks_to_svg(report_, last_->stacks->namer());
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(svg_.value(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_os(errno, fmt::format("cannot write to {}", printable(options_.svg)));
    done += static_cast<size_t>(n);
  }
  std::string what = count_of(report_.threads.size(), "thread");
  if (report_.is_go) what = count_of(report_.goroutines.size(), "goroutine") + " and " + what;
  console_.out(fmt::format("{}: a flame graph of {}, stopped for {}; a browser shows it\n",
                           printable(options_.svg), what, format_duration(report_.pause)));
  return {};
}

int StacksCommand::run() {
  if (target_.via_tid != 0 && !options_.json && !options_.folded) {
    console_.out(fmt::format("{} is a thread of process {}: showing the process\n", target_.via_tid,
                             target_.pid));
  }
  auto done = open_svg();
  if (done) done = look();
  if (done) done = print();
  if (done && kept_) kept_->store();
  if (!done) {
    console_.error(done.error().text);
    return exit_status_of(done.error());
  }
  return console_.is_broken() ? exit_failed : exit_done;
}

}  // namespace

int run_stacks(Context context, const StacksOptions& options) {
  auto found = open_target(context.console, options.target);
  if (!found) {
    context.console.error(found.error().text);
    return exit_status_of(found.error());
  }
  // The end of the process frees all of it at once, in a fraction of the time that it takes to take
  // the tables of every module apart.
  static StacksCommand* command = nullptr;
  command = new StacksCommand(context, options, std::move(found->target), std::move(found->proc));
  return command->run();
}

}  // namespace clew::cli
