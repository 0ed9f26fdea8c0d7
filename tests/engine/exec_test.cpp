// exec by any thread: the others vanish, the pid survives, the memory is new (kernel facts, 18).

#include "engine_fixture.h"

namespace clew::live {
namespace {

class ExecTest : public EngineTest {
 protected:
  void expect_executed(pid_t former) {
    const auto executed = events_of<Executed>();
    ASSERT_EQ(executed.size(), 1U);
    EXPECT_EQ(executed[0].former_tid, former);
    EXPECT_EQ(executed[0].id.tid, pid);
    EXPECT_EQ(kernel.renewed, 1U);
    EXPECT_EQ(engine.tracees().thread_count(), 1U);
    EXPECT_TRUE(has_thread(pid));
    EXPECT_TRUE(engine.is_alive());
    EXPECT_EQ(count_events<ProcessExited>() + count_events<ProcessKilled>() +
                  count_events<ProcessVanished>(),
              0U);
    // Nothing is asked of the dead.
    kernel.calls.clear();
    live();
    engine.apply(RunRequest::all(Wanted::hold));
    live();
    for (const CallRecord& c : kernel.calls) EXPECT_TRUE(c.tid == pid || c.tid == 0) << c.tid;
  }
};

TEST_F(ExecTest, ByTheLeaderWhileAllRun) {
  attach_with({101, 102});
  run();
  kernel.begin_exec(pid);
  live();
  EXPECT_FALSE(kernel.is_trapped(pid));
  expect_executed(pid);
  detach_completely();
}

TEST_F(ExecTest, ByAnotherThreadWhileAllRun) {
  attach_with({101, 102});
  run();
  kernel.begin_exec(101);
  live();
  EXPECT_FALSE(kernel.is_trapped(pid));
  expect_executed(101);
  detach_completely();
}

TEST_F(ExecTest, ByTheOnlyThread) {
  attach_with({});
  run();
  kernel.begin_exec(pid);
  live();
  expect_executed(pid);
  detach_completely();
}

// The others sit in their exit stops and must be let go, though all are to be held: else exec never
// ends.
TEST_F(ExecTest, DuringAHold) {
  attach_with({101, 102, 103});
  run();
  kernel.at_sleep([&] { kernel.begin_exec(102); });
  const HoldReport report = hold();
  EXPECT_FALSE(report.timed_out);
  EXPECT_EQ(report.held, 1U);
  EXPECT_TRUE(report.not_held.empty());
  EXPECT_TRUE(is_held(pid));
  expect_executed(102);
  detach_completely();
}

TEST_F(ExecTest, ByTheLeaderDuringAHold) {
  attach_with({101, 102});
  run();
  kernel.at_sleep([&] { kernel.begin_exec(pid); });
  const HoldReport report = hold();
  EXPECT_FALSE(report.timed_out);
  EXPECT_EQ(report.held, 1U);
  expect_executed(pid);
  detach_completely();
}

// It begins just before the first INTERRUPT.
TEST_F(ExecTest, BeforeTheInterrupts) {
  attach_with({101, 102});
  run();
  kernel.before(Call::interrupt, pid, 1, [&] { kernel.begin_exec(102); });
  EXPECT_EQ(hold().held, 1U);
  expect_executed(102);
  detach_completely();
}

// The caller has the leader's tid already when it is to be stopped, and is not yet at its exec
// stop.
TEST_F(ExecTest, CallerHasChangedItsTidWhenItIsInterrupted) {
  add_threads({101});
  kernel.exit_silently(pid);
  attach();
  run();
  kernel.before(Call::interrupt, 101, 1, [&] { kernel.begin_exec(101); });
  EXPECT_EQ(hold().held, 1U);
  expect_executed(101);
  detach_completely();
}

TEST_F(ExecTest, DuringTheDetach) {
  for (const pid_t caller : {100, 101}) {
    ScriptedKernel own_kernel(pid);
    own_kernel.add_thread(101);
    own_kernel.add_thread(102);
    Engine own_engine(pid, own_kernel, own_kernel, own_kernel, own_kernel, arch::native());
    ASSERT_TRUE(own_engine.attach(soon(), {}));
    own_engine.apply(RunRequest::all(Wanted::run));
    own_kernel.at_sleep([&, caller] { own_kernel.begin_exec(caller); });
    const DetachReport report = own_engine.detach(soon());
    EXPECT_TRUE(report.verified);
    EXPECT_TRUE(report.remaining.empty());
    EXPECT_EQ(own_kernel.traced_count(), 0U);
    EXPECT_EQ(own_kernel.violations, std::vector<std::string>{});
  }
}

// The kernel's lock for exec is taken until the seized leader has been reaped, by who waits for
// that lock: the seize is left, the tracees are attended to, and the new leader is found.
TEST_F(ExecTest, SeizeThatWaitsForTheExecOfAThreadThatIsNotHadYet) {
  add_threads({101});
  kernel.fail_call(Call::seize, 101, 1, EAGAIN);
  kernel.before(Call::seize, 101, 1, [&] { kernel.begin_exec(101); });
  const AttachReport report = attach();
  EXPECT_TRUE(report.denied.empty());
  EXPECT_EQ(hold().held, 1U);
  EXPECT_TRUE(kernel.is_trapped(pid)) << "the one that has executed is held";
  detach_completely();
}

// An exec that never ends (another tracer sleeps): the attach does.
TEST_F(ExecTest, SeizeThatWaitsForEverIsGivenUp) {
  add_threads({101});
  for (int nth = 1; nth <= 200'000; ++nth) kernel.fail_call(Call::seize, 101, nth, EAGAIN);
  const auto report = engine.attach(Deadline::after(std::chrono::milliseconds(50)), {});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->cancelled);
  EXPECT_EQ(report->seized, 1U);
  detach_completely();
}

// The leader is seized when exec has already told it to die; the caller of exec is seized next.
TEST_F(ExecTest, InTheMiddleOfTheAttach) {
  add_threads({101, 102});
  kernel.before(Call::seize, 101, 1, [&] { kernel.begin_exec(101); });
  attach();
  EXPECT_EQ(hold().held, 1U);
  expect_executed(101);
  detach_completely();
}

TEST_F(ExecTest, ByTheLeaderInTheMiddleOfTheAttach) {
  add_threads({101, 102});
  kernel.before(Call::seize, 101, 1, [&] { kernel.begin_exec(pid); });
  attach();
  EXPECT_EQ(hold().held, 1U);
  expect_executed(pid);
  detach_completely();
}

// The leader had exited before clew came: after the exec its tid, of which clew knows nothing, is
// that of the only thread, and the tid that clew waits for is no more.
TEST_F(ExecTest, BehindAZombieLeader) {
  add_threads({101});
  kernel.exit_silently(pid);
  EXPECT_TRUE(attach().leader_is_zombie);
  run();
  kernel.begin_exec(101);
  live();
  EXPECT_FALSE(kernel.is_trapped(pid));
  expect_executed(101);
  detach_completely();
}

TEST_F(ExecTest, BehindAZombieLeaderDuringAHold) {
  add_threads({101});
  kernel.exit_silently(pid);
  attach();
  run();
  kernel.at_sleep([&] { kernel.begin_exec(101); });
  hold();
  EXPECT_TRUE(is_held(pid));
  expect_executed(101);
  detach_completely();
}

TEST_F(ExecTest, BehindAZombieLeaderDuringTheDetach) {
  add_threads({101});
  kernel.exit_silently(pid);
  attach();
  run();
  kernel.at_sleep([&] { kernel.begin_exec(101); });
  detach_completely();
}

// The leader exited under clew, so that it reappears from nowhere.
TEST_F(ExecTest, BehindALeaderThatHasExited) {
  attach_with({101, 102});
  run();
  kernel.exit_thread(pid);
  live();
  ASSERT_EQ(count_events<LeaderExited>(), 1U);
  kernel.begin_exec(101);
  live();
  expect_executed(101);
  EXPECT_TRUE(is_held(pid));
  detach_completely();
}

// A held leader is killed by an exec of one that was left to run.
TEST_F(ExecTest, OfAChosenThreadWhileTheOthersAreHeld) {
  attach_with({101, 102});
  run();
  hold_completely(3);
  engine.apply({Wanted::hold, {{101, Wanted::run}}});
  live();
  kernel.begin_exec(101);
  live();
  EXPECT_TRUE(is_held(pid));  // what was wanted of tid 101 is not wanted of its heir
  expect_executed(101);
  detach_completely();
}

TEST_F(ExecTest, WhileOneOfTheOthersIsHeld) {
  attach_with({101, 102});
  engine.apply({Wanted::run, {{102, Wanted::hold}}});
  live();
  ASSERT_TRUE(is_held(102));
  kernel.begin_exec(101);
  live();
  expect_executed(101);
  detach_completely();
}

TEST_F(ExecTest, OfTheSteppedThread) {
  attach_with({101, 102});
  run();
  hold_completely(3);
  kernel.task(101).on_step = [&] { kernel.begin_exec(101); };
  const Status status = engine.step(id_of(101), soon());
  EXPECT_EQ(status ? ErrorCode::internal : status.error().code, ErrorCode::gone);
  live();
  EXPECT_TRUE(is_held(pid));
  expect_executed(101);
  detach_completely();
}

// A thread was born, and told of it, just before the exec.
TEST_F(ExecTest, WithABirthOnTheWay) {
  attach_with({101, 102});
  run();
  kernel.give_birth(102, 150);
  kernel.begin_exec(101);
  live();
  EXPECT_FALSE(knows(150));
  expect_executed(101);
  detach_completely();
}

// A forked child is on its way, and its parent is killed by the exec before it can tell.
TEST_F(ExecTest, WithAForkOnTheWay) {
  attach_with({101, 102});
  run();
  kernel.give_birth(102, 300, false);
  kernel.advance(300);
  engine.pump({});
  kernel.begin_exec(101);
  live();
  EXPECT_FALSE(kernel.is_traced(300));
  expect_executed(101);
  detach_completely();
}

TEST_F(ExecTest, TwiceAndThenTheEnd) {
  attach_with({101});
  run();
  kernel.begin_exec(101);
  live();
  kernel.clone(pid, 160);
  live();
  EXPECT_TRUE(has_thread(160));
  kernel.begin_exec(160);
  live();
  EXPECT_EQ(kernel.renewed, 2U);
  EXPECT_EQ(count_events<Executed>(), 2U);
  kernel.exit_process(pid, 3);
  live();
  EXPECT_EQ(count_events<ProcessExited>(), 1U);
  EXPECT_FALSE(engine.is_alive());
}

TEST_F(ExecTest, KilledAtItsExecStop) {
  attach_with({101});
  run();
  kernel.begin_exec(101);
  kernel.before(Call::event_message, pid, 1, [&] { kernel.kill_process(pid); });
  live();
  EXPECT_EQ(count_events<ProcessKilled>(), 1U);
  EXPECT_TRUE(engine.tracees().empty());
}

// What a signal does after the exec is the new program's affair; it is delivered once.
TEST_F(ExecTest, PendingSignalSurvives) {
  attach_with({101});
  kernel.set_ignored(SIGUSR1);
  run();
  kernel.begin_exec(101);
  kernel.send(101, SIGUSR1, 5);
  live();
  EXPECT_EQ(kernel.times_delivered(5), 1);
  expect_executed(101);
  detach_completely();
}

}  // namespace
}  // namespace clew::live
