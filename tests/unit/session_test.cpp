#include "session/session.h"

#include <gtest/gtest.h>

#include <set>

#include "session/code_map.h"

namespace clew {
namespace {

/// A process of two threads that only remembers what was asked of it.
class FakeInferior final : public Inferior, public RunControl {
 public:
  std::vector<Thread> all = {{{100, 1}, ThreadActivity::held}, {{101, 2}, ThreadActivity::held}};
  std::vector<Event> news;
  std::vector<Wanted> applied;
  int holds = 0;
  int steps_until_error = 1000;
  Deadline last_deadline;
  std::multiset<uint64_t> traps;
  HitHandler hit;
  bool stop_wanted = false;
  bool has_memory = false;
  std::vector<Addr> watched;

  pid_t pid() const override { return 100; }
  const arch::Arch& arch() const override { return arch::native(); }
  bool is_alive() const override { return !all.empty(); }
  std::vector<Thread> threads() const override { return all; }
  Result<const arch::GeneralRegisters*> general(ThreadId) override {
    return fail(ErrorCode::gone, "");
  }
  Result<std::vector<std::byte>> extended(ThreadId) override { return fail(ErrorCode::gone, ""); }
  Result<uint64_t> debug(ThreadId, size_t) override { return fail(ErrorCode::gone, ""); }
  Result<size_t> read_memory(Addr, MutableBytes into) override {
    if (!has_memory) return fail(ErrorCode::fault, "");
    std::fill(into.begin(), into.end(), std::byte{});
    return into.size();
  }
  RunControl* run_control() override { return this; }

  HoldReport hold_all(const Deadline& deadline) override {
    ++holds;
    last_deadline = deadline;
    return {all.size(), {}, false, false};
  }
  void attend_first(std::vector<pid_t>) override {}
  void apply(const RunRequest& request) override { applied.push_back(request.others); }
  using RunControl::step;
  Result<bool> lead(ThreadId, const std::function<Lead()>&, const Deadline&) override {
    return true;
  }
  Status step(ThreadId, uint64_t count, const std::function<bool()>&, const Deadline&,
              uint64_t& done) override {
    for (done = 0; done < count; ++done) {
      if (steps_until_error-- <= 0) return fail(ErrorCode::gone, "exited");
    }
    return {};
  }
  Result<CallEnd> call_function(ThreadId, const FunctionCall&, const Deadline&) override {
    return CallEnd{};
  }
  void pump(std::span<const pid_t>) override {}
  std::vector<Event> take_events() override { return std::exchange(news, {}); }
  Status set_trap(Addr address) override {
    traps.insert(address.value);
    return {};
  }
  Status clear_trap(Addr address) override {
    traps.erase(traps.find(address.value));
    return {};
  }
  void set_safety_net(bool) override {}
  void on_hit(HitHandler handler) override { hit = std::move(handler); }
  void on_broken_off(BrokenOffHandler) override {}
  Result<unsigned> set_watch(Addr address, unsigned, WatchKind) override {
    watched.push_back(address);
    return 0U;
  }
  Status clear_watch(unsigned) override { return {}; }
  void on_watch(WatchHandler) override {}
  void on_act(ActHandler) override {}
  void catch_acts(unsigned) override {}
  void on_signal(SignalHandler) override {}
  bool is_stop_wanted() const override { return stop_wanted; }
  void pass_trap(ThreadId) override {}
  Status write_general(ThreadId, const arch::GeneralRegisters&) override { return {}; }
  Status write_extended(ThreadId, Bytes) override { return {}; }
  Status write_debug(ThreadId, size_t, uint64_t) override { return {}; }
  Status write_memory(Addr, Bytes) override { return {}; }
  DetachReport detach(const Deadline&) override { return {}; }
  Status kill() override { return {}; }
  Status send_signal(int) override { return {}; }
  void keep_typed_interrupts(bool) override {}
  void keep_children(Children) override {}
  std::vector<pid_t> kept_children() const override { return {}; }
  bool give_child(pid_t) override { return false; }
  void release_child(pid_t) override {}
  bool has_tracees() const override { return false; }
  void hold_at_exec(bool) override {}
  PauseTimes pause_times() const override { return {}; }
};

struct SessionTest : testing::Test {
  FakeInferior* inferior = new FakeInferior;

