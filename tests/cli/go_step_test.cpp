// Steps of one goroutine among many that go through the same lines, on four threads.

#include "go_support.h"

namespace clew::test {
namespace {

/// A stop at the end of a step: the line of main.go, and the goroutine that print says it is.
struct GoStop {
  unsigned line = 0;
  uint64_t goroutine = 0;
};

constexpr const char* before_121[] = {"go1.18", "go1.19", "go1.20"};

class GoSteps : public GoTest, public testing::WithParamInterface<const char*> {
 protected:
  /// Stops one goroutine at a mark, then makes steps. @return where each of them has ended.
  std::vector<GoStop> stops_of(const std::string& mark, const Strings& steps) {
    Fixture target(GetParam());
    const std::string version = target.ready()["version"];
    is_before_121_ = std::any_of(std::begin(before_121), std::end(before_121),
                                 [&](auto* one) { return version.starts_with(one); });
    Strings commands = {"tbreak main.go:" + std::to_string(line_of(mark)), "continue", "wait",
                        "print $goid"};
    for (const std::string& step : steps) {
      commands.push_back(step);
      commands.emplace_back("print $goid");
    }
    ran_ = at_prompt(target.pid(), commands);
    EXPECT_EQ(ran_.status, 0) << ran_.err << ran_.out;
    EXPECT_TRUE(await(5s, [&] { return is_untraced(target.pid()); }));
    // It lives, and has its locks and channels in order.
    EXPECT_TRUE(target.send("calls").contains("calls"));
    std::vector<GoStop> stops;
    unsigned line = 0;
    std::istringstream text(ran_.out);
    const std::regex place("^\\* thread \\d+ .* at (\\S+\\.go):(\\d+)$");
    const std::regex goid("^\\$\\d+ = (\\d+)$");
    for (std::string one; std::getline(text, one);) {
      std::smatch found;
      if (one.find(" hit ") == one.npos && std::regex_match(one, found, place))
        line = found[1] == "main.go" ? static_cast<unsigned>(std::stoul(found[2])) : 0;
      if (std::regex_match(one, found, goid)) stops.push_back({line, std::stoull(found[1])});
    }
    EXPECT_FALSE(stops.empty()) << ran_.out;
    if (stops.empty()) return stops;
    for (const GoStop& stop : stops) {
      EXPECT_EQ(stop.goroutine, stops.front().goroutine) << ran_.out;
      EXPECT_NE(stop.goroutine, 0u);
    }
    stops.erase(stops.begin());
    return stops;
  }

  /// The lines alone.
  std::vector<unsigned> lines_of(const std::string& mark, const Strings& steps) {
    std::vector<unsigned> lines;
    for (const GoStop& stop : stops_of(mark, steps)) lines.push_back(stop.line);
    return lines;
  }
  static std::vector<unsigned> marks(const Strings& names) {
    std::vector<unsigned> lines;
    for (const std::string& name : names) lines.push_back(line_of(name));
    return lines;
  }

