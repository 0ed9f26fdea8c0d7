// clew freeze: every thread held, shown, and let go again, step by step.

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "cli/commands.h"
#include "cli/exit_status.h"
#include "os/proc_dir.h"
#include "session/session.h"
#include "session/thread_row.h"
#include "view/thread_table.h"

namespace clew::cli {
namespace {

/// @return e.g. "9 S, 1 R".
std::string count_states(const std::vector<char>& states) {
  std::map<char, size_t> counts;
  for (const char state : states) ++counts[state];
  std::string text;
  for (const auto& [state, count] : counts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, state);
  return text.empty() ? "none" : text;
}

class Freeze {
 public:
  Freeze(Context context, const FreezeOptions& options, Target target, os::ProcDir proc)
      : console_(context.console),
        backend_(context.backend),
        options_(options),
        target_(std::move(target)),
        proc_(std::move(proc)),
        rows_builder_(proc_, arch::native()) {}

  int run();

 private:
  Status attach();
  void hold();
  void show_threads();
  void wait_for_end();
  void take_in_newcomers();
  void leave();
  void verify();
  bool look_after();
  int report() const;

  void say(std::string_view text) {
    if (!options_.json) console_.out(text);
  }
  void say_notices();

  Console& console_;
  Backend& backend_;
  const FreezeOptions& options_;
  Target target_;
  os::ProcDir proc_;
  RowBuilder rows_builder_;
  std::optional<Symbols> symbols_;  ///< without separate debug files, as in ThreadsCommand
  std::optional<Session> session_;
  std::vector<ThreadRow> rows_;
  std::unordered_set<uint32_t> shown_;  ///< the numbers in rows_
  HoldReport held_;
  DetachReport left_;
  bool pause_limit_hit_ = false;
  bool ended_ = false;    ///< the process ended while it was held
  bool resumed_ = false;  ///< verified in /proc: nothing traced, stopped only what had been
  std::vector<std::string> verify_problems_;
  std::vector<char> states_after_;
  std::vector<std::string> notices_;
};

Status Freeze::attach() {
  const TimePoint start = Clock::now();
  Backend::Options options;
  if (options_.max_pause) options.deadline = Deadline::after(*options_.max_pause);
  options.on_listed = [&](std::span<const pid_t> tids) {
    say(fmt::format("  list    {} thread{} in /proc/{}/task\n", tids.size(),
                    tids.size() == 1 ? "" : "s", target_.pid));
    rows_builder_.start_survey(tids);
    rows_builder_.read_code_map();
    symbols_.emplace(proc_, Symbols::Options(), rows_builder_.code_map().mappings());
    symbols_->warm_up(tids);
  };
  auto attached = backend_.attach(target_.pid, options);
  if (!attached) return tl::unexpected(explain_attach_failure(target_, attached.error()));
  session_.emplace(std::move(*attached), Session::Limits{options_.max_pause});
  rows_builder_.finish_survey();
  const AttachReport& report = session_->attach_report();
  say(fmt::format("  attach  {} attached, {} gone, {} denied, in {} pass{}, {}\n", report.seized,
                  report.gone, report.denied.size(), report.passes, report.passes == 1 ? "" : "es",
                  format_duration(Clock::now() - start)));
  for (const DeniedThread& denied : report.denied) console_.warn(denied.reason);
  if (report.leader_is_zombie) say("          the main thread has exited; the others live on\n");
  return {};
}

void Freeze::hold() {
  const TimePoint start = Clock::now();
  held_ = session_->hold(Deadline::after(std::chrono::seconds(10)));
  say(fmt::format("  stop    {} of {} stopped, {}\n", held_.held,
                  held_.held + held_.not_held.size(), format_duration(Clock::now() - start)));
  for (const ThreadId id : held_.not_held) {
    console_.warn(
        held_.timed_out
            ? fmt::format("thread {} (tid {}) did not stop in time", id.number, id.tid)
            : fmt::format("thread {} (tid {}) is in uninterruptible sleep and cannot stop now",
                          id.number, id.tid));
  }
}

void Freeze::show_threads() {
  for (const Thread& thread : session_->threads()) {
    ThreadRow row = rows_builder_.row(thread.id);
    row.activity = thread.activity;
    if (is_held(thread.activity)) {
      if (const auto registers = session_->inferior().general(thread.id)) {
        rows_builder_.add_registers(row, **registers);
      } else {
        row.error = registers.error().text;
      }
    }
    shown_.insert(row.number);
    rows_.push_back(std::move(row));
  }
  rows_builder_.add_state_now(rows_);
  const auto read_memory = [&](uint64_t address, std::span<std::byte> into) {
    const auto n = session_->inferior().read_memory({address}, into);
    return n && *n == into.size();
  };
  rows_builder_.decode_calls(rows_, read_memory);
  RowBuilder::add_names(rows_, *symbols_);
  ThreadTableOptions table;
  table.width = console_.width();
  table.state_now = true;
  say(render_threads(rows_, table, console_.style()));
}

void Freeze::say_notices() {
  for (const Notice& notice : session_->take_notices()) {
    if (notice.kind == Notice::Kind::warning) {
      console_.warn(notice.text);
    } else {
      say(fmt::format("  news    {}\n", notice.text));
    }
    notices_.push_back(notice.text);
  }
}

void Freeze::take_in_newcomers() {
  for (const Thread& thread : session_->threads()) {
    if (shown_.contains(thread.id.number) || !is_held(thread.activity)) continue;
    ThreadRow row = rows_builder_.row(thread.id);
    row.activity = thread.activity;
    if (const auto registers = session_->inferior().general(thread.id))
      rows_builder_.add_registers(row, **registers);
    if (row.pc) row.place = symbols_->place({*row.pc});
    say(fmt::format("  born    thread {} (tid {}), held at {}\n", row.number, row.tid, row.where));
    shown_.insert(row.number);
    rows_.push_back(std::move(row));
  }
}

void Freeze::wait_for_end() {
  const Deadline end = options_.hold_for ? Deadline::after(*options_.hold_for) : Deadline::never();
  if (!held_.cancelled) {
    say(options_.hold_for ? fmt::format("  hold    for {}; Ctrl-C lets go sooner\n",
                                        format_duration(*options_.hold_for))
                          : std::string("  hold    until Ctrl-C\n"));
  }
  while (session_->is_alive() && !console_.must_leave() && !console_.is_interrupted() &&
         !end.passed() && !session_->is_pause_over()) {
    console_.wait(-1, end);
    take_in_newcomers();
    say_notices();
  }
  pause_limit_hit_ = session_->is_alive() && session_->is_pause_over();
  ended_ = !session_->is_alive();
}

void Freeze::leave() {
  left_ = session_->detach(leave_deadline());
  for (const Notice& notice : session_->take_notices()) notices_.push_back(notice.text);
}

void Freeze::verify() {
  // The kernel's own word is in left_.verified; this is what anybody else can see. A thread that
  // was asleep runs for a moment to go back into its call: that is waited out, but not for long.
  const Deadline patience = Deadline::after(std::chrono::milliseconds(100));
  while (!look_after() && !patience.passed() && !console_.must_leave()) {
    console_.wait(-1, Deadline::after(std::chrono::milliseconds(1)));
  }
  resumed_ = left_.verified && verify_problems_.empty();
}

bool Freeze::look_after() {
  verify_problems_.clear();
  states_after_.clear();
  const auto tids = proc_.tids();
  if (!tids) {
    ended_ = true;
    return true;
  }
  std::map<pid_t, char> before;
  for (const ThreadRow& row : rows_) before[row.tid] = row.state;
  bool all_back = true;
  for (const pid_t tid : *tids) {
    const auto text = proc_.read(fmt::format("task/{}/status", tid));
    if (!text) continue;
    const os::TaskStatus status = os::parse_task_status(*text);
    states_after_.push_back(status.state);
    if (status.tracer_pid == getpid()) {
      verify_problems_.push_back(
          fmt::format("thread {} is still traced; it is let go when clew ends", tid));
    } else if (status.state == 't' && status.tracer_pid == 0) {
      verify_problems_.push_back(fmt::format("thread {} is still stopped", tid));
    }
    const auto found = before.find(tid);
    if (found != before.end() && found->second == 'S' && status.state == 'R') all_back = false;
  }
  return all_back;
}

int Freeze::report() const {
  if (options_.json) {
    nlohmann::ordered_json document;
    document["pid"] = target_.pid;
    if (target_.via_tid != 0) document["requested_tid"] = target_.via_tid;
    document["name"] = target_.name;
    document["executable"] = target_.executable;
    document["attached"] = session_->attach_report().seized;
    document["gone"] = session_->attach_report().gone;
    document["denied"] = nlohmann::ordered_json::array();
    for (const DeniedThread& denied : session_->attach_report().denied) {
      document["denied"].push_back({{"tid", denied.tid}, {"reason", denied.reason}});
    }
    document["held"] = held_.held;
    document["not_held"] = nlohmann::ordered_json::array();
    for (const ThreadId id : held_.not_held) document["not_held"].push_back(id.tid);
    document["threads"] = threads_to_json(rows_);
    document["pause_ms"] = to_milliseconds(left_.longest_pause);
    document["max_pause_hit"] = pause_limit_hit_ || held_.timed_out;
    document["ended"] = ended_;
    document["resumed"] = resumed_;
    document["problems"] = verify_problems_;
    document["notices"] = notices_;
    console_.out(document.dump() + "\n");
  }
  return ended_ || resumed_ ? exit_done : exit_failed;
}

int Freeze::run() {
  say(fmt::format("process {} \"{}\" ({})\n", target_.pid, target_.name, target_.executable));
  if (target_.via_tid != 0) {
    say(fmt::format("  check   {} is a thread of process {}: attaching to the process\n",
                    target_.via_tid, target_.pid));
  }
  if (auto attached = attach(); !attached) {
    console_.error(attached.error().text);
    return exit_status_of(attached.error());
  }
  console_.set_attendant({[&] { return session_->next_deadline(); },
                          [&](std::span<const pid_t> named) {
                            session_->pump(named);
                            if (session_->is_pause_over()) console_.abandon_output();
                          }});
  hold();
  if (session_->is_alive() && !session_->is_pause_over()) show_threads();
  if (!held_.cancelled) wait_for_end();
  leave();
  console_.set_attendant({});
  console_.resume_output();
  verify();
  if (ended_) {
    for (const std::string& notice : notices_) say(fmt::format("  end     {}\n", notice));
  } else {
    if (pause_limit_hit_ || (held_.timed_out && options_.max_pause)) {
      console_.warn(fmt::format("let go after {} (--max-pause); shown were {} of {} threads",
                                format_duration(*options_.max_pause), rows_.size(),
                                held_.held + held_.not_held.size()));
    }
    say(fmt::format("  detach  {} let go; states now: {}\n", left_.released,
                    count_states(states_after_)));
    for (const std::string& problem : verify_problems_) console_.warn(problem);
    say(resumed_ ? "  verify  nothing is traced, nothing is left stopped\n"
                 : "  verify  not everything is as it was\n");
    say(fmt::format("  pause   the target was stopped for {}\n",
                    format_duration(left_.longest_pause)));
  }
  return report();
}

}  // namespace

int run_freeze(Context context, const FreezeOptions& options) {
  auto found = open_target(context.console, options.target);
  if (!found) {
    context.console.error(found.error().text);
    return exit_status_of(found.error());
  }
  return Freeze(context, options, std::move(found->target), std::move(found->proc)).run();
}

}  // namespace clew::cli
