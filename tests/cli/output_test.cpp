// What the one-shot commands print: whole texts, with what differs from run to run made the same,
// and JSON documents.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "support.h"

namespace clew::test {
namespace {

/// The text with pids, tids, addresses, offsets, times and CPUs replaced, and the width of columns
/// gone.
std::string normalised(std::string text, const Fixture& target) {
  std::vector<pid_t> tids = target.tids();
  std::sort(tids.begin(), tids.end());
  for (size_t i = tids.size(); i-- > 0;) {
    const std::string name = tids[i] == target.pid() ? "PID" : "TID";
    text = std::regex_replace(text, std::regex(fmt::format("\\b{}\\b", tids[i])), name);
  }
  const std::vector<std::pair<const char*, const char*>> rules = {
      {R"(\([^ )]*/fixtures/)", "(DIR/"},
      {R"(0x[0-9a-f]{16}\b)", "ADDRESS"},
      {R"(\+0x[0-9a-f]+\b)", "+OFFSET"},
      {R"(\b0x[0-9a-f]+\b)", "0xN"},
      // With the debug files of the C library there are lines too.
      {R"([A-Za-z_]\w*\+OFFSET (in libc\.so\.6|at [^ ]+))", "FUNCTION+OFFSET in libc.so.6"},
      {R"(\b[0-9]+(\.[0-9]+)? (ns|us|ms|s)\b)", "TIME"},
      {R"( (S sleeping|S → t) +[0-9]+ )", " $1 CPU "},
      {R"((clock_nanosleep|pause|restart_syscall|futex|poll|nanosleep|read)\([^\n]*)", "CALL"},
      {R"(states now: .*)", "states now: STATES"},
      {R"( +)", " "},
      {R"( \n)", "\n"}};
  for (const auto& [pattern, replacement] : rules)
    text = std::regex_replace(text, std::regex(pattern), replacement);
  return text;
}

void expect_golden(const std::string& name, const std::string& text) {
  std::stringstream wanted;
  wanted << std::ifstream(fmt::format("{}/tests/cli/golden/{}.txt", CLEW_SOURCE_DIR, name)).rdbuf();
  EXPECT_EQ(text, wanted.str()) << "tests/cli/golden/" << name << ".txt";
}

/// The one document that there must be, on one line.
json document_of(const Ran& ran) {
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(ran.err.empty()) << ran.err;
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1) << ran.out;
  json document = json::parse(ran.out, nullptr, false);
  EXPECT_TRUE(document.is_object()) << ran.out;
  return document;
}

struct Output : testing::Test {
  Fixture target{"sleepers", {"3"}};
  std::string pid = std::to_string(target.pid());

