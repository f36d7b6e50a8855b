#include "net/later.h"

#include <gtest/gtest.h>

#include <memory>

#include "net/manual_core.h"

namespace postroad::net {
namespace {

task<int> get(Later<int>& later) { co_return co_await later; }
task<void> count(Signal& signal, int& woken) {
  for (;;) {
    co_await signal;
    ++woken;
    if (signal.latched()) co_return;
  }
}

TEST(Later, GivesWhatWasCompletedBefore) {
  ManualCore core;
  Later<int> later;
  later.completer().complete(7);
  EXPECT_TRUE(later.completed());
  EXPECT_EQ(core.run(get(later)), 7);
}

TEST(Later, WaitsForWhatIsCompletedAfterwards) {
  ManualCore core;
  Later<int> later;
  auto completer = later.completer();
  core.post([&] { completer.complete(8); });
  EXPECT_EQ(core.run(get(later)), 8);
}

TEST(Later, TakesWhatCanOnlyBeMoved) {
  ManualCore core;
  Later<std::unique_ptr<int>> later;
  later.completer().complete(std::make_unique<int>(3));
  auto take = [](Later<std::unique_ptr<int>>& l) -> task<int> {
    const auto value = co_await l;
    co_return *value;
  };
  EXPECT_EQ(core.run(take(later)), 3);
}

TEST(Later, IsAbandonedWithItsCompleter) {
  ManualCore core;
  Later<int> later;
  {
    const auto completer = later.completer();
  }
  EXPECT_THROW(core.run(get(later)), Abandoned);
}

TEST(Later, MayBeGoneBeforeItsCompleter) {
  Completer<std::shared_ptr<int>> completer;
  const auto value = std::make_shared<int>();
  {
    Later<std::shared_ptr<int>> later;
    completer = later.completer();
  }
  completer.complete(value);
  EXPECT_EQ(value.use_count(), 1);
}

TEST(Signal, WakesEveryoneWhoWaits) {
  ManualCore core;
  Signal signal;
  int woken = 0;
  TaskGroup group(core, {});
  for (int i = 0; i < 3; ++i) group.spawn(count(signal, woken));
  core.settle();
  signal.notify();
  core.settle();
  EXPECT_EQ(woken, 3);
}

TEST(Signal, RemembersOneNotificationThatFoundNobody) {
  ManualCore core;
  Signal signal;
  int woken = 0;
  signal.notify();
  signal.notify();
  TaskGroup group(core, {});
  group.spawn(count(signal, woken));
  core.settle();
  EXPECT_EQ(woken, 1);
}

TEST(Signal, LatchedItWakesForEver) {
  ManualCore core;
  Signal signal;
  int woken = 0;
  TaskGroup group(core, {});
  group.spawn(count(signal, woken));
  core.settle();
  signal.latch();
  group.spawn(count(signal, woken));
  core.settle();
  EXPECT_EQ(woken, 2);
  EXPECT_TRUE(group.empty());
}

}  // namespace
}  // namespace postroad::net
