// --max-pause: the target is let go in time, whatever clew is doing, and clew says so.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support.h"

namespace clew::test {
namespace {

/// The processors may be shared with much else, and to let two thousand threads go takes its time
/// too.
constexpr auto slack = 1500ms;

/// Some of the threads: all two thousand cannot be asked often enough.
class Watched {
 public:
  explicit Watched(const Fixture& target) : pid_(target.pid()) {
    const auto tids = target.tids();
    some_ = {tids.front(), tids[tids.size() / 2], tids.back()};
  }
  bool is_held() const { return count_held() == some_.size(); }
  bool is_free() const { return count_held() == 0; }

  /// How long they are held, once they are.
  Duration time_held(Duration limit) const {
    EXPECT_TRUE(await(10s, [&] { return is_held(); })) << "it is never held";
    const TimePoint start = Clock::now();
    EXPECT_TRUE(await(limit, [&] { return is_free(); })) << "it is not let go";
    return Clock::now() - start;
  }

 private:
  size_t count_held() const {
    size_t held = 0;
    for (const pid_t tid : some_) held += state_of(pid_, tid) == 't' ? 1 : 0;
    return held;
  }

  pid_t pid_;
  std::vector<pid_t> some_;
};

class MaxPause : public ::testing::Test {
 protected:
  std::string pid() const { return std::to_string(target.pid()); }

  /// Enough for more output than a pipe holds.
  Fixture target{"sleepers", {"2000"}};
  Watched watched{target};
};

TEST_F(MaxPause, OfFreezeWhoseOutputNobodyReads) {
  ClewProcess clew({"freeze", pid(), "--max-pause", "400ms"}, {.reads_output = false});
  EXPECT_LT(watched.time_held(5s), 400ms + slack);
  clew.read_output(true);
  ASSERT_EQ(clew.wait(10s), 0) << clew.err();
  EXPECT_NE(clew.err().find("--max-pause"), std::string::npos) << clew.err();
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST_F(MaxPause, OfFreezeInJson) {
  ClewProcess clew({"freeze", pid(), "--json", "--max-pause", "400ms"}, {.reads_output = false});
  EXPECT_LT(watched.time_held(5s), 400ms + slack);
  clew.read_output(true);
  ASSERT_EQ(clew.wait(10s), 0) << clew.err();
  const json document = json::parse(clew.out());
  EXPECT_EQ(document["max_pause_hit"], true);
  EXPECT_EQ(document["resumed"], true);
  EXPECT_LT(document["pause_ms"], 400 + slack.count());
}

TEST_F(MaxPause, OfAPromptWhoseOutputNobodyReads) {
  ClewProcess clew({"attach", pid(), "--max-pause", "400ms"}, {.reads_output = false});
  clew.write("threads");
  clew.write("threads");
  EXPECT_LT(watched.time_held(5s), 400ms + slack);
  clew.read_output(true);
  EXPECT_TRUE(clew.read_until("let go after")) << clew.out().substr(0, 300) << clew.err();
  clew.close_input();
  ASSERT_TRUE(clew.wait(10s).has_value());
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST_F(MaxPause, OfAPromptWhereNothingHappens) {
  ClewProcess clew({"attach", pid(), "--max-pause", "400ms"});
  EXPECT_LT(watched.time_held(5s), 400ms + slack);
  EXPECT_TRUE(clew.read_until("let go after")) << clew.out() << clew.err();
  // Attached still, and the next stop has a limit of its own.
  clew.write("interrupt");
  ASSERT_TRUE(clew.read_until("stopped:")) << clew.out() << clew.err();
  EXPECT_LT(watched.time_held(5s), 400ms + slack);
  clew.write("quit");
  ASSERT_EQ(clew.wait(10s), 0) << clew.err();
}

TEST_F(MaxPause, OfThreadsThatIsTooShortForAll) {
  for (const char* how : {"--json", "--rolling"}) {
    SCOPED_TRACE(how);
    const Ran ran = run_clew({"threads", pid(), how, "--max-pause", "1ms"});
    ASSERT_EQ(ran.status, 0) << ran.err;
    if (how == std::string("--json")) {
      const json document = json::parse(ran.out);
      EXPECT_EQ(document["complete"], false);
      EXPECT_EQ(document["resumed"], true);
      EXPECT_LT(document["pause_ms"], 1 + slack.count());
    } else {
      EXPECT_NE(ran.err.find("--max-pause"), std::string::npos) << ran.err;
    }
    EXPECT_TRUE(is_untraced(target.pid()));
  }
}

TEST(MaxPauseSmall, AsTheTargetItselfSeesIt) {
  Fixture target("sleepers", {"20", "--clock"});
  const std::string pid = std::to_string(target.pid());
  const std::vector<Strings> commands = {
      {"freeze", pid, "--max-pause", "100ms"},
      {"freeze", pid, "--max-pause", "100ms", "--for", "1h"},
      {"attach", pid, "--max-pause", "100ms", "--batch", "-x", "stepi 1000000"},
      {"attach", pid, "--max-pause", "100ms"}};
  for (const Strings& arguments : commands) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(arguments, " ")));
    target.send("reset");
    ClewProcess clew(arguments);
    // The prompt waits for its next command, and the target does not wait for that.
    if (arguments.size() == 4 && arguments.front() == "attach") {
      ASSERT_TRUE(clew.read_until("--max-pause")) << clew.out();
    }
    clew.close_input();
    ASSERT_TRUE(clew.wait(10s).has_value()) << clew.out() << clew.err();
    EXPECT_NE((clew.out() + clew.err()).find("--max-pause"), std::string::npos)
        << clew.out() << clew.err();
    EXPECT_LT(target.send("gap")["gap_ns"], 600'000'000) << clew.out();
    EXPECT_TRUE(is_untraced(target.pid()));
  }
}

TEST(MaxPauseSmall, LongerThanTheWorkChangesNothing) {
  Fixture target("sleepers", {"20"});
  const std::string pid = std::to_string(target.pid());
  const Ran ran = run_clew({"threads", pid, "--json", "--max-pause", "10s"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(json::parse(ran.out)["complete"], true);
  EXPECT_TRUE(ran.err.empty()) << ran.err;
}

}  // namespace
}  // namespace clew::test
