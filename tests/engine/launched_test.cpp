// What is different for a program that clew has started: it is taken in at its exec, and Ctrl-C
// typed at the terminal that it has is kept from it.

#include "engine_fixture.h"

namespace clew::live {
namespace {

class LaunchedTest : public EngineTest {
 protected:
  /// The child as start_program() leaves it: seized, in the stop of its exec, which has been taken.
  void adopt_at_exec() {
    ASSERT_TRUE(kernel.seize(pid, attach_options() | PTRACE_O_EXITKILL).is_ok());
    kernel.begin_exec(pid);
    kernel.advance(pid);
    const RawWait raw = kernel.poll(pid);
    ASSERT_EQ(decode_wait_status(raw.tid, raw.status).kind, WaitKind::exec);
    EXPECT_EQ(engine.adopt(pid).seized, 1U);
  }
  void type_interrupt(pid_t tid) { kernel.send(tid, SIGINT, 1, SI_KERNEL); }
  void keep_typed_interrupts() {
    engine.keep_typed_interrupts(true);
    kernel.typed_interrupts_may_be_kept = true;
  }
};

TEST_F(LaunchedTest, IsHeldWhereItsExecHasLeftItUntilItIsToRun) {
  adopt_at_exec();
  EXPECT_TRUE(engine.is_alive());
  EXPECT_TRUE(is_held(pid));
  EXPECT_TRUE(engine.held(id_of(pid)));
  live();
  EXPECT_TRUE(kernel.is_trapped(pid)) << "nothing lets it go by itself";
  hold_completely(1);
  EXPECT_EQ(count_events<Executed>(), 0U) << "that is no news";
  run();
  live();
  EXPECT_FALSE(kernel.is_trapped(pid));
  kernel.clone(pid, 101);
  live();
  EXPECT_TRUE(has_thread(101));
  detach_completely();
}

TEST_F(LaunchedTest, AnInterruptThatIsTypedIsToldAndNotDelivered) {
  adopt_at_exec();
  kernel.set_handled(SIGINT);
  keep_typed_interrupts();
  run();
  live();
  type_interrupt(pid);
  live();
  EXPECT_EQ(count_events<TypedInterrupt>(), 1U);
  EXPECT_EQ(kernel.times_delivered(1), 0);
  EXPECT_FALSE(kernel.is_trapped(pid));
  detach_completely();
}

TEST_F(LaunchedTest, TheSameWhileAHoldIsOnItsWay) {
  adopt_at_exec();
  kernel.set_handled(SIGINT);
  keep_typed_interrupts();
  run();
  live();
  kernel.before(Call::interrupt, pid, 1, [&] {
    type_interrupt(pid);
    kernel.advance(pid);
  });
  hold_completely(1);
  EXPECT_EQ(count_events<TypedInterrupt>(), 1U);
  EXPECT_EQ(kernel.times_delivered(1), 0);
  detach_completely();
  EXPECT_EQ(kernel.times_delivered(1), 0);
}

TEST_F(LaunchedTest, OneThatAProcessSendsIsDelivered) {
  adopt_at_exec();
  kernel.set_handled(SIGINT);
  keep_typed_interrupts();
  run();
  kernel.send(pid, SIGINT, 2, SI_USER);
  live();
  EXPECT_EQ(kernel.times_delivered(2), 1);
  EXPECT_EQ(count_events<TypedInterrupt>(), 0U);
  detach_completely();
}

TEST_F(LaunchedTest, WithoutTheWishATypedOneIsDelivered) {
  attach_with({101});
  kernel.set_handled(SIGINT);
  run();
  type_interrupt(101);
  live();
  EXPECT_EQ(kernel.times_delivered(1), 1);
  EXPECT_EQ(count_events<TypedInterrupt>(), 0U);
  detach_completely();
}

TEST_F(LaunchedTest, OtherKeysAreDelivered) {
  adopt_at_exec();
  kernel.set_handled(SIGQUIT);
  keep_typed_interrupts();
  run();
  kernel.send(pid, SIGQUIT, 3, SI_KERNEL);
  live();
  EXPECT_EQ(kernel.times_delivered(3), 1);
  detach_completely();
}

TEST_F(LaunchedTest, ABlockingCallDoesNotSeeTheKeptInterrupt) {
  adopt_at_exec();
  keep_typed_interrupts();
  run();
  live();
  kernel.task(pid).call = BlockingCall{SYS_epoll_wait, -EINTR};
  type_interrupt(pid);
  live();
  EXPECT_EQ(kernel.restarts[pid], 1);
  EXPECT_EQ(kernel.eintr_seen[pid], 0);
  detach_completely();
}

}  // namespace
}  // namespace clew::live
