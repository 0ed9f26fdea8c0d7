#include "session/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "os/signal_names.h"
#include "os/task_facts.h"

namespace clew {
namespace {

constexpr auto timer_patience = std::chrono::seconds(1);

std::string name_of(ThreadId id) { return fmt::format("thread {} (tid {})", id.number, id.tid); }

struct Describer {
  bool verbose;

  std::string operator()(const ThreadBorn& e) const {
    return verbose ? name_of(e.id) + " was born" : "";
  }
  std::string operator()(const ThreadExited& e) const {
    return verbose ? name_of(e.id) + " exited" : "";
  }
  std::string operator()(const LeaderExited& e) const {
    return name_of(e.id) + ", the main thread, exited; the others live on";
  }
  std::string operator()(const JobStopped& e) const {
    return fmt::format("the process was stopped by {} and stays so until SIGCONT",
                       os::signal_name(e.signal));
  }
  std::string operator()(const JobContinued&) const {
    return "the process was continued by SIGCONT";
  }
  std::string operator()(const Executed& e) const {
    return e.former_tid == e.id.tid
               ? fmt::format("{} executed a new program; the other threads are gone", name_of(e.id))
               : fmt::format(
                     "tid {} executed a new program and is {} now; the other threads are gone",
                     e.former_tid, name_of(e.id));
  }
  std::string operator()(const Forked& e) const {
    if (!verbose) return "";
    return fmt::format("{} forked process {}{}", name_of(e.parent), e.child,
                       e.followed ? "" : ", which runs on by itself");
  }
  std::string operator()(const ProcessExited& e) const {
    return fmt::format("the process exited with status {}", e.exit_code);
  }
  std::string operator()(const ProcessKilled& e) const {
    return fmt::format("the process was killed by {}{}", os::signal_name(e.signal),
                       e.core_dumped ? " (core dumped)" : "");
  }
  std::string operator()(const ProcessVanished&) const { return "the process has ended"; }
  // Who follows it tells of that.
  std::string operator()(const ChildKept&) const { return ""; }
  // The one who asks for it says that it has stopped.
  std::string operator()(const TypedInterrupt&) const { return ""; }
};

}  // namespace

std::string describe_event(const Event& event, bool verbose) {
  return std::visit(Describer{verbose}, event);
}

Session::Session(Backend::Attached attached, Limits limits)
    : inferior_(std::move(attached.inferior)),
      control_(*inferior_->run_control()),
      attach_report_(std::move(attached.report)),
      limits_(limits),
      launched_(attached.launched),
      signals_(std::make_unique<SignalRules>(inferior_->pid())) {
  control_.on_signal([rules = signals_.get()](ThreadId thread, int signal) {
    return rules->judge(thread, signal);
  });
  if (const auto all = threads(); !all.empty()) selection_ = all.front().id;
}

void Session::set_compiler(Breakpoints::Compiler compiler) {
  find_goroutine_ = compiler.goroutine;
  breakpoints_ = std::make_unique<Breakpoints>(*inferior_, std::move(compiler));
  driver_ = std::make_unique<StepDriver>(*inferior_, control_, *breakpoints_);
  driver_->set_goroutines(find_goroutine_);
  breakpoints_->set_stop_filter([this](const TrapHit& hit) { return is_followed(hit); });
}

bool Session::is_followed(const TrapHit& hit) const {
  switch (follow_) {
    case Follow::any:
      return true;
    case Follow::thread:
      return hit.thread == selection_;
    case Follow::goroutine:
      break;
  }
  if (!followed_goroutine_) return hit.thread == selection_;
  const auto runs = find_goroutine_ ? find_goroutine_(hit.registers) : std::nullopt;
  return runs && runs->id == *followed_goroutine_;
}

void Session::choose_followed_goroutine() {
  followed_goroutine_.reset();
  if (follow_ != Follow::goroutine || !holding_) return;
  if (goroutine_) {
    followed_goroutine_ = goroutine_->id;
    return;
  }
  const auto registers = inferior_->general(selection_);
  const auto runs = registers && find_goroutine_ ? find_goroutine_(**registers) : std::nullopt;
  if (runs) followed_goroutine_ = runs->id;
}

std::optional<StopNews> Session::take_stop() {
  if (stop_news_.breakpoints.empty() && stop_news_.signals.empty() && !stop_news_.all)
    return std::nullopt;
  return std::exchange(stop_news_, {});
}

std::vector<std::string> Session::take_log() {
  return breakpoints_ ? breakpoints_->take_log() : std::vector<std::string>{};
}

Status Session::while_held(const std::function<Status()>& change) {
  if (!is_alive()) return fail(ErrorCode::gone, "the process has ended");
  const bool was_holding = holding_;
  if (!was_holding) {
    const HoldReport report = hold(Deadline::after(std::chrono::seconds(5)));
    if (report.timed_out)
      return fail(ErrorCode::timeout, "not every thread could be held: nothing was changed");
  }
  Status status = change();
  follow_hits();
  if (was_holding) return status;
  // Hits that came while it was being held have stopped it for good.
  if (must_stop()) {
    stop_news_.all = true;
  } else {
    run_on();
  }
  return status;
}

bool Session::must_stop() const {
  const auto& hits = stop_news_.breakpoints;
  return !stop_news_.signals.empty() ||
         std::any_of(hits.begin(), hits.end(),
                     [](const BreakpointStop& hit) { return hit.stopped == StopPolicy::all; });
}

void Session::change_held_apart(const std::function<void(HeldThreads&)>& change) {
  if (held_apart_.empty()) apart_since_ = Clock::now();
  change(held_apart_);
  if (!holding_ && is_alive() && !is_stepping()) run_on();
}

Status Session::refuse_frozen(ThreadId id) const {
  if (!held_apart_.is_frozen(id)) return {};
  return fail(ErrorCode::bad_request,
              fmt::format("thread {} is frozen: `thaw {}` lets it run", id.number,
                          held_apart_.alone() ? "all" : std::to_string(id.number)));
}

void Session::follow_hits() {
  for (SignalStop& stop : signals_->take_stops()) stop_news_.signals.push_back(stop);
  for (std::string& line : signals_->take_lines())
    notices_.push_back({Notice::Kind::info, std::move(line)});
  if (!breakpoints_) return;
  for (BreakpointStop& stop : breakpoints_->take_stops()) {
    if (stop.stopped == StopPolicy::thread) {
      if (held_apart_.empty()) apart_since_ = Clock::now();
      held_apart_.park(stop.thread);
    }
    stop_news_.breakpoints.push_back(std::move(stop));
  }
  if (holding_) breakpoints_->remove_spent();
}

bool Session::judge_step(ThreadId id) {
  if (!breakpoints_ || !breakpoints_->has_any()) return true;
  const auto registers = inferior_->general(id);
  if (!registers) return true;
  const arch::GeneralRegisters now = **registers;
  const Addr pc{inferior_->arch().pc_of(now)};
  if (!breakpoints_->has(pc)) return true;
  // A step has led to a breakpoint: that is an arrival like any other.
  control_.pass_trap(id);
  return breakpoints_->judge({id, pc, now}) == HitVerdict::go_on;
}

std::vector<pid_t> Session::take_kept_children() {
  has_kept_child_ = false;
  return control_.kept_children();
}

HoldReport Session::hold(const Deadline& deadline) {
  if (!holding_) {
    held_since_ = Clock::now();
    ++epoch_;
  }
  holding_ = true;
  const Deadline limit =
      limits_.max_pause ? Deadline(held_since_ + *limits_.max_pause) : Deadline::never();
  HoldReport report = control_.hold_all(deadline.sooner(limit));
  if (is_stepping()) {
    driver_->end();
    take_remarks();
  }
  take_events();
  return report;
}

Status Session::resume() {
  if (!is_alive()) return fail(ErrorCode::gone, "the process has ended");
  // A plan that still goes on has traps of its own.
  if (is_stepping()) (void)hold(Deadline::after(std::chrono::seconds(5)));
  follow_exec();
  choose_followed_goroutine();
  held_apart_.unpark();
  if (!held_apart_.empty() && holding_) apart_since_ = held_since_;
  run_on();
  return {};
}

Status Session::let_go() {
  held_apart_.clear();
  return resume();
}

void Session::run_on() {
  ++epoch_;
  control_.hold_at_exec(breakpoints_ && !breakpoints_->all().empty());
  control_.apply(held_apart_.running());
  holding_ = false;
}

void Session::follow_exec() {
  if (!std::exchange(executed_, false) || !is_alive()) return;
  held_apart_.clear();
  const bool was_holding = holding_;
  const bool was_stepping = is_stepping();
  if (was_stepping) {
    // The code that the plan leads through is gone.
    (void)hold(Deadline::after(std::chrono::seconds(10)));
    stop_news_.all = true;
  }
  if (!breakpoints_) return;
  if (breakpoints_->all().empty()) {
    (void)breakpoints_->resolve_again(true);
    return;
  }
  // It is held before its first instruction: RunControl::hold_at_exec().
  (void)control_.hold_all(Deadline::after(std::chrono::seconds(10)));
  ++epoch_;
  breakpoints_->look_at_code();
  tell_of_breakpoints(breakpoints_->resolve_again(true));
  if (!was_holding && !was_stepping) run_on();
}

void Session::follow_libraries() {
  if (!breakpoints_ || !breakpoints_->take_library_news() || !is_alive()) return;
  (void)control_.hold_all(Deadline::after(std::chrono::seconds(10)));
  tell_of_breakpoints(breakpoints_->resolve_again(false));
  take_events();
  follow_hits();
  if (holding_) return;
  if (must_stop()) {
    (void)hold(Deadline::after(std::chrono::seconds(10)));
    stop_news_.all = true;
  } else if (is_stepping()) {
    driver_->go_on();
  } else {
    run_on();
  }
}

void Session::tell_of_breakpoints(const std::vector<unsigned>& changed) {
  for (const unsigned number : changed) {
    const auto found = breakpoints_->find(number);
    if (!found) continue;
    const Breakpoint& breakpoint = **found;
    std::string text = fmt::format("breakpoint {} is pending: {}", number, breakpoint.pending);
    if (!breakpoint.is_pending()) {
      const size_t more = breakpoint.locations.size() - 1;
      text = fmt::format("breakpoint {} is at {}{} now", number,
                         breakpoint.locations.front().place.description,
                         more == 0 ? "" : fmt::format(" and {} more places", more));
    }
    notices_.push_back({Notice::Kind::info, std::move(text)});
  }
}

Status Session::step(uint64_t count, const Deadline& deadline, uint64_t& done) {
  done = 0;
  auto id = selected();
  if (!id) return tl::unexpected(id.error());
  if (auto runs = refuse_frozen(*id); !runs) return runs;
  control_.hold_at_exec(true);
  const Deadline limit =
      limits_.max_pause ? Deadline(held_since_ + *limits_.max_pause) : Deadline::never();
  ++epoch_;
  forget_wanted_stop();
  // Told of an arrival also where the last step has led to one.
  const auto go_on = [&] { return !control_.is_stop_wanted() && judge_step(*id); };
  Status status = control_.step(*id, count, go_on, deadline.sooner(limit), done);
  if (status && done == count) (void)judge_step(*id);
  take_events();
  follow_hits();
  follow_exec();
  return status;
}

Result<CallEnd> Session::call(ThreadId id, const FunctionCall& call, Duration limit) {
  if (!holding_)
    return fail(ErrorCode::not_stopped, "the process is running: `interrupt` stops it");
  if (auto runs = refuse_frozen(id); !runs) return tl::unexpected(runs.error());
  control_.hold_at_exec(true);
  forget_wanted_stop();
  Deadline deadline = Deadline::after(limit);
  if (limits_.max_pause) deadline = deadline.sooner(Deadline(held_since_ + *limits_.max_pause));
  auto end = control_.call_function(id, call, deadline);
  // The thread stands where it stood, but memory may have changed.
  note_change();
  call_stop_.clear();
  take_events();
  StopNews before = std::exchange(stop_news_, {});
  HeldThreads apart = held_apart_;
  follow_hits();
  held_apart_ = std::move(apart);
  const StopNews within = std::exchange(stop_news_, std::move(before));
  for (const BreakpointStop& hit : within.breakpoints) {
    call_stop_ = fmt::format("{} {}{}", hit.kind, hit.number,
                             hit.detail.empty() ? "" : " (" + hit.detail + ")");
  }
  for (const SignalStop& stop : within.signals) call_stop_ = os::signal_name(stop.signal);
  follow_exec();
  return end;
}

Status Session::follow(std::unique_ptr<StepPlan> plan) {
  const auto id = selected();
  if (!id) return tl::unexpected(id.error());
  if (!holding_ || !driver_) return fail(ErrorCode::not_stopped, "the process is running");
  if (job_stopped_) {
    return fail(ErrorCode::unavailable,
                "the process was stopped by a signal, and makes no step until SIGCONT");
  }
  const ThreadId thread = *id;
  if (auto runs = refuse_frozen(thread); !runs) return runs;
  ++epoch_;
  forget_wanted_stop();
  control_.hold_at_exec(true);
  choose_followed_goroutine();
  holding_ = false;
  const Deadline limit =
      limits_.max_pause ? Deadline(held_since_ + *limits_.max_pause) : Deadline::never();
  if (driver_->start(
          thread, std::move(plan), step_others_, limit, [this] { return held_apart_.running(); },
          [this](ThreadId stepped) { return judge_step(stepped); }))
    end_plan();
  take_events();
  follow_hits();
  return {};
}

/// What wanted a stop has been told, and every thread is held.
void Session::forget_wanted_stop() {
  if (control_.is_stop_wanted()) (void)control_.hold_all(Deadline::after(std::chrono::seconds(5)));
}

void Session::take_remarks() {
  for (std::string& remark : driver_->take_remarks())
    notices_.push_back({Notice::Kind::info, std::move(remark)});
}

/// The plan has ended, with every thread held.
void Session::end_plan() {
  take_remarks();
  if (!is_alive()) return;
  if (!driver_->holds_others()) held_since_ = Clock::now();
  holding_ = true;
  stop_news_.all = true;
  stop_news_.step_ended = driver_->is_done();
  follow_goroutine();
}

/// The selection goes with the goroutine that was led: it is what the user has stepped.
void Session::follow_goroutine() {
  const ThreadId now = driver_->thread();
  if (!driver_->goroutine() || now == selection_) return;
  selection_ = now;
  notices_.push_back({Notice::Kind::info, fmt::format("goroutine {} is on {} now",
                                                      *driver_->goroutine(), name_of(now))});
}

DetachReport Session::detach(const Deadline& deadline) {
  if (breakpoints_ && is_alive()) {
    (void)hold(deadline);
    breakpoints_->clear_traps();
  }
  DetachReport report = control_.detach(deadline);
  holding_ = false;
  take_events();
  return report;
}

Status Session::kill() { return control_.kill(); }

Status Session::send_signal(int signal) { return control_.send_signal(signal); }

void Session::pump(std::span<const pid_t> named) {
  control_.pump(named);
  follow_libraries();
  if (!holding_ && is_alive() && control_.is_stop_wanted()) {
    (void)hold(Deadline::after(std::chrono::seconds(10)));
    stop_news_.all = true;
  }
  if (is_stepping() && driver_->pump()) end_plan();
  take_events();
  follow_exec();
  if (std::exchange(alone_ended_, false) && !holding_ && is_alive() && !is_stepping()) run_on();
  follow_hits();
  if (holding_ && !timers_warned_ && is_alive() && Clock::now() - held_since_ >= timer_patience)
    warn_of_timers();
}

std::vector<Notice> Session::take_notices() { return std::exchange(notices_, {}); }

void Session::take_events() {
  for (const Event& event : control_.take_events()) {
    note(event);
    std::string text = describe_event(event, verbose_);
    if (!text.empty()) notices_.push_back({Notice::Kind::info, std::move(text)});
  }
}

void Session::note(const Event& event) {
  if (std::holds_alternative<JobStopped>(event)) job_stopped_ = job_stop_told_ = true;
  if (std::holds_alternative<JobContinued>(event) || std::holds_alternative<Executed>(event))
    job_stopped_ = false;
  if (std::holds_alternative<TypedInterrupt>(event)) interrupt_typed_ = true;
  if (std::holds_alternative<ChildKept>(event)) has_kept_child_ = true;
  if (std::holds_alternative<Executed>(event)) {
    executed_ = true;
    ++program_changes_;
    goroutine_.reset();
  }
  if (const auto* exited = std::get_if<ThreadExited>(&event);
      exited != nullptr && held_apart_.forget(exited->id)) {
    alone_ended_ = true;
    notices_.push_back({Notice::Kind::warning,
                        name_of(exited->id) + ", which ran alone, has exited: the others run"});
  }
  if (std::holds_alternative<ProcessExited>(event) ||
      std::holds_alternative<ProcessKilled>(event) ||
      std::holds_alternative<ProcessVanished>(event)) {
    end_ = event;
  }
}

Deadline Session::next_deadline() const {
  if (!holding_) {
    const Deadline step = driver_ ? driver_->next_deadline() : Deadline::never();
    if (!limits_.max_pause || held_apart_.empty()) return step;
    return step.sooner(Deadline(apart_since_ + *limits_.max_pause));
  }
  Deadline next = timers_warned_ ? Deadline::never() : Deadline(held_since_ + timer_patience);
  if (limits_.max_pause) next = next.sooner(Deadline(held_since_ + *limits_.max_pause));
  return next;
}

bool Session::is_pause_over() const {
  if (!limits_.max_pause) return false;
  const TimePoint now = Clock::now();
  return (is_target_held() && now - held_since_ >= *limits_.max_pause) ||
         (!holding_ && !held_apart_.empty() && now - apart_since_ >= *limits_.max_pause);
}

void Session::warn_of_timers() {
  timers_warned_ = true;
  const auto proc = os::ProcDir::open(pid());
  if (!proc) return;
  // One "ID:" line a timer (proc_pid_timers(5)); setitimer(2)'s are not shown anywhere.
  const std::string timers = proc->read("timers").value_or("");
  size_t count = timers.starts_with("ID:") ? 1 : 0;
  for (size_t at = timers.find("\nID:"); at != std::string::npos; at = timers.find("\nID:", at + 1))
    ++count;
  if (count == 0) return;
  const os::TaskStatus status = os::parse_task_status(proc->read("status").value_or(""));
  notices_.push_back(
      {Notice::Kind::warning,
       fmt::format("held for more than a second, and the process has {} timer{}: their signals "
                   "queue up ({} of {} that its "
                   "user may have); --max-pause limits a hold",
                   count, count == 1 ? "" : "s", status.signals_queued, status.signals_limit)});
}

void Session::select_goroutine(uint64_t id, std::optional<ThreadId> thread) {
  const bool is_same = goroutine_ ? goroutine_->id == id : thread && *thread == selection_;
  if (!is_same) selected_frame_ = 0;
  if (thread) selection_ = *thread;
  goroutine_ = {id, !thread};
}

void Session::restore(const Selection& selection) {
  selection_ = selection.thread;
  goroutine_ = selection.goroutine;
  select_frame(selection.frame);
}

Result<ThreadId> Session::selected() const {
  if (goroutine_ && goroutine_->is_parked) {
    return fail(ErrorCode::unavailable,
                fmt::format("goroutine {} is on no thread: it has no registers that could be "
                            "changed, and makes no steps; `thread N` selects a thread",
                            goroutine_->id));
  }
  const auto all = threads();
  for (const Thread& thread : all) {
    if (thread.id == selection_) return selection_;
  }
  if (all.empty()) return fail(ErrorCode::gone, "the process has ended: there is no thread");
  return fail(
      ErrorCode::gone,
      fmt::format("the selected thread {} (tid {}) has exited: choose another with `thread N`",
                  selection_.number, selection_.tid));
}

Result<ThreadId> Session::find_thread(uint32_t number) const {
  for (const Thread& thread : threads()) {
    if (thread.id.number == number) return thread.id;
  }
  return fail(ErrorCode::not_found, fmt::format("there is no thread {}: see `threads`", number));
}

Result<ThreadId> Session::find_tid(pid_t tid) const {
  for (const Thread& thread : threads()) {
    if (thread.id.tid == tid) return thread.id;
  }
  return fail(ErrorCode::not_found,
              fmt::format("there is no thread with tid {}: see `threads`", tid));
}

}  // namespace clew