  Session make(std::optional<Duration> max_pause = {}) {
    return Session({std::unique_ptr<Inferior>(inferior), {}, false, {}}, {max_pause});
  }
};

TEST_F(SessionTest, SelectsTheFirstThreadAndNothingChangesThatSilently) {
  Session session = make();
  EXPECT_EQ(session.selected()->number, 1U);
  session.select({101, 2});
  session.hold(Deadline::never());
  inferior->news.emplace_back(ThreadBorn{{102, 3}});
  session.pump({});
  EXPECT_EQ(session.selected()->number, 2U);
}

TEST_F(SessionTest, AWatchpointThatIsEnabledAgainKeepsItsPlace) {
  Session session = make();
  inferior->has_memory = true;
  uint64_t meaning = 0x1000;
  Breakpoints::Compiler compiler;
  compiler.watch = [&](const std::string&) -> Result<WatchPlace> {
    WatchPlace place;
    place.address = {meaning};
    place.size = 8;
    place.show = [](Bytes) { return std::string(); };
    return place;
  };
  session.set_compiler(std::move(compiler));
  session.hold(Deadline::never());
  BreakpointRequest request;
  request.watch = WatchRequest{"local", WatchRequest::Kind::write};
  ASSERT_TRUE(session.breakpoints().add(std::move(request), false));
  // Another frame is selected by then, in which the name is another's.
  ASSERT_TRUE(session.breakpoints().enable(1, false));
  meaning = 0x2000;
  ASSERT_TRUE(session.breakpoints().enable(1, true));
  EXPECT_EQ(inferior->watched, (std::vector<Addr>{{0x1000}, {0x1000}}));
}

TEST_F(SessionTest, ADeadSelectionIsAnErrorNotAnotherThread) {
  Session session = make();
  session.select({101, 2});
  inferior->all.pop_back();
  ASSERT_FALSE(session.selected());
  EXPECT_EQ(session.selected().error().code, ErrorCode::gone);
  // Its tid given to another thread does not bring it back.
  inferior->all.push_back({{101, 7}, ThreadActivity::held});
  EXPECT_FALSE(session.selected());
}

TEST_F(SessionTest, MaxPauseLimitsTheHoldFromItsBeginning) {
  Session session = make(std::chrono::hours(1));
  EXPECT_FALSE(session.next_deadline().at());
  session.hold(Deadline::never());
  ASSERT_TRUE(inferior->last_deadline.at());
  EXPECT_LE(*inferior->last_deadline.at(), Clock::now() + std::chrono::hours(1));
  EXPECT_FALSE(session.is_pause_over());
}

TEST_F(SessionTest, MaxPauseOfNothingIsOverAtOnce) {
  Session session = make(Duration::zero());
  session.hold(Deadline::never());
  EXPECT_TRUE(session.is_pause_over());
  ASSERT_TRUE(session.resume());
  EXPECT_FALSE(session.is_pause_over());
  EXPECT_EQ(inferior->applied.back(), Wanted::run);
}

TEST_F(SessionTest, StepsSayHowFarTheyCame) {
  Session session = make();
  session.hold(Deadline::never());
  inferior->steps_until_error = 3;
  uint64_t done = 0;
  const Status status = session.step(10, Deadline::never(), done);
  EXPECT_EQ(status.error().code, ErrorCode::gone);
  EXPECT_EQ(done, 3U);
}

TEST_F(SessionTest, TellsEventsInWords) {
  Session session = make();
  inferior->news = {ThreadBorn{{102, 3}}, JobStopped{SIGSTOP}, ProcessKilled{SIGSEGV, true}};
  session.pump({});
  const auto notices = session.take_notices();
  ASSERT_EQ(notices.size(), 2U) << "births are told only when asked for";
  EXPECT_EQ(notices[0].text, "the process was stopped by SIGSTOP and stays so until SIGCONT");
  EXPECT_EQ(notices[1].text, "the process was killed by SIGSEGV (core dumped)");
  EXPECT_TRUE(session.take_notices().empty());
  EXPECT_EQ(describe_event(ThreadBorn{{102, 3}}, true), "thread 3 (tid 102) was born");
}

TEST(CodeMap, FindsModuleAndOffset) {
  os::Mapping code;
  code.start = {0x1000};
  code.end = {0x3000};
  code.file_offset = 0x400;
  code.path = "/usr/lib/libc.so.6";
  const CodeMap map({code});
  EXPECT_EQ(map.describe({0x1010}), "libc.so.6+0x410");
  EXPECT_EQ(map.describe({0x2FFF}), "libc.so.6+0x23ff");
  EXPECT_EQ(map.describe({0x3000}), "");
  EXPECT_EQ(map.describe({0xFFF}), "");
}

TEST(CodeMap, HostileNamesAreEscaped) {
  os::Mapping code;
  code.start = {0};
  code.end = {0x10};
  code.path = "/tmp/a\x1b[31mb";
  EXPECT_EQ(CodeMap({code}).describe({0}).find('\x1b'), std::string::npos);
}

TEST_F(SessionTest, ATypedInterruptAndAStopSignalAreToldOnce) {
  Session session = make();
  EXPECT_FALSE(session.is_launched());
  inferior->news.emplace_back(TypedInterrupt{{100, 1}});
  inferior->news.emplace_back(JobStopped{20});
  session.pump({});
  EXPECT_TRUE(session.take_typed_interrupt());
  EXPECT_FALSE(session.take_typed_interrupt());
  EXPECT_TRUE(session.take_job_stop());
  EXPECT_FALSE(session.take_job_stop());
  EXPECT_TRUE(session.is_job_stopped());
  EXPECT_EQ(session.take_notices().size(), 1U) << "Ctrl-C needs no words";
  inferior->news.emplace_back(JobContinued{});
  session.pump({});
  EXPECT_FALSE(session.is_job_stopped());
}

TEST_F(SessionTest, TheEndIsRemembered) {
  Session session = make();
  EXPECT_FALSE(session.end());
  inferior->news.emplace_back(ProcessExited{3});
  session.pump({});
  ASSERT_TRUE(session.end());
  EXPECT_EQ(describe_event(*session.end(), true), "the process exited with status 3");
}

}  // namespace
}  // namespace clew
