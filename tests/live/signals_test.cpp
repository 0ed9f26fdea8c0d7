// The target's own signals: none lost, none doubled, none changed, whatever clew does meanwhile.

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <numeric>

#include "support.h"

namespace clew::test {
namespace {

void expect_all_arrived(const json& counts) {
  EXPECT_EQ(counts["rt_sent"], counts["rt_received"]) << counts;
  EXPECT_EQ(counts["out_of_order"], 0) << counts;
  EXPECT_EQ(counts["bad_siginfo"], 0) << counts;
  EXPECT_EQ(counts["usr1_sent"], counts["usr1_received"]) << counts;
  // The kernel counts what a timer could not queue as overruns, so that the sum is the time.
  const double ticks = counts["ticks"].get<double>() + counts["overruns"].get<double>();
  EXPECT_NEAR(ticks, counts["timer_ms"].get<double>(), 20) << counts;
}

TEST(Signals, AStreamIsWholeThroughAttachStopStepAndDetach) {
  // So slow that the stream outlasts the cycles: at least 30 ms for each, which takes a few.
  const unsigned cycles = rounds(60, 1000);
  const unsigned count = rounds(100'000, 1'000'000);
  const unsigned rate = rounds(30'000, 25'000);
  Fixture target("signals",
                 {std::to_string(count), std::to_string(count / 100), std::to_string(rate)});
  const pid_t pid = target.pid();
  const pid_t rt = target.tid_of("rt");
  const pid_t worker = target.ready()["workers"][0];
  unsigned steps = 0;
  for (unsigned cycle = 0; cycle < cycles; ++cycle) {
    SCOPED_TRACE(cycle);
    Attached attached(pid);
    ASSERT_TRUE(attached.is_ok());
    live::LiveProcess& process = attached.process();
    ASSERT_FALSE(process.hold_all(Deadline::after(10s)).timed_out);
    ASSERT_TRUE(is_held(pid)) << states_of(pid);
    for (const pid_t tid : {rt, worker, target.tid_of("timer"), target.tid_of("usr1")}) {
      const ThreadId id = attached.thread(tid);
      for (int i = 0; i < 5; ++i) {
        // A thread that waits for a signal which the paused sender does not send has no step.
        if (process.step(id, Deadline::after(20ms))) ++steps;
      }
    }
    if (cycle % 3 == 0) {
      process.apply(RunRequest::all(Wanted::run));
      process.pump({});
      process.hold_all(Deadline::after(10s));
    }
    ASSERT_TRUE(process.detach(Deadline::after(10s)).verified);
    ASSERT_TRUE(is_untraced(pid));
  }
  EXPECT_GT(steps, cycles * 5);
  const json during = target.send("count");
  EXPECT_LT(during["rt_sent"], count) << "the stream ended before the cycles did";
  expect_all_arrived(target.next_event(std::chrono::seconds(rounds(30, 120))));
  const json last = target.stop();
  expect_all_arrived(last);
  EXPECT_EQ(last["rt_received"], count);
}

/// Three threads that each count their SIGUSR1.
class CountedSignals : public ::testing::Test {
 protected:
  static uint64_t sum_of(const json& counts) {
    uint64_t sum = 0;
    for (const auto& [name, runs] : counts["handler_runs"].items()) sum += runs.get<uint64_t>();
    return sum;
  }
  void send_to_each_thread() {
    for (const char* name : names) {
      EXPECT_EQ(syscall(SYS_tgkill, target.pid(), target.tid_of(name), SIGUSR1), 0);
      ++sent;
    }
  }
  /// True once exactly what was sent has arrived, and not before.
  void expect_delivered() {
    json counts;
    ASSERT_TRUE(await(5s, [&] { return sum_of(counts = target.send("count")) >= sent; })) << counts;
    ASSERT_EQ(sum_of(counts), sent) << counts;
    for (const char* name : names) ASSERT_EQ(counts["handler_runs"][name], sent / 3) << counts;
  }

  static constexpr std::array names = {"handled_epoll_wait", "handled_recv", "handled_epoll_pwait"};
  Fixture target{"eintr", {"handled"}};
  uint64_t sent = 0;
};

TEST_F(CountedSignals, SentWhileHeldIsDeliveredOnce) {
  for (unsigned round = 0; round < rounds(40, 500); ++round) {
    SCOPED_TRACE(round);
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok());
    attached.process().hold_all(Deadline::after(10s));
    send_to_each_thread();
    if (round % 2 == 1) {
      attached.process().apply(RunRequest::all(Wanted::run));
      attached.process().hold_all(Deadline::after(10s));
    }
    ASSERT_TRUE(attached.process().detach(Deadline::after(10s)).verified);
    expect_delivered();
    if (HasFatalFailure()) return;
  }
}

TEST_F(CountedSignals, SentAtTheMomentOfDetachIsDeliveredOnce) {
  for (unsigned round = 0; round < rounds(60, 1000); ++round) {
    SCOPED_TRACE(round);
    Meanwhile sender(300, [&] { send_to_each_thread(); });
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok());
    attached.process().hold_all(Deadline::after(10s));
    sender.start();
    ASSERT_TRUE(attached.process().detach(Deadline::after(10s)).verified);
    sender.join();
    expect_delivered();
    if (HasFatalFailure()) return;
  }
}

TEST(Signals, SentToTheProcessAreDeliveredOnceEach) {
  // A stream of none: only what the test itself sends, which the target calls wrong and counts.
  Fixture target("signals", {"0", "0"});
  const pid_t pid = target.pid();
  uint64_t sent = 0;
  const auto send = [&](int value) {
    const sigval data = {.sival_int = value};
    EXPECT_EQ(sigqueue(pid, SIGRTMIN + 1, data), 0);
    EXPECT_EQ(kill(pid, SIGRTMIN + 1), 0);
    sent += 2;
  };
  for (unsigned round = 0; round < rounds(60, 1000); ++round) {
    SCOPED_TRACE(round);
    Meanwhile sender(300, [&] { send(2); });
    Attached attached(pid);
    ASSERT_TRUE(attached.is_ok());
    attached.process().hold_all(Deadline::after(10s));
    send(1);
    sender.start();
    ASSERT_TRUE(attached.process().detach(Deadline::after(10s)).verified);
    sender.join();
    json counts;
    ASSERT_TRUE(await(5s, [&] { return (counts = target.send("count"))["rt_received"] >= sent; }))
        << counts;
    ASSERT_EQ(counts["rt_received"], sent);
    ASSERT_EQ(counts["bad_siginfo"], sent);
  }
}

TEST_F(CountedSignals, SurvivesTheSuddenDeathOfClewWhileHeld) {
  for (unsigned round = 0; round < rounds(5, 50); ++round) {
    SCOPED_TRACE(round);
    ClewProcess clew({"freeze", std::to_string(target.pid())});
    ASSERT_TRUE(await(5s, [&] { return is_held(target.pid()); }));
    send_to_each_thread();
    clew.signal(SIGKILL);
    ASSERT_EQ(clew.wait(1s), -SIGKILL);
    expect_delivered();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace clew::test
