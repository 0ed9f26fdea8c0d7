// Values at the prompt: expressions, variables and types, beside gdb's.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <regex>

#include "values_at_prompt.h"

namespace clew::test {
namespace {

struct ValuesAtPrompt : ProgramAtPrompt {
  ValuesAtPrompt() : ProgramAtPrompt("cpp-gxx-O0-dwarf5") {}
};

TEST_F(ValuesAtPrompt, MembersOfThisHistoryAndConvenienceVariables) {
  const Ran ran = in("shapes::Derived::wait_here",
                     {"print local", "print id", "print numbers[1:3]", "print $ ", "print $$2",
                      "print $n = 5", "print $n * 2", "print factor == 142 && this->id == 7"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  for (const char* expected : {"$1 = 149\n", "$2 = 7\n", "$3 = {2, 3}\n", "$4 = {2, 3}\n",
                               "$5 = 7\n", "$6 = 5\n", "$7 = 10\n", "$8 = true\n"}) {
    EXPECT_NE(ran.out.find(expected), std::string::npos) << expected << ran.out;
  }
}

TEST_F(ValuesAtPrompt, ContainersAndTheirElements) {
  EXPECT_EQ(value("main", "row[1]"), "2");
  EXPECT_EQ(value("main", "text"), "\"a text\"");
  EXPECT_NE(value("main", "row").find("{1, 2, 3}"), std::string::npos);
  EXPECT_NE(in("main", {"print/r row"}).out.find("_M_impl"), std::string::npos);
}

TEST_F(ValuesAtPrompt, AssignmentsChangeTheProgram) {
  const Ran ran =
      in("main", {"print point.x = 77", "set var point.y = -3", "print point",
                  "print object.flags = 2", "print object.more", "print heap[1]++", "print heap[1]",
                  "print of_thread += 2", "print color = shapes::Color::red"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  for (const char* expected : {"$2 = {x = 77, y = -3}\n", "$3 = 2\n", "$4 = 17\n", "$5 = 20\n",
                               "$6 = 21\n", "$7 = 14\n", "$8 = shapes::Color::red\n"}) {
    EXPECT_NE(ran.out.find(expected), std::string::npos) << expected << ran.out;
  }
  // Another clew sees them.
  EXPECT_EQ(value("main", "point"), "{x = 77, y = -3}");
}

TEST_F(ValuesAtPrompt, MemoryAndInstructionsAreDisplayedToo) {
  const Ran ran = in("main", {"display/i $pc", "display/2xg $sp", "display/x 16", "display",
                              "display/3q 1", "display/i nothing"});
  EXPECT_NE(ran.out.find("1: x/i $pc\n=> 0x"), std::string::npos) << ran.out;
  EXPECT_TRUE(std::regex_search(
      ran.out, std::regex("2: x/2xg \\$sp\n0x[0-9a-f]{16}:  0x[0-9a-f]{16}  0x[0-9a-f]{16}\n")))
      << ran.out;
  EXPECT_NE(ran.out.find("3: /x 16 = 0x10\n"), std::string::npos) << ran.out;
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '$'), 4) << "each twice\n" << ran.out;
  EXPECT_NE(ran.err.find("\"3q\" is no format"), std::string::npos) << ran.err;
  EXPECT_NE(ran.out.find("4: x/i nothing = <there is no \"nothing\" here>\n"), std::string::npos)
      << ran.out;
}

// Not beside gdb, which leaves "virtual" out of what gcc has made.
TEST_F(ValuesAtPrompt, APointerToAVirtualTableMakesLabelsMatter) {
  EXPECT_NE(in("main", {"ptype shapes::Base"})
                .out.find("type = struct shapes::Base {\n  public:\n    int id;\n    static int "
                          "count;\n\n    virtual ~Base(void);\n}\n"),
            std::string::npos);
}

TEST_F(ValuesAtPrompt, ScopesMayBeOtherNamesOfClasses) {
  EXPECT_EQ(value("main", "(std::string::size_type)7 + text.size()"), "13");
  const Ran ran = in("main", {"ptype std::string::pointer", "print std::string::nothing"});
  EXPECT_NE(ran.out.find("type = char *\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.err.find("there is no \"std::string::nothing\" here"), std::string::npos)
      << ran.err;
}

struct RustAtPrompt : ProgramAtPrompt {
  RustAtPrompt() : ProgramAtPrompt("rust-debug") {}
};

TEST_F(RustAtPrompt, TypesReadAsTheyAreDeclared) {
  const Ran ran =
      in("rust_containers::main", {"ptype rust_containers::Message", "ptype rust_containers::Dog",
                                   "ptype rust_containers::Fish", "ptype rust_containers::Word"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  for (const char* expected :
       {"type = enum rust_containers::Message {\n    Quit,\n    Move{x: i32, y: i32},\n    "
        "Write(alloc::string::String),\n    Color(u8, u8, u8),\n}\n",
        "type = struct rust_containers::Dog {\n    name: alloc::string::String,\n    age: "
        "u32,\n}\n",
        "type = struct rust_containers::Fish (\n    u8,\n)\n",
        "type = union rust_containers::Word {\n    whole: u32,\n    part: f32,\n}\n"}) {
    EXPECT_NE(ran.out.find(expected), std::string::npos) << expected << ran.out;
  }
}

TEST_F(RustAtPrompt, ThereAreNoElementsBehindAnArray) {
  EXPECT_EQ(value("rust_containers::main", "all.array[2]"), "3");
  EXPECT_EQ(value("rust_containers::main", "all.array[1..3]"), "[2, 3]");
  const Ran ran = in("rust_containers::main",
                     {"print all.array[3]", "print all.array[-1]", "print all.array[1..4]",
                      "print all.vec_many[3]", "print all.map_one[\"one\"]"});
  for (const char* expected :
       {"there is no element 3: it has 3\n  all.array[3]", "there is no element -1: it has 3",
        "there is nothing up to 4: it has 3", "there is no element 3: it has 3\n  all.vec_many[3]",
        "elements are not looked up by their keys: print shows them all"}) {
    EXPECT_NE(ran.err.find(expected), std::string::npos) << expected << "\n" << ran.err;
  }
}

struct CopiedVariables : ProgramAtPrompt {
  CopiedVariables() : ProgramAtPrompt("copied") {}
};

/// The dynamic linker binds the library to the program's copy, and the library's own is used by
/// nobody.
TEST_F(CopiedVariables, AreThoseOfTheProgramInTheLibraryToo) {
  for (const char* function : {"wait_in_library", "main"}) {
    EXPECT_EQ(value(function, "copied_number"), "42") << function;
    EXPECT_EQ(value(function, "own_number"), "43") << function;
    EXPECT_EQ(value(function, "&copied_number"), value("main", "&copied_number")) << function;
  }
  EXPECT_EQ(in("wait_in_library", {"set var copied_number = 7"}).status, 0);
  EXPECT_EQ(value("main", "copied_number"), "7");
  const Ran ran = in("wait_in_library", {"info address copied_number", "info symbol &own_number"});
  EXPECT_NE(ran.out.find("own_number in section .data"), std::string::npos) << ran.out;
}

// They run nothing in the program, so that a breakpoint may ask them; what the program has may not
// be called there.
TEST(OwnFunctions, DecideOnHits) {
  Fixture target("steps");
  const Ran ran = run_clew({"attach", std::to_string(target.pid()), "--batch", "-x",
                            "break work if $_streq(\"a\", \"b\")", "-x",
                            "break work if $_memeq(&sum, &sum, 4) && $_strlen(\"abc\") == 3", "-x",
                            "continue", "-x", "wait 10s"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("hit breakpoint 2 "), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("hit breakpoint 1 "), std::string::npos) << ran.out;
  const Ran refused = run_clew({"attach", std::to_string(target.pid()), "--batch", "-x",
                                "break work if work($_strlen(\"abc\")) == 3"});
  EXPECT_NE(refused.err.find("no functions of the program are called"), std::string::npos)
      << refused.err;
}

TEST_F(ValuesAtPrompt, OwnFunctionsReadTextsAndCallNothing) {
  const std::pair<const char*, const char*> cases[] = {
      {"$_strlen(object.name)", "7"},
      {"$_strlen(\"abc\")", "3"},
      {"$_streq(object.name, \"derived\")", "1"},
      {"$_streq(object.name, \"derive\")", "0"},
      {"$_streq(text, \"a text\") && !$_streq(text, object.name)", "true"},
      {"$_regex(text, \"^a t.xt$\")", "1"},
      {"$_regex(text, \"^text\")", "0"},
      {"$_memeq(heap, heap, 12)", "1"},
      {"$_memeq(heap, &heap[1], 4)", "0"},
      {"$_isvoid($never_set)", "1"},
      {"$_isvoid(text)", "0"},
  };
  Strings commands;
  for (const auto& [expression, expected] : cases)
    commands.push_back(std::string("print ") + expression);
  const Ran ran = in("main", commands);
  EXPECT_EQ(ran.status, 0) << ran.err;
  for (size_t i = 0; i < std::size(cases); ++i) {
    const std::string line = fmt::format("${} = {}\n", i + 1, cases[i].second);
    EXPECT_NE(ran.out.find(line), std::string::npos) << cases[i].first << "\n" << ran.out;
  }
  for (const auto& [expression, expected] :
       {std::pair("$_strlen(point)", "a value of type Point is no text"),
        std::pair("$_streq(text)", "$_streq takes 2 arguments, not 1"),
        std::pair("$_strlen((char*)16)", "there is no readable memory at 0x10"),
        std::pair("$_memeq(heap, heap, -1)", "-1 bytes cannot be compared"),
        std::pair("$_regex(text, \"(\")", "is no regular expression")}) {
    const Ran bad = in("main", {std::string("print ") + expression});
    EXPECT_NE(bad.err.find(expected), std::string::npos) << expression << "\n" << bad.err;
  }
}

TEST_F(ValuesAtPrompt, ErrorsSayWhatAndWhere) {
  const std::pair<std::string, std::string> cases[] = {
      {"nonsense + 1", "there is no \"nonsense\" here\n  nonsense + 1\n  ^"},
      {"1 + nonsense", "there is no \"nonsense\" here\n  1 + nonsense\n      ^"},
      {"1/0", "division by zero"},
      {"point.z", "Point has no member z"},
      {"(1 + 2", "\")\" is missing here"},
      {"main(1)", "the function takes 2 arguments, not 1"},
      {"*(int*)16", "cannot read memory at 0x10"},
      {"Point", "is a type, not a value"},
      {std::string(3000, '('), "too many brackets"},
  };
  for (const auto& [expression, expected] : cases) {
    const Ran ran = in("main", {"print " + expression});
    EXPECT_NE((ran.out + ran.err).find(expected), std::string::npos) << expression << "\n"
                                                                     << ran.out << ran.err;
  }
}

TEST_F(ValuesAtPrompt, ArgumentsOfTemplatesWithDefaultsMayBeLeftOut) {
  const Ran ran = in("main", {"print sizeof(std::vector<int>)", "whatis std::vector<int>",
                              "print ((std::vector<int>*)&row)->size() == sizeof(std::vector<int>)"
                              " / sizeof(int*)",
                              "whatis std::vector<char>", "print row.size() < 3 > 1"});
  EXPECT_NE(ran.out.find("$1 = 24\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("type = std::vector<int, std::allocator<int> >\n"), std::string::npos)
      << ran.out;
  EXPECT_EQ(ran.out.find("<char"), std::string::npos) << ran.out;
}

TEST_F(ValuesAtPrompt, OptionsOfOnePrint) {
  const Ran ran = in("main", {"print -elements 2 -- matrix[0]", "print matrix[0]",
                              "print -pretty -array-indexes on -- heap[0]@2", "print -- -3",
                              "print -obj off -- *base", "print -r row"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  for (const char* expected : {"$1 = {1, 2...}\n", "$2 = {1, 2, 3}\n",
                               "$3 = {[0] = 10, [1] = 20}\n", "$4 = -3\n", "$5 = {_vptr.Base = "}) {
    EXPECT_NE(ran.out.find(expected), std::string::npos) << expected << ran.out;
  }
  for (const auto& [command, expected] :
       {std::pair("print -nonsense -- row", "print has no option -nonsense"),
        std::pair("print -elements many -- row", "usage: set print"),
        std::pair("print -s on -- row", "could be")}) {
    const Ran bad = in("main", {command});
    EXPECT_NE(bad.err.find(expected), std::string::npos) << command << "\n" << bad.err;
  }
}

TEST_F(ValuesAtPrompt, MemoryAsInstructionsAndAsFloatingPoint) {
  const Ran ran = in("main", {"x/2i main", "x/i", "x/i $pc", "x/f &real", "x/2fw &word"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  const std::regex first(
      "   0x[0-9a-f]{16} <main\\+0>  push rbp\n"
      "   0x[0-9a-f]{16} <main\\+1>  mov rbp, rsp\n"
      "   0x[0-9a-f]{16} <main\\+4>  ");
  EXPECT_TRUE(std::regex_search(ran.out, first)) << ran.out;
  EXPECT_TRUE(std::regex_search(ran.out, std::regex("=> 0x[0-9a-f]{16} <main\\+[0-9]+>  ")))
      << ran.out;
  EXPECT_NE(ran.out.find(":  3.25\n"), std::string::npos) << ran.out;
  EXPECT_TRUE(std::regex_search(ran.out, std::regex(": +1\\.5  "))) << ran.out;
  const Ran bad = in("main", {"x/hf &real", "x/2i 16"});
  EXPECT_NE(bad.err.find("x/f shows numbers of 4 bytes"), std::string::npos) << bad.err;
}

TEST_F(ValuesAtPrompt, WhatHasNoTypeIsToBeCast) {
  const Ran ran = in("main", {"print environ", "print *(char**)environ != 0"});
  EXPECT_NE(ran.out.find("$1 = "), std::string::npos) << ran.out << ran.err;
  EXPECT_EQ(ran.out.find("incomplete"), std::string::npos) << ran.out;
}

TEST_F(ValuesAtPrompt, FramesShowArgumentsAndVariables) {
  const Ran ran =
      in("main", {"bt", "bt full", "args", "info locals", "display point.x", "x/2dw heap"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  for (const char* expected :
       {", factor=142) at values.cpp", " main (argc=1, argv=0x", "        local = 149\n",
        "argc = 1\n", "point = {x = 1, y = -2}\n", "1: point.x = 1\n", "  10  20\n"}) {
    EXPECT_NE(ran.out.find(expected), std::string::npos) << expected << ran.out;
  }
}

class ValuesBesideGdb : public testing::TestWithParam<std::string> {};

TEST_P(ValuesBesideGdb, ExpressionsAreTheSame) {
  if (!fs::exists(program_path(GetParam()))) GTEST_SKIP() << "its compiler is not installed";
  if (!fs::exists("/usr/bin/gdb")) GTEST_SKIP() << "gdb is not installed";
  Fixture target("values/" + GetParam());
  // The innermost frame is in the C library, whose language has no scopes.
  const Strings commands = {"set language c++",
                            "print shapes::scale",
                            "print counter",
                            "print shapes::Base::count",
                            "print &shapes::scale",
                            "print *&shapes::scale + 1",
                            "print sizeof(shapes::Derived)",
                            "print sizeof(Box<int>)",
                            "print 10 % 3 + 2 * 4 << 1",
                            "print -1 > 1u",
                            "print 1.5f + 1",
                            "print 7 / 2",
                            "print -7 / 2",
                            "print -7 % 3",
                            "print 'a' + 1",
                            "print \"abc\"",
                            "print (char)65",
                            "print 3 > 2 && 0",
                            "print 1 ? 2 : 3",
                            "print ~5",
                            "print !5",
                            "print 0x7fffffff + 1",
                            "print 1 << 31",
                            "print/x 255",
                            "print/t 10",
                            "print/o 8",
                            "print/c 65",
                            "print/d -1",
                            "print/x -1",
                            "print (unsigned char)300",
                            "print (short)70000",
                            "print 5 & 3 | 8 ^ 1",
                            "print shapes::Color::green",
                            "print (shapes::Color)5",
                            "print shapes::first | shapes::second",
                            "whatis 1UL",
                            "whatis 1 + 2L",
                            "whatis 'a'",
                            "whatis 1.5",
                            "whatis 1.5f",
                            "whatis &counter",
                            "whatis shapes::scale",
                            "whatis 3 < 4",
                            "whatis (char*)0",
                            "print 0xffffffff",
                            "whatis 0xffffffff",
                            "whatis 4294967296",
                            "print 10 > 9 > 8",
                            "print (long)&counter == (long)&counter",
                            "print (size_t)-1",
                            "print sizeof(size_t)",
                            "print (uint16_t)-1",
                            "print (std::string::size_type)3",
                            "print sizeof(std::string::size_type)",
                            "print alignof(int)",
                            "print alignof(shapes::Derived)",
                            "ptype Point*",
                            "ptype Point**",
                            "ptype Word*",
                            "ptype shapes::Color*",
                            "ptype int*",
                            "ptype/o shapes::Derived",
                            "ptype shapes::Derived",
                            "ptype shapes::Account",
                            "whatis Word",
                            "print *argv_missing"};
  const Strings theirs = asked_of_gdb(target.pid(), commands);
  const Strings ours = answers(at_prompt(target.pid(), with_marks(commands)).out, commands.size());
  ASSERT_EQ(ours.size(), commands.size());
  ASSERT_EQ(theirs.size(), commands.size());
  // What comes in front of the first one is of the attach.
  for (size_t i = 1; i < commands.size(); ++i) {
    // What the compiler has left out is an error to clew, in other words; gdb knows its type.
    const bool is_left_out = commands[i].find("counter") != std::string::npos && ours[i].empty();
    if (is_left_out) continue;
    EXPECT_EQ(plain(ours[i]), plain(theirs[i])) << commands[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, ValuesBesideGdb,
                         testing::Values("cpp-gxx-O0-dwarf4", "cpp-gxx-O0-dwarf5",
                                         "cpp-gxx-O2-dwarf4", "cpp-gxx-O2-dwarf5",
                                         "cpp-clangxx-O0-dwarf4", "cpp-clangxx-O0-dwarf5",
                                         "cpp-clangxx-O2-dwarf4", "cpp-clangxx-O2-dwarf5"),
                         [](const auto& compiled) {
                           std::string name = compiled.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace clew::test
