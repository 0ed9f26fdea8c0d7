// Targets in every state that a process can be in.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "support.h"

namespace clew::test {
namespace {

std::set<pid_t> tids_of(live::LiveProcess& process) {
  std::set<pid_t> tids;
  for (const Thread& thread : process.threads()) tids.insert(thread.id.tid);
  return tids;
}

std::set<pid_t> set_of(const std::vector<pid_t>& tids) { return {tids.begin(), tids.end()}; }

void expect_detached(Attached& attached, pid_t pid) {
  const DetachReport left = attached.process().detach(Deadline::after(10s));
  EXPECT_TRUE(left.verified);
  EXPECT_TRUE(left.remaining.empty());
  EXPECT_TRUE(await(5s, [&] { return is_untraced(pid); }));
}

// ---- a leader that has exited ----

TEST(LeaderExit, TheOthersAreAttachedHeldAndLetGo) {
  Fixture target("leader_exit");
  const auto live = set_of(target.ready()["live"].get<std::vector<pid_t>>());
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok()) << attached.error()->text;
    EXPECT_TRUE(attached.report().leader_is_zombie);
    EXPECT_TRUE(attached.report().denied.empty());
    const HoldReport held = attached.process().hold_all(Deadline::after(5s));
    EXPECT_FALSE(held.timed_out);
    EXPECT_EQ(held.held, live.size());
    EXPECT_EQ(tids_of(attached.process()), live);
    EXPECT_TRUE(is_held(target.pid()));
    expect_detached(attached, target.pid());
    const json before = target.send("count");
    EXPECT_TRUE(await(2s, [&] { return target.send("count")["beats"] > before["beats"]; }));
  }
}

