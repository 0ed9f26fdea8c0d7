// What users of gdb type out of habit: echo, output, printf, frame function, info address of
// locals, $_siginfo, typeid, dynamic_cast, other names of types in template arguments.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "values_at_prompt.h"

namespace clew::test {
namespace {

struct GdbWords : ProgramAtPrompt {
  GdbWords() : ProgramAtPrompt("cpp-gxx-O0-dwarf5") {}
};

TEST_F(GdbWords, TextIsWrittenAsAFormatSays) {
  const Ran ran =
      in("main", {"echo one\\ttwo\\n", "output 1 + 2", "echo \\n", "output/x small", "echo \\n",
                  R"(printf "%s|%5d|%-5d|%x|%c|%.2f|%%\n", "a,\"b", -3, 4, 255, letter, real)",
                  R"(printf "%s %s %lu %V\n", text, object.name, 1 ? 7 : 8, row)",
                  R"(printf "%hhd %u\n", small, negative)", R"(printf "alone\n")"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  for (const char* expected : {"one\ttwo\n", "3\n0xc8\n", "a,\"b|   -3|4    |ff|x|3.25|%\n",
                               "a text derived 7 std::vector of length 3, capacity 3 = {1, 2, 3}\n",
                               "-56 4294967291\n", "alone\n"}) {
    EXPECT_TRUE(has(ran.out, expected)) << expected << ran.out;
  }
}

TEST_F(GdbWords, FormatsThatMakeNoSenseWriteNothing) {
  const std::pair<const char*, const char*> cases[] = {
      {R"(printf "written%y", 1)", "there is no %y"},
      {R"(printf "written%d")", "more values than there are"},
      {R"(printf "written", 1)", "more values than the format shows"},
      {R"(printf "written%s", 1.5)", "is no text"},
      {R"(printf "written%99999d", 1)", "a width of more than"},
      {R"(printf "written%.1.2d", 1)", "the format is not understood"},
      {R"(printf "written%5-d", 1)", "the format is not understood"},
      {R"(printf "written%")", "nothing behind the last %"},
      {R"(printf "written)", "no closing"},
      {R"(printf "written", "y)", "is not ended"},
      {"printf written", "usage: printf"},
      {"output", "usage: output"},
  };
  for (const auto& [command, why] : cases) {
    const Ran ran = at_prompt(target->pid(), {command, "echo end\\n"});
    EXPECT_TRUE(has(ran.err, why)) << command << ran.err;
    EXPECT_TRUE(has(ran.out, "end\n"));
    EXPECT_FALSE(has(ran.out, "written")) << ran.out;
  }
}

TEST_F(GdbWords, FramesAreChosenByTheirFunction) {
  const Ran ran =
      at_prompt(target->pid(), {"frame function main", "output argc", "echo \\n",
                                "frame function shapes::Derived::wait_here", "output factor",
                                "echo \\n", "frame function wait_here", "frame level 0",
                                "frame function nosuch", "frame function", "frame level x"});
  EXPECT_TRUE(has(ran.out, "main (argc=1, ")) << ran.out;
  EXPECT_TRUE(has(ran.out, "\n142\n")) << ran.out;
  EXPECT_TRUE(has(ran.err, "no frame of this stack is one of nosuch")) << ran.err;
  EXPECT_TRUE(has(ran.err, "usage: frame function NAME")) << ran.err;
  EXPECT_TRUE(has(ran.err, "usage: frame [N [COMMAND] | function NAME]")) << ran.err;
}

TEST_F(GdbWords, LocalsHaveAPlace) {
  const std::string address = value("shapes::Derived::wait_here", "&local");
  const std::string number = address.substr(address.rfind("0x"));
  const Ran ran = in("shapes::Derived::wait_here",
                     {"info address local", "info address factor", "info address counter"});
  EXPECT_TRUE(
      has(ran.out,
          "local is a local variable of shapes::Derived::wait_here, in memory at " + number + "\n"))
      << ran.out;
  EXPECT_TRUE(has(ran.out, "factor is an argument of shapes::Derived::wait_here, in memory at "));
  EXPECT_TRUE(has(ran.out, "counter is a variable at 0x")) << ran.out;
}

TEST_F(GdbWords, TypesAreKnownByTypeid) {
  EXPECT_TRUE(has(value("main", "typeid(*base).__name"), "\"N6shapes7DerivedE\""));
  EXPECT_EQ(value("main", "&typeid(*base) == &typeid(object)"), "true");
  EXPECT_EQ(value("main", "&typeid(int) == &typeid(long)"), "false");
  EXPECT_EQ(value("main", "&typeid(int) == &typeid(argc)"), "true");
  EXPECT_EQ(value("main", "&typeid(shapes::Base&) == &typeid(shapes::Base)"), "true");
  const Ran ran = in("main", {"print typeid(Point)", "print typeid(", "print typeid()"});
  EXPECT_TRUE(has(ran.err, "the program has no std::type_info of Point")) << ran.err;
}

TEST_F(GdbWords, TheLimitOfElementsIsThatOfStringsToo) {
  EXPECT_EQ(value("main", "-elements 3 -- text"), "\"a t\"...");
  EXPECT_EQ(value("main", "-elements 2 -characters 4 -- text"), "\"a te\"...");
  EXPECT_TRUE(has(value("main", "-elements 2 -- row"), "{1, 2...}"));
}

TEST(GdbWordsOfClasses, PointersToBasesLeadToTheWholeObject) {
  if (!fs::exists(program_path("callee-gxx-O0"))) GTEST_SKIP() << "there is no g++";
  Fixture target("values/callee-gxx-O0");
  const Ran ran =
      at_prompt(target.pid(), {"frame function main", "print counter == &object", "print &object",
                               "print counter", "print dynamic_cast<ops::Named*>(counter)",
                               "print (long)dynamic_cast<ops::Special*>(counter) == (long)&object",
                               "print (long)counter - (long)&object > 0"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  std::smatch match;
  ASSERT_TRUE(
      std::regex_search(ran.out, match, std::regex("\\$2 = \\(ops::Special \\*\\) (0x[0-9a-f]+)")))
      << ran.out;
  const std::string whole = "(ops::Special *) " + match[1].str() + "\n";
  EXPECT_TRUE(has(ran.out, "$3 = " + whole)) << ran.out;
  EXPECT_TRUE(has(ran.out, "$4 = " + whole)) << ran.out;
  EXPECT_TRUE(has(ran.out, "$5 = true\n$6 = true\n")) << ran.out;
}

TEST(GdbWordsOfClasses, TemplateArgumentsMayBeOtherNames) {
  if (!fs::exists(program_path("cpp-gcc-O0"))) GTEST_SKIP() << "there is no g++";
  Fixture target("values/cpp-gcc-O0");
  const Ran ran = at_prompt(
      target.pid(),
      {"frame function main", "print *(std::map<std::string, std::vector<int>>*)&data::map_nested",
       "print sizeof(std::vector<std::string>)", "whatis std::string",
       "print sizeof(std::unordered_map<std::string,int>) == sizeof(data::unordered_string)",
       "ptype/o std::vector<std::string>"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "{[\"a\"] = std::vector of length 2, capacity 2 = {1, 2}, ")) << ran.out;
  EXPECT_TRUE(has(ran.out, "$2 = 24\n")) << ran.out;
  EXPECT_TRUE(has(ran.out, "$3 = true\n")) << ran.out;
  EXPECT_TRUE(has(ran.out, "/* total size (bytes):   24 */")) << ran.out;
}

TEST(GdbWordsOfSignals, WhatTheKernelSaysOfASignal) {
  const Ran ran = run_clew({"run", "--batch",
                            "-x",  "print $_siginfo",
                            "-x",  "handle SIGUSR1 stop",
                            "-x",  "continue",
                            "-x",  "wait 10s",
                            "-x",  "print $_siginfo.si_signo",
                            "-x",  R"(printf "from %d\n", $_siginfo._sifields._kill.si_pid)",
                            "-x",  "print $_siginfo = 3",
                            "-x",  "print $_inferior",
                            "--",  "/bin/sh",
                            "-c",  "kill -USR1 $$; exit 3"},
                           60s);
  std::smatch match;
  ASSERT_TRUE(std::regex_search(ran.out, match, std::regex("started process ([0-9]+) ")))
      << ran.out;
  EXPECT_TRUE(has(ran.out, "$1 = 10\nfrom " + match[1].str() + "\n")) << ran.out;
  EXPECT_TRUE(has(ran.out, "$2 = 1\n")) << ran.out;
  EXPECT_TRUE(has(ran.err, "the thread is not held before a signal")) << ran.err;
  EXPECT_TRUE(has(ran.err, "$_siginfo cannot be set")) << ran.err;
}

TEST(GdbWordsOfFiles, ALineAloneIsOneOfTheFileOfMain) {
  if (!fs::exists(program_path("cpp-gxx-O0-dwarf5"))) GTEST_SKIP() << "there is no g++";
  const Ran ran =
      run_clew({"run", "--batch", "-x", "break 82", "--", program_path("cpp-gxx-O0-dwarf5")}, 60s);
  EXPECT_TRUE(has(ran.out, "breakpoint 1 at values.cpp:82 in main")) << ran.out << ran.err;
}

}  // namespace
}  // namespace clew::test
