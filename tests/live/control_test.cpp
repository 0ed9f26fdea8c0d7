// Holding and running chosen threads, stepping one, and reading and writing what a thread has.

#include <gtest/gtest.h>

#include <cstring>

#include "session/register_access.h"
#include "support.h"

namespace clew::test {
namespace {

/// A program with two sleepers and two threads that run code, held.
struct ControlTest : testing::Test {
  Fixture target{"sleepers", {"2", "--busy", "2"}};
  Attached attached{target.pid()};
  std::vector<pid_t> busy = target.ready()["busy"].get<std::vector<pid_t>>();

  live::LiveProcess& process() { return attached.process(); }
  uint64_t pc_of(pid_t tid) {
    const auto registers = process().general(attached.thread(tid));
    EXPECT_TRUE(registers);
    return process().arch().pc_of(**registers);
  }
  /// True when the thread gets anywhere: between two stops its registers change.
  bool moves(pid_t tid) {
    const auto state = [&] {
      process().hold_all(Deadline::after(5s));
      const auto registers = process().general(attached.thread(tid));
      return registers ? **registers : arch::GeneralRegisters{};
    };
    return await(5s, [&] {
      const auto before = state();
      RunRequest request = RunRequest::all(Wanted::hold);
      request.chosen[tid] = Wanted::run;
      process().apply(request);
      (void)attached.pump_until(2ms, [] { return false; });
      return before.bytes != state().bytes;
    });
  }

