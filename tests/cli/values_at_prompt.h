#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <regex>

#include "support.h"

namespace clew::test {

namespace fs = std::filesystem;

inline std::string program_path(const std::string& name) {
  return std::string(CLEW_FIXTURES) + "/values/" + name;
}

inline Ran at_prompt(pid_t pid, const Strings& commands) {
  Strings arguments = {"attach", std::to_string(pid), "--batch"};
  for (const std::string& command : commands) {
    arguments.push_back("-x");
    arguments.push_back(command);
  }
  ClewProcess::Options options;
  options.environment = {"DEBUGINFOD_URLS", "XDG_CACHE_HOME=" + scratch_folder() + "/cache"};
  return run_clew(arguments, 60s, options);
}

/// What each of some commands has printed, between marks that the debugger prints itself.
inline Strings answers(const std::string& out, size_t count) {
  Strings all;
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string mark = fmt::format("= {}\n", 7000 + i);
    const size_t end = out.find(mark, at);
    if (end == out.npos) break;
    const size_t line = out.rfind('\n', end);
    all.push_back(line == out.npos || line < at ? "" : out.substr(at, line + 1 - at));
    at = end + mark.size();
  }
  return all;
}

inline Strings with_marks(const Strings& commands) {
  Strings all;
  for (size_t i = 0; i < commands.size(); ++i) {
    all.push_back(commands[i]);
    all.push_back(fmt::format("print {}", 7000 + i));
  }
  return all;
}

/// Without the number in the history, which both count by themselves.
inline std::string plain(std::string text) {
  text = std::regex_replace(text, std::regex("\\$[0-9]+ = "), "");
  text = std::regex_replace(text, std::regex("optimized"), "optimised");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

inline Strings asked_of_gdb(pid_t pid, const Strings& commands) {
  ClewProcess::Options options;
  options.program = "/usr/bin/gdb";
  options.environment = {"DEBUGINFOD_URLS"};
  Strings arguments = {"-p", std::to_string(pid), "-batch", "-nx", "-ex", "set width 0"};
  for (const std::string& command : with_marks(commands)) {
    arguments.push_back("-ex");
    arguments.push_back(command);
  }
  ClewProcess gdb(arguments, options);
  gdb.close_input();
  EXPECT_TRUE(gdb.wait(60s)) << "gdb did not end";
  return answers(gdb.out(), commands.size());
}

/// One of the programs of tests/fixtures/values, looked at by clew.
struct ProgramAtPrompt : testing::Test {
  explicit ProgramAtPrompt(std::string program) : name(std::move(program)) {}
  void SetUp() override {
    if (!fs::exists(program_path(name))) GTEST_SKIP() << "its compiler is not installed";
    target.emplace("values/" + name);
  }
  /// The frame of a function that is on the stack.
  std::string level_of(const std::string& function) {
    const Ran ran = at_prompt(target->pid(), {"bt"});
    std::smatch match;
    EXPECT_TRUE(std::regex_search(ran.out, match, std::regex("#([0-9]+) [^\n]* " + function + " ")))
        << ran.out;
    return "frame " + match[1].str();
  }
  Ran in(const std::string& function, Strings commands) {
    commands.insert(commands.begin(), level_of(function));
    Ran ran = at_prompt(target->pid(), commands);
    EXPECT_TRUE(is_untraced(target->pid()));
    return ran;
  }
  std::string value(const std::string& function, const std::string& expression) {
    const Ran ran = in(function, {"print " + expression});
    EXPECT_EQ(ran.status, 0) << expression << "\n" << ran.err;
    const size_t at = ran.out.find("$1 = ");
    return at == ran.out.npos ? ran.out : ran.out.substr(at + 5, ran.out.find('\n', at) - at - 5);
  }

  std::string name;
  std::optional<Fixture> target;
};

}  // namespace clew::test
