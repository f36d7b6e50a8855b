#include "net/later.h"

#include <gtest/gtest.h>

#include <memory>

#include "net/manual_core.h"
#include "net/sleep.h"
#include "net/turns.h"
#include "net/wait_for.h"

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

task<void> take_turn(Turns& turns, std::vector<int>& order, int number) {
  const auto turn = co_await turns.take();
  order.push_back(number);
  co_await sleep_for(1s);
  order.push_back(-number);
}

TEST(Turns, ComeInTheOrderOfAskingAndOneEndsBeforeTheNextBegins) {
  ManualCore core;
  Turns turns;
  std::vector<int> order;
  TaskGroup group(core, {});
  for (int i = 1; i <= 3; ++i) group.spawn(take_turn(turns, order, i));
  core.run_until_idle();
  EXPECT_EQ(order, (std::vector{1, -1, 2, -2, 3, -3}));
}

TEST(Turns, WhoLeavesTheRowOrIsStoppedInHisTurnDoesNotHoldUpTheOthers) {
  for (const int leaves : {1, 2}) {
    ManualCore core;
    Turns turns;
    std::vector<int> order;
    TaskGroup group(core, {});
    TaskGroup leaver(core, {});
    for (int i = 1; i <= 3; ++i)
      (i == leaves ? leaver : group).spawn(take_turn(turns, order, i)), core.settle();
    leaver.cancel();
    core.run_until_idle();
    EXPECT_TRUE(group.empty()) << leaves;
    EXPECT_EQ(order.back(), -3) << leaves;
  }
}

TEST(WaitFor, EndsWithTheSignalOrTheTimeWhicheverIsFirst) {
  ManualCore core;
  Signal signal;
  auto wait = [](Signal& s, bool& notified, Instant& at) -> task<void> {
    notified = co_await wait_for(s, 10s);
    at = Core::here().now();
  };
  bool notified = true;
  Instant at;
  const Instant start = core.now();
  core.run(wait(signal, notified, at));
  EXPECT_FALSE(notified);
  EXPECT_EQ(at - start, 10s);

  TaskGroup group(core, {});
  group.spawn(wait(signal, notified, at));
  core.advance(3s);
  signal.notify();
  core.settle();
  EXPECT_TRUE(notified);
  EXPECT_EQ(at - start, 13s);

  signal.notify();
  notified = false;
  core.run(wait(signal, notified, at));
  EXPECT_TRUE(notified) << "it was remembered";
  EXPECT_EQ(at - start, 13s);
}

}  // namespace
}  // namespace postroad::net
