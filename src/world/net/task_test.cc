#include "net/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/later.h"
#include "net/manual_core.h"
#include "net/sleep.h"
#include "net/task_group.h"

namespace postroad::net {
namespace {

task<int> answer(int value) { co_return value; }
task<int> sum(int a, int b) {
  const int first = co_await answer(a);
  const int second = co_await answer(b);
  co_return first + second;
}
task<void> fails() {
  throw std::runtime_error("no");
  co_return;
}
task<std::string> passes_on() {
  co_await fails();
  co_return "never";
}
task<long> depth(long n) {
  if (n == 0) co_return 0;
  co_return 1 + co_await depth(n - 1);
}
task<long> ready_in_a_loop(long n) {
  long total = 0;
  for (long i = 0; i < n; ++i) total += co_await answer(1);
  co_return total;
}
task<int&> refer(int& to) { co_return to; }

TEST(Task, GivesWhatItReturns) {
  ManualCore core;
  EXPECT_EQ(core.run(sum(2, 3)), 5);
}

TEST(Task, AnExceptionComesOutOfTheAwait) {
  ManualCore core;
  EXPECT_THROW(core.run(passes_on()), std::runtime_error);
}

TEST(Task, AReferenceRemainsOne) {
  ManualCore core;
  int value = 1;
  core.run(refer(value)) = 7;
  EXPECT_EQ(value, 7);
}

TEST(Task, DepthAndLoopsDoNotGrowTheStack) {
  ManualCore core;
  EXPECT_EQ(core.run(depth(200'000)), 200'000);
  EXPECT_EQ(core.run(ready_in_a_loop(1'000'000)), 1'000'000);
}

TEST(Task, OneThatIsNeverAwaitedIsDestroyed) {
  const auto guard = std::make_shared<int>(1);
  {
    auto lazy = [](std::shared_ptr<int> held) -> task<int> { co_return *held; };
    const auto unused = lazy(guard);
    EXPECT_EQ(guard.use_count(), 2);
  }
  EXPECT_EQ(guard.use_count(), 1);
}

}  // namespace
}  // namespace postroad::net
