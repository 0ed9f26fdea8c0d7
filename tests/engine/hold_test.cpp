// Holding, resuming and letting go: interrupts that race with exits, threads that cannot stop,
// the leader that exits first, children of fork.

#include "engine_fixture.h"

namespace clew::live {
namespace {

class HoldTest : public EngineTest {};

TEST_F(HoldTest, HoldsAllResumesAllLetsAllGo) {
  attach_with({101, 102});
  run();
  hold_completely(3);
  for (const pid_t tid : {100, 101, 102}) {
    EXPECT_TRUE(kernel.is_trapped(tid));
    EXPECT_EQ(kernel.count_calls(Call::interrupt, tid), 1);
  }
  run();
  live();
  for (const pid_t tid : {100, 101, 102}) EXPECT_FALSE(kernel.is_trapped(tid));
  detach_completely();
  EXPECT_EQ(kernel.count_calls(Call::detach, 0), 3);
}

// Threads that run are stopped before the sleepers, and are not let go behind them.
TEST_F(HoldTest, TheFirstToAttendToAreStoppedAndLetGoFirst) {
  const auto first_of = [this](Call call) {
    const auto found = std::find_if(kernel.calls.begin(), kernel.calls.end(),
                                    [&](const CallRecord& record) { return record.call == call; });
    return found == kernel.calls.end() ? 0 : found->tid;
  };
  attach_with({101, 102, 103});
  constexpr pid_t long_gone = 999;
  engine.attend_first({long_gone, 102});
  hold_completely(4);
  EXPECT_EQ(first_of(Call::interrupt), 102);
  detach_completely();
  EXPECT_EQ(first_of(Call::detach), 102);
  EXPECT_EQ(kernel.count_calls(Call::detach, 102), 1);
}

TEST_F(HoldTest, ChosenThreadsAreHeldAndTheOthersRun) {
  attach_with({101, 102});
  engine.apply({Wanted::run, {{101, Wanted::hold}}});
  live();
  EXPECT_TRUE(is_held(101));
  EXPECT_FALSE(is_held(102));
  engine.apply({Wanted::hold, {{101, Wanted::run}}});
  live();
  EXPECT_FALSE(is_held(101));
  EXPECT_TRUE(is_held(102));
  EXPECT_TRUE(is_held(pid));
  detach_completely();
}

TEST_F(HoldTest, OneThreadIsReleasedAndTheOthersStay) {
  attach_with({101});
  run();
  engine.apply({Wanted::run, {{101, Wanted::release}}});
  live();
  EXPECT_FALSE(kernel.is_traced(101));
  EXPECT_TRUE(kernel.is_traced(pid));
  detach_completely();
}

// ESRCH from INTERRUPT: the thread has exited and only its status is to come.
TEST_F(HoldTest, GoneDuringInterrupt) {
  attach_with({101});
  run();
  kernel.fail_call(Call::interrupt, 101, 1, ESRCH);
  kernel.before(Call::interrupt, 101, 1, [&] { kernel.exit_silently(101); });
  hold_completely(1);
  live();
  EXPECT_FALSE(knows(101));
  EXPECT_EQ(count_events<ThreadExited>(), 1U);
  detach_completely();
}

// EIO is what the kernel says when the thread's signal state is already taken down.
TEST_F(HoldTest, IoErrorDuringInterrupt) {
  attach_with({101});
  run();
  kernel.fail_call(Call::interrupt, 101, 1, EIO);
  kernel.before(Call::interrupt, 101, 1, [&] { kernel.exit_silently(101); });
  hold_completely(1);
  detach_completely();
}

// INTERRUPT says yes to a thread that is past its exit stop, and no stop follows.
TEST_F(HoldTest, InterruptWithNoEffectOnOneThatExits) {
  attach_with({101});
  run();
  kernel.before(Call::interrupt, 101, 1, [&] { kernel.task(101).phase = Task::Phase::exiting; });
  hold_completely(1);
  EXPECT_FALSE(knows(101));
  detach_completely();
}

// EVENT_EXIT comes between the INTERRUPT and its stop: the thread is let go, not held.
TEST_F(HoldTest, ExitsBetweenInterruptAndStop) {
  attach_with({101});
  run();
  kernel.at_sleep([&] { kernel.exit_thread(101, 9); });
  hold_completely(1);
  live();
  EXPECT_FALSE(knows(101));
  ASSERT_EQ(count_events<ThreadExited>(), 1U);
  EXPECT_EQ(events_of<ThreadExited>()[0].exit_code, 9);
  EXPECT_EQ(kernel.count_calls(Call::resume, 101), 1);
  detach_completely();
}

// SIGKILL takes a held thread out of its stop: ESRCH from whatever is asked of it.
TEST_F(HoldTest, KilledWhileHeld) {
  attach_with({101});
  run();
  hold_completely(2);
  const ThreadId id = id_of(101);
  kernel.kill_process(pid);
  auto held = engine.held(id);
  ASSERT_TRUE(held);
  const Status written = engine.write_registers(**held, arch::GeneralRegisters{});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::gone);
  EXPECT_EQ(engine.held(id).error().code, ErrorCode::gone);
  live();
  EXPECT_FALSE(engine.is_alive());
  ASSERT_EQ(count_events<ProcessKilled>(), 1U);
  EXPECT_EQ(events_of<ProcessKilled>()[0].signal, SIGKILL);
  EXPECT_TRUE(engine.tracees().empty());
}

TEST_F(HoldTest, KilledBeforeItIsResumed) {
  attach_with({101});
  run();
  hold_completely(2);
  kernel.kill_process(pid);
  run();
  EXPECT_EQ(state_of(101), TraceeState::exiting);
  live();
  EXPECT_EQ(count_events<ProcessKilled>(), 1U);
  EXPECT_EQ(count_events<LeaderExited>(), 0U);
}

// The threads that have died are in their exit stops when they are resumed from the stop that they
// were in before.
TEST_F(HoldTest, KilledAndAlreadyAtTheExitStop) {
  attach_with({101});
  run();
  hold_completely(2);
  kernel.kill_process(pid);
  kernel.advance_all();
  run();
  live();
  EXPECT_EQ(count_events<ProcessKilled>(), 1U);
  EXPECT_FALSE(engine.is_alive());
}

TEST_F(HoldTest, KilledInTheMiddleOfTheDetach) {
  attach_with({101, 102});
  run();
  kernel.before(Call::detach, 101, 1, [&] { kernel.kill_process(pid); });
  const DetachReport report = detach();
  EXPECT_TRUE(report.verified);
  EXPECT_EQ(kernel.traced_count(), 0U);
}

// The last thread to be let go exits instead: that is not the end of the process.
TEST_F(HoldTest, LastToBeLetGoExits) {
  attach_with({101});
  run();
  hold_completely(2);
  kernel.task(101).kill_pending = true;
  kernel.task(101).uninterruptible = true;
  kernel.at_sleep([] {});
  kernel.at_sleep([&] { kernel.task(101).uninterruptible = false; });
  detach_completely();
  EXPECT_EQ(count_events<ThreadExited>(), 1U);
  EXPECT_EQ(count_events<ProcessVanished>(), 0U);
}

TEST_F(HoldTest, ProcessExitsWhileItIsStopped) {
  attach_with({101, 102});
  run();
  kernel.at_sleep([&] { kernel.exit_process(101, 4); });
  hold();
  live();
  ASSERT_EQ(count_events<ProcessExited>(), 1U);
  EXPECT_EQ(events_of<ProcessExited>()[0].exit_code, 4);
  EXPECT_EQ(count_events<LeaderExited>(), 0U);
  EXPECT_FALSE(engine.is_alive());
  EXPECT_TRUE(engine.tracees().empty());
}

// INTERRUPT was sent when the thread had just stopped by itself: one stop more follows the resume.
TEST_F(HoldTest, StaleInterruptIsRiddenOut) {
  attach_with({101});
  run();
  kernel.before(Call::interrupt, 101, 1, [&] { kernel.clone(101, 150); });
  hold_completely(3);
  EXPECT_TRUE(kernel.task(101).trap_pending);
  run();
  live();
  EXPECT_FALSE(kernel.is_trapped(101));
  EXPECT_EQ(kernel.count_calls(Call::resume, 101), 2);
  detach_completely();
}

TEST_F(HoldTest, VanishedThreadsAreForgotten) {
  attach_with({101});
  run();
  kernel.at_sleep([&] { kernel.vanish(101); });
  hold_completely(1);
  EXPECT_FALSE(knows(101));
  kernel.vanish(pid);
  engine.pump({});
  EXPECT_FALSE(engine.is_alive());
  EXPECT_EQ(count_events<ProcessVanished>(), 1U);
  EXPECT_TRUE(engine.traces_nothing());
}

TEST_F(HoldTest, NamedThreadsAreAskedFirst) {
  attach_with({101});
  run();
  kernel.send(101, SIGCHLD);
  kernel.advance(101);
  int any = 0;
  kernel.before(Call::poll_any, 0, 1, [&] { any = kernel.count_calls(Call::resume, 101); });
  const std::vector<pid_t> named{101, 5555};
  engine.pump(named);
  EXPECT_EQ(any, 1);  // it was handled before the walk over all
  detach_completely();
}

TEST_F(HoldTest, SignalToClewCancels) {
  attach_with({101});
  run();
  kernel.signal_to_clew = true;
  const HoldReport report = hold();
  EXPECT_TRUE(report.cancelled);
  kernel.signal_to_clew = false;
  detach_completely();
}

TEST_F(HoldTest, DeadlineInThePast) {
  attach_with({101});
  run();
  const HoldReport report = engine.hold_all(Deadline(Clock::now()));
  EXPECT_TRUE(report.timed_out);
  EXPECT_EQ(report.held + report.not_held.size(), 2U);
  hold_completely(2);
  detach_completely();
}

TEST_F(HoldTest, IdentityOfHeldThreads) {
  attach_with({101});
  run();
  const ThreadId id = id_of(101);
  EXPECT_EQ(engine.held(id).error().code, ErrorCode::not_stopped);
  hold_completely(2);
  EXPECT_TRUE(engine.held(id));
  EXPECT_EQ(engine.held({101, 77}).error().code, ErrorCode::stale);
  EXPECT_EQ(engine.held({102, 3}).error().code, ErrorCode::gone);
  detach_completely();
}

// --- Uninterruptible sleep

class StuckTest : public EngineTest {};

// A thread in vfork sleeps in D: the hold reports it in bounded time and goes on.
TEST_F(StuckTest, VforkIsReportedNotWaitedFor) {
  attach_with({101});
  run();
  kernel.vfork(101, 300);
  live();
  EXPECT_FALSE(kernel.is_traced(300));
  const TimePoint start = Clock::now();
  const HoldReport report = hold();
  EXPECT_LT(Clock::now() - start, std::chrono::milliseconds(300));
  EXPECT_EQ(report.held, 1U);
  ASSERT_EQ(report.not_held.size(), 1U);
  EXPECT_EQ(report.not_held[0].tid, 101);
  EXPECT_FALSE(report.timed_out);
  EXPECT_EQ(engine.held(report.not_held[0]).error().code, ErrorCode::not_stopped);

  const DetachReport left = detach();
  EXPECT_EQ(left.remaining, std::vector<pid_t>{101});
  EXPECT_FALSE(left.verified);
  EXPECT_FALSE(kernel.is_traced(pid));
  // It wakes, and is let go then.
  kernel.end_vfork(101);
  live();
  EXPECT_EQ(kernel.traced_count(), 0U);
  EXPECT_TRUE(engine.traces_nothing());
}

// A late wake-up follows what is wanted by then.
TEST_F(StuckTest, LateWakeUpInAHold) {
  attach_with({101});
  run();
  kernel.task(101).uninterruptible = true;
  EXPECT_EQ(hold().not_held.size(), 1U);
  kernel.task(101).uninterruptible = false;
  live();
  EXPECT_TRUE(is_held(101));
  detach_completely();
}

TEST_F(StuckTest, LateWakeUpWhenAllRun) {
  attach_with({101});
  run();
  kernel.task(101).uninterruptible = true;
  EXPECT_EQ(hold().not_held.size(), 1U);
  run();
  kernel.task(101).uninterruptible = false;
  live();
  EXPECT_FALSE(kernel.is_trapped(101));
  hold_completely(2);
  detach_completely();
}

// It has woken and stopped just before the detach, and nobody has looked since.
TEST_F(StuckTest, WakesJustBeforeTheDetach) {
  attach_with({101});
  run();
  kernel.task(101).uninterruptible = true;
  EXPECT_EQ(hold().not_held.size(), 1U);
  kernel.task(101).uninterruptible = false;
  kernel.advance_all();
  detach();
  live();
  EXPECT_EQ(kernel.traced_count(), 0U);
}

TEST_F(StuckTest, DiesWhileStuck) {
  attach_with({101});
  run();
  kernel.task(101).uninterruptible = true;
  EXPECT_EQ(hold().not_held.size(), 1U);
  kernel.kill_process(pid);
  kernel.task(101).uninterruptible = false;
  live();
  EXPECT_EQ(count_events<ProcessKilled>(), 1U);
  EXPECT_TRUE(engine.tracees().empty());
}

// --- The leader exits first

class LeaderTest : public EngineTest {};

TEST_F(LeaderTest, ProcessLivesOn) {
  attach_with({101, 102});
  run();
  kernel.exit_thread(pid);
  live();
  EXPECT_EQ(count_events<LeaderExited>(), 1U);
  EXPECT_EQ(count_events<ProcessExited>(), 0U);
  EXPECT_TRUE(engine.is_alive());
  hold_completely(2);
  EXPECT_EQ(engine.held(id_of(pid)).error().code, ErrorCode::gone);
  run();
  live();
  EXPECT_EQ(count_events<LeaderExited>(), 1U);  // told once
  // A zombie cannot be detached; the threads can.
  const DetachReport report = detach();
  EXPECT_EQ(report.remaining, std::vector<pid_t>{pid});
  EXPECT_FALSE(kernel.is_traced(101));
  EXPECT_FALSE(kernel.is_traced(102));
}

TEST_F(LeaderTest, ThenTheLastThreadExits) {
  attach_with({101});
  run();
  kernel.exit_thread(pid, 5);
  live();
  kernel.exit_thread(101, 6);
  live();
  EXPECT_EQ(count_events<ThreadExited>(), 1U);
  ASSERT_EQ(count_events<ProcessExited>(), 1U);
  EXPECT_EQ(events_of<ProcessExited>()[0].exit_code, 5);
  EXPECT_FALSE(engine.is_alive());
}

// The leader was a zombie before clew came, so that no status tells of the end.
TEST_F(LeaderTest, LastThreadOfAZombieLeader) {
  add_threads({101});
  kernel.exit_silently(pid);
  attach();
  run();
  kernel.exit_thread(101);
  live();
  EXPECT_EQ(count_events<ProcessVanished>(), 1U);
  EXPECT_FALSE(engine.is_alive());
}

// In an exit of the whole process the leader may be the first to go.
TEST_F(LeaderTest, ExitOfTheProcessIsNoLeaderExit) {
  attach_with({101, 102});
  run();
  kernel.exit_process(pid, 2);
  kernel.advance(pid);
  engine.pump({});
  kernel.advance(pid);
  engine.pump({});
  live();
  EXPECT_EQ(count_events<LeaderExited>(), 0U);
  EXPECT_EQ(count_events<ProcessExited>(), 1U);
}

// The leader's exit stop comes while all are being stopped.
TEST_F(LeaderTest, ExitsDuringAHold) {
  attach_with({101});
  run();
  kernel.at_sleep([&] { kernel.exit_thread(pid); });
  const HoldReport report = hold();
  EXPECT_EQ(report.held, 1U);
  EXPECT_TRUE(report.not_held.empty());
  run();
  live();
  EXPECT_EQ(count_events<LeaderExited>(), 1U);
  EXPECT_TRUE(engine.is_alive());
}

// --- Children that are other processes

class ForkTest : public EngineTest {
 protected:
  void expect_let_go(pid_t child) {
    EXPECT_FALSE(kernel.is_traced(child));
    EXPECT_FALSE(knows(child));
    const auto forked = events_of<Forked>();
    ASSERT_EQ(forked.size(), 1U);
    EXPECT_EQ(forked[0].child, child);
    EXPECT_EQ(forked[0].parent.tid, 101);
    EXPECT_EQ(count_events<ThreadBorn>(), 0U);
    EXPECT_EQ(engine.tracees().thread_count(), 2U);
  }
};

TEST_F(ForkTest, ForksChildIsLetGo) {
  attach_with({101});
  run();
  kernel.fork(101, 300);
  live();
  expect_let_go(300);
  detach_completely();
}

TEST_F(ForkTest, ChildStopsFirst) {
  attach_with({101});
  run();
  kernel.give_birth(101, 300, false);
  kernel.advance(300);
  engine.pump({});
  kernel.announce(101, PTRACE_EVENT_FORK);
  live();
  expect_let_go(300);
  detach_completely();
}

TEST_F(ForkTest, VforksChildIsLetGoWhileItsParentSleeps) {
  attach_with({101});
  run();
  kernel.vfork(101, 300);
  live();
  expect_let_go(300);
  kernel.end_vfork(101);
  live();
  EXPECT_FALSE(kernel.is_trapped(101));
  detach_completely();
}

TEST_F(ForkTest, CloneOfAProcessIsForeign) {
  attach_with({101});
  run();
  kernel.clone_process(101, 300);
  live();
  expect_let_go(300);
  detach_completely();
}

TEST_F(ForkTest, ForkDuringAHold) {
  attach_with({101});
  run();
  kernel.before(Call::interrupt, 101, 1, [&] { kernel.fork(101, 300); });
  const HoldReport report = hold();
  EXPECT_EQ(report.held, 2U);
  expect_let_go(300);
  detach_completely();
}

// A signal is on its way to the child when it is let go.
TEST_F(ForkTest, ChildsSignalGoesWithIt) {
  attach_with({101});
  kernel.set_handled(SIGRTMIN);
  run();
  kernel.fork(101, 300);
  kernel.send(300, SIGRTMIN, 5);
  live();
  expect_let_go(300);
  EXPECT_EQ(kernel.times_delivered(5), 1);
  detach_completely();
}

// The parent is killed before it can tell of its child, which lives: the child must not stay
// stopped.
TEST_F(ForkTest, ParentDiesBeforeItTells) {
  attach_with({101});
  run();
  kernel.give_birth(101, 300, false);
  kernel.advance(300);
  engine.pump({});
  kernel.kill_process(pid);
  live();
  EXPECT_EQ(count_events<ProcessKilled>(), 1U);
  EXPECT_FALSE(kernel.is_traced(300));
}

// --- One thread alone

class VisitTest : public EngineTest {};

TEST_F(VisitTest, LooksAndLetsGo) {
  add_threads({101});
  pid_t seen = 0;
  const auto visited = engine.visit(101, soon(), [&](Tracee& tracee) {
    seen = tracee.id.tid;
    EXPECT_TRUE(engine.registers(tracee));
    EXPECT_FALSE(kernel.is_traced(pid));
  });
  ASSERT_TRUE(visited);
  EXPECT_TRUE(*visited);
  EXPECT_EQ(seen, 101);
  EXPECT_EQ(kernel.traced_count(), 0U);
  EXPECT_TRUE(engine.traces_nothing());
}

TEST_F(VisitTest, GoneDeniedAndRecycled) {
  add_threads({101, 102});
  kernel.add_process(900);
  kernel.task(101).refuses_tracer = true;
  kernel.before(Call::seize, 102, 1, [&] { kernel.give_tid_away(102, 900); });
  const auto never = [](Tracee&) { FAIL(); };
  EXPECT_EQ(engine.visit(150, soon(), never).error().code, ErrorCode::gone);
  EXPECT_EQ(engine.visit(101, soon(), never).error().code, ErrorCode::permission);
  EXPECT_EQ(engine.visit(102, soon(), never).error().code, ErrorCode::gone);
  EXPECT_EQ(kernel.traced_count(), 0U);
}

TEST_F(VisitTest, StoppedThreadStaysStopped) {
  add_threads({101});
  kernel.stop_natively(SIGSTOP);
  EXPECT_TRUE(engine.visit(101, soon(), [](Tracee&) {}).value_or(false));
  kernel.advance_all();
  EXPECT_TRUE(kernel.task(101).stopped_natively);
  EXPECT_EQ(kernel.count_calls(Call::resume, 101), 0);
}

TEST_F(VisitTest, SleeperIsLeftWhenItWakes) {
  add_threads({101});
  kernel.task(101).uninterruptible = true;
  const auto visited = engine.visit(101, soon(), [](Tracee&) { FAIL(); });
  ASSERT_TRUE(visited);
  EXPECT_FALSE(*visited);
  kernel.task(101).uninterruptible = false;
  live();
  EXPECT_EQ(kernel.traced_count(), 0U);
}

}  // namespace
}  // namespace clew::live
