#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "lang/go/code_facts.h"
#include "lang/go/goroutine.h"
#include "lang/go/goroutine_details.h"
#include "lang/go/stack_pool.h"

namespace clew::go {
namespace {

TEST(StackPool, KeepsEachStackOnce) {
  StackPool pool;
  std::vector<uint32_t> numbers;
  for (int round = 0; round < 2; ++round) {
    for (uint64_t i = 0; i < 1000; ++i) {
      const std::vector<StackWord> words = {StackWord::of(i, false), StackWord::of(7, i % 2 == 0)};
      const uint32_t number = pool.add(words);
      if (round == 0) {
        numbers.push_back(number);
      } else {
        EXPECT_EQ(number, numbers[i]);
      }
      ASSERT_EQ(pool[number].size(), 2u);
      EXPECT_EQ(pool[number][0], words[0]);
      EXPECT_EQ(pool[number][1], words[1]);
    }
  }
  EXPECT_EQ(pool.size(), 1000u);
  const uint32_t empty = pool.add({});
  EXPECT_EQ(pool[empty].size(), 0u);
  EXPECT_EQ(pool.add({}), empty);
}

TEST(StackPool, BeginningsAreOtherStacks) {
  StackPool pool;
  const std::vector<StackWord> words = {StackWord::of(1, true), StackWord::of(2, false)};
  const uint32_t whole = pool.add(words);
  EXPECT_NE(pool.add(std::span(words).first(1)), whole);
}

TEST(StackWord, LooksUpTheCallUnlessItIsExact) {
  EXPECT_EQ(StackWord::of(0x401000, true).lookup(), Addr{0x401000});
  EXPECT_EQ(StackWord::of(0x401000, false).lookup(), Addr{0x400fff});
  EXPECT_EQ(StackWord::of(0x401000, false).pc(), Addr{0x401000});
}

TEST(GoNames, TellTheUsersCodeFromTheRuntimes) {
  for (const char* name : {"main.f", "main.(*T).Method", "github.com/a/b.F", "time.Sleep",
                           "sync.(*Mutex).Lock", "runtime.Gosched", "runtimes.f"})
    EXPECT_TRUE(is_user_function(name)) << name;
  for (const char* name :
       {"runtime.gopark", "runtime.(*mheap).alloc", "internal/poll.runtime_pollWait",
        "runtime/internal/sys.x", "_start", "memcpy", ""})
    EXPECT_FALSE(is_user_function(name)) << name;
}

TEST(GoNames, TellTheRuntimesOwnGoroutines) {
  EXPECT_TRUE(is_system_start("runtime.forcegchelper"));
  EXPECT_TRUE(is_system_start("runtime.bgsweep"));
  EXPECT_FALSE(is_system_start("runtime.main"));
  EXPECT_FALSE(is_system_start("main.main.func1"));
  EXPECT_TRUE(is_outermost_function("runtime.goexit"));
  EXPECT_FALSE(is_outermost_function("runtime.goexit0"));
  EXPECT_TRUE(is_interruption("runtime.asyncPreempt"));
  EXPECT_FALSE(is_interruption("runtime.asyncPreempt2"));
}

/// A channel at 0x1000 whose receivers, records of 16 bytes from 0x2000 on, are each followed by
/// the one that `next` says.
class ChannelMemory : public MemoryReader {
 public:
  explicit ChannelMemory(std::vector<uint64_t> next) : next_(std::move(next)) {}
  Result<size_t> read_memory(Addr address, MutableBytes into) override {
    ++reads;
    uint64_t word = 0;
    if (address.value == 0x1000) word = record(0);
    if (address.value >= record(0)) {
      const uint64_t number = (address.value - record(0)) / 16;
      const uint64_t next = next_.at(number);
      word = address.value % 16 == 0 ? 0x100 + number : next == 0 ? 0 : record(next);
    }
    std::memcpy(into.data(), &word, sizeof word);
    return sizeof word;
  }
  unsigned reads = 0;

 private:
  static uint64_t record(uint64_t number) { return 0x2000 + 16 * number; }
  std::vector<uint64_t> next_;
};

std::vector<Addr> waiters_in(ChannelMemory memory, std::string& problem) {
  RuntimeLayout layout;
  layout.channel = {0, 8, 0, 8};
  auto waiters = waiters_of(memory, layout, Addr{0x1000}, problem);
  EXPECT_LT(memory.reads, 100U);
  return waiters;
}

TEST(Channel, ThoseWhoWaitAreListedOnce) {
  std::string problem;
  EXPECT_EQ(waiters_in(ChannelMemory({1, 2, 0}), problem),
            (std::vector{Addr{0x100}, Addr{0x101}, Addr{0x102}}));
  EXPECT_EQ(problem, "");
}

TEST(Channel, AListThatLeadsBackIntoItselfEnds) {
  std::string problem;
  EXPECT_GE(waiters_in(ChannelMemory({1, 2, 3, 1}), problem).size(), 4U);
  EXPECT_EQ(problem, "the channel's list of those who wait has no end");
}

TEST(GoroutineState, NumbersThatNoRuntimeUsesHaveNoName) {
  EXPECT_EQ(state_name(GoroutineState::waiting), "waiting");
  EXPECT_EQ(state_name(static_cast<GoroutineState>(5)), "");
  EXPECT_EQ(state_name(static_cast<GoroutineState>(200)), "");
}

}  // namespace
}  // namespace clew::go
