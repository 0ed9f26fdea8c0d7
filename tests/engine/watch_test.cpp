// Watched memory: every thread's debug registers, at every time, and nothing of them afterwards.

#include <sys/user.h>

#include <cstddef>

#include "engine_fixture.h"

namespace clew::live {
namespace {

class WatchTest : public EngineTest {
 protected:
  static constexpr uint64_t place = 0x60008;

  void SetUp() override {
    kernel.put_code(ScriptedKernel::vdso, {0x0f, 0x05, 0xc3});
    attach_with({101, 102});
    hold_completely(3);
    engine.on_watch([this](const WatchHit& hit) {
      hits.emplace_back(hit.thread.tid, hit.slot);
      return verdict;
    });
  }

  uint64_t debug_register(pid_t tid, unsigned number) {
    auto& area = kernel.task(tid).user_area;
    return area[offsetof(user, u_debugreg) + number * sizeof(uint64_t)];
  }

  std::vector<std::pair<pid_t, unsigned>> hits;
  HitVerdict verdict = HitVerdict::go_on;
};

TEST_F(WatchTest, ControlWordSaysWhatIsWatched) {
  std::array<std::optional<WatchedPlace>, watch_slots> places;
  EXPECT_EQ(debug_control_word(places), 0U);
  places[0] = WatchedPlace{{place}, 8, WatchKind::write};
  EXPECT_EQ(debug_control_word(places), 0x90001U);
  places[3] = WatchedPlace{{place}, 4, WatchKind::access};
  EXPECT_EQ(debug_control_word(places), 0xf0090041U);
}

TEST_F(WatchTest, EveryThreadHasItBeforeItRuns) {
  ASSERT_EQ(engine.set_watch({{place}, 8, WatchKind::write}).value_or(99), 0U);
  run();
  for (const pid_t tid : {pid, 101, 102}) {
    EXPECT_EQ(debug_register(tid, 0), place) << tid;
    EXPECT_EQ(debug_register(tid, 7), 0x90001U) << tid;
  }
  kernel.clone(101, 103);
  live();
  EXPECT_FALSE(kernel.is_trapped(103));
  EXPECT_EQ(debug_register(103, 7), 0x90001U);
  detach_completely();
  for (const pid_t tid : {pid, 101, 102, 103}) EXPECT_EQ(debug_register(tid, 7), 0U) << tid;
}

TEST_F(WatchTest, AnAccessIsToldOnceAndTheThreadGoesOn) {
  ASSERT_TRUE(engine.set_watch({{place}, 4, WatchKind::write}));
  run();
  kernel.run_into_watch(102, 0);
  live();
  EXPECT_EQ(hits, (std::vector<std::pair<pid_t, unsigned>>{{102, 0}}));
  EXPECT_FALSE(kernel.is_trapped(102));
  EXPECT_EQ(debug_register(102, 6), 0U);
  EXPECT_TRUE(kernel.deliveries.empty());
  detach_completely();
}

TEST_F(WatchTest, AnAccessMayHoldAll) {
  verdict = HitVerdict::hold_all;
  ASSERT_TRUE(engine.set_watch({{place}, 4, WatchKind::write}));
  run();
  kernel.run_into_watch(101, 0);
  live();
  EXPECT_TRUE(engine.is_stop_wanted());
  hold_completely(3);
  detach_completely();
}

// The access has happened, but our INTERRUPT is told first: its signal must not stay queued.
TEST_F(WatchTest, AnAccessBehindAnInterrupt) {
  ASSERT_TRUE(engine.set_watch({{place}, 4, WatchKind::write}));
  run();
  kernel.run_into_watch(101, 0);
  hold_completely(3);
  EXPECT_EQ(hits.size(), 1U);
  detach_completely();
  EXPECT_TRUE(kernel.deliveries.empty());
}

TEST_F(WatchTest, TheProcessorHasFour) {
  for (unsigned slot = 0; slot < watch_slots; ++slot)
    EXPECT_EQ(engine.set_watch({{place}, 8, WatchKind::write}).value_or(99), slot);
  EXPECT_EQ(engine.set_watch({{place}, 8, WatchKind::write}).error().code, ErrorCode::unavailable);
  ASSERT_TRUE(engine.clear_watch(2));
  EXPECT_EQ(engine.set_watch({{place}, 8, WatchKind::write}).value_or(99), 2U);
  EXPECT_EQ(engine.set_watch({{place + 1}, 4, WatchKind::write}).error().code,
            ErrorCode::bad_request);
  detach_completely();
}

}  // namespace
}  // namespace clew::live
