#include "net/core.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "net/later.h"
#include "net/manual_core.h"
#include "net/sleep.h"

namespace postroad::net {
namespace {

struct Note final : Timer {
  std::vector<int>* log = nullptr;
  int number = 0;
  void fired() override { log->push_back(number); }
};

struct Timers : testing::Test {
  ManualCore core;
  std::vector<int> fired;
  Instant in(Duration time) { return core.now() + time; }
};

TEST_F(Timers, FireInTheOrderOfTheirInstants) {
  std::vector<Note> notes(50);
  for (int i = 0; i < 50; ++i) {
    notes[i].log = &fired, notes[i].number = (i * 37) % 50;
    core.arm(notes[i], in(Duration{notes[i].number} * 1000));
  }
  core.advance(1min);
  ASSERT_EQ(fired.size(), 50);
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

TEST_F(Timers, OneThatIsArmedAgainFiresOnceAtTheLaterInstant) {
  Note note;
  note.log = &fired, note.number = 1;
  core.arm(note, in(1s));
  core.arm(note, in(10s));
  core.advance(9s);
  EXPECT_TRUE(fired.empty());
  core.advance(1s);
  EXPECT_EQ(fired.size(), 1);
  core.advance(1h);
  EXPECT_EQ(fired.size(), 1);
}

TEST_F(Timers, OneThatIsArmedEarlierFiresEarlier) {
  Note note;
  note.log = &fired, note.number = 1;
  core.arm(note, in(1h));
  core.arm(note, in(1s));
  core.advance(1s);
  EXPECT_EQ(fired.size(), 1);
}

TEST_F(Timers, OneThatIsDisarmedOrDestroyedDoesNotFire) {
  Note note;
  note.log = &fired;
  core.arm(note, in(1s));
  core.disarm(note);
  {
    Note gone;
    gone.log = &fired;
    core.arm(gone, in(2s));
  }
  EXPECT_EQ(core.next_due(), Instant::max());
  core.advance(1h);
  EXPECT_TRUE(fired.empty());
}

// Against a list that is searched: the heap with its late corrections gives the same.
TEST_F(Timers, AgreeWithAPlainListWhateverIsDone) {
  std::mt19937 random(7);
  std::vector<std::unique_ptr<Note>> notes(40);
  std::vector<Instant> due(40, Instant::max());
  std::vector<int> expected;
  for (int i = 0; i < 40; ++i)
    notes[i] = std::make_unique<Note>(), notes[i]->log = &fired, notes[i]->number = i;
  for (int round = 0; round < 5'000; ++round) {
    const int which = static_cast<int>(random() % 40);
    switch (random() % 5) {
      case 0:
        core.disarm(*notes[which]);
        due[which] = Instant::max();
        break;
      case 1: {
        const Instant until = in(Duration{random() % 50});
        std::vector<std::pair<Instant, int>> now_due;
        for (int i = 0; i < 40; ++i)
          if (due[i] <= until) now_due.emplace_back(due[i], i), due[i] = Instant::max();
        std::stable_sort(now_due.begin(), now_due.end(), [](auto& a, auto& b) { return a.first < b.first; });
        const std::size_t before = fired.size();
        core.advance(until - core.now());
        ASSERT_EQ(fired.size() - before, now_due.size());
        // Among equal instants the order is that of arming, which the list does not know: compare instants.
        std::vector<int> a(fired.begin() + static_cast<std::ptrdiff_t>(before), fired.end()), b;
        for (const auto& [at, i] : now_due) b.push_back(i);
        std::sort(a.begin(), a.end());
        std::sort(b.begin(), b.end());
        ASSERT_EQ(a, b);
        break;
      }
      default: due[which] = in(Duration{1 + random() % 100}); core.arm(*notes[which], due[which]);
    }
  }
}

TEST(Core, RunsWhatIsPostedInOrder) {
  ManualCore core;
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) core.post([&order, i] { order.push_back(i); });
  core.settle();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

TEST(Core, WhatIsStillPostedWhenItEndsIsDestroyed) {
  const auto guard = std::make_shared<int>();
  {
    ManualCore core;
    core.post([guard] { FAIL(); });
    EXPECT_EQ(guard.use_count(), 2);
  }
  EXPECT_EQ(guard.use_count(), 1);
}

task<void> stamp(std::vector<std::string>& log, std::string name, Duration every, int times) {
  for (int i = 0; i < times; ++i) {
    co_await sleep_for(every);
    log.push_back(name);
  }
}

TEST(ManualCore, MovesTimeOnlyWhenToldAndInOrder) {
  ManualCore core;
  std::vector<std::string> log;
  TaskGroup group(core, {});
  group.spawn(stamp(log, "a", 3s, 3));
  group.spawn(stamp(log, "b", 2s, 3));
  core.settle();
  EXPECT_TRUE(log.empty());
  core.advance(5s);
  EXPECT_EQ(log, (std::vector<std::string>{"b", "a", "b"}));
  core.run_until_idle();
  EXPECT_EQ(log.size(), 6);
  EXPECT_TRUE(group.empty());
}

TEST(ManualCore, SaysSoWhenATaskWaitsForNothing) {
  ManualCore core;
  Signal never;
  auto wait = [](Signal& signal) -> task<void> { co_await signal; };
  EXPECT_THROW(core.run(wait(never)), Deadlock);
}

TEST(Sleep, AnInstantThatHasPassedStillLetsOthersRunFirst) {
  ManualCore core;
  std::vector<std::string> log;
  auto sleeper = [](std::vector<std::string>& l) -> task<void> {
    co_await sleep_until(Instant{Duration{1}});
    l.push_back("slept");
  };
  TaskGroup group(core, {});
  core.advance(1h);
  group.spawn(sleeper(log));
  core.post([&] { log.push_back("posted"); });
  core.settle();
  EXPECT_EQ(log, (std::vector<std::string>{"posted", "slept"}));
}

}  // namespace
}  // namespace postroad::net
