// clew threads: the table of all threads, from one short stop, from a rolling one, or from none.

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/worker.h"
#include "cli/commands.h"
#include "cli/exit_status.h"
#include "lang/go/machine_reader.h"
#include "os/proc_dir.h"
#include "os/process_memory.h"
#include "os/scheduling.h"
#include "session/go_runtime.h"
#include "session/session.h"
#include "session/thread_row.h"
#include "view/thread_table.h"

namespace clew::cli {
namespace {

struct Snapshot {
  std::vector<ThreadRow> rows;
  /// The rows as they are shown: as text or, with --json, as an array.
  std::string table;
  nlohmann::ordered_json list;
  std::vector<std::string> problems;
  double pause_ms = 0;
  bool stopped = true;
  bool complete = true;  ///< false when max_pause cut it short
  bool resumed = true;   ///< verified with the kernel
};

/// What is taken of a thread while it is stopped.
struct StopLook {
  Thread thread;
  std::optional<arch::GeneralRegisters> registers;
};

struct ThreadStop {
  std::vector<StopLook> looks;
  std::vector<go::Machine> machines;  ///< of a Go program: its runtime's threads
  bool complete = true;
  DetachReport left;
};

/// The target waits for this function: only registers are taken, at the highest priority that clew
/// may have. Where letting go takes long, `use_looks` works beside it, on a thread of its own: it
/// may not ask the inferior. Else it is called when the target runs again.
void stop_and_look(Inferior& inferior, std::optional<Duration> max_pause,
                   const std::optional<GoRuntime>& go, ThreadStop& stop,
                   const std::function<void()>& use_looks) {
  // The threads that are let go want the other CPUs too: with few of them that would cost more than
  // it saves.
  constexpr size_t worth_a_worker = 4096;
  RunControl& control = *inferior.run_control();
  const Deadline limit = Deadline::after(max_pause.value_or(std::chrono::seconds(10)));
  stop.looks.reserve(inferior.threads().size());
  std::optional<os::PriorityBoost> boost(std::in_place);
  const HoldReport held = control.hold_all(limit);
  stop.complete = !held.timed_out;
  for (const Thread& thread : inferior.threads()) {
    StopLook& look = stop.looks.emplace_back(StopLook{thread, {}});
    if (max_pause && limit.passed()) {
      stop.complete = false;
    } else if (is_held(thread.activity)) {
      if (const auto registers = inferior.general(thread.id)) look.registers = **registers;
    }
  }
  if (go && !limit.passed()) stop.machines = go::read_machines(inferior, go->layout);
  std::thread worker;
  if (stop.looks.size() >= worth_a_worker) worker = start_worker(use_looks);
  stop.left = control.detach(leave_deadline());
  boost.reset();
  if (worker.joinable()) {
    worker.join();
  } else {
    use_looks();
  }
}

class ThreadsCommand {
 public:
  ThreadsCommand(Context context, const ThreadsOptions& options, Target target, os::ProcDir proc)
      : console_(context.console),
        backend_(context.backend),
        options_(options),
        target_(std::move(target)),
        proc_(std::move(proc)) {}

  int run();

 private:
  Result<Snapshot> look();
  Result<Snapshot> look_stopped();
  Result<Snapshot> look_rolling();
  Result<Snapshot> look_without_stop();
  void add_rows(const RowBuilder& builder, const ThreadStop& stop, Snapshot& snapshot) const;
  void list(Snapshot& snapshot) const;
  void open_symbols(const RowBuilder& builder);
  void add_names(const RowBuilder& builder, Snapshot& snapshot);
  void print(Snapshot snapshot);
  std::string heading(const Snapshot& snapshot) const;

