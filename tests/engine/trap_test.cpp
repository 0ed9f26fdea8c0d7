// Traps in the text: each arrival is told once, and nothing of them stays behind.

#include "engine_fixture.h"

namespace clew::live {
namespace {

class TrapTest : public EngineTest {
 protected:
  static constexpr uint64_t code = 0x50000;

  void SetUp() override {
    kernel.put_code(ScriptedKernel::vdso, {0x0f, 0x05, 0xc3});
    kernel.put_code(code - 2, {0x90, 0x90});
    // push rbp; mov rbp, rsp; nop; …
    kernel.put_code(code, {0x55, 0x48, 0x89, 0xe5, 0x90, 0x90, 0xc3, 0x90, 0x90, 0x90, 0x90, 0x90,
                           0x90, 0x90, 0x90, 0x90, 0x90, 0x90});
    attach_with({101, 102});
    kernel.set_handled(SIGUSR1);
    hold_completely(3);
    ASSERT_TRUE(engine.set_trap({code}));
    engine.on_hit([this](const TrapHit& hit) {
      hits.push_back(hit.thread.tid);
      EXPECT_EQ(hit.address.value, code);
      EXPECT_EQ(arch::native().pc_of(hit.registers), code);
      return verdict;
    });
  }

  bool is_patched() { return kernel.memory[code] == std::byte{0xcc}; }
  uint64_t pc(pid_t tid) { return kernel.task(tid).registers.rip; }
  bool is_in_slot(pid_t tid) { return engine.traps().slot_owner({pc(tid)}) != nullptr; }

  std::vector<pid_t> hits;
  HitVerdict verdict = HitVerdict::go_on;
};

TEST_F(TrapTest, IsInTheTextOnlyWhileSomethingRuns) {
  EXPECT_FALSE(is_patched());
  run();
  EXPECT_TRUE(is_patched());
  hold_completely(3);
  EXPECT_FALSE(is_patched());
  run();
  EXPECT_TRUE(is_patched());
  detach_completely();
  EXPECT_FALSE(is_patched());
}

TEST_F(TrapTest, NeedsEveryThreadHeld) {
  run();
  EXPECT_EQ(engine.set_trap({code + 4}).error().code, ErrorCode::not_stopped);
  EXPECT_EQ(engine.clear_trap({code}).error().code, ErrorCode::not_stopped);
  hold_completely(3);
  EXPECT_EQ(engine.set_trap({0x999}).error().code, ErrorCode::fault);
  EXPECT_TRUE(engine.clear_trap({code}));
  run();
  EXPECT_FALSE(is_patched());
  detach_completely();
}

// A step of one thread needs another trap while the others run: one is put beside those that are
// there, by means of the thread that is held.
TEST_F(TrapTest, OneMoreWhileOthersRunNeedsOneThreadHeld) {
  verdict = HitVerdict::hold_thread;
  run();
  kernel.arrive(101, code);
  live();
  ASSERT_TRUE(is_held(101));
  ASSERT_FALSE(is_held(102));
  EXPECT_EQ(engine.set_trap({0x999}).error().code, ErrorCode::fault);
  ASSERT_TRUE(engine.set_trap({code + 4}));
  EXPECT_EQ(kernel.memory[code + 4], std::byte{0xcc});
  EXPECT_EQ(engine.traps().find({code + 4})->code.front(), std::byte{0x90});
  // What a patch has made of the code behind is not taken for the program's own.
  ASSERT_TRUE(engine.set_trap({code - 2}));
  EXPECT_EQ(engine.traps().find({code - 2})->code[2], std::byte{0x55});
  // Counted, like every other.
  ASSERT_TRUE(engine.set_trap({code + 4}));
  hold_completely(3);
  EXPECT_EQ(kernel.memory[code + 4], std::byte{0x90});
  EXPECT_EQ(kernel.memory[code - 2], std::byte{0x90});
  EXPECT_TRUE(engine.clear_trap({code + 4}));
  EXPECT_NE(engine.traps().find({code + 4}), nullptr);
  EXPECT_TRUE(engine.clear_trap({code + 4}));
  EXPECT_EQ(engine.traps().find({code + 4}), nullptr);
  detach_completely();
  EXPECT_EQ(kernel.memory[code + 4], std::byte{0x90});
}

// It cannot be kept away by the mask, and is neither lost nor in the way.
TEST_F(TrapTest, AStopSignalDuringACallForClewIsDelivered) {
  constexpr uint64_t far_code = 0x6000'0000'0000;  // no slot there reaches
  kernel.put_code(far_code, {0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
                             0x90, 0x90});
  ASSERT_TRUE(engine.set_trap({far_code}));
  kernel.before(Call::resume_to_syscall, pid, 1, [&] { kernel.send(pid, SIGSTOP, 7); });
  run();
  live();
  EXPECT_EQ(kernel.times_delivered(7), 1);
  EXPECT_NE(engine.traps().find({far_code})->slot, std::nullopt);
  kernel.send_to_process(pid, SIGCONT);
  live();
  hold_completely(3);
  detach_completely();
}

/// Another thread executes a new program while this one makes a call for the next trap's slot.
class ExecInCallTest : public TrapTest {
 protected:
  static constexpr uint64_t far_code = 0x6000'0000'0000;  // no slot there reaches

