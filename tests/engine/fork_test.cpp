// Several engines on one control thread: children that are kept beside their parents, and whose
// stop is whose.

#include <gtest/gtest.h>
#include <sys/ptrace.h>

#include <csignal>
#include <memory>

#include "arch/arch.h"
#include "live/engine.h"
#include "scripted_kernel.h"

namespace clew::live {
namespace {

class Forks : public testing::Test {
 protected:
  /// Between 90 and 110, so that there are tids that a wait for any finds before its own.
  static constexpr pid_t pid = 100;

  struct Process {
    Process(ScriptedKernel& kernel, pid_t pid, Neighbours& neighbours)
        : tasks(kernel, pid),
          engine(pid, kernel, kernel, tasks, kernel, arch::native(), &neighbours) {}
    ScriptedTasks tasks;
    Engine engine;
  };

  ScriptedKernel kernel{pid};
  Neighbours neighbours;
  Process parent{kernel, pid, neighbours};

  void SetUp() override {
    kernel.set_handled(SIGUSR1);
    EXPECT_TRUE(parent.engine.attach(soon(), {}).has_value());
  }
  void TearDown() override { EXPECT_EQ(kernel.violations, std::vector<std::string>{}); }

  static Deadline soon() { return Deadline::after(std::chrono::seconds(1)); }

  static void run(Engine& engine) { engine.apply(RunRequest::all(Wanted::run)); }

  void keep_all() {
    parent.engine.keep_children(Children::keep_all);
    run(parent.engine);
  }

  void live(std::initializer_list<Engine*> engines, int rounds = 8) {
    for (int i = 0; i < rounds; ++i) {
      kernel.advance_all();
      for (Engine* const engine : engines) engine->pump({});
    }
  }

  /// The child, taken over from `from`, held.
  std::unique_ptr<Process> take(Engine& from, pid_t child) {
    auto taken = std::make_unique<Process>(kernel, child, neighbours);
    taken->engine.adopt(child);
    EXPECT_TRUE(from.give_child(child));
    return taken;
  }

  /// A child of the parent's, held by an engine of its own.
  std::unique_ptr<Process> make_child(pid_t child) {
    keep_all();
    kernel.fork(pid, child);
    live({&parent.engine});
    EXPECT_EQ(parent.engine.kept_children(), std::vector<pid_t>{child});
    return take(parent.engine, child);
  }

  template <typename T>
  static size_t count_of(Engine& engine) {
    size_t count = 0;
    for (const Event& event : engine.take_events()) count += std::holds_alternative<T>(event);
    return count;
  }

