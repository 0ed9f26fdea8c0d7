// Values of Go at the prompt: variables of frames of parked goroutines, and expressions in Go.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <regex>

#include "support.h"

namespace clew::test {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

Ran go_at_prompt(pid_t pid, const Strings& commands) {
  Strings arguments = {"attach", std::to_string(pid), "--batch"};
  for (const std::string& command : commands) {
    arguments.push_back("-x");
    arguments.push_back(command);
  }
  ClewProcess::Options options;
  options.environment = {"DEBUGINFOD_URLS", "XDG_CACHE_HOME=" + scratch_folder() + "/cache"};
  return run_clew(arguments, 60s, options);
}

class GoAtPrompt : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string name = std::string("go/") + GetParam();
    if (!fs::exists(std::string(CLEW_FIXTURES) + "/" + name))
      GTEST_SKIP() << "there is no Go compiler";
    target.emplace(name);
  }
  bool is_optimised() const { return std::string_view(GetParam()) == "values"; }

  /// Commands in the frame of a function on the stack of the goroutine that is known as `name`.
  Ran in(const std::string& name, const std::string& function, const Strings& commands) {
    const uint64_t id = target->ready()["goroutines"][name].get<uint64_t>();
    const std::string select = "goroutine " + std::to_string(id);
    const Ran stack = go_at_prompt(target->pid(), {select, "bt"});
    std::smatch match;
    std::string pattern = "#([0-9]+) [^\n]* " + function;
    if (!std::regex_search(stack.out, match, std::regex(pattern))) {
      ADD_FAILURE() << "no " << function << " in\n" << stack.out << stack.err;
      return stack;
    }
    Strings all = {select, "frame " + match[1].str()};
    all.insert(all.end(), commands.begin(), commands.end());
    Ran ran = go_at_prompt(target->pid(), all);
    EXPECT_TRUE(is_untraced(target->pid()));
    return ran;
  }
  std::string text_in(const std::string& name, const std::string& function,
                      const std::string& command) {
    const Ran ran = in(name, function, {command});
    EXPECT_EQ(ran.status, 0) << command << "\n" << ran.err;
    return ran.out;
  }
  /// What each expression is, without a frame's help but the one of main.inspect.
  Strings values(const Strings& expressions) {
    Strings commands;
    for (const std::string& one : expressions) commands.push_back("print " + one);
    const Ran ran = in("inspect", "main.inspect", commands);
    Strings shown;
    for (size_t i = 0; i < expressions.size(); ++i) {
      const std::string mark = fmt::format("${} = ", i + 1);
      const size_t at = ran.out.find(mark);
      const size_t start = at == ran.out.npos ? 0 : at + mark.size();
      shown.push_back(at == ran.out.npos
                          ? "error: " + ran.err
                          : ran.out.substr(start, ran.out.find('\n', start) - start));
    }
    return shown;
  }
  void expect_values(const std::vector<std::pair<std::string, std::string>>& cases) {
    Strings expressions;
    for (const auto& one : cases) expressions.push_back(one.first);
    const Strings shown = values(expressions);
    for (size_t i = 0; i < cases.size(); ++i)
      EXPECT_EQ(shown[i], cases[i].second) << cases[i].first;
  }

  std::optional<Fixture> target;
};

// The vdso, where one of its threads is most of the time, has no debug information and so no
// language; `&^` is Go's alone.
TEST(GoBesideC, ExpressionsAreInGoWhereCodeHasNoLanguage) {
  if (!fs::exists(std::string(CLEW_FIXTURES) + "/go/crossings"))
    GTEST_SKIP() << "there is no Go compiler";
  Fixture target("go/crossings");
  for (int i = 0; i < 10; ++i) {
    const Ran ran = go_at_prompt(target.pid(), {"thread apply all print 7 &^ 2"});
    EXPECT_THAT(ran.out, HasSubstr(" = 5\n"));
    EXPECT_EQ(ran.err, "") << ran.out;
  }
}

INSTANTIATE_TEST_SUITE_P(Builds, GoAtPrompt, testing::Values("values", "values_debug"),
                         [](const auto& build) { return std::string(build.param); });

TEST_P(GoAtPrompt, LocalsAreThoseThatAreDeclaredByNow) {
  const std::string locals = text_in("locals", "main.locals", "locals");
  EXPECT_THAT(locals, HasSubstr("later = main.point {X: 17, Y: 6}\n"));
  EXPECT_THAT(locals, HasSubstr("escaped = 4\n"));
  EXPECT_THAT(locals, Not(HasSubstr("unborn")));
  EXPECT_THAT(locals, Not(HasSubstr("&")));
  if (!is_optimised()) {
    EXPECT_THAT(locals, HasSubstr("doubled = 6\n"));
    EXPECT_THAT(locals, HasSubstr("shadowed = 17\n"));
    EXPECT_THAT(locals, HasSubstr("(shadowed) = \"outer\"\n"));
    expect_values({});
    EXPECT_THAT(text_in("locals", "main.locals", "print shadowed"), HasSubstr("$1 = 17\n"));
  }
}

