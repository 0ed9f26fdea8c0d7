// What the prompt says of source, code and names.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>

#include "support.h"

namespace clew::test {
namespace {

namespace fs = std::filesystem;

/// The lines of a run without those of the attach and the detach, and without addresses.
Strings told(const Ran& ran) {
  Strings lines;
  size_t start = 0;
  while (start < ran.out.size()) {
    const size_t end = std::min(ran.out.find('\n', start), ran.out.size());
    std::string line = ran.out.substr(start, end - start);
    start = end + 1;
    if (line.starts_with("attached to") || line.starts_with("detached from") ||
        line.starts_with("thread 1 (tid"))
      continue;
    lines.push_back(std::regex_replace(line, std::regex("0x[0-9a-f]{16}"), "ADDRESS"));
  }
  return lines;
}

struct NameCommands : testing::Test {
  Fixture target{"sleepers", {"3"}};
  std::string pid = std::to_string(target.pid());
  std::string cache = scratch_folder() + "/cache";

  Ran run(const Strings& commands) {
    Strings arguments = {"attach", pid, "--batch"};
    for (const std::string& command : commands) {
      arguments.push_back("-x");
      arguments.push_back(command);
    }
    ClewProcess::Options options;
    options.environment = {"XDG_CACHE_HOME=" + cache};
    ClewProcess clew(arguments, options);
    clew.close_input();
    Ran ran;
    ran.status = clew.wait(30s);
    ran.out = clew.out();
    ran.err = clew.err();
    EXPECT_TRUE(is_untraced(target.pid()));
    return ran;
  }
  Strings answer(const std::string& command) {
    const Ran ran = run({command});
    EXPECT_EQ(ran.status, 0) << command << "\n" << ran.err;
    return told(ran);
  }
  std::string complaint(const std::string& command) {
    const Ran ran = run({command});
    EXPECT_EQ(ran.status, 1) << command << "\n" << ran.out;
    return ran.err;
  }
};

TEST_F(NameCommands, LinesOfFunctionsAndFunctionsOfLines) {
  const Strings main = answer("info line main");
  ASSERT_EQ(main.size(), 1U);
  EXPECT_TRUE(std::regex_match(
      main[0], std::regex("line [0-9]+ of .*/tests/fixtures/c/sleepers.c starts at ADDRESS <main> "
                          "and ends at ADDRESS <main\\+[0-9]+>")))
      << main[0];
  std::smatch line;
  ASSERT_TRUE(std::regex_search(main[0], line, std::regex("line ([0-9]+) of")));
  EXPECT_EQ(answer("info line sleepers.c:" + line[1].str()), main);
  EXPECT_EQ(answer("info line sleepers.c:main"), main);
}

TEST_F(NameCommands, SourceIsListed) {
  const Strings lines = answer("list sleepers.c:1,3");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0],
            "      1  // Many sleeping threads, and on request some busy ones and one that watches "
            "the clock.");
  // Ten around a function, then the next ten, then those before.
  const Ran ran = run({"list watch_clock", "list", "list -"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  const Strings all = told(ran);
  ASSERT_EQ(all.size(), 30U) << ran.out;
  EXPECT_NE(all[5].find("static void* watch_clock"), std::string::npos) << all[5];
  const auto number = [&](size_t i) { return std::stoi(all[i]); };
  for (size_t i = 1; i < 20; ++i) EXPECT_EQ(number(i), number(i - 1) + 1) << i;
  EXPECT_EQ(number(29) + 1, number(10)) << "those before the last ones";
  EXPECT_NE(complaint("list sleepers.c:99999").find("there is no code"), std::string::npos);
  EXPECT_NE(complaint("list nonsense").find("there is no function \"nonsense\""),
            std::string::npos);
}

TEST_F(NameCommands, SourceElsewhereIsFoundBySubstitution) {
  const std::string real = CLEW_SOURCE_DIR "/tests/fixtures/c";
  const std::string elsewhere = scratch_folder() + "/moved";
  fs::create_directories(elsewhere);
  std::ofstream(elsewhere + "/sleepers.c") << "moved\n";
  const Ran ran = run({fmt::format("set substitute-path {} {}", real, elsewhere),
                       "show substitute-path", "list sleepers.c:1,1"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(told(ran), (Strings{real + " -> " + elsewhere, "      1  moved"}));
}

TEST_F(NameCommands, CodeIsDisassembled) {
  const Strings plain = answer("disassemble watch_clock");
  ASSERT_GT(plain.size(), 10U);
  EXPECT_EQ(plain[0], "watch_clock:");
  EXPECT_TRUE(std::regex_match(plain[1], std::regex("   ADDRESS <\\+0> +[a-z].*"))) << plain[1];
  // Calls say what they call.
  const auto names_call = [](const std::string& line) {
    return std::regex_match(line, std::regex(".* call .*<.+>"));
  };
  EXPECT_TRUE(std::any_of(plain.begin(), plain.end(), names_call));
  const Ran mixed = run({"set disassembly-flavor att", "disassemble /rs watch_clock"});
  EXPECT_EQ(mixed.status, 0) << mixed.err;
  EXPECT_NE(mixed.out.find("static void* watch_clock"), std::string::npos) << mixed.out;
  EXPECT_NE(mixed.out.find("%r"), std::string::npos) << mixed.out;
  EXPECT_TRUE(std::regex_search(mixed.out, std::regex("<\\+0> +([0-9a-f]{2} )+"))) << mixed.out;
  // Where the thread stands is marked.
  const Strings here = answer("disassemble");
  EXPECT_EQ(std::count_if(here.begin(), here.end(),
                          [](const std::string& line) { return line.starts_with("=> "); }),
            1);
  EXPECT_NE(complaint("disassemble /q main").find("/s"), std::string::npos);
}

TEST_F(NameCommands, NamesAreSearched) {
  const Strings functions = answer("info functions ^(sleeper|spin)$");
  ASSERT_EQ(functions.size(), 3U);
  EXPECT_EQ(functions[0], "sleepers:");
  EXPECT_TRUE(
      std::regex_match(functions[1], std::regex("  sleeper\\(void\\*\\)  sleepers.c:[0-9]+")))
      << functions[1];
  EXPECT_TRUE(functions[2].starts_with("  spin(void*)")) << functions[2];
  EXPECT_TRUE(answer("info variables largest_gap")[1].starts_with("  largest_gap  sleepers.c:"));
  EXPECT_TRUE(answer("info types ^busy$")[1].starts_with("  busy  sleepers.c:"));
  EXPECT_EQ(answer("info sources /sleepers.c$").size(), 2U);
  EXPECT_NE(complaint("info functions ^nothing_like_it$").find("no functions match"),
            std::string::npos);
  EXPECT_NE(complaint("info functions (").find("no regular expression"), std::string::npos);
}

TEST_F(NameCommands, AddressesAndNamesLeadToEachOther) {
  const Ran ran = run({"info address watch_clock"});
  std::smatch address;
  ASSERT_TRUE(std::regex_search(ran.out, address, std::regex("a function at (0x[0-9a-f]+)")))
      << ran.out;
  const Strings symbol = answer("info symbol " + address[1].str() + "+1");
  ASSERT_EQ(symbol.size(), 1U);
  EXPECT_TRUE(
      std::regex_match(symbol[0], std::regex("watch_clock\\+1 in section .text of .*/sleepers")))
      << symbol[0];
  const Ran variable = run({"info address largest_gap"});
  ASSERT_TRUE(std::regex_search(variable.out, address, std::regex("a variable at (0x[0-9a-f]+)")))
      << variable.out;
  EXPECT_TRUE(answer("info symbol " + address[1].str())[0].starts_with("largest_gap in section"));
  EXPECT_NE(complaint("info symbol 16").find("no symbol covers"), std::string::npos);
  EXPECT_EQ(answer("info sharedlibrary /sleepers").size(), 2U);
}

TEST_F(NameCommands, TheIndexIsKeptForTheNextRun) {
  answer("info line main");
  size_t files = 0;
  fs::path file;
  for (const auto& entry : fs::directory_iterator(cache + "/clew/names")) {
    ++files;
    file = entry.path();
  }
  ASSERT_GE(files, 1U);
  // A broken one does no harm.
  fs::resize_file(file, fs::file_size(file) / 2);
  EXPECT_EQ(answer("info line main").size(), 1U);
  // Nor does a folder that cannot be written.
  fs::remove_all(cache);
  std::ofstream(cache) << "in the way";
  EXPECT_EQ(answer("info line main").size(), 1U);
}

TEST_F(NameCommands, ThreadsHaveNames) {
  const Ran ran = run_clew({"threads", pid, "--json"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json document = json::parse(ran.out);
  for (const auto& thread : document["threads"]) {
    EXPECT_FALSE(thread["function"].get<std::string>().empty()) << thread;
    EXPECT_NE(thread["where"].get<std::string>().find("+0x"), std::string::npos) << thread;
  }
}

}  // namespace
}  // namespace clew::test