  void SetUp() override { ASSERT_EQ(process().hold_all(Deadline::after(5s)).held, 4U); }
};

TEST_F(ControlTest, AChosenSetRunsWhileTheOthersAreHeld) {
  EXPECT_TRUE(moves(busy[0]));
  RunRequest request = RunRequest::all(Wanted::hold);
  request.chosen[busy[0]] = Wanted::run;
  process().apply(request);
  for (const Thread& thread : process().threads()) {
    EXPECT_EQ(is_held(thread.activity), thread.id.tid != busy[0]) << thread.id.tid;
  }
  EXPECT_TRUE(await(5s, [&] { return state_of(target.pid(), busy[0]) == 'R'; }));
  EXPECT_EQ(state_of(target.pid(), busy[1]), 't');
  // The other way round, in one request.
  request.chosen = {{busy[1], Wanted::run}};
  process().apply(request);
  EXPECT_TRUE(attached.pump_until(5s, [&] { return state_of(target.pid(), busy[0]) == 't'; }));
  EXPECT_TRUE(await(5s, [&] { return state_of(target.pid(), busy[1]) == 'R'; }));
}

TEST_F(ControlTest, AStepIsOneInstructionOfOneThread) {
  const uint64_t other = pc_of(busy[1]);
  std::vector<uint64_t> seen;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(process().step(attached.thread(busy[0]), Deadline::after(5s)));
    seen.push_back(pc_of(busy[0]));
  }
  // No instruction of x86-64 is longer than 15 bytes: a larger move is a jump, and the loop has
  // few.
  size_t jumps = 0;
  for (size_t i = 1; i < seen.size(); ++i) jumps += seen[i] - seen[i - 1] > 15 ? 1 : 0;
  EXPECT_LT(jumps, seen.size() / 2);
  EXPECT_EQ(pc_of(busy[1]), other) << "the others are held";
}

TEST_F(ControlTest, GeneralRegistersAreReadAndWritten) {
  const ThreadId id = attached.thread(busy[0]);
  const auto old = read_register(process(), id, "r15");
  ASSERT_TRUE(old);
  const uint64_t fresh = 0x1122334455667788;
  ASSERT_TRUE(write_register(process(), id, *old->info, bytes_of(fresh)));
  EXPECT_EQ(read_register(process(), id, "$r15")->word(), 0x1122334455667788U);
  ASSERT_TRUE(write_register(process(), id, *old->info, old->bytes));
  EXPECT_EQ(read_register(process(), id, "r15")->word(), old->word());
}

TEST_F(ControlTest, VectorRegistersAreReadAndWrittenWhole) {
  const ThreadId id = attached.thread(busy[0]);
  const bool has_avx = process().arch().find("ymm3") != nullptr;
  const std::string name = has_avx ? "ymm3" : "xmm3";
  const auto old = read_register(process(), id, name);
  ASSERT_TRUE(old) << old.error().text;
  std::vector<std::byte> bytes(old->bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i + 1);
  ASSERT_TRUE(write_register(process(), id, *old->info, bytes));
  EXPECT_EQ(read_register(process(), id, name)->bytes, bytes);
  // The same register's low half under its other name.
  EXPECT_EQ(std::memcmp(read_register(process(), id, "xmm3")->bytes.data(), bytes.data(), 16), 0);
  ASSERT_TRUE(process().step(id, Deadline::after(5s)))
      << "the thread takes it over the kernel's border";
  ASSERT_TRUE(write_register(process(), id, *old->info, old->bytes));
}

TEST_F(ControlTest, DebugRegistersAreReadAndWritten) {
  const ThreadId id = attached.thread(busy[0]);
  const uint64_t address = pc_of(busy[0]);
  ASSERT_TRUE(process().write_debug(id, 0, address));
  EXPECT_EQ(process().debug(id, 0).value_or(0), address);
  ASSERT_TRUE(process().write_debug(id, 0, 0));
  EXPECT_FALSE(process().write_debug(id, 0, ~uint64_t{0} >> 1))
      << "an address of the kernel's is refused";
}

TEST_F(ControlTest, MemoryIsReadAndWrittenReadOnlyTextToo) {
  const Addr text{pc_of(busy[0])};
  std::array<std::byte, 16> old{};
  ASSERT_EQ(process().read_memory(text, old).value_or(0), old.size());
  std::array<std::byte, 16> changed = old;
  changed[3] = ~changed[3];
  ASSERT_TRUE(process().write_memory(text, changed));
  std::array<std::byte, 16> now{};
  ASSERT_TRUE(process().read_memory(text, now));
  EXPECT_EQ(now, changed);
  ASSERT_TRUE(process().write_memory(text, old));
}

TEST_F(ControlTest, AReadStopsAtTheFirstHole) {
  std::array<std::byte, 8> word{};
  const auto nothing = process().read_memory({0x10}, word);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::fault);
  EXPECT_EQ(process().write_memory({0x10}, word).error().code, ErrorCode::fault);
  // The guard page below a thread's stack, or whatever lies above the highest mapping: some read
  // must be short.
  std::vector<std::byte> much(size_t{64} << 20);
  const auto sp = read_register(process(), attached.thread(target.pid()), "rsp");
  ASSERT_TRUE(sp);
  const auto n = process().read_memory({sp->word()}, much);
  ASSERT_TRUE(n);
  EXPECT_GT(*n, 0U);
  EXPECT_LT(*n, much.size());
}

TEST_F(ControlTest, ARunningThreadSaysSoInsteadOfGivingOldRegisters) {
  process().apply(RunRequest::all(Wanted::run));
  const ThreadId id = attached.thread(busy[0]);
  EXPECT_EQ(process().general(id).error().code, ErrorCode::not_stopped);
  EXPECT_EQ(process().extended(id).error().code, ErrorCode::not_stopped);
  EXPECT_EQ(process().debug(id, 0).error().code, ErrorCode::not_stopped);
  EXPECT_EQ(process().step(id, Deadline::after(1s)).error().code, ErrorCode::not_stopped);
  EXPECT_EQ(process().general({id.tid, id.number + 1}).error().code, ErrorCode::stale);
  EXPECT_EQ(process().general({1, 1}).error().code, ErrorCode::gone);
}

TEST_F(ControlTest, KillEndsAHeldProcess) {
  ASSERT_TRUE(process().kill());
  EXPECT_TRUE(attached.pump_until(5s, [&] { return !process().is_alive(); }));
  EXPECT_EQ(attached.count_events<ProcessKilled>(), 1U);
}

}  // namespace
}  // namespace clew::test