TEST(LeaderExit, ByClew) {
  Fixture target("leader_exit");
  const Ran ran = run_clew({"freeze", std::to_string(target.pid()), "--for", "1ms", "--json"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json document = json::parse(ran.out);
  EXPECT_EQ(document["attached"], target.ready()["live"].size());
  EXPECT_EQ(document["resumed"], true);
  EXPECT_TRUE(document["denied"].empty());
}

// ---- vfork ----

TEST(Vfork, TheHoldEndsAndSaysWhoIsNotHeld) {
  Fixture target("vfork_hold");
  const pid_t holder = target.ready()["holder"];
  Attached attached(target.pid());
  ASSERT_TRUE(attached.is_ok());
  const TimePoint start = Clock::now();
  const HoldReport held = attached.process().hold_all(Deadline::after(10s));
  EXPECT_LT(Clock::now() - start, 1s);
  EXPECT_FALSE(held.timed_out);
  ASSERT_EQ(held.not_held.size(), 1U);
  EXPECT_EQ(held.not_held.front().tid, holder);
  EXPECT_EQ(held.held + 1, target.tids().size());
  const auto registers = attached.process().general(held.not_held.front());
  ASSERT_FALSE(registers.has_value());
  EXPECT_EQ(registers.error().code, ErrorCode::not_stopped);
  // It goes on as soon as its child lets it, and stops then.
  attached.process().apply(RunRequest::all(Wanted::run));
  target.write("release");
  json answer;
  ASSERT_TRUE(attached.pump_until(5s, [&] {
    if (answer.is_null()) answer = target.next_answer(0ms);
    return !answer.is_null();
  }));
  EXPECT_EQ(answer["status"], 0) << answer;
  EXPECT_TRUE(attached.process().hold_all(Deadline::after(5s)).not_held.empty());
  expect_detached(attached, target.pid());
}

TEST(Vfork, DetachLeavesWhatCannotStopAndTheEndOfClewFreesIt) {
  for (unsigned round = 0; round < rounds(3, 30); ++round) {
    SCOPED_TRACE(round);
    Fixture target("vfork_hold");
    const Ran ran =
        run_clew({"freeze", std::to_string(target.pid()), "--for", "1ms", "--json"}, 5s);
    ASSERT_TRUE(ran.status.has_value()) << "clew hangs";
    const json document = json::parse(ran.out);
    EXPECT_EQ(document["not_held"], json::array({target.ready()["holder"]}));
    ASSERT_TRUE(await(1s, [&] { return is_untraced(target.pid()); }));
    EXPECT_EQ(states_of(target.pid()).find_first_of("tT"), std::string::npos);
    const json answer = target.send("release");
    EXPECT_EQ(answer["released"], true) << answer;
    EXPECT_EQ(answer["status"], 0) << answer;
  }
}

TEST(Vfork, AtThePrompt) {
  Fixture target("vfork_hold");
  ClewProcess clew({"attach", std::to_string(target.pid())});
  ASSERT_TRUE(clew.read_until("attached to process"));
  clew.write("threads");
  ASSERT_TRUE(clew.read_until("uninterruptible", 2s)) << clew.out() << clew.err();
  clew.write("detach");
  ASSERT_TRUE(clew.read_until("detached", 5s)) << clew.out() << clew.err();
  const json answer = target.send("release");
  EXPECT_EQ(answer["status"], 0) << answer;
  ASSERT_TRUE(await(2s, [&] { return is_untraced(target.pid()); }))
      << "what could not be let go at once is not let go when it wakes";
  clew.write("quit");
  EXPECT_TRUE(clew.wait(2s).has_value());
}

// ---- exec ----

class Exec : public ::testing::TestWithParam<const char*> {
 protected:
  bool is_from_thread() const { return GetParam() == std::string("exec"); }

  void expect_executed(Attached& attached, Fixture& target, const json& answer) {
    size_t told = 0;
    for (const Event& event : attached.events()) {
      if (const auto* executed = std::get_if<Executed>(&event)) {
        ++told;
        EXPECT_EQ(executed->former_tid, answer["tid"]);
        EXPECT_EQ(executed->id.tid, target.pid());
      }
    }
    EXPECT_EQ(told, 1U);
  }
};

TEST_P(Exec, WhileItRunsUnderTheDebugger) {
  Fixture target("exec_thread");
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok());
    attached.process().hold_all(Deadline::after(5s));
    // Some code of the old program, to see that the memory is that of the new one afterwards.
    attached.process().apply(RunRequest::all(Wanted::run));
    target.write(GetParam());
    json answer, ready;
    ASSERT_TRUE(attached.pump_until(5s, [&] {
      if (answer.is_null()) answer = target.next_answer(0ms);
      if (!answer.is_null() && ready.is_null()) ready = target.next_answer(0ms);
      return !ready.is_null();
    }));
    EXPECT_EQ(ready["execs"], round + 1);
    expect_executed(attached, target, answer);
    ASSERT_FALSE(attached.process().hold_all(Deadline::after(5s)).timed_out);
    EXPECT_EQ(tids_of(attached.process()), set_of(ready["tids"].get<std::vector<pid_t>>()));
    EXPECT_TRUE(is_held(target.pid()));
    std::array<std::byte, 4> bytes{};
    const ThreadId leader = attached.thread(target.pid());
    const auto registers = attached.process().general(leader);
    ASSERT_TRUE(registers.has_value());
    const Addr pc{attached.process().arch().pc_of(**registers)};
    EXPECT_EQ(attached.process().read_memory(pc, bytes).value_or(0), bytes.size());
    expect_detached(attached, target.pid());
  }
}

TEST_P(Exec, CommandedWhileHeldHappensAfterwards) {
  Fixture target("exec_thread");
  for (unsigned round = 0; round < rounds(10, 100); ++round) {
    SCOPED_TRACE(round);
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok());
    attached.process().hold_all(Deadline::after(5s));
    target.write(GetParam());
    expect_detached(attached, target.pid());
    EXPECT_TRUE(target.next_answer().contains("exec"));
    const json ready = target.next_answer();
    ASSERT_EQ(ready["execs"], round + 1);
  }
}

