// clew trace: each call of the traced functions once, with what it was given and what it returned.

#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <sstream>

#include "support.h"

namespace clew::test {
namespace {

struct Traced {
  std::vector<json> events;  ///< but for the first and the last
  json begin, end;
  std::string err;
  std::optional<int> status;

  size_t count(const std::string& event, const std::string& function = "") const {
    return static_cast<size_t>(std::count_if(events.begin(), events.end(), [&](const json& one) {
      return one["event"] == event && (function.empty() || one["function"] == function);
    }));
  }
  std::vector<std::string> values(const std::string& function) const {
    std::vector<std::string> values;
    for (const json& one : events) {
      if (one["event"] == "return" && one["function"] == function)
        values.push_back(one.value("value", ""));
    }
    return values;
  }
};

/// Traces while `meanwhile` has the target do something, ends by Ctrl-C.
Traced trace(const Fixture& target, Strings arguments, const std::function<void()>& meanwhile,
             int signal = SIGINT) {
  arguments.insert(arguments.begin(), {"trace", std::to_string(target.pid()), "--json"});
  ClewProcess clew(arguments);
  EXPECT_TRUE(clew.read_until("\"begin\"", 60s)) << clew.err();
  meanwhile();
  if (signal != 0) clew.signal(signal);
  Traced traced;
  traced.status = clew.wait(60s);
  traced.err = clew.err();
  std::istringstream text(clew.out());
  for (std::string line; std::getline(text, line);) {
    json one = json::parse(line, nullptr, false);
    EXPECT_FALSE(one.is_discarded()) << line;
    if (one["event"] == "begin") {
      traced.begin = one;
    } else if (one["event"] == "end") {
      traced.end = one;
    } else {
      traced.events.push_back(one);
    }
  }
  EXPECT_FALSE(traced.end.is_null()) << clew.out() << clew.err();
  // A process that has ended has no threads to look at.
  EXPECT_TRUE(traced.end.value("ended", "") != "" || is_untraced(target.pid()));
  return traced;
}

class Trace : public testing::TestWithParam<const char*> {
 protected:
  Fixture target_{std::string("step_matrix_o") + GetParam()};

