#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "support.h"

namespace clew::test {

/// Tests with programs in Go; skipped where there is no compiler for them.
class GoTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(std::string(CLEW_FIXTURES) + "/go/steps"))
      GTEST_SKIP() << "there is no Go compiler";
  }

  /// The line of a fixture that has the mark; 0 when none has.
  static unsigned line_of(const std::string& mark, const std::string& fixture = "steps") {
    std::ifstream source(std::string(CLEW_SOURCE_DIR "/tests/fixtures/go/") + fixture + "/main.go");
    std::string line;
    for (unsigned number = 1; std::getline(source, line); ++number) {
      if (line.ends_with("// mark: " + mark)) return number;
    }
    ADD_FAILURE() << "no line is marked " << mark;
    return 0;
  }

  static Ran at_prompt(pid_t pid, const Strings& commands, const Strings& options = {}) {
    Strings arguments = {"attach", std::to_string(pid), "--batch"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    for (const std::string& command : commands) {
      arguments.emplace_back("-x");
      arguments.push_back(command);
    }
    ClewProcess clew(arguments);
    clew.close_input();
    Ran ran;
    ran.status = clew.wait(120s);
    ran.out = clew.out();
    ran.err = clew.err();
    return ran;
  }

  /// The hits of a breakpoint in the table of `info breakpoints`.
  static unsigned long hits_of(const std::string& out, int number) {
    const std::regex line("\n *" + std::to_string(number) + "  +\\S+ +yes +(\\d+)");
    std::smatch found;
    EXPECT_TRUE(std::regex_search(out, found, line)) << out;
    return found.empty() ? 0 : std::stoul(found[1]);
  }
};

}  // namespace clew::test
