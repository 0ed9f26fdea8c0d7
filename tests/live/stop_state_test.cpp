// Stop signals: what was stopped stays stopped, and the target's parent sees what it would have
// seen without clew.

#include <gtest/gtest.h>
#include <unistd.h>

#include "support.h"

namespace clew::test {
namespace {

class StopState : public ::testing::Test {
 protected:
  pid_t pid() const { return target.pid(); }
  void send(const char* name) { ASSERT_EQ(target.send(std::string("kill ") + name)["sent"], name); }

  void expect_stopped_event(int number = SIGSTOP) {
    const json event = target.next_event(5s);
    ASSERT_FALSE(event.is_null()) << "the parent was not told";
    ASSERT_EQ(event["event"], "stopped");
    ASSERT_EQ(event["signal"], number);
    ++stops;
  }
  void expect_continued_event() {
    const json event = target.next_event(5s);
    ASSERT_FALSE(event.is_null()) << "the parent was not told";
    ASSERT_EQ(event["event"], "continued") << event;
    ++continues;
  }
  /// The parent has seen just the events that were waited for.
  void expect_no_other_event() {
    const json counts = target.send("count");
    ASSERT_EQ(counts["stopped"], stops);
    ASSERT_EQ(counts["continued"], continues);
  }
  void stop_it() {
    send("STOP");
    expect_stopped_event();
    ASSERT_TRUE(await(2s, [&] { return are_all(pid(), 'T'); })) << states_of(pid());
  }
  void continue_it() {
    send("CONT");
    expect_continued_event();
    expect_running();
  }
  void expect_stopped_and_untraced() {
    ASSERT_TRUE(await(2s, [&] { return is_untraced(pid()) && are_all(pid(), 'T'); }))
        << states_of(pid());
    expect_no_other_event();
    const json before = target.send("count");
    ASSERT_EQ(target.send("count")["beats"], before["beats"]);
  }
  void expect_running() {
    const json before = target.send("count");
    ASSERT_TRUE(await(2s, [&] { return target.send("count")["beats"] > before["beats"]; }));
    ASSERT_EQ(states_of(pid()).find_first_not_of("SR"), std::string::npos) << states_of(pid());
  }

  Fixture target{"stopstate"};
  unsigned stops = 0, continues = 0;
};

TEST_F(StopState, FoundStoppedStaysStopped) {
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    ASSERT_NO_FATAL_FAILURE(stop_it());
    {
      Attached attached(pid());
      ASSERT_TRUE(attached.is_ok());
      const HoldReport held = attached.process().hold_all(Deadline::after(5s));
      ASSERT_EQ(held.held, 4U);
      for (const Thread& thread : attached.process().threads()) {
        EXPECT_EQ(thread.activity, ThreadActivity::held_stopped);
        EXPECT_TRUE(attached.process().general(thread.id).has_value());
      }
      ASSERT_TRUE(attached.process().detach(Deadline::after(5s)).verified);
    }
    ASSERT_NO_FATAL_FAILURE(expect_stopped_and_untraced());
    ASSERT_NO_FATAL_FAILURE(continue_it());
    ASSERT_NO_FATAL_FAILURE(expect_no_other_event());
  }
}

TEST_F(StopState, FoundStoppedStaysStoppedWhenResumedByClew) {
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    ASSERT_NO_FATAL_FAILURE(stop_it());
    Attached attached(pid());
    ASSERT_TRUE(attached.is_ok());
    attached.process().hold_all(Deadline::after(5s));
    attached.process().apply(RunRequest::all(Wanted::run));
    attached.process().pump({});
    for (const Thread& thread : attached.process().threads())
      EXPECT_EQ(thread.activity, ThreadActivity::stopped);
    ASSERT_NO_FATAL_FAILURE(expect_no_other_event());
    attached.process().hold_all(Deadline::after(5s));
    ASSERT_TRUE(attached.process().detach(Deadline::after(5s)).verified);
    ASSERT_NO_FATAL_FAILURE(expect_stopped_and_untraced());
    ASSERT_NO_FATAL_FAILURE(continue_it());
  }
}

TEST_F(StopState, FoundStoppedStaysStoppedWhenClewIsKilled) {
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    ASSERT_NO_FATAL_FAILURE(stop_it());
    ClewProcess clew({"freeze", std::to_string(pid())});
    ASSERT_TRUE(clew.read_until("hold")) << clew.out() << clew.err();
    clew.signal(SIGKILL);
    ASSERT_EQ(clew.wait(1s), -SIGKILL);
    ASSERT_NO_FATAL_FAILURE(expect_stopped_and_untraced());
    ASSERT_NO_FATAL_FAILURE(continue_it());
  }
}

TEST_F(StopState, StoppedWhileHeld) {
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    {
      Attached attached(pid());
      ASSERT_TRUE(attached.is_ok());
      attached.process().hold_all(Deadline::after(5s));
      ASSERT_NO_FATAL_FAILURE(send("STOP"));
      if (round % 2 == 1) {
        attached.process().apply(RunRequest::all(Wanted::run));
        ASSERT_TRUE(
            attached.pump_until(5s, [&] { return attached.count_events<JobStopped>() == 1; }));
        attached.process().hold_all(Deadline::after(5s));
      }
      ASSERT_TRUE(attached.process().detach(Deadline::after(5s)).verified);
    }
    ASSERT_NO_FATAL_FAILURE(expect_stopped_event());
    ASSERT_NO_FATAL_FAILURE(expect_stopped_and_untraced());
    ASSERT_NO_FATAL_FAILURE(continue_it());
  }
}

