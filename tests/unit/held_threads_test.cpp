#include "session/held_threads.h"

#include <gtest/gtest.h>

namespace clew {
namespace {

constexpr ThreadId one{101, 1}, two{102, 2}, three{103, 3};

TEST(HeldThreads, FrozenOnesAreHeldAndTheOthersRun) {
  HeldThreads apart;
  apart.freeze(two);
  apart.freeze(two);
  EXPECT_EQ(apart.running().of(two.tid), Wanted::hold);
  EXPECT_EQ(apart.running().of(one.tid), Wanted::run);
  EXPECT_TRUE(apart.is_frozen(two));
  apart.thaw(two);
  EXPECT_EQ(apart.running().of(two.tid), Wanted::run);
  EXPECT_TRUE(apart.empty());
}

TEST(HeldThreads, OneRunsAloneAndThreadsYetUnbornAreHeld) {
  HeldThreads apart;
  apart.solo(two);
  EXPECT_EQ(apart.running().of(two.tid), Wanted::run);
  EXPECT_EQ(apart.running().of(one.tid), Wanted::hold);
  EXPECT_EQ(apart.running().of(4711), Wanted::hold);
  EXPECT_TRUE(apart.is_frozen(one));
  EXPECT_FALSE(apart.is_frozen(two));
}

TEST(HeldThreads, TheEndOfTheOneThatRunsAloneLetsTheOthersRun) {
  HeldThreads apart;
  apart.solo(two);
  EXPECT_FALSE(apart.forget(one));
  EXPECT_TRUE(apart.forget(two));
  EXPECT_EQ(apart.running().of(one.tid), Wanted::run);
}

TEST(HeldThreads, ParkedOnesAreNotFrozenAndRunWhenTheUserGoesOn) {
  HeldThreads apart;
  apart.park(three);
  EXPECT_EQ(apart.running().of(three.tid), Wanted::hold);
  EXPECT_FALSE(apart.is_frozen(three));
  EXPECT_TRUE(apart.has_parked());
  apart.unpark();
  EXPECT_EQ(apart.running().of(three.tid), Wanted::run);
}

TEST(HeldThreads, AThreadThatHasExitedIsForgotten) {
  HeldThreads apart;
  apart.freeze(two);
  apart.park(three);
  (void)apart.forget(two);
  (void)apart.forget(three);
  EXPECT_TRUE(apart.empty());
}

}  // namespace
}  // namespace clew
