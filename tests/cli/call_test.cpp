// Calls of the program's functions at the prompt: which one is meant, what it is given, what it
// returns, and what is said when it does not return.

#include "values_at_prompt.h"

namespace clew::test {
namespace {

struct Expected {
  std::string command, answer;
};

class CallsInCpp : public ProgramAtPrompt, public testing::WithParamInterface<std::string> {
 public:
  CallsInCpp() : ProgramAtPrompt(GetParam()) {}

  bool is_optimised() const { return name.ends_with("O2"); }
  /// What each command has printed in the frame of the member function that waits.
  void expect(const std::vector<Expected>& cases) {
    Strings commands;
    for (const Expected& one : cases) commands.push_back(one.command);
    commands = with_marks(commands);
    const Ran ran = in("ops::Special::wait_here", commands);
    const Strings said = answers(ran.out, cases.size());
    ASSERT_EQ(said.size(), cases.size()) << ran.out << ran.err;
    for (size_t i = 0; i < cases.size(); ++i) {
      std::string text = plain(said[i]);
      // What comes in front of the first one is of the attach.
      if (i == 0) text = text.substr(text.rfind('\n') + 1);
      EXPECT_EQ(text, cases[i].answer) << cases[i].command << "\n" << ran.err;
    }
  }
};

TEST_P(CallsInCpp, NumbersStringsAndOverloads) {
  expect({{"print 0", "0"},
          {"print ops::twice(21)", "42"},
          {"print ops::twice(2.25)", "5"},
          {"print ops::twice(1.5f)", "3.5"},
          {"print ops::twice(\"four\")", "8"},
          {"print ops::twice(plain)", "10"},
          {"print ops::twice(ops::twice(3)) + 1", "13"},
          {"print ops::name_of(ops::Color::green)[0]", "103 'g'"},
          {"print ops::is_even(3)", "false"},
          {"print ops::next_letter('a')", "98 'b'"},
          {"print ops::nine(1, 2, 3, 4, 5, 6, 7, 8, 9)", "987654321"},
          {"print ops::nine(-1, 0, 0, 0, 0, 0, 0, 0, 0)", "-1"},
          {"print ops::ten(1, 2, 3, 4, 5, 6, 7, 8, 9, 1.5f)", "276"},
          {"print ops::total(2, 30, 4, 5.5)", "39"},
          {"print ops::longer(1.5, 3)", "4.5"},
          {"print ops::wide(1000000000000000000, 1000)", "1000000000000000000000"},
          {"print ops::factorial(10)", "3628800"},
          {"print ops::hidden(5)", "4"},
          {"print operation(5)", "4"},
          {"print (*operation)(6)", "5"},
          {"print ops::larger<int>(3, 7)", "7"},
          {"print ops::catches(5)", "13"},
          {"call ops::nothing()", ""},
          {"call ops::twice(1)", "2"},
          {"whatis ops::twice(1)", "type = int"},
          {"whatis ops::make_large(1)", "type = ops::Large"},
          {"print sizeof(ops::make_large(1))", "32"}});
}

TEST_P(CallsInCpp, StructuresInRegistersAndMemory) {
  expect({{"print 0", "0"},
          {"print ops::make_small(3)", "{a = 3, b = 0.5}"},
          {"print ops::sum_of(small)", "7"},
          {"print ops::sum_of(ops::make_small(8))", "9"},
          {"print ops::swapped(two)", "{x = 2.5, y = 1.5}"},
          {"print ops::grown(mixed, 3)", "{n = 10, d = 3.25}"},
          {"print ops::make_large(5)", "{words = {5, 6, 7, 8}}"},
          {"print ops::make_large(5).words[2]", "7"},
          {"print ops::sum_large(10, large, 20)", "35"},
          {"print ops::with_empty(empty, 6)", "7"},
          {"print ops::of_packed(packed)", "3"},
          {"print ops::copied(3)", "{number = 3}"},
          {"print ops::of_copied(one)", "3"},
          {"print ops::turned(z)._M_value", "-2 + 1i"},
          {"print ops::greeting(text)", "\"hello, a text\""},
          {"print ops::length_of(row)", "3"},
          {"print ops::first_of(global)", "5"},
          {"print ops::first_of(17)", "17"},
          {"call ops::set_to(global, 6)", ""},
          {"print global", "6"}});
}

TEST_P(CallsInCpp, MemberFunctions) {
  // Without optimisation `this` is known.
  if (is_optimised()) GTEST_SKIP() << "its objects are optimised out";
  expect({{"print 0", "0"},
          {"print add(5)", "15"},
          {"print this->add(1, 4)", "19"},
          {"print get()", "19"},
          {"print value", "19"},
          {"print limit(1)", "101"},
          {"print ops::Counter::limit(2)", "102"},
          {"print kind()", "49"},
          {"print this->Counter::kind()", "2"},
          {"print spread()", "{words = {19, 19, 19, 19}}"},
          {"print owner->kind()", "40"},
          {"print ((ops::Named*)owner.get())->kind()", "40"},
          {"print owner->get()", "10"},
          {"print ((ops::Counter*)this)->kind()", "49"}});
}

TEST_P(CallsInCpp, WhatDoesNotEndWellIsSaidAndUndone) {
  const std::string undone = "thread 1 is as it was before";
  const std::pair<std::string, std::string> cases[] = {
      {"call ops::crash((int*)8)", "was ended by SIGSEGV at ops::crash"},
      {"call ops::throws(1)", "was ended by SIGABRT"},
      {"call ops::forever()", "has not returned in 100 ms"},
  };
  for (const auto& [command, expected] : cases) {
    const Ran ran = in("ops::Special::wait_here",
                       {"set call-timeout 100ms", "frame 0", "regs", command, "regs"});
    EXPECT_NE(ran.err.find(expected), std::string::npos) << command << "\n" << ran.err;
    EXPECT_NE(ran.err.find(undone), std::string::npos) << command << "\n" << ran.err;
    const size_t first = ran.out.find("REGISTER");
    const size_t second = ran.out.find("REGISTER", first + 1);
    ASSERT_NE(second, std::string::npos) << ran.out;
    const std::string after = ran.out.substr(second, ran.out.find("detached", second) - second);
    EXPECT_NE(after.find("\nrip "), std::string::npos) << after;
    EXPECT_EQ(ran.out.substr(first, after.size()), after) << command;
  }
  const Ran ran =
      in("ops::Special::wait_here", {"break ops::twice", "print ops::twice(1)", "info breakpoints",
                                     "delete 1", "print ops::twice(1)"});
  EXPECT_NE(ran.err.find("was ended by breakpoint 1 at ops::twice"), std::string::npos) << ran.err;
  EXPECT_NE(ran.out.find("= 2\n"), std::string::npos) << ran.out;
}

TEST_P(CallsInCpp, BadCalls) {
  const std::pair<std::string, std::string> cases[] = {
      {"ops::twice()", "none of 3 functions of that name"},
      {"ops::hidden(1, 2)", "the function takes 1 argument, not 2"},
      {"ops::hidden(two)", "argument 1 has type ops::Two, where the function takes int"},
      {"ops::by_value(one)", "which only its own constructor copies"},
      {"ops::nosuch(1)", "there is no \"ops::nosuch\" here"},
      {"global(1)", "a value of type int is no function"},
      {"two.length()", "ops::Two has no member function length"},
      {"(int)getppid(1/0)", "division by zero"},
  };
  for (const auto& [expression, expected] : cases) {
    const Ran ran = in("ops::Special::wait_here", {"print " + expression});
    EXPECT_NE(ran.err.find(expected), std::string::npos) << expression << "\n"
                                                         << ran.out << ran.err;
  }
  // Other threads run meanwhile.
  const Ran ran = in("ops::Special::wait_here", {"break main if ops::twice(1) == 2"});
  EXPECT_NE(ran.err.find("no functions of the program are called at a breakpoint"),
            std::string::npos)
      << ran.err;
}

TEST_P(CallsInCpp, FunctionsWithoutDebugInformation) {
  const Ran ran = in("ops::Special::wait_here",
                     {"print (int)getpid()", "print (unsigned long)strlen(\"seven!!\")",
                      "print (int)atoi(plain)", "print getpid()"});
  EXPECT_NE(ran.out.find(fmt::format("$1 = {}\n", target->pid())), std::string::npos)
      << ran.out << ran.err;
  EXPECT_NE(ran.out.find("$2 = 7\n"), std::string::npos) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("$3 = 0\n"), std::string::npos) << ran.out << ran.err;
  EXPECT_NE(ran.err.find("say it with a cast, as in (int)f(1)"), std::string::npos) << ran.err;
}

TEST_P(CallsInCpp, FinishShowsStructuresInRegisters) {
  const Ran ran = run_clew({"run", "--batch", "-x", "break ops::make_small", "-x",
                            "break ops::swapped", "-x", "continue", "-x", "finish", "-x",
                            "continue", "-x", "finish", "-x", "kill", "--", program_path(name)},
                           60s);
  EXPECT_NE(ran.out.find("value returned: $1 = {a = 4, b = 0.5}\n"), std::string::npos)
      << ran.out << ran.err;
  EXPECT_NE(ran.out.find("value returned: $2 = {x = 1.5, y = 2.5}\n"), std::string::npos)
      << ran.out << ran.err;
}

INSTANTIATE_TEST_SUITE_P(Programs, CallsInCpp,
                         testing::Values("callee-gxx-O0", "callee-gxx-O2", "callee-clangxx-O0",
                                         "callee-clangxx-O2"),
                         [](const auto& compiled) {
                           std::string name = compiled.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

struct CallsInRust : ProgramAtPrompt {
  CallsInRust() : ProgramAtPrompt("callee-rust") {}
};

TEST_F(CallsInRust, NumbersSlicesAndMethods) {
  const Ran ran =
      in("callee::main", {"print twice(21)", "print halved(5.0)", "print callee::is_large(5, 4)",
                          "print length_of(\"seven!!\")", "print length_of(text)",
                          "print account.grown(5)", "print account.balance", "print pair(1)"});
  for (const char* const expected : {"$1 = 42\n", "$2 = 2.5\n", "$3 = true\n", "$4 = 7\n",
                                     "$5 = 9\n", "$6 = 106\n", "$7 = 106\n"}) {
    EXPECT_NE(ran.out.find(expected), std::string::npos) << expected << ran.out << ran.err;
  }
  EXPECT_NE(ran.err.find("how Rust passes structures is written nowhere"), std::string::npos)
      << ran.err;
}

}  // namespace
}  // namespace clew::test
