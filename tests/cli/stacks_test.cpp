// Stacks: what the prompt and `clew stacks` say of programs whose threads stand in hard places,
// beside gdb's view of the same processes.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "stacks_beside_gdb.h"
#include "support.h"

namespace clew::test {
namespace {

namespace fs = std::filesystem;

struct Row {
  unsigned level = 0;
  uint64_t pc = 0;
  std::string text;
};

/// The frames in what the prompt has printed, in order.
std::vector<Row> frames_in(const std::string& out) {
  static const std::regex pattern("#([0-9]+) +0x([0-9a-f]{16}) (.*)");
  std::vector<Row> rows;
  std::smatch match;
  for (auto from = out.cbegin(); std::regex_search(from, out.cend(), match, pattern);
       from = match.suffix().first) {
    rows.push_back({static_cast<unsigned>(std::stoul(match[1])), std::stoull(match[2], nullptr, 16),
                    match[3]});
  }
  return rows;
}

Strings words_of(const std::vector<Row>& rows) {
  Strings words;
  for (const Row& row : rows) words.push_back(word_of(row.text));
  return words;
}

Ran stacks_at_prompt(pid_t pid, const Strings& commands) {
  Strings arguments = {"attach", std::to_string(pid), "--batch"};
  for (const std::string& command : commands) {
    arguments.push_back("-x");
    arguments.push_back(command);
  }
  ClewProcess::Options options;
  options.environment = {"DEBUGINFOD_URLS"};
  ClewProcess clew(arguments, options);
  clew.close_input();
  Ran ran;
  ran.status = clew.wait(60s);
  ran.out = clew.out();
  ran.err = clew.err();
  return ran;
}

std::string stacks_program(const std::string& name) {
  return std::string(CLEW_FIXTURES) + "/stacks/" + name;
}

// ---- gdb ----

class StacksBesideGdb : public testing::TestWithParam<std::string> {};

TEST_P(StacksBesideGdb, FramesPcsFunctionsAndLinesAreTheSame) {
  if (!fs::exists(stacks_program(GetParam()))) GTEST_SKIP() << "its compiler is not installed";
  Fixture target("stacks/" + GetParam());
  const auto ours = frames_by_clew(target.pid());
  const Ran prompt = stacks_at_prompt(target.pid(), {"thread apply all bt 1000"});
  EXPECT_EQ(prompt.status, 0) << prompt.err;
  EXPECT_TRUE(is_untraced(target.pid()));
  const json theirs = frames_by_gdb(target.pid());
  if (theirs.is_null()) GTEST_SKIP() << "gdb is not installed";
  std::map<pid_t, std::string> names;
  if (target.ready().contains("threads")) {
    for (const auto& [name, tid] : target.ready()["threads"].items())
      names[tid.get<pid_t>()] = name;
  }
  size_t compared = 0;
  std::vector<uint64_t> pcs;
  for (const auto& [tid, frames] : ours) {
    const std::string name = names[tid];
    const json& expected = theirs[std::to_string(tid)];
    for (const json& frame : frames)
      pcs.push_back(std::stoull(frame["pc"].get<std::string>(), nullptr, 16));
    // Their stacks end in nothing, before which the two debuggers make different guesses.
    const bool is_endless = name == "coroutine" || name == "smashed";
    const size_t count = is_endless ? 3 : frames.size();
    ASSERT_GE(frames.size(), count) << name;
    ASSERT_GE(expected.size(), count) << name << expected;
    EXPECT_TRUE(is_endless || expected.size() == count) << name << expected;
    for (size_t i = 0; i < count; ++i) {
      const std::string what =
          fmt::format("{} of {}: clew {}, gdb {}", i, name, frames[i].dump(), expected[i].dump());
      const bool spins = name == "leaf" && i == 0;
      expect_same_frame(frames[i], expected[i], spins, what);
      ++compared;
    }
  }
  EXPECT_GT(compared, 6U);
  // The prompt reads the live memory, `clew stacks` its copy of the stacks.
  std::set<uint64_t> at_prompt_too;
  for (const Row& row : frames_in(prompt.out)) at_prompt_too.insert(row.pc);
  size_t missing = 0;
  for (const uint64_t pc : pcs) missing += at_prompt_too.count(pc) == 0 ? 1 : 0;
  EXPECT_LE(missing, 1U) << "more than the thread that spins differ";
  EXPECT_EQ(frames_in(prompt.out).size(), pcs.size());
}

INSTANTIATE_TEST_SUITE_P(Programs, StacksBesideGdb,
                         testing::Values("c-gcc-O0-dwarf4", "c-gcc-O2-dwarf5", "c-clang-O0-dwarf5",
                                         "c-clang-O2-dwarf4", "c-nopie", "c-static", "c-separate",
                                         "c-debugframe", "c-notables-O0", "cpp-gcc-O0",
                                         "cpp-gcc-O2", "cpp-clang-O0", "cpp-clang-O2", "rust-debug",
                                         "rust-release", "rust-variables-O0", "rust-variables-O1",
                                         "rust-variables-O2", "rust-variables-O3",
                                         "rust-variables-O2-dwarf5", "rust-variables-O3-lto",
                                         "asm-odd"),
                         [](const auto& made) {
                           std::string name = made.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// ---- without gdb ----

TEST(Stacks, CodeWithoutTablesIsGuessedAtAndMarked) {
  if (!fs::exists(stacks_program("c-notables-O2"))) GTEST_SKIP() << "gcc is not installed";
  Fixture target("stacks/c-notables-O2");
  // What the threads have called of the program itself; gdb finds next to none of it.
  const std::map<std::string, Strings> expected = {
      {"plain", {"rest", "plain_inner", "plain", "run"}},
      {"last", {"never_returns", "last", "run"}},
      {"signal", {"rest", "on_signal", "raise_it", "signal_plain", "run"}},
      {"altstack", {"rest", "on_signal", "raise_it", "altstack", "run"}},
      {"nested", {"rest", "on_signal", "raise_it", "on_outer", "raise_it", "nested", "run"}},
      {"callback", {"rest", "compare", "callback", "run"}},
      {"leaf", {"leaf_inner", "leaf", "run"}},
      {"null", {"rest", "on_signal", "call_nothing", "null_call", "run"}},
  };
  for (const auto& [name, functions] : expected) {
    const Ran ran = stacks_at_prompt(
        target.pid(), {fmt::format("thread tid {}", target.tid_of(name.c_str())), "bt"});
    Strings found;
    bool is_marked = false;
    for (const Row& row : frames_in(ran.out)) {
      is_marked = is_marked || row.text.ends_with("(guess: by a word on the stack)");
      if (row.text.find(" in c-notables-O2") == std::string::npos) continue;
      const std::string word = word_of(row.text);
      found.push_back(word.substr(0, word.find('.')));
    }
    EXPECT_EQ(found, functions) << name << "\n" << ran.out;
    EXPECT_TRUE(is_marked) << ran.out;
    EXPECT_NE(ran.out.find("clone3"), std::string::npos) << name;
  }
}

/// What was kept on disk by one clew is what the next one says, and nothing else is when it is
/// broken.
TEST(Stacks, PlacesThatWereKeptAreCalledTheSame) {
  Fixture target("sleepers", {"70"});
  const std::string cache = scratch_folder() + "/kept";
  ClewProcess::Options options;
  options.environment = {"DEBUGINFOD_URLS", "XDG_CACHE_HOME=" + cache};
  const Strings arguments = {"stacks", std::to_string(target.pid()), "--json"};
  const auto groups = [&] {
    const Ran ran = run_clew(arguments, 60s, options);
    EXPECT_EQ(ran.status, 0) << ran.err;
    const json document = json::parse(ran.out, nullptr, false);
    return document.is_discarded() ? json() : document["groups"];
  };
  const json first = groups();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0]["count"], 69);
  EXPECT_EQ(first[1]["frames"].back()["function"], "_start");
  Strings files;
  for (const auto& entry : fs::directory_iterator(cache + "/clew/names"))
    files.push_back(entry.path());
  const auto is_kept = [](const std::string& file) { return file.ends_with("-places.part"); };
  EXPECT_GE(std::count_if(files.begin(), files.end(), is_kept), 1);
  EXPECT_EQ(groups(), first);
  for (const std::string& file : files) fs::resize_file(file, fs::file_size(file) - 1);
  EXPECT_EQ(groups(), first);
  // Variables need more than is kept.
  const Strings full = {"stacks", std::to_string(target.pid()), "--full", "--all"};
  EXPECT_TRUE(has(run_clew(full, 60s, options).out, "count = "));
}

/// The file is only there in a mount namespace of the program's own.
TEST(Stacks, AProgramThatOnlyItsOwnMountNamespaceHasIsNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "not root: no mounts";
  const std::string source = stacks_program("c-gcc-O2-dwarf5");
  if (!fs::exists(source)) GTEST_SKIP() << "gcc is not installed";
  const std::string folder = scratch_folder() + "/apart";
  fs::create_directories(folder);
  Fixture target("/usr/bin/unshare",
                 {"--mount", "/bin/sh", "-c",
                  fmt::format("mount -t tmpfs none {0} && cp {1} {0}/program && exec {0}/program",
                              folder, source)});
  ASSERT_FALSE(fs::exists(folder + "/program"));
  const auto threads = frames_by_clew(target.pid());
  ASSERT_FALSE(threads.empty());
  bool has_main = false;
  for (const json& frame : threads.at(target.pid())) {
    if (frame["function"] != "main") continue;
    has_main = true;
    EXPECT_EQ(frame["module"], folder + "/program");
    EXPECT_TRUE(has(frame.value("file", ""), "stacks.c")) << frame;
    EXPECT_GT(frame.value("line", 0), 0);
  }
  EXPECT_TRUE(has_main);
  const Ran prompt = stacks_at_prompt(target.pid(), {"info line main", "frame function main"});
  EXPECT_TRUE(has(prompt.out, "stacks.c starts at ")) << prompt.out << prompt.err;
}

TEST(Stacks, ABrokenStackIsCutOffWithTheReason) {
  if (!fs::exists(stacks_program("c-gcc-O0-dwarf5"))) GTEST_SKIP() << "gcc is not installed";
  for (const char* program : {"c-gcc-O0-dwarf5", "c-clang-O2-dwarf4"}) {
    if (!fs::exists(stacks_program(program))) continue;
    Fixture target(std::string("stacks/") + program);
    const Ran ran = stacks_at_prompt(
        target.pid(), {fmt::format("thread tid {}", target.tid_of("smashed")), "bt"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_NE(ran.out.find("smash () at stacks.c:"), std::string::npos) << ran.out;
    EXPECT_NE(
        ran.out.find("0x0000004141414141 ? in no file\nthe stack is cut off here: 0x4141414140 "
                     "is in no file that could be read"),
        std::string::npos)
        << ran.out;
  }
  Fixture circle("stacks/asm-circle");
  const Ran ran = stacks_at_prompt(circle.pid(), {"bt"});
  EXPECT_EQ(words_of(frames_in(ran.out)), (Strings{"leaf_wait", "circle", "circle"}));
  EXPECT_NE(
      ran.out.find("the stack is cut off here: the frame around this one would be further in"),
      std::string::npos)
      << ran.out;
}

TEST(Stacks, AHundredThousandFramesAreWalkedToTheirEnd) {
  if (!fs::exists(stacks_program("c-gcc-O2-dwarf5"))) GTEST_SKIP() << "gcc is not installed";
  Fixture target("stacks/c-gcc-O2-dwarf5", {"100000"});
  const std::string select = fmt::format("thread tid {}", target.tid_of("recursive"));
  const Ran ran = stacks_at_prompt(target.pid(), {select, "bt", "bt -2", "up 200000"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("… 99997 more of the same"), std::string::npos) << ran.out;
  const auto rows = frames_in(ran.out);
  ASSERT_GT(rows.size(), 4U);
  EXPECT_LT(rows.size(), 20U) << "the recursion is folded";
  EXPECT_EQ(word_of(rows.back().text), "clone3");
  EXPECT_GT(rows.back().level, 100'000U);
}

TEST(Stacks, EveryInstructionFromMainToACallThroughTheLinkageTableHasAWholeStack) {
  if (!fs::exists(stacks_program("asm-odd"))) GTEST_SKIP() << "gcc is not installed";
  // Prologues, stubs of the linkage table, and the loader, which looks the function up.
  std::string script = "tbreak main\ncontinue\nwait 10s\n";
  constexpr int steps = 150;
  for (int i = 0; i < steps; ++i) script += "stepi\nbt\n";
  ClewProcess::Options options;
  options.environment = {"DEBUGINFOD_URLS", "LD_BIND_NOW"};
  ClewProcess clew({"run", "--batch", "--", stacks_program("asm-odd")}, options);
  clew.write(script);
  clew.close_input();
  ASSERT_TRUE(clew.wait(60s));
  std::vector<std::vector<Row>> stacks;
  for (Row& row : frames_in(clew.out())) {
    if (row.level == 0) stacks.emplace_back();
    if (!stacks.empty()) stacks.back().push_back(std::move(row));
  }
  ASSERT_GE(stacks.size(), static_cast<size_t>(steps)) << clew.out() << clew.err();
  size_t outside = 0;
  for (const auto& stack : stacks) {
    const Strings words = words_of(stack);
    ASSERT_GE(words.size(), 2U);
    EXPECT_EQ(words.back(), "_start");
    EXPECT_EQ(std::count(words.begin(), words.end(), "main"), 1) << clew.out();
    outside += words.front() == "main" ? 0 : 1;
    for (const Row& row : stack) EXPECT_EQ(row.text.find("guess"), std::string::npos) << row.text;
  }
  EXPECT_GT(outside, 50U) << "the steps have not left main";
}

TEST(Stacks, TheVdsoIsWalkedThrough) {
  Fixture target("sleepers", {"1", "--clock"});
  Strings commands;
  const auto tasks = tasks_of(target.pid());
  commands.push_back(fmt::format("thread tid {}", tasks.back().tid));
  for (int i = 0; i < 60; ++i) {
    commands.push_back("stepi 3");
    commands.push_back("bt");
  }
  const Ran ran = stacks_at_prompt(target.pid(), commands);
  EXPECT_EQ(ran.status, 0) << ran.err;
  size_t stacks = 0, whole = 0, inside = 0;
  for (const Row& row : frames_in(ran.out)) {
    stacks += row.level == 0 ? 1 : 0;
    whole += word_of(row.text) == "clone3" ? 1 : 0;
    inside += row.level == 0 && row.text.find("[vdso]") != std::string::npos ? 1 : 0;
    EXPECT_EQ(row.text.find("guess"), std::string::npos) << row.text;
  }
  EXPECT_GE(stacks, 60U);
  EXPECT_EQ(whole, stacks) << ran.out;
  if (inside == 0) GTEST_SKIP() << "the C library does not read this clock in the vdso";
}

// ---- the commands ----

struct FrameCommands : testing::Test {
  FrameCommands() {
    if (!fs::exists(stacks_program("c-gcc-O0-dwarf5"))) return;
    target.emplace("stacks/c-gcc-O0-dwarf5");
    select = fmt::format("thread tid {}", target->tid_of("plain"));
  }
  void SetUp() override {
    if (!target) GTEST_SKIP() << "gcc is not installed";
  }
  Ran run(Strings commands) {
    commands.insert(commands.begin(), select);
    return stacks_at_prompt(target->pid(), commands);
  }

  std::optional<Fixture> target;
  std::string select;
};

TEST_F(FrameCommands, AStackIsShownWholeOrByItsEnds) {
  const auto all = frames_in(run({"bt"}).out);
  const Strings inner = {"rest", "plain_inner", "plain", "run"};
  const Strings words = words_of(all);
  ASSERT_GE(words.size(), 7U);
  EXPECT_EQ(Strings(words.begin() + 1, words.begin() + 5), inner);
  EXPECT_EQ(words.back(), "clone3");
  const Ran some = run({"bt 2"});
  EXPECT_EQ(words_of(frames_in(some.out)), Strings(words.begin(), words.begin() + 2));
  EXPECT_NE(some.out.find(fmt::format("({} more: `bt` shows them)", all.size() - 2)),
            std::string::npos);
  EXPECT_EQ(words_of(frames_in(run({"backtrace -2"}).out)), Strings(words.end() - 2, words.end()));
  EXPECT_EQ(words_of(frames_in(run({"where 1000"}).out)), words);
}

TEST_F(FrameCommands, AFrameIsSelectedAndFollowed) {
  const Ran ran = run({"frame 2", "up", "down 2", "down", "frame", "up 1000", "info frame"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  const auto rows = frames_in(ran.out);
  ASSERT_EQ(rows.size(), 6U) << ran.out;
  EXPECT_EQ(word_of(rows[0].text), "plain_inner");
  EXPECT_EQ(word_of(rows[1].text), "plain");
  EXPECT_EQ(word_of(rows[2].text), "rest");
  // `down` to 0, `frame` says where that is, and `up` stops at the outermost.
  EXPECT_EQ(rows[3].level, 0U);
  EXPECT_EQ(rows[4].level, 0U);
  EXPECT_EQ(word_of(rows[5].text), "clone3");
  EXPECT_NE(ran.out.find("rest();"), std::string::npos) << "the line of the source";
}

TEST_F(FrameCommands, RegistersSourceCodeAndAddressesAreThoseOfTheFrame) {
  const Ran ran = run({"frame 2", "regs rip", "list", "disassemble", "x/1xg $rsp", "info frame"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  const auto rows = frames_in(ran.out);
  ASSERT_FALSE(rows.empty());
  EXPECT_NE(ran.out.find(fmt::format("rip       0x{:016x}", rows[0].pc)), std::string::npos)
      << ran.out;
  const Ran unknown = run({"frame 2", "regs rax"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_NE(unknown.err.find("rax is not known in this frame"), std::string::npos) << unknown.err;
  EXPECT_NE(ran.out.find("static void plain_inner(int number) {"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("plain_inner:\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find(fmt::format("=> 0x{:016x}", rows[0].pc)), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("found by   unwind tables"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("function   plain_inner\n"), std::string::npos) << ran.out;
}

TEST_F(FrameCommands, AnotherThreadAndAStepBeginAtTheInnermostFrame) {
  const Ran ran = run({"frame 2", "thread 1", "info frame", select, "info frame"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out.find("frame 2 of"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("frame 0 of"), std::string::npos) << ran.out;
}

TEST_F(FrameCommands, AnOuterFramesRegistersAreNotChanged) {
  const Ran ran = run({"frame 2", "set $rbx = 1"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.err.find("only registers of the innermost frame can be changed"),
            std::string::npos);
}

TEST_F(FrameCommands, WhatMakesNoSenseIsRefused) {
  const std::map<std::string, std::string> expected = {
      {"bt x", "usage: bt"},
      {"bt 0", "usage: bt"},
      {"bt 1 2", "usage: bt"},
      {"bt 99999999999999999999", "usage: bt"},
      {"frame x", "usage: frame"},
      {"frame -1", "usage: frame"},
      {"frame 99999", "there is no frame 99999"},
      {"up x", "usage: up"},
      {"down", "this is the innermost frame already"},
      {"info frame 1", "info frame is about the selected one"},
  };
  for (const auto& [command, words] : expected) {
    const Ran ran = run({command});
    EXPECT_EQ(ran.status, 1) << command;
    EXPECT_NE(ran.err.find(words), std::string::npos) << command << ": " << ran.err;
  }
  EXPECT_EQ(run({"down -9223372036854775808"}).status, 0) << "as far out as there is";
  const Ran running = run({"continue", "bt"});
  EXPECT_EQ(running.status, 1);
  EXPECT_NE(running.err.find("interrupt"), std::string::npos) << running.err;
}

}  // namespace
}  // namespace clew::test
