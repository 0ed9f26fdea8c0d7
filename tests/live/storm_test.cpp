// Attaching to a process whose threads come and go by the ten thousand a second.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "support.h"

namespace clew::test {
namespace {

/// The best of some short windows: other programs may take the processors for a while.
double births_per_second(Fixture& storm) {
  double best = 0;
  json last = storm.send("count");
  for (int window = 0; window < 20 && best < 10'000; ++window) {
    json now;
    await(2s, [&] {
      now = storm.send("count");
      return now["elapsed_ms"].get<double>() - last["elapsed_ms"].get<double>() >= 100;
    });
    const double elapsed = now["elapsed_ms"].get<double>() - last["elapsed_ms"].get<double>();
    best = std::max(
        best, (now["created"].get<double>() - last["created"].get<double>()) * 1000 / elapsed);
    last = now;
  }
  return best;
}

TEST(Storm, EveryThreadIsHeldAndEveryThreadIsLetGo) {
  Fixture storm("storm");
  const pid_t pid = storm.pid();
  // Beside other programs it gets fewer; the long form is for a machine that does nothing else.
  EXPECT_GE(births_per_second(storm), rounds(1'000, 10'000));
  const unsigned times = rounds(150, 1000);
  uint64_t created = 0;
  for (unsigned round = 0; round < times; ++round) {
    SCOPED_TRACE(round);
    Attached attached(pid);
    ASSERT_TRUE(attached.is_ok()) << attached.error()->text;
    EXPECT_TRUE(attached.report().denied.empty()) << attached.report().denied.front().reason;
    const HoldReport held = attached.process().hold_all(Deadline::after(10s));
    ASSERT_FALSE(held.timed_out);
    EXPECT_TRUE(held.not_held.empty());
    for (const TaskState& task : tasks_of(pid)) {
      if (!task.is_live()) continue;
      ASSERT_EQ(task.tracer, getpid()) << "thread " << task.tid << " in state " << task.state;
    }
    const DetachReport left = attached.process().detach(Deadline::after(10s));
    ASSERT_TRUE(left.verified);
    EXPECT_TRUE(left.remaining.empty());
    ASSERT_TRUE(await(2s, [&] { return is_untraced(pid); }));
    // Each attach meets other threads, however little of the processors the storm gets.
    const uint64_t before = created;
    ASSERT_TRUE(await(20s, [&] {
      created = storm.send("count")["created"].get<uint64_t>();
      return created > before + 20;
    }));
  }
  const json last = storm.stop();
  EXPECT_EQ(last.value("consistent", false), true) << last;
}

TEST(Storm, ThreadsBornWhileItRunsUnderTheDebuggerAreHeldAtTheNextStop) {
  Fixture storm("storm");
  const pid_t pid = storm.pid();
  Attached attached(pid);
  ASSERT_TRUE(attached.is_ok());
  for (unsigned round = 0; round < rounds(20, 200); ++round) {
    SCOPED_TRACE(round);
    ASSERT_FALSE(attached.process().hold_all(Deadline::after(10s)).timed_out);
    ASSERT_TRUE(is_traced_by(pid, getpid()));
    // One at its exit is let go, and may still be on its way.
    ASSERT_TRUE(await(2s, [&] { return is_held(pid); })) << states_of(pid);
    attached.process().apply(RunRequest::all(Wanted::run));
    const size_t before = attached.count_events<ThreadBorn>();
    ASSERT_TRUE(
        attached.pump_until(5s, [&] { return attached.count_events<ThreadBorn>() > before + 20; }));
  }
  EXPECT_TRUE(attached.process().detach(Deadline::after(10s)).verified);
  EXPECT_EQ(storm.stop().value("consistent", false), true);
}

}  // namespace
}  // namespace clew::test
