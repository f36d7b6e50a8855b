#include "net/runtime.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "net/manual_core.h"
#include "net/sleep.h"

namespace postroad::net {
namespace {

task<unsigned> where() { co_return Core::here().index(); }
task<std::vector<unsigned>> there_and_back(Core& other) {
  std::vector<unsigned> path;
  path.push_back(Core::here().index());
  path.push_back(co_await run_on(other, where()));
  path.push_back(Core::here().index());
  co_return path;
}
task<int> broken() {
  co_await sleep_for(1ms);
  throw std::runtime_error("broken");
}

struct Threads : testing::Test {
  Threads() { runtime.start(); }
  Runtime runtime{2};
};

TEST_F(Threads, ATaskGoesToAnotherCoreAndComesBack) {
  EXPECT_EQ(block_on(runtime.core(0), there_and_back(runtime.core(1))), (std::vector<unsigned>{0, 1, 0}));
  EXPECT_EQ(block_on(runtime.core(0), there_and_back(runtime.core(0))), (std::vector<unsigned>{0, 0, 0}));
}

TEST_F(Threads, AnExceptionComesBackToo) {
  auto call = [](Core& other) -> task<int> { co_return co_await run_on(other, broken()); };
  EXPECT_THROW(block_on(runtime.core(0), call(runtime.core(1))), std::runtime_error);
}

TEST_F(Threads, SleepLastsAsLongAsItSays) {
  const auto before = std::chrono::steady_clock::now();
  block_on(runtime.core(0), [](void) -> task<void> { co_await sleep_for(30ms); }());
  const auto slept = std::chrono::steady_clock::now() - before;
  EXPECT_GE(slept, 30ms);
  EXPECT_LT(slept, 10s);
}

task<int> add_up(std::vector<Later<int>>& laters) {
  int sum = 0;
  for (auto& later : laters) sum += co_await later;
  co_return sum;
}

TEST_F(Threads, ValuesComeFromAnyThread) {
  constexpr int n = 20'000;
  std::vector<Later<int>> laters(n);
  std::vector<Completer<int>> completers;
  for (auto& later : laters) completers.push_back(later.completer());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = t; i < n; i += 4) completers[i].complete(1);
    });
  EXPECT_EQ(block_on(runtime.core(0), add_up(laters)), n);
  for (auto& thread : threads) thread.join();
}

task<void> ping(Core& other, int n, long& count) {
  for (int i = 0; i < n; ++i) count += co_await run_on(other, where()) + 1;
}
task<void> many(Core& home, Core& other, long& count) {
  TaskGroup group(home, {});
  for (int i = 0; i < 50; ++i) group.spawn(ping(other, 40, count));
  co_await group.join();
}

TEST_F(Threads, CoresCallEachOtherWithoutLosingAnyone) {
  long from_0 = 0, from_1 = 0;
  Later<void> done;
  runtime.core(1).post([&, completer = done.completer()]() mutable { completer.complete(); });
  std::thread second([&] { block_on(runtime.core(1), many(runtime.core(1), runtime.core(0), from_1)); });
  block_on(runtime.core(0), many(runtime.core(0), runtime.core(1), from_0));
  second.join();
  EXPECT_EQ(from_0, 50 * 40 * 2);
  EXPECT_EQ(from_1, 50 * 40);
}

task<std::thread::id> blocked(Pool& pool) {
  const auto inside = co_await blocking(pool, [] { return std::this_thread::get_id(); });
  EXPECT_EQ(Core::here().index(), 0);
  co_return inside;
}

TEST_F(Threads, BlockingWorkRunsElsewhereAndComesBack) {
  Pool pool(2);
  const auto core_thread =
      block_on(runtime.core(0), []() -> task<std::thread::id> { co_return std::this_thread::get_id(); }());
  EXPECT_NE(block_on(runtime.core(0), blocked(pool)), core_thread);
  auto throws = [](Pool& p) -> task<void> {
    co_await blocking(p, []() -> void { throw std::runtime_error("no"); });
  };
  EXPECT_THROW(block_on(runtime.core(0), throws(pool)), std::runtime_error);
}

task<void> keep_busy(Pool& pool, std::atomic<int>& phase, bool& ended) {
  co_await blocking(pool, [&phase] {
    phase = 1;
    phase.notify_all();
    phase.wait(1);
  });
  ended = true;
}
task<int> one_more(Pool& pool) {
  co_return co_await blocking(pool, [] { return 1; });
}

