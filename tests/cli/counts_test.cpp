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

TEST(HitCounts, AreExactWhileAnotherThreadIsStepped) {
  // On a busy machine the handler of the timer's signals would else take all of the stepped
  // thread's time.
  Fixture target("calls", {std::to_string(threads), "blocked"});
  const unsigned each = rounds(2'000, 60'000);
  ASSERT_TRUE(target.send("hot on").value("hot", false));
  ClewProcess clew({"attach", std::to_string(target.pid())});
  const auto say = [&](const std::string& command, const std::string& answer) {
    clew.forget_output();
    clew.write(command);
    ASSERT_TRUE(clew.read_until(answer, 60s)) << command << "\n" << clew.out() << clew.err();
  };
  say("tbreak turn_3", "breakpoint 1");
  say("continue", "selected");
  say("break hit_me --stop none", "breakpoint 2");
  clew.write("set step-others run");
  target.write("call " + std::to_string(each));
  json called;
  // The commands and the calls go on at the same time; some steps come after the last call.
  for (unsigned i = 0; i < rounds(40, 600); ++i) {
    const char* const commands[] = {"next", "stepi 20", "step", "next 3"};
    say(std::string(commands[i % 4]) + "\ninfo skip", "nothing is skipped");
  }
  clew.write("continue");
  called = target.next_answer(300s);
  ASSERT_TRUE(called.is_object()) << clew.out() << clew.err();
  EXPECT_EQ(called.value("called", 0U), each * threads);
  clew.write("interrupt");
  clew.forget_output();
  clew.write("info breakpoints");
  clew.close_input();
  EXPECT_EQ(clew.wait(60s).value_or(-1), 0) << clew.err();
  EXPECT_EQ(hits_of(clew.out(), 2), each * threads);
  const json counts = target.send("hot off");
  EXPECT_EQ(counts["calls"], counts["counted"]);
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

/// How clew ends. Signal 0: its terminal is closed.
struct Way {
  const char* name;
  int signal;
};

class KilledAmongTraps : public testing::TestWithParam<Way> {
 protected:
  void begin(const Strings& arguments) {
    target_.emplace("calls", arguments);
    functions_ = target_->ready()["functions"].get<std::vector<uint64_t>>();
    text_ = text_of(target_->pid(), functions_);
  }

  /// clew with 20 breakpoints, ended at a random moment.
  void end_one(bool at_the_prompt) {
    const bool by_terminal = GetParam().signal == 0;
    ClewProcess::Options options;
    if (by_terminal) options.mode = ClewProcess::Mode::terminal;
    ClewProcess clew({"attach", std::to_string(target_->pid())}, options);
    ASSERT_TRUE(clew.read_until("attached", 60s));
    for (size_t i = 0; i < functions_.size(); ++i)
      clew.write("break turn_" + std::to_string(i) + (at_the_prompt ? "" : " --stop none"));
    ASSERT_TRUE(clew.read_until("breakpoint 20", 60s)) << clew.out() << clew.err();
    clew.write("continue");
    // Where nobody comes by, there is a prompt when somebody asks for it.
    if (at_the_prompt && is_cold_) clew.write("interrupt");
    ASSERT_TRUE(clew.read_until(at_the_prompt && !is_cold_ ? "selected" : "running", 60s));
    std::this_thread::sleep_for(std::chrono::microseconds(random_up_to(20'000)));
    if (by_terminal) {
      clew.close_output();
    } else {
      clew.signal(GetParam().signal);
    }
    ASSERT_TRUE(clew.wait(60s).has_value());
  }

  void expect_it_runs() {
    // Its own counts say so, and are right.
    const json counts = target_->send("hot off");
    ASSERT_FALSE(counts.is_null()) << states_of(target_->pid());
    ASSERT_GT(counts["calls"], 0);
    ASSERT_EQ(counts["calls"], counts["counted"]);
    ASSERT_TRUE(is_untraced(target_->pid()));
    ASSERT_EQ(text_of(target_->pid(), functions_), text_);
  }

  void run_hot(const Strings& arguments, unsigned times) {
    begin(arguments);
    for (unsigned round = 0; round < times && !HasFatalFailure(); ++round) {
      SCOPED_TRACE(round);
      ASSERT_TRUE(target_->send("hot on").value("hot", false));
      end_one(round % 2 == 1);
      expect_it_runs();
    }
  }

  std::optional<Fixture> target_;
  std::vector<uint64_t> functions_;
  std::vector<std::byte> text_;
  bool is_cold_ = false;
};

TEST_P(KilledAmongTraps, TheTargetRunsOnWithItsOwnText) { run_hot({"4"}, rounds(8, 1000)); }

TEST_P(KilledAmongTraps, SoItDoesWithThreadsThatBlockAllSignals) {
  run_hot({"4", "blocked"}, rounds(4, 200));
}

TEST_P(KilledAmongTraps, SoItDoesWhenItComesByLater) {
  begin({"4"});
  is_cold_ = true;
  for (unsigned round = 0; round < rounds(4, 200) && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(round);
    end_one(round % 2 == 1);
    ASSERT_TRUE(await(10s, [&] { return is_untraced(target_->pid()); }));
    ASSERT_TRUE(target_->send("hot on").value("hot", false));
    expect_it_runs();
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, KilledAmongTraps,
                         testing::Values(Way{"KILL", SIGKILL}, Way{"TERM", SIGTERM},
                                         Way{"INT", SIGINT}, Way{"HUP", SIGHUP},
                                         Way{"QUIT", SIGQUIT}, Way{"SEGV", SIGSEGV},
                                         Way{"Terminal", 0}),
                         [](const auto& way) { return std::string(way.param.name); });

}  // namespace
}  // namespace clew::test