TEST_P(GoAtPrompt, ArgumentsAndResults) {
  const std::string arguments = text_in("locals", "main.locals", "args");
  EXPECT_THAT(arguments, HasSubstr("n = "));
  EXPECT_THAT(arguments, HasSubstr("text = "));
  EXPECT_THAT(arguments, HasSubstr("result = "));
  if (!is_optimised()) {
    EXPECT_THAT(arguments, HasSubstr("n = 3\n"));
    EXPECT_THAT(arguments, HasSubstr("text = \"four\"\n"));
    EXPECT_THAT(arguments, HasSubstr("err = error(nil)\n"));
  }
  const std::string unnamed = text_in("unnamed", "main.unnamed", "args");
  EXPECT_THAT(unnamed, HasSubstr("~r0 = "));
  EXPECT_THAT(unnamed, HasSubstr("~r1 = "));
}

TEST_P(GoAtPrompt, WhatAClosureHasCaptured) {
  const std::string locals = text_in("captures", "main.captures.func1", "locals");
  if (is_optimised()) {
    // They may be in registers alone, which the call has not kept: then that is said.
    EXPECT_THAT(locals, AnyOf(HasSubstr("number = 5\n"), HasSubstr("number = <")));
    return;
  }
  EXPECT_THAT(locals, HasSubstr("number = 5\n"));
  EXPECT_THAT(locals, HasSubstr("text = \"captured\"\n"));
}

TEST_P(GoAtPrompt, GenericsHaveTheTypesThatTheyWereCalledWith) {
  const std::string text = text_in("generic string", "main.generic", "locals");
  EXPECT_THAT(text, HasSubstr("copied = \"item\"\n"));
  // Optimised code keeps no dictionary, but its caller says which one it has passed.
  EXPECT_THAT(text_in("generic string", "main.generic", "whatis copied"),
              HasSubstr("type = string\n"));
  EXPECT_THAT(text_in("generic string", "main.generic", "whatis rest"),
              HasSubstr("type = []string\n"));
  // There a copy of a structure can be the same as what it was copied from, under that name alone.
  if (is_optimised()) {
    const Ran ran = in("generic main.point", "main.generic", {"locals", "args"});
    EXPECT_THAT(ran.out, AnyOf(HasSubstr("copied = main.point {X: 1, Y: 2}\n"),
                               HasSubstr("item = main.point {X: 1, Y: 2}\n")))
        << ran.err;
  } else {
    EXPECT_THAT(text_in("generic main.point", "main.generic", "locals"),
                HasSubstr("copied = main.point {X: 1, Y: 2}\n"));
  }
}

TEST_P(GoAtPrompt, NamesAndPackages) {
  expect_values({
      {"counter", "42"},
      {"main.counter + 1", "43"},
      {"main.limit", "1000"},
      {"all.Pointer.X", "5"},
      {"k.Pointer.X == all.Pointer.X", "true"},
      {"os.Args[0] != \"\"", "true"},
      {"\"os\".Args[0] == os.Args[0]", "true"},
      {"all.Structs[point(all.Points[0])]", "\"here\""},
      {"all.AnyPoint.(main.point).Y", "2"},
      {"all.AnyPointer.(*main.point).X", "3"},
      // A package by the name that it gives itself: its path ends in go-odd.
      {"all.AnyOdd.(odd.Box).N", "3"},
  });
}

TEST_P(GoAtPrompt, CompositeLiterals) {
  expect_values({
      {"all.Structs[point{1, 2}]", "\"here\""},
      {"all.Structs[main.point{Y: 2, X: 1}]", "\"here\""},
      {"all.Places[place{Name: \"a\", At: point{1, 2}}]", "1"},
      {"all.Places[place{\"b\", {1, 2}, [2]string{1: \"m\"}, 7}]", "2"},
      {"all.Places[place{}]", "3"},
      {"all.AnyPoint == point{1, 2}", "true"},
      {"point{1, 3} != all.Points[0]", "true"},
      {"all.Grid[1] == [2]int{3, 4}", "true"},
      {"all.Interfaces[\"text\"] && all.Array == [3]int{7, 8, 2: 9}", "true"},
      {"point{X: all.Ints[1], Y: -1}", "main.point {X: 2, Y: -1}"},
      {"point{4, 5}.Y + 1", "6"},
      {"[2]point{{1, 2}, {}}[0].X", "1"},
  });
  const std::pair<std::string, std::string> wrong[] = {
      {"all.Structs[point{1, 3}]", "the map has no element with this key"},
      {"all.Structs[place{}]", "main.point and main.place cannot be compared"},
      {"point{1}", "there are too few values for a main.point"},
      {"point{1, 2, 3}", "there are too many values for a main.point"},
      {"point{Z: 1}", "a main.point has no field Z"},
      {"point{X: 1, 2}", "either all fields of a main.point are named or none is"},
      {"point{X: 1, X: 2}", "a part of the main.point is given twice"},
      {"point{\"a\", 2}", "a string is no int"},
      {"place{Name: \"a\"}", "a new string would need memory of the program's"},
      {"[]int{1, 2}", "clew makes structures and arrays"},
      {"all.Ints[point{1, 2}]", "a main.point is no index"},
      {"nothing{1, 2}", "there is no type of this name here"},
      {"all.Structs[pkg.nothing{1}]", "there is no type of this name here"},
  };
  for (const auto& [expression, error] : wrong)
    EXPECT_THAT(values({expression}).front(), HasSubstr(error)) << expression;
}