  void expect_good_end(pid_t caller, const std::function<void()>& begin) {
    verdict = HitVerdict::hold_thread;
    // lea 0(%rip), %rax
    kernel.put_code(far_code, {0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
                               0x90, 0x90, 0x90});
    run();
    kernel.arrive(caller, code);
    live();
    ASSERT_TRUE(is_held(caller));
    kernel.before(Call::resume_to_syscall, caller, 1, [&] { kernel.at_sleep(begin); });
    (void)engine.set_trap({far_code});
    live();
    EXPECT_EQ(count_events<Executed>(), 1U);
    EXPECT_TRUE(engine.traps().empty());
    // The old memory was not written by way of a thread that had another by then.
    EXPECT_EQ(kernel.renewed, 1U);
    EXPECT_FALSE(kernel.last_old_write_by.has_value());
    // Nothing of the old thread's was given to the new program.
    EXPECT_EQ(pc(pid), 0x9000U);
    hold_completely(1);
    detach_completely();
  }
};

TEST_F(ExecInCallTest, ByAnotherThanTheLeader) {
  expect_good_end(101, [&] { kernel.begin_exec(102); });
}

TEST_F(ExecInCallTest, ByTheLeader) {
  expect_good_end(pid, [&] { kernel.begin_exec(102); });
}

// The leader's end is not told, and the exec comes under its tid.
TEST_F(ExecInCallTest, ByALeaderThatIsGoneWithoutAWord) {
  // No other is to be waited for, so that the exec is done while the call is waited for.
  run();
  kernel.exit_thread(101);
  live();
  expect_good_end(pid, [&] {
    kernel.exit_silently(pid);
    kernel.begin_exec(102);
  });
}

class LeadTest : public TrapTest {
 protected:
  void SetUp() override {
    TrapTest::SetUp();
    // The safety net and the slots are there: to put traps in takes no calls in the target.
    run();
    hold_completely(3);
  }

