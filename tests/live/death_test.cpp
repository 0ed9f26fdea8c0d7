// The target dies, in various ways and at any moment, under the debugger.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

namespace clew::test {
namespace {

struct How {
  const char* name;
  int exit_code;  ///< or, for a death by signal, -1
  int signal;
};

constexpr How ways_to_die[] = {{"exit", 7, 0},
                               {"segv", -1, SIGSEGV},
                               {"abort", -1, SIGABRT},
                               {"kill", -1, SIGKILL},
                               {"threads", 0, 0}};

constexpr unsigned longest_delay_us = 3000;

std::string random_delay() { return std::to_string(random_up_to(longest_delay_us)); }

class Death : public ::testing::TestWithParam<How> {
 protected:
  const How& how() const { return GetParam(); }

  /// Exactly one event tells of the end, and tells it right.
  void expect_end(Attached& attached) {
    ASSERT_TRUE(attached.pump_until(5s, [&] { return !attached.process().is_alive(); }))
        << "no news of the end";
    ASSERT_GT(attached.report().seized, 0U) << "an attach to nothing was called a success";
    size_t ends = 0;
    for (const Event& event : attached.events()) {
      if (const auto* exited = std::get_if<ProcessExited>(&event)) {
        ++ends;
        EXPECT_EQ(exited->exit_code, how().exit_code);
      } else if (const auto* killed = std::get_if<ProcessKilled>(&event)) {
        ++ends;
        EXPECT_EQ(killed->signal, how().signal);
      } else if (std::holds_alternative<ProcessVanished>(event)) {
        ++ends;
        // Nobody but its parent can learn the status of what was a zombie before we came.
        EXPECT_TRUE(attached.report().leader_is_zombie) << "the end was not told";
      }
    }
    EXPECT_EQ(ends, 1U);
  }

  /// What its real parent learns is what it would have learned without clew.
  void expect_status(Fixture& target) {
    const auto status = target.wait_status(5s);
    ASSERT_TRUE(status.has_value()) << "it does not end";
    if (how().signal == 0) {
      ASSERT_TRUE(WIFEXITED(*status));
      EXPECT_EQ(WEXITSTATUS(*status), how().exit_code);
    } else {
      ASSERT_TRUE(WIFSIGNALED(*status));
      EXPECT_EQ(WTERMSIG(*status), how().signal);
    }
  }

  std::string end_words() const {
    if (how().signal == 0) return fmt::format("exited with status {}", how().exit_code);
    return fmt::format("killed by {}", how().signal == SIGSEGV   ? "SIGSEGV"
                                       : how().signal == SIGABRT ? "SIGABRT"
                                                                 : "SIGKILL");
  }
};

TEST_P(Death, WhileItIsAttachedHeldSteppedAndRun) {
  for (unsigned round = 0; round < rounds(30, 200); ++round) {
    SCOPED_TRACE(round);
    Fixture target("dier", {how().name, random_delay()});
    const pid_t worker = target.tids()[2];
    ASSERT_FALSE(target.send("go").is_null());
    Attached attached(target.pid());
    if (!attached.is_ok()) {
      // It was faster.
      const ErrorCode code = attached.error()->code;
      EXPECT_TRUE(code == ErrorCode::gone || code == ErrorCode::not_found ||
                  code == ErrorCode::permission)
          << attached.error()->text;
      expect_status(target);
      continue;
    }
    live::LiveProcess& process = attached.process();
    for (int turn = 0; turn < 50 && process.is_alive(); ++turn) {
      ASSERT_FALSE(process.hold_all(Deadline::after(5s)).timed_out);
      for (const Thread& thread : process.threads()) {
        if (thread.id.tid != worker) continue;
        for (int i = 0; i < 3; ++i) (void)process.step(thread.id, Deadline::after(5ms));
      }
      process.apply(RunRequest::all(Wanted::run));
      attached.pump_until(100us, [&] { return !process.is_alive(); });
    }
    expect_end(attached);
    process.detach(Deadline::after(1s));
    expect_status(target);
  }
}

TEST_P(Death, WhileHeldAndThenLetGo) {
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    Fixture target("dier", {how().name, random_delay()});
    ASSERT_FALSE(target.send("go").is_null());
    Attached attached(target.pid());
    if (!attached.is_ok()) continue;
    attached.process().hold_all(Deadline::after(5s));
    const DetachReport left = attached.process().detach(Deadline::after(5s));
    EXPECT_TRUE(left.verified);
    expect_status(target);
  }
}

/// Only SIGKILL from outside ends what is held.
TEST(DeathBySigkill, OfAHeldProcess) {
  for (unsigned round = 0; round < rounds(20, 200); ++round) {
    SCOPED_TRACE(round);
    Fixture target("dier", {"exit", "0"});
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok());
    attached.process().hold_all(Deadline::after(5s));
    Meanwhile killer(500, [&] { kill(target.pid(), SIGKILL); });
    killer.start();
    const ThreadId first = attached.thread(target.pid());
    for (int i = 0; i < 20; ++i) {
      (void)attached.process().general(first);
      (void)attached.process().step(
          attached.process().threads().empty() ? first : attached.process().threads().back().id,
          Deadline::after(1ms));
    }
    ASSERT_TRUE(attached.pump_until(5s, [&] { return !attached.process().is_alive(); }));
    EXPECT_EQ(attached.count_events<ProcessKilled>(), 1U);
    attached.process().detach(Deadline::after(1s));
    const auto status = target.wait_status(5s);
    ASSERT_TRUE(status.has_value());
    EXPECT_TRUE(WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL);
  }
}

