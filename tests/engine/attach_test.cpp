// Attaching: the listing, the seize of each thread, and births and deaths in between.

#include "engine_fixture.h"

namespace clew::live {
namespace {

class AttachTest : public EngineTest {};

TEST_F(AttachTest, SeizesEveryThread) {
  add_threads({101, 102, 103});
  std::vector<pid_t> listed;
  const auto report = engine.attach(soon(), [&](std::span<const pid_t> tids) {
    listed.assign(tids.begin(), tids.end());
    EXPECT_TRUE(kernel.calls.size() == 1);  // the listing itself: nothing is touched yet
  });
  ASSERT_TRUE(report);
  EXPECT_EQ(listed, (std::vector<pid_t>{100, 101, 102, 103}));
  EXPECT_EQ(report->seized, 4U);
  EXPECT_EQ(report->gone, 0U);
  EXPECT_TRUE(report->denied.empty());
  EXPECT_TRUE(engine.is_alive());
  EXPECT_EQ(kernel.traced_count(), 4U);
  for (const pid_t tid : listed) EXPECT_FALSE(kernel.is_trapped(tid));
  detach_completely();
}

TEST_F(AttachTest, EqualCountsSpareTheSecondListing) {
  add_threads({101, 102});
  EXPECT_EQ(attach().passes, 1);
  EXPECT_EQ(kernel.count_calls(Call::list, 0), 1);
}

// A thread is born of one that is not ours yet, after the listing: only the count tells.
TEST_F(AttachTest, UnequalCountsMakeASecondListing) {
  add_threads({101});
  kernel.before(Call::seize, pid, 1, [&] { kernel.give_birth(101, 102); });
  const AttachReport report = attach();
  EXPECT_EQ(report.seized, 3U);
  EXPECT_EQ(report.passes, 2);
  EXPECT_TRUE(has_thread(102));
  hold_completely(3);
  detach_completely();
}

// Births race with every pass.
TEST_F(AttachTest, StormOfBirthsOnEachPass) {
  pid_t next = 200;
  for (int pass = 1; pass <= 5; ++pass) {
    kernel.before(Call::list, 0, pass + 1, [] {});
    kernel.before(Call::count, 0, pass, [&] {
      for (int i = 0; i < 3; ++i) kernel.add_thread(next++);  // of threads not seen yet
    });
  }
  const AttachReport report = attach();
  EXPECT_EQ(report.seized, 16U);
  EXPECT_GE(report.passes, 6);
  EXPECT_EQ(kernel.traced_count(), 16U);
  hold_completely(16);
  detach_completely();
}

// A seized thread gives birth before the next listing: the child is in the listing, traced by us,
// before its CLONE event is read; EPERM with our own TracerPid means: adopt it.
TEST_F(AttachTest, BirthIsListedBeforeItsEvent) {
  add_threads({101});
  kernel.before(Call::count, 0, 1, [&] { kernel.clone(pid, 150); });
  const AttachReport report = attach();
  EXPECT_EQ(report.seized, 3U);
  EXPECT_TRUE(report.denied.empty());
  EXPECT_EQ(kernel.count_calls(Call::seize, 150), 1);
  EXPECT_EQ(state_of(150), TraceeState::newborn);
  hold_completely(3);
  EXPECT_EQ(count_events<ThreadBorn>(), 0U);  // it is in the report
  EXPECT_EQ(count_events<Forked>(), 0U);
  detach_completely();
}

// The same, and its birth is announced only after its own first stop has been handled.
TEST_F(AttachTest, AdoptedThreadStopsBeforeItsEvent) {
  kernel.before(Call::count, 0, 1, [&] { kernel.give_birth(pid, 150); });
  EXPECT_EQ(attach().seized, 2U);
  kernel.at_sleep([&] { kernel.advance(150); });
  kernel.at_sleep([&] { kernel.announce(pid, PTRACE_EVENT_CLONE); });
  hold_completely(2);
  EXPECT_EQ(kernel.count_calls(Call::interrupt, 150), 0);
  run();
  live();
  EXPECT_FALSE(kernel.is_trapped(150));
  EXPECT_FALSE(kernel.is_trapped(pid));
  detach_completely();
}

TEST_F(AttachTest, ThreadGoneBeforeItsSeize) {
  add_threads({101, 102});
  kernel.before(Call::seize, 101, 1, [&] { kernel.exit_thread(101); });
  const AttachReport report = attach();
  EXPECT_EQ(report.seized, 2U);
  EXPECT_EQ(report.gone, 1U);
  EXPECT_FALSE(knows(101));
  detach_completely();
}

// EPERM, and by the time that /proc is asked why, the thread is no more.
TEST_F(AttachTest, DeniedAndThenGone) {
  add_threads({101});
  kernel.task(101).refuses_tracer = true;
  kernel.before(Call::facts, 101, 1, [&] { kernel.vanish(101); });
  const AttachReport report = attach();
  EXPECT_EQ(report.gone, 1U);
  EXPECT_TRUE(report.denied.empty());
  EXPECT_EQ(report.seized, 1U);
  detach_completely();
}

// Denied on one pass and gone on the next: not worth a word.
TEST_F(AttachTest, DeniedOnceOnly) {
  add_threads({101});
  kernel.task(101).refuses_tracer = true;
  kernel.before(Call::list, 0, 2, [&] { kernel.vanish(101); });
  const AttachReport report = attach();
  EXPECT_TRUE(report.denied.empty());
  EXPECT_EQ(report.seized, 1U);
  EXPECT_EQ(kernel.count_calls(Call::seize, 101), 1);
}

TEST_F(AttachTest, ReallyDenied) {
  add_threads({101});
  kernel.task(101).tracer = 55;
  const AttachReport report = attach();
  EXPECT_EQ(report.seized, 1U);
  ASSERT_EQ(report.denied.size(), 1U);
  EXPECT_EQ(report.denied[0].tid, 101);
  EXPECT_NE(report.denied[0].reason.find("55"), std::string::npos);
  EXPECT_GE(report.passes, 2);  // only what is seen twice is reported
  detach_completely();
  EXPECT_EQ(kernel.task(101).tracer, 55);
}

TEST_F(AttachTest, AllDeniedIsAPermissionError) {
  add_threads({101});
  kernel.task(pid).refuses_tracer = kernel.task(101).refuses_tracer = true;
  const auto report = engine.attach(soon(), {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::permission);
  EXPECT_FALSE(engine.is_alive());
}

TEST_F(AttachTest, ProcessGoneBeforeTheListing) {
  kernel.vanish(pid);
  const auto report = engine.attach(soon(), {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::gone);
}

// The process dies between the listing and the seize of its only thread.
TEST_F(AttachTest, ProcessGoneAfterTheListing) {
  kernel.before(Call::seize, pid, 1, [&] { kernel.vanish(pid); });
  const auto report = engine.attach(soon(), {});
  EXPECT_FALSE(report);
  EXPECT_FALSE(engine.is_alive());
}

// The leader has exited, the others live: EPERM for a zombie is no refusal.
TEST_F(AttachTest, GoesOnWithoutAZombieLeader) {
  add_threads({101, 102});
  kernel.exit_silently(pid);
  const AttachReport report = attach();
  EXPECT_TRUE(report.leader_is_zombie);
  EXPECT_EQ(report.seized, 2U);
  EXPECT_TRUE(report.denied.empty());
  EXPECT_EQ(report.passes, 1);  // the zombie is counted too
  hold_completely(2);
  detach_completely();
  EXPECT_EQ(count_events<LeaderExited>(), 0U);
}

// The number is given to another process between the listing and the seize. What was seized is not
// ours to look at: it is let go.
TEST_F(AttachTest, RecycledTidIsLetGo) {
  add_threads({101, 102});
  kernel.add_process(900);
  kernel.before(Call::seize, 101, 1, [&] { kernel.give_tid_away(101, 900); });
  const AttachReport report = attach();
  EXPECT_EQ(report.seized, 2U);
  EXPECT_FALSE(has_thread(101));
  live();
  EXPECT_FALSE(kernel.is_traced(101));
  EXPECT_FALSE(knows(101));
  hold_completely(2);
  detach_completely();
  EXPECT_EQ(count_events<ThreadExited>(), 0U);
}

// The stray stands in a signal-delivery-stop first: its signal goes with it.
TEST_F(AttachTest, RecycledTidKeepsItsSignal) {
  add_threads({101});
  kernel.add_process(900);
  kernel.process(900).handled = ~0ULL;
  kernel.before(Call::seize, 101, 1, [&] {
    kernel.give_tid_away(101, 900);
    kernel.send(101, SIGRTMIN, 77);
  });
  kernel.before(Call::interrupt, 101, 1, [&] { kernel.advance(101); });
  attach();
  live();
  EXPECT_FALSE(kernel.is_traced(101));
  EXPECT_EQ(kernel.times_delivered(77), 1);
  detach_completely();
}

// A stray calls exec before it has stopped: that is not the target's exec.
TEST_F(AttachTest, ExecOfAStrayIsNotOurs) {
  add_threads({101, 102});
  kernel.before(Call::seize, 101, 1, [&] {
    kernel.vanish(101);
    kernel.add_process(101);
  });
  kernel.before(Call::interrupt, 101, 1, [&] { kernel.begin_exec(101); });
  attach();
  live();
  EXPECT_FALSE(kernel.is_traced(101));
  EXPECT_TRUE(has_thread(pid));
  EXPECT_TRUE(has_thread(102));
  EXPECT_EQ(count_events<Executed>(), 0U);
  EXPECT_EQ(kernel.renewed, 0U);
  detach_completely();
}

// A thread that was past its last stop when it was seized: there is only its status.
TEST_F(AttachTest, SeizedOnTheWayOut) {
  add_threads({101});
  kernel.before(Call::seize, 101, 1, [&] { kernel.task(101).phase = Task::Phase::exiting; });
  EXPECT_EQ(attach().seized, 2U);
  hold_completely(1);
  live();
  EXPECT_FALSE(knows(101));
  EXPECT_EQ(count_events<ThreadExited>(), 1U);
  detach_completely();
}

TEST_F(AttachTest, DeadlineEndsAStormThatNeverEnds) {
  pid_t next = 1000;
  kernel.before(Call::count, 0, 1, [&] { kernel.add_thread(next++); });
  const auto report = engine.attach(Deadline(Clock::now()), {});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->cancelled);
  EXPECT_EQ(report->seized, 1U);
}

// --- Births while the target runs

class BirthTest : public EngineTest {
 protected:
  void expect_born(pid_t child) {
    EXPECT_TRUE(has_thread(child));
    const auto born = events_of<ThreadBorn>();
    ASSERT_EQ(born.size(), 1U);
    EXPECT_EQ(born[0].id.tid, child);
    EXPECT_FALSE(kernel.is_trapped(child));
    EXPECT_FALSE(kernel.is_trapped(pid));
  }
};

TEST_F(BirthTest, EventBeforeTheChildsStop) {
  attach_with({});
  run();
  kernel.clone(pid, 150);
  engine.pump({});
  EXPECT_EQ(state_of(150), TraceeState::newborn);
  live();
  expect_born(150);
  EXPECT_EQ(kernel.count_calls(Call::resume, 150), 1);
  detach_completely();
}

// The child's stop is read before the news of its birth: kept, and handled after it.
TEST_F(BirthTest, ChildsStopBeforeTheEvent) {
  attach_with({});
  run();
  kernel.give_birth(pid, 150);
  kernel.advance(150);
  engine.pump({});
  EXPECT_FALSE(knows(150));
  EXPECT_EQ(kernel.count_calls(Call::resume, 150), 0);
  kernel.announce(pid, PTRACE_EVENT_CLONE);
  live();
  expect_born(150);
  detach_completely();
}

// The same while the threads are being stopped: the child must be held, not run.
TEST_F(BirthTest, ChildsStopBeforeTheEventInAHold) {
  attach_with({101});
  run();
  kernel.give_birth(pid, 150);
  kernel.advance(150);
  engine.pump({});
  kernel.announce(pid, PTRACE_EVENT_CLONE);
  hold_completely(3);
  EXPECT_EQ(kernel.count_calls(Call::resume, 150), 0);
  EXPECT_TRUE(kernel.is_trapped(150));
  detach_completely();
}

// A CLONE stop comes in place of the stop that was asked for; to wait for another would hang.
TEST_F(BirthTest, EventTakesThePlaceOfTheInterrupt) {
  attach_with({101});
  run();
  kernel.before(Call::interrupt, 101, 1, [&] { kernel.clone(101, 150); });
  hold_completely(3);
  EXPECT_EQ(kernel.count_calls(Call::resume, 101), 0);
  run();
  live();
  EXPECT_FALSE(kernel.is_trapped(101));
  detach_completely();
}

// Even its death can come before the news.
TEST_F(BirthTest, ChildsDeathBeforeTheEvent) {
  attach_with({101});
  run();
  kernel.give_birth(101, 150);
  kernel.exit_silently(150);
  engine.pump({});
  kernel.announce(101, PTRACE_EVENT_CLONE);
  live();
  EXPECT_FALSE(knows(150));
  EXPECT_EQ(engine.tracees().thread_count(), 2U);
  hold_completely(2);
  detach_completely();
}

// The child was told to exit in its first moment: EVENT_EXIT is the first thing heard of it.
TEST_F(BirthTest, ChildsExitStopBeforeTheEvent) {
  attach_with({101});
  run();
  kernel.give_birth(101, 150);
  kernel.exit_thread(150, 3);
  engine.pump({});
  kernel.announce(101, PTRACE_EVENT_CLONE);
  live();
  EXPECT_FALSE(knows(150));
  EXPECT_EQ(count_events<ThreadBorn>(), 1U);
  const auto exited = events_of<ThreadExited>();
  ASSERT_EQ(exited.size(), 1U);
  EXPECT_EQ(exited[0].exit_code, 3);
  detach_completely();
}

// The whole process is killed, the mother before she can tell of her child: nobody will ever say
// who sits in that exit stop, and the process does not end until it is let go.
TEST_F(BirthTest, ProcessDiesBeforeTheEvent) {
  attach_with({101});
  run();
  kernel.give_birth(101, 150);
  kernel.kill_process(pid);
  live();
  EXPECT_EQ(count_events<ProcessKilled>(), 1U);
  EXPECT_FALSE(engine.is_alive());
  EXPECT_EQ(kernel.traced_count(), 0U);
}

TEST_F(BirthTest, ProcessDiesAfterTheChildsStopAndBeforeTheEvent) {
  attach_with({101});
  run();
  kernel.give_birth(101, 150);
  kernel.advance(150);
  engine.pump({});
  kernel.exit_process(pid, 3);
  live();
  EXPECT_EQ(count_events<ProcessExited>(), 1U);
  EXPECT_EQ(kernel.traced_count(), 0U);
}

// A status of a tid that nobody has heard of yet stays without effect.
TEST_F(BirthTest, UnknownTidsStatusIsKept) {
  attach_with({});
  run();
  kernel.give_birth(pid, 150);
  kernel.advance(150);
  live(3);
  EXPECT_FALSE(knows(150));
  EXPECT_TRUE(kernel.is_trapped(150));
  kernel.announce(pid, PTRACE_EVENT_CLONE);
  live();
  EXPECT_TRUE(has_thread(150));
  EXPECT_FALSE(kernel.is_trapped(150));
  detach_completely();
}

// Births go on while everything is being stopped, at each of several wakes.
TEST_F(BirthTest, StormOfBirthsInAHold) {
  attach_with({101, 102});
  run();
  for (pid_t child = 200; child < 210; ++child) {
    kernel.at_sleep([&, child] {
      for (const pid_t parent : {101, 102, 200, 203}) {
        Task* mother = kernel.find(parent);
        if (mother == nullptr || mother->stop || mother->trap_pending) continue;
        kernel.clone(parent, child);
        return;
      }
    });
  }
  kernel.before(Call::interrupt, 101, 1, [&] { kernel.clone(101, 220); });
  const HoldReport report = hold();
  EXPECT_EQ(report.held, kernel.tasks().size());
  for (const auto& [tid, task] : kernel.tasks()) EXPECT_TRUE(is_held(tid)) << tid;
  detach_completely();
}

}  // namespace
}  // namespace clew::live