  static bool knows(const Engine& engine, pid_t tid) {
    return engine.tracees().find(tid) != nullptr;
  }
  static bool is_held(const Engine& engine, pid_t tid) {
    const Tracee* const tracee = engine.tracees().find(tid);
    return tracee != nullptr && tracee->is_trapped();
  }
};

TEST_F(Forks, AKeptChildIsHeldWhileItsParentRuns) {
  keep_all();
  kernel.fork(pid, 200);
  live({&parent.engine});
  EXPECT_EQ(parent.engine.kept_children(), std::vector<pid_t>{200});
  EXPECT_FALSE(parent.engine.is_stop_wanted());
  EXPECT_FALSE(kernel.is_trapped(pid));
  EXPECT_TRUE(kernel.is_trapped(200));
  EXPECT_EQ(count_of<ChildKept>(parent.engine), 1U);
}

TEST_F(Forks, ItsFirstStopMayComeBeforeTheNews) {
  keep_all();
  kernel.give_birth(pid, 200, false);
  live({&parent.engine});
  EXPECT_FALSE(knows(parent.engine, 200));
  kernel.announce(pid, PTRACE_EVENT_FORK);
  live({&parent.engine});
  EXPECT_EQ(parent.engine.kept_children(), std::vector<pid_t>{200});
}

TEST_F(Forks, AnotherEngineMayFindThatStop) {
  const auto child = make_child(200);
  run(child->engine);
  kernel.give_birth(pid, 90, false);
  live({&child->engine});  // which knows nothing of it, and leaves it to whom it concerns
  EXPECT_FALSE(knows(child->engine, 90));
  kernel.announce(pid, PTRACE_EVENT_FORK);
  live({&child->engine, &parent.engine});
  EXPECT_EQ(parent.engine.kept_children(), std::vector<pid_t>{90});
  EXPECT_TRUE(child->engine.kept_children().empty());
}

TEST_F(Forks, AThreadThatAnotherEngineHasSeenFirst) {
  const auto child = make_child(200);
  run(child->engine);
  kernel.give_birth(200, 201);
  live({&parent.engine});
  kernel.announce(200, PTRACE_EVENT_CLONE);
  live({&parent.engine, &child->engine});
  EXPECT_EQ(child->engine.tracees().thread_count(), 2U);
  EXPECT_FALSE(kernel.is_trapped(201));
}

TEST_F(Forks, EachTakesItsOwnStops) {
  const auto child = make_child(90);
  run(child->engine);
  live({&parent.engine, &child->engine});
  kernel.send(90, SIGUSR1, 1);
  kernel.send(pid, SIGUSR1, 2);
  kernel.advance_all();
  // The child's is the first that a wait for any finds; the parent's is behind it.
  parent.engine.pump({});
  kernel.advance_all();
  EXPECT_EQ(kernel.times_delivered(1), 0);
  EXPECT_EQ(kernel.times_delivered(2), 1);
  child->engine.pump({});
  kernel.advance_all();
  EXPECT_EQ(kernel.times_delivered(1), 1);
  EXPECT_EQ(kernel.times_delivered(2), 1);
}

TEST_F(Forks, AHoldOfOneIsNoneOfTheOther) {
  const auto child = make_child(90);
  run(child->engine);
  live({&parent.engine, &child->engine});
  kernel.send(90, SIGUSR1, 1);
  EXPECT_EQ(parent.engine.hold_all(soon()).held, 1U);
  EXPECT_TRUE(is_held(parent.engine, pid));
  EXPECT_EQ(kernel.times_delivered(1), 0);
  EXPECT_EQ(child->engine.hold_all(soon()).held, 1U);
  kernel.advance_all();
  EXPECT_EQ(kernel.times_delivered(1), 1);
}

TEST_F(Forks, AChildThatDiesWhileItIsKept) {
  keep_all();
  kernel.fork(pid, 200);
  live({&parent.engine});
  kernel.kill_process(200);
  live({&parent.engine});
  EXPECT_TRUE(parent.engine.kept_children().empty());
  EXPECT_FALSE(parent.engine.give_child(200));
  EXPECT_FALSE(knows(parent.engine, 200));
  EXPECT_EQ(kernel.traced_count(), 1U);
}

TEST_F(Forks, AChildThatDiesDuringTheHandOver) {
  keep_all();
  kernel.fork(pid, 200);
  live({&parent.engine});
  kernel.kill_process(200);  // nobody has heard of that
  const auto child = take(parent.engine, 200);
  child->engine.hold_all(soon());
  run(child->engine);
  live({&child->engine, &parent.engine});
  EXPECT_FALSE(child->engine.is_alive());
  EXPECT_EQ(count_of<ProcessKilled>(child->engine), 1U);
  EXPECT_EQ(kernel.find(200), nullptr) << "its end was not taken: the parent waits for ever";
  EXPECT_TRUE(parent.engine.is_alive());
}

TEST_F(Forks, AParentThatDiesFirst) {
  keep_all();
  kernel.fork(pid, 200);
  live({&parent.engine});
  kernel.kill_process(pid);
  live({&parent.engine});
  EXPECT_FALSE(parent.engine.is_alive());
  EXPECT_EQ(parent.engine.kept_children(), std::vector<pid_t>{200});
  EXPECT_TRUE(parent.engine.has_tracees());
  const auto child = take(parent.engine, 200);
  EXPECT_FALSE(parent.engine.has_tracees());
  run(child->engine);
  live({&child->engine, &parent.engine});
  EXPECT_TRUE(child->engine.is_alive());
  EXPECT_TRUE(child->engine.detach(soon()).verified);
  EXPECT_EQ(kernel.traced_count(), 0U);
}

TEST_F(Forks, AParentThatDiesBeforeItHasToldOfItsChild) {
  const auto child = make_child(90);
  run(child->engine);
  kernel.give_birth(pid, 300, false);
  live({&child->engine});
  kernel.kill_process(pid);
  live({&child->engine, &parent.engine});
  EXPECT_FALSE(kernel.is_traced(300)) << "it would stand still until clew ends";
  EXPECT_TRUE(kernel.is_traced(90));
}

TEST_F(Forks, AChildThatIsBornOfADeadParent) {
  keep_all();
  kernel.may_move = [](const Task& task) { return task.tid != 300; };
  kernel.give_birth(pid, 300, false);
  kernel.kill_process(pid);
  live({&parent.engine});
  EXPECT_FALSE(parent.engine.is_alive());
  kernel.may_move = {};
  live({&parent.engine});
  EXPECT_FALSE(kernel.is_traced(300));
}

TEST_F(Forks, TheEndOfOneLeavesTheOthersChildrenAlone) {
  const auto child = make_child(90);
  child->engine.keep_children(Children::keep_all);
  run(child->engine);
  kernel.give_birth(90, 300, false);
  live({&parent.engine});
  kernel.kill_process(pid);
  live({&parent.engine});
  EXPECT_FALSE(parent.engine.is_alive());
  EXPECT_TRUE(kernel.is_traced(300));
  kernel.announce(90, PTRACE_EVENT_FORK);
  live({&parent.engine, &child->engine});
  EXPECT_EQ(child->engine.kept_children(), std::vector<pid_t>{300});
}

TEST_F(Forks, Grandchildren) {
  const auto child = make_child(200);
  child->engine.keep_children(Children::keep_all);
  run(child->engine);
  kernel.fork(200, 300);
  live({&parent.engine, &child->engine});
  EXPECT_TRUE(parent.engine.kept_children().empty());
  EXPECT_EQ(child->engine.kept_children(), std::vector<pid_t>{300});
  const auto grandchild = take(child->engine, 300);
  run(grandchild->engine);
  kernel.exit_process(200, 3);
  live({&parent.engine, &child->engine, &grandchild->engine});
  EXPECT_EQ(count_of<ProcessExited>(child->engine), 1U);
  EXPECT_TRUE(parent.engine.is_alive());
  EXPECT_TRUE(grandchild->engine.is_alive());
  EXPECT_TRUE(grandchild->engine.detach(soon()).verified);
  EXPECT_TRUE(parent.engine.detach(soon()).verified);
}

TEST_F(Forks, DetachOfOneLosesNothingOfTheOther) {
  const auto child = make_child(90);
  run(child->engine);
  live({&parent.engine, &child->engine});
  kernel.send(90, SIGUSR1, 1);
  kernel.advance_all();
  const DetachReport left = parent.engine.detach(soon());
  EXPECT_TRUE(left.verified);
  EXPECT_FALSE(kernel.is_traced(pid));
  EXPECT_TRUE(kernel.is_traced(90));
  child->engine.pump({});
  kernel.advance_all();
  EXPECT_EQ(kernel.times_delivered(1), 1);
}

TEST_F(Forks, DetachLetsKeptChildrenGo) {
  keep_all();
  kernel.fork(pid, 200);
  live({&parent.engine});
  kernel.fork(pid, 201);
  live({&parent.engine});
  EXPECT_TRUE(parent.engine.detach(soon()).verified);
  EXPECT_EQ(kernel.traced_count(), 0U);
}

TEST_F(Forks, AReleasedChildRunsOnByItself) {
  keep_all();
  kernel.fork(pid, 200);
  live({&parent.engine});
  parent.engine.release_child(200);
  EXPECT_FALSE(kernel.is_traced(200));
  EXPECT_FALSE(kernel.is_trapped(200));
}

TEST_F(Forks, OneIsKeptAndTheOthersGo) {
  parent.engine.keep_children(Children::keep_one);
  run(parent.engine);
  kernel.fork(pid, 200);
  live({&parent.engine});
  EXPECT_TRUE(parent.engine.is_stop_wanted());
  kernel.fork(pid, 201);
  live({&parent.engine});
  EXPECT_EQ(parent.engine.kept_children(), std::vector<pid_t>{200});
  EXPECT_FALSE(kernel.is_traced(201));
}

TEST_F(Forks, AChildOfVforkIsKeptAtItsExec) {
  keep_all();
  kernel.vfork(pid, 200);
  live({&parent.engine});
  EXPECT_TRUE(parent.engine.kept_children().empty());
  EXPECT_TRUE(kernel.is_traced(200));
  kernel.begin_exec(200);
  live({&parent.engine});
  EXPECT_EQ(parent.engine.kept_children(), std::vector<pid_t>{200});
}

TEST_F(Forks, WhoseThreadsHaveAllGone) {
  // ECHILD tells of nobody while another engine has tracees.
  const auto child = make_child(90);
  run(child->engine);
  live({&parent.engine, &child->engine});
  kernel.vanish(pid);
  live({&parent.engine, &child->engine});
  EXPECT_FALSE(parent.engine.is_alive());
  EXPECT_TRUE(child->engine.is_alive());
}

}  // namespace
}  // namespace clew::live