TEST_P(Death, UnderClewThroughPipes) {
  // The first is sure to be attached to before it dies.
  {
    Fixture target("dier", {how().name, random_delay()});
    ClewProcess clew(
        {"attach", std::to_string(target.pid()), "--batch", "-x", "continue", "-x", "wait 60s"});
    clew.close_input();
    ASSERT_TRUE(clew.read_until("running")) << clew.out() << clew.err();
    ASSERT_FALSE(target.send("go").is_null());
    ASSERT_TRUE(clew.wait(10s).has_value()) << "clew hangs\n" << clew.out() << clew.err();
    EXPECT_NE(clew.out().find(end_words()), std::string::npos) << clew.out() << clew.err();
    expect_status(target);
  }
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    Fixture target("dier", {how().name, random_delay()});
    ASSERT_FALSE(target.send("go").is_null());
    const Ran ran = run_clew({"attach", std::to_string(target.pid()), "--batch", "-x", "threads",
                              "-x", "thread 3", "-x", "stepi", "-x", "continue", "-x", "wait 5s"},
                             9s);
    ASSERT_TRUE(ran.status.has_value()) << "clew hangs\n" << ran.out << ran.err;
    EXPECT_GE(*ran.status, 0) << ran.out << ran.err;
    expect_status(target);
    if (ran.out.find("attached to process") == std::string::npos) {
      EXPECT_EQ(ran.status, 1);
      EXPECT_EQ(ran.err.substr(0, 6), "clew: ") << ran.err;
      continue;
    }
    const bool is_told = ran.out.find(end_words()) != std::string::npos ||
                         ran.out.find("the process has ended") != std::string::npos;
    EXPECT_TRUE(is_told) << ran.out << ran.err;
  }
}

TEST_P(Death, UnderThePromptWhichLivesOn) {
  for (unsigned round = 0; round < rounds(5, 50); ++round) {
    SCOPED_TRACE(round);
    Fixture target("dier", {how().name, random_delay()});
    ClewProcess clew({"attach", std::to_string(target.pid())},
                     {.mode = ClewProcess::Mode::terminal});
    ASSERT_TRUE(clew.read_until("held) ")) << clew.out();
    // Else a fatal signal is told of before it is delivered.
    clew.write("handle all nostop");
    target.write("go");
    clew.write("continue");
    ASSERT_TRUE(clew.read_until(end_words(), 5s)) << clew.out();
    clew.write("info target");
    ASSERT_TRUE(clew.read_until("no process is attached", 2s)) << clew.out();
    Fixture other("sleepers", {"3"});
    clew.write(fmt::format("attach {}", other.pid()));
    ASSERT_TRUE(clew.read_until("3 threads held", 2s)) << clew.out();
    clew.write("quit");
    ASSERT_EQ(clew.wait(2s), 0) << clew.out();
    EXPECT_TRUE(is_untraced(other.pid()));
    expect_status(target);
  }
}

