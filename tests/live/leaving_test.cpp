// Every way in which clew can end leaves the target running, or stopped, as it was found.

#include <gtest/gtest.h>
#include <unistd.h>

#include "support.h"

namespace clew::test {
namespace {

enum class Target { held, running, found_stopped };

struct Way {
  std::string name;
  std::function<void(ClewProcess&)> leave;
  /// What clew does under nohup when it would leave otherwise.
  bool is_ignored_by_nohup = false;
  int killed_by = 0;
  bool may_fail = false;  ///< status 1 is as good as 0
};

std::string name_of(Target target) {
  switch (target) {
    case Target::held:
      return "held";
    case Target::running:
      return "running";
    default:
      return "found stopped";
  }
}

/// Target, clew and one way to end it.
class Leaving {
 public:
  Leaving(ClewProcess::Mode mode, bool nohup, Target how)
      : target_("stopstate"), mode_(mode), nohup_(nohup), how_(how) {
    if (how_ != Target::found_stopped) return;
    target_.send("kill STOP");
    EXPECT_EQ(target_.next_event()["event"], "stopped");
    EXPECT_TRUE(await(2s, [&] { return are_all(target_.pid(), 'T'); }));
  }

  void check(const Way& way) {
    SCOPED_TRACE(way.name + (nohup_ ? ", nohup" : "") +
                 (mode_ == ClewProcess::Mode::terminal ? ", terminal, " : ", pipes, ") +
                 name_of(how_));
    const json before = target_.send("count");
    ClewProcess clew({"attach", std::to_string(target_.pid())}, {.mode = mode_, .nohup = nohup_});
    ASSERT_TRUE(clew.read_until("attached to process")) << clew.out() << clew.err();
    ASSERT_TRUE(clew.read_until("thread 1")) << clew.out() << clew.err();
    if (mode_ == ClewProcess::Mode::terminal) {
      ASSERT_TRUE(clew.read_until("(clew"));
    }
    if (how_ == Target::running) {
      clew.write("continue");
      ASSERT_TRUE(clew.read_until("running"));
      // Only with the prompt does the terminal give each key as it is typed.
      if (mode_ == ClewProcess::Mode::terminal) {
        ASSERT_TRUE(clew.read_until("running) "));
      }
      // The words may be there before the deed of another thread is seen.
      ASSERT_TRUE(await(2s, [&] { return !is_held(target_.pid()); }));
    } else {
      ASSERT_TRUE(is_held(target_.pid())) << states_of(target_.pid());
    }
    way.leave(clew);
    if (nohup_ && way.is_ignored_by_nohup) {
      clew.write("info target");
      ASSERT_TRUE(clew.read_until(std::to_string(target_.pid()))) << clew.out() << clew.err();
      clew.write("quit");
    }
    const auto status = clew.wait(1s);
    ASSERT_TRUE(status.has_value()) << "clew still lives\n" << clew.out() << clew.err();
    ASSERT_EQ(way.may_fail && *status == 1 ? 0 : *status, -way.killed_by)
        << clew.out() << clew.err();
    expect_target_unharmed(before);
  }

 private:
  void expect_target_unharmed(const json& before) {
    // A thread on its way back from a stop may still show it for a moment.
    const auto is_as_before = [&] {
      if (!is_untraced(target_.pid())) return false;
      const std::string states = states_of(target_.pid());
      if (how_ == Target::found_stopped) return states == "TTTT";
      return states.find_first_not_of("SR") == std::string::npos;
    };
    ASSERT_TRUE(await(1s, is_as_before)) << states_of(target_.pid());
    const json after = target_.send("count");
    EXPECT_EQ(after["stopped"], before["stopped"]);
    EXPECT_EQ(after["continued"], before["continued"]);
    if (how_ == Target::found_stopped) {
      EXPECT_EQ(after["beats"], before["beats"]);
    } else {
      EXPECT_TRUE(await(2s, [&] { return target_.send("count")["beats"] > after["beats"]; }));
    }
  }

