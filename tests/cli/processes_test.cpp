// Several processes at once: a child that is kept beside its parent.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <regex>

#include "support.h"

namespace clew::test {
namespace {

class Processes : public testing::Test {
 protected:
  Fixture target_{"family"};
  ClewProcess clew_{{"attach", std::to_string(target_.pid())}};

  void SetUp() override { expect("attached"); }

  void expect(const std::string& text) {
    EXPECT_TRUE(clew_.read_until(text, 30s)) << text << "\n" << clew_.out() << clew_.err();
  }
  void expect_error(const std::string& command, const std::string& text) {
    clew_.write(command);
    clew_.write("show follow-fork");
    expect("\n");
    for (int i = 0; i < 100 && clew_.err().find(text) == std::string::npos; ++i)
      (void)clew_.read_until("never said", 50ms);
    EXPECT_NE(clew_.err().find(text), std::string::npos) << command << "\n" << clew_.err();
  }
  void say(const std::string& command, const std::string& answer) {
    clew_.forget_output();
    clew_.write(command);
    expect(answer);
  }
  pid_t make(const std::string& command) {
    const json made = target_.send(command);
    EXPECT_FALSE(made.is_null()) << clew_.out() << clew_.err();
    return made.value("child", 0);
  }
  /// With the status that a script gets: 1 when a command has failed.
  void leave(int status = 0) {
    clew_.close_input();
    EXPECT_EQ(clew_.wait(30s).value_or(-1), status) << clew_.out() << clew_.err();
  }
};

TEST_F(Processes, BothAreHeldByTheirBreakpoints) {
  say("set follow-fork both", "");
  say("break work if i == 20", "breakpoint 1");
  say("continue", "running");
  const pid_t child = make("fork 50");
  expect(
      fmt::format("process 2 (pid {}) \"family\" was made by process 1 (pid {}), and is debugged "
                  "as well",
                  child, target_.pid()));
  expect(fmt::format("process 2 (pid {}): thread 1 (tid {}) hit breakpoint 1 at family.c:", child,
                     child));
  expect("selected: process 2");
  say("print i", "20");
  say("processes", "*        2");
  EXPECT_TRUE(clew_.read_until(fmt::format("{}", child), 5s));
  // The parent runs all the while, and its own breakpoint is untouched.
  target_.write("call 30");
  expect(fmt::format("process 1 (pid {}): thread 1 (tid {}) hit breakpoint 1", target_.pid(),
                     target_.pid()));
  expect("`process 1` selects it");
  say("print i", "20");
  say("process 1", fmt::format("process 1 (pid {}) \"family\": held", target_.pid()));
  say("info breakpoints", "work");
  say("continue", "running");
  EXPECT_EQ(target_.next_answer(30s).value("called", 0), 30);
  say("process 2", "held");
  say("delete 1\ncontinue", "running");
  expect(fmt::format("process 2 (pid {}): the process exited with status 7", child));
  expect("selected: process 1");
  EXPECT_EQ(target_.send("wait").value("status", 0), 7);
  say("interrupt\nprocesses", "*        1");
  leave();
  EXPECT_TRUE(is_untraced(target_.pid()));
}

TEST_F(Processes, WithDetachOnForkOffTheChildIsHeld) {
  say("set detach-on-fork off", "");
  say("break work if i == 5", "breakpoint 1");
  say("continue", "running");
  const pid_t child = make("fork 10");
  expect("is held: `process 2` selects it");
  say("process 2", fmt::format("process 2 (pid {})", child));
  say("continue", "running");
  expect(fmt::format("process 2 (pid {}): thread 1 (tid {}) hit breakpoint 1", child, child));
  say("inferior 1", "process 1");
  say("info inferiors", "running");
  say("process 2\ndelete 1\ncontinue", "exited with status 7");
  EXPECT_EQ(target_.send("wait").value("status", 0), 7);
  leave();
}

TEST_F(Processes, WithTheChildFollowedTheParentIsHeld) {
  say("set follow-fork child\nset detach-on-fork off", "");
  say("continue", "running");
  target_.write("fork 10");
  expect("and is followed");
  expect("exited with status 7");
  expect("selected: process 1");
  say("processes", "held");
  say("continue", "running");
  EXPECT_GT(target_.next_answer().value("child", 0), 0);
  EXPECT_EQ(target_.send("wait").value("status", 0), 7);
  leave();
}

TEST_F(Processes, ExecAndEndOfAChildAreTold) {
  say("set follow-fork both\nbreak work", "breakpoint 1");
  say("continue", "running");
  for (const char* how : {"exec", "vfork"}) {
    clew_.forget_output();
    const pid_t child = make(how);
    expect(fmt::format("(pid {})", child));
    if (std::string(how) == "exec") expect("executed a new program");
    expect("the process exited with status 0");
    EXPECT_EQ(target_.send("wait").value("status", 1), 0) << how;
  }
  leave();
}

TEST_F(Processes, Grandchildren) {
  say("set follow-fork both\nbreak work if i == 3", "breakpoint 1");
  say("continue", "running");
  (void)make("chain 10");
  expect("process 2 (pid ");
  expect("process 3 (pid ");
  expect("hit breakpoint 1");
  expect("selected: process 3");
  say("processes", "*        3");
  say("delete 1\ncontinue", "exited with status 7");
  expect("process 2");
  EXPECT_EQ(target_.send("wait").value("status", 0), 7);
  leave();
}

TEST_F(Processes, ACommandForSeveral) {
  say("set detach-on-fork off\ncontinue", "running");
  (void)make("fork 10");
  expect("is held");
  say("interrupt", "stopped");
  say("process apply all print 6*7", "process 1 (pid");
  expect("process 2 (pid");
  say("process apply 2 break work", "breakpoint 1");
  say("process apply 1 info breakpoints", "no breakpoints");
  say("process apply 2 detach", "detached from process");
  EXPECT_FALSE(is_untraced(target_.pid()));
  say("continue", "running");
  EXPECT_EQ(target_.send("wait").value("status", 0), 7);
  leave();
}

TEST_F(Processes, BadInput) {
  expect_error("set follow-fork none", "usage: set follow-fork parent|child|both");
  expect_error("set detach-on-fork maybe", "usage: set detach-on-fork on|off");
  expect_error("process 7", "there is no process 7: see `processes`");
  expect_error("process x", "usage: process");
  expect_error("process 1 2", "usage: process");
  expect_error("process apply", "usage: process apply");
  expect_error("process apply x threads", "is no list of processes");
  expect_error("process apply 1,9 threads", "there is no process 9");
  expect_error("processes 3", "processes takes no arguments");
  leave(1);
}

/// What is left behind lives on, whichever way clew goes.
class ProcessesLeft : public testing::TestWithParam<int> {};

TEST_P(ProcessesLeft, LiveOn) {
  for (unsigned round = 0; round < rounds(4, 100); ++round) {
    SCOPED_TRACE(round);
    Fixture target("family");
    ClewProcess clew({"attach", std::to_string(target.pid())});
    ASSERT_TRUE(clew.read_until("attached", 30s));
    const bool held = round % 2 == 1;
    clew.write(held ? "set detach-on-fork off" : "set follow-fork both");
    clew.write("break work --stop none");
    clew.write("continue");
    ASSERT_TRUE(clew.read_until("running", 30s)) << clew.out() << clew.err();
    const bool is_chain = round % 4 >= 2;
    ASSERT_FALSE(target.send(is_chain ? "chain 100" : "fork 100").is_null());
    // Not while a system call is made in a child's name: docs/architecture.md, "What is not there
    // yet".
    const char* const last = is_chain && !held ? "process 3" : "process 2";
    ASSERT_TRUE(clew.read_until(last, 30s)) << clew.out() << clew.err();
    clew.write("show detach-on-fork");
    ASSERT_TRUE(clew.read_until(held ? "off\n" : "on\n", 30s)) << clew.out() << clew.err();
    std::this_thread::sleep_for(std::chrono::microseconds(random_up_to(20'000)));
    if (GetParam() == 0) {
      clew.close_input();
    } else {
      clew.signal(GetParam());
    }
    ASSERT_TRUE(clew.wait(60s).has_value());
    EXPECT_EQ(target.send("wait", 30s).value("status", 0), 7);
    EXPECT_EQ(target.send("call 10").value("called", 0), 10);
    EXPECT_TRUE(is_untraced(target.pid()));
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, ProcessesLeft,
                         testing::Values(0, SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGSEGV),
                         [](const auto& way) {
                           return way.param == 0 ? std::string("EndOfInput")
                                                 : std::string(sigabbrev_np(way.param));
                         });

TEST(ProcessStorm, OfForksAndVforks) {
  Fixture target("forker", {"1000"});
  ClewProcess clew({"attach", std::to_string(target.pid())});
  ASSERT_TRUE(clew.read_until("attached", 30s));
  clew.write("set follow-fork both");
  clew.write("break make_children --stop none");
  clew.write("continue");
  ASSERT_TRUE(clew.read_until("running", 30s));
  const unsigned wanted = rounds(30, 500);
  json counts;
  for (unsigned i = 0; i < rounds(1000, 20'000); ++i) {
    counts = target.send("count", 30s);
    ASSERT_FALSE(counts.is_null()) << clew.out() << clew.err();
    if (counts["forks"] >= wanted && counts["vforks"] >= wanted) break;
    (void)clew.read_until("never said", 50ms);
  }
  EXPECT_GE(counts["forks"], wanted) << clew.out() << clew.err();
  clew.write("quit");
  EXPECT_EQ(clew.wait(30s).value_or(-1), 0) << clew.out() << clew.err();
  const json final = target.stop();
  EXPECT_EQ(final["bad_status"], 0);
}

}  // namespace
}  // namespace clew::test
