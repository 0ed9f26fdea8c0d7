// Random births, deaths, signals and stops against random holds, steps, resumes and
// detaches, with fixed seeds. A failure names its seed.

#include <fmt/format.h>

#include <map>
#include <random>
#include <set>

#include "engine_fixture.h"

namespace clew::live {
namespace {

constexpr pid_t pid = 100;

struct Mix {
  bool job_control = false;
  bool exec = false;
  bool eager = false;
};

class RandomRun {
 public:
  RandomRun(uint32_t seed, Mix mix) : random_(seed), mix_(mix) {
    kernel_.eager = mix.eager;
    kernel_.may_move = [this](const Task&) {
      tell_of_births();  // a mother is not kept in her call for ever
      return quiet_ || !one_in(3);
    };
    kernel_.before_any = [this] {
      if (one_in(12)) happen();
    };
    for (int i = 0; i < 4; ++i) prepare(kernel_.add_thread(next_tid_++));
    prepare(kernel_.task(pid));
    keep_handlers();
  }

  /// @return false when the process has ended.
  bool round() {
    act();
    take_events();
    expect_no_violations();
    return lives() && !over_;
  }

  void finish() {
    SCOPED_TRACE("finish");
    if (over_) return;
    if (!lives()) {
      settle_down();
      EXPECT_FALSE(engine_->is_alive());
      EXPECT_EQ(kernel_.traced_count(), 0U);
      if (was_attached_at_the_end_) {
        EXPECT_EQ(ends_, 1);
      }
    } else {
      let_go();
      quiet_ = true;
      if (mix_.job_control) kernel_.send_to_process(pid, SIGCONT);
      for (const auto& [tid, task] : kernel_.tasks()) task->mask = 0;
      for (int i = 0; i < 8; ++i) kernel_.advance_all();
      check_signals();
    }
    expect_no_violations();
  }

  size_t happened() const { return happened_; }

 private:
  std::unique_ptr<Engine> make_engine() {
    return std::make_unique<Engine>(pid, kernel_, kernel_, kernel_, kernel_, arch::native());
  }

  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }
  bool one_in(uint32_t n) { return below(n) == 0; }

  void keep_handlers() {
    for (int number = SIGRTMIN; number <= SIGRTMIN + 3; ++number) kernel_.set_handled(number);
    kernel_.set_handled(SIGUSR1);
  }

  void prepare(Task& task) {
    if (one_in(2)) task.call = BlockingCall{SYS_epoll_wait, -EINTR};
    if (one_in(4)) task.mask |= uint64_t{1} << SIGRTMIN;  // SIGRTMIN + 1
  }

  bool lives() {
    const Task* any = kernel_.find(pid);
    return any != nullptr && kernel_.target().exit_status == 0 && !group_exit_;
  }

  /// A thread that is at some point of its own code, or in a call.
  Task* some_runner() {
    std::vector<Task*> runners;
    for (const auto& [tid, task] : kernel_.tasks()) {
      const bool free = !task->stop && !task->stopped_natively && !task->uninterruptible &&
                        !task->kill_pending && !task->in_exec && !task->exec_untold &&
                        task->vfork_child == 0 && task->unannounced == 0 && !task->injected &&
                        !task->call_broken_off && !task->single_step;
      // A thread that was just born runs no code of its own before its first stop.
      const bool newborn = task->trap_pending && first_stop_to_come_.contains(tid);
      if (task->process == pid && task->phase == Task::Phase::alive && free && !newborn)
        runners.push_back(task.get());
    }
    return runners.empty() ? nullptr : runners[below(static_cast<uint32_t>(runners.size()))];
  }

  pid_t new_tid() {
    if (one_in(3)) {
      const pid_t old = 101 + static_cast<pid_t>(below(static_cast<uint32_t>(next_tid_ - 101)));
      if (kernel_.find(old) == nullptr && !known(old)) return old;  // a number is used again
    }
    return next_tid_++;
  }

  bool known(pid_t tid) const { return engine_->tracees().find(tid) != nullptr; }

