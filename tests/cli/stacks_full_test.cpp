// `clew stacks --full`: the variables of every frame of every thread, as the prompt and the
// programs themselves have them.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>

#include "support.h"

namespace clew::test {
namespace {

namespace fs = std::filesystem;

bool has_built(const std::string& name) {
  return fs::exists(std::string(CLEW_FIXTURES) + "/" + name);
}

Ran full_stacks(pid_t pid, const Strings& options) {
  Strings arguments = {"stacks", std::to_string(pid), "--full"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  ClewProcess::Options clean;
  clean.environment = {"DEBUGINFOD_URLS"};
  return run_clew(arguments, 120s, clean);
}

json full_document(pid_t pid, const Strings& options = {}) {
  Strings with_json = options;
  with_json.emplace_back("--json");
  const Ran ran = full_stacks(pid, with_json);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  const json document = json::parse(ran.out, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << ran.out;
  return document;
}

/// "a = 1" as a line of text has it.
std::string shown_variable(const json& variable) {
  const std::string value = variable["value"].is_null()
                                ? "<" + variable["absent"].get<std::string>() + ">"
                                : variable["value"].get<std::string>();
  return variable["name"].get<std::string>() + " = " + value;
}

json frame_with(const json& variables, const std::string& argument_or_local) {
  for (const json& frame : variables) {
    for (const char* const group : {"arguments", "locals"}) {
      for (const json& variable : frame[group])
        if (variable["name"] == argument_or_local) return frame;
    }
  }
  return nullptr;
}

std::map<std::string, std::string> values_by_name(const json& frame) {
  std::map<std::string, std::string> values;
  for (const char* const group : {"arguments", "locals"}) {
    for (const json& variable : frame[group])
      values[variable["name"]] = variable["value"].is_null() ? "" : variable["value"];
  }
  return values;
}

// ---- beside the prompt, which is tested beside gdb ----

class StacksFull : public testing::TestWithParam<std::string> {};

/// Locals by tid, in the order of the frames, as `thread apply all bt full` shows them.
std::map<pid_t, Strings> locals_at_prompt(pid_t pid) {
  ClewProcess::Options options;
  options.environment = {"DEBUGINFOD_URLS"};
  const Ran ran = run_clew(
      {"attach", std::to_string(pid), "--batch", "-x", "thread apply all bt full"}, 120s, options);
  EXPECT_EQ(ran.status, 0) << ran.err;
  static const std::regex heading("[Tt]hread [0-9]+ .*tid ([0-9]+).*");
  std::map<pid_t, Strings> found;
  pid_t tid = 0;
  std::smatch match;
  std::istringstream lines(ran.out);
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, heading)) {
      tid = std::stoi(match[1]);
      found[tid] = {};
    } else if (line.starts_with("        ") && tid != 0) {
      found[tid].push_back(line.substr(8));
    }
  }
  return found;
}

TEST_P(StacksFull, VariablesAreThoseOfThePrompt) {
  if (!has_built("stacks/" + GetParam())) GTEST_SKIP() << "its compiler is not installed";
  Fixture target("stacks/" + GetParam());
  const auto wanted = locals_at_prompt(target.pid());
  ASSERT_FALSE(wanted.empty());
  const json document = full_document(target.pid(), {"--no-group"});
  EXPECT_TRUE(document["complete"]);
  EXPECT_TRUE(is_untraced(target.pid()));
  size_t compared = 0;
  std::map<pid_t, Strings> found;
  for (const json& group : document["groups"]) {
    const json& thread = group["threads"][0];
    Strings& lines = found[thread["tid"].get<pid_t>()];
    for (const json& frame : thread["variables"]) {
      for (const json& variable : frame["locals"]) lines.push_back(shown_variable(variable));
    }
    compared += lines.size();
  }
  EXPECT_EQ(found, wanted);
  EXPECT_GT(compared, 3U);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, StacksFull,
                         testing::Values("c-gcc-O0-dwarf5", "c-clang-O2-dwarf4", "c-separate",
                                         "cpp-gcc-O0", "cpp-clang-O2", "rust-debug", "rust-release",
                                         "rust-variables-O2"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// ---- many threads ----

TEST(StacksFullOfMany, EachThreadHasItsOwnValuesOfOneMoment) {
  if (!has_built("stacks/cpp-variables")) GTEST_SKIP() << "there is no g++";
  Fixture target("stacks/cpp-variables", {"1000"});
  // More than enough for a machine that is busy with other things.
  const json document = full_document(target.pid(), {"--max-pause", "60s"});
  EXPECT_TRUE(is_untraced(target.pid()));
  EXPECT_TRUE(document["complete"]);
  EXPECT_GT(document["pause_ms"], 0.0);
  EXPECT_GT(document["first_pause_ms"], 0.0);
  const std::vector<pid_t> tids = target.tids();
  std::map<pid_t, json> by_tid;
  for (const json& group : document["groups"]) {
    for (const json& thread : group["threads"]) {
      EXPECT_FALSE(thread.contains("variables_missing"));
      by_tid[thread["tid"].get<pid_t>()] = thread["variables"];
    }
  }
  std::set<std::string> early, late;
  for (size_t i = 0; i < tids.size(); ++i) {
    const auto values = values_by_name(frame_with(by_tid[tids[i]], "place"));
    ASSERT_EQ(values.count("number"), 1U) << "worker " << i;
    EXPECT_EQ(values.at("number"), std::to_string(i));
    EXPECT_EQ(values.at("place"), fmt::format("{{x = 7, y = {}}}", i % 2));
    EXPECT_EQ(values.at("text"), fmt::format("\"worker {}\"", i));
    EXPECT_EQ(values.at("numbers"),
              fmt::format("std::vector of length 3, capacity 3 = {{{}, {}, 7}}", i, i + 1));
    EXPECT_EQ(values.at("common"), "42");
    early.insert(values.at("early"));
    late.insert(values.at("late"));
  }
  // The thread that counts them is held as well.
  ASSERT_EQ(early.size(), 1U);
  ASSERT_EQ(late.size(), 1U);
  const auto count = [](const std::string& text) {
    return std::stoull(text.substr(text.find(": ") + 2));
  };
  const auto ahead = count(*early.begin()) - count(*late.begin());
  EXPECT_LE(ahead, 1U);
}

TEST(StacksFullOfMany, WhatTheyHaveInCommonIsShownOnceAndWhatDiffersWithWhoseItIs) {
  if (!has_built("stacks/cpp-variables")) GTEST_SKIP() << "there is no g++";
  Fixture target("stacks/cpp-variables", {"8"});
  const std::vector<pid_t> tids = target.tids();
  const Ran grouped = full_stacks(target.pid(), {});
  EXPECT_EQ(grouped.status, 0);
  EXPECT_EQ(grouped.err, "");
  const auto count = [](const std::string& text, const std::string& part) {
    size_t times = 0;
    for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++times;
    return times;
  };
  EXPECT_EQ(count(grouped.out, "  common = 42\n"), 1U) << grouped.out;
  EXPECT_TRUE(has(grouped.out, "worker (number=…, place=..., early=..., late=...)")) << grouped.out;
  EXPECT_TRUE(has(grouped.out, fmt::format("  number [tid {}] = 0\n", tids[0]))) << grouped.out;
  EXPECT_TRUE(has(grouped.out, fmt::format("  text [tid {}] = \"worker 4\"\n", tids[4])));
  // Two values of four threads each, the other way round in the program than by number.
  EXPECT_EQ(count(grouped.out, "  place [tid "), 2U) << grouped.out;
  EXPECT_EQ(count(grouped.out, "  number [tid "), 5U) << grouped.out;
  EXPECT_TRUE(has(grouped.out, "  number: 3 other values in 3 more (--all shows them)\n"));
  EXPECT_TRUE(has(grouped.out, ", and before that for ")) << grouped.out;
  const Ran all = full_stacks(target.pid(), {"--all"});
  EXPECT_EQ(count(all.out, "  number [tid "), 8U) << all.out;
  const Ran each = full_stacks(target.pid(), {"--no-group"});
  EXPECT_EQ(count(each.out, "  common = 42\n"), 8U) << each.out;
  EXPECT_TRUE(has(each.out, "worker (number=5, place=..., early=..., late=...)")) << each.out;
  EXPECT_FALSE(has(each.out, " [tid ")) << each.out;
}

TEST(StacksFullOfMany, WhatWasNotReadInTimeIsSaid) {
  if (!has_built("stacks/cpp-variables")) GTEST_SKIP() << "there is no g++";
  Fixture target("stacks/cpp-variables", {"50"});
  const Ran text = full_stacks(target.pid(), {"--max-pause", "1ns"});
  EXPECT_EQ(text.status, 0);
  EXPECT_TRUE(has(text.err, "(--max-pause)")) << text.err;
  EXPECT_TRUE(is_untraced(target.pid()));
  const Ran ran = full_stacks(target.pid(), {"--max-pause", "1ns", "--json"});
  const json document = json::parse(ran.out, nullptr, false);
  ASSERT_FALSE(document.is_discarded());
  EXPECT_FALSE(document["complete"]);
  const json whole = full_document(target.pid(), {"--max-pause", "60s"});
  EXPECT_TRUE(whole["complete"]);
}

TEST(StacksFullOfMany, FlameGraphsHaveNoVariables) {
  Fixture target("sleepers", {"2"});
  for (const Strings& options :
       {Strings{"--folded"}, Strings{"--svg", scratch_folder() + "/refused.svg"}}) {
    const Ran ran = full_stacks(target.pid(), options);
    EXPECT_NE(ran.status, 0);
    EXPECT_TRUE(has(ran.err, "--full")) << ran.err;
    EXPECT_EQ(ran.out, "");
  }
  EXPECT_FALSE(fs::exists(scratch_folder() + "/refused.svg"));
}

TEST(StacksFullOfMany, IdlePoolsAreReadWhenTheyAreShown) {
  Fixture target("sleepers", {"20"});
  const Ran folded = full_stacks(target.pid(), {});
  EXPECT_TRUE(has(folded.out, "idle")) << folded.out;
  EXPECT_FALSE(has(folded.out, "number = ")) << folded.out;
  const Ran shown = full_stacks(target.pid(), {"--all"});
  EXPECT_TRUE(has(shown.out, "sleeper (number=")) << shown.out;
}

// ---- Go ----

TEST(StacksFullOfGo, GoroutinesHaveTheVariablesOfThePrompt) {
  if (!has_built("go/values_debug")) GTEST_SKIP() << "there is no Go compiler";
  Fixture target("go/values_debug");
  const uint64_t id = target.ready()["goroutines"]["locals"].get<uint64_t>();
  ClewProcess::Options options;
  options.environment = {"DEBUGINFOD_URLS"};
  const Ran prompt = run_clew({"attach", std::to_string(target.pid()), "--batch", "-x",
                               fmt::format("goroutine {}", id), "-x", "bt full"},
                              60s, options);
  EXPECT_EQ(prompt.status, 0) << prompt.err;
  Strings wanted;
  std::istringstream lines(prompt.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("        ")) wanted.push_back(line.substr(8));
  }
  ASSERT_GT(wanted.size(), 5U) << prompt.out;
  const json document = full_document(target.pid(), {"--max-pause", "60s"});
  Strings found;
  for (const json& group : document["goroutine_groups"]) {
    for (const json& goroutine : group["goroutines"]) {
      EXPECT_FALSE(goroutine.contains("variables_missing")) << goroutine;
      if (goroutine["id"] != id) continue;
      for (const json& frame : goroutine["variables"]) {
        for (const json& variable : frame["locals"]) found.push_back(shown_variable(variable));
      }
    }
  }
  EXPECT_EQ(found, wanted);
}

}  // namespace
}  // namespace clew::test