  Console& console_;
  Backend& backend_;
  const ThreadsOptions& options_;
  Target target_;
  os::ProcDir proc_;
  /// Kept for the next look of --watch. Without separate debug files: to unpack those takes longer
  /// than all of a look.
  std::optional<Symbols> symbols_;
  std::optional<GoRuntime> go_;
};

Result<Snapshot> ThreadsCommand::look() {
  if (options_.no_stop) return look_without_stop();
  return options_.rolling ? look_rolling() : look_stopped();
}

Result<Snapshot> ThreadsCommand::look_stopped() {
  RowBuilder builder(proc_, arch::native());
  Backend::Options attach_options;
  attach_options.on_listed = [&](std::span<const pid_t> tids) {
    builder.start_survey(tids);
    builder.read_code_map();
    open_symbols(builder);
  };
  auto attached = backend_.attach(target_.pid, attach_options);
  if (!attached) return tl::unexpected(explain_attach_failure(target_, attached.error()));
  builder.finish_survey();
  Snapshot snapshot;
  for (const DeniedThread& denied : attached->report.denied)
    snapshot.problems.push_back(denied.reason);
  Inferior& inferior = *attached->inferior;

  inferior.run_control()->attend_first(builder.running());
  ThreadStop stop;
  stop_and_look(inferior, options_.max_pause, go_, stop, [&] {
    add_rows(builder, stop, snapshot);
    RowBuilder::add_names(snapshot.rows, *symbols_);
    list(snapshot);
  });
  snapshot.complete = stop.complete;
  snapshot.pause_ms = to_milliseconds(stop.left.longest_pause);
  snapshot.resumed = stop.left.verified;
  for (const pid_t tid : stop.left.remaining) {
    snapshot.problems.push_back(
        fmt::format("thread {} cannot stop now, and is let go when clew ends", tid));
  }
  return snapshot;
}

void ThreadsCommand::add_rows(const RowBuilder& builder, const ThreadStop& stop,
                              Snapshot& snapshot) const {
  snapshot.rows.reserve(stop.looks.size());
  for (const StopLook& look : stop.looks) {
    ThreadRow row = builder.row(look.thread.id);
    row.activity = look.thread.activity;
    const auto own_tid = static_cast<uint64_t>(builder.inner_tid(row.tid));
    if (const go::Machine* const machine = go::machine_of(stop.machines, own_tid))
      row.goroutine = machine->goroutine;
    if (look.registers) {
      builder.add_registers(row, *look.registers);
    } else if (look.thread.activity != ThreadActivity::exiting) {
      row.error = look.thread.activity == ThreadActivity::uninterruptible
                      ? "could not be stopped: uninterruptible sleep"
                      : "not looked at before the target was let go";
      builder.add_from_proc(row);
    }
    snapshot.rows.push_back(std::move(row));
  }
  os::ProcessMemory memory(proc_);
  builder.decode_calls(snapshot.rows, [&](uint64_t address, std::span<std::byte> into) {
    return memory.read_exactly({address}, into).has_value();
  });
}

Result<Snapshot> ThreadsCommand::look_rolling() {
  RowBuilder builder(proc_, arch::native());
  Snapshot snapshot;
  Backend::Options roll_options;
  if (options_.max_pause) roll_options.deadline = Deadline::after(*options_.max_pause);
  roll_options.on_listed = [&](std::span<const pid_t> tids) {
    builder.start_survey(tids);
    builder.read_code_map();
    builder.finish_survey();
  };
  uint32_t number = 0;
  auto report = backend_.roll(target_.pid, roll_options, [&](const Backend::Look& look) {
    ThreadRow row = builder.row({look.tid, ++number});
    row.activity = look.activity;
    builder.add_registers(row, look.registers);
    snapshot.rows.push_back(std::move(row));
  });
  if (!report) return tl::unexpected(explain_attach_failure(target_, report.error()));
  if (snapshot.rows.empty() && !report->denied.empty()) {
    return tl::unexpected(explain_attach_failure(
        target_, Error(ErrorCode::permission, report->denied.front().reason)));
  }
  for (const DeniedThread& denied : report->denied) snapshot.problems.push_back(denied.reason);
  for (const pid_t tid : report->not_stopped) {
    snapshot.problems.push_back(
        fmt::format("thread {} could not be stopped: uninterruptible sleep", tid));
  }
  snapshot.pause_ms = to_milliseconds(report->longest_pause);
  snapshot.resumed = report->verified;
  snapshot.complete = !report->timed_out;
  builder.decode_calls(snapshot.rows, {});
  add_names(builder, snapshot);
  list(snapshot);
  return snapshot;
}

Result<Snapshot> ThreadsCommand::look_without_stop() {
  RowBuilder builder(proc_, arch::native());
  const auto tids = proc_.tids();
  if (!tids) return tl::unexpected(tids.error());
  builder.start_survey(*tids);
  builder.read_code_map();
  builder.finish_survey();
  Snapshot snapshot;
  snapshot.stopped = false;
  uint32_t number = 0;
  for (const pid_t tid : *tids) {
    ThreadRow row = builder.row({tid, ++number});
    builder.add_from_proc(row);
    snapshot.rows.push_back(std::move(row));
  }
  builder.decode_calls(snapshot.rows, {});
  add_names(builder, snapshot);
  list(snapshot);
  return snapshot;
}

/// Opens the files that are mapped. Before the first thread is seized: a thread that gives birth
/// would wait for clew.
void ThreadsCommand::open_symbols(const RowBuilder& builder) {
  if (!symbols_) {
    symbols_.emplace(proc_, Symbols::Options(), builder.code_map().mappings());
  } else {
    symbols_->refresh();
  }
  if (go_ || !has_go_code(symbols_->modules())) return;
  os::ProcessMemory memory(proc_);
  if (auto runtime = find_go_runtime(*symbols_, memory)) go_ = std::move(*runtime);
}

/// The target runs by then: names are no part of any pause.
void ThreadsCommand::add_names(const RowBuilder& builder, Snapshot& snapshot) {
  if (!symbols_ || options_.rolling || options_.no_stop) open_symbols(builder);
  RowBuilder::add_names(snapshot.rows, *symbols_);
}

void ThreadsCommand::list(Snapshot& snapshot) const {
  if (options_.json) {
    snapshot.list = threads_to_json(snapshot.rows);
    return;
  }
  ThreadTableOptions table;
  table.width = console_.width();
  snapshot.table = render_threads(snapshot.rows, table, console_.style());
}

std::string ThreadsCommand::heading(const Snapshot& snapshot) const {
  std::string text = fmt::format("process {} \"{}\", {} thread{}", target_.pid, target_.name,
                                 snapshot.rows.size(), snapshot.rows.size() == 1 ? "" : "s");
  if (!snapshot.stopped) return text + ", not stopped\n";
  const auto pause = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, std::milli>(snapshot.pause_ms));
  return text + (options_.rolling ? fmt::format(", each stopped by itself, for {} at most\n",
                                                format_duration(pause))
                                  : fmt::format(", stopped for {}\n", format_duration(pause)));
}

void ThreadsCommand::print(Snapshot snapshot) {
  if (options_.json) {
    nlohmann::ordered_json document;
    document["pid"] = target_.pid;
    if (target_.via_tid != 0) document["requested_tid"] = target_.via_tid;
    document["name"] = target_.name;
    document["executable"] = target_.executable;
    document["pause_ms"] = snapshot.pause_ms;
    document["stopped"] = snapshot.stopped;
    document["complete"] = snapshot.complete;
    document["resumed"] = snapshot.resumed;
    document["threads"] = std::move(snapshot.list);
    document["problems"] = snapshot.problems;
    console_.out(document.dump() + "\n");
    return;
  }
  const std::string text = heading(snapshot) + snapshot.table;
  if (options_.watch && console_.is_terminal()) {
    // Home, the new picture, and nothing of the old one below it.
    console_.out("\x1b[H\x1b[2J" + text);
  } else if (options_.watch) {
    console_.out(text + "\n");
  } else {
    console_.out_paged(text);
  }
  for (const std::string& problem : snapshot.problems) console_.warn(problem);
  if (!snapshot.complete) {
    size_t seen = 0;
    for (const ThreadRow& row : snapshot.rows) seen += row.error.empty() ? 1 : 0;
    console_.warn(fmt::format("let go after {} (--max-pause): looked at {} of {} threads",
                              format_duration(options_.max_pause.value_or(Duration::zero())), seen,
                              snapshot.rows.size()));
  }
}

int ThreadsCommand::run() {
  if (target_.via_tid != 0 && !options_.json) {
    console_.out(fmt::format("{} is a thread of process {}: showing the process\n", target_.via_tid,
                             target_.pid));
  }
  for (;;) {
    auto snapshot = look();
    if (!snapshot) {
      console_.error(snapshot.error().text);
      return exit_status_of(snapshot.error());
    }
    print(std::move(*snapshot));
    if (!options_.watch) return console_.is_broken() ? exit_failed : exit_done;
    const Deadline next = Deadline::after(options_.interval);
    while (!next.passed() && !console_.must_leave() && !console_.is_interrupted())
      console_.wait(-1, next);
    if (console_.must_leave() || console_.is_interrupted()) return exit_done;
  }
}

}  // namespace

int run_threads(Context context, const ThreadsOptions& options) {
  auto found = open_target(context.console, options.target);
  if (!found) {
    context.console.error(found.error().text);
    return exit_status_of(found.error());
  }
  return ThreadsCommand(context, options, std::move(found->target), std::move(found->proc)).run();
}

}  // namespace clew::cli