  Traced trace_scenario(const std::string& scenario, const Strings& arguments) {
    return trace(target_, arguments, [&] {
      EXPECT_EQ(target_.send("run " + scenario, 60s).value("ran", ""), scenario);
    });
  }
};

TEST_P(Trace, RecursionHasArgumentsValuesAndDepths) {
  const Traced traced = trace_scenario("recursion", {"factorial"});
  EXPECT_EQ(traced.status, 0) << traced.err;
  ASSERT_EQ(traced.count("call"), 8U);
  EXPECT_EQ(traced.count("return"), 8U);
  EXPECT_EQ(traced.values("(anonymous namespace)::factorial"),
            (Strings{"1", "2", "6", "24", "120", "1", "2", "6"}));
  std::vector<std::string> given;
  std::vector<int> depths;
  for (const json& one : traced.events) {
    if (one["event"] != "call") continue;
    ASSERT_EQ(one["arguments"].size(), 1U) << one.dump();
    EXPECT_EQ(one["arguments"][0]["name"], "n");
    given.push_back(one["arguments"][0]["value"]);
    depths.push_back(one["depth"]);
  }
  EXPECT_EQ(given, (Strings{"5", "4", "3", "2", "1", "3", "2", "1"}));
  EXPECT_EQ(depths, (std::vector<int>{0, 1, 2, 3, 4, 0, 1, 2}));
  EXPECT_EQ(traced.end["calls"], 8);
  EXPECT_EQ(traced.end["resumed"], true);
}

TEST_P(Trace, CallsThatExceptionsLeaveHaveNoReturn) {
  const Traced traced = trace_scenario("exceptions", {"thrower|passes_on|catches_within"});
  // thrower is called five times and throws in three of them, each through passes_on; the last
  // goes through catches_within as well.
  EXPECT_EQ(traced.count("call", "(anonymous namespace)::thrower"), 4U);
  EXPECT_EQ(traced.count("left", "(anonymous namespace)::thrower"), 3U);
  EXPECT_EQ(traced.count("return", "(anonymous namespace)::thrower"), 1U);
  EXPECT_EQ(traced.count("left", "(anonymous namespace)::passes_on"), 3U);
  EXPECT_EQ(traced.count("return", "(anonymous namespace)::passes_on"), 1U);
  EXPECT_EQ(traced.count("left", "(anonymous namespace)::catches_within"), 1U);
  EXPECT_EQ(traced.count("return", "(anonymous namespace)::catches_within"), 2U);
}

TEST_P(Trace, CallsThatALongjmpLeavesHaveNoReturn) {
  const Traced traced = trace_scenario("jumps", {"jumper|between"});
  EXPECT_EQ(traced.count("call"), 6U);
  EXPECT_EQ(traced.count("left", "(anonymous namespace)::jumper"), 2U);
  EXPECT_EQ(traced.count("left", "(anonymous namespace)::between"), 2U);
  EXPECT_EQ(traced.count("return"), 2U);
}

TEST_P(Trace, TailCallsReturnTogether) {
  const Traced traced = trace_scenario("tails", {"by_the_tail|last_of_all"});
  EXPECT_EQ(traced.values("(anonymous namespace)::by_the_tail"), (Strings{"3", "4"}));
  EXPECT_EQ(traced.values("(anonymous namespace)::last_of_all"), (Strings{"3", "4"}));
}

TEST_P(Trace, FunctionsWithoutDebugInformationShowRegisters) {
  const Traced traced = trace_scenario("libraries", {"^step_library_add$", "--stack", "2"});
  ASSERT_EQ(traced.count("call"), 2U);
  const json& call = traced.events.front();
  EXPECT_EQ(call["arguments"][0]["name"], "rdi");
  EXPECT_EQ(call["arguments"][0]["value"], "0x1");
  ASSERT_GE(call["callers"].size(), 1U);
  EXPECT_NE(call["callers"][0].get<std::string>().find("libraries"), std::string::npos);
  EXPECT_EQ(traced.values("step_library_add"), (Strings{"rax=0x3", "rax=0x7"}));
}

INSTANTIATE_TEST_SUITE_P(Optimisation, Trace, testing::Values("0", "2"),
                         [](const auto& one) { return std::string("O") + one.param; });

TEST(TraceCommand, CountsAreExactInAStormOfBirthsAndSignals) {
  Fixture target("calls", {"8"});
  const unsigned each = rounds(2'000, 125'000);
  ClewProcess clew({"trace", std::to_string(target.pid()), "^hit_me$", "--count", "--json",
                    "--calls", std::to_string(8 * each)},
                   {.mode = ClewProcess::Mode::terminal});
  ASSERT_TRUE(clew.read_until("tracing 1 function", 60s)) << clew.out();
  EXPECT_EQ(target.send("call " + std::to_string(each), 600s).value("called", 0U), 8 * each);
  ASSERT_EQ(clew.wait(60s), 0) << clew.err();
  // The table's one document, and nothing else but what is told to people.
  const json counts = json::parse(clew.out().substr(clew.out().find('{')), nullptr, false);
  ASSERT_FALSE(counts.is_discarded()) << clew.out();
  EXPECT_EQ(counts["calls"], 8 * each);
  EXPECT_EQ(counts["returns"], 8 * each);
  EXPECT_EQ(counts["left"], 0);
  EXPECT_EQ(counts["functions"][0]["function"], "hit_me");
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST(TraceCommand, FunctionsOfOneNameAreToldApart) {
  Fixture target("exceptions");
  ClewProcess clew({"trace", std::to_string(target.pid()), "::refuse$", "--count", "--calls", "2"},
                   {.mode = ClewProcess::Mode::terminal});
  ASSERT_TRUE(clew.read_until("tracing 2 functions", 60s)) << clew.out();
  target.write("run");
  EXPECT_EQ(target.next_answer().value("caught", 0), 5);
  ASSERT_EQ(clew.wait(60s), 0) << clew.err();
  EXPECT_NE(clew.out().find("(anonymous namespace)::refuse()"), std::string::npos) << clew.out();
  EXPECT_NE(clew.out().find("(anonymous namespace)::refuse(int)"), std::string::npos);
}

TEST(TraceCommand, WhatIsOverTheRateIsCountedAndNotShown) {
  Fixture target("calls", {"2"});
  const Traced traced = trace(target, {"^hit_me$", "--rate", "5"}, [&] {
    EXPECT_EQ(target.send("call 500", 60s).value("called", 0), 1000);
  });
  EXPECT_EQ(traced.end["calls"], 1000);
  EXPECT_EQ(traced.end["returns"], 1000);
  EXPECT_GT(traced.end.value("not_shown", 0), 0);
  EXPECT_EQ(traced.count("call") + traced.end.value("not_shown", size_t{0}), 1000U);
}

TEST(TraceCommand, EndsInEveryWayAndLeavesTheTargetAsItWas) {
  Fixture target("calls", {"4"});
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGKILL}) {
    ASSERT_TRUE(target.send("hot on").value("hot", false));
    ClewProcess clew({"trace", std::to_string(target.pid()), "turn_", "--rate", "100", "--json"});
    ASSERT_TRUE(clew.read_until("\"event\":\"return\"", 60s)) << clew.out() << clew.err();
    clew.signal(signal);
    ASSERT_TRUE(clew.wait(60s).has_value());
    const json counts = target.send("hot off");
    ASSERT_FALSE(counts.is_null()) << states_of(target.pid());
    EXPECT_EQ(counts["calls"], counts["counted"]);
    EXPECT_TRUE(is_untraced(target.pid()));
  }
}

TEST(TraceCommand, ForATimeAndToTheEndOfTheProcess) {
  Fixture target("calls", {"1"});
  const Ran ran = run_clew({"trace", std::to_string(target.pid()), "hit_me", "--for", "100ms"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("0 calls of 0 functions"), std::string::npos) << ran.out;
  const Traced traced = trace(
      target, {"hit_me"}, [&] { target.stop(); }, 0);
  EXPECT_EQ(traced.status, 0);
  EXPECT_NE(traced.end.value("ended", "").find("exited"), std::string::npos);
}

TEST(TraceCommand, BadInputIsRefusedBeforeTheAttach) {
  Fixture target("calls", {"1"});
  const std::string pid = std::to_string(target.pid());
  const struct {
    Strings arguments;
    const char* error;
    int status;
  } cases[] = {
      {{pid}, "trace which functions?", 2},
      {{pid, "("}, "", 2},
      {{pid, "no_such_function_anywhere"}, "no function of process", 1},
      {{pid, "hit_me", "--calls", "0"}, "--calls", 2},
      {{pid, "hit_me", "--rate", "x"}, "--rate", 2},
      {{pid, "hit_me", "--for", "soon"}, "--for", 2},
      {{"--name", "no such program", "hit_me"}, "", 1},
  };
  for (const auto& one : cases) {
    Strings arguments = one.arguments;
    arguments.insert(arguments.begin(), "trace");
    const Ran ran = run_clew(arguments);
    EXPECT_EQ(ran.status, one.status) << ran.err << ran.out;
    EXPECT_NE(ran.err.find(one.error), std::string::npos) << ran.err;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
    EXPECT_TRUE(is_untraced(target.pid()));
  }
}

}  // namespace
}  // namespace clew::test
