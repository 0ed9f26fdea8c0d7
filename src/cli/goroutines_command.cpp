// clew goroutines: every goroutine of a Go program, from one short stop in which only the runtime's
// structures and the tops of stacks are copied.

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/exit_status.h"
#include "cli/symbol_reading.h"
#include "lang/go/goroutine_reader.h"
#include "os/process_memory.h"
#include "os/scheduling.h"
#include "session/go_runtime.h"
#include "session/thread_row.h"
#include "view/goroutine_report.h"

namespace clew::cli {
namespace {

/// What was found out while the target was stopped.
struct GoroutineStop {
  go::Goroutines goroutines;
  size_t threads = 0;
  int64_t at = 0;
  bool is_complete = true;
  DetachReport left;
};

class GoroutinesCommand {
 public:
  GoroutinesCommand(Context context, const GoroutinesOptions& options, Target target,
                    os::ProcDir proc)
      : console_(context.console),
        backend_(context.backend),
        options_(options),
        target_(std::move(target)),
        proc_(std::move(proc)),
        rows_(proc_, arch::native()) {}

  int run();

 private:
  Status read_options();
  Status look();
  GoroutineStop stop_and_read(Inferior& inferior, go::GoroutineReader& reader);
  void print();
  GoroutineField location() const;

  Console& console_;
  Backend& backend_;
  const GoroutinesOptions& options_;
  Target target_;
  os::ProcDir proc_;
  RowBuilder rows_;
  std::vector<GoroutineFilter> filters_;
  GoroutineGrouping grouping_;
  GoroutineReport report_;
  std::optional<GoroutineSnapshot> snapshot_;
};

/// "FIELD VALUE" in one word: "userloc=main.go", "label=tenant=7", "user".
Result<GoroutineFilter> filter_of(const std::string& text, bool is_wanted) {
  const size_t equals = text.find('=');
  const auto field = goroutine_field(text.substr(0, equals));
  if (!field) return tl::unexpected(field.error());
  return GoroutineFilter{*field, equals == text.npos ? "" : text.substr(equals + 1), is_wanted};
}

Status GoroutinesCommand::read_options() {
  for (const auto& [texts, is_wanted] :
       {std::pair(&options_.with, true), std::pair(&options_.without, false)}) {
    for (const std::string& text : *texts) {
      auto filter = filter_of(text, is_wanted);
      if (!filter) return tl::unexpected(filter.error());
      filters_.push_back(std::move(*filter));
    }
  }
  if (options_.group.empty()) return {};
  const auto by = filter_of(options_.group, true);
  if (!by) return tl::unexpected(by.error());
  grouping_ = {by->field, by->value};
  return {};
}

/// The target waits for this function.
GoroutineStop GoroutinesCommand::stop_and_read(Inferior& inferior, go::GoroutineReader& reader) {
  RunControl& control = *inferior.run_control();
  GoroutineStop stop;
  go::ReadOptions options;
  options.deadline = Deadline::after(options_.max_pause.value_or(std::chrono::seconds(10)));
  const os::PriorityBoost boost;
  const HoldReport held = control.hold_all(options.deadline);
  stop.at = Clock::now().time_since_epoch().count();
  stop.threads = inferior.threads().size();
  stop.goroutines = reader.read(
      inferior, go_threads(inferior, [&](pid_t tid) { return rows_.inner_tid(tid); }), options);
  stop.is_complete = stop.goroutines.is_complete && !held.timed_out;
  stop.left = control.detach(leave_deadline());
  return stop;
}

Status GoroutinesCommand::look() {
  // Before the stop: files are opened and read.
  Symbols symbols(proc_, symbol_options(proc_));
  os::ProcessMemory memory(proc_);
  const auto runtime = find_go_layout(symbols, memory);
  if (!runtime) {
    return fail(runtime.error().code, fmt::format("process {} \"{}\": {}", target_.pid,
                                                  target_.name, printable(runtime.error().text)));
  }
  go::GoroutineReader reader(target_.pid, runtime->layout, symbols.modules());
  Backend::Options attach_options;
  attach_options.on_listed = [&](std::span<const pid_t> tids) {
    rows_.start_survey(tids);
    reader.prepare(memory);
  };
  auto attached = backend_.attach(target_.pid, attach_options);
  if (!attached) return tl::unexpected(explain_attach_failure(target_, attached.error()));
  rows_.finish_survey();
  for (const DeniedThread& denied : attached->report.denied)
    report_.problems.push_back(denied.reason);
  attached->inferior->run_control()->attend_first(rows_.running());
  GoroutineStop stop = stop_and_read(*attached->inferior, reader);
  report_.version = runtime->version;
  report_.threads = stop.threads;
  report_.pause = stop.left.longest_pause;
  report_.is_resumed = stop.left.verified;
  report_.is_complete = stop.is_complete;
  for (const pid_t tid : stop.left.remaining) {
    report_.problems.push_back(
        fmt::format("thread {} cannot stop now, and is let go when clew ends", tid));
  }
  snapshot_.emplace(symbols.modules(), std::move(stop.goroutines), runtime->layout.wait_reasons,
                    stop.at);
  for (const std::string& problem : snapshot_->found.problems) report_.problems.push_back(problem);
  for (std::string& other : told_of_other_runtimes(symbols.modules(), runtime->module))
    report_.problems.push_back(std::move(other));
  report_.chosen = snapshot_->choose(filters_);
  report_.is_grouped = !options_.no_group;
  if (report_.is_grouped) report_.groups = snapshot_->group(report_.chosen, grouping_);
  return {};
}

GoroutineField GoroutinesCommand::location() const {
  if (options_.current_location) return GoroutineField::current_location;
  if (options_.go_location) return GoroutineField::go_location;
  if (options_.start_location) return GoroutineField::start_location;
  return GoroutineField::user_location;
}

void GoroutinesCommand::print() {
  report_.pid = target_.pid;
  report_.via_tid = target_.via_tid;
  report_.name = target_.name;
  report_.executable = target_.executable;
  if (options_.json) {
    goroutines_to_json(report_, *snapshot_, [&](std::string_view text) { console_.out(text); });
  } else {
    GoroutineTableOptions table;
    table.width = console_.width();
    table.location = location();
    console_.out_paged(
        goroutine_heading(report_, *snapshot_) +
        (report_.is_grouped
             ? render_goroutine_groups(*snapshot_, report_.groups, table, console_.style())
             : render_goroutines(*snapshot_, report_.chosen, table, console_.style())));
  }
  for (const std::string& problem : report_.problems) console_.warn(problem);
  if (!report_.is_complete) {
    console_.warn(
        fmt::format("let go after {} (--max-pause): not every goroutine was looked at",
                    format_duration(options_.max_pause.value_or(std::chrono::seconds(10)))));
  }
}

int GoroutinesCommand::run() {
  if (target_.via_tid != 0 && !options_.json) {
    console_.out(fmt::format("{} is a thread of process {}: showing the process\n", target_.via_tid,
                             target_.pid));
  }
  auto done = read_options();
  if (done) done = look();
  if (!done) {
    console_.error(done.error().text);
    return exit_status_of(done.error());
  }
  print();
  return console_.is_broken() ? exit_failed : exit_done;
}

}  // namespace

int run_goroutines(Context context, const GoroutinesOptions& options) {
  auto found = open_target(context.console, options.target);
  if (!found) {
    context.console.error(found.error().text);
    return exit_status_of(found.error());
  }
  return GoroutinesCommand(context, options, std::move(found->target), std::move(found->proc))
      .run();
}

}  // namespace clew::cli