  Fixture target_;
  ClewProcess::Mode mode_;
  bool nohup_;
  Target how_;
};

Way by_signal(const char* name, int number, bool ignored_by_nohup = false) {
  return {name, [number](ClewProcess& clew) { clew.signal(number); }, ignored_by_nohup,
          number == SIGKILL ? SIGKILL : 0};
}

std::vector<Way> common_ways() {
  return {{"detach",
           [](ClewProcess& clew) {
             clew.write("detach");
             clew.write("quit");
           }},
          {"quit", [](ClewProcess& clew) { clew.write("quit"); }},
          by_signal("SIGTERM", SIGTERM),
          by_signal("SIGHUP", SIGHUP, true),
          by_signal("SIGQUIT", SIGQUIT),
          by_signal("SIGPIPE", SIGPIPE),
          by_signal("SIGKILL", SIGKILL)};
}

std::vector<Way> ways_through_pipes() {
  std::vector<Way> ways = common_ways();
  ways.push_back({"end of input", [](ClewProcess& clew) { clew.close_input(); }});
  ways.push_back(by_signal("SIGINT", SIGINT));
  ways.push_back({"reader gone",
                  [](ClewProcess& clew) {
                    clew.close_output();
                    clew.write("threads");
                    clew.write("threads");
                  },
                  false, 0, true});
  return ways;
}

std::vector<Way> ways_at_a_terminal() {
  std::vector<Way> ways = common_ways();
  ways.push_back({"end of input", [](ClewProcess& clew) { clew.write_raw("\x04"); }});
  ways.push_back({"terminal closed", [](ClewProcess& clew) { clew.close_output(); }});
  return ways;
}

class LeavingBy : public ::testing::TestWithParam<std::tuple<ClewProcess::Mode, bool, Target>> {};

TEST_P(LeavingBy, LeavesNoTrace) {
  const auto [mode, nohup, how] = GetParam();
  const auto ways =
      mode == ClewProcess::Mode::terminal ? ways_at_a_terminal() : ways_through_pipes();
  Leaving leaving(mode, nohup, how);
  for (const Way& way : ways) {
    for (unsigned round = 0; round < rounds(3, 50); ++round) {
      SCOPED_TRACE(round);
      leaving.check(way);
      if (HasFatalFailure()) return;
    }
  }
}

std::string test_name(const ::testing::TestParamInfo<LeavingBy::ParamType>& test) {
  const auto [mode, nohup, how] = test.param;
  std::string name = mode == ClewProcess::Mode::pipes ? "Pipes" : "Terminal";
  if (nohup) name += "Nohup";
  if (how == Target::held) return name + "Held";
  return name + (how == Target::running ? "Running" : "FoundStopped");
}

INSTANTIATE_TEST_SUITE_P(
    AllWays, LeavingBy,
    ::testing::Combine(::testing::Values(ClewProcess::Mode::pipes, ClewProcess::Mode::terminal),
                       ::testing::Bool(),
                       ::testing::Values(Target::held, Target::running, Target::found_stopped)),
    test_name);

class LeavingFreeze : public ::testing::Test {
 protected:
  void check(const Strings& more, const std::function<void(ClewProcess&)>& leave,
             std::optional<int> status, bool nohup = false) {
    for (unsigned round = 0; round < rounds(3, 50); ++round) {
      SCOPED_TRACE(round);
      Strings arguments = {"freeze", std::to_string(target.pid())};
      arguments.insert(arguments.end(), more.begin(), more.end());
      ClewProcess clew(arguments, {.nohup = nohup});
      ASSERT_TRUE(await(5s, [&] { return is_held(target.pid()); }));
      leave(clew);
      ASSERT_EQ(clew.wait(1s), status) << clew.out() << clew.err();
      ASSERT_TRUE(await(1s, [&] { return is_untraced(target.pid()); }));
      const json after = target.send("count");
      EXPECT_EQ(after["stopped"], 0);
      EXPECT_EQ(after["continued"], 0);
      EXPECT_TRUE(await(2s, [&] { return target.send("count")["beats"] > after["beats"]; }));
      ASSERT_EQ(states_of(target.pid()).find_first_not_of("SR"), std::string::npos);
    }
  }

