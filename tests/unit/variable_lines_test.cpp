// The variables of stacks that look the same, put into one stack's frames.

#include "view/variable_lines.h"

#include <gtest/gtest.h>

namespace clew {
namespace {

FrameVariable argument(const std::string& name, const std::string& text, const std::string& brief) {
  FrameVariable variable;
  variable.name = name;
  variable.text = text;
  variable.brief = brief;
  return variable;
}

FrameVariable local(const std::string& name, const std::string& text) {
  return argument(name, text, "");
}

StackVariables one_frame(std::vector<FrameVariable> arguments, std::vector<FrameVariable> locals) {
  StackVariables variables;
  variables.frames.push_back({0, std::move(arguments), std::move(locals)});
  return variables;
}

struct Shown {
  FrameView frame;
  std::string missing;
};

Shown shown(const std::vector<StackVariables>& all, size_t most_different = 0) {
  std::vector<MemberVariables> members;
  for (const StackVariables& one : all) members.push_back({&one, 100 + members.size()});
  VariableLineOptions options;
  options.indent = "  ";
  options.what = "tid";
  options.most_different = most_different;
  std::vector<FrameView> frames(1);
  Shown found;
  add_variables(frames, members, options, found.missing);
  found.frame = frames.front();
  return found;
}

TEST(VariableLines, OneStackHasArgumentsInItsLineAndLocalsBelow) {
  const Shown found = shown({one_frame({argument("n", "3", "3"), argument("v", "{1, 2}", "...")},
                                       {local("i", "0"), local("i", "7")})});
  EXPECT_EQ(found.frame.arguments, "(n=3, v=...)");
  EXPECT_EQ(found.frame.details, "  v = {1, 2}\n  i = 0\n  i = 7\n");
  EXPECT_EQ(found.missing, "");
}

TEST(VariableLines, WhatDiffersIsShownWithWhoseItIsTheMostFrequentFirst) {
  const auto with = [](const std::string& n, const std::string& i) {
    return one_frame({argument("n", n, n)}, {local("i", i), local("same", "1")});
  };
  const Shown found = shown({with("3", "a"), with("4", "b"), with("4", "b"), with("5", "b")}, 2);
  EXPECT_EQ(found.frame.arguments, "(n=…)");
  EXPECT_EQ(found.frame.details,
            "  n [tid 101, 102] = 4\n  n [tid 100] = 3\n"
            "  n: 1 other value in 1 more (--all shows them)\n"
            "  i [tid 101-103] = b\n  i [tid 100] = a\n  same = 1\n");
}

TEST(VariableLines, AVariableThatNotAllHaveIsNotTakenForEverybodys) {
  StackVariables late;
  late.missing = "not read";
  const Shown found = shown({one_frame({argument("n", "3", "3")}, {}), late});
  EXPECT_EQ(found.frame.arguments, "(n=…)");
  EXPECT_EQ(found.frame.details, "  n [tid 100] = 3\n");
  EXPECT_EQ(found.missing, "variables [tid 101]: not read\n");
  const Shown none = shown({late, late});
  EXPECT_EQ(none.frame.arguments, "");
  EXPECT_EQ(none.missing, "variables: not read\n");
}

}  // namespace
}  // namespace clew