  Ran ran_;
  bool is_before_121_ = false;  ///< the Go that has built the program
};

TEST_P(GoSteps, NextGoesThroughChannelsSelectAndLocks) {
  EXPECT_EQ(lines_of("send", {"next"}), marks({"receive"})) << ran_.out;
  EXPECT_EQ(lines_of("drain", Strings(5, "next")),
            marks({"go", "grow", "lock", "locked", "unlock"}))
      << ran_.out;
}

TEST_P(GoSteps, NextPassesAStackThatIsMovedAndARescheduling) {
  EXPECT_EQ(lines_of("grow", {"next"}), marks({"lock"})) << ran_.out;
  EXPECT_EQ(lines_of("yield", Strings(2, "next")), marks({"return", "caller"})) << ran_.out;
}

TEST_P(GoSteps, NextPassesAPanicThatIsRecoveredFurtherIn) {
  EXPECT_EQ(lines_of("recovering", {"next"}), marks({"deferring"})) << ran_.out;
}

TEST_P(GoSteps, NextGoesThroughASelectToItsCase) {
  // Compilers give the parts of a select the lines of its cases, in an order of their own.
  const auto lines = lines_of("receive", Strings(14, "next"));
  const auto sent = std::find(lines.begin(), lines.end(), line_of("sent"));
  ASSERT_NE(sent, lines.end()) << ran_.out;
  EXPECT_NE(std::find(sent, lines.end(), line_of("drain")), lines.end()) << ran_.out;
  const auto drain = std::find(lines.begin(), lines.end(), line_of("drain"));
  for (auto at = lines.begin(); at != drain; ++at) {
    EXPECT_GE(*at, line_of("select")) << ran_.out;
    EXPECT_LT(*at, line_of("drain")) << ran_.out;
    EXPECT_NE(*at, line_of("never") + 1) << ran_.out;
  }
}

TEST_P(GoSteps, NextOverAPanicLeadsThroughTheDeferredFunctionToTheCaller) {
  auto lines = lines_of("fails", Strings(8, "next"));
  // The closure begins on the line of its defer statement, and has a brace behind the condition.
  std::erase(lines, line_of("defer"));
  std::erase(lines, line_of("recover-brace"));
  // Without debug information nothing says which of a line's instructions begin a statement: some
  // compilers (Go 1.21 to 1.25) put one of the first line between two of the condition.
  if (std::string(GetParam()) == "go/steps_stripped")
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  lines.resize(std::min<size_t>(lines.size(), 4));
  EXPECT_EQ(lines, marks({"recover", "recovered", "recover-end", "recovering"})) << ran_.out;
}

TEST_P(GoSteps, StepEntersAFunctionBehindItsPrologue) {
  // At the first statement: what is left of the prologue, to copy the arguments, has been made.
  const auto lines = lines_of("call", {"step", "finish"});
  // Before Go 1.21 nothing marks where the prologue of a function without a check of its stack
  // ends, and code that is not optimised begins on the line that declares the function.
  const bool is_slow = std::string(GetParam()) == "go/steps_slow";
  EXPECT_TRUE(lines == marks({"in-twice", "call"}) ||
              (is_slow && is_before_121_ && lines == marks({"twice", "call"})))
      << ran_.out;
}

TEST_P(GoSteps, StepEntersDeferredFunctionsAtTheEnd) {
  // While clew looks, the runtime finds the goroutine to have run for long and wants it to make
  // room: it is likely to leave its thread where the next function looks at its stack.
  for (unsigned i = 0; i < rounds(8, 100); ++i) {
    const auto lines = lines_of("defers-body", Strings(2, "step"));
    // A function without a frame has no mark behind what copies its arguments.
    const bool is_slow = std::string(GetParam()) == "go/steps_slow";
    ASSERT_TRUE(lines == marks({"defers-end", "in-add"}) ||
                (is_slow && lines == marks({"defers-end", "add"})))
        << ran_.out;
  }
}

TEST_P(GoSteps, StepPassesWhatTheRuntimeDoes) {
  EXPECT_EQ(lines_of("send", Strings(1, "step")), marks({"receive"})) << ran_.out;
  EXPECT_EQ(lines_of("go", Strings(1, "step")), marks({"grow"})) << ran_.out;
}

TEST_P(GoSteps, FinishFollowsTheGoroutine) {
  EXPECT_EQ(lines_of("send", {"finish"}), marks({"caller"})) << ran_.out;
}

TEST_P(GoSteps, FinishShowsEachResult) {
  if (std::string(GetParam()) == "go/steps_stripped") GTEST_SKIP() << "it has no types";
  Fixture target(GetParam());
  const Ran one =
      at_prompt(target.pid(), {"tbreak main.twice", "continue", "wait", "print n", "finish"});
  std::smatch found;
  const std::regex argument("\\$1 = (\\d+)\n");
  ASSERT_TRUE(std::regex_search(one.out, found, argument)) << one.out << one.err;
  const long n = std::stol(found[1]);
  EXPECT_NE(one.out.find("value returned: $2 = " + std::to_string(2 * n) + "\n"), std::string::npos)
      << one.out << one.err;
  const Ran all = at_prompt(target.pid(), {"tbreak main.several", "continue", "wait", "print n",
                                           "finish", "print $2 + 1"});
  ASSERT_TRUE(std::regex_search(all.out, found, argument)) << all.out << all.err;
  const long m = std::stol(found[1]);
  for (const std::string& line :
       Strings{"(count): $2 = " + std::to_string(m),
               "(ratio): $3 = " + std::to_string(m / 2) + (m % 2 == 0 ? "" : ".5"),
               "(name): $4 = \"" + std::to_string(m) + "\"",
               "(list): $5 = [" + std::to_string(m) + ", " + std::to_string(m + 1) + "]",
               std::string("(failed): $6 = error(nil)")}) {
    EXPECT_NE(all.out.find("value returned " + line + "\n"), std::string::npos)
        << line << "\n"
        << all.out << all.err;
  }
  EXPECT_NE(all.out.find("$7 = " + std::to_string(m + 1) + "\n"), std::string::npos) << all.out;
  // Compilers describe results of functions that defer calls twice.
  const Ran recovered = at_prompt(
      target.pid(),
      {"tbreak main.go:" + std::to_string(line_of("fails")), "continue", "wait", "finish"});
  const size_t shown = recovered.out.find("value returned (result): $1 = 7\n");
  ASSERT_NE(shown, std::string::npos) << recovered.out << recovered.err;
  EXPECT_EQ(recovered.out.find("value returned", shown + 1), std::string::npos) << recovered.out;
}

TEST_P(GoSteps, AdvanceIsForTheGoroutineAlone) {
  EXPECT_EQ(lines_of("call", {"advance main.go:" + std::to_string(line_of("return"))}),
            marks({"return"}))
      << ran_.out;
}

TEST_P(GoSteps, TheEndOfAGoroutineEndsItsStep) {
  Fixture target(GetParam());
  ran_ = at_prompt(target.pid(), {"tbreak main.go:" + std::to_string(line_of("after")), "continue",
                                  "wait", "finish"});
  EXPECT_EQ(ran_.status, 0) << ran_.err << ran_.out;
  EXPECT_NE(ran_.out.find("the goroutine has come to its end"), std::string::npos) << ran_.out;
  EXPECT_TRUE(target.send("calls").contains("calls"));
}

TEST_P(GoSteps, PreemptionDoesNotDisturbSteps) {
  // spin() takes long enough to be preempted, by SIGURG, when others wait for a thread.
  const auto lines = lines_of("spin", {"next 20"});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0] == line_of("spin-loop") || lines[0] == line_of("spin-body")) << ran_.out;
  EXPECT_EQ(lines_of("spin-loop", {"finish"}).size(), 1u) << ran_.out;
}

