// clew stacks: the backtrace of every thread from one short stop, in which only registers and
// stacks are copied. Everything else is done before it or after it.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/background.h"
#include "base/printable.h"
#include "base/unique_fd.h"
#include "cli/commands.h"
#include "cli/exit_status.h"
#include "cli/symbol_reading.h"
#include "os/process_memory.h"
#include "os/scheduling.h"
#include "session/go_capture.h"
#include "session/idle.h"
#include "session/stack_capture.h"
#include "session/symbols.h"
#include "session/thread_row.h"
#include "stack/unwinder.h"
#include "sym/unwind_table.h"
#include "view/flame_graph.h"
#include "view/stack_report.h"

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

class StacksCommand {
 public:
  StacksCommand(Context context, const StacksOptions& options, Target target, os::ProcDir proc)
      : console_(context.console),
        backend_(context.backend),
        options_(options),
        target_(std::move(target)),
        proc_(std::move(proc)),
        rows_(proc_, arch::native()) {}

  int run();

 private:
  Status look();
  void find_go(Symbols& symbols);
  void warm_up_names(Symbols& symbols) const;
  DetachReport stop_and_copy(Inferior& inferior, StackCapture& capture);
  void unwind(const StackCapture& capture, const sym::ModuleMap& modules,
              std::vector<os::Mapping> code);
  void add_thread(const StackCapture::Captured& captured);
  void add_goroutines();
  void group(stack::StackGroups threads, stack::StackGroups goroutines);
  uint64_t main_stack_top() const;
  Status print();
  Status open_svg();
  Status write_svg();

  Console& console_;
  Backend& backend_;
  const StacksOptions& options_;
  Target target_;
  os::ProcDir proc_;
  RowBuilder rows_;
  StackReport report_;
  std::optional<GoCapture> go_;
  std::optional<stack::Namer> namer_;
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
  os::ProcessMemory memory(proc_);
  auto runtime = find_go_runtime(symbols, memory);
  if (!runtime) {
    report_.problems.push_back("goroutines are not shown: " + printable(runtime.error().text));
    return;
  }
  go_.emplace(target_.pid, std::move(*runtime), symbols.modules());
}

/// Reads what the names of sleeping threads' places need (for those of the C library some 10 MB of
/// compressed debug information) beside the attach, on another CPU. `symbols` is the worker's until
/// then. The leader and the first of a pool stand where all of it does.
void StacksCommand::warm_up_names(Symbols& symbols) const {
  constexpr size_t most_threads = 8;
  const auto tids = proc_.tids();
  if (tids) symbols.warm_up(std::span(*tids).first(std::min(tids->size(), most_threads)));
}

Status StacksCommand::look() {
  // Before the stop: files are opened and /proc is read.
  Symbols symbols(proc_, symbol_options(proc_));
  for (const sym::LoadedModule& loaded : symbols.modules().modules())
    (void)loaded.module->eh_frame();
  const sym::ModuleMap before = symbols.modules();
  find_go(symbols);
  // Not where the stop itself asks for debug information: it would wait for the worker.
  std::optional<Background> warm_up;
  if (!go_) warm_up.emplace([&](WorkControl&) { warm_up_names(symbols); });
  StackCapture capture(target_.pid, arch::native(), main_stack_top());
  Backend::Options attach_options;
  attach_options.on_listed = [&](std::span<const pid_t> tids) {
    rows_.start_survey(tids);
    capture.prepare(tids.size());
    if (go_) {
      os::ProcessMemory memory(proc_);
      go_->prepare(memory);
    }
  };
  auto attached = backend_.attach(target_.pid, attach_options);
  if (!attached) return tl::unexpected(explain_attach_failure(target_, attached.error()));
  rows_.finish_survey();
  for (const DeniedThread& denied : attached->report.denied)
    report_.problems.push_back(denied.reason);
  attached->inferior->run_control()->attend_first(rows_.running());
  const DetachReport left = stop_and_copy(*attached->inferior, capture);
  report_.pause = left.longest_pause;
  report_.is_resumed = left.verified;
  for (const pid_t tid : left.remaining) {
    report_.problems.push_back(
        fmt::format("thread {} cannot stop now, and is let go when clew ends", tid));
  }
  if (warm_up) warm_up->join();
  symbols.refresh();
  unwind(capture, joined(before, symbols.modules()), symbols.code_mappings());
  return {};
}