TEST_P(Exec, InTheMiddleOfAttachHoldAndDetach) {
  Fixture target("exec_thread");
  for (unsigned round = 0; round < rounds(30, 300); ++round) {
    SCOPED_TRACE(round);
    Meanwhile commander(1500, [&] { target.write(GetParam()); });
    commander.start();
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok()) << attached.error()->text;
    ASSERT_FALSE(attached.process().hold_all(Deadline::after(5s)).timed_out);
    EXPECT_TRUE(is_held(target.pid())) << states_of(target.pid());
    expect_detached(attached, target.pid());
    commander.join();
    EXPECT_TRUE(target.next_answer().contains("exec"));
    ASSERT_EQ(target.next_answer()["execs"], round + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(From, Exec, ::testing::Values("exec", "exec-leader"),
                         [](const ::testing::TestParamInfo<const char*>& test) {
                           return std::string(test.index == 0 ? "Thread" : "Leader");
                         });

TEST(ExecLoop, WhileItIsAttachedAgainAndAgain) {
  const unsigned execs = rounds(300, 3000);
  Fixture target("exec_thread", {"loop", std::to_string(execs)});
  unsigned attaches = 0;
  json ready;
  const Deadline deadline = Deadline::after(120s);
  while (ready.is_null() && !deadline.passed()) {
    SCOPED_TRACE(attaches++);
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok()) << attached.error()->text;
    const HoldReport held = attached.process().hold_all(Deadline::after(10s));
    ASSERT_FALSE(held.timed_out);
    ASSERT_TRUE(held.not_held.empty());
    // A thread that the exec has killed runs to its end.
    ASSERT_TRUE(await(5s, [&] { return is_held(target.pid()); })) << states_of(target.pid());
    attached.process().apply(RunRequest::all(Wanted::run));
    attached.pump_until(1ms, [] { return false; });
    ASSERT_TRUE(attached.process().is_alive());
    // In the middle of an exec a thread waits uninterruptibly for the others to die. It is let go
    // as soon as it has got on.
    const DetachReport left = attached.process().detach(Deadline::after(10s));
    EXPECT_EQ(left.verified, left.remaining.empty());
    if (!left.verified) attached.pump_until(10s, [&] { return is_untraced(target.pid()); });
    ASSERT_TRUE(await(5s, [&] { return is_untraced(target.pid()); })) << states_of(target.pid());
    ready = target.next_answer(1ms);
  }
  ASSERT_FALSE(ready.is_null());
  EXPECT_EQ(ready["execs"], execs);
  EXPECT_GT(attaches, 5U);
}

// ---- children ----

TEST(Forker, ChildrenAreLeftAlone) {
  Fixture target("forker");
  for (unsigned round = 0; round < rounds(50, 500); ++round) {
    SCOPED_TRACE(round);
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok());
    ASSERT_FALSE(attached.process().hold_all(Deadline::after(5s)).timed_out);
    attached.process().apply(RunRequest::all(Wanted::run));
    const json before = target.send("count", 0ms);
    attached.pump_until(3ms, [] { return false; });
    attached.process().hold_all(Deadline::after(5s));
    const DetachReport left = attached.process().detach(Deadline::after(5s));
    // A child in the middle of its exit, or a thread in vfork, is let go a moment later.
    if (!left.verified) {
      attached.pump_until(5s, [&] { return is_untraced(target.pid()); });
    }
    ASSERT_TRUE(await(2s, [&] { return is_untraced(target.pid()); })) << states_of(target.pid());
    (void)target.next_answer();
  }
  const json last = target.stop();
  EXPECT_EQ(last["bad_status"], 0) << last;
  EXPECT_GT(last["forks"], 0);
  EXPECT_GT(last["vforks"], 0);
}

// ---- many threads, and busy ones ----

class Many : public ::testing::TestWithParam<Strings> {};