INSTANTIATE_TEST_SUITE_P(Builds, GoSteps,
                         testing::Values("go/steps_slow", "go/steps", "go/steps_stripped"),
                         [](const auto& build) { return std::string(build.param).substr(3); });

class GoStepsOfParked : public GoTest {};

TEST_F(GoStepsOfParked, BeginWhenItGoesOn) {
  Fixture target("go/steps", {"3"});
  const std::string advance = "advance main.go:" + std::to_string(line_of("closure"));
  for (const std::string& command : Strings{"next", "finish", advance}) {
    SCOPED_TRACE(command);
    bool was_parked = false;
    // Those that live long wait for those that they have made; one can be on a thread when it is
    // selected.
    for (int attempt = 0; attempt < 20 && !was_parked; ++attempt) {
      const Ran list = run_clew({"goroutines", std::to_string(target.pid()), "--json", "--no-group",
                                 "--with", "userloc=main.crowd", "--with", "state=chan receive"});
      ASSERT_EQ(list.status, 0) << list.err;
      const json found = json::parse(list.out)["goroutines"];
      if (found.empty()) continue;
      const std::string id = std::to_string(found[0]["id"].get<uint64_t>());
      const Ran ran = at_prompt(target.pid(), {"goroutine " + id, command, "goroutine"});
      was_parked = ran.out.find("is on no thread: the program runs") != ran.out.npos;
      if (!was_parked) continue;
      EXPECT_EQ(ran.status, 0) << ran.err;
      EXPECT_NE(ran.out.find("goroutine " + id + ", hit temporary breakpoint 1"), std::string::npos)
          << ran.out << ran.err;
      // It has a thread and stands in the source.
      const std::string last = ran.out.substr(ran.out.rfind("goroutine " + id));
      EXPECT_EQ(last.find("on no thread"), std::string::npos) << ran.out;
    }
    EXPECT_TRUE(was_parked);
  }
}

}  // namespace
}  // namespace clew::test
