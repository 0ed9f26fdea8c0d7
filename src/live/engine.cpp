#include "live/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "base/check.h"
#include "base/log.h"
#include "os/scheduling.h"

namespace clew::live {

Engine::Engine(pid_t pid, PtracePort& ptrace, WaitPort& waits, TaskPort& tasks, MemoryPort& memory,
               const arch::Arch& arch, Neighbours* neighbours)
    : pid_(pid),
      ptrace_(ptrace),
      neighbours_(neighbours),
      queue_(waits, neighbours != nullptr ? &neighbours->early() : nullptr),
      tasks_(tasks),
      memory_(memory),
      arch_(arch),
      traps_(memory, arch),
      net_(memory, arch) {
  if (neighbours_ != nullptr) neighbours_->join(*this);
}

Engine::~Engine() {
  if (neighbours_ != nullptr) neighbours_->leave(*this);
}

ThreadActivity Engine::activity(const Tracee& tracee) {
  switch (tracee.state) {
    case TraceeState::stopped:
      return tracee.group_stop_seen ? ThreadActivity::held_stopped : ThreadActivity::held;
    case TraceeState::group_stopped:
      return ThreadActivity::held_stopped;
    case TraceeState::listening:
      return ThreadActivity::stopped;
    case TraceeState::signal_stopped:
      return tracee.keeps_signal ? ThreadActivity::held : ThreadActivity::running;
    case TraceeState::exiting:
      return ThreadActivity::exiting;
    default:
      return tracee.stuck ? ThreadActivity::uninterruptible : ThreadActivity::running;
  }
}

Result<AttachReport> Engine::attach(const Deadline& deadline, const Attacher::OnListed& on_listed) {
  const Ticking ticking(queue_.port());
  Attacher attacher(ptrace_, tasks_, tracees_, [this] { sweep_any(); });
  auto report = attacher.run(deadline, on_listed);
  alive_ = !tracees_.empty();
  if (!report) return report;
  leader_exit_told_ = report->leader_is_zombie;
  not_ours_ = report->denied.size() + (report->leader_is_zombie ? 1 : 0);
  for (const pid_t stray : attacher.strays()) {
    if (Tracee* tracee = tracees_.find(stray)) reconcile(*tracee);
  }
  return report;
}

bool Engine::seize_latecomers() {
  // A thread that was inside clone(2) when it was seized has a child that nobody traces
  // (kernel_clone() decides that at its beginning), and that no listing may have shown yet. Now
  // that every known thread has stopped, all that there are can be seen.
  if (!alive_) return false;
  // The leader's number may be that of a thread which has executed a program since, and which was
  // not seized then: the kernel tells nothing of the former leader's end.
  const Tracee* const leader = tracees_.find(pid_);
  if (leader != nullptr && leader->state == TraceeState::exiting && is_untraced(pid_))
    tracees_.remove(pid_);
  const size_t before = tracees_.thread_count();
  // Of those that could not be had (a leader that was a zombie, threads that were denied) an exec
  // may have made others too.
  if (not_ours_ == 0 && tasks_.count() <= before) return false;
  const Ticking ticking(queue_.port());
  Attacher attacher(ptrace_, tasks_, tracees_, [this] { sweep_any(); });
  const auto report = attacher.run(Deadline::after(std::chrono::seconds(1)), {});
  if (!report) return false;
  not_ours_ = report->denied.size() + (report->leader_is_zombie ? 1 : 0);
  for (size_t i = 0; i < tracees_.order().size(); ++i) reconcile(*tracees_.order()[i]);
  return tracees_.thread_count() > before;
}

Result<bool> Engine::visit(pid_t tid, const Deadline& deadline,
                           const std::function<void(Tracee&)>& visitor) {
  const PortResult seized = Attacher(ptrace_, tasks_, tracees_).seize_alone(tid);
  if (!seized.is_ok()) return fail_os(seized.error, fmt::format("cannot attach to thread {}", tid));
  // The number may have been given to another process's thread since the listing.
  const bool stray = !tasks_.has(tid);
  request_ = RunRequest::all(stray ? Wanted::release : Wanted::hold);
  reconcile(*tracees_.find(tid));
  bool stopped = settle(deadline, false) == Settled::yes;
  if (Tracee* tracee = stray ? nullptr : tracees_.find(tid)) {
    stopped = stopped && tracee->is_trapped();
    if (stopped) visitor(*tracee);
  }
  apply(RunRequest::all(Wanted::release));
  settle(deadline, false);
  if (stray) return fail(ErrorCode::gone, fmt::format("thread {} has exited", tid));
  return stopped;
}

HoldReport Engine::hold_all(const Deadline& deadline) {
  const os::PriorityBoost boost;
  look_at_stuck();
  apply(RunRequest::all(Wanted::hold));
  Settled settled = settle(deadline, true);
  while (settled == Settled::yes && seize_latecomers()) settled = settle(deadline, true);
  // At every stop that the user sees, the text is the program's own.
  if (settled == Settled::yes) lift_traps();
  stop_wanted_ = false;
  HoldReport report;
  report.timed_out = settled == Settled::timeout;
  report.cancelled = settled == Settled::cancelled;
  for (const auto& tracee : tracees_.order()) {
    if (tracee->foreign || tracee->id.tid == 0) continue;
    if (tracee->is_trapped()) {
      ++report.held;
    } else if (tracee->state != TraceeState::exiting) {
      report.not_held.push_back(tracee->id);
    }
  }
  return report;
}

void Engine::apply(RunRequest request) {
  request_ = std::move(request);
  // Whoever runs may change what SIGTRAP does.
  trap_signal_ignored_.reset();
  tracees_.compact();
  const bool somebody_runs =
      request_.others == Wanted::run ||
      std::any_of(request_.chosen.begin(), request_.chosen.end(),
                  [](const auto& choice) { return choice.second == Wanted::run; });
  if (somebody_runs && !traps_.is_inserted()) insert_traps();
  if (somebody_runs) target_call_room_.reset();
  for (const pid_t tid : first_) {
    if (Tracee* const tracee = tracees_.find(tid)) reconcile(*tracee);
  }
  // By index: taking in a birth appends.
  for (size_t i = 0; i < tracees_.order().size(); ++i) reconcile(*tracees_.order()[i]);
}

void Engine::pump(std::span<const pid_t> named) {
  passing_hits_ = {};
  tell_exec_in_call();
  for (const pid_t tid : named) {
    Tracee* tracee = tracees_.find(tid);
    if (tracee == nullptr) continue;
    const auto polled = queue_.poll(tid);
    if (polled.answer == WaitQueue::Answer::event) handle(polled.event);
  }
  sweep_any();
  serve_hot_thread();
  step_over_lifted();
  mend_net();
  note_leader_exit();
  tracees_.compact();
}

std::vector<Event> Engine::take_events() { return std::exchange(events_, {}); }

DetachReport Engine::detach(const Deadline& deadline) {
  const os::PriorityBoost boost;
  // Holding all before the first is let go keeps the target consistent where it has been changed
  // (traps).
  look_at_stuck();
  // A thread can only make calls in the target's name (for remove_net) once its signal is
  // delivered.
  for (const auto& tracee : tracees_.order()) tracee->keeps_signal = false;
  apply(RunRequest::all(Wanted::hold));
  settle(deadline, false);
  lift_traps();
  // Written to each thread as it is let go.
  watches_.clear();
  for (const auto& tracee : tracees_.order()) {
    if (tracee->id.tid != 0 && tracee->is_trapped()) restore_trap_signal(*tracee);
  }
  remove_net();
  const size_t before = tracees_.thread_count();
  // From here on the end of the last tracee is not that of the process.
  alive_ = false;
  apply(RunRequest::all(Wanted::release));
  settle(deadline, false);
  tracees_.compact();
  DetachReport report;
  for (const auto& tracee : tracees_.order()) report.remaining.push_back(tracee->id.tid);
  report.released = before - std::min(before, tracees_.thread_count());
  report.verified = traces_nothing();
  report.longest_pause = longest_pause_;
  return report;
}

Status Engine::step(ThreadId id, uint64_t count, const std::function<bool()>& go_on,
                    const Deadline& deadline, uint64_t& done) {
  done = 0;
  uint64_t begun = 0;
  const auto next = [&] {
    done = begun;
    if (begun == count || (begun > 0 && go_on && !go_on())) return Lead::leave;
    ++begun;
    return Lead::step;
  };
  const auto led = lead(id, next, deadline, count > 1);
  return led ? Status() : tl::unexpected(led.error());
}

Result<bool> Engine::lead(ThreadId id, const std::function<Lead()>& next, const Deadline& deadline,
                          bool needs_net) {
  // How often it is asked which CPU the thread is on.
  constexpr uint64_t moves_a_look = 512;
  // While it is led without a break, others that have stopped are not heard of otherwise.
  constexpr auto attention = std::chrono::milliseconds(1);
  if (const auto found = held(id); !found) return tl::unexpected(found.error());
  // Between two steps a thread is in step mode, and would die of the next one's SIGTRAP were clew
  // killed there. A single one is left by leave_step_mode() at once.
  if (needs_net && !traps_.is_inserted() && net_failure_.empty()) (void)spread_net();
  const Ticking ticking(queue_.port());
  os::CpuFollower follower;
  const bool is_alone = !others_run(id);
  TimePoint attended = is_alone ? TimePoint{} : Clock::now();
  Result<bool> left = true;
  for (uint64_t moves = 0;; ++moves) {
    const Lead move = next();
    if (move == Lead::leave) break;
    if (moves % moves_a_look == 1) follower.follow(tasks_.cpu(id.tid));
    if (move == Lead::run) {
      left = run_led(id);
    } else if (auto stepped = step_one(id, deadline); !stepped) {
      left = tl::unexpected(stepped.error());
    }
    if (!left || !*left) break;
    if (is_alone || Clock::now() - attended < attention) continue;
    sweep_any();
    attended = Clock::now();
  }
  leave_step_mode(id);
  return left;
}

bool Engine::others_run(ThreadId but) const {
  return request_.others != Wanted::hold ||
         std::any_of(request_.chosen.begin(), request_.chosen.end(), [&](const auto& choice) {
           return choice.first != but.tid && choice.second != Wanted::hold;
         });
}

Result<bool> Engine::run_led(ThreadId id) {
  auto found = held(id);
  if (!found) return tl::unexpected(found.error());
  if (!traps_.is_inserted()) insert_traps();
  // Whoever runs may change what SIGTRAP does.
  trap_signal_ignored_.reset();
  request_.chosen[id.tid] = Wanted::run;
  reconcile(**found);
  for (;;) {
    // Only a hit or its like ends this: it is asked alone, as in step_one().
    WaitQueue::Polled polled;
    const auto wake = queue_.wait(id.tid, true, polled);
    if (polled.answer == WaitQueue::Answer::event) handle(polled.event);
    Tracee* const tracee = tracees_.find(id.tid);
    if (tracee == nullptr) return false;
    if (polled.answer == WaitQueue::Answer::no_child) {
      on_vanished(*tracee);
      return false;
    }
    if (stop_wanted_ || !to_step_lifted_.empty() || wake != WaitPort::Wake::child) return false;
    if (request_.of(id.tid) == Wanted::hold && tracee->is_trapped()) return true;
  }
}

Status Engine::step_one(ThreadId id, const Deadline& deadline) {
  auto found = held(id);
  if (!found) return tl::unexpected(found.error());
  if ((*found)->state == TraceeState::group_stopped) {
    return fail(ErrorCode::unavailable,
                fmt::format("thread {} is not stepped: the process was stopped by a signal, and "
                            "stays so until SIGCONT",
                            id.number));
  }
  if (auto possible = check_step(**found); !possible) return possible;
  step_failure_.clear();
  (*found)->signal_in_step = false;
  (*found)->step_from = arch_.pc_of((*found)->registers);
  request_.chosen[id.tid] = Wanted::step;
  reconcile(**found);
  unsigned ticks = 0;
  for (;;) {
    // While the step is on its way nothing but this one thread can move, so that it alone is asked.
    WaitQueue::Polled polled;
    const auto wake = queue_.wait(id.tid, true, polled);
    if (polled.answer == WaitQueue::Answer::event) handle(polled.event);
    Tracee* tracee = tracees_.find(id.tid);
    if (polled.answer == WaitQueue::Answer::no_child && tracee != nullptr) {
      on_vanished(*tracee);
      tracee = nullptr;
    }
    if (tracee == nullptr || tracee->state == TraceeState::exiting) {
      return fail(ErrorCode::gone, fmt::format("thread {} exited during the step", id.number));
    }
    if (request_.of(id.tid) != Wanted::step && tracee->is_trapped()) {
      request_.chosen.erase(id.tid);
      if (!step_failure_.empty()) return fail(ErrorCode::unavailable, step_failure_);
      return {};
    }
    if (wake == WaitPort::Wake::child) continue;
    if (wake == WaitPort::Wake::signal || deadline.passed()) {
      return break_off_step(*tracee, wake == WaitPort::Wake::signal);
    }
    // A step over vfork or exec ends only when others (the child, dying threads) are attended to.
    if (is_sweep_due(++ticks)) sweep();
  }
}

void Engine::wait_until_settled(ThreadId id, const Deadline& deadline) {
  while (!deadline.passed()) {
    Tracee* const tracee = tracees_.find(id.tid);
    if (tracee == nullptr || is_settled_now(*tracee)) return;
    WaitQueue::Polled polled;
    (void)queue_.wait(id.tid, false, polled);
    if (polled.answer == WaitQueue::Answer::event) handle(polled.event);
    if (polled.answer == WaitQueue::Answer::no_child) on_vanished(*tracee);
  }
}

Status Engine::break_off_step(Tracee& tracee, bool by_signal) {
  const ThreadId id = tracee.id;
  const uint32_t number = id.number;
  request_.chosen[id.tid] = Wanted::hold;
  reconcile(tracee);
  wait_until_settled(id, Deadline::after(std::chrono::seconds(1)));
  if (by_signal) {
    return fail(ErrorCode::cancelled, fmt::format("the step of thread {} was interrupted", number));
  }
  return fail(ErrorCode::timeout,
              fmt::format("the step of thread {} did not end in time: it is blocked in the kernel",
                          number));
}

Result<Tracee*> Engine::held(ThreadId id) {
  Tracee* tracee = tracees_.find(id.tid);
  if (tracee == nullptr || tracee->foreign || tracee->state == TraceeState::exiting) {
    return fail(ErrorCode::gone, fmt::format("thread {} (tid {}) has exited", id.number, id.tid));
  }
  if (tracee->id.number != id.number) {
    return fail(ErrorCode::stale,
                fmt::format("tid {} is another thread now: {}", id.tid, tracee->id.number));
  }
  if (!tracee->is_trapped()) {
    return fail(
        ErrorCode::not_stopped,
        tracee->stuck
            ? fmt::format("thread {} (tid {}) is in uninterruptible sleep and cannot be looked at",
                          id.number, id.tid)
            : fmt::format("thread {} (tid {}) is running: stop it first (interrupt)", id.number,
                          id.tid));
  }
  return tracee;
}

PauseTimes Engine::pause_times() const {
  PauseTimes times;
  times.longest = longest_pause_;
  const TimePoint now = Clock::now();
  for (const auto& tracee : tracees_.order()) {
    if (tracee->id.tid != 0 && tracee->held_since)
      times.current = std::max(times.current, now - *tracee->held_since);
  }
  times.longest = std::max(times.longest, times.current);
  return times;
}

// --- Waiting

bool Engine::is_sweep_due(unsigned ticks) {
  // At ticks 1, 2, 4 and every 8th: a sweep of ten thousand threads lasts most of a tick.
  return ticks == 1 || ticks == 2 || ticks == 4 || ticks % 8 == 0;
}

Engine::Settled Engine::settle(const Deadline& deadline, bool interruptible) {
  // Each tid is asked by itself, in order: a wait for any walks all tracees on each call (kernel
  // facts, 1).
  tell_exec_in_call();
  const Ticking ticking(queue_.port());
  unsigned ticks = 0;
  size_t i = 0;
  for (;;) {
    const auto& order = tracees_.order();
    while (i < order.size() && is_settled_now(*order[i])) ++i;
    if (i == order.size()) {
      // Handling one may have unsettled an earlier one.
      const auto behind = std::find_if(order.begin(), order.end(),
                                       [&](const auto& t) { return !is_settled_now(*t); });
      if (behind == order.end()) return Settled::yes;
      i = static_cast<size_t>(behind - order.begin());
    }
    Tracee& tracee = *order[i];
    WaitQueue::Polled polled;
    const auto wake = queue_.wait(tracee.id.tid, interruptible, polled);
    if (polled.answer == WaitQueue::Answer::event) handle(polled.event);
    if (polled.answer == WaitQueue::Answer::no_child) on_vanished(tracee);
    if (wake == WaitPort::Wake::signal) return Settled::cancelled;
    if (deadline.passed() && !is_settled_now(tracee)) return Settled::timeout;
    if (wake == WaitPort::Wake::child) continue;
    // This one may be waiting for others that we have yet to attend to (exec waits for every thread
    // to die).
    if (is_sweep_due(++ticks)) sweep();
    if (!is_settled_now(tracee)) mark_if_stuck(tracee);
  }
}

void Engine::look_at_stuck() {
  // One that could not stop may have woken since.
  for (size_t i = 0; i < tracees_.order().size(); ++i) {
    const Tracee& tracee = *tracees_.order()[i];
    if (tracee.id.tid == 0 || !tracee.stuck) continue;
    const auto polled = queue_.poll(tracee.id.tid);
    if (polled.answer == WaitQueue::Answer::event) handle(polled.event);
  }
}

void Engine::sweep() {
  for (size_t i = 0; i < tracees_.order().size(); ++i) {
    const pid_t tid = tracees_.order()[i]->id.tid;
    if (tid == 0) continue;
    const auto polled = queue_.poll(tid);
    if (polled.answer == WaitQueue::Answer::event) {
      handle(polled.event);
    } else if (polled.answer == WaitQueue::Answer::no_child) {
      if (Tracee* tracee = tracees_.find(tid)) on_vanished(*tracee);
    }
  }
}

Deadline Engine::end_of_sweep() const {
  // The kernel tells of the first in its list that has stopped. Threads that stop again as soon as
  // they run, at a trap in a hot loop, would be told of for ever, and no other, nor anything else
  // that clew waits for. To ask each by itself takes a part of this.
  constexpr auto least = std::chrono::milliseconds(2);
  constexpr auto each = std::chrono::microseconds(4);
  return Deadline::after(std::max<Duration>(least, each * tracees_.order().size()));
}

void Engine::sweep_any() {
  if (has_neighbours()) {
    if (!sweep_beside_others()) sweep();
    return;
  }
  const Deadline end = end_of_sweep();
  while (!end.passed()) {
    const auto polled = queue_.poll_any();
    if (polled.answer == WaitQueue::Answer::event) {
      handle(polled.event);
      continue;
    }
    if (polled.answer == WaitQueue::Answer::no_child) vanish_all();
    return;
  }
  sweep();
}

bool Engine::sweep_beside_others() {
  const Deadline end = end_of_sweep();
  // A stop of another engine's is its to take: that one may have to change the thread before the
  // stop is taken (WaitQueue::set_peeking). While it is there nothing behind it is seen, and each
  // thread is asked by itself. So they are when they are few, for those that have vanished: ECHILD
  // tells of nobody while another engine has tracees.
  constexpr size_t few = 256;
  while (!end.passed()) {
    const RawWait seen = queue_.look_any();
    if (seen.kind == RawWait::Kind::no_child) {
      vanish_all();
      return true;
    }
    if (seen.kind == RawWait::Kind::none) return tracees_.order().size() > few;
    const bool mine = tracees_.find(seen.tid) != nullptr;
    if (!mine && neighbours_->is_of_other(*this, seen.tid)) return false;
    const auto polled = queue_.poll(seen.tid);
    if (polled.answer == WaitQueue::Answer::event) handle(polled.event);
  }
  return false;
}

void Engine::vanish_all() {
  for (size_t i = 0; i < tracees_.order().size(); ++i) {
    if (tracees_.order()[i]->id.tid != 0) on_vanished(*tracees_.order()[i]);
  }
}

bool Engine::traces_nothing() {
  if (!has_neighbours()) return queue_.poll_any().answer == WaitQueue::Answer::no_child;
  // ECHILD would tell of the others' tracees as well.
  const auto tids = tasks_.list();
  return tracees_.empty() && (!tids || std::none_of(tids->begin(), tids->end(), [this](pid_t tid) {
           return tasks_.facts(tid).tracer == tasks_.own_tid();
         }));
}

void Engine::mark_if_stuck(Tracee& tracee) {
  constexpr auto patience = std::chrono::milliseconds(25);
  const TimePoint now = Clock::now();
  if (tracee.awaited_since == TimePoint{}) {
    tracee.awaited_since = now;
    return;
  }
  if (now - tracee.awaited_since < patience) return;
  const TaskPort::Facts facts = tasks_.facts(tracee.id.tid);
  if (facts.exists && facts.state == 'D') {
    log(LogArea::engine, "{} is in uninterruptible sleep", tracee.id.tid);
    tracee.stuck = true;
  } else if (facts.exists && facts.state == 'Z') {
    // The leader of a process whose other threads live on: its status comes when the last of them
    // ends.
    tracee.state = TraceeState::exiting;
    tracee.stuck = true;
  }
}

// --- What we make of it

void Engine::reconcile(Tracee& tracee) {
  if (tracee.id.tid == 0) return;
  const Action action = next_action(tracee, request_.of(tracee.id.tid));
  if (action != Action::none) perform(tracee, action);
}

void Engine::perform(Tracee& tracee, Action action) {
  const pid_t tid = tracee.id.tid;
  const bool runs = action == Action::resume || action == Action::deliver_and_return ||
                    action == Action::step || action == Action::detach;
  if (runs && !tracee.foreign && tracee.watches_version != watches_.version())
    (void)load_watches(tracee);
  PortResult result;
  switch (action) {
    case Action::none:
      return;
    case Action::interrupt:
      if (!tracee.held_since && tracee.state == TraceeState::running)
        tracee.held_since = Clock::now();
      result = ptrace_.interrupt(tid);
      tracee.interrupt_sent = result.is_ok();
      break;
    case Action::resume: {
      // A signal that the target ignores is queued and told only because of us: the call that it
      // broke off must not see that. One more stop lets the call be restarted, should no handler
      // run.
      enter_slot(tracee);
      const bool suspect = tracee.state == TraceeState::signal_stopped && is_eintr_suspect(tracee);
      // While a group-stop is in force an INTERRUPT leads back into it.
      const bool rejoins = std::exchange(tracee.rejoins_group_stop, false) && job_stopped_;
      if (suspect || rejoins) tracee.interrupt_sent = ptrace_.interrupt(tid).is_ok();
      result = let_run(tracee, tracee.signal);
      if (result.is_ok()) note_resumed(tracee, TraceeState::running);
      break;
    }
    case Action::deliver_and_return:
      tracee.signal_in_step = true;
      tracee.at_trap_later = tracee.at_trap.has_value();
      tracee.interrupt_sent = ptrace_.interrupt(tid).is_ok();
      result = ptrace_.resume(tid, tracee.signal);
      if (result.is_ok()) {
        const auto since = tracee.held_since;
        note_resumed(tracee, TraceeState::running);
        tracee.held_since = since;
      }
      break;
    case Action::step:
      enter_slot(tracee);
      result = resume_for_step(tracee);
      if (result.is_ok()) {
        // A handler and the calls that are stepped as such may change the mask.
        const bool open = tracee.trap_signal_open && tracee.signal == 0 && tracee.call_step == 0;
        note_resumed(tracee, TraceeState::running);
        tracee.trap_signal_open = open;
        tracee.stepping = tracee.call_step == 0;
        tracee.step_mode = tracee.step_mode || tracee.stepping;
      }
      break;
    case Action::listen:
      result = ptrace_.listen(tid);
      if (result.is_ok()) note_resumed(tracee, TraceeState::listening);
      break;
    case Action::detach:
      result = ptrace_.detach(tid, tracee.signal);
      if (result.is_ok()) {
        note_resumed(tracee, TraceeState::running);
        tracees_.remove(tid);
        return;
      }
      break;
  }
  if (result.is_ok()) return;
  note_dying(tracee);
  if (action == Action::interrupt) look_after_failed_interrupt(tid);
}

void Engine::look_after_failed_interrupt(pid_t tid) {
  // It is dying, or has changed its tid in an exec, of which nothing but this tells.
  const auto polled = queue_.poll(tid);
  if (polled.answer == WaitQueue::Answer::event) handle(polled.event);
  Tracee* const tracee = tracees_.find(tid);
  if (polled.answer == WaitQueue::Answer::no_child && tracee != nullptr) on_vanished(*tracee);
}

void Engine::note_stop(Tracee& tracee, TraceeState state, int signal) {
  tracee.state = state;
  tracee.signal = signal;
  tracee.keeps_signal = false;
  tracee.call_step = 0;
  tracee.place = StopPlace::ordinary;
  tracee.trap_signal_open = false;
  if (!tracee.held_since) tracee.held_since = Clock::now();
}

void Engine::note_resumed(Tracee& tracee, TraceeState state) {
  if (tracee.held_since && !tracee.foreign && !tracee.group_stop_seen) {
    longest_pause_ = std::max(longest_pause_, Clock::now() - *tracee.held_since);
  }
  tracee.held_since.reset();
  tracee.state = state;
  tracee.signal = 0;
  tracee.stepping = false;
  tracee.step_mode = false;
  tracee.trap_signal_open = false;
  tracee.registers_known = false;
  if (state == TraceeState::running) tracee.group_stop_seen = false;
}

void Engine::note_dying(Tracee& tracee) {
  // ESRCH for a tracee in a stop means that SIGKILL has taken it out of that: its end is to be
  // waited for.
  log(LogArea::engine, "{} is dying", tracee.id.tid);
  note_resumed(tracee, TraceeState::exiting);
}

bool Engine::is_own_step(Tracee& tracee) {
  if (!tracee.stepping) return false;
  // The kernel takes the trap of a step before any signal that was sent
  // (dequeue_synchronous_signal() in kernel/signal.c), so that only an int3 of the target's own, of
  // one byte or two, can be mistaken for it. That leaves the pc right behind it, in a slot perhaps.
  if (const auto now = registers(tracee)) {
    const Addr pc{arch_.pc_of(**now)};
    constexpr uint64_t longest_trap = 2;
    const bool is_near = pc.value - tracee.step_from <= longest_trap;
    if (!is_near && traps_.slot_owner(pc) == nullptr) return true;
  }
  siginfo_t info{};
  if (!ptrace_.signal_info(tracee.id.tid, info).is_ok()) return true;
  // A SIGTRAP that someone sends has a code of zero or less (sigaction(2)); SI_KERNEL is an int3 of
  // the target's own.
  return info.si_code > 0 && info.si_code != SI_KERNEL;
}

void Engine::give_up_step(Tracee& tracee, std::string why) {
  request_.chosen[tracee.id.tid] = Wanted::hold;
  restore_trap_signal(tracee);
  step_failure_ = std::move(why);
}

}  // namespace clew::live
