// Steps by lines in a program with several threads, that holds a lock, gets signals and recurses.

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <regex>
#include <sstream>

#include "support.h"

namespace clew::test {
namespace {

/// The number of the line of steps.c that has the mark; 0 when none has.
unsigned line_of(const std::string& mark) {
  std::ifstream source(CLEW_SOURCE_DIR "/tests/fixtures/c/steps.c");
  std::string line;
  for (unsigned number = 1; std::getline(source, line); ++number) {
    if (line.ends_with("// mark: " + mark)) return number;
  }
  ADD_FAILURE() << "no line is marked " << mark;
  return 0;
}

/// The lines at which thread 1 has stopped, in order, from where the temporary breakpoint was hit.
std::vector<unsigned> stops_in(const std::string& out) {
  std::vector<unsigned> lines;
  std::istringstream text(out);
  for (std::string line; std::getline(text, line);) {
    const size_t at = line.find(" at steps.c:");
    if (line.find("hit temporary breakpoint") != std::string::npos) lines.clear();
    if (at == std::string::npos || line.find(" hit ") != std::string::npos) continue;
    if (line.find("thread 1 ") == std::string::npos) continue;
    lines.push_back(static_cast<unsigned>(std::stoul(line.substr(at + 12))));
  }
  return lines;
}

/// The time that a process has used, in clock ticks (proc_pid_stat(5), fields 14 and 15).
unsigned long cpu_ticks(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string field;
  unsigned long ticks = 0;
  for (int i = 1; i <= 15 && stat >> field; ++i)
    if (i >= 14) ticks += std::stoul(field);
  return ticks;
}

class Steps : public testing::Test {
 protected:
  /// Runs commands behind a stop at the first line of work(). @return the lines of the stops.
  std::vector<unsigned> lines_of(const Strings& commands) {
    Strings arguments = {"attach", std::to_string(target_.pid()), "--batch"};
    for (const char* first : {"tbreak work", "continue", "wait"}) {
      arguments.emplace_back("-x");
      arguments.emplace_back(first);
    }
    for (const std::string& command : commands) {
      arguments.emplace_back("-x");
      arguments.push_back(command);
    }
    ran_ = run_clew(arguments);
    EXPECT_EQ(ran_.status, 0) << ran_.err << ran_.out;
    auto lines = stops_in(ran_.out);
    EXPECT_FALSE(lines.empty()) << ran_.out;
    if (!lines.empty()) lines.erase(lines.begin());  // where the breakpoint was
    return lines;
  }
  static std::vector<unsigned> marks(const Strings& names) {
    std::vector<unsigned> lines;
    for (const std::string& name : names) lines.push_back(line_of(name));
    return lines;
  }
  void expect_it_runs() { EXPECT_FALSE(is_held(target_.pid())); }

