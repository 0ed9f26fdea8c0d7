#pragma once

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>
#include <initializer_list>
#include <variant>
#include <vector>

#include "arch/arch.h"
#include "live/engine.h"
#include "scripted_kernel.h"

namespace clew::live {

/// The real engine over the scripted kernel, with a process of one thread to begin with. Every test
/// fails when the engine does what a tracer must never do (ScriptedKernel::violations).
class EngineTest : public testing::Test {
 protected:
  static constexpr pid_t pid = 100;

  ScriptedKernel kernel{pid};
  Engine engine{pid, kernel, kernel, kernel, kernel, arch::native()};
  std::vector<Event> events;

  void TearDown() override { EXPECT_EQ(kernel.violations, std::vector<std::string>{}); }

  /// Far enough never to be reached when all is well, near enough not to hang a failing test.
  static Deadline soon() { return Deadline::after(std::chrono::seconds(1)); }

  void add_threads(std::initializer_list<pid_t> tids) {
    for (const pid_t tid : tids) kernel.add_thread(tid);
  }

  AttachReport attach() {
    auto report = engine.attach(soon(), {});
    EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().text);
    return report.value_or(AttachReport{});
  }

  void attach_with(std::initializer_list<pid_t> tids) {
    add_threads(tids);
    EXPECT_EQ(attach().seized, tids.size() + 1);
  }

  HoldReport hold() {
    const HoldReport report = engine.hold_all(soon());
    take_events();
    return report;
  }

  void hold_completely(size_t threads) {
    const HoldReport report = hold();
    EXPECT_EQ(report.held, threads);
    EXPECT_TRUE(report.not_held.empty());
    EXPECT_FALSE(report.timed_out);
  }

  void run() { engine.apply(RunRequest::all(Wanted::run)); }

  /// The target runs and the engine takes in what happens.
  void live(int rounds = 8) {
    for (int i = 0; i < rounds; ++i) {
      kernel.advance_all();
      engine.pump({});
    }
    take_events();
  }

  DetachReport detach() {
    const DetachReport report = engine.detach(soon());
    take_events();
    return report;
  }

  void detach_completely() {
    const DetachReport report = detach();
    EXPECT_TRUE(report.verified);
    EXPECT_TRUE(report.remaining.empty());
    EXPECT_EQ(kernel.traced_count(), 0U);
    kernel.advance_all();
  }

  void take_events() {
    for (Event& event : engine.take_events()) events.push_back(std::move(event));
  }

  template <typename T>
  std::vector<T> events_of() {
    take_events();
    std::vector<T> found;
    for (const Event& event : events) {
      if (const T* one = std::get_if<T>(&event)) found.push_back(*one);
    }
    return found;
  }

  template <typename T>
  size_t count_events() {
    return events_of<T>().size();
  }

  ThreadId id_of(pid_t tid) {
    const Tracee* tracee = engine.tracees().find(tid);
    return tracee == nullptr ? ThreadId{} : tracee->id;
  }

  bool knows(pid_t tid) { return engine.tracees().find(tid) != nullptr; }
  bool has_thread(pid_t tid) {
    const Tracee* tracee = engine.tracees().find(tid);
    return tracee != nullptr && !tracee->foreign;
  }
  TraceeState state_of(pid_t tid) {
    const Tracee* tracee = engine.tracees().find(tid);
    EXPECT_NE(tracee, nullptr);
    return tracee == nullptr ? TraceeState::exiting : tracee->state;
  }
  bool is_held(pid_t tid) {
    const Tracee* tracee = engine.tracees().find(tid);
    return tracee != nullptr && tracee->is_trapped();
  }

  static constexpr uint64_t trap_bit = uint64_t{1} << (SIGTRAP - 1);
};

}  // namespace clew::live
