#include "queue/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postroad::queue {
namespace {

EntryName name(std::uint64_t id) { return {QueueId{id}, 0}; }

struct Mail {
  std::uint32_t tenant = 1, sender = 1, octets = 1000, attempts = 0;
  std::int8_t priority = 0;
};
Head head(std::uint64_t id, Mail mail = {}) {
  return {.name = name(id),
          .due = Time{std::chrono::seconds(id)},
          .tenant = TenantId{mail.tenant},
          .sender = mail.sender,
          .octets = mail.octets,
          .attempts = mail.attempts,
          .priority = mail.priority,
          .sole = true};
}

TEST(Schedule, GivesWhatHasBeenDueLongest) {
  Schedule schedule;
  schedule.offer(head(3), "a.example");
  schedule.offer(head(1), "a.example");
  EXPECT_EQ(schedule.offer(head(1), "a.example"), Schedule::Offered::Known);
  EXPECT_EQ(schedule.take(), name(1));
  EXPECT_TRUE(schedule.is_out(name(1)));
  EXPECT_FALSE(schedule.is_out(name(3)));
  EXPECT_EQ(schedule.take(), name(3));
  EXPECT_EQ(schedule.take(), std::nullopt);
}

TEST(Schedule, AClosedLaneHoldsUpNobodyElse) {
  Schedule schedule;
  schedule.close("slow.example");
  schedule.offer(head(1), "slow.example");
  schedule.offer(head(2), "quick.example");
  EXPECT_EQ(schedule.take(), name(2));
  EXPECT_EQ(schedule.take(), std::nullopt);
  EXPECT_EQ(schedule.take_from("slow.example"), name(1));
  schedule.put_back(name(1));
  schedule.open("slow.example");
  EXPECT_EQ(schedule.take(), name(1));
}

TEST(Schedule, APausedLaneIsPassedOverAndKeepsWhatItHas) {
  Schedule schedule({.closed = 1});
  for (std::uint64_t i = 1; i <= 9; ++i) schedule.offer(head(i), "a.example");
  schedule.pause("a.example", true);
  EXPECT_EQ(schedule.take(), std::nullopt);
  EXPECT_EQ(schedule.size(), 9u);
  EXPECT_EQ(schedule.take_from("a.example"), name(1));
  schedule.pause("a.example", false);
  EXPECT_EQ(schedule.take(), name(2));
}

TEST(Schedule, SitesTakeTurns) {
  Schedule schedule;
  for (std::uint64_t i = 1; i <= 100; ++i) schedule.offer(head(i), "large.example");
  schedule.offer(head(200), "small.example");
  EXPECT_EQ(schedule.take(), name(1));
  EXPECT_EQ(schedule.take(), name(200));
}

TEST(Schedule, ASingleMessageWaitsForFewOfAnothersHundredThousand) {
  Schedule schedule({.all = 200'000, .lane = 200'000});
  for (std::uint64_t i = 1; i <= 100'000; ++i) schedule.offer(head(i, {.sender = 1}), "a.example");
  for (int i = 0; i < 10; ++i) schedule.take();
  schedule.offer(head(200'000, {.sender = 2}), "a.example");
  int before = 0;
  while (schedule.take() != name(200'000)) ++before;
  EXPECT_LE(before, 4);
}

TEST(Schedule, ATenantWithManySendersGetsNoMoreThanOneWithOne) {
  Schedule schedule({.all = 10'000, .lane = 10'000});
  for (std::uint64_t i = 0; i < 1000; ++i)
    schedule.offer(head(i + 1, {.tenant = 1, .sender = static_cast<std::uint32_t>(i)}), "a.example");
  for (std::uint64_t i = 0; i < 1000; ++i) schedule.offer(head(i + 2001, {.tenant = 2}), "a.example");
  std::size_t second = 0;
  for (int i = 0; i < 400; ++i) second += schedule.take()->id.number() > 2000;
  EXPECT_NEAR(static_cast<double>(second), 200, 8);
}

TEST(Schedule, LargeMessagesCountForMore) {
  Schedule schedule({.all = 10'000, .lane = 10'000});
  for (std::uint64_t i = 0; i < 1000; ++i) {
    schedule.offer(head(i + 1, {.sender = 1, .octets = 1 << 20}), "a.example");  // 17 units each
    schedule.offer(head(i + 2001, {.sender = 2}), "a.example");
  }
  std::size_t small = 0;
  for (int i = 0; i < 360; ++i) small += schedule.take()->id.number() > 2000;
  EXPECT_NEAR(static_cast<double>(small), 340, 20);
}

TEST(Schedule, TheUrgentGoesFirstAndTheHumbleMovesAllTheSame) {
  Schedule schedule;
  for (std::uint64_t i = 1; i <= 40; ++i) schedule.offer(head(i, {.priority = 4}), "a.example");
  schedule.offer(head(100, {.priority = -4}), "a.example");
  schedule.offer(head(101, {.priority = 6}), "a.example");
  EXPECT_EQ(schedule.take(), name(101));
  int before = 1;
  while (schedule.take() != name(100)) ++before;
  EXPECT_LT(before, 17);
}

TEST(Schedule, MemoryIsBoundedAndOneThatIsFullRemembersThatThereIsMore) {
  std::size_t left = 0;
  Schedule schedule({.all = 1000, .lane = 100, .sender = 4});
  schedule.on_left([&](const Head&) { ++left; });
  for (std::uint64_t i = 1; i <= 300; ++i) schedule.offer(head(i), "a.example");
  EXPECT_EQ(schedule.size(), 100u);
  EXPECT_EQ(left, 200u);
  EXPECT_FALSE(schedule.hungry());
  // Another sender has a place all the same.
  EXPECT_EQ(schedule.offer(head(500, {.sender = 2}), "a.example"), Schedule::Offered::Taken);
  for (int i = 0; i < 60; ++i) schedule.remove(*schedule.take());
  EXPECT_TRUE(schedule.hungry());
  schedule.end_round(), schedule.end_round();  // nobody was turned away for a whole round
  EXPECT_FALSE(schedule.hungry());
}

TEST(Schedule, ALaneThatClosesLetsGo) {
  std::vector<EntryName> left;
  Schedule schedule({.closed = 10});
  schedule.on_left([&](const Head& h) { left.push_back(h.name); });
  for (std::uint64_t i = 1; i <= 100; ++i) schedule.offer(head(i), "a.example");
  schedule.close("a.example");
  EXPECT_EQ(schedule.size(), 10u);
  EXPECT_EQ(left.size(), 90u);
  EXPECT_EQ(schedule.take_from("a.example"), name(1));  // the oldest are those that are kept
  EXPECT_FALSE(schedule.hungry());
  schedule.open("a.example");
  EXPECT_TRUE(schedule.hungry());
}

TEST(Schedule, ManyClosedLanesDoNotFillTheMemoryOfTheOthers) {
  Schedule schedule({.all = 50, .closed = 2});
  for (std::uint64_t i = 1; i <= 100; ++i) {
    schedule.close(std::to_string(i) + ".example");
    schedule.offer(head(i), std::to_string(i) + ".example");
  }
  EXPECT_EQ(schedule.size(), 50u);
  EXPECT_EQ(schedule.offer(head(1000), "live.example"), Schedule::Offered::Taken);
  EXPECT_EQ(schedule.take(), name(1000));
}

TEST(Schedule, WhoDidNotAnswerMayNotTakeAllThePlaces) {
  Schedule schedule({.doubtful = 3});
  for (std::uint64_t i = 1; i <= 100; ++i)
    schedule.offer(head(i, {.attempts = 1}), std::to_string(i) + ".example");
  int out = 0;
  while (schedule.take()) ++out;
  EXPECT_EQ(out, 3);
  schedule.offer(head(1000), "new.example");
  EXPECT_EQ(schedule.take(), name(1000));
  schedule.doubt("new.example", true);
  schedule.offer(head(1001), "new.example");
  EXPECT_EQ(schedule.take(), std::nullopt);
  schedule.doubt("new.example", false);
  EXPECT_EQ(schedule.take(), name(1001));
}

TEST(Schedule, DomainsOfOneSiteShareItsLane) {
  Schedule schedule;
  schedule.offer(head(1), "a.example");
  schedule.offer(head(2), "b.example");
  schedule.regroup("a.example", "mx.host");
  schedule.regroup("b.example", "mx.host");
  EXPECT_EQ(schedule.site_of("a.example"), "mx.host");
  EXPECT_EQ(schedule.lanes(), 1u);
  schedule.close("mx.host");
  EXPECT_EQ(schedule.take(), std::nullopt);
  EXPECT_EQ(schedule.take_from("mx.host"), name(1));
  EXPECT_EQ(schedule.take_from("mx.host"), name(2));
  schedule.regroup("a.example", "a.example");  // its MX is another one now
  schedule.put_back(name(1));
  EXPECT_EQ(schedule.take(), name(1));
}

TEST(Schedule, WhatIsSuspendedGoesOutAndDoesNotGetIn) {
  std::size_t left = 0;
  Schedule schedule;
  schedule.on_left([&](const Head&) { ++left; });
  schedule.offer(head(1, {.tenant = 7}), "a.example");
  schedule.offer(head(2, {.tenant = 8}), "a.example");
  schedule.set_suspended([](const Head& h, std::string_view) { return h.tenant == TenantId{7}; });
  EXPECT_EQ(schedule.offer(head(3, {.tenant = 7}), "a.example"), Schedule::Offered::NoRoom);
  EXPECT_EQ(left, 2u);
  EXPECT_EQ(schedule.take(), name(2));
  EXPECT_EQ(schedule.take(), std::nullopt);
}

TEST(Schedule, ForgetsLanesWithoutEntries) {
  Schedule schedule;
  for (std::uint64_t i = 1; i <= 100; ++i) schedule.offer(head(i), std::to_string(i) + ".example");
  for (std::uint64_t i = 1; i <= 100; ++i) schedule.remove(name(i));
  EXPECT_EQ(schedule.lanes(), 0u);
  EXPECT_EQ(schedule.size(), 0u);
}

}  // namespace
}  // namespace postroad::queue
