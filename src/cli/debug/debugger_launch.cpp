// The debugger's part that has to do with programs which clew starts itself, and with the terminal
// that they are lent.

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>

#include "base/printable.h"
#include "cli/debug/debugger.h"
#include "cli/debug/go_stops.h"
#include "os/command_line.h"

namespace clew::cli {

Result<LaunchOptions*> Debugger::program() {
  if (!program_.arguments.empty()) return &program_;
  return fail(ErrorCode::unavailable, why_no_program_.empty()
                                          ? "no program is known yet: `run PROGRAM ARGS` starts one"
                                          : why_no_program_);
}

void Debugger::set_program(LaunchOptions program) {
  program_ = std::move(program);
  why_no_program_.clear();
}

Status Debugger::launch() {
  if (now_->session && now_->session->is_alive()) {
    return fail(
        ErrorCode::bad_request,
        fmt::format("process {} is attached: `detach` or `kill` first", now_->session->pid()));
  }
  const auto known = program();
  if (!known) return tl::unexpected(known.error());
  LaunchOptions options = **known;
  // What comes through a pipe are clew's commands, and a second reader would take some of them.
  if (options.input.empty() && options.terminal.empty() && isatty(STDIN_FILENO) != 1)
    options.input = "/dev/null";
  if (!terminal_) terminal_ = os::TerminalShare::open();
  if (terminal_) terminal_->forget_program();
  auto launched = context_.backend.launch(options);
  if (!launched) return tl::unexpected(launched.error());
  const pid_t pid = launched->inferior->pid();
  for (const std::string& warning : launched->warnings) console().warn(warning);
  auto target = find_target(console(), {std::to_string(pid), "", ""});
  auto proc = os::ProcDir::open(pid);
  if (!target || !proc) {
    (void)launched->inferior->run_control()->kill();
    return tl::unexpected((target ? proc.error() : target.error()));
  }
  begin_process(std::move(*proc));
  begin_session(std::move(*launched), std::move(*target));
  (void)now_->session->hold(Deadline::after(std::chrono::seconds(10)));
  now_->fresh = true;
  now_->shares_terminal = terminal_ != nullptr && options.terminal.empty();
  now_->session->inferior().run_control()->keep_typed_interrupts(now_->shares_terminal);
  console().out(fmt::format("started process {} \"{}\" ({}): held before its first instruction\n",
                            now_->target->pid, now_->target->name, now_->target->executable));
  for (const std::string& lost : now_->session->breakpoints().restore(kept_breakpoints_))
    console().warn(lost);
  if (now_->session->is_alive()) console().out(describe_selection());
  return {};
}

Status Debugger::go_on(bool in_background) {
  auto current = session();
  if (!current) return tl::unexpected(current.error());
  const bool launched = (*current)->is_launched();
  // One that runs in the background can be brought to the front.
  if (!(*current)->is_holding() && (*current)->held_apart().has_parked()) {
    (*current)->change_held_apart([](HeldThreads& apart) { apart.unpark(); });
    console().out("the threads that breakpoints hold run on\n");
    return {};
  }
  if (!(*current)->is_holding() && (!launched || in_background)) {
    await_asked_stop();
    current = session();
    if (!current) return tl::unexpected(current.error());
  }
  if (!(*current)->is_holding() && (!launched || in_background)) {
    return fail(ErrorCode::bad_request, "the process is running: `interrupt` stops it");
  }
  now_->fresh = false;
  (void)(*current)->take_job_stop();
  (void)(*current)->take_typed_interrupt();
  const bool waits = launched && !in_background;
  // Before it runs: a read from the terminal in the background would stop it.
  const bool has_terminal = waits && lend_terminal();
  now_->stopped_itself = false;
  now_->last_breakpoint = 0;
  if ((*current)->is_holding()) {
    arm_go_stops(*this);
    if (auto resumed = (*current)->resume(); !resumed) {
      take_terminal_back();
      return resumed;
    }
  }
  // What a shell does for the job that it brings to the front.
  if (launched && (*current)->is_job_stopped()) (void)(*current)->send_signal(SIGCONT);
  if (!waits) {
    console().out(interactive_ ? "running; Ctrl-C or `interrupt` stops it\n" : "running\n");
    return {};
  }
  if (interactive_) {
    console().progress(has_terminal ? "running, with the terminal; Ctrl-C stops it\n"
                                    : "running; Ctrl-C stops it\n");
  }
  wait_for_stop(Deadline::never());
  take_terminal_back();
  return {};
}

Result<bool> Debugger::follow(std::unique_ptr<StepPlan> plan) {
  const auto current = held_session();
  if (!current) return tl::unexpected(current.error());
  look_at_code();
  now_->fresh = false;
  now_->step_ended = false;
  (*current)->set_step_others(step_others);
  arm_go_stops(*this);
  lend_terminal();
  if (auto followed = (*current)->follow(std::move(plan)); !followed) {
    take_terminal_back();
    return tl::unexpected(followed.error());
  }
  attend({});
  wait_for_plan();
  take_terminal_back();
  if (has_news()) print_news();
  return now_->step_ended;
}

Status Debugger::kill() {
  const auto current = session();
  if (!current) return tl::unexpected(current.error());
  if (auto killed = (*current)->kill(); !killed) return killed;
  // Held threads wake by SIGKILL alone; what is left is to hear of their end.
  const Deadline patience = Deadline::after(std::chrono::seconds(2));
  while ((*current)->is_alive() && !patience.passed() && !console().must_leave())
    console().wait(-1, patience);
  return {};
}

void Debugger::end_launched() {
  const pid_t pid = now_->session->pid();
  if (!now_->session->kill()) {
    detach();
    return;
  }
  const Deadline patience = leave_deadline();
  while (now_->session->is_alive() && !patience.passed()) console().wait(-1, patience);
  (void)now_->session->take_notices();
  console().out(fmt::format("killed process {}, which clew had started\n", pid));
  drop_process();
}

bool Debugger::may_leave() {
  if (!interactive_) return true;
  std::string killed;
  for (const DebuggedProcess* process : processes()) {
    if (process->session->is_launched())
      killed += fmt::format("{}{}", killed.empty() ? "" : ", ", process->session->pid());
  }
  if (killed.empty()) return true;
  return confirm(fmt::format("process {} was started here and will be killed (`detach` first lets "
                             "it live). Leave?",
                             killed),
                 true);
}

void Debugger::remember_end() {
  const std::optional<Event>& end = now_->session->end();
  if (!end) return;
  no_process_.remember(*end);
  if (now_->session->is_launched()) last_end_ = describe_event(*end, true);
}

bool Debugger::lend_terminal() {
  return now_->shares_terminal && terminal_->lend(getpgid(now_->session->pid()));
}

bool Debugger::take_terminal_back() {
  if (!terminal_ || !terminal_->is_lent()) return false;
  terminal_->take_back();
  return true;
}

bool Debugger::stop_at_terminal() {
  bool typed = false;
  for (const DebuggedProcess& process : processes_)
    typed = (process.session && process.session->take_typed_interrupt()) || typed;
  const bool job_stopped = now_->session->take_job_stop();
  if (job_stopped) pending_output_.emplace_back("`continue` sends SIGCONT and lets it go on");
  if (!typed && !job_stopped) return false;
  if (typed && !interactive_) {
    // As if it had been typed to clew: the script is at its end.
    console().note_interrupt();
    return true;
  }
  stop_all();
  return true;
}

}  // namespace clew::cli
