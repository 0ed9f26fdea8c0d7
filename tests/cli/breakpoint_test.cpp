// Breakpoints as users set, list, save and lose them; a child that is followed.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "support.h"

namespace clew::test {
namespace {

/// Runs commands on an attached process. Some of them may fail.
std::string say(const Fixture& target, const Strings& commands, int status = 0) {
  Strings arguments = {"attach", std::to_string(target.pid()), "--batch"};
  for (const std::string& command : commands) {
    arguments.emplace_back("-x");
    arguments.push_back(command);
  }
  const Ran ran = run_clew(arguments);
  EXPECT_EQ(ran.status, status) << ran.err << ran.out;
  EXPECT_TRUE(is_untraced(target.pid()));
  return ran.out + ran.err;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(BreakpointCommands, ARegularExpressionIsEveryFunctionThatItMatches) {
  Fixture target("calls", {"1"});
  const std::string out = say(target, {"break -r ^turn_1", "info breakpoints"});
  EXPECT_NE(out.find("and 10 more places"), std::string::npos) << out;
  EXPECT_EQ(count(out, "in turn_1"), 12U) << out;  // once more where it was set
  const std::string bad = say(target, {"break -r no_such_thing", "break -r (", "break -r"}, 1);
  EXPECT_NE(bad.find("no function matches"), std::string::npos) << bad;
}

TEST(BreakpointCommands, TheMiddleOfAnInstructionIsRefused) {
  Fixture target("calls", {"1"});
  const std::string out =
      say(target, {"break *(hit_me+1)", "jump *(hit_me+1)", "info breakpoints"}, 1);
  EXPECT_EQ(count(out, "is in the middle of an instruction"), 2U) << out;
  EXPECT_NE(out.find("no breakpoints"), std::string::npos) << out;
}

TEST(BreakpointCommands, WhatIsSavedIsSetAgain) {
  Fixture target("calls", {"1"});
  const std::string file = scratch_folder() + "/breakpoints";
  say(target, {"break hit_me if $rdi == 3", "tbreak turn_1", "break turn_2 --after last-1",
               "ignore last 7", "commands last info program; bt", "logpoint turn_3 \"came {$rdi}\"",
               "disable last", "delete 1", "break turn_4 --stop thread", "save " + file});
  std::ifstream saved(file);
  std::stringstream text;
  text << saved.rdbuf();
  EXPECT_EQ(text.str(),
            "tbreak turn_1\nbreak turn_2\nignore last 7\ncommands last info program; bt\n"
            "logpoint turn_3 \"came {$rdi}\"\ndisable last\nbreak turn_4 --stop thread\n");
  const std::string out = say(target, {"source " + file, "info breakpoints"});
  EXPECT_NE(out.find("the next 7 hits stop nothing"), std::string::npos) << out;
  EXPECT_NE(out.find("then bt"), std::string::npos) << out;
  EXPECT_NE(out.find("log        no"), std::string::npos) << out;
  EXPECT_NE(out.find("--stop thread"), std::string::npos) << out;
}

TEST(BreakpointCommands, AFileThatNamesItselfEnds) {
  Fixture target("calls", {"1"});
  const std::string file = scratch_folder() + "/circle";
  std::ofstream(file) << "source " << file << "\n";
  const std::string out = say(target, {"source " + file}, 1);
  EXPECT_NE(out.find("are read within each other"), std::string::npos) << out;
}

TEST(BreakpointCommands, AChildIsFollowedWithTheSameBreakpoints) {
  Fixture target("calls", {"1"});
  ClewProcess clew({"attach", std::to_string(target.pid())});
  const auto say = [&](const std::string& command, const std::string& answer) {
    clew.write(command);
    EXPECT_TRUE(clew.read_until(answer, 30s)) << command << "\n" << clew.out() << clew.err();
  };
  say("set follow-fork child\nbreak _exit", "breakpoint 1");
  say("continue", "running");
  target.write("fork");
  EXPECT_TRUE(clew.read_until("following process ", 30s)) << clew.out() << clew.err();
  EXPECT_TRUE(clew.read_until("hit breakpoint 1", 30s)) << clew.out() << clew.err();
  // The parent is let go, and waits for its child.
  EXPECT_TRUE(is_untraced(target.pid()));
  say("delete 1\ncontinue", "running");
  EXPECT_TRUE(clew.read_until("exited with status 0", 30s)) << clew.out() << clew.err();
  EXPECT_GT(target.next_answer().value("forked", 0), 0);
  clew.close_input();
  EXPECT_TRUE(clew.wait().has_value());
}

TEST(BreakpointCommands, InfoOfOneShowsThatAndNoOther) {
  Fixture target("calls", {"1"});
  const Strings commands = {"break turn_3", "break turn_4", "break turn_5"};
  const auto said = [&](const std::string& command, int status = 0) {
    Strings all = commands;
    all.push_back(command);
    const std::string out = say(target, all, status);
    const size_t table = out.find("KIND");
    return table == std::string::npos ? out : out.substr(table);
  };
  const std::string one = said("info breakpoints 2");
  EXPECT_EQ(one.find("turn_3"), std::string::npos) << one;
  EXPECT_NE(one.find("turn_4"), std::string::npos) << one;
  EXPECT_EQ(one.find("turn_5"), std::string::npos) << one;
  const std::string two = said("info breakpoints 3 1");
  EXPECT_NE(two.find("turn_3"), std::string::npos) << two;
  EXPECT_EQ(two.find("turn_4"), std::string::npos) << two;
  EXPECT_NE(two.find("turn_5"), std::string::npos) << two;
  const std::string none = said("info breakpoints 9", 1);
  EXPECT_NE(none.find("no breakpoint 9"), std::string::npos) << none;
}

}  // namespace
}  // namespace clew::test
