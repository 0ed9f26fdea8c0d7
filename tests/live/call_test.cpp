// Functions of the target that a thread of it calls for the user: what they are given and return,
// and that the thread is afterwards as it was before, however the call has ended.

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "support.h"

namespace clew::test {
namespace {

using Kind = CallEnd::Kind;

struct Call : testing::Test {
  void SetUp() override {
    attached.emplace(target.pid());
    ASSERT_TRUE(attached->is_ok());
    hold();
  }
  void TearDown() override {
    if (HasFatalFailure()) return;
    ASSERT_TRUE(process().detach(Deadline::after(10s)).verified);
    attached.reset();
    const json counts = target.stop();
    EXPECT_EQ(counts["errors"], 0) << counts;
    EXPECT_GT(counts["rounds"], 0);
  }

  live::LiveProcess& process() { return attached->process(); }
  void hold() { ASSERT_FALSE(process().hold_all(Deadline::after(10s)).timed_out); }
  void run_on() { process().apply(RunRequest::all(Wanted::run)); }

  FunctionCall call_of(ThreadId thread, const std::string& function,
                       std::vector<uint64_t> integers = {}, std::vector<std::byte> data = {}) {
    FunctionCall call;
    call.function = Addr{target.ready()["functions"][function].get<uint64_t>()};
    call.integers = std::move(integers);
    const uint64_t sp = process().arch().sp_of(**process().general(thread));
    call.data_at = Addr{(sp - 128 - data.size()) & ~uint64_t{15}};
    call.data = std::move(data);
    return call;
  }
  CallEnd call(ThreadId thread, const FunctionCall& wanted, Duration limit = 10s) {
    auto end = process().call_function(thread, wanted, Deadline::after(limit));
    EXPECT_TRUE(end.has_value()) << (end ? "" : end.error().text);
    return end ? std::move(*end) : CallEnd{};
  }
  CallEnd call(ThreadId thread, const std::string& function, std::vector<uint64_t> integers = {},
               Duration limit = 10s) {
    return call(thread, call_of(thread, function, std::move(integers)), limit);
  }
  uint64_t result_of(const CallEnd& end) {
    return end.registers.word(process().arch().syscall_result);
  }

  /// All that a thread has.
  struct State {
    arch::GeneralRegisters general;
    std::vector<std::byte> extended;
    std::string masks;
    bool operator==(const State& other) const {
      return general.bytes == other.general.bytes && extended == other.extended &&
             masks == other.masks;
    }
  };
  State state_of(ThreadId thread) {
    State state;
    state.general = **process().general(thread);
    state.extended = *process().extended(thread);
    for (const TaskState& task : tasks_of(target.pid())) {
      if (task.tid == thread.tid) state.masks = task.masks();
    }
    return state;
  }
  /// The thread runs, and finds nothing changed.
  void expect_checks_go_on() {
    run_on();
    const unsigned long before = target.send("count")["rounds"];
    json counts;
    EXPECT_TRUE(attached->pump_until(10s, [&] {
      counts = target.send("count");
      return counts.value("rounds", 0UL) > before + 10;
    }));
    EXPECT_EQ(counts["errors"], 0);
    hold();
  }

  void send_value(pid_t tid, int value) const {
    siginfo_t info{};
    info.si_signo = SIGUSR1;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_value.sival_int = value;
    EXPECT_EQ(syscall(SYS_rt_tgsigqueueinfo, target.pid(), tid, SIGUSR1, &info), 0);
  }