TEST_P(GoAtPrompt, WhatIsWrongIsSaid) {
  const std::pair<std::string, std::string> cases[] = {
      {"all.Nonsense", "main.kinds has no field Nonsense"},
      {"all.Ints[5]", "the index 5 is out of range: there are 5 elements"},
      {"all.Ints[3:9]", "[3:9] is out of range: the capacity is 5"},
      {"all.OneMap[\"two\"]", "the map has no element with this key"},
      {"all.OneMap[2]", "a number is no string"},
      {"all.NilPointer.X", "the pointer is nil"},
      {"all.NilAny.X", "the interface is nil"},
      {"all.AnyInt.(string)", "the interface holds a int, no string"},
      {"all.Int + all.Int8", "+ of int and int8: both must have one type"},
      {"all.Ints == all.Half", "a []int can be compared with nil alone"},
      {"all.Yes + 1", "a number is no bool"},
      {"main.nothing", "there is no \"main.nothing\""},
      {"fmt.Nothing", "there is no \"fmt.Nothing\""},
      {"main.point", "main.point is a type, not a value"},
      {"[]main.kinds(nil)", "the program has no type []main.kinds"},
  };
  for (const auto& [expression, expected] : cases) {
    const Ran ran = in("inspect", "main.inspect", {"print " + expression});
    EXPECT_THAT(ran.err, HasSubstr(expected)) << expression;
  }
}

TEST_P(GoAtPrompt, TypesAreWrittenAsInGo) {
  const std::pair<std::string, std::string> cases[] = {
      {"whatis all.OneMap", "type = map[string]int\n"},
      {"whatis &all.Ints[0]", "type = *int\n"},
      {"whatis 1", "type = int\n"},
      {"whatis \"a\"", "type = string\n"},
      {"whatis all.Closure", "type = func(int) int\n"},
      {"whatis all.Receive", "type = <-chan int\n"},
      {"whatis []main.point", "type = []main.point\n"},
      {"ptype main.point", "type main.point struct {\n    X int\n    Y int\n}\n"},
      {"ptype all.Inventory", "type main.inventory map[string]main.point\n"},
      {"ptype main.celsius", "type main.celsius float64\n"},
      {"ptype all.Ints", "type = []int\n"},
      {"ptype main.middle", "type main.middle struct {\n    *main.base\n    Level int\n}\n"},
  };
  Strings commands;
  for (const auto& one : cases) commands.push_back(one.first);
  const Ran ran = in("inspect", "main.inspect", commands);
  for (const auto& [command, expected] : cases)
    EXPECT_THAT(ran.out, HasSubstr(expected)) << command << ran.err;
}

TEST_P(GoAtPrompt, AssignmentsChangeTheProgram) {
  const Ran ran = in("inspect", "main.inspect",
                     {"print counter = 50", "print counter += 2", "print all.Pointer.X = 77",
                      "print all.OneMap[\"one\"] = 3", "print all.NilPointer = all.Pointer",
                      "print all.Pointer = nil", "print all.Float32 = 1.25", "print $n = 5",
                      "print $n * 2", "print all.Yes = false", "print all.String = \"new\""});
  for (const char* expected :
       {"$1 = 50\n", "$2 = 52\n", "$3 = 77\n", "$4 = 3\n", "$6 = (*main.point)(nil)\n",
        "$7 = 1.25\n", "$8 = 5\n", "$9 = 10\n", "$10 = false\n"}) {
    EXPECT_THAT(ran.out, HasSubstr(expected)) << ran.err;
  }
  EXPECT_THAT(ran.err, HasSubstr("a new string would need memory of the program's"));
  expect_values({{"counter", "52"}, {"all.NilPointer.X", "77"}, {"all.OneMap[\"one\"]", "3"}});
}

}  // namespace
}  // namespace clew::test