  /// Its threads are ready before they sleep.
  void SetUp() override {
    ASSERT_TRUE(await(10s, [&] { return are_all(target.pid(), 'S'); }));
  }
  void expect_threads(const json& document) {
    std::set<pid_t> tids;
    int id = 0;
    for (const json& thread : document["threads"]) {
      EXPECT_EQ(thread["id"], ++id);
      tids.insert(thread["tid"].get<pid_t>());
      EXPECT_EQ(thread["name"], "sleepers");
      EXPECT_EQ(thread["state"], "S");
      EXPECT_EQ(thread["pc"].get<std::string>().substr(0, 2), "0x");
      EXPECT_NE(thread["where"].get<std::string>().find("+0x"), std::string::npos);
      EXPECT_FALSE(thread["waits_in"].get<std::string>().empty());
      EXPECT_FALSE(thread.contains("error")) << thread;
    }
    const auto all = target.tids();
    EXPECT_EQ(tids, std::set<pid_t>(all.begin(), all.end()));
    EXPECT_EQ(document["pid"], target.pid());
  }
};

TEST_F(Output, OfFreeze) {
  const Ran ran = run_clew({"freeze", pid, "--for", "10ms"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_TRUE(ran.err.empty()) << ran.err;
  expect_golden("freeze", normalised(ran.out, target));
}

TEST_F(Output, OfThreads) {
  const Ran ran = run_clew({"threads", pid});
  EXPECT_EQ(ran.status, 0);
  expect_golden("threads", normalised(ran.out, target));
  const Ran rolling = run_clew({"threads", "--rolling", pid});
  expect_golden("threads-rolling", normalised(rolling.out, target));
  const Ran no_stop = run_clew({"threads", "--no-stop", pid});
  expect_golden("threads-no-stop", normalised(no_stop.out, target));
}

TEST_F(Output, OfDoctor) {
  Ran ran = run_clew({"doctor", pid});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out.substr(0, 3), "yes") << ran.out;
  ran = run_clew({"doctor", "@self"});
  EXPECT_EQ(ran.status, 1);
  const Ran attach = run_clew({"attach", "@self"});
  EXPECT_NE(attach.err.find("clew"), std::string::npos) << attach.err;

  ClewProcess first({"freeze", pid});
  ASSERT_TRUE(first.read_until("hold"));
  ran = run_clew({"doctor", pid});
  EXPECT_EQ(ran.status, 1);
  std::string text = normalised(ran.out, target);
  text = std::regex_replace(text, std::regex(std::to_string(first.pid())), "TRACER");
  expect_golden("doctor-traced", text);
  // A failed attach says the same.
  const Ran failed = run_clew({"threads", pid});
  std::string line = ran.out.substr(ran.out.find_first_not_of(" ", 3));
  line = line.substr(0, line.find('\n'));
  EXPECT_NE(failed.err.find(line), std::string::npos) << failed.err << line;
  first.signal(SIGINT);
  EXPECT_EQ(first.wait(5s), 0);
}

TEST_F(Output, OfFreezeInJson) {
  const json document = document_of(run_clew({"freeze", pid, "--for", "10ms", "--json"}));
  expect_threads(document);
  EXPECT_EQ(document["attached"], 3);
  EXPECT_EQ(document["gone"], 0);
  EXPECT_EQ(document["denied"], json::array());
  EXPECT_EQ(document["resumed"], true);
  EXPECT_GE(document["pause_ms"], 10);
  EXPECT_LT(document["pause_ms"], 5000);
  for (const json& thread : document["threads"]) EXPECT_EQ(thread["state_held"], "t");
}

TEST_F(Output, OfThreadsInJson) {
  for (const char* how : {"--json", "--rolling", "--no-stop"}) {
    SCOPED_TRACE(how);
    Strings arguments = {"threads", pid, "--json"};
    if (how != std::string("--json")) arguments.emplace_back(how);
    const json document = document_of(run_clew(arguments));
    expect_threads(document);
    EXPECT_EQ(document["stopped"], how != std::string("--no-stop"));
    EXPECT_EQ(document["pause_ms"] > 0, how != std::string("--no-stop"));
    EXPECT_EQ(document["resumed"], true);
    EXPECT_EQ(document["complete"], true);
  }
}

TEST_F(Output, OfDoctorInJson) {
  const json document = document_of(run_clew({"doctor", pid, "--json"}));
  EXPECT_EQ(document["pid"], target.pid());
  EXPECT_EQ(document["possible"], true);
  EXPECT_EQ(document["code"], "ok");
}

TEST_F(Output, OfWatchIsADocumentALine) {
  ClewProcess clew({"threads", pid, "--watch", "--json"});
  ASSERT_TRUE(clew.read_until("\n"));
  ASSERT_TRUE(clew.read_until("\n", 5s)) << "it does not repeat";
  clew.signal(SIGINT);
  EXPECT_EQ(clew.wait(5s), 0);
  std::istringstream lines(clew.out());
  for (std::string line; std::getline(lines, line);) expect_threads(json::parse(line));
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST_F(Output, OfATidNamesTheProcess) {
  const pid_t tid = target.tids().back();
  const json document =
      document_of(run_clew({"freeze", std::to_string(tid), "--for", "1ms", "--json"}));
  EXPECT_EQ(document["pid"], target.pid());
  EXPECT_EQ(document["requested_tid"], tid);
  const Ran ran = run_clew({"threads", std::to_string(tid)});
  EXPECT_NE(ran.out.find(fmt::format("{} is a thread of process {}", tid, target.pid())),
            std::string::npos)
      << ran.out;
}

TEST(OutputByName, ANameAndWaitFor) {
  Fixture one("fork_noquit", {"0.01", "2"});
  Ran ran = run_clew({"freeze", "--name", "fork_noquit", "--for", "1ms", "--json"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  ClewProcess waiting({"threads", "--wait-for", "leader_exit", "--json"});
  EXPECT_FALSE(waiting.wait(100ms).has_value()) << waiting.out() << waiting.err();
  Fixture awaited("leader_exit");
  EXPECT_EQ(waiting.wait(10s), 0) << waiting.err();
  EXPECT_EQ(json::parse(waiting.out())["pid"], awaited.pid());
}

TEST(OutputNewcomers, AThreadBornWhileItIsFrozenIsNone) {
  // Every creator is held, so that the number of threads stays.
  Fixture storm("storm");
  const Ran ran = run_clew({"freeze", std::to_string(storm.pid()), "--for", "50ms", "--json"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  const json document = json::parse(ran.out);
  EXPECT_EQ(document["resumed"], true);
  std::set<int> ids;
  for (const json& thread : document["threads"]) ids.insert(thread["id"].get<int>());
  EXPECT_EQ(ids.size(), document["threads"].size());
}

TEST(OutputOfWarnings, AHoldOfATargetWithTimersWarnsOnce) {
  Fixture target("signals", {"0", "0"});
  const Ran ran = run_clew({"freeze", std::to_string(target.pid()), "--for", "1500ms"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.err.find("held for more than a second, and the process has 1 timer"),
            std::string::npos)
      << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  const Ran quick = run_clew({"freeze", std::to_string(target.pid()), "--for", "1ms"});
  EXPECT_TRUE(quick.err.empty()) << quick.err;
}

TEST(OutputOfHelp, IsOnStandardOutputAndTheCommandLineIsChecked) {
  for (const Strings& arguments :
       {Strings{"--help"}, Strings{"-h"}, Strings{"freeze", "--help"}, Strings{"--version"}}) {
    const Ran ran = run_clew(arguments);
    EXPECT_EQ(ran.status, 0);
    EXPECT_FALSE(ran.out.empty());
    EXPECT_TRUE(ran.err.empty()) << ran.err;
  }
  const Ran none = run_clew({});
  EXPECT_EQ(none.status, 2);
  EXPECT_TRUE(none.out.empty());
  EXPECT_NE(none.err.find("--help"), std::string::npos) << none.err;
}

}  // namespace
}  // namespace clew::test
