// The debugger's part that has to do with several processes: children that are kept beside their
// parents, and which process commands are about.

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "cli/debug/debugger.h"
#include "cli/debug/go_stops.h"

namespace clew::cli {
namespace {

/// A process that makes others without end must not bring clew, and with it what it holds, to its
/// knees.
constexpr size_t most_processes = 100;

}  // namespace

std::vector<const DebuggedProcess*> Debugger::processes() const {
  std::vector<const DebuggedProcess*> attached;
  for (const DebuggedProcess& process : processes_) {
    if (process.is_alive()) attached.push_back(&process);
  }
  return attached;
}

std::string Debugger::name_of(const DebuggedProcess& process) {
  return fmt::format("process {} (pid {})", process.number,
                     process.session ? process.session->pid() : 0);
}

std::string Debugger::prefix() const {
  return processes_.size() > 1 && now_->session ? name_of(*now_) + ": " : "";
}

void Debugger::name_news(size_t first) {
  const std::string name = prefix();
  for (size_t i = first; i < pending_output_.size(); ++i) pending_output_[i].insert(0, name);
}

DebuggedProcess* Debugger::find_process(unsigned number) {
  for (DebuggedProcess& process : processes_) {
    if (process.number == number && process.session) return &process;
  }
  return nullptr;
}

Status Debugger::select_process(unsigned number) {
  DebuggedProcess* const process = find_process(number);
  if (process == nullptr || !process->is_alive()) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no process {}: see `processes`", number));
  }
  now_ = process;
  return {};
}

Status Debugger::with_process(unsigned number, const std::function<Status()>& run) {
  const unsigned before = now_->number;
  if (auto selected = select_process(number); !selected) return selected;
  Status status = run();
  if (DebuggedProcess* const back = find_process(before)) now_ = back;
  return status;
}

void Debugger::apply_follow_fork() {
  Children what = Children::keep_all;
  if (follow_fork == FollowFork::child)
    what = detaches_on_fork ? Children::keep_one : Children::keep_all_and_stop;
  if (follow_fork == FollowFork::parent && detaches_on_fork) what = Children::let_go;
  for (DebuggedProcess& process : processes_) {
    if (process.session) process.session->keep_children(what);
  }
}

bool Debugger::stop_all() {
  bool stopped = false;
  for (DebuggedProcess& process : processes_) {
    if (!process.runs()) continue;
    const Turn turn(*this, process);
    stop();
    stopped = true;
  }
  return stopped;
}

void Debugger::drop_process() {
  forget_session();
  if (processes_.size() == 1) {
    now_->number = last_number_ = 1;
    now_->parent = 0;
    return;
  }
  processes_.remove_if([this](const DebuggedProcess& one) { return &one == now_; });
  now_ = &processes_.front();
  pending_output_.push_back(
      fmt::format("selected: {}, which {}", name_of(*now_), now_->runs() ? "runs" : "is held"));
}

void Debugger::take_news_of_others() {
  std::vector<unsigned> others;
  for (const DebuggedProcess& process : processes_) {
    if (&process != now_) others.push_back(process.number);
  }
  for (const unsigned number : others) {
    DebuggedProcess* const other = find_process(number);
    if (other == nullptr) continue;
    News news = News::none;
    {
      const Turn turn(*this, *other);
      news = take_news();
      if (news == News::ended) forget_session();
    }
    if (news == News::ended)
      processes_.remove_if([&](const DebuggedProcess& one) { return &one == other; });
    if (news != News::stopped) continue;
    // Whoever looks at a held process, or leads a thread, goes on with that.
    if (now_->runs() && !now_->session->is_stepping()) {
      now_ = other;
      pending_output_.push_back("selected: " + name_of(*now_));
    } else {
      pending_output_.push_back(fmt::format("`process {}` selects it", number));
    }
  }
}

// ---- Children