  Fixture target{"stopstate"};
};

TEST_F(LeavingFreeze, BySignals) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    SCOPED_TRACE(strsignal(number));
    check(
        {}, [&](ClewProcess& clew) { clew.signal(number); }, 0);
    check(
        {"--json"}, [&](ClewProcess& clew) { clew.signal(number); }, 0);
    if (HasFatalFailure()) return;
  }
  check(
      {}, [](ClewProcess& clew) { clew.signal(SIGKILL); }, -SIGKILL);
}

TEST_F(LeavingFreeze, SighupIsIgnoredUnderNohup) {
  check(
      {},
      [&](ClewProcess& clew) {
        ASSERT_TRUE(clew.read_until("hold"));
        clew.signal(SIGHUP);
        EXPECT_FALSE(clew.wait(50ms).has_value());
        EXPECT_TRUE(is_held(target.pid()));
        clew.signal(SIGINT);
      },
      0, true);
}

TEST_F(LeavingFreeze, AtTheEndOfItsDuration) {
  check(
      {"--for", "20ms"}, [](ClewProcess&) {}, 0);
}

TEST_F(LeavingFreeze, WhenItsReaderIsGone) {
  for (unsigned round = 0; round < rounds(3, 50); ++round) {
    SCOPED_TRACE(round);
    ClewProcess clew({"freeze", std::to_string(target.pid()), "--for", "200ms"});
    clew.close_output();
    ASSERT_TRUE(clew.wait(1s).has_value());
    ASSERT_TRUE(await(1s, [&] { return is_untraced(target.pid()); }));
    ASSERT_EQ(states_of(target.pid()).find_first_not_of("SR"), std::string::npos);
  }
}

TEST(LeavingBatch, BySigintAndByItsEnd) {
  Fixture target("stopstate");
  const std::string pid = std::to_string(target.pid());
  for (unsigned round = 0; round < rounds(3, 50); ++round) {
    SCOPED_TRACE(round);
    ClewProcess waiting({"attach", pid, "--batch", "-x", "continue", "-x", "wait"});
    ASSERT_TRUE(waiting.read_until("running"));
    waiting.signal(SIGINT);
    ASSERT_TRUE(waiting.wait(1s).has_value()) << waiting.out() << waiting.err();
    ASSERT_TRUE(await(1s, [&] { return is_untraced(target.pid()); }));

    const Ran ran = run_clew({"attach", pid, "--batch", "-x", "threads", "-x", "regs rip"});
    ASSERT_EQ(ran.status, 0) << ran.out << ran.err;
    ASSERT_TRUE(is_untraced(target.pid()));
    ASSERT_NE(ran.out.find("(verified)"), std::string::npos) << ran.out;
  }
  const json last = target.stop();
  EXPECT_EQ(last["stopped"], 0);
  EXPECT_EQ(last["continued"], 0);
}

TEST(LeavingInteractive, ControlCStopsAndStays) {
  Fixture target("stopstate");
  ClewProcess clew({"attach", std::to_string(target.pid())}, {.mode = ClewProcess::Mode::terminal});
  ASSERT_TRUE(clew.read_until("(clew"));
  for (unsigned round = 0; round < rounds(3, 50); ++round) {
    SCOPED_TRACE(round);
    clew.write("continue");
    ASSERT_TRUE(clew.read_until("running")) << clew.out();
    ASSERT_TRUE(await(2s, [&] { return !is_held(target.pid()); }));
    clew.signal(SIGINT);
    ASSERT_TRUE(clew.read_until("stopped: 4 threads held")) << clew.out();
    ASSERT_TRUE(is_held(target.pid())) << states_of(target.pid());
  }
  clew.write("quit");
  ASSERT_EQ(clew.wait(1s), 0);
  ASSERT_TRUE(is_untraced(target.pid()));
}

}  // namespace
}  // namespace clew::test
