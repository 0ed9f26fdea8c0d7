// Every hit is counted, none twice, and a target lives on when clew is killed among its traps.

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <regex>

#include "support.h"

namespace clew::test {
namespace {

constexpr int threads = 8;

/// Attaches, sets breakpoints, has `each` calls made by each thread, and shows the breakpoints.
std::string counts_of(Fixture& target, const Strings& breakpoints, unsigned each) {
  ClewProcess clew({"attach", std::to_string(target.pid())});
  EXPECT_TRUE(clew.read_until("attached"));
  for (const std::string& command : breakpoints) clew.write(command);
  clew.write("continue");
  EXPECT_TRUE(clew.read_until("running"));
  const json called = target.send("call " + std::to_string(each), 300s);
  EXPECT_EQ(called.value("called", 0U), each * threads) << clew.out() << clew.err();
  EXPECT_GT(called.value("births", 0), 0);
  EXPECT_GT(called.value("ticks", 0), 0);
  clew.write("interrupt");
  clew.write("info breakpoints");
  clew.close_input();
  EXPECT_EQ(clew.wait(60s).value_or(-1), 0) << clew.err();
  EXPECT_TRUE(is_untraced(target.pid()));
  return clew.out();
}

/// The hits of a breakpoint in the table.
unsigned long hits_of(const std::string& out, int number) {
  const std::regex line("\n" + std::to_string(number) + "  +\\S+ +yes +(\\d+)");
  std::smatch found;
  EXPECT_TRUE(std::regex_search(out, found, line)) << out;
  return found.empty() ? 0 : std::stoul(found[1]);
}

unsigned calls_each() { return rounds(5'000, 125'000); }

TEST(HitCounts, AreExactInAStormOfBirthsAndSignals) {
  Fixture target("calls", {std::to_string(threads)});
  const unsigned each = calls_each();
  const std::string out =
      counts_of(target,
                {"break hit_me --stop none", "break hit_me --stop none if $rdi == 7",
                 "break hit_me", "ignore 3 100000000"},
                each);
  EXPECT_EQ(hits_of(out, 1), each * threads);
  EXPECT_EQ(hits_of(out, 2), threads);
  EXPECT_EQ(hits_of(out, 3), each * threads);
}

TEST(HitCounts, OfALogpointAreItsLines) {
  Fixture target("calls", {std::to_string(threads)});
  const std::string out =
      counts_of(target, {"logpoint hit_me \"came with {$rdi}\" if $rdi < 20"}, 1000);
  EXPECT_EQ(hits_of(out, 1), 20U * threads);
  size_t lines = 0;
  for (size_t at = out.find("came with "); at != std::string::npos;
       at = out.find("came with ", at + 1))
    ++lines;
  EXPECT_EQ(lines, 20U * threads);
}

// --- Killed among its own traps

std::vector<std::byte> text_of(pid_t pid, const std::vector<uint64_t>& functions) {
  std::vector<std::byte> all;
  std::ifstream memory("/proc/" + std::to_string(pid) + "/mem", std::ios::binary);
  for (const uint64_t function : functions) {
    char bytes[16] = {};
    memory.seekg(static_cast<std::streamoff>(function));
    memory.read(bytes, sizeof bytes);
    for (const char byte : bytes) all.push_back(static_cast<std::byte>(byte));
  }
  return all;
}

class KilledAmongTraps : public testing::TestWithParam<int> {
 protected:
  Fixture target_{"calls", {"4"}};
  std::vector<uint64_t> functions_ = target_.ready()["functions"].get<std::vector<uint64_t>>();

  /// clew with 20 breakpoints in code that four threads run through, ended at a random moment.
  void end_one(int signal, bool at_the_prompt) {
    ClewProcess clew({"attach", std::to_string(target_.pid())});
    ASSERT_TRUE(clew.read_until("attached", 60s));
    for (size_t i = 0; i < functions_.size(); ++i)
      clew.write("break turn_" + std::to_string(i) + (at_the_prompt ? "" : " --stop none"));
    clew.write("continue");
    ASSERT_TRUE(clew.read_until(at_the_prompt ? "selected" : "running", 60s));
    std::this_thread::sleep_for(std::chrono::microseconds(random_up_to(20'000)));
    clew.signal(signal);
    ASSERT_TRUE(clew.wait(60s).has_value());
  }
};

TEST_P(KilledAmongTraps, TheTargetRunsOnWithItsOwnText) {
  const auto text = text_of(target_.pid(), functions_);
  for (unsigned round = 0; round < rounds(8, 500); ++round) {
    ASSERT_TRUE(target_.send("hot on").value("hot", false));
    end_one(GetParam(), round % 2 == 1);
    // It runs: its own counts say so, and are right.
    const json counts = target_.send("hot off");
    ASSERT_FALSE(counts.is_null()) << "round " << round << ": " << states_of(target_.pid());
    ASSERT_EQ(counts["calls"], counts["counted"]) << "round " << round;
    ASSERT_TRUE(is_untraced(target_.pid())) << "round " << round;
    ASSERT_EQ(text_of(target_.pid(), functions_), text) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, KilledAmongTraps,
                         testing::Values(SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGSEGV),
                         [](const auto& way) { return std::string(sigabbrev_np(way.param)); });

}  // namespace
}  // namespace clew::test