TEST_P(Many, AreAllHeldAndAllLetGo) {
  Fixture target("sleepers", GetParam());
  const auto masks = masks_of(target.pid());
  Attached attached(target.pid());
  ASSERT_TRUE(attached.is_ok());
  ASSERT_FALSE(attached.process().hold_all(Deadline::after(60s)).timed_out);
  EXPECT_TRUE(is_traced_by(target.pid(), getpid()));
  EXPECT_TRUE(is_held(target.pid()));
  EXPECT_EQ(tids_of(attached.process()), set_of(target.tids()));
  const DetachReport left = attached.process().detach(Deadline::after(60s));
  EXPECT_TRUE(left.verified);
  EXPECT_EQ(left.released, target.tids().size());
  EXPECT_TRUE(await(10s, [&] { return is_untraced(target.pid()); }));
  EXPECT_EQ(masks_of(target.pid()), masks);
}

INSTANTIATE_TEST_SUITE_P(Threads, Many,
                         ::testing::Values(Strings{"1"}, Strings{"1000"}, Strings{"10000"},
                                           Strings{"10", "--busy", "40", "--clock"}),
                         [](const ::testing::TestParamInfo<Strings>& test) {
                           return test.param[0] + (test.param.size() > 1 ? "Busy" : "");
                         });

TEST(ManyByClew, TenThousandAreShownAndLetGo) {
  Fixture target("sleepers", {"10000"});
  const auto masks = masks_of(target.pid());
  const std::string pid = std::to_string(target.pid());
  for (const Strings& arguments :
       {Strings{"freeze", pid, "--for", "1ms", "--json"}, Strings{"threads", pid, "--json"}}) {
    const Ran ran = run_clew(arguments, 60s);
    ASSERT_EQ(ran.status, 0) << ran.err;
    const json document = json::parse(ran.out);
    EXPECT_EQ(document["threads"].size(), target.tids().size());
    EXPECT_EQ(document["resumed"], true);
    for (const json& thread : document["threads"]) {
      ASSERT_FALSE(thread["pc"].is_null()) << thread;
      ASSERT_FALSE(thread.contains("error")) << thread;
    }
    EXPECT_TRUE(is_untraced(target.pid()));
    EXPECT_EQ(masks_of(target.pid()), masks);
  }
}

// ---- masks and actions of signals ----

class Masks : public ::testing::TestWithParam<const char*> {};

TEST_P(Masks, AreTheSameAfterStepsInEveryThread) {
  Fixture target("sigtrap", {GetParam()});
  const bool is_ignored = GetParam() == std::string("ignored");
  const json at_first = target.send("count");
  const auto masks = masks_of(target.pid());
  for (unsigned round = 0; round < rounds(2, 20); ++round) {
    SCOPED_TRACE(round);
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok());
    live::LiveProcess& process = attached.process();
    process.hold_all(Deadline::after(5s));
    EXPECT_EQ(masks_of(target.pid()), masks);
    for (const auto& [name, tid] : target.ready()["threads"].items()) {
      SCOPED_TRACE(name);
      const ThreadId id = attached.thread(tid.get<pid_t>());
      for (int i = 0; i < 100; ++i) {
        const Status stepped = process.step(id, Deadline::after(5s));
        if (is_ignored) {
          ASSERT_FALSE(stepped.has_value());
          EXPECT_EQ(stepped.error().code, ErrorCode::unsupported);
          break;
        }
        ASSERT_TRUE(stepped.has_value()) << "step " << i << ": " << stepped.error().text;
      }
    }
    EXPECT_EQ(masks_of(target.pid()), masks) << "while held after the steps";
    expect_detached(attached, target.pid());
    EXPECT_EQ(masks_of(target.pid()), masks);
    const json now = target.send("count");
    EXPECT_EQ(now["action"], at_first["action"]);
    EXPECT_EQ(now["masks"], at_first["masks"]);
    EXPECT_EQ(now["traps"], at_first["traps"]) << "a step has reached the target's handler";
  }
  if (GetParam() == std::string("handled")) {
    EXPECT_EQ(target.send("trap")["traps"], at_first["traps"].get<int>() + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Sigtrap, Masks, ::testing::Values("default", "handled", "ignored"));

TEST(Masks, OfAThreadThatChangesItsOwnUnderSteps) {
  Fixture target("sigtrap", {"default", "changing"});
  Attached attached(target.pid());
  ASSERT_TRUE(attached.is_ok());
  live::LiveProcess& process = attached.process();
  process.hold_all(Deadline::after(5s));
  const ThreadId id = attached.thread(target.tid_of("both"));
  // Some turns of it, with every call among the steps.
  for (unsigned i = 0; i < rounds(3'000, 100'000); ++i) {
    const Status stepped = process.step(id, Deadline::after(5s));
    ASSERT_TRUE(stepped.has_value()) << "step " << i << ": " << stepped.error().text;
  }
  expect_detached(attached, target.pid());
  EXPECT_EQ(target.send("count")["wrong"], 0);
}

TEST(Steps, MoveTheThreadAndNoOther) {
  Fixture target("sleepers", {"2", "--busy", "2"});
  Attached attached(target.pid());
  ASSERT_TRUE(attached.is_ok());
  live::LiveProcess& process = attached.process();
  process.hold_all(Deadline::after(5s));
  const auto pc_of = [&](pid_t tid) {
    return process.arch().pc_of(*process.general(attached.thread(tid)).value());
  };
  const std::vector<pid_t> busy = target.ready()["busy"];
  const uint64_t other = pc_of(busy[1]);
  std::set<uint64_t> seen;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(process.step(attached.thread(busy[0]), Deadline::after(5s)).has_value());
    seen.insert(pc_of(busy[0]));
  }
  // A loop of a few instructions, each of them seen.
  EXPECT_GT(seen.size(), 2U);
  EXPECT_LT(seen.size(), 20U);
  EXPECT_EQ(pc_of(busy[1]), other);
  EXPECT_TRUE(is_held(target.pid()));
  expect_detached(attached, target.pid());
}

