// The pure parts: what a wait status means, and what to do with a tracee. And the queue and the
// table that stand between them.

#include <gtest/gtest.h>
#include <sys/ptrace.h>

#include <csignal>

#include "live/run_policy.h"
#include "live/wait_queue.h"
#include "scripted_kernel.h"

namespace clew::live {
namespace {

// --- decode_wait_status()

int stop_status(int signal, int event = 0) { return 0x7f | (signal << 8) | (event << 16); }

struct Decoded {
  int status;
  WaitKind kind;
  int signal;
};

class DecodeTest : public testing::TestWithParam<Decoded> {};

TEST_P(DecodeTest, Stop) {
  const WaitEvent event = decode_wait_status(42, GetParam().status);
  EXPECT_EQ(event.tid, 42);
  EXPECT_STREQ(wait_kind_name(event.kind), wait_kind_name(GetParam().kind));
  EXPECT_EQ(event.signal, GetParam().signal);
}

INSTANTIATE_TEST_SUITE_P(
    All, DecodeTest,
    testing::Values(
        Decoded{stop_status(SIGUSR1), WaitKind::signal_stop, SIGUSR1},
        Decoded{stop_status(SIGTRAP), WaitKind::signal_stop, SIGTRAP},
        Decoded{stop_status(SIGSTOP), WaitKind::signal_stop, SIGSTOP},
        Decoded{stop_status(64), WaitKind::signal_stop, 64},
        Decoded{stop_status(SIGTRAP | 0x80), WaitKind::syscall_stop, SIGTRAP},
        Decoded{stop_status(SIGTRAP, PTRACE_EVENT_STOP), WaitKind::interrupt_stop, SIGTRAP},
        Decoded{stop_status(SIGSTOP, PTRACE_EVENT_STOP), WaitKind::group_stop, SIGSTOP},
        Decoded{stop_status(SIGTSTP, PTRACE_EVENT_STOP), WaitKind::group_stop, SIGTSTP},
        Decoded{stop_status(SIGTTIN, PTRACE_EVENT_STOP), WaitKind::group_stop, SIGTTIN},
        Decoded{stop_status(SIGTTOU, PTRACE_EVENT_STOP), WaitKind::group_stop, SIGTTOU},
        Decoded{stop_status(SIGTRAP, PTRACE_EVENT_CLONE), WaitKind::clone, SIGTRAP},
        Decoded{stop_status(SIGTRAP, PTRACE_EVENT_FORK), WaitKind::fork, SIGTRAP},
        Decoded{stop_status(SIGTRAP, PTRACE_EVENT_VFORK), WaitKind::vfork, SIGTRAP},
        Decoded{stop_status(SIGTRAP, PTRACE_EVENT_VFORK_DONE), WaitKind::vfork_done, SIGTRAP},
        Decoded{stop_status(SIGTRAP, PTRACE_EVENT_EXEC), WaitKind::exec, SIGTRAP},
        Decoded{stop_status(SIGTRAP, PTRACE_EVENT_EXIT), WaitKind::exit, SIGTRAP},
        Decoded{stop_status(SIGTRAP, PTRACE_EVENT_SECCOMP), WaitKind::other, SIGTRAP},
        Decoded{SIGKILL, WaitKind::killed, SIGKILL},
        Decoded{SIGSEGV | 0x80, WaitKind::killed, SIGSEGV}, Decoded{0, WaitKind::exited, 0},
        Decoded{255 << 8, WaitKind::exited, 0}));

TEST(DecodeEndTest, CodesAndCores) {
  EXPECT_EQ(decode_wait_status(1, 255 << 8).exit_code, 255);
  EXPECT_EQ(decode_wait_status(1, 0).exit_code, 0);
  EXPECT_TRUE(decode_wait_status(1, SIGSEGV | 0x80).core_dumped);
  EXPECT_FALSE(decode_wait_status(1, SIGSEGV).core_dumped);
}

// --- next_action() and is_settled()

using S = TraceeState;
using A = Action;
constexpr Wanted all_wanted[] = {Wanted::run, Wanted::hold, Wanted::step, Wanted::release};

struct Row {
  S state;
  bool interrupt_sent;
  A actions[4];     ///< run, hold, step, release
  bool settled[4];  ///< the same
  A foreign;
};

// clang-format off
constexpr Row table[] = {
  {S::running,        false, {A::none,   A::interrupt,          A::none,               A::interrupt},
   {true, false, true, false}, A::interrupt},
  {S::running,        true,  {A::none,   A::none,               A::none,               A::none},
   {true, false, true, false}, A::none},
  {S::newborn,        false, {A::none,   A::none,               A::none,               A::none},
   {true, false, true, false}, A::none},
  {S::stopped,        false, {A::resume, A::none,               A::step,               A::detach},
   {true, true, true, false}, A::detach},
  {S::signal_stopped, false, {A::resume, A::deliver_and_return, A::deliver_and_return,
                              A::deliver_and_return},
   {true, false, true, false}, A::deliver_and_return},
  {S::group_stopped,  false, {A::listen, A::none,               A::none,               A::detach},
   {true, true, true, false}, A::detach},
  {S::listening,      false, {A::none,   A::interrupt,          A::none,               A::interrupt},
   {true, false, true, false}, A::interrupt},
  {S::listening,      true,  {A::none,   A::none,               A::none,               A::none},
   {true, false, true, false}, A::none},
  {S::exiting,        false, {A::none,   A::none,               A::none,               A::none},
   {true, true, true, false}, A::none},
};
// clang-format on

Tracee make_tracee(S state, bool interrupt_sent) {
  Tracee tracee;
  tracee.id = {5, 1};
  tracee.state = state;
  tracee.interrupt_sent = interrupt_sent;
  return tracee;
}

TEST(PolicyTest, FullTable) {
  for (const Row& row : table) {
    Tracee tracee = make_tracee(row.state, row.interrupt_sent);
    for (size_t i = 0; i < std::size(all_wanted); ++i) {
      SCOPED_TRACE(testing::Message() << tracee_state_name(row.state) << " sent "
                                      << row.interrupt_sent << " wanted " << i);
      tracee.foreign = false;
      EXPECT_EQ(next_action(tracee, all_wanted[i]), row.actions[i]);
      EXPECT_EQ(is_settled(tracee, all_wanted[i]), row.settled[i]);
      // What is no thread of the target is let go, whatever is wanted of those.
      tracee.foreign = true;
      EXPECT_EQ(next_action(tracee, all_wanted[i]), row.foreign);
      EXPECT_FALSE(is_settled(tracee, all_wanted[i]));
    }
  }
}

// A tracee that is not settled and has nothing to be done to it must have something to wait for.
TEST(PolicyTest, NobodyWaitsForNothing) {
  for (const Row& row : table) {
    const Tracee tracee = make_tracee(row.state, row.interrupt_sent);
    for (const Wanted wanted : all_wanted) {
      if (is_settled(tracee, wanted) || next_action(tracee, wanted) != A::none) continue;
      EXPECT_TRUE(row.interrupt_sent || row.state == S::newborn || row.state == S::exiting)
          << tracee_state_name(row.state);
    }
  }
}

TEST(PolicyTest, StuckAndRemovedAreNotWaitedFor) {
  for (const Wanted wanted : all_wanted) {
    Tracee tracee = make_tracee(S::running, true);
    tracee.stuck = true;
    EXPECT_TRUE(is_settled(tracee, wanted));
    tracee.stuck = false;
    tracee.id.tid = 0;
    EXPECT_TRUE(is_settled(tracee, wanted));
  }
}

TEST(PolicyTest, RequestsSayWhatIsWantedOfEach) {
  const RunRequest step = RunRequest::step(5);
  EXPECT_EQ(step.of(5), Wanted::step);
  EXPECT_EQ(step.of(6), Wanted::hold);
  EXPECT_EQ(RunRequest::all(Wanted::run).of(5), Wanted::run);
}

// --- WaitQueue

TEST(WaitQueueTest, EarlyEventsComeByTidAndAnEndReplacesStops) {
  ScriptedKernel kernel(100);
  WaitQueue queue(kernel);
  EXPECT_FALSE(queue.take_early(5));
  queue.keep_early({5, WaitKind::interrupt_stop, SIGTRAP, 0, false});
  queue.keep_early({6, WaitKind::exit, SIGTRAP, 0, false});
  queue.keep_early({5, WaitKind::killed, SIGKILL, 0, false});
  EXPECT_EQ(queue.take_early(5)->kind, WaitKind::killed);  // what was before it is of no use
  EXPECT_FALSE(queue.take_early(5));
  EXPECT_EQ(queue.early_tids(), (std::vector<pid_t>{6}));
}

TEST(WaitQueueTest, Answers) {
  ScriptedKernel kernel(100);
  WaitQueue queue(kernel);
  EXPECT_EQ(queue.poll(100).answer, WaitQueue::Answer::no_child);
  EXPECT_EQ(queue.poll_any().answer, WaitQueue::Answer::no_child);
  kernel.seize(100, 0);
  EXPECT_EQ(queue.poll(100).answer, WaitQueue::Answer::none);
  EXPECT_EQ(queue.poll_any().answer, WaitQueue::Answer::none);
  kernel.interrupt(100);
  kernel.advance(100);
  const auto polled = queue.poll(100);
  EXPECT_EQ(polled.answer, WaitQueue::Answer::event);
  EXPECT_EQ(polled.event.kind, WaitKind::interrupt_stop);
  EXPECT_EQ(queue.poll(100).answer, WaitQueue::Answer::none);  // told once
}

// --- TraceeTable

TEST(TraceeTableTest, NumbersCountsAndRemoval) {
  TraceeTable tracees;
  EXPECT_TRUE(tracees.empty());
  EXPECT_EQ(tracees.add(10, S::running).id.number, 1U);
  EXPECT_EQ(tracees.add(11, S::newborn, true).id.number, 0U);
  EXPECT_EQ(tracees.add(12, S::running).id.number, 2U);  // a foreign one leaves no gap
  EXPECT_EQ(tracees.thread_count(), 2U);
  tracees.remove(10);
  tracees.remove(99);
  EXPECT_EQ(tracees.find(10), nullptr);
  EXPECT_EQ(tracees.order().size(), 3U);  // loops over it stay valid
  EXPECT_EQ(tracees.order()[0]->id.tid, 0);
  tracees.compact();
  EXPECT_EQ(tracees.order().size(), 2U);
  tracees.remove(11);
  EXPECT_EQ(tracees.thread_count(), 1U);
  EXPECT_EQ(tracees.add(10, S::running).id.number, 3U);  // a number is never given twice
}

}  // namespace
}  // namespace clew::live