  Fixture target_{"steps"};
  Ran ran_;
};

TEST_F(Steps, NextPassesCallsRecursionInlinedCodeSignalsAndLocks) {
  EXPECT_EQ(lines_of(Strings(10, "next")),
            marks({"inlined", "loop", "library", "signal", "lock", "unlock", "short-loop", "last",
                   "brace", "caller"}))
      << ran_.out;
  expect_it_runs();
}

TEST_F(Steps, ACountIsThatManySteps) {
  EXPECT_EQ(lines_of({"next 3"}).back(), line_of("library")) << ran_.out;
}

TEST_F(Steps, StepEntersFunctionsWithLinesAndFinishLeavesThem) {
  EXPECT_EQ(lines_of({"step", "step", "step", "finish", "finish"}),
            marks({"factorial", "factorial-again", "factorial", "factorial-again", "call"}))
      << ran_.out;
  expect_it_runs();
}

TEST_F(Steps, NextInARecursionStaysInItsInvocation) {
  EXPECT_EQ(lines_of({"step", "next", "next"}).back(), line_of("factorial-again") + 1) << ran_.out;
}

TEST_F(Steps, StepEntersInlinedFunctions) {
  EXPECT_EQ(lines_of({"step", "finish", "step"}), marks({"factorial", "call", "in-twice"}))
      << ran_.out;
}

TEST_F(Steps, AdvanceStopsAtTheLineInThisThread) {
  EXPECT_EQ(lines_of({"advance " + std::to_string(line_of("lock"))}), marks({"lock"})) << ran_.out;
}

TEST_F(Steps, ABreakpointInACallEndsTheStep) {
  const auto lines = lines_of({"break factorial if $rdi == 2", "next"});
  EXPECT_EQ(lines, marks({"factorial"})) << ran_.out;
  EXPECT_NE(ran_.out.find("hit breakpoint 2"), std::string::npos) << ran_.out;
}

TEST_F(Steps, AStepThatWaitsForALockLetsTheOthersRun) {
  // The lock is held for most of the time; its holder is held too, until the step has lasted.
  std::vector<unsigned> lines;
  for (int i = 0; i < 20 && ran_.out.find("the other threads run too") == std::string::npos; ++i) {
    lines = lines_of({"advance " + std::to_string(line_of("lock")), "next"});
    EXPECT_EQ(lines, marks({"lock", "unlock"})) << ran_.out;
  }
  // Why it takes that long is said as well.
  EXPECT_TRUE(std::regex_search(
      ran_.out, std::regex("the other threads run too.*; it waits for the lock at "
                           "0x[0-9a-f]+ \\(lock\\), which thread [2-4] \\(tid \\d+\\) "
                           "\"[^\"]+\" has")))
      << ran_.out;
  expect_it_runs();
}

TEST_F(Steps, FinishOfALevelLeavesThatFrame) {
  // factorial(5) … factorial(2) are frames 3 … 0.
  EXPECT_EQ(lines_of({"tbreak factorial if n == 2", "continue", "wait", "finish 2", "finish"}),
            marks({"factorial-again", "call"}))
      << ran_.out;
  // Of factorial(4), and of factorial(5) that it has returned to.
  EXPECT_NE(ran_.out.find("= 24\n"), std::string::npos) << ran_.out;
  EXPECT_NE(ran_.out.find("= 120\n"), std::string::npos) << ran_.out;
  expect_it_runs();
}

TEST_F(Steps, FinishOfNoLevelChangesNothing) {
  const Ran ran = run_clew({"attach", std::to_string(target_.pid()), "--batch", "-x",
                            "tbreak factorial if n == 2", "-x", "continue", "-x", "wait", "-x",
                            "finish 1000", "-x", "finish x", "-x", "finish -1", "-x", "print n"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.err.find("there is no frame 1000: the outermost is "), std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("\"x\" is no level of a frame"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("\"-1\" is no level of a frame"), std::string::npos) << ran.err;
  EXPECT_NE(ran.out.find("$1 = 2\n"), std::string::npos) << ran.out;
  expect_it_runs();
}

TEST_F(Steps, TheSelectedThreadStaysSelected) {
  (void)lines_of({"next", "next", "thread"});
  EXPECT_NE(ran_.out.find("thread 1 "), std::string::npos) << ran_.out;
  EXPECT_EQ(ran_.out.find("selected: thread 2"), std::string::npos) << ran_.out;
}

TEST_F(Steps, ASignalThatStopsEndsAStep) {
  const auto lines =
      lines_of({"handle SIGUSR1 stop", "advance " + std::to_string(line_of("signal")), "next 5"});
  EXPECT_NE(ran_.out.find("gets SIGUSR1: it is held before the delivery"), std::string::npos)
      << ran_.out;
  // It was broken off inside of raise(), and none of the others was made.
  EXPECT_EQ(lines, marks({"signal"})) << ran_.out;
  expect_it_runs();
}

TEST_F(Steps, AThreadThatSleepsInASystemCallStepsWhenThatEnds) {
  for (int i = 0; i < 5; ++i) {
    const Ran ran = run_clew(
        {"attach", std::to_string(target_.pid()), "--batch", "-x", "thread 2", "-x", "next"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_NE(ran.out.find("* thread 2 "), std::string::npos) << ran.out;
    expect_it_runs();
  }
}

TEST_F(Steps, CtrlCEndsManySteps) {
  ClewProcess clew({"attach", std::to_string(target_.pid())},
                   {.mode = ClewProcess::Mode::terminal});
  ASSERT_TRUE(clew.read_until("held) ")) << clew.out();
  clew.write("tbreak work");
  ASSERT_TRUE(clew.read_until("held) ")) << clew.out();
  clew.write("continue");
  ASSERT_TRUE(clew.read_until("hit temporary breakpoint")) << clew.out();
  for (const char* command : {"next 1000000", "step 1000000", "nexti 1000000"}) {
    clew.forget_output();
    clew.write(command);
    // Its processor time tells that it is on its way: there is no stop to be seen before the end.
    const unsigned long before = cpu_ticks(clew.pid());
    ASSERT_TRUE(await(10s, [&] { return cpu_ticks(clew.pid()) > before; })) << clew.out();
    clew.write_raw("\x03");
    ASSERT_TRUE(clew.read_until("held) ", 5s)) << clew.out();
    clew.forget_output();
    clew.write("thread");
    ASSERT_TRUE(clew.read_until("thread 1 ", 5s)) << command << clew.out();
    ASSERT_TRUE(clew.read_until("held) ", 5s)) << command << clew.out();
  }
  clew.write("quit");
  EXPECT_EQ(clew.wait(), 0);
  expect_it_runs();
}

TEST_F(Steps, MaxPauseEndsAStepThatHoldsTheOthers) {
  // The lock's owner is held for as long as the step takes: it could last for ever.
  bool was_over = false;
  for (int i = 0; i < 20 && !was_over; ++i) {
    const Ran ran =
        run_clew({"attach", std::to_string(target_.pid()), "--batch", "--max-pause", "300ms", "-x",
                  "set step-others hold", "-x", "tbreak work", "-x", "continue", "-x", "wait", "-x",
                  "advance " + std::to_string(line_of("lock")), "-x", "next"});
    EXPECT_EQ(ran.status, 0) << ran.err << ran.out;
    EXPECT_LT(ran.took, 5s) << ran.out;
    was_over = ran.out.find("--max-pause is over") != std::string::npos;
    expect_it_runs();
  }
  EXPECT_TRUE(was_over);
}

TEST_F(Steps, TheTargetOutlivesASigkillOfClewInTheMiddleOfSteps) {
  for (int i = 0; i < 10; ++i) {
    ClewProcess clew({"attach", std::to_string(target_.pid())});
    clew.write("tbreak work");
    clew.write("continue");
    ASSERT_TRUE(clew.read_until("hit temporary breakpoint")) << clew.out() << clew.err();
    clew.write(i % 2 == 0 ? "next 1000000" : "step 1000000");
    // Somewhere behind the first steps; where exactly is for chance.
    const unsigned long before = cpu_ticks(clew.pid());
    ASSERT_TRUE(await(10s, [&] { return cpu_ticks(clew.pid()) > before; })) << clew.err();
    clew.signal(SIGKILL);
    EXPECT_EQ(clew.wait(), -SIGKILL);
    // It makes its rounds again.
    ClewProcess next({"attach", std::to_string(target_.pid())});
    next.write("tbreak work");
    next.write("continue");
    ASSERT_TRUE(next.read_until("hit temporary breakpoint")) << next.out() << next.err();
    next.write("quit");
    EXPECT_EQ(next.wait(), 0) << next.err();
    EXPECT_FALSE(is_held(target_.pid()));
  }
}

TEST(StepsOfABusyThread, ASignalThatStopsEndsASeries) {
  Fixture target("sleepers", {"2", "--busy", "1"});
  const pid_t busy = target.ready()["busy"][0];
  for (const char* command : {"stepi 100000000", "next 100000000", "step 100000000"}) {
    ClewProcess clew({"attach", std::to_string(target.pid())});
    clew.write("handle SIGUSR1 stop nopass");
    clew.write("thread tid " + std::to_string(busy));
    ASSERT_TRUE(clew.read_until("tid " + std::to_string(busy))) << clew.out() << clew.err();
    const unsigned long before = cpu_ticks(target.pid());
    clew.write(command);
    ASSERT_TRUE(await(10s, [&] { return cpu_ticks(target.pid()) > before; })) << clew.out();
    ASSERT_EQ(tgkill(target.pid(), busy, SIGUSR1), 0);
    ASSERT_TRUE(clew.read_until("gets SIGUSR1", 5s)) << command << clew.out() << clew.err();
    clew.write("quit");
    EXPECT_EQ(clew.wait(5s), 0) << command << clew.err();
    EXPECT_FALSE(is_held(target.pid()));
  }
}

TEST(StepsOfABusyThread, TheTargetOutlivesASigkillOfClewInInstructions) {
  // No breakpoint is ever set: nothing but the steps can have brought the safety net.
  Fixture target("sleepers", {"2", "--busy", "1"});
  const pid_t busy = target.ready()["busy"][0];
  for (const char* command : {"stepi 100000000", "next 100000000", "step 100000000"}) {
    for (int i = 0; i < 10; ++i) {
      ClewProcess clew({"attach", std::to_string(target.pid())});
      clew.write("thread tid " + std::to_string(busy));
      ASSERT_TRUE(clew.read_until("tid " + std::to_string(busy))) << clew.out() << clew.err();
      const unsigned long before = cpu_ticks(target.pid());
      clew.write(command);
      ASSERT_TRUE(await(10s, [&] { return cpu_ticks(target.pid()) > before; })) << clew.out();
      clew.signal(SIGKILL);
      EXPECT_EQ(clew.wait(), -SIGKILL);
      const unsigned long then = cpu_ticks(target.pid());
      ASSERT_TRUE(await(10s, [&] { return cpu_ticks(target.pid()) > then; }))
          << command << '\n'
          << std::ifstream("/proc/" + std::to_string(busy) + "/status").rdbuf();
      EXPECT_FALSE(is_held(target.pid()));
    }
  }
}

TEST_F(Steps, BadInputChangesNothing) {
  for (const char* command : {"next x", "step 0", "next -1", "finish x", "finish 999", "advance",
                              "advance nowhere_at_all", "nexti 1 2", "set step-others sometimes"}) {
    const Ran ran = run_clew({"attach", std::to_string(target_.pid()), "--batch", "-x", command});
    EXPECT_EQ(ran.status, 1) << command << ran.out;
    EXPECT_NE(ran.err.find("clew: "), std::string::npos) << command << ran.err;
  }
  expect_it_runs();
}

}  // namespace
}  // namespace clew::test
