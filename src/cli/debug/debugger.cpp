#include "cli/debug/debugger.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "base/printable.h"
#include "cli/debug/settings.h"
#include "cli/debug/typed_line.h"
#include "cli/exit_status.h"
#include "cli/symbol_reading.h"
#include "cli/xdg.h"
#include "lang/expression.h"
#include "session/go_warm_up.h"
#include "session/relaunch.h"
#include "view/thread_table.h"

namespace clew::cli {
Debugger::Debugger(Context context, const DebugOptions& options)
    : context_(context),
      options_(options),
      coming_commands_(options.commands),
      processes_(1),
      now_(&processes_.front()),
      interactive_(!options.batch && isatty(STDIN_FILENO) == 1 && context.console.is_terminal()) {
  context_.console.set_attendant({[this] { return next_deadline(); },
                                  [this](std::span<const pid_t> named) { attend(named); }});
}

Debugger::~Debugger() { context_.console.set_attendant({}); }

Deadline Debugger::next_deadline() const {
  Deadline next = Deadline::never();
  for (const DebuggedProcess& process : processes_) {
    if (!process.session) continue;
    next = next.sooner(process.session->next_deadline());
    if (process.leave_at) next = next.sooner(Deadline(*process.leave_at));
  }
  return next;
}

int Debugger::run(const std::function<Status()>& begin) {
  if (auto begun = begin(); !begun) {
    console().error(begun.error().text);
    return exit_status_of(begun.error());
  }
  run_init_file();
  for (const std::string& command : std::exchange(coming_commands_, {})) {
    if (quit_ || console().must_leave() || console().is_interrupted()) break;
    failed_ = !execute(command) || failed_;
  }
  // Piped input is read with --batch as well; a terminal is not.
  if (!(options_.batch && isatty(STDIN_FILENO) == 1)) run_lines();
  leave();
  return failed_ && !interactive_ ? exit_failed : exit_done;
}

void Debugger::run_lines() {
  const auto lines =
      interactive_ ? terminal_lines(console(), *this) : piped_lines(console(), *this);
  std::string last;
  while (!quit_ && !console().must_leave()) {
    if (!interactive_ && console().is_interrupted()) return;
    auto line = lines->next();
    if (!line) {
      if (console().must_leave() || may_leave()) return;
      continue;
    }
    // As in gdb: an empty line repeats steps and dumps.
    if (trimmed(*line).empty() && interactive_) line = last;
    const bool ok = execute(*line);
    failed_ = failed_ || !ok;
    run_pending_commands();
    const TypedLine typed = split_line(trimmed(*line));
    const auto command = find_debug_command(typed.name);
    last.clear();
    if (command && (*command)->name == "stepi") last = *line;
    if (command && (*command)->name == "x")
      last = typed.arguments.suffix.empty() ? "x" : "x/" + typed.arguments.suffix;
  }
}

bool Debugger::execute(std::string_view line) {
  line = trimmed(line);
  if (line.empty() || line.front() == '#') return true;
  const TypedLine typed = split_line(line);
  const auto command = find_debug_command(typed.name);
  Status status;
  if (command) {
    status = (*command)->run(*this, typed.arguments);
  } else {
    status = tl::unexpected(command.error());
  }
  if (now_->is_alive()) {
    const size_t first = pending_output_.size();
    take_stop();
    name_news(first);
  }
  print_notices();
  if (status) return true;
  // Ctrl-C that has ended the command has done its work.
  if (status.error().code == ErrorCode::cancelled && interactive_) {
    console().wait(-1, Deadline::after(Duration::zero()));
    console().take_interrupt();
  }
  console().error(status.error().text);
  return false;
}

void Debugger::run_init_file() {
  const auto folder = config_directory();
  if (!folder) return;
  const std::string path = *folder + "/init";
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return;
  // A file that others can write is not the user's own word.
  if ((info.st_uid != geteuid() && info.st_uid != 0) || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    console().warn(fmt::format("{} is not used: others than you can write it", path));
    return;
  }
  std::istringstream lines(os::read_small_file(path).value_or(""));
  for (std::string line; std::getline(lines, line) && !quit_;) failed_ = !execute(line) || failed_;
}

Result<Session*> Debugger::session() {
  if (now_->is_alive()) return now_->session.get();
  return fail(ErrorCode::not_found, "no process is attached: `attach PID` takes one");
}

Result<Session*> Debugger::held_session() {
  await_asked_stop();
  const auto current = session();
  if (current && !(*current)->is_holding()) {
    return fail(ErrorCode::not_stopped, "the process is running: `interrupt` stops it");
  }
  if (current) now_->goroutines->follow();
  return current;
}

void Debugger::await_asked_stop() {
  if (interactive_ || !now_->runs() || now_->session->breakpoints().all().empty()) return;
  wait_for_stop(Deadline::never());
  print_notices();
}

Status Debugger::attach(const TargetChoice& choice) {
  if (now_->session && now_->session->is_alive()) {
    return fail(ErrorCode::bad_request,
                fmt::format("process {} is attached: `detach` first", now_->session->pid()));
  }
  auto target = find_target(console(), choice);
  if (!target) return tl::unexpected(target.error());
  auto proc = os::ProcDir::open(target->pid);
  if (!proc) return tl::unexpected(proc.error());
  if (target->via_tid != 0) {
    console().out(fmt::format("{} is a thread of process {}: attaching to the process\n",
                              target->via_tid, target->pid));
  }
  // While it runs: what this costs is not part of any pause.
  auto program = launch_options_of(*proc);
  begin_process(std::move(*proc));
  kept_breakpoints_ = {};
  prepare_commands(target->pid);
  const TimePoint start = Clock::now();
  Backend::Options options;
  if (options_.max_pause) options.deadline = Deadline::after(*options_.max_pause);
  auto attached = context_.backend.attach(target->pid, options);
  if (!attached) return tl::unexpected(explain_attach_failure(*target, attached.error()));
  const pid_t via_tid = target->via_tid;
  begin_session(std::move(*attached), std::move(*target));
  const HoldReport held = now_->session->hold(Deadline::after(std::chrono::seconds(10)));
  console().out(fmt::format("attached to process {} \"{}\" ({}): {} thread{} held in {}\n",
                            now_->target->pid, now_->target->name, now_->target->executable,
                            held.held, held.held == 1 ? "" : "s",
                            format_duration(Clock::now() - start)));
  for (const DeniedThread& denied : now_->session->attach_report().denied)
    console().warn(denied.reason);
  warn_of_unheld(held);
  if (program) {
    set_program(std::move(*program));
  } else {
    set_program({});
    why_no_program_ = program.error().text;
  }
  if (via_tid != 0) {
    if (const auto id = now_->session->find_tid(via_tid)) now_->session->select(*id);
  }
  if (now_->session->is_alive()) console().out(describe_selection());
  return {};
}

void Debugger::begin_process(os::ProcDir proc) {
  forget_session();
  now_->proc = std::make_unique<os::ProcDir>(std::move(proc));
  now_->symbols = std::make_unique<Symbols>(*now_->proc, symbol_options(*now_->proc, fetch_));
  open_debug_files();
}

void Debugger::begin_session(Backend::Attached attached, Target target) {
  now_->session =
      std::make_unique<Session>(std::move(attached), Session::Limits{options_.max_pause});
  now_->session->set_verbose(interactive_);
  now_->session->set_compiler(make_compiler());
  Inferior& inferior = now_->session->inferior();
  now_->session->set_step_help(std::make_unique<Escapes>(*now_->symbols, inferior, inferior.arch()),
                               [this](ThreadId thread) { return explain_wait(thread); });
  now_->session->breakpoints().set_default_policy(stop_policy);
  now_->session->inferior().run_control()->set_safety_net(safety_net);
  now_->leave_at.reset();
  if (options_.detach_after.time) now_->leave_at = Clock::now() + *options_.detach_after.time;
  now_->session->set_follow(follow_policy);
  apply_follow_fork();
  now_->target = std::move(target);
  now_->rows = std::make_unique<RowBuilder>(*now_->proc, now_->session->inferior().arch());
  now_->goroutines = std::make_unique<HeldGoroutines>(*now_->session, *now_->symbols, *now_->proc);
  now_->stacks = std::make_unique<ThreadStacks>(*now_->session, *now_->symbols, *now_->goroutines);
  now_->values =
      std::make_unique<ProcessValues>(*now_->session, *now_->symbols, *now_->stacks,
                                      [this] { return read_names(console(), *now_->symbols); });
  now_->symbols->refresh();
  now_->rows->set_code(now_->symbols->code_mappings());
}

void Debugger::open_debug_files() {
  const Status opened = cli::open_debug_files(console(), *now_->symbols, fetch_.get());
  // Ctrl-C has ended the search and is not meant for more.
  if (!opened && interactive_) console().take_interrupt();
}

void Debugger::prepare_commands(pid_t pid) {
  now_->symbols->warm_up(std::array{pid});
  // Threads and stacks of a Go program need what its runtime is like.
  warm_up_go(*now_->symbols);
  for (const std::string& line : coming_commands_) {
    const TypedLine typed = split_line(trimmed(line));
    const auto command = find_debug_command(typed.name);
    if (command && (*command)->prepare != nullptr) (*command)->prepare(*this, typed.arguments);
  }
}

void Debugger::warn_of_unheld(const HoldReport& report) {
  for (const ThreadId id : report.not_held) {
    console().warn(fmt::format("thread {} (tid {}) is in uninterruptible sleep and cannot stop now",
                               id.number, id.tid));
  }
}

void Debugger::forget_session() {
  if (now_->session) kept_breakpoints_ = now_->session->breakpoints().keep();
  now_->values.reset();
  now_->stacks.reset();
  now_->goroutines.reset();
  if (now_->session) {
    RunControl& control = *now_->session->inferior().run_control();
    for (const pid_t child : control.kept_children()) control.release_child(child);
    if (control.has_tracees()) limbo_.push_back(std::move(now_->session));
  }
  now_->session.reset();
  now_->target.reset();
  now_->rows.reset();
  now_->symbols.reset();
  now_->proc.reset();
  now_->next_address.reset();
  now_->go_stops.traps.clear();
  now_->shares_terminal = false;
  now_->fresh = false;
}

void Debugger::detach() {
  if (!now_->session) return;
  if (!now_->session->is_alive()) {
    drop_process();
    return;
  }
  const pid_t pid = now_->session->pid();
  const DetachReport report = now_->session->detach(leave_deadline());
  for (const Notice& notice : now_->session->take_notices()) pending_output_.push_back(notice.text);
  console().out(
      fmt::format("detached from process {}: {} thread{} let go{}, stopped for {} at the longest\n",
                  pid, report.released, report.released == 1 ? "" : "s",
                  report.verified ? " (verified)" : "", format_duration(report.longest_pause)));
  for (const pid_t tid : report.remaining) {
    console().warn(fmt::format(
        "thread {} cannot be let go yet; it is when it wakes or ends, or when clew ends", tid));
  }
  drop_process();
}

void Debugger::leave() {
  take_terminal_back();
  print_notices();
  while (now_->session) {
    if (now_->is_alive() && now_->session->is_launched()) {
      end_launched();
    } else {
      detach();
    }
  }
  print_notices();
}

void Debugger::stop() {
  const auto current = session();
  if (!current) return;
  const TimePoint start = Clock::now();
  const HoldReport held = (*current)->hold(Deadline::after(std::chrono::seconds(10)));
  // Not before: a program that runs on and reads the terminal would be stopped by SIGTTIN.
  if (take_terminal_back() && interactive_) console().out("\n");  // behind the ^C or ^Z
  if (!(*current)->is_alive()) return;
  console().out(fmt::format("{}stopped: {} thread{} held in {}\n", prefix(), held.held,
                            held.held == 1 ? "" : "s", format_duration(Clock::now() - start)));
  warn_of_unheld(held);
  look_at_code();
  console().out(describe_selection());
}

void Debugger::attend(std::span<const pid_t> named) {
  if (!named.empty()) context_.backend.reap();
  for (auto left = limbo_.begin(); left != limbo_.end();) {
    (*left)->pump(named);
    left = (*left)->inferior().run_control()->has_tracees() ? std::next(left) : limbo_.erase(left);
  }
  for (DebuggedProcess& process : processes_) {
    if (!process.session) continue;
    const Turn turn(*this, process);
    Session& session = *process.session;
    session.pump(named);
    if (!session.is_pause_over() || !session.is_alive()) continue;
    (void)session.let_go();
    pending_output_.push_back(
        fmt::format("{}let go after {} (--max-pause): the process runs; `interrupt` stops it again",
                    prefix(), format_duration(*session.max_pause())));
  }
}

bool Debugger::has_news() {
  if (take_news() == News::ended) drop_process();
  take_news_of_others();
  if (is_leave_due()) {
    pending_output_.emplace_back("let go for good (--detach-after)");
    while (now_->session) detach();
  }
  return !pending_output_.empty();
}

Debugger::News Debugger::take_news() {
  if (now_->session && now_->session->has_kept_child()) take_children();
  if (!now_->session) return News::none;
  Session& session = *now_->session;
  const size_t first = pending_output_.size();
  const bool stopped = session.is_alive() && take_stop();
  for (const Notice& notice : session.take_notices()) {
    pending_output_.push_back(notice.kind == Notice::Kind::warning ? "warning: " + notice.text
                                                                   : notice.text);
  }
  if (session.is_launched() && session.take_job_stop())
    pending_output_.emplace_back("`continue` brings it to the front and lets it go on");
  name_news(first);
  if (session.is_alive()) return stopped ? News::stopped : News::none;
  remember_end();
  if (processes_.size() == 1) {
    take_terminal_back();
    pending_output_.push_back(session.is_launched() ? "`run` starts the program again"
                                                    : "no process is attached any more");
  }
  return News::ended;
}

bool Debugger::is_leave_due() const {
  uint64_t hits = 0;
  for (const DebuggedProcess& process : processes_) {
    if (!process.is_alive()) continue;
    if (process.leave_at && Clock::now() >= *process.leave_at) return true;
    hits += process.session->breakpoints().total_hits();
  }
  return options_.detach_after.hits && hits >= *options_.detach_after.hits && !processes().empty();
}

void Debugger::print_notices() {
  has_news();
  for (const std::string& text : std::exchange(pending_output_, {})) {
    console().out(console().style().warning("* ") + text + "\n");
  }
}

bool Debugger::interrupt() {
  if (!stop_all()) return false;
  print_notices();
  return true;
}

void Debugger::wait_for_stop(const Deadline& until) {
  wait_while([&] { return !now_->session->is_holding() && !until.passed(); }, until);
}

void Debugger::wait_for_plan() {
  // --max-pause may let the process go in the middle of one.
  wait_while([&] { return now_->session->is_stepping(); }, Deadline::never());
}

void Debugger::wait_while(const std::function<bool()>& goes_on, const Deadline& until) {
  while (now_->session && now_->session->is_alive() && goes_on()) {
    // What came while something else was printed is here already, and wakes nobody again.
    if (now_->session->is_launched() && stop_at_terminal()) return;
    const bool told = has_news();
    if (told) {
      print_news();
      if (!now_->is_alive() || !goes_on()) continue;
    }
    // News without end keep nobody from being heard.
    const Deadline awake = told ? Deadline::after(Duration::zero()) : until;
    if (!console().is_interrupted() && !console().must_leave()) console().wait(-1, awake);
    if (console().must_leave()) return;
    if (console().is_interrupted()) {
      if (interactive_) {
        console().take_interrupt();
        stop_all();
      }
      return;
    }
  }  // The thread that has stopped it is selected before anything else is done.
  has_news();
}

bool Debugger::confirm(std::string_view question, bool at_end) {
  console().out(fmt::format("{} (y or n) ", question));
  std::string answer;
  for (;;) {
    if (console().must_leave()) return false;
    if (console().take_interrupt()) {
      console().out("^C\n");
      return false;
    }
    if (!console().wait(STDIN_FILENO, Deadline::never()).input) continue;
    char chunk[256];
    const ssize_t n = ::read(STDIN_FILENO, chunk, sizeof chunk);
    if (n <= 0) {
      console().out("\n");
      return at_end;
    }
    answer.append(chunk, static_cast<size_t>(n));
    if (answer.back() == '\n') break;
  }
  answer.pop_back();
  const std::string_view said = trimmed(answer);
  return said == "y" || said == "yes";
}

std::vector<LibraryChange> Debugger::note_new_code() {
  const auto paths = [this] {
    std::set<std::string> all;
    for (const sym::LoadedModule& loaded : now_->symbols->modules().modules())
      all.insert(loaded.module->path());
    return all;
  };
  const std::set<std::string> before = paths();
  if (!now_->symbols->refresh()) return {};
  now_->rows->set_code(now_->symbols->code_mappings());
  now_->has_new_code = true;
  std::vector<LibraryChange> changes;
  const std::set<std::string> after = paths();
  for (const std::string& path : after) {
    if (!before.contains(path)) changes.push_back({path, true});
  }
  for (const std::string& path : before) {
    if (!after.contains(path)) changes.push_back({path, false});
  }
  return changes;
}

void Debugger::look_at_code() {
  (void)note_new_code();
  if (std::exchange(now_->has_new_code, false)) open_debug_files();
}

Values& Debugger::values() {
  now_->values->values.begin();
  return now_->values->values;
}

ValueScope Debugger::value_scope(ValueScope::Place place) {
  place.process = now_->number;
  place.exit_code = no_process_.exit_code();
  return {values(), now_->values->printers, &now_->values->history, std::move(place)};
}

ValueScope Debugger::value_scope() {
  ValueScope::Place place = selected_place(values(), view.language, call_timeout);
  place.goroutine = [this] { return current_goroutine().value_or(0); };
  return value_scope(std::move(place));
}

std::optional<uint64_t> Debugger::current_goroutine() {
  if (const auto& goroutine = now_->session->selected_goroutine()) return goroutine->id;
  const auto thread = now_->session->selected();
  if (!thread) return std::nullopt;
  const auto registers = now_->session->inferior().general(*thread);
  if (!registers) return std::nullopt;
  const auto runs = now_->goroutines->running(**registers);
  return runs ? std::optional(runs->id) : std::nullopt;
}

std::string Debugger::text_of(const value::Value& value) {
  value::PrintOptions options = view.options;
  options.pretty = false;
  return value_text(value, now_->values->printers, options);
}

Result<uint64_t> Debugger::evaluate(std::string_view text) {
  if (const auto current = session(); !current) return tl::unexpected(current.error());
  ValueScope scope = value_scope();
  const auto value = lang::evaluate(text, scope);
  if (!value) return tl::unexpected(value.error());
  return lang::number_of(*value);
}

const CodeMap& Debugger::code_map() { return now_->rows->code_map(); }

std::string Debugger::describe_selection() {
  if (const auto& goroutine = now_->session->selected_goroutine()) {
    std::string text = describe_goroutine(*now_->goroutines, goroutine->id);
    if (goroutine->is_parked) return text + "\n";
    return text + "\n" + describe_thread();
  }
  return describe_thread();
}

std::string Debugger::describe_thread() {
  const auto id = now_->session->selected();
  if (!id) return id.error().text + "\n";
  std::string name;
  std::string buffer(64, '\0');
  if (const auto comm = now_->proc->read_task(id->tid, "comm", buffer))
    name = printable(trimmed(comm->substr(0, comm->find('\n'))));
  std::string text = fmt::format("thread {} (tid {}) \"{}\"", id->number, id->tid, name);
  if (const auto registers = now_->session->inferior().general(*id)) {
    const uint64_t pc = now_->session->inferior().arch().pc_of(**registers);
    text += fmt::format(" at {} {}", console().style().address(hex_address(pc)),
                        code_map().describe({pc}));
    const std::string place = now_->symbols->place({pc}).description(0);
    if (!place.empty()) text += " in " + place;
  } else {
    text += ": " + registers.error().text;
  }
  return text + "\n";
}

std::vector<ThreadRow> Debugger::thread_rows() {
  const std::vector<Thread> threads = now_->session->threads();
  std::vector<pid_t> tids;
  tids.reserve(threads.size());
  for (const Thread& thread : threads) tids.push_back(thread.id.tid);
  now_->rows->start_survey(tids);
  now_->rows->finish_survey();
  look_at_code();
  const bool is_go = now_->session->is_holding() && now_->goroutines->is_go();
  const auto selected = now_->session->selected();
  std::vector<ThreadRow> rows;
  rows.reserve(threads.size());
  for (const Thread& thread : threads) {
    ThreadRow row = now_->rows->row(thread.id);
    row.activity = thread.activity;
    row.current = selected && *selected == thread.id;
    row.frozen = now_->session->held_apart().is_frozen(thread.id);
    if (!is_held(thread.activity)) {
      now_->rows->add_from_proc(row);
    } else if (const auto registers = now_->session->inferior().general(thread.id)) {
      now_->rows->add_registers(row, **registers);
      if (is_go) row.goroutine = now_->goroutines->of_thread(thread.id).value_or(0);
    } else {
      row.error = registers.error().text;
    }
    rows.push_back(std::move(row));
  }
  RowBuilder::add_names(rows, *now_->symbols);
  now_->rows->decode_calls(rows, [&](uint64_t address, std::span<std::byte> into) {
    const auto n = now_->session->inferior().read_memory({address}, into);
    return n && *n == into.size();
  });
  return rows;
}

std::string Debugger::prompt() {
  if (!now_->session || !now_->session->is_alive()) return "(clew) ";
  return fmt::format("(clew {}{} {}) ",
                     processes_.size() > 1 ? fmt::format("{}: ", now_->number) : "",
                     now_->session->pid(), now_->runs() ? "running" : "held");
}

int run_attach(Context context, const AttachOptions& options) {
  Debugger debugger(context, options);
  return debugger.run([&] { return debugger.attach(options.target); });
}

}  // namespace clew::cli
