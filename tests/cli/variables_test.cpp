// The arguments and local variables of every frame, beside gdb's.

#include <set>

#include "values_at_prompt.h"

namespace clew::test {
namespace {

using Variables = std::multimap<std::string, std::string>;

/// "name = value" lines.
Variables variables_in(const std::string& text) {
  Variables all;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const size_t equals = line.find(" = ");
    if (equals == line.npos || line.starts_with(' ') || line.starts_with("No")) continue;
    all.emplace(line.substr(0, equals), line.substr(equals + 3));
  }
  return all;
}

/// What is not there, for whatever reason: the words are each debugger's own.
bool is_absent(const std::string& value) {
  return value.starts_with("<optimi") || value == "<synthetic pointer>" ||
         (value.starts_with('<') && value.ends_with('>'));
}

std::optional<double> number_of(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') return std::nullopt;
  return number;
}

bool is_same_value(const std::string& ours, const std::string& theirs) {
  if (ours == theirs || (is_absent(ours) && is_absent(theirs))) return true;
  // As many digits as it takes to read the number back, where gdb writes nine or seventeen.
  const auto a = number_of(ours);
  const auto b = number_of(theirs);
  return a && b && std::abs(*a - *b) <= 1e-6 * std::abs(*b);
}

/// Why clew is right where the two differ; empty when it is not known to be.
std::string reason(const std::string& function, const std::string& ours,
                   const std::string& theirs) {
  static const std::regex clobbered(
      "<register (r(ax|cx|dx|si|di|8|9|10|11)|xmm[0-9]+) was not saved by frame [0-9]+>");
  if (std::regex_match(ours, clobbered))
    return "gdb takes what a call may overwrite for what it was before";
  const bool are_characters = ours.ends_with('\'') && theirs.ends_with('\'');
  if (are_characters && ours.substr(0, ours.find(' ')) == theirs.substr(0, theirs.find(' ')))
    return "gdb escapes what its locale has no letter for";
  if (is_absent(theirs)) return "clew finds the value of an argument through more than one call";
  // Containers and Rust's enumerations have words of their own, compared in tests/containers.
  if (ours.find_first_of("{[(\"") != ours.npos || theirs.find_first_of("{[(\"") != theirs.npos)
    return "not a plain value";
  if (function.find("qsort_r") != function.npos && is_absent(ours))
    return "gdb follows the jump by which qsort calls qsort_r";
  return {};
}

class VariablesBesideGdb : public testing::TestWithParam<std::string> {
 protected:
  static Strings commands_for(const json& theirs) {
    Strings commands;
    for (const auto& [tid, frames] : theirs.items()) {
      commands.push_back("thread tid " + tid);
      for (size_t i = 0; i < frames.size(); ++i) {
        for (const std::string& command :
             {fmt::format("frame {}", i), std::string("args"), std::string("locals")})
          commands.push_back(command);
      }
    }
    return commands;
  }
  static json ask_gdb(pid_t pid) {
    ClewProcess::Options options;
    options.program = "/usr/bin/gdb";
    options.environment = {"DEBUGINFOD_URLS"};
    const std::string script = CLEW_SOURCE_DIR "/tests/cli/gdb/variables.py";
    ClewProcess gdb({"-p", std::to_string(pid), "-batch", "-nx", "-ex", "source " + script},
                    options);
    gdb.close_input();
    EXPECT_TRUE(gdb.wait(60s)) << "gdb did not end";
    const std::string mark = "VARIABLES ";
    const size_t at = gdb.out().find(mark);
    if (at == std::string::npos) return {};
    const size_t start = at + mark.size();
    return json::parse(gdb.out().substr(start, gdb.out().find('\n', start) - start));
  }