TEST_P(Death, UnderFreeze) {
  for (unsigned round = 0; round < rounds(5, 50); ++round) {
    SCOPED_TRACE(round);
    Fixture target("dier", {how().name, random_delay()});
    ASSERT_FALSE(target.send("go").is_null());
    const Ran ran =
        run_clew({"freeze", std::to_string(target.pid()), "--for", "1ms", "--json"}, 4s);
    ASSERT_TRUE(ran.status == 0 || ran.status == 1) << ran.out << ran.err;
    if (ran.status == 0) {
      const json document = json::parse(ran.out);
      EXPECT_TRUE(document["ended"] == true || document["resumed"] == true) << ran.out;
    } else if (ran.out.empty()) {
      EXPECT_EQ(ran.err.substr(0, 6), "clew: ") << ran.err;
    } else {
      // It was writing its core file, which nobody can stop.
      const json document = json::parse(ran.out);
      EXPECT_EQ(document["resumed"], false) << ran.out;
      EXPECT_FALSE(document["problems"].empty()) << ran.out;
    }
    expect_status(target);
  }
}

TEST(DeathBySigkill, OfWhatFreezeHolds) {
  for (unsigned round = 0; round < rounds(5, 50); ++round) {
    SCOPED_TRACE(round);
    Fixture target("dier", {"exit", "0"});
    ClewProcess clew({"freeze", std::to_string(target.pid())});
    ASSERT_TRUE(clew.read_until("hold"));
    ASSERT_EQ(kill(target.process(), SIGKILL), 0);
    ASSERT_EQ(clew.wait(2s), 0) << clew.out() << clew.err();
    EXPECT_NE(clew.out().find("killed by SIGKILL"), std::string::npos) << clew.out();
  }
}

TEST(DeathBySigkill, OfWhatThePromptHolds) {
  for (unsigned round = 0; round < rounds(5, 50); ++round) {
    SCOPED_TRACE(round);
    Fixture target("dier", {"exit", "0"});
    ClewProcess clew({"attach", std::to_string(target.pid())},
                     {.mode = ClewProcess::Mode::terminal});
    ASSERT_TRUE(clew.read_until("held) "));
    ASSERT_EQ(kill(target.process(), SIGKILL), 0);
    ASSERT_TRUE(clew.read_until("killed by SIGKILL", 2s)) << clew.out();
    clew.write("quit");
    ASSERT_EQ(clew.wait(2s), 0);
  }
}

TEST(DeathByClew, KillAsksAndKills) {
  Fixture target("dier", {"exit", "0"});
  ClewProcess clew({"attach", std::to_string(target.pid())}, {.mode = ClewProcess::Mode::terminal});
  ASSERT_TRUE(clew.read_until("held) "));
  clew.write("kill");
  ASSERT_TRUE(clew.read_until("(y or n)"));
  clew.write("n");
  ASSERT_TRUE(clew.read_until("not killed"));
  EXPECT_FALSE(target.wait_status(0ms).has_value());
  clew.write("kill");
  ASSERT_TRUE(clew.read_until("(y or n)"));
  clew.write("y");
  ASSERT_TRUE(clew.read_until("killed by SIGKILL", 2s)) << clew.out();
  const auto status = target.wait_status(2s);
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL);
  clew.write("quit");
  ASSERT_EQ(clew.wait(2s), 0);
}

INSTANTIATE_TEST_SUITE_P(By, Death, ::testing::ValuesIn(ways_to_die),
                         [](const ::testing::TestParamInfo<How>& test) {
                           return std::string(test.param.name);
                         });

}  // namespace
}  // namespace clew::test