TEST_F(Threads, AFullPoolSaysSoAndACancelledWaitLetsWorkEnd) {
  Pool pool(1, 1);
  std::atomic<int> phase{0};
  bool ended = false, waiting_ended = false;
  std::atomic<int> unused{2};
  auto run = [](Pool& p, std::atomic<int>& ph, bool& end, std::atomic<int>& un, bool& waiting) -> task<void> {
    TaskGroup group(Core::here(), [](std::exception_ptr) { ADD_FAILURE(); });
    group.spawn(keep_busy(p, ph, end));
    while (ph == 0) co_await sleep_for(1ms);
    group.spawn(keep_busy(p, un, waiting));
    while (!p.full()) co_await sleep_for(1ms);
    bool refused = false;
    try {
      co_await one_more(p);
    } catch (const PoolFull&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    group.cancel();
    co_await sleep_for(5ms);
    EXPECT_EQ(group.size(), 1) << "the one that waited is gone, the one that works is not";
    ph = 2;
    ph.notify_all();
    co_await group.join();
  };
  block_on(runtime.core(0), run(pool, phase, ended, unused, waiting_ended));
  EXPECT_FALSE(ended);
  EXPECT_FALSE(waiting_ended);
  EXPECT_EQ(unused, 2) << "work that had not begun was not begun";
}

TEST_F(Threads, AFrameThatIsDestroyedBlocksUntilItsWorkEnded) {
  Pool pool(1);
  auto run = [](Pool& p) -> task<void> {
    std::atomic<bool> over{false}, begun{false};
    auto work = [](Pool& pl, std::atomic<bool>& b, std::atomic<bool>& o) -> task<void> {
      co_await blocking(pl, [&] {
        b = true;
        std::this_thread::sleep_for(20ms);
        o = true;
      });
    };
    {
      TaskGroup group(Core::here(), {});
      group.spawn(work(p, begun, over));
      while (!begun) co_await sleep_for(1ms);
    }
    EXPECT_TRUE(over);
  };
  block_on(runtime.core(0), run(pool));
}

TEST(InlinePool, RunsTheWorkOnTheCallersCoreSoon) {
  ManualCore core;
  Pool pool(0);
  EXPECT_EQ(core.run(one_more(pool)), 1);
  bool ran = false;
  auto work = [](Pool& p, bool& r) -> task<void> { co_await blocking(p, [&] { r = true; }); };
  {
    TaskGroup group(core, {});
    group.spawn(work(pool, ran));
    core.step();
  }
  core.settle();
  EXPECT_FALSE(ran) << "destroyed before it began";
}

TEST(ManualCores, CallEachOtherInOneThread) {
  ManualCore a(0);
  ManualCore b(1, a.manual_clock());
  std::vector<unsigned> path;
  auto go = [](Core& other, std::vector<unsigned>& p) -> task<void> { p = co_await there_and_back(other); };
  TaskGroup group(a, {});
  group.spawn(go(b, path));
  while (a.step() || b.step()) {
  }
  EXPECT_EQ(path, (std::vector<unsigned>{0, 1, 0}));
}

TEST(ManualCores, AKilledCallerTakesItsTaskOnTheOtherCoreAlong) {
  for (int steps = 0; steps < 8; ++steps) {
    ManualCore a(0);
    ManualCore b(1, a.manual_clock());
    const auto guard = std::make_shared<int>();
    auto remote = [](std::shared_ptr<int> held) -> task<void> {
      co_await sleep_for(1h);
      EXPECT_NE(held, nullptr);
    };
    auto go = [](Core& other, task<void> work) -> task<void> { co_await run_on(other, std::move(work)); };
    {
      TaskGroup group(a, {});
      group.spawn(go(b, remote(guard)));
      for (int i = 0; i < steps; ++i) (i % 2 ? b : a).step();
    }
    b.settle();
    a.settle();
    EXPECT_EQ(guard.use_count(), 1) << steps;
  }
}

TEST_F(Threads, ATaskGroupIsUsedOnItsOwnCoreOnly) {
  TaskGroup group(runtime.core(1), {});
  block_on(runtime.core(1), []() -> task<void> { co_return; }());  // now it surely runs
  EXPECT_THROW(group.spawn([]() -> task<void> { co_return; }()), std::logic_error);
}

}  // namespace
}  // namespace postroad::net