  Fixture target{"callee"};
  std::optional<Attached> attached;
  ThreadId checker() { return attached->thread(target.tid_of("checker")); }
  ThreadId blocked() { return attached->thread(target.tid_of("blocked")); }
};

TEST_F(Call, ArgumentsInRegistersAndOnTheStack) {
  const CallEnd sum = call(checker(), "add", {40, 2});
  EXPECT_EQ(sum.kind, Kind::returned);
  EXPECT_EQ(result_of(sum), 42U);
  FunctionCall many = call_of(checker(), "sum8", {1, 2, 3, 4, 5, 6});
  for (const uint64_t word : {uint64_t{7}, uint64_t{8}}) {
    const Bytes bytes = bytes_of(word);
    many.stack.insert(many.stack.end(), bytes.begin(), bytes.end());
  }
  EXPECT_EQ(result_of(call(checker(), many)), 1U + 4 + 9 + 16 + 25 + 36 + 49 + 64);
  FunctionCall floating = call_of(checker(), "scaled", {3});
  const double a = 1.5;
  const float b = 2;
  floating.vectors.resize(2);
  std::memcpy(floating.vectors[0].data(), &a, sizeof a);
  std::memcpy(floating.vectors[1].data(), &b, sizeof b);
  const CallEnd scaled = call(checker(), floating);
  double result = 0;
  const arch::RegisterInfo* const xmm0 = process().arch().find("xmm0");
  std::memcpy(&result, scaled.extended.data() + xmm0->offset, sizeof result);
  EXPECT_EQ(result, 9);
  FunctionCall filled = call_of(checker(), "fill", {}, std::vector<std::byte>(32));
  filled.integers = {filled.data_at.value, 20};
  EXPECT_EQ(result_of(call(checker(), filled)), 20U);
  expect_checks_go_on();
}

TEST_F(Call, AThousandTimesWithNothingChanged) {
  for (const ThreadId thread : {checker(), blocked(), attached->thread(target.pid())}) {
    const State before = state_of(thread);
    for (unsigned i = 0; i < 1000; ++i) {
      const CallEnd end = call(thread, "add", {i, 7});
      ASSERT_EQ(end.kind, Kind::returned);
      ASSERT_EQ(result_of(end), i + 7);
      ASSERT_TRUE(state_of(thread) == before) << i;
    }
  }
  expect_checks_go_on();
}

TEST_F(Call, TheCodeBehindTheProgramIsAsItWas) {
  const auto bytes_of_code = [&] {
    std::vector<std::byte> all;
    const auto mappings = os::read_mappings(*os::ProcDir::open(target.pid()));
    for (const os::Mapping& mapping : *mappings) {
      if (!mapping.executable || mapping.path == "[vsyscall]") continue;
      std::vector<std::byte> bytes(mapping.end - mapping.start);
      EXPECT_EQ(*process().read_memory(mapping.start, bytes), bytes.size()) << mapping.path;
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    return all;
  };
  const auto before = bytes_of_code();
  ASSERT_EQ(call(checker(), "add", {1, 2}).kind, Kind::returned);
  EXPECT_TRUE(bytes_of_code() == before);
}

TEST_F(Call, CrashesAreUndone) {
  const State before = state_of(checker());
  const CallEnd crash = call(checker(), "crash", {16});
  EXPECT_EQ(crash.kind, Kind::signalled);
  EXPECT_EQ(crash.signal, SIGSEGV);
  EXPECT_TRUE(state_of(checker()) == before);
  const CallEnd abort = call(checker(), "die");
  EXPECT_EQ(abort.kind, Kind::signalled);
  EXPECT_EQ(abort.signal, SIGABRT);
  EXPECT_TRUE(state_of(checker()) == before);
  const CallEnd nowhere = call(blocked(), [&] {
    FunctionCall call = call_of(blocked(), "add");
    call.function = Addr{8};
    return call;
  }());
  EXPECT_EQ(nowhere.kind, Kind::signalled);
  expect_checks_go_on();
}

TEST_F(Call, WhatDoesNotEndInTimeIsUndone) {
  const State before = state_of(checker());
  for (const char* const function : {"spin", "block", "wait_for_release"}) {
    EXPECT_EQ(call(checker(), function, {}, 50ms).kind, Kind::timed_out) << function;
    EXPECT_TRUE(state_of(checker()) == before) << function;
  }
  // Wherever in or around a system call it is by then.
  for (unsigned i = 0; i < rounds(100, 1000); ++i) {
    const Duration limit = std::chrono::microseconds(random_up_to(3000));
    ASSERT_EQ(call(checker(), "call_often", {1'000'000'000}, limit).kind, Kind::timed_out);
    ASSERT_TRUE(state_of(checker()) == before) << i;
  }
  EXPECT_EQ(call(checker(), "doze", {1'000'000}, 20ms).kind, Kind::timed_out);
  expect_checks_go_on();
}

TEST_F(Call, ThreadsThatItStartsRun) {
  const CallEnd end = call(checker(), "start_thread");
  EXPECT_EQ(end.kind, Kind::returned);
  EXPECT_EQ(result_of(end), 7U);
  expect_checks_go_on();
}

TEST_F(Call, TheThreadMayEndInIt) {
  const CallEnd end = call(blocked(), "leave");
  EXPECT_EQ(end.kind, Kind::gone);
  EXPECT_TRUE(process().is_alive());
  expect_checks_go_on();
}

TEST_F(Call, SignalsThatComeMeanwhileAreKept) {
  long sum = 0;
  for (int i = 1; i <= static_cast<int>(rounds(20, 500)); ++i) {
    SCOPED_TRACE(i);
    const State before = state_of(checker());
    Meanwhile signal(5000, [&] { send_value(checker().tid, i); });
    signal.start();
    ASSERT_EQ(call(checker(), "doze", {5000}).kind, Kind::returned);
    signal.join();
    ASSERT_TRUE(state_of(checker()) == before);
    sum += i;
    run_on();
    json counts;
    ASSERT_TRUE(attached->pump_until(10s, [&] {
      counts = target.send("count");
      return counts["handled"] == i;
    })) << counts;
    ASSERT_EQ(counts["sum_of_values"], sum);
    hold();
  }
}

TEST_F(Call, OnesThatItSendsItselfAreHandled) {
  const CallEnd end = call(checker(), "signal_self");
  EXPECT_EQ(end.kind, Kind::returned);
  EXPECT_EQ(result_of(end), 1U);
  expect_checks_go_on();
}

TEST_F(Call, ASignalThatIsToBeDeliveredStaysSo) {
  process().on_signal([](ThreadId, int signal) { return SignalVerdict{true, signal == SIGUSR1}; });
  run_on();
  send_value(checker().tid, 1234);
  ASSERT_TRUE(attached->pump_until(10s, [&] { return process().is_stop_wanted(); }));
  hold();
  const State before = state_of(checker());
  for (unsigned i = 0; i < 10; ++i) {
    ASSERT_EQ(result_of(call(checker(), "add", {i, 1})), i + 1);
    ASSERT_EQ(call(checker(), "crash", {8}).kind, Kind::signalled);
    ASSERT_TRUE(state_of(checker()) == before);
  }
  process().on_signal({});
  run_on();
  json counts;
  ASSERT_TRUE(attached->pump_until(10s, [&] {
    counts = target.send("count");
    return counts["handled"] == 1;
  })) << counts;
  EXPECT_EQ(counts["sum_of_values"], 1234);
  hold();
}

TEST_F(Call, BreakpointsInItEndIt) {
  const Addr at{target.ready()["functions"]["add"].get<uint64_t>()};
  ASSERT_TRUE(process().set_trap(at));
  unsigned hits = 0;
  HitVerdict verdict = HitVerdict::hold_all;
  process().on_hit([&](const TrapHit& hit) {
    EXPECT_EQ(hit.address, at);
    ++hits;
    return verdict;
  });
  const State before = state_of(checker());
  EXPECT_EQ(call(checker(), "add", {1, 2}).kind, Kind::stopped);
  EXPECT_EQ(hits, 1U);
  EXPECT_TRUE(state_of(checker()) == before);
  verdict = HitVerdict::go_on;
  const CallEnd end = call(checker(), "add", {1, 2});
  EXPECT_EQ(end.kind, Kind::returned);
  EXPECT_EQ(result_of(end), 3U);
  EXPECT_EQ(hits, 2U);
  EXPECT_TRUE(state_of(checker()) == before);
  ASSERT_TRUE(process().clear_trap(at));
  expect_checks_go_on();
}

/// What suspending a filter needs is not there for as long as this lives.
class WithoutAdmin {
 public:
  WithoutAdmin() {
    syscall(SYS_capget, &header_, old_);
    __user_cap_data_struct less[2] = {old_[0], old_[1]};
    less[0].effective &= ~(1U << CAP_SYS_ADMIN);
    EXPECT_EQ(syscall(SYS_capset, &header_, less), 0);
  }
  ~WithoutAdmin() { EXPECT_EQ(syscall(SYS_capset, &header_, old_), 0); }
  WithoutAdmin(const WithoutAdmin&) = delete;
  WithoutAdmin& operator=(const WithoutAdmin&) = delete;

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct old_[2]{};
};

TEST_F(Call, AFilterIsSuspendedOrNothingIsCalled) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may suspend a filter";
  run_on();
  ASSERT_EQ(target.send("filter").value("filtered", false), true);
  hold();
  EXPECT_EQ(result_of(call(checker(), "add", {40, 2})), 42U);
  {
    const WithoutAdmin less;
    const auto refused = process().call_function(checker(), call_of(checker(), "add", {40, 2}),
                                                 Deadline::after(10s));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
    EXPECT_NE(refused.error().text.find("seccomp"), std::string::npos) << refused.error().text;
  }
  expect_checks_go_on();
}

TEST(CallInSystemCalls, NoneIsSeenToBeBrokenOff) {
  Fixture target("eintr");
  {
    Attached attached(target.pid());
    ASSERT_TRUE(attached.is_ok());
    live::LiveProcess& process = attached.process();
    for (unsigned round = 0; round < rounds(20, 200); ++round) {
      ASSERT_FALSE(process.hold_all(Deadline::after(10s)).timed_out);
      for (const auto& [name, tid] : target.ready()["threads"].items()) {
        const ThreadId thread = attached.thread(tid.get<pid_t>());
        const arch::GeneralRegisters before = **process.general(thread);
        FunctionCall call;
        call.function = Addr{target.ready()["add"].get<uint64_t>()};
        call.integers = {20, 22};
        call.data_at = Addr{(process.arch().sp_of(before) - 128) & ~uint64_t{15}};
        const auto end = process.call_function(thread, call, Deadline::after(10s));
        ASSERT_TRUE(end) << name << ": " << end.error().text;
        ASSERT_EQ(end->kind, Kind::returned) << name;
        ASSERT_EQ(end->registers.word(process.arch().syscall_result), 42U) << name;
        ASSERT_EQ((*process.general(thread))->bytes, before.bytes) << name;
      }
      process.apply(RunRequest::all(Wanted::run));
      ASSERT_TRUE(attached.pump_until(5s, [&] {
        for (const TaskState& task : tasks_of(target.pid())) {
          if (task.state != 'S') return false;
        }
        return true;
      })) << states_of(target.pid());
    }
    ASSERT_TRUE(process.detach(Deadline::after(10s)).verified);
  }
  const json counts = target.stop();
  for (const auto& [name, times] : counts["eintr"].items()) EXPECT_EQ(times, 0) << name;
  EXPECT_EQ(counts["other"], 0) << counts;
}

TEST(CallAndDeath, TheThreadGoesOnAsIfThereHadBeenNone) {
  Fixture target("callee");
  for (unsigned round = 0; round < rounds(20, 300); ++round) {
    SCOPED_TRACE(round);
    const bool in_blocked = round % 3 == 2;
    ASSERT_EQ(target.send("hold on").value("released", true), false);
    const unsigned long before = target.send("count")["rounds"];
    ClewProcess clew({"attach", std::to_string(target.pid())});
    clew.write("thread tid " + std::to_string(target.tid_of(in_blocked ? "blocked" : "checker")));
    clew.write("call wait_for_release()");
    ASSERT_EQ(target.next_event().value("event", ""), "entered") << clew.out() << clew.err();
    clew.signal(SIGKILL);
    ASSERT_EQ(clew.wait(5s), -SIGKILL);
    ASSERT_EQ(target.send("let go").value("released", false), true);
    if (in_blocked) {
      const pid_t tid = target.tid_of("blocked");
      ASSERT_TRUE(await(5s, [&] { return state_of(target.pid(), tid) == 'S'; }));
    }
    json counts;
    ASSERT_TRUE(await(10s, [&] {
      counts = target.send("count");
      return counts.value("rounds", 0UL) > before + 10;
    })) << states_of(target.pid());
    ASSERT_EQ(counts["errors"], 0);
  }
  EXPECT_EQ(target.stop()["errors"], 0);
}

}  // namespace
}  // namespace clew::test