void Debugger::take_children() {
  Session& session = *now_->session;
  const bool follows = follow_fork == FollowFork::child;
  const bool was_stepping = session.is_stepping();
  if (follows && session.is_alive()) (void)session.hold(Deadline::after(std::chrono::seconds(10)));
  const std::vector<pid_t> children = session.take_kept_children();
  if (follow_fork == FollowFork::parent && detaches_on_fork) {
    // It was switched off meanwhile.
    for (const pid_t child : children) session.inferior().run_control()->release_child(child);
    return;
  }
  if (!follows) {
    for (const pid_t child : children) (void)add_child(child);
    return;
  }
  // What has stopped it as well is told, and then it is let go, or stays held.
  const bool stopped = session.is_alive() && !children.empty() && take_stop();
  const bool stays = was_stepping || (stopped && now_->last_breakpoint != 0);
  DebuggedProcess* followed = nullptr;
  for (const pid_t child : children) {
    if (followed == nullptr) {
      followed = detaches_on_fork ? replace_by_child(child) : add_child(child, true);
    } else if (!detaches_on_fork) {
      (void)add_child(child);
    }
  }
  if (followed == nullptr) {
    // It has been killed meanwhile; the process goes on as it did.
    if (session.is_alive() && !stays) (void)session.resume();
    return;
  }
  now_ = followed;
  if (!stays) {
    run_child();
    return;
  }
  now_->stopped_itself = true;
  take_terminal_back();
  pending_output_.push_back(was_stepping ? "the step has ended with that: the child is held"
                                         : "the child is held");
}

void Debugger::run_child() {
  arm_go_stops(*this);
  (void)now_->session->resume();
}

Result<Debugger::TakenChild> Debugger::take_child(pid_t child) {
  Session& parent = *now_->session;
  RunControl& control = *parent.inferior().run_control();
  auto target = find_target(console(), {std::to_string(child), "", ""});
  auto proc = os::ProcDir::open(child);
  Result<Backend::Attached> taken = fail(ErrorCode::gone, "");
  if (target && proc) taken = context_.backend.take_over(child, parent.is_launched());
  if (!taken || !control.give_child(child)) {
    control.release_child(child);
    return fail(ErrorCode::gone, fmt::format("process {}, which {} has made, has ended already",
                                             child, name_of(*now_)));
  }
  return TakenChild{std::move(*taken), std::move(*target),          std::move(*proc),
                    parent.signals(),  parent.breakpoints().keep(), now_->shares_terminal};
}

void Debugger::begin_child(TakenChild taken) {
  begin_process(std::move(taken.proc));
  begin_session(std::move(taken.attached), std::move(taken.target));
  now_->shares_terminal = taken.shares_terminal;
  now_->session->inferior().run_control()->keep_typed_interrupts(now_->shares_terminal);
  for (int signal = 1; signal < SignalRules::count; ++signal)
    now_->session->signals().set(signal, taken.signals.of(signal));
  (void)now_->session->hold(Deadline::after(std::chrono::seconds(10)));
  for (const std::string& lost : now_->session->breakpoints().restore(taken.breakpoints))
    pending_output_.push_back("warning: " + prefix() + lost);
}

DebuggedProcess* Debugger::replace_by_child(pid_t child) {
  const pid_t parent = now_->session->pid();
  auto taken = take_child(child);
  if (!taken) {
    pending_output_.push_back(taken.error().text);
    return nullptr;
  }
  for (const Notice& notice : now_->session->take_notices()) pending_output_.push_back(notice.text);
  if (now_->session->is_alive()) (void)now_->session->detach(leave_deadline());
  begin_child(std::move(*taken));
  pending_output_.push_back(fmt::format(
      "following process {} \"{}\", the child of {}, which was let go (`set follow-fork`)", child,
      now_->target->name, parent));
  return now_;
}

DebuggedProcess* Debugger::add_child(pid_t child, bool is_followed) {
  if (processes_.size() >= most_processes) {
    now_->session->inferior().run_control()->release_child(child);
    pending_output_.push_back(
        fmt::format("warning: {} processes are debugged already: process {} was let go",
                    processes_.size(), child));
    return nullptr;
  }
  auto taken = take_child(child);
  if (!taken) {
    pending_output_.push_back(taken.error().text);
    return nullptr;
  }
  DebuggedProcess& place = processes_.emplace_back();
  place.number = ++last_number_;
  place.parent = now_->number;
  const std::string parent = name_of(*now_);
  const Turn turn(*this, place);
  begin_child(std::move(*taken));
  const bool runs = follow_fork == FollowFork::both && place.is_alive();
  if (runs) run_child();
  std::string what = fmt::format("is held: `process {}` selects it", place.number);
  if (runs) what = "is debugged as well";
  if (is_followed) what = fmt::format("is followed: `process {}` is held", place.parent);
  pending_output_.push_back(fmt::format("{} \"{}\" was made by {}, and {}", name_of(place),
                                        place.target->name, parent, what));
  return &place;
}

}  // namespace clew::cli
