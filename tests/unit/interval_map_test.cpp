#include "sym/interval_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace clew::sym {
namespace {

using Map = IntervalMap<int>;

int at(const Map& map, uint64_t address) {
  const auto* const found = map.find(address);
  return found == nullptr ? 0 : found->value;
}

TEST(IntervalMap, TheInnermostWins) {
  const Map map({{10, 100, 1}, {20, 50, 2}, {30, 40, 3}, {60, 70, 4}});
  EXPECT_EQ(at(map, 9), 0);
  EXPECT_EQ(at(map, 10), 1);
  EXPECT_EQ(at(map, 20), 2);
  EXPECT_EQ(at(map, 30), 3);
  EXPECT_EQ(at(map, 39), 3);
  EXPECT_EQ(at(map, 40), 2);
  EXPECT_EQ(at(map, 50), 1);
  EXPECT_EQ(at(map, 65), 4);
  EXPECT_EQ(at(map, 99), 1);
  EXPECT_EQ(at(map, 100), 0);
}

TEST(IntervalMap, OfTwoThatAreTheSameTheLaterWins) {
  const Map map({{10, 20, 1}, {10, 20, 2}});
  EXPECT_EQ(at(map, 10), 2);
  EXPECT_EQ(map.pieces().size(), 1U);
}

TEST(IntervalMap, EmptyAndBackwardOnesAreLeftOut) {
  const Map map({{10, 10, 1}, {30, 20, 2}});
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(at(map, 10), 0);
  EXPECT_EQ(at(Map(), 0), 0);
}

TEST(IntervalMap, ReachesTheEndsOfTheAddressSpace) {
  const Map map({{0, UINT64_MAX, 1}, {UINT64_MAX - 1, UINT64_MAX, 2}});
  EXPECT_EQ(at(map, 0), 1);
  EXPECT_EQ(at(map, UINT64_MAX - 2), 1);
  EXPECT_EQ(at(map, UINT64_MAX - 1), 2);
  EXPECT_EQ(at(map, UINT64_MAX), 0);
}

TEST(IntervalMap, AgreesWithASearchThroughAll) {
  std::minstd_rand random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<Map::Item> items;
    for (int i = 1; i <= 12; ++i) {
      const uint64_t start = random() % 60;
      items.push_back({start, start + random() % 20, i});
    }
    const Map map(items);
    for (uint64_t address = 0; address < 90; ++address) {
      // The one that begins last; of those the shortest; of those the last.
      const Map::Item* best = nullptr;
      for (const Map::Item& item : items) {
        if (address < item.start || address >= item.end) continue;
        if (best == nullptr || item.start > best->start ||
            (item.start == best->start && item.end <= best->end))
          best = &item;
      }
      ASSERT_EQ(at(map, address), best == nullptr ? 0 : best->value);
    }
  }
}

}  // namespace
}  // namespace clew::sym