  /// What `next` answers, one after the other, and then that the thread be left.
  Result<bool> lead(std::vector<Lead> moves) {
    asked = 0;
    const auto next = [this, moves] {
      EXPECT_TRUE(is_held(101));
      return asked < moves.size() ? moves[asked++] : Lead::leave;
    };
    return engine.lead(id_of(101), next, soon());
  }
  size_t asked = 0;
};

TEST_F(LeadTest, StepsAndRunsToAHit) {
  verdict = HitVerdict::hold_thread;
  kernel.task(101).registers.rip = code - 8;
  kernel.at_sleep([] {});  // the step
  kernel.at_sleep([&] { kernel.arrive(101, code); });
  EXPECT_TRUE(lead({Lead::step, Lead::run}).value_or(false));
  EXPECT_EQ(asked, 2U);
  EXPECT_EQ(hits, (std::vector<pid_t>{101}));
  EXPECT_EQ(pc(101), code);
  EXPECT_TRUE(is_held(101));
  hold_completely(3);
  EXPECT_FALSE(is_patched());
  detach_completely();
}

TEST_F(LeadTest, WhatRunsOnIsToldByPump) {
  kernel.at_sleep([] {});
  const auto led = lead({Lead::run});
  ASSERT_TRUE(led.has_value());
  EXPECT_FALSE(*led);
  EXPECT_FALSE(is_held(101));
  EXPECT_TRUE(is_held(102));
  verdict = HitVerdict::hold_thread;
  kernel.arrive(101, code);
  live();
  EXPECT_EQ(hits, (std::vector<pid_t>{101}));
  EXPECT_TRUE(is_held(101));
  detach_completely();
}

TEST_F(LeadTest, EndsWithItsThread) {
  kernel.at_sleep([&] { kernel.exit_thread(101); });
  EXPECT_FALSE(lead({Lead::run}).value_or(true));
  live();
  EXPECT_FALSE(has_thread(101));
  EXPECT_EQ(lead({Lead::run}).error().code, ErrorCode::gone);
  detach_completely();
}

TEST_F(LeadTest, AnotherThreadsHitThatStopsAllBreaksItOff) {
  verdict = HitVerdict::hold_all;
  RunRequest request = RunRequest::all(Wanted::run);
  request.chosen[101] = Wanted::hold;
  engine.apply(request);
  kernel.at_sleep([&] { kernel.arrive(102, code); });
  EXPECT_FALSE(lead({Lead::run, Lead::run}).value_or(true));
  live();
  EXPECT_TRUE(engine.is_stop_wanted());
  EXPECT_EQ(hits, (std::vector<pid_t>{102}));
  hold_completely(3);
  detach_completely();
}

TEST_F(TrapTest, HitGoesOnInTheSlot) {
  run();
  kernel.arrive(101, code);
  live();
  EXPECT_EQ(hits, (std::vector<pid_t>{101}));
  EXPECT_TRUE(is_in_slot(101));
  EXPECT_FALSE(kernel.is_trapped(101));
  EXPECT_TRUE(is_patched());
  hold_completely(3);
  EXPECT_EQ(pc(101), code);
  detach_completely();
  EXPECT_EQ(pc(101), code);
}

TEST_F(TrapTest, InterruptedInTheSlotIsNotHitAgain) {
  run();
  kernel.arrive(101, code);
  live();
  for (int i = 0; i < 3; ++i) {
    hold_completely(3);
    EXPECT_EQ(pc(101), code);
    run();
    EXPECT_TRUE(is_in_slot(101));
  }
  EXPECT_EQ(hits.size(), 1U);
  detach_completely();
}

TEST_F(TrapTest, HoldAllIsAsked) {
  verdict = HitVerdict::hold_all;
  run();
  kernel.arrive(102, code);
  live();
  EXPECT_TRUE(engine.is_stop_wanted());
  EXPECT_EQ(pc(102), code);
  EXPECT_TRUE(is_held(102));
  EXPECT_FALSE(is_held(101));
  hold_completely(3);
  EXPECT_FALSE(engine.is_stop_wanted());
  run();
  EXPECT_TRUE(is_in_slot(102));
  live();
  EXPECT_EQ(hits.size(), 1U);
  detach_completely();
}

TEST_F(TrapTest, OneThreadAlone) {
  verdict = HitVerdict::hold_thread;
  run();
  kernel.arrive(102, code);
  live();
  EXPECT_FALSE(engine.is_stop_wanted());
  EXPECT_TRUE(is_held(102));
  EXPECT_FALSE(is_held(101));
  hold_completely(3);
  detach_completely();
}

// Two threads run into it before the first is looked at: both are told, at one stop.
TEST_F(TrapTest, SeveralAtOnce) {
  verdict = HitVerdict::hold_all;
  run();
  kernel.arrive(101, code);
  kernel.arrive(102, code);
  kernel.advance_all();
  engine.pump({});
  hold_completely(3);
  EXPECT_EQ(hits.size(), 2U);
  EXPECT_EQ(pc(101), code);
  EXPECT_EQ(pc(102), code);
  detach_completely();
}

// The hit is there, but our INTERRUPT is told first: the trap's signal must not stay queued.
TEST_F(TrapTest, HitBehindAnInterrupt) {
  run();
  kernel.arrive(101, code);
  kernel.before(Call::interrupt, 101, 1, [&] { kernel.task(101).trap_pending = true; });
  hold_completely(3);
  if (hits.empty()) {
    run();
    live();
    hold_completely(3);
  }
  EXPECT_EQ(hits, (std::vector<pid_t>{101}));
  EXPECT_EQ(pc(101), code);
  detach_completely();
  EXPECT_TRUE(kernel.deliveries.empty());
}

TEST_F(TrapTest, SentTrapIsNoHit) {
  kernel.set_handled(SIGTRAP);
  run();
  kernel.task(101).registers.rip = code + 1;
  kernel.send(101, SIGTRAP, 9, SI_TKILL);
  live();
  EXPECT_TRUE(hits.empty());
  EXPECT_EQ(kernel.times_delivered(9), 1);
  detach_completely();
}

TEST_F(TrapTest, ProgramsOwnTrapIsPassedOn) {
  kernel.set_handled(SIGTRAP);
  kernel.put_code(code + 0x100, {0xcc, 0x90});
  run();
  kernel.arrive(101, code + 0x100);
  live();
  EXPECT_TRUE(hits.empty());
  EXPECT_EQ(kernel.deliveries.size(), 1U);
  detach_completely();
}

TEST_F(TrapTest, BlockedTrapSignalIsBlockedAgain) {
  kernel.task(101).mask = trap_bit;
  run();
  EXPECT_EQ(kernel.task(101).mask, 0U);
  kernel.arrive(101, code);
  live();
  EXPECT_EQ(hits.size(), 1U);
  hold_completely(3);
  EXPECT_EQ(kernel.task(101).mask, trap_bit);
  detach_completely();
}

// A handler's frame must not lead back into a slot; and when the thread comes back it is no new
// hit.
TEST_F(TrapTest, SignalInTheSlot) {
  run();
  kernel.arrive(101, code);
  live();
  ASSERT_TRUE(is_in_slot(101));
  kernel.send(101, SIGUSR1, 5);
  live();
  EXPECT_EQ(kernel.times_delivered(5), 1);
  EXPECT_EQ(hits.size(), 1U);
  hold_completely(3);
  detach_completely();
}

TEST_F(TrapTest, HeldInTheHandlerInBetweenItIsNotHitAgain) {
  run();
  kernel.arrive(101, code);
  live();
  ASSERT_TRUE(is_in_slot(101));
  // Held before the delivery, so that the handler has run no instruction when it is held next.
  engine.on_signal([](ThreadId, int) { return SignalVerdict{true, true}; });
  kernel.send(101, SIGUSR1, 5);
  live();
  hold_completely(3);
  EXPECT_EQ(pc(101), code);
  engine.on_signal({});
  engine.apply(RunRequest::all(Wanted::run));
  hold_completely(3);
  ASSERT_EQ(kernel.times_delivered(5), 1);
  ASSERT_TRUE(kernel.task(101).in_handler);
  run();
  live();
  EXPECT_FALSE(kernel.task(101).in_handler);
  EXPECT_TRUE(is_in_slot(101));
  EXPECT_EQ(hits.size(), 1U);
  hold_completely(3);
  detach_completely();
}

TEST_F(TrapTest, WithNoRoomForSlotsAllAreHeldForTheStep) {
  kernel.refuses_pages = true;
  run();
  kernel.arrive(101, code);
  live();
  EXPECT_EQ(hits, (std::vector<pid_t>{101}));
  EXPECT_EQ(pc(101), code + 4);
  EXPECT_FALSE(kernel.is_trapped(101));
  EXPECT_FALSE(kernel.is_trapped(102));
  EXPECT_TRUE(is_patched());
  detach_completely();
}

TEST_F(TrapTest, ExecForgetsIt) {
  run();
  kernel.begin_exec(102);
  live();
  EXPECT_TRUE(engine.traps().empty());
  EXPECT_EQ(kernel.renewed, 1U);
  hold_completely(1);
  detach_completely();
}

TEST_F(TrapTest, KilledAtItsHit) {
  run();
  kernel.arrive(101, code);
  kernel.before(Call::write_registers, 101, 1, [&] { kernel.kill_process(pid); });
  live();
  EXPECT_EQ(count_events<ProcessKilled>(), 1U);
}

}  // namespace
}  // namespace clew::live