  void happen() {
    if (quiet_ || !lives()) return;
    ++happened_;
    tell_of_births();
    Task* task = some_runner();
    if (task == nullptr) return;
    // What is queued is taken on the way out of the kernel, before the next call.
    const bool nothing_queued = task->queue.empty() && kernel_.target().queue.empty();
    if (!task->call && nothing_queued && one_in(4)) prepare(*task);
    const uint32_t kind = below(100);
    if (kind < 22) {
      bear(*task, true);
    } else if (kind < 27) {
      bear(*task, false);
    } else if (kind < 45) {
      if (task->tid != pid || one_in(40)) kernel_.exit_thread(task->tid, 0);
    } else if (kind < 80) {
      send(*task);
    } else if (kind < 83) {
      kernel_.send(task->tid, SIGCHLD);
    } else if (kind < 90) {
      if (mix_.job_control) kernel_.send(task->tid, SIGSTOP);
    } else if (kind < 96) {
      if (mix_.job_control) kernel_.send_to_process(pid, SIGCONT);
    } else if (kind < 97) {
      kernel_.send(task->tid, SIGUSR1);
    } else if (kind < 99) {
      if (mix_.exec && one_in(3)) kernel_.begin_exec(task->tid);
    } else if (one_in(10)) {
      group_exit_ = true;
      kernel_.exit_process(task->tid, 1);
    }
  }

  void bear(Task& mother, bool as_thread) {
    if (kernel_.tasks().size() > 24) return;
    const pid_t child = new_tid();
    const pid_t parent = mother.tid;
    mother.call.reset();  // it is in clone(2) now, and in no other call
    kernel_.give_birth(parent, child, as_thread);
    first_stop_to_come_.insert(child);
    kernel_.task(child).mask = 0;
    births_[parent] = as_thread ? PTRACE_EVENT_CLONE : PTRACE_EVENT_FORK;
    if (one_in(2)) tell_of_births();
  }

  void tell_of_births() {
    for (const auto& [parent, event] : std::exchange(births_, {})) {
      const Task* mother = kernel_.find(parent);
      if (mother != nullptr && mother->unannounced != 0 && !mother->kill_pending)
        kernel_.announce(parent, event);
    }
  }

  void send(const Task& task) {
    const int number = SIGRTMIN + static_cast<int>(below(4));
    const int value = ++last_value_;
    if (one_in(3)) {
      kernel_.send_to_process(pid, number, value);
    } else {
      kernel_.send(task.tid, number, value);
      to_thread_[value] = task.serial;
    }
  }

  // --- What the debugger does

  static Deadline soon() { return Deadline::after(std::chrono::seconds(2)); }

  void act() {
    if (!attached_) {
      for (uint32_t i = below(4); i > 0; --i) happen();
      kernel_.advance_all();
      attach();
      return;
    }
    switch (below(8)) {
      case 0:
      case 1:
        hold();
        break;
      case 2:
      case 3:
        engine_->apply(RunRequest::all(Wanted::run));
        pump();
        break;
      case 4:
        happen();
        pump();
        break;
      case 5:
      case 6:
        step();
        break;
      default:
        if (one_in(4)) let_go();
        break;
    }
  }

  void attach() {
    engine_ = make_engine();
    const auto report = engine_->attach(soon(), {});
    attached_ = report.has_value();
    if (!report) return;
    EXPECT_TRUE(report->denied.empty());
    engine_->apply(RunRequest::all(Wanted::run));
  }

  void pump() {
    tell_of_births();
    kernel_.advance_all();
    engine_->pump({});
  }

  void hold() {
    const HoldReport report = engine_->hold_all(soon());
    EXPECT_FALSE(report.timed_out);
    if (report.timed_out || !lives()) return;
    std::set<pid_t> not_held;
    for (const ThreadId id : report.not_held) not_held.insert(id.tid);
    for (const auto& [tid, task] : kernel_.tasks()) {
      const bool dying = task->phase != Task::Phase::alive || task->kill_pending;
      if (task->process != pid || dying || task->uninterruptible || not_held.contains(tid))
        continue;
      EXPECT_TRUE(kernel_.is_trapped(tid)) << tid << " is not held";
      EXPECT_TRUE(!task->stop || task->stop->waited) << tid;
      EXPECT_TRUE(!task->stop || !task->stop->takes_signal || task->stop->signal.number == SIGTRAP)
          << tid << " sits on a signal";
    }
  }

  void step() {
    std::vector<ThreadId> held;
    for (const auto& tracee : engine_->tracees().order()) {
      if (tracee->id.tid != 0 && tracee->state == TraceeState::stopped && !tracee->foreign)
        held.push_back(tracee->id);
    }
    if (held.empty()) return;
    const ThreadId id = held[below(static_cast<uint32_t>(held.size()))];
    // No deadline that the speed of this machine decides on: a seed must always do the same.
    kernel_.signal_to_clew = one_in(6);
    const bool sleeps = kernel_.task(id.tid).call.has_value();
    (void)engine_->step(id, sleeps ? Deadline(Clock::now()) : soon());
    kernel_.signal_to_clew = false;
  }

