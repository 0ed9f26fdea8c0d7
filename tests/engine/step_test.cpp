// One instruction of one thread: what may come between, and what must not be left behind.

#include "engine_fixture.h"

namespace clew::live {
namespace {

class StepTest : public EngineTest {
 protected:
  void SetUp() override {
    attach_with({101, 102});
    kernel.set_handled(SIGUSR1);
    run();
    hold_completely(3);
  }

  Status step() { return engine.step(id_of(101), soon()); }
  uint64_t pc() { return kernel.task(101).registers.rip; }
  Task& stepped() { return kernel.task(101); }

  void expect_plain_step_works() {
    const uint64_t from = pc();
    const Status status = step();
    EXPECT_TRUE(status) << (status ? "" : status.error().text);
    EXPECT_EQ(pc(), from + 4);
    EXPECT_EQ(state_of(101), TraceeState::stopped);
    EXPECT_TRUE(kernel.is_trapped(101));
  }
};

TEST_F(StepTest, OneInstruction) {
  for (int i = 1; i <= 3; ++i) {
    expect_plain_step_works();
    EXPECT_EQ(kernel.count_calls(Call::step, 101), i);
  }
  EXPECT_EQ(kernel.count_calls(Call::step, 102), 0);
  EXPECT_TRUE(kernel.is_trapped(102));
  detach_completely();
  EXPECT_TRUE(kernel.deliveries.empty());
}

TEST_F(StepTest, NeedsAHeldThread) {
  const ThreadId id = id_of(101);
  run();
  EXPECT_EQ(engine.step(id, soon()).error().code, ErrorCode::not_stopped);
  EXPECT_EQ(engine.step({4711, 1}, soon()).error().code, ErrorCode::gone);
  detach_completely();
}

// A signal with a handler comes in between: delivered once, and the step has led to the handler's
// first instruction.
TEST_F(StepTest, SignalWithAHandlerEndsTheStep) {
  kernel.send(101, SIGUSR1, 5);
  EXPECT_TRUE(step());
  EXPECT_EQ(kernel.times_delivered(5), 1);
  EXPECT_EQ(pc(), 0x4000U + 0x10 * SIGUSR1);
  EXPECT_TRUE(stepped().in_handler);
  EXPECT_EQ(kernel.count_calls(Call::step, 101, SIGUSR1), 0);
  expect_plain_step_works();
  EXPECT_EQ(kernel.times_delivered(5), 1);
  detach_completely();
}

// An ignored one does not count as an instruction.
TEST_F(StepTest, SignalWithNoHandlerDoesNot) {
  const uint64_t from = pc();
  kernel.send(101, SIGCHLD, 5);
  EXPECT_TRUE(step());
  EXPECT_EQ(kernel.times_delivered(5), 1);
  EXPECT_EQ(pc(), from + 4);
  detach_completely();
}

TEST_F(StepTest, KillingSignal) {
  kernel.send(101, SIGTERM);
  const Status status = step();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::gone);
  live();
  EXPECT_EQ(count_events<ProcessKilled>(), 1U);
}

TEST_F(StepTest, ManySignalsAndSteps) {
  kernel.set_handled(SIGRTMIN);
  for (int i = 1; i <= 40; ++i) {
    if (i % 3 != 0) kernel.send(101, SIGRTMIN, i);
    EXPECT_TRUE(step());
    if (i % 7 == 0) {
      run();
      live();
      hold_completely(3);
    }
  }
  detach_completely();
  for (int i = 1; i <= 40; ++i) EXPECT_EQ(kernel.times_delivered(i), i % 3 != 0 ? 1 : 0) << i;
}

// The INTERRUPT of the last hold is still in force: its stop comes before the instruction.
TEST_F(StepTest, StaleInterrupt) {
  stepped().trap_pending = true;
  expect_plain_step_works();
  EXPECT_EQ(kernel.count_calls(Call::step, 101), 2);
  EXPECT_EQ(kernel.count_calls(Call::resume, 101, SIGTRAP), 0);
  detach_completely();
}

// The instruction is done and its SIGTRAP queued when a signal to clew comes first. The trap must
// neither be injected nor be left in the queue.
TEST_F(StepTest, CancelledWithTheTrapQueued) {
  stepped().hold_after_step = true;
  kernel.at_sleep([] {});
  kernel.at_sleep([&] { kernel.signal_to_clew = true; });
  kernel.at_sleep([&] { stepped().paused_after_step = false; });
  const TimePoint start = Clock::now();
  const Status status = step();
  EXPECT_LT(Clock::now() - start, std::chrono::milliseconds(500));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(kernel.is_trapped(101));
  EXPECT_EQ(state_of(101), TraceeState::stopped);
  EXPECT_TRUE(stepped().queue.empty());
  EXPECT_LE(kernel.count_calls(Call::interrupt, 101), 4);
  kernel.signal_to_clew = false;
  expect_plain_step_works();
  detach_completely();
  EXPECT_TRUE(kernel.deliveries.empty());
}

// Cancelled while the thread sleeps in the call that it steps over.
TEST_F(StepTest, CancelledInACall) {
  stepped().call = BlockingCall{SYS_epoll_wait, -EINTR};
  kernel.at_sleep([] {});
  kernel.at_sleep([&] { kernel.signal_to_clew = true; });
  const Status status = step();
  EXPECT_EQ(status.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(kernel.is_trapped(101));
  EXPECT_EQ(static_cast<int64_t>(stepped().registers.rax), -514);
  detach_completely();
  EXPECT_EQ(kernel.eintr_seen[101], 0);
}

TEST_F(StepTest, TimesOutInACall) {
  stepped().call = BlockingCall{SYS_futex, -512};
  const Status status = engine.step(id_of(101), Deadline::after(std::chrono::milliseconds(5)));
  EXPECT_EQ(status.error().code, ErrorCode::timeout);
  EXPECT_TRUE(kernel.is_trapped(101));
  detach_completely();
}

// While the others run, a cancelled step must not wait for them.
TEST_F(StepTest, CancelledWhileTheOthersRun) {
  engine.apply({Wanted::run, {{101, Wanted::hold}}});
  live();
  ASSERT_TRUE(is_held(101));
  stepped().call = BlockingCall{SYS_futex, -512};
  kernel.at_sleep([&] { kernel.signal_to_clew = true; });
  const TimePoint start = Clock::now();
  EXPECT_EQ(step().error().code, ErrorCode::cancelled);
  EXPECT_LT(Clock::now() - start, std::chrono::milliseconds(500));
  EXPECT_TRUE(is_held(101));
  kernel.signal_to_clew = false;
  detach_completely();
}

// A thread that was chosen to be held stays so after its step.
TEST_F(StepTest, StaysHeldWhileTheOthersRun) {
  engine.apply({Wanted::run, {{101, Wanted::hold}}});
  live();
  expect_plain_step_works();
  EXPECT_FALSE(is_held(102));
  live();
  EXPECT_TRUE(is_held(101));
  detach_completely();
}

// A signal of the target's comes in a step that was cancelled with the trap queued: the forced
// signal goes first (dequeue_synchronous_signal()).
TEST_F(StepTest, CancelledWithTheTrapAndASignalQueued) {
  stepped().hold_after_step = true;
  kernel.at_sleep([] {});
  kernel.at_sleep([&] {
    kernel.send(101, SIGUSR1, 6);
    kernel.signal_to_clew = true;
  });
  kernel.at_sleep([&] { stepped().paused_after_step = false; });
  EXPECT_FALSE(step());
  kernel.signal_to_clew = false;
  detach_completely();
  EXPECT_EQ(kernel.times_delivered(6), 1);
}

// A group-stop begins when the instruction is done and its trap queued. The trap is taken, and the
// thread takes part in the group-stop all the same when all run again.
TEST_F(StepTest, GroupStopWithTheTrapQueued) {
  stepped().hold_after_step = true;
  engine.apply({Wanted::run, {{101, Wanted::hold}}});
  live();
  ASSERT_TRUE(is_held(101));
  kernel.at_sleep([] {});
  kernel.at_sleep([&] {
    kernel.send(102, SIGSTOP);
    kernel.advance(102);
    engine.pump({});
    kernel.advance(102);
    stepped().paused_after_step = false;
  });
  (void)step();
  EXPECT_TRUE(stepped().queue.empty());
  run();
  live();
  EXPECT_EQ(count_events<JobStopped>(), 1U);
  for (const pid_t tid : {100, 101, 102}) EXPECT_EQ(state_of(tid), TraceeState::listening) << tid;
  detach_completely();
  EXPECT_TRUE(stepped().stopped_natively);
}

TEST_F(StepTest, GroupStopGivesItUp) {
  kernel.send(101, SIGSTOP);
  const Status status = step();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::unavailable);
  EXPECT_EQ(state_of(101), TraceeState::group_stopped);
  detach_completely();
  EXPECT_TRUE(stepped().stopped_natively);
}

TEST_F(StepTest, ExitDuringTheStep) {
  stepped().on_step = [&] { kernel.exit_thread(101, 1); };
  EXPECT_EQ(step().error().code, ErrorCode::gone);
  live();
  EXPECT_EQ(count_events<ThreadExited>(), 1U);
  EXPECT_FALSE(knows(101));
  hold_completely(2);
  detach_completely();
}

TEST_F(StepTest, KilledDuringTheStep) {
  stepped().on_step = [&] { kernel.kill_process(pid); };
  EXPECT_EQ(step().error().code, ErrorCode::gone);
  live();
  EXPECT_EQ(count_events<ProcessKilled>(), 1U);
}

TEST_F(StepTest, VanishedDuringTheStep) {
  stepped().on_step = [&] { kernel.vanish(101); };
  EXPECT_EQ(step().error().code, ErrorCode::gone);
  EXPECT_FALSE(knows(101));
  detach_completely();
}

// A step over clone(2): its event comes first, then the step goes on.
TEST_F(StepTest, OverABirth) {
  stepped().on_step = [&] { kernel.clone(101, 150); };
  EXPECT_TRUE(step());
  EXPECT_TRUE(has_thread(150));
  live();
  EXPECT_TRUE(is_held(150));  // the others are held, and so is a newborn
  detach_completely();
}

// A step over exec by the leader: done when the new program stands at its start.
TEST_F(StepTest, OverAnExec) {
  kernel.task(pid).on_step = [&] { kernel.begin_exec(pid); };
  const Status status = engine.step(id_of(pid), soon());
  EXPECT_TRUE(status) << (status ? "" : status.error().text);
  EXPECT_EQ(count_events<Executed>(), 1U);
  EXPECT_TRUE(is_held(pid));
  EXPECT_EQ(engine.tracees().thread_count(), 1U);
  detach_completely();
}

// --- SIGTRAPs that are not clew's

// tgkill(2) with SIGTRAP during a step: the target's own signal, passed on.
TEST_F(StepTest, SentTrapIsPassedOn) {
  kernel.set_handled(SIGTRAP);
  kernel.send(101, SIGTRAP, 9, SI_TKILL);
  EXPECT_TRUE(step());
  EXPECT_EQ(kernel.times_delivered(9), 1);
  EXPECT_EQ(kernel.count_calls(Call::resume, 101, SIGTRAP), 1);
  detach_completely();
}

// int3 in the target's own code.
TEST_F(StepTest, OwnInt3IsPassedOn) {
  kernel.set_handled(SIGTRAP);
  stepped().on_step = [&] {
    stepped().registers.rip += 1;
    stepped().single_step = false;  // the processor traps once
    kernel.send(101, SIGTRAP, 10, SI_KERNEL);
  };
  EXPECT_TRUE(step());
  EXPECT_EQ(kernel.times_delivered(10), 1);
  detach_completely();
}

TEST_F(StepTest, TrapWithoutAStepIsPassedOn) {
  kernel.set_handled(SIGTRAP);
  run();
  kernel.send(101, SIGTRAP, 11, SI_KERNEL);
  kernel.send(102, SIGTRAP, 12, TRAP_BRKPT);
  live();
  hold_completely(3);
  detach_completely();
  EXPECT_EQ(kernel.times_delivered(11), 1);
  EXPECT_EQ(kernel.times_delivered(12), 1);
}

// --- SIGTRAP blocked or ignored: a forced signal would end that for good

TEST_F(StepTest, BlockedTrapIsBlockedAgain) {
  stepped().mask = trap_bit | 1;
  expect_plain_step_works();
  EXPECT_EQ(stepped().mask, trap_bit | 1);
  detach_completely();
  EXPECT_EQ(stepped().mask, trap_bit | 1);
}

// Another stop comes before the step's trap: blocked again there too, and unblocked once more.
TEST_F(StepTest, BlockedTrapAndAnotherStop) {
  stepped().mask = trap_bit;
  stepped().trap_pending = true;
  kernel.before(Call::step, 101, 2, [&] { EXPECT_EQ(stepped().mask, 0U); });
  expect_plain_step_works();
  EXPECT_EQ(kernel.count_calls(Call::step, 101), 2);
  EXPECT_EQ(stepped().mask, trap_bit);
  detach_completely();
}

// A handler that is entered during the step must find the target's own mask to save.
TEST_F(StepTest, BlockedTrapAndASignal) {
  stepped().mask = trap_bit;
  kernel.send(101, SIGUSR1, 3);
  uint64_t mask_in_frame = 0;
  kernel.before(Call::resume, 101, 1, [&] { mask_in_frame = stepped().mask; });
  EXPECT_TRUE(step());
  EXPECT_EQ(mask_in_frame, trap_bit);
  EXPECT_EQ(kernel.times_delivered(3), 1);
  EXPECT_EQ(stepped().mask, trap_bit);
  detach_completely();
}

TEST_F(StepTest, BlockedTrapAndAGroupStop) {
  stepped().mask = trap_bit;
  kernel.send(101, SIGSTOP);
  EXPECT_FALSE(step());
  EXPECT_EQ(stepped().mask, trap_bit);
  detach_completely();
}

TEST_F(StepTest, BlockedTrapAndACancel) {
  stepped().mask = trap_bit;
  stepped().hold_after_step = true;
  kernel.at_sleep([] {});
  kernel.at_sleep([&] { kernel.signal_to_clew = true; });
  kernel.at_sleep([&] { stepped().paused_after_step = false; });
  EXPECT_FALSE(step());
  EXPECT_EQ(stepped().mask, trap_bit);
  kernel.signal_to_clew = false;
  detach_completely();
}

// The instruction changes the mask: only our bit is put back.
TEST_F(StepTest, BlockedTrapAndAChangeOfTheMask) {
  stepped().mask = trap_bit;
  stepped().on_step = [&] { stepped().mask |= 2; };
  expect_plain_step_works();
  EXPECT_EQ(stepped().mask, trap_bit | 2);
  detach_completely();
}

// The mask lives on across exec (execve(2)).
TEST_F(StepTest, BlockedTrapAcrossAnExec) {
  kernel.task(pid).mask = trap_bit;
  kernel.task(pid).on_step = [&] { kernel.begin_exec(pid); };
  EXPECT_TRUE(engine.step(id_of(pid), soon()));
  EXPECT_EQ(count_events<Executed>(), 1U);
  EXPECT_EQ(kernel.task(pid).mask, trap_bit);
  detach_completely();
  EXPECT_EQ(kernel.task(pid).mask, trap_bit);
}

TEST_F(StepTest, BlockedTrapAcrossAnExecOfAnotherThread) {
  stepped().mask = trap_bit;
  stepped().on_step = [&] { kernel.begin_exec(101); };
  (void)step();
  live();
  EXPECT_EQ(count_events<Executed>(), 1U);
  EXPECT_EQ(kernel.task(pid).mask, trap_bit);
  detach_completely();
}

// A child inherits the mask of its mother, who is being stepped.
TEST_F(StepTest, BlockedTrapIsInheritedByAThread) {
  stepped().mask = trap_bit;
  stepped().on_step = [&] { kernel.clone(101, 150); };
  EXPECT_TRUE(step());
  live();
  EXPECT_EQ(stepped().mask, trap_bit);
  EXPECT_EQ(kernel.task(150).mask, trap_bit);
  detach_completely();
}

TEST_F(StepTest, BlockedTrapIsInheritedByAProcess) {
  stepped().mask = trap_bit;
  stepped().on_step = [&] { kernel.fork(101, 300); };
  EXPECT_TRUE(step());
  live();
  EXPECT_FALSE(kernel.is_traced(300));
  EXPECT_EQ(kernel.task(300).mask, trap_bit);
  detach_completely();
}

TEST_F(StepTest, IgnoredTrapIsNotStepped) {
  kernel.set_ignored(SIGTRAP);
  const size_t before = kernel.calls.size();
  const Status status = step();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::unsupported);
  EXPECT_EQ(kernel.calls.size(), before);
  EXPECT_TRUE(is_held(101));
  detach_completely();
}

// Whether SIGTRAP is ignored is remembered, and asked anew when others have run or the step may
// have changed it.
TEST_F(StepTest, IgnoredSinceTheLastRun) {
  expect_plain_step_works();
  run();
  live();
  hold_completely(3);
  kernel.set_ignored(SIGTRAP);
  EXPECT_EQ(step().error().code, ErrorCode::unsupported);
  detach_completely();
}

TEST_F(StepTest, IgnoredByTheSteppedCall) {
  expect_plain_step_works();
  run();
  stepped().registers.rax = SYS_rt_sigaction;
  hold_completely(3);
  // Not in the instruction itself: its own trap would be forced on an ignored signal then. The call
  // takes effect between the two.
  stepped().on_step = [&] {
    stepped().hold_after_step = true;
    kernel.at_sleep([&] {
      kernel.set_ignored(SIGTRAP);
      stepped().paused_after_step = false;
    });
  };
  EXPECT_TRUE(step());
  EXPECT_EQ(step().error().code, ErrorCode::unsupported);
  detach_completely();
}

}  // namespace
}  // namespace clew::live