/// The target waits for this function.
DetachReport StacksCommand::stop_and_copy(Inferior& inferior, StackCapture& capture) {
  RunControl& control = *inferior.run_control();
  const Deadline limit = Deadline::after(options_.max_pause.value_or(std::chrono::seconds(10)));
  const os::PriorityBoost boost;
  const HoldReport held = control.hold_all(limit);
  bool is_all = capture.take(inferior, limit);
  if (go_) {
    const auto inner_tid = [this](pid_t tid) { return rows_.inner_tid(tid); };
    is_all = go_->take(inferior, capture, inner_tid, limit) && is_all;
  }
  report_.is_complete = is_all && !held.timed_out;
  return control.detach(leave_deadline());
}

void StacksCommand::add_thread(const StackCapture::Captured& captured) {
  const ThreadRow row = rows_.row(captured.thread.id);
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

void StacksCommand::unwind(const StackCapture& capture, const sym::ModuleMap& modules,
                           std::vector<os::Mapping> code) {
  const arch::Arch& arch = arch::native();
  stack::Unwinder unwinder(modules, std::move(code), arch);
  os::ProcessMemory live(proc_);
  go::GoFrames go_frames(modules);
  if (go_frames.has_go()) unwinder.set_runtime(&go_frames);
  std::vector<std::optional<size_t>> runs(capture.threads().size());
  std::vector<bool> is_on_thread;
  if (go_) {
    add_goroutines();
    runs = go_->goroutines_of_threads();
    is_on_thread.resize(report_.goroutines.size());
  }
  stack::StackGroups threads;
  stack::StackGroups goroutines;
  for (size_t i = 0; i < capture.threads().size(); ++i) {
    const StackCapture::Captured& captured = capture.threads()[i];
    add_thread(captured);
    if (!report_.threads.back().error.empty()) continue;
    stack::StackCopy memory(captured.memory, unwinder.code(), live);
    if (go_) go_frames.set_thread([&, i] { return go_->machine(i); });
    const stack::RawStack whole =
        unwinder.unwind(stack::Registers(arch, *captured.registers), memory);
    if (runs[i]) {
      report_.goroutines[*runs[i]].tid = report_.threads.back().tid;
      report_.goroutines[*runs[i]].error.clear();
      is_on_thread[*runs[i]] = true;
      goroutines.add(*runs[i], whole, false);
    } else {
      threads.add(i, whole, is_waiting(arch, *captured.registers));
    }
  }
  if (go_) go_->add_parked(is_on_thread, goroutines);
  namer_.emplace(modules);
  group(std::move(threads), std::move(goroutines));
}

void StacksCommand::group(stack::StackGroups threads, stack::StackGroups goroutines) {
  const auto finish = [&](stack::StackGroups& groups) {
    return options_.no_group ? groups.finish_each() : groups.finish(*namer_);
  };
  report_.groups = finish(threads);
  report_.goroutine_groups = finish(goroutines);
  const auto is_users = [&](const stack::StackGroup& group) {
    return !report_.goroutines[group.threads.front()].is_system;
  };
  std::stable_partition(report_.goroutine_groups.begin(), report_.goroutine_groups.end(), is_users);
}

void StacksCommand::add_goroutines() {
  go_->sort();
  GoroutineSnapshot& snapshot = go_->snapshot();
  report_.is_go = true;
  report_.go_version = go_->runtime().version;
  for (const std::string& problem : snapshot.found.problems) report_.problems.push_back(problem);
  report_.goroutines.reserve(snapshot.found.all.size());
  for (const go::Goroutine& found : snapshot.found.all) {
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
}

Status StacksCommand::print() {
  report_.pid = target_.pid;
  report_.via_tid = target_.via_tid;
  report_.name = target_.name;
  report_.executable = target_.executable;
  if (svg_) {
    if (auto written = write_svg(); !written) return written;
  } else if (options_.json) {
    console_.out(stacks_to_json(report_, *namer_).dump() + "\n");
  } else if (options_.folded) {
    console_.out(stacks_to_folded(report_, *namer_));
  } else {
    StackReportOptions view;
    view.unfold = options_.all;
    view.width = console_.width();
    console_.out_paged(render_stacks(report_, *namer_, view, console_.style()));
  }
  for (const std::string& problem : report_.problems) console_.warn(problem);
  if (!report_.is_complete) {
    console_.warn(fmt::format("let go after {} (--max-pause): not every thread was looked at",
                              format_duration(options_.max_pause.value_or(Duration::zero()))));
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
  const std::string text = stacks_to_svg(report_, *namer_);
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(svg_.value(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_os(errno, fmt::format("cannot write to {}", printable(options_.svg)));
    done += static_cast<size_t>(n);
  }
  const std::string what = report_.is_go
                               ? fmt::format("{} goroutines and {} threads",
                                             report_.goroutines.size(), report_.threads.size())
                               : fmt::format("{} threads", report_.threads.size());
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
  return StacksCommand(context, options, std::move(found->target), std::move(found->proc)).run();
}

}  // namespace clew::cli