// ---- two debuggers ----

TEST(TwoTracers, TheSecondIsRefusedAndTheFirstIsNotDisturbed) {
  Fixture target("sleepers", {"5"});
  Attached first(target.pid());
  ASSERT_TRUE(first.is_ok());
  first.process().hold_all(Deadline::after(5s));
  const Ran second = run_clew({"threads", std::to_string(target.pid()), "--json"});
  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.err.find("traced"), std::string::npos) << second.err;
  EXPECT_TRUE(is_held(target.pid()));
  expect_detached(first, target.pid());
}

// ---- namespaces ----

pid_t only_child_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{0}/task/{0}/children", pid));
  pid_t child = 0;
  file >> child;
  return child;
}

TEST(Namespaces, TidsAreShownAsBothSidesSeeThem) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  Fixture target("/usr/bin/unshare", {"--pid", "--mount", "--fork", "--mount-proc", "--kill-child",
                                      CLEW_FIXTURES "/sleepers", "4"});
  ASSERT_EQ(target.pid(), 1) << "it is not in a namespace of its own";
  const pid_t pid = only_child_of(target.process());
  ASSERT_GT(pid, 1);
  const auto inside = set_of(target.tids());
  for (const Strings& arguments : std::vector<Strings>{{"freeze", "--for", "1ms", "--json"},
                                                       {"threads", "--json"},
                                                       {"threads", "--rolling", "--json"},
                                                       {"threads", "--no-stop", "--json"}}) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(arguments, " ")));
    Strings all = arguments;
    all.push_back(std::to_string(pid));
    const Ran ran = run_clew(all);
    ASSERT_EQ(ran.status, 0) << ran.err;
    const json document = json::parse(ran.out);
    std::set<pid_t> found;
    for (const json& thread : document["threads"]) {
      found.insert(thread.value("tid_inside", 0));
      EXPECT_NE(thread["tid"], thread["tid_inside"]);
      EXPECT_NE(thread["where"].get<std::string>().find("+0x"), std::string::npos) << thread;
    }
    EXPECT_EQ(found, inside);
    EXPECT_TRUE(is_untraced(pid));
  }
  EXPECT_EQ(target.stop()["stopped"], true);
}

}  // namespace
}  // namespace clew::test