  void let_go() {
    if (!attached_) return;
    DetachReport report = engine_->detach(soon());
    attached_ = false;
    settle_down();
    if (!lives()) return;
    const Task* leader = kernel_.find(pid);
    const bool zombie = leader->phase == Task::Phase::zombie && leader->tracer != 0;
    EXPECT_EQ(kernel_.traced_count(), zombie ? 1U : 0U);
    over_ = zombie;  // a zombie cannot be let go: the end of this run
    for (const auto& [tid, task] : kernel_.tasks()) {
      EXPECT_TRUE(task->tracer != 0 || !task->stop) << tid;
    }
    take_events();
  }

  /// Mothers tell, and what the engine still owes is done.
  void settle_down() {
    const bool before = std::exchange(quiet_, true);
    for (int i = 0; i < 12; ++i) {
      tell_of_births();
      kernel_.advance_all();
      engine_->pump({});
    }
    quiet_ = before;
    take_events();
  }

  void take_events() {
    was_attached_at_the_end_ = attached_;
    for (const Event& event : engine_->take_events()) {
      if (std::holds_alternative<ProcessExited>(event) ||
          std::holds_alternative<ProcessKilled>(event) ||
          std::holds_alternative<ProcessVanished>(event))
        ++ends_;
      if (std::holds_alternative<Executed>(event)) keep_handlers();
    }
  }

  // --- What must be true

  void expect_no_violations() {
    EXPECT_EQ(kernel_.violations, std::vector<std::string>{});
    for (const auto& delivery : kernel_.deliveries) EXPECT_NE(delivery.signal.number, SIGTRAP);
    if (!mix_.job_control) {
      for (const auto& [tid, seen] : kernel_.eintr_seen)
        EXPECT_EQ(seen, 0) << tid << " was told EINTR";
    }
  }

  void check_signals() {
    std::map<int, int> times;
    for (const auto& delivery : kernel_.deliveries) ++times[delivery.signal.value];
    times.erase(0);
    for (const auto& [value, count] : times) EXPECT_EQ(count, 1) << "signal " << value;
    // What was queued for a thread that has died is gone with it.
    std::set<uint64_t> alive;
    for (const auto& [tid, task] : kernel_.tasks()) {
      if (task->phase == Task::Phase::alive) alive.insert(task->serial);
    }
    for (const auto& [value, serial] : to_thread_) {
      EXPECT_TRUE(!alive.contains(serial) || times[value] == 1) << "signal " << value;
    }
  }

  std::mt19937 random_;
  Mix mix_;
  ScriptedKernel kernel_{pid};
  std::unique_ptr<Engine> engine_ = make_engine();  ///< one an attach
  pid_t next_tid_ = 101;
  std::set<pid_t> first_stop_to_come_;
  std::map<pid_t, int> births_;
  std::map<int, uint64_t> to_thread_;  ///< value to the serial of the task
  int last_value_ = 0;
  size_t happened_ = 0;
  int ends_ = 0;
  bool attached_ = false;
  bool was_attached_at_the_end_ = false;
  bool group_exit_ = false;
  bool over_ = false;
  bool quiet_ = false;
};

struct Seed {
  uint32_t first;
  Mix mix;
};

class RandomTest : public testing::TestWithParam<Seed> {};

TEST_P(RandomTest, KeepsItsPromises) {
  constexpr int rounds_wanted = 3000;
  uint32_t seed = GetParam().first;
  size_t happened = 0;
  for (int rounds = 0; rounds < rounds_wanted && !HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomRun run(seed, GetParam().mix);
    for (int i = 0; i < 300 && !HasFailure(); ++i, ++rounds) {
      if (!run.round()) break;
    }
    run.finish();
    happened += run.happened();
  }
  EXPECT_GT(happened, 1000U);
}

INSTANTIATE_TEST_SUITE_P(
    Mixes, RandomTest,
    testing::Values(Seed{1, {false, false, false}}, Seed{10001, {false, false, true}},
                    Seed{20001, {true, false, false}}, Seed{30001, {true, false, true}},
                    Seed{40001, {false, true, false}}, Seed{50001, {true, true, false}},
                    Seed{60001, {true, true, true}}));

}  // namespace
}  // namespace clew::live