  void compare(const std::string& where, const std::string& function, const std::string& ours,
               const std::string& theirs) {
    Variables mine = variables_in(ours);
    for (const auto& [name, expected] : variables_in(theirs)) {
      const auto [first, last] = mine.equal_range(name);
      const auto same = std::find_if(
          first, last, [&, e = expected](const auto& one) { return is_same_value(one.second, e); });
      if (same != last) {
        mine.erase(same);
        ++compared;
        continue;
      }
      // gdb also lists what the blocks of an inlined function would have elsewhere.
      if (is_absent(expected) && first == last) continue;
      if (first == last) {
        ADD_FAILURE() << where << ": clew has no " << name << ", gdb " << expected;
        continue;
      }
      const std::string why = reason(function, first->second, expected);
      EXPECT_FALSE(why.empty()) << where << ": " << name << ": clew " << first->second << ", gdb "
                                << expected;
      mine.erase(first);
    }
  }

  unsigned compared = 0;
};

TEST_P(VariablesBesideGdb, ArgumentsAndLocalsAreTheSame) {
  if (!fs::exists(std::string(CLEW_FIXTURES) + "/" + GetParam()))
    GTEST_SKIP() << "its compiler is not installed";
  if (!fs::exists("/usr/bin/gdb")) GTEST_SKIP() << "gdb is not installed";
  Fixture target(GetParam());
  json theirs = ask_gdb(target.pid());
  ASSERT_FALSE(theirs.empty()) << "gdb said nothing";
  if (target.ready().contains("threads")) {
    // One runs, the stacks of two end in nothing, and for the last gdb lets the registers of a call
    // to nowhere be those of its caller.
    for (const char* const name : {"leaf", "smashed", "coroutine", "null"})
      theirs.erase(std::to_string(target.tid_of(name)));
  }
  const Strings commands = commands_for(theirs);
  const Ran ran = at_prompt(target.pid(), with_marks(commands));
  const Strings said = answers(ran.out, commands.size());
  ASSERT_EQ(said.size(), commands.size());
  size_t at = 0;
  for (const auto& [tid, frames] : theirs.items()) {
    ++at;
    for (size_t i = 0; i < frames.size(); ++i, at += 3) {
      const std::string function = frames[i]["function"];
      const std::string where = fmt::format("thread {} frame {} {}", tid, i, function);
      compare(where, function, said[at + 1], frames[i]["args"]);
      compare(where, function, said[at + 2], frames[i]["locals"]);
    }
  }
  EXPECT_GT(compared, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Programs, VariablesBesideGdb,
    testing::Values(
        "stacks/c-gcc-O0-dwarf4", "stacks/c-gcc-O0-dwarf5", "stacks/c-gcc-O2-dwarf4",
        "stacks/c-gcc-O2-dwarf5", "stacks/c-clang-O0-dwarf4", "stacks/c-clang-O0-dwarf5",
        "stacks/c-clang-O2-dwarf4", "stacks/c-clang-O2-dwarf5", "stacks/c-static", "stacks/c-nopie",
        "stacks/c-separate", "stacks/c-debugframe", "stacks/cpp-gcc-O0", "stacks/cpp-gcc-O2",
        "stacks/cpp-clang-O0", "stacks/cpp-clang-O2", "stacks/rust-debug", "stacks/rust-release",
        "stacks/rust-variables-O0", "stacks/rust-variables-O1", "stacks/rust-variables-O2",
        "stacks/rust-variables-O3", "stacks/rust-variables-O2-dwarf5",
        "stacks/rust-variables-O3-lto", "values/cpp-gxx-O0-dwarf4", "values/cpp-gxx-O0-dwarf5",
        "values/cpp-gxx-O2-dwarf4", "values/cpp-gxx-O2-dwarf5", "values/cpp-clangxx-O0-dwarf4",
        "values/cpp-clangxx-O0-dwarf5", "values/cpp-clangxx-O2-dwarf4",
        "values/cpp-clangxx-O2-dwarf5"),
    [](const auto& program) {
      std::string name = program.param;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return c == '-' || c == '/'; }, '_');
      return name;
    });

}  // namespace
}  // namespace clew::test
