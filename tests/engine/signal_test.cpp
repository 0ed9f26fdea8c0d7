// Signals on their way, and group-stops.

#include "engine_fixture.h"

namespace clew::live {
namespace {

class SignalTest : public EngineTest {
 protected:
  /// Of what the engine asked the kernel about one tid, the calls that set it going or ask it to
  /// stop, in order.
  std::vector<Call> moves(pid_t tid) {
    std::vector<Call> moves;
    for (const CallRecord& c : kernel.calls) {
      const bool is_move = c.call == Call::interrupt || c.call == Call::resume ||
                           c.call == Call::step || c.call == Call::listen || c.call == Call::detach;
      if (c.tid == tid && is_move) moves.push_back(c.call);
    }
    return moves;
  }
};

TEST_F(SignalTest, PassedOnWhileAllRun) {
  attach_with({101});
  kernel.set_handled(SIGUSR1);
  run();
  kernel.send(101, SIGUSR1, 1);
  live();
  EXPECT_EQ(kernel.times_delivered(1), 1);
  EXPECT_EQ(kernel.count_calls(Call::resume, 101, SIGUSR1), 1);
  detach_completely();
}

// A signal-delivery-stop comes in place of the stop that was asked for. The signal is injected
// before the thread is held, with an INTERRUPT in force so that nothing happens after it.
TEST_F(SignalTest, DeliveredBeforeTheHold) {
  attach_with({101});
  kernel.set_handled(SIGUSR1);
  run();
  kernel.before(Call::interrupt, 101, 1, [&] {
    kernel.send(101, SIGUSR1, 1);
    kernel.advance(101);
  });
  hold_completely(2);
  EXPECT_EQ(kernel.times_delivered(1), 1);
  EXPECT_EQ(moves(101), (std::vector<Call>{Call::interrupt, Call::interrupt, Call::resume}));
  EXPECT_EQ(kernel.count_calls(Call::resume, 101, SIGUSR1), 1);
  EXPECT_EQ(state_of(101), TraceeState::stopped);
  EXPECT_TRUE(kernel.task(101).in_handler);  // it stands where its handler begins
  detach_completely();
  EXPECT_EQ(kernel.times_delivered(1), 1);
}

// Sent while the thread is held: it stays with the kernel, and the detach does not touch it.
TEST_F(SignalTest, SentWhileHeld) {
  attach_with({101});
  kernel.set_handled(SIGUSR1);
  run();
  hold_completely(2);
  kernel.send(101, SIGUSR1, 1);
  hold_completely(2);
  EXPECT_EQ(kernel.times_delivered(1), 0);
  detach_completely();
  EXPECT_EQ(kernel.times_delivered(1), 1);
}

// In a signal-delivery-stop when the detach begins.
TEST_F(SignalTest, DetachFromASignalStop) {
  attach_with({101});
  kernel.set_handled(SIGUSR1);
  run();
  kernel.send(101, SIGUSR1, 1);
  kernel.advance(101);
  detach_completely();
  EXPECT_EQ(kernel.times_delivered(1), 1);
}

TEST_F(SignalTest, KillsWhenInjected) {
  attach_with({101});
  run();
  kernel.before(Call::interrupt, 101, 1, [&] {
    kernel.send(101, SIGTERM);
    kernel.advance(101);
  });
  hold();
  live();
  ASSERT_EQ(count_events<ProcessKilled>(), 1U);
  EXPECT_EQ(events_of<ProcessKilled>()[0].signal, SIGTERM);
  EXPECT_TRUE(engine.tracees().empty());
}

TEST_F(SignalTest, ToTheProcessIsTakenByOneThread) {
  attach_with({101, 102});
  kernel.set_handled(SIGUSR1);
  run();
  kernel.send_to_process(pid, SIGUSR1, 4);
  hold_completely(3);
  run();
  live();
  EXPECT_EQ(kernel.times_delivered(4), 1);
  detach_completely();
}

// Blocked by the target between the stop and the injection: the kernel queues it again.
TEST_F(SignalTest, BlockedWhenInjected) {
  attach_with({101});
  kernel.set_handled(SIGUSR1);
  run();
  kernel.send(101, SIGUSR1, 8);
  kernel.advance(101);
  kernel.task(101).mask = uint64_t{1} << (SIGUSR1 - 1);
  hold_completely(2);
  EXPECT_EQ(kernel.times_delivered(8), 0);
  kernel.task(101).mask = 0;
  detach_completely();
  EXPECT_EQ(kernel.times_delivered(8), 1);
}

// Sixty-four queued signals, and one hold, resume or detach after the other.
TEST_F(SignalTest, NoneLostNoneDoubled) {
  add_threads({101});
  kernel.set_handled(SIGRTMIN);
  kernel.set_handled(SIGRTMIN + 1);
  for (int cycle = 0; cycle < 8; ++cycle) {
    const int base = 1 + 8 * cycle;
    attach();
    run();
    for (int i = 0; i < 4; ++i) kernel.send(101, SIGRTMIN + i % 2, base + i);
    if (cycle % 2 == 0) kernel.advance(101);
    hold_completely(2);
    for (int i = 4; i < 8; ++i) kernel.send(101, SIGRTMIN + i % 2, base + i);
    if (cycle % 4 < 2) {
      run();
      live(cycle);
    }
    if (cycle % 3 == 0) hold_completely(2);
    detach_completely();
  }
  kernel.advance_all();
  for (int value = 1; value <= 64; ++value) EXPECT_EQ(kernel.times_delivered(value), 1) << value;
}

// --- Group-stops

class GroupStopTest : public SignalTest {
 protected:
  void expect_stopped_natively() {
    for (const auto& [tid, task] : kernel.tasks()) EXPECT_TRUE(task->stopped_natively) << tid;
  }
};

// Found stopped, left stopped: never a CONT, and DETACH with no signal.
TEST_F(GroupStopTest, FoundStoppedStaysStopped) {
  add_threads({101});
  kernel.stop_natively(SIGSTOP);
  attach();
  run();
  live();
  EXPECT_EQ(state_of(101), TraceeState::listening);
  EXPECT_EQ(kernel.count_calls(Call::listen, 101), 1);
  hold_completely(2);
  EXPECT_EQ(state_of(101), TraceeState::group_stopped);
  EXPECT_EQ(Engine::activity(*engine.tracees().find(101)), ThreadActivity::held_stopped);
  run();
  live();
  EXPECT_EQ(Engine::activity(*engine.tracees().find(101)), ThreadActivity::stopped);
  EXPECT_EQ(kernel.count_calls(Call::resume, 0), 0);
  detach_completely();
  EXPECT_EQ(kernel.count_calls(Call::detach, 0, 0), 2);
  expect_stopped_natively();
}

TEST_F(GroupStopTest, FoundStoppedAndLeftAtOnce) {
  add_threads({101});
  kernel.stop_natively(SIGTSTP);
  attach();
  detach_completely();
  EXPECT_EQ(kernel.count_calls(Call::resume, 0), 0);
  expect_stopped_natively();
}

TEST_F(GroupStopTest, StopAndContinueWhileAllRun) {
  attach_with({101, 102});
  run();
  kernel.send(101, SIGSTOP);
  live();
  EXPECT_EQ(kernel.count_calls(Call::resume, 101, SIGSTOP), 1);
  for (const pid_t tid : {100, 101, 102}) {
    EXPECT_EQ(state_of(tid), TraceeState::listening) << tid;
    EXPECT_EQ(kernel.count_calls(Call::listen, tid), 1) << tid;
  }
  ASSERT_EQ(count_events<JobStopped>(), 1U);
  EXPECT_EQ(events_of<JobStopped>()[0].signal, SIGSTOP);
  EXPECT_EQ(count_events<JobContinued>(), 0U);

  kernel.send_to_process(pid, SIGCONT);
  live();
  for (const pid_t tid : {100, 101, 102}) EXPECT_FALSE(kernel.task(tid).stop) << tid;
  EXPECT_EQ(count_events<JobStopped>(), 1U);
  EXPECT_EQ(count_events<JobContinued>(), 1U);
  detach_completely();
  for (const pid_t tid : {100, 101, 102}) EXPECT_FALSE(kernel.task(tid).stopped_natively);
}

// The stop signal is taken while all are being held: the group-stop begins, and is what they are
// held in.
TEST_F(GroupStopTest, StopDuringAHold) {
  attach_with({101, 102});
  run();
  kernel.before(Call::interrupt, 101, 1, [&] {
    kernel.send(101, SIGSTOP);
    kernel.advance(101);
  });
  hold_completely(3);
  EXPECT_EQ(state_of(101), TraceeState::group_stopped);
  EXPECT_EQ(count_events<JobStopped>(), 1U);
  detach_completely();
  expect_stopped_natively();
}

// SIGSTOP comes while all are held: it takes effect when they are let go.
TEST_F(GroupStopTest, StopWhileHeld) {
  attach_with({101});
  run();
  hold_completely(2);
  kernel.send(101, SIGSTOP);
  detach_completely();
  kernel.advance_all();
  expect_stopped_natively();
}

TEST_F(GroupStopTest, HoldWhileListening) {
  attach_with({101});
  run();
  kernel.send(101, SIGSTOP);
  live();
  hold_completely(2);
  EXPECT_TRUE(kernel.is_trapped(101));
  EXPECT_EQ(kernel.count_calls(Call::listen, 101), 1);
  run();
  live();
  EXPECT_EQ(kernel.count_calls(Call::listen, 101), 2);
  EXPECT_EQ(count_events<JobStopped>(), 1U);
  EXPECT_EQ(count_events<JobContinued>(), 0U);
  detach_completely();
  expect_stopped_natively();
}

// SIGCONT while the stopped threads are held: seen as soon as they listen.
TEST_F(GroupStopTest, ContinueWhileHeld) {
  attach_with({101});
  run();
  kernel.send(101, SIGSTOP);
  live();
  hold_completely(2);
  kernel.send_to_process(pid, SIGCONT);
  run();
  live();
  EXPECT_EQ(count_events<JobContinued>(), 1U);
  EXPECT_FALSE(kernel.task(101).stop);
  EXPECT_FALSE(kernel.task(pid).stop);
  detach_completely();
}

TEST_F(GroupStopTest, ContinueWhileHeldThenDetach) {
  attach_with({101});
  run();
  kernel.send(101, SIGSTOP);
  live();
  hold_completely(2);
  kernel.send_to_process(pid, SIGCONT);
  detach_completely();
  EXPECT_FALSE(kernel.task(101).stopped_natively);
  EXPECT_FALSE(kernel.task(pid).stopped_natively);
}

// SIGCONT after SIGSTOP was taken from the queue and before it is injected: no stop (the kernel
// clears JOBCTL_STOP_DEQUEUED).
TEST_F(GroupStopTest, ContinueBeforeTheStopIsInjected) {
  attach_with({101});
  run();
  kernel.send(101, SIGSTOP);
  kernel.before(Call::resume, 101, 1, [&] { kernel.send_to_process(pid, SIGCONT); });
  live();
  EXPECT_EQ(count_events<JobStopped>(), 0U);
  EXPECT_FALSE(kernel.task(101).stop);
  detach_completely();
  EXPECT_FALSE(kernel.task(101).stopped_natively);
}

TEST_F(GroupStopTest, SecondStopAfterTheContinue) {
  attach_with({101});
  run();
  for (int i = 1; i <= 3; ++i) {
    kernel.send(101, SIGSTOP);
    live();
    kernel.send_to_process(pid, SIGCONT);
    live();
    EXPECT_EQ(count_events<JobStopped>(), static_cast<size_t>(i));
    EXPECT_EQ(count_events<JobContinued>(), static_cast<size_t>(i));
  }
  detach_completely();
}

// SIGCONT to a process that runs makes every thread trap once, for nothing.
TEST_F(GroupStopTest, ContinueOfARunningProcess) {
  attach_with({101});
  run();
  kernel.send_to_process(pid, SIGCONT);
  live();
  EXPECT_EQ(count_events<JobContinued>(), 0U);
  EXPECT_FALSE(kernel.task(101).stop);
  detach_completely();
}

TEST_F(GroupStopTest, KilledWhileListening) {
  attach_with({101});
  run();
  kernel.send(101, SIGSTOP);
  live();
  kernel.kill_process(pid);
  live();
  EXPECT_EQ(count_events<ProcessKilled>(), 1U);
  EXPECT_TRUE(engine.tracees().empty());
}

// A birth in a process that is being stopped: the child's first stop is the group-stop.
TEST_F(GroupStopTest, BornIntoAGroupStop) {
  attach_with({101});
  run();
  kernel.clone(101, 150);
  kernel.send(pid, SIGSTOP);
  kernel.advance(pid);
  live();
  EXPECT_TRUE(has_thread(150));
  EXPECT_EQ(state_of(150), TraceeState::listening);
  detach_completely();
  expect_stopped_natively();
}

// A stopped thread is asked to step.
TEST_F(GroupStopTest, NoStepInAGroupStop) {
  attach_with({101});
  run();
  kernel.send(101, SIGSTOP);
  live();
  hold_completely(2);
  const TimePoint start = Clock::now();
  const Status stepped = engine.step(id_of(101), soon());
  EXPECT_FALSE(stepped);
  EXPECT_LT(Clock::now() - start, std::chrono::milliseconds(500));
  EXPECT_EQ(kernel.count_calls(Call::step, 101), 0);
  detach_completely();
  expect_stopped_natively();
}

// --- Calls that say EINTR because of the stop

class EintrTest : public EngineTest {
 protected:
  void sleep_in(pid_t tid, uint64_t number, int64_t broken_off = -EINTR) {
    kernel.task(tid).call = BlockingCall{number, broken_off};
  }
};

TEST_F(EintrTest, CallIsRestartedOnce) {
  attach_with({101});
  sleep_in(101, SYS_epoll_wait);
  run();
  for (int i = 1; i <= 3; ++i) {
    hold_completely(2);
    EXPECT_EQ(static_cast<int64_t>(kernel.task(101).registers.rax), -514);
    EXPECT_EQ(kernel.task(101).registers.orig_rax, static_cast<unsigned>(SYS_epoll_wait));
    EXPECT_EQ(kernel.count_calls(Call::write_registers, 101), i);
    run();
    live();
    EXPECT_EQ(kernel.restarts[101], i);
  }
  hold_completely(2);
  detach_completely();
  EXPECT_EQ(kernel.restarts[101], 4);
  EXPECT_EQ(kernel.eintr_seen[101], 0);
}

TEST_F(EintrTest, OtherCallsAreLeftAlone) {
  attach_with({101, 102});
  sleep_in(101, SYS_close);        // a second close may hit another file
  sleep_in(102, SYS_futex, -512);  // the kernel restarts it by itself
  run();
  hold_completely(3);
  EXPECT_EQ(kernel.count_calls(Call::write_registers, 0), 0);
  detach_completely();
  EXPECT_EQ(kernel.restarts[102], 1);
  EXPECT_EQ(kernel.eintr_seen[101], 1);
}

// rax is -EINTR by chance, and orig_rax says that it is in no call.
TEST_F(EintrTest, OutsideOfACall) {
  attach_with({101});
  kernel.task(101).registers.rax = static_cast<uint64_t>(-EINTR);
  run();
  hold_completely(2);
  EXPECT_EQ(kernel.count_calls(Call::write_registers, 101), 0);
  detach_completely();
}

// A newborn has its mother's registers, and was in none of her calls.
TEST_F(EintrTest, NotAtTheBirthStop) {
  attach_with({101});
  run();
  kernel.clone(101, 150);
  kernel.task(150).registers.orig_rax = SYS_epoll_wait;
  kernel.task(150).registers.rax = static_cast<uint64_t>(-EINTR);
  live();
  EXPECT_EQ(kernel.count_calls(Call::write_registers, 150), 0);
  detach_completely();
}

// A call that a real SIGSTOP broken off says EINTR without clew too.
TEST_F(EintrTest, NotAfterAGroupStop) {
  attach_with({101});
  sleep_in(101, SYS_epoll_wait);
  run();
  kernel.send(pid, SIGSTOP);
  live();
  EXPECT_EQ(state_of(101), TraceeState::listening);
  kernel.send_to_process(pid, SIGCONT);
  live();
  EXPECT_EQ(kernel.count_calls(Call::write_registers, 101), 0);
  EXPECT_EQ(kernel.eintr_seen[101], 1);
  detach_completely();
}

TEST_F(EintrTest, NotAtAGroupStop) {
  add_threads({101});
  sleep_in(101, SYS_epoll_wait);
  kernel.stop_natively(SIGSTOP);
  attach();
  hold_completely(2);
  detach_completely();
  EXPECT_EQ(kernel.count_calls(Call::write_registers, 101), 0);
}

// A handler runs: the call says EINTR, as it does without clew; not more often than that.
TEST_F(EintrTest, HandledSignalIsSeen) {
  attach_with({101});
  kernel.set_handled(SIGUSR1);
  sleep_in(101, SYS_epoll_wait);
  run();
  for (int i = 1; i <= 20; ++i) {
    kernel.send(101, SIGUSR1, i);
    if (i % 2 == 0) hold_completely(2);
    run();
    live();
    EXPECT_EQ(kernel.eintr_handled[101], i);
  }
  EXPECT_EQ(kernel.eintr_seen[101], 0);
  detach_completely();
}

// An ignored signal breaks the call off only because a tracer is there: an INTERRUPT goes before
// the CONT, and at the stop that follows the call is restarted. At the signal's own stop the
// registers are left alone.
TEST_F(EintrTest, IgnoredSignalIsHidden) {
  attach_with({101});
  sleep_in(101, SYS_epoll_wait);
  run();
  kernel.send(101, SIGCHLD);
  kernel.before(Call::resume, 101, 1, [&] {
    EXPECT_EQ(kernel.count_calls(Call::write_registers, 101), 0);
    EXPECT_EQ(kernel.count_calls(Call::interrupt, 101), 1);
  });
  live();
  EXPECT_EQ(kernel.count_calls(Call::resume, 101, SIGCHLD), 1);
  EXPECT_EQ(kernel.count_calls(Call::write_registers, 101), 1);
  EXPECT_EQ(kernel.restarts[101], 1);
  EXPECT_EQ(kernel.eintr_seen[101], 0);
  EXPECT_FALSE(kernel.is_trapped(101));
  detach_completely();
}

TEST_F(EintrTest, NoExtraStopWithoutNeed) {
  attach_with({101});
  sleep_in(101, SYS_futex, -512);
  run();
  kernel.send(101, SIGCHLD);
  live();
  EXPECT_EQ(kernel.count_calls(Call::interrupt, 101), 0);
  detach_completely();
}

}  // namespace
}  // namespace clew::live
