// Breakpoints in Go programs: where they are, who hits them, how often, and what ends a program.

#include "go_support.h"

namespace clew::test {
namespace {

class GoBreakpoints : public GoTest {
 protected:
  /// What `break` says of each location.
  std::vector<std::string> said_of(const Strings& locations) {
    Fixture target("go/steps");
    Strings commands;
    for (const std::string& location : locations) commands.push_back("break " + location);
    const Ran ran = at_prompt(target.pid(), commands);
    EXPECT_EQ(ran.status, 0) << ran.err << ran.out;
    std::vector<std::string> said;
    std::istringstream text(ran.out);
    for (std::string line; std::getline(text, line);) {
      if (line.find("breakpoint ") == 0)
        said.push_back(line.substr(line.find_first_of(" ", 11) + 1));
    }
    EXPECT_EQ(said.size(), locations.size()) << ran.out;
    said.resize(locations.size());
    return said;
  }
};

TEST_F(GoBreakpoints, AreFoundByEveryNameThatGoHasForAFunction) {
  const auto said = said_of({"main.twice", "twice", "shapes.Leaf", "steps/shapes.Leaf",
                             "example.org/steps/shapes.Leaf", "shapes.(*Square).Scale",
                             "(*Square).Scale", "Square.Area", "Square.Scale", "main.crowd.func1",
                             "main.go:" + std::to_string(line_of("in-closure"))});
  const std::string at_twice = " in main.twice";
  EXPECT_NE(said[0].find(at_twice), std::string::npos) << said[0];
  EXPECT_NE(said[1].find(at_twice), std::string::npos) << said[1];
  for (int i = 2; i < 5; ++i)
    EXPECT_NE(said[i].find(" in example.org/steps/shapes.Leaf"), std::string::npos) << said[i];
  for (const int i : {5, 6, 8})
    EXPECT_NE(said[i].find(" in example.org/steps/shapes.(*Square).Scale"), std::string::npos)
        << said[i];
  EXPECT_NE(said[7].find("shapes.Square.Area"), std::string::npos) << said[7];
  EXPECT_NE(said[9].find("main.crowd"), std::string::npos) << said[9];
  EXPECT_NE(said[10].find("main.go:" + std::to_string(line_of("in-closure"))), std::string::npos)
      << said[10];
}

TEST_F(GoBreakpoints, EveryInstanceOfAGenericFunctionIsMeant) {
  Fixture target("go/steps");
  // Until Go 1.19 shapes were numbered.
  const std::string version = target.ready()["version"];
  const bool is_old = version.starts_with("go1.18") || version.starts_with("go1.19");
  const std::string end = is_old ? "_0]" : "]";
  const Ran ran =
      at_prompt(target.pid(),
                {"break shapes.Sum", "break (*Stack).Push", "break shapes.Sum[go.shape.int" + end,
                 "break shapes.Sum[...]", "break shapes.(*Stack[...]).Push", "info breakpoints"});
  EXPECT_EQ(ran.status, 0) << ran.err << ran.out;
  for (const std::string& instance :
       Strings{"shapes.Sum[go.shape.int", "shapes.Sum[go.shape.float64", "(*Stack[go.shape.int",
               "(*Stack[go.shape.string"})
    EXPECT_NE(ran.out.find(instance + end), std::string::npos) << instance << "\n" << ran.out;
  EXPECT_NE(ran.out.find("breakpoint 1 at shapes.go:"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find(" and 1 more places"), std::string::npos) << ran.out;
  // As traces write it.
  EXPECT_EQ(ran.out.find("pending"), std::string::npos) << ran.out;
}

TEST_F(GoBreakpoints, AreFoundWithoutDebugInformationToo) {
  const std::string drain = "main.go:" + std::to_string(line_of("drain"));
  // Nothing but a comment has that line.
  const std::string before = "main.go:" + std::to_string(line_of("grow") - 1);
  Fixture target("go/steps_stripped");
  const Ran ran = at_prompt(
      target.pid(),
      {"break main.work", "break steps/main.go:" + std::to_string(line_of("drain")),
       "break shapes.go:1", "break (*Square).Scale", "break " + before, "delete 3", "delete 4",
       "delete 5", "continue", "wait", "continue", "wait", "info breakpoints"});
  EXPECT_EQ(ran.status, 0) << ran.err << ran.out;
  EXPECT_NE(ran.out.find("breakpoint 2 at " + drain + " in main.work"), std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("breakpoint 3 at shapes.go:"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("breakpoint 5 at " + before), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("pending"), std::string::npos) << ran.out;
  EXPECT_GE(hits_of(ran.out, 1) + hits_of(ran.out, 2), 2u) << ran.out;
}

TEST_F(GoBreakpoints, PanicsInProgressAreShown) {
  for (const char* const build : {"go/steps", "go/steps_stripped"}) {
    SCOPED_TRACE(build);
    Fixture target(build, {"1"});
    const Ran ran =
        at_prompt(target.pid(), {"tbreak main.go:" + std::to_string(line_of("recover")), "continue",
                                 "wait", "panics", "goroutine 1 panics", "panics all"});
    EXPECT_NE(ran.out.find("goroutine 1 has no panic in progress"), std::string::npos) << ran.out;
    EXPECT_NE(ran.err.find("panics takes no arguments"), std::string::npos) << ran.err;
    if (std::string(build) == "go/steps") {
      EXPECT_NE(ran.out.find("interface {}(*errors.errorString) 0x"), std::string::npos) << ran.out;
      EXPECT_NE(ran.out.find("{s: \"failed 0\"}"), std::string::npos) << ran.out;
    } else {
      EXPECT_NE(ran.out.find("\na value that is neither text nor a number\n"), std::string::npos)
          << ran.out;
    }
  }
}

TEST_F(GoBreakpoints, APackageThatIsNotThereHasNoFunctions) {
  Fixture target("go/steps");
  const Ran ran = at_prompt(target.pid(), {"break other/shapes.Leaf"});
  EXPECT_NE(ran.out.find("pending"), std::string::npos) << ran.out << ran.err;
}

TEST_F(GoBreakpoints, OfOneGoroutineAreHitByThatAlone) {
  Fixture target("go/steps");
  const std::string line = std::to_string(line_of("caller"));
  const Ran ran = at_prompt(
      target.pid(), {"tbreak main.work", "continue", "wait", "print $goid",
                     "break main.go:" + std::to_string(line_of("drain")) + " --goroutine current",
                     "break main.recovers if $goid == $1", "continue", "wait", "print $goid",
                     "continue", "wait", "print $goid", "info breakpoints"});
  EXPECT_EQ(ran.status, 0) << ran.err << ran.out;
  std::vector<std::string> ids;
  const std::regex goid("\\$\\d+ = (\\d+)\n");
  for (std::sregex_iterator at(ran.out.begin(), ran.out.end(), goid), end; at != end; ++at)
    ids.push_back((*at)[1]);
  ASSERT_EQ(ids.size(), 3u) << ran.out;
  EXPECT_EQ(ids[1], ids[0]) << ran.out;
  EXPECT_EQ(ids[2], ids[0]) << ran.out;
  EXPECT_EQ(hits_of(ran.out, 2), 1u) << ran.out;
  EXPECT_EQ(hits_of(ran.out, 3), 1u) << ran.out;
  EXPECT_NE(ran.out.find("by goroutine " + ids[0]), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find(", goroutine " + ids[0] + ", hit breakpoint 2"), std::string::npos)
      << ran.out;
}

TEST_F(GoBreakpoints, StopForTheFollowedGoroutineAlone) {
  Fixture target("go/steps");
  const Ran ran = at_prompt(
      target.pid(), {"tbreak main.work", "continue", "wait", "print $goid", "set follow goroutine",
                     "show follow", "break main.recovers", "continue", "wait", "print $goid"});
  EXPECT_EQ(ran.status, 0) << ran.err << ran.out;
  std::smatch found;
  const std::regex both("\\$1 = (\\d+)\n[^]*\\$2 = (\\d+)\n");
  ASSERT_TRUE(std::regex_search(ran.out, found, both)) << ran.out;
  EXPECT_EQ(found[1], found[2]) << ran.out;
}

TEST_F(GoBreakpoints, BadGoroutinesAreRefused) {
  Fixture target("go/steps");
  const Ran ran = at_prompt(target.pid(), {"break main.work --goroutine x", "set follow x"});
  EXPECT_NE(ran.err.find("--goroutine takes a goroutine's number, current or any"),
            std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("usage: set follow any|thread|goroutine"), std::string::npos) << ran.err;
  Fixture other("calls", {"4"});
  const Ran no_go = at_prompt(other.pid(), {"break hit_me --goroutine 1"});
  EXPECT_NE(no_go.err.find("no Go program"), std::string::npos) << no_go.err;
}

// --- Ends

/// Runs it up to the end that a command brings about.
void run_to_end(Fixture& target, ClewProcess& clew, const std::string& command,
                const std::string& text) {
  ASSERT_TRUE(clew.read_until("attached", 60s));
  clew.write("continue");
  ASSERT_TRUE(clew.read_until("running", 60s));
  target.write(command);
  ASSERT_TRUE(clew.read_until(text, 60s)) << clew.out() << clew.err();
}

TEST_F(GoBreakpoints, APanicThatNobodyRecoversStopsWithItsTextAndTheUsersFrame) {
  Fixture target("go/steps");
  ClewProcess clew({"attach", std::to_string(target.pid())});
  ASSERT_NO_FATAL_FAILURE(run_to_end(target, clew, "panic", "unrecovered panic: failure 42"));
  ASSERT_TRUE(clew.read_until("main.ends at main.go:" + std::to_string(line_of("ends")), 60s))
      << clew.out();
  ASSERT_TRUE(clew.read_until("panic(failure{code})", 60s)) << clew.out();
  clew.write("up");
  ASSERT_TRUE(clew.read_until("main.go:" + std::to_string(line_of("calls-ends")), 60s))
      << clew.out();
  clew.write("continue");
  clew.close_input();
  EXPECT_EQ(clew.wait(60s).value_or(-1), 0) << clew.err();
  const auto status = target.wait_status();
  ASSERT_TRUE(status);
  EXPECT_EQ(WEXITSTATUS(*status), 2);
}

TEST_F(GoBreakpoints, APanicHasItsTextWithoutDebugInformationToo) {
  Fixture target("go/steps_stripped");
  ClewProcess clew({"attach", std::to_string(target.pid())});
  ASSERT_NO_FATAL_FAILURE(run_to_end(target, clew, "panic", "unrecovered panic: failure 42"));
  clew.write("kill");
  clew.close_input();
  EXPECT_TRUE(clew.wait(60s).has_value());
}

TEST_F(GoBreakpoints, AFatalErrorOfTheRuntimeStopsWithItsText) {
  Fixture target("go/steps");
  ClewProcess clew({"attach", std::to_string(target.pid())});
  ASSERT_TRUE(clew.read_until("attached", 60s));
  clew.write("continue");
  ASSERT_TRUE(clew.read_until("running", 60s));
  target.write("throw");
  ASSERT_TRUE(clew.read_until("fatal error: sync: unlock of unlocked mutex", 60s))
      << clew.out() << clew.err();
  clew.write("kill");
  clew.close_input();
  EXPECT_TRUE(clew.wait(60s).has_value());
}

TEST_F(GoBreakpoints, StopsAtPanicsCanBeSwitchedOff) {
  Fixture target("go/steps");
  ClewProcess clew({"attach", std::to_string(target.pid())});
  ASSERT_TRUE(clew.read_until("attached", 60s));
  clew.write("set stop-on-panic off");
  clew.write("continue");
  ASSERT_TRUE(clew.read_until("running", 60s));
  target.write("panic");
  const auto status = target.wait_status(60s);
  ASSERT_TRUE(status);
  EXPECT_EQ(WEXITSTATUS(*status), 2);
  clew.close_input();
  EXPECT_TRUE(clew.wait(60s).has_value());
  EXPECT_EQ(clew.out().find("unrecovered"), std::string::npos) << clew.out();
}

// --- Counts

class GoCounts : public GoTest {
 protected:
  static constexpr unsigned goroutines = 1000;
};

TEST_F(GoCounts, OfAThousandGoroutinesAreExact) {
  Fixture target("go/calls");
  const unsigned each = rounds(6, 120);
  ClewProcess clew({"attach", std::to_string(target.pid())});
  ASSERT_TRUE(clew.read_until("attached", 60s));
  for (const char* command :
       {"break main.hit --stop none", "break main.hit --stop none if $rbx == 3",
        "logpoint main.hit \"turn {$rbx}\" if $rax == 5", "break main.hit", "ignore 4 100000000"})
    clew.write(command);
  clew.write("continue");
  ASSERT_TRUE(clew.read_until("running", 60s)) << clew.out() << clew.err();
  const json called = target.send("call " + std::to_string(each), 300s);
  EXPECT_EQ(called.value("called", 0U), each * goroutines) << clew.out() << clew.err();
  clew.write("interrupt");
  clew.write("info breakpoints");
  clew.close_input();
  EXPECT_EQ(clew.wait(60s).value_or(-1), 0) << clew.err();
  EXPECT_EQ(hits_of(clew.out(), 1), each * goroutines);
  EXPECT_EQ(hits_of(clew.out(), 2), goroutines);
  EXPECT_EQ(hits_of(clew.out(), 3), each);
  EXPECT_EQ(hits_of(clew.out(), 4), each * goroutines);
  EXPECT_NE(clew.out().find("by 980 more goroutines"), std::string::npos) << clew.out();
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST_F(GoCounts, AreExactWhileAnotherGoroutineIsStepped) {
  Fixture target("go/calls");
  const unsigned each = rounds(6, 60);
  ClewProcess clew({"attach", std::to_string(target.pid())});
  ASSERT_TRUE(clew.read_until("attached", 60s));
  clew.write("tbreak main.walk");
  clew.write("continue");
  ASSERT_TRUE(clew.read_until("hit temporary breakpoint", 60s)) << clew.out() << clew.err();
  clew.write("break main.hit --stop none");
  ASSERT_TRUE(clew.read_until("breakpoint 2 at", 60s)) << clew.out() << clew.err();
  target.write("call " + std::to_string(each));
  // Steps through walk() and its caller go over calls, for which the others run.
  std::optional<json> called;
  std::thread waits([&] { called = target.next_answer(300s); });
  for (int i = 0; i < 60; ++i) {
    clew.write("next");
    if (!clew.read_until(" at main.go:", 60s)) {
      ADD_FAILURE() << clew.out() << clew.err();
      break;
    }
  }
  clew.write("continue");
  waits.join();
  EXPECT_EQ(called->value("called", 0U), each * goroutines);
  clew.write("interrupt");
  clew.write("info breakpoints");
  clew.close_input();
  EXPECT_EQ(clew.wait(60s).value_or(-1), 0) << clew.err();
  EXPECT_EQ(hits_of(clew.out(), 2), each * goroutines) << clew.out();
}

// --- Killed among its own traps

std::vector<std::byte> text_at(pid_t pid, const Strings& functions) {
  std::vector<std::byte> all;
  std::ifstream memory("/proc/" + std::to_string(pid) + "/mem", std::ios::binary);
  for (const std::string& function : functions) {
    char bytes[64] = {};
    memory.seekg(static_cast<std::streamoff>(std::stoull(function)));
    memory.read(bytes, sizeof bytes);
    for (const char byte : bytes) all.push_back(static_cast<std::byte>(byte));
  }
  return all;
}

TEST_F(GoCounts, TheTargetOutlivesASigkillOfClewWithTrapsInHotCode) {
  // Go's threads take signals on stacks of their own; the safety net runs there.
  Fixture target("go/calls");
  Strings functions;
  for (const json& address : target.ready()["functions"])
    functions.push_back(std::to_string(address.get<uint64_t>()));
  const auto text = text_at(target.pid(), functions);
  for (unsigned round = 0; round < rounds(6, 100); ++round) {
    ASSERT_TRUE(target.send("hot on").value("hot", false));
    const bool at_the_prompt = round % 2 == 1;
    ClewProcess clew({"attach", std::to_string(target.pid())});
    ASSERT_TRUE(clew.read_until("attached", 60s));
    for (int i = 0; i < 4; ++i)
      clew.write("break main.turn" + std::to_string(i) + (at_the_prompt ? "" : " --stop none"));
    clew.write("continue");
    ASSERT_TRUE(clew.read_until(at_the_prompt ? "hit breakpoint" : "running", 60s));
    std::this_thread::sleep_for(std::chrono::microseconds(random_up_to(20'000)));
    clew.signal(SIGKILL);
    ASSERT_TRUE(clew.wait(60s).has_value());
    const json counts = target.send("hot off", 60s);
    ASSERT_FALSE(counts.is_null()) << "round " << round << ": " << states_of(target.pid());
    ASSERT_EQ(counts["called"], counts["counted"]) << "round " << round;
    ASSERT_TRUE(is_untraced(target.pid())) << "round " << round;
    ASSERT_EQ(text_at(target.pid(), functions), text) << "round " << round;
  }
}

}  // namespace
}  // namespace clew::test