TEST_F(StopState, StoppedWhileHeldByAClewThatIsKilled) {
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    ClewProcess clew({"freeze", std::to_string(pid())});
    ASSERT_TRUE(clew.read_until("hold")) << clew.out() << clew.err();
    ASSERT_NO_FATAL_FAILURE(send("STOP"));
    clew.signal(SIGKILL);
    ASSERT_EQ(clew.wait(1s), -SIGKILL);
    ASSERT_NO_FATAL_FAILURE(expect_stopped_event());
    ASSERT_NO_FATAL_FAILURE(expect_stopped_and_untraced());
    ASSERT_NO_FATAL_FAILURE(continue_it());
  }
}

TEST_F(StopState, StoppedAndContinuedWhileRunningTraced) {
  for (const char* name : {"STOP", "TSTP"}) {
    const int number = name == std::string("STOP") ? SIGSTOP : SIGTSTP;
    for (unsigned round = 0; round < rounds(10, 100); ++round) {
      SCOPED_TRACE(std::string(name) + " " + std::to_string(round));
      Attached attached(pid());
      ASSERT_TRUE(attached.is_ok());
      attached.process().hold_all(Deadline::after(5s));
      attached.process().apply(RunRequest::all(Wanted::run));
      ASSERT_NO_FATAL_FAILURE(send(name));
      const auto is_job_stopped = [&] {
        for (const Thread& thread : attached.process().threads()) {
          if (thread.activity != ThreadActivity::stopped) return false;
        }
        return attached.count_events<JobStopped>() == 1;
      };
      ASSERT_TRUE(attached.pump_until(5s, is_job_stopped));
      ASSERT_NO_FATAL_FAILURE(expect_stopped_event(number));
      if (round % 2 == 0) {
        ASSERT_TRUE(attached.process().detach(Deadline::after(5s)).verified);
        ASSERT_NO_FATAL_FAILURE(expect_stopped_and_untraced());
        ASSERT_NO_FATAL_FAILURE(continue_it());
        continue;
      }
      ASSERT_NO_FATAL_FAILURE(send("CONT"));
      ASSERT_TRUE(
          attached.pump_until(5s, [&] { return attached.count_events<JobContinued>() == 1; }));
      ASSERT_NO_FATAL_FAILURE(expect_continued_event());
      const json before = target.send("count");
      ASSERT_TRUE(
          attached.pump_until(5s, [&] { return target.send("count")["beats"] > before["beats"]; }));
      ASSERT_TRUE(attached.process().detach(Deadline::after(5s)).verified);
      ASSERT_NO_FATAL_FAILURE(expect_running());
      ASSERT_NO_FATAL_FAILURE(expect_no_other_event());
    }
  }
}

TEST_F(StopState, ContinuedWhileHeldRunsAfterwards) {
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    ASSERT_NO_FATAL_FAILURE(stop_it());
    {
      Attached attached(pid());
      ASSERT_TRUE(attached.is_ok());
      attached.process().hold_all(Deadline::after(5s));
      ASSERT_NO_FATAL_FAILURE(send("CONT"));
      if (round % 2 == 1) {
        attached.process().apply(RunRequest::all(Wanted::run));
        attached.process().pump({});
        attached.process().hold_all(Deadline::after(5s));
      }
      ASSERT_TRUE(attached.process().detach(Deadline::after(5s)).verified);
    }
    ASSERT_NO_FATAL_FAILURE(expect_continued_event());
    ASSERT_TRUE(await(2s, [&] { return is_untraced(pid()); }));
    ASSERT_NO_FATAL_FAILURE(expect_running());
    ASSERT_NO_FATAL_FAILURE(expect_no_other_event());
  }
}

TEST_F(StopState, ContinuedWhileHeldAndNotStoppedIsNoEvent) {
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    Attached attached(pid());
    ASSERT_TRUE(attached.is_ok());
    attached.process().hold_all(Deadline::after(5s));
    ASSERT_NO_FATAL_FAILURE(send("CONT"));
    ASSERT_TRUE(attached.process().detach(Deadline::after(5s)).verified);
    ASSERT_NO_FATAL_FAILURE(expect_running());
    ASSERT_NO_FATAL_FAILURE(expect_no_other_event());
  }
}

TEST_F(StopState, StoppedAtTheMomentOfAttachAndDetach) {
  for (unsigned round = 0; round < rounds(30, 300); ++round) {
    SCOPED_TRACE(round);
    {
      Meanwhile sender(1500, [&] { kill(pid(), SIGSTOP); });
      sender.start();
      Attached attached(pid());
      ASSERT_TRUE(attached.is_ok());
      attached.process().hold_all(Deadline::after(5s));
      ASSERT_TRUE(attached.process().detach(Deadline::after(5s)).verified);
    }
    ASSERT_NO_FATAL_FAILURE(expect_stopped_event());
    ASSERT_NO_FATAL_FAILURE(expect_stopped_and_untraced());
    ASSERT_NO_FATAL_FAILURE(continue_it());
    ASSERT_NO_FATAL_FAILURE(expect_no_other_event());
  }
}

TEST_F(StopState, TheParentSeesTheSameEndAsWithoutClew) {
  Attached attached(pid());
  ASSERT_TRUE(attached.is_ok());
  attached.process().hold_all(Deadline::after(5s));
  attached.process().apply(RunRequest::all(Wanted::run));
  ASSERT_NO_FATAL_FAILURE(send("TERM"));
  ASSERT_TRUE(attached.pump_until(5s, [&] { return attached.count_events<ProcessKilled>() == 1; }));
  const json event = target.next_event();
  EXPECT_EQ(event["event"], "killed");
  EXPECT_EQ(event["signal"], SIGTERM);
}

}  // namespace
}  // namespace clew::test
