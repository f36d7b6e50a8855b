#include "base/number_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace postroad {
namespace {

NumberSet of(std::initializer_list<std::uint32_t> numbers) {
  NumberSet set;
  for (const auto n : numbers) set.add(n);
  return set;
}

TEST(NumberSet, NeighboursBecomeOneRange) {
  EXPECT_EQ(of({1, 2, 3, 5}).text(), "1:3,5");
  EXPECT_EQ(of({5, 3, 1, 2, 4}).text(), "1:5");
  EXPECT_EQ(NumberSet().text(), "");
}

TEST(NumberSet, RangesInAnyOrderAreSortedAndMerged) {
  EXPECT_EQ(NumberSet::of({{12, 15}, {2, 2}, {4, 7}, {9, 9}, {5, 10}}).text(), "2,4:10,12:15");
  EXPECT_EQ(NumberSet::of({{1, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}}).size(), UINT32_MAX);
}

TEST(NumberSet, TheLargestNumbersDoNotWrapAround) {
  NumberSet set;
  set.add(UINT32_MAX);
  set.add(UINT32_MAX - 1);
  set.add(1);
  EXPECT_EQ(set.text(), "1,4294967294:4294967295");
  EXPECT_TRUE(set.contains(UINT32_MAX));
  std::uint32_t visits = 0;
  set.each([&](std::uint32_t) { ++visits; });
  EXPECT_EQ(visits, 3u);
}

TEST(NumberSet, BehavesAsASetOfNumbersWould) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    NumberSet ours, others;
    std::set<std::uint32_t> model, other_model;
    for (int i = 0; i < 60; ++i) {
      const std::uint32_t first = 1 + random() % 80;
      const std::uint32_t last = first + random() % 6;
      switch (random() % 3) {
        case 0:
          ours.add(first, last);
          for (auto n = first; n <= last; ++n) model.insert(n);
          break;
        case 1:
          ours.remove(first);
          model.erase(first);
          break;
        case 2:
          others.add(first, last);
          for (auto n = first; n <= last; ++n) other_model.insert(n);
          break;
      }
    }
    const auto numbers = [](const NumberSet& set) {
      std::set<std::uint32_t> all;
      set.each([&](std::uint32_t n) { all.insert(n); });
      return all;
    };
    ASSERT_EQ(numbers(ours), model);
    ASSERT_EQ(ours.size(), model.size());
    for (std::uint32_t n = 1; n < 90; ++n) ASSERT_EQ(ours.contains(n), model.contains(n)) << n;
    for (std::size_t i = 1; i < ours.ranges().size(); ++i)
      ASSERT_GT(ours.ranges()[i].first, ours.ranges()[i - 1].last + 1) << "ranges that touch are one";

    std::set<std::uint32_t> both, rest, either = model;
    either.insert(other_model.begin(), other_model.end());
    for (const auto n : model) (other_model.contains(n) ? both : rest).insert(n);
    ASSERT_EQ(numbers(unite(ours, others)), either);
    ASSERT_EQ(numbers(intersect(ours, others)), both);
    ASSERT_EQ(numbers(subtract(ours, others)), rest);
    ASSERT_EQ(NumberSet::of(subtract(ours, others).ranges()), subtract(ours, others));
    ASSERT_EQ(NumberSet::of(unite(ours, others).ranges()), unite(others, ours));
  }
}

}  // namespace
}  // namespace postroad
