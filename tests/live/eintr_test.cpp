// No system call of the target returns EINTR because of clew, and each that should still does.

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support.h"

namespace clew::test {
namespace {

/// True when no thread that is named in the ready line runs: each is in its call again.
bool are_blocked(const Fixture& target) {
  for (const TaskState& task : tasks_of(target.pid())) {
    if (task.state != 'S') return false;
  }
  return true;
}

void expect_no_eintr(const json& counts) {
  for (const auto& [name, times] : counts["eintr"].items()) EXPECT_EQ(times, 0) << name;
  EXPECT_EQ(counts["other"], 0) << counts;
}

void attach_and_detach(const Fixture& target) {
  Attached attached(target.pid());
  ASSERT_TRUE(attached.is_ok());
  const HoldReport held = attached.process().hold_all(Deadline::after(10s));
  ASSERT_FALSE(held.timed_out);
  ASSERT_TRUE(held.not_held.empty());
  ASSERT_TRUE(attached.process().detach(Deadline::after(10s)).verified);
}

TEST(Eintr, NoneByAttachHoldDetach) {
  Fixture target("eintr");
  ASSERT_GE(target.ready()["threads"].size(), 13U);
  for (unsigned round = 0; round < rounds(100, 1000); ++round) {
    SCOPED_TRACE(round);
    attach_and_detach(target);
    if (HasFatalFailure()) return;
    ASSERT_TRUE(await(5s, [&] { return are_blocked(target); })) << states_of(target.pid());
  }
  expect_no_eintr(target.stop());
}

TEST(Eintr, NoneByHoldAndResumeWhileAttached) {
  Fixture target("eintr");
  Attached attached(target.pid());
  ASSERT_TRUE(attached.is_ok());
  for (unsigned round = 0; round < rounds(100, 1000); ++round) {
    SCOPED_TRACE(round);
    ASSERT_FALSE(attached.process().hold_all(Deadline::after(10s)).timed_out);
    attached.process().apply(RunRequest::all(Wanted::run));
    ASSERT_TRUE(attached.pump_until(5s, [&] { return are_blocked(target); }));
  }
  ASSERT_TRUE(attached.process().detach(Deadline::after(10s)).verified);
  expect_no_eintr(target.stop());
}

TEST(Eintr, NoneByTheSuddenDeathOfClew) {
  Fixture target("eintr");
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    ClewProcess clew({"freeze", std::to_string(target.pid())});
    ASSERT_TRUE(clew.read_until("hold"));
    ASSERT_TRUE(is_held(target.pid()));
    clew.signal(SIGKILL);
    ASSERT_EQ(clew.wait(1s), -SIGKILL);
    ASSERT_TRUE(await(5s, [&] { return are_blocked(target); })) << states_of(target.pid());
  }
  expect_no_eintr(target.stop());
}

TEST(Eintr, AsManyAsSignalsWithHandlers) {
  Fixture target("eintr", {"handled"});
  constexpr unsigned batch = 10;
  unsigned signals = 0;
  json answer;
  for (unsigned cycle = 0; cycle < rounds(200, 2000) || answer.is_null(); ++cycle) {
    SCOPED_TRACE(cycle);
    if (signals == 0 || !answer.is_null()) {
      target.write("signal " + std::to_string(batch));
      signals += batch;
    }
    attach_and_detach(target);
    if (HasFatalFailure()) return;
    answer = target.next_answer(2ms);
    ASSERT_LT(cycle, 100'000U);
  }
  EXPECT_EQ(answer["missed"], 0) << answer;
  for (const auto& [name, runs] : answer["handler_runs"].items()) {
    EXPECT_EQ(runs, signals) << name;
    EXPECT_EQ(answer["eintr"][name], signals) << name;
  }
  for (const auto& [name, times] : answer["eintr"].items()) {
    if (!answer["handler_runs"].contains(name)) {
      EXPECT_EQ(times, 0) << name;
    }
  }
  target.stop();
}

TEST(Eintr, NoneBySignalsThatTheTargetIgnoresWhileItRunsTraced) {
  Fixture target("eintr", {"ignored"});
  Attached attached(target.pid());
  ASSERT_TRUE(attached.is_ok());
  attached.process().hold_all(Deadline::after(10s));
  attached.process().apply(RunRequest::all(Wanted::run));
  const unsigned times = rounds(50, 1000);
  for (unsigned round = 0; round < times; ++round) {
    target.write("ignored");
    json answer;
    ASSERT_TRUE(attached.pump_until(5s, [&] {
      if (answer.is_null()) answer = target.next_answer(0ms);
      return !answer.is_null();
    }));
    if (round % 5 == 0) {
      attached.process().hold_all(Deadline::after(10s));
      attached.process().apply(RunRequest::all(Wanted::run));
    }
    ASSERT_TRUE(attached.pump_until(5s, [&] { return are_blocked(target); }));
  }
  ASSERT_TRUE(attached.process().detach(Deadline::after(10s)).verified);
  expect_no_eintr(target.stop());
}

TEST(Eintr, NoneBySignalsThatTheTargetIgnoresSentWhileHeld) {
  Fixture target("eintr", {"ignored"});
  const pid_t tid = target.tid_of("ignored_epoll_wait");
  for (unsigned round = 0; round < rounds(30, 500); ++round) {
    SCOPED_TRACE(round);
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok());
    attached.process().hold_all(Deadline::after(10s));
    for (const int number : {SIGCHLD, SIGURG, SIGWINCH}) {
      ASSERT_EQ(syscall(SYS_tgkill, target.pid(), tid, number), 0);
      ASSERT_EQ(kill(target.pid(), number), 0);
    }
    ASSERT_TRUE(attached.process().detach(Deadline::after(10s)).verified);
    ASSERT_TRUE(await(5s, [&] { return are_blocked(target); })) << states_of(target.pid());
  }
  expect_no_eintr(target.stop());
}

}  // namespace
}  // namespace clew::test
