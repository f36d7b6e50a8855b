#include "net/task_group.h"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "net/later.h"
#include "net/manual_core.h"
#include "net/runtime.h"
#include "net/sleep.h"
#include "net/stream.h"
#include "net/turns.h"
#include "net/wait_for.h"

namespace postroad::net {
namespace {

struct Group : testing::Test {
  ManualCore core;
  std::vector<std::string> errors;
  TaskGroup group{core, [this](std::exception_ptr error) {
                    try {
                      std::rethrow_exception(error);
                    } catch (const std::exception& e) {
                      errors.emplace_back(e.what());
                    }
                  }};
};

task<void> fail(std::string why) {
  co_await sleep_for(1s);
  throw std::runtime_error(why);
}
task<void> hold(std::shared_ptr<int> held) {
  co_await sleep_for(1h);
  ++*held;
}
task<void> join(TaskGroup& group, bool& joined) {
  co_await group.join();
  joined = true;
}

TEST_F(Group, ATaskDoesNotStartInsideSpawn) {
  bool ran = false;
  auto run = [](bool& r) -> task<void> {
    r = true;
    co_return;
  };
  group.spawn(run(ran));
  EXPECT_FALSE(ran);
  core.settle();
  EXPECT_TRUE(ran);
  EXPECT_TRUE(group.empty());
}

TEST_F(Group, ErrorsGoToOnErrorAndTheOthersRunOn) {
  const auto counter = std::make_shared<int>(0);
  group.spawn(fail("first"));
  group.spawn(hold(counter));
  group.spawn(fail("second"));
  core.run_until_idle();
  EXPECT_EQ(errors, (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(*counter, 1);
}

TEST_F(Group, JoinWaitsForAll) {
  bool joined = false;
  TaskGroup joiners(core, {});
  group.spawn(fail("x"));
  group.spawn(hold(std::make_shared<int>()));
  joiners.spawn(join(group, joined));
  core.advance(59min);
  EXPECT_FALSE(joined);
  core.advance(1min);
  EXPECT_TRUE(joined);
}

TEST_F(Group, CancelledIsNotAnError) {
  const auto counter = std::make_shared<int>(0);
  group.spawn(hold(counter));
  core.settle();
  group.cancel();
  core.settle();
  EXPECT_TRUE(group.empty());
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(*counter, 0);
  EXPECT_EQ(counter.use_count(), 1);
}

TEST_F(Group, ATaskThatIsSpawnedAfterCancelSeesItAtItsFirstWait) {
  const auto counter = std::make_shared<int>(0);
  group.cancel();
  group.spawn(hold(counter));
  core.settle();
  EXPECT_TRUE(group.empty());
  EXPECT_EQ(*counter, 0);
}

task<void> cancels(TaskGroup& group, bool& went_on) {
  group.cancel();
  went_on = true;
  co_await yield();
  went_on = false;
}

TEST_F(Group, ATaskMayCancelItsOwnGroup) {
  bool went_on = false;
  group.spawn(hold(std::make_shared<int>()));
  group.spawn(cancels(group, went_on));
  core.settle();
  EXPECT_TRUE(went_on);
  EXPECT_TRUE(group.empty());
}

TEST_F(Group, AJoinThatIsCancelledCancelsTheGroupAndWaitsAllTheSame) {
  const auto counter = std::make_shared<int>(0);
  bool joined = false;
  TaskGroup joiners(core, {});
  group.spawn(hold(counter));
  joiners.spawn(join(group, joined));
  core.settle();
  joiners.cancel();
  core.settle();
  EXPECT_TRUE(group.empty());
  EXPECT_TRUE(joiners.empty());
  EXPECT_FALSE(joined);
}

TEST_F(Group, OneOfAThousandCancelledTasksLeavesNoTrace) {
  for (int i = 0; i < 1000; ++i) group.spawn(hold(std::make_shared<int>()));
  core.settle();
  group.cancel();
  core.settle();
  EXPECT_TRUE(group.empty());
  EXPECT_EQ(core.next_due(), Instant::max());
}

// --- Whatever a task waits for: it can be cancelled there, and it can be destroyed there. ---

struct Everything {
  ManualCore core;
  Signal signal;
  Later<int> later;
  Completer<int> completer = later.completer();
  Turns turns;
  Pool pool{0};
  ManualCore other{1, core.manual_clock()};
  MemoryPair pair = memory_pair(core, {.capacity = 10});
  TaskGroup inner{core, {}};
  std::string large = std::string(1'000'000, 'x');
  int unwound = 0;
  bool finished = false;
};

struct Unwound {
  int& count;
  ~Unwound() { ++count; }
};

struct Place {
  const char* name;
  task<void> (*wait)(Everything&);
};

task<void> forever() { co_await sleep_for(std::chrono::hours{1'000'000}); }

task<void> in_sleep(Everything&) { co_await sleep_for(1h); }
task<void> in_signal(Everything& e) { co_await e.signal; }
task<void> in_later(Everything& e) { co_await e.later; }
task<void> in_wait_for(Everything& e) { co_await wait_for(e.signal, 1h); }
task<void> in_turns(Everything& e) {
  const auto first = co_await e.turns.take();
  const auto second = co_await e.turns.take();
}
task<void> in_line(Everything& e) { co_await e.pair.first.read_line(100); }
task<void> in_fill(Everything& e) { co_await e.pair.first.fill(); }
task<void> in_write(Everything& e) { co_await e.pair.first.write(e.large); }
task<void> in_view(Everything& e) { co_await e.pair.first.write_view(e.large); }
task<void> in_flush(Everything& e) {
  co_await e.pair.first.write("more than ten octets");
  co_await e.pair.first.flush();
}
task<void> in_wait(Everything& e) { co_await e.pair.first.wait(&e.signal); }
task<void> in_close(Everything& e) { co_await e.pair.first.close(); }
task<void> in_handshake(Everything& e) {
  const TlsClient client;
  TlsPeer peer{.name = "a.test"};
  co_await e.pair.first.start_tls_client(client, std::move(peer));
}
task<void> in_join(Everything& e) {
  e.inner.spawn(forever());
  co_await e.inner.join();
}
task<void> deep(Everything& e, int n) {
  const Unwound unwound{e.unwound};
  if (n > 0)
    co_await deep(e, n - 1);
  else
    co_await sleep_for(1h);
}
task<void> in_the_depth(Everything& e) {
  co_await deep(e, 100);
  e.unwound -= 101;
}
task<void> in_yields(Everything&) {
  for (;;) co_await yield();
}

class Waiting : public testing::TestWithParam<Place> {};

task<void> wait_there(Everything& e, Place place) {
  const Unwound unwound{e.unwound};
  co_await place.wait(e);
  e.finished = true;
}

TEST_P(Waiting, CanBeCancelled) {
  Everything e;
  std::size_t errors = 0;
  TaskGroup group(e.core, [&](std::exception_ptr) { ++errors; });
  group.spawn(wait_there(e, GetParam()));
  for (int i = 0; i < 50; ++i) e.core.step();
  ASSERT_EQ(group.size(), 1);
  group.cancel();
  EXPECT_EQ(group.size(), 1) << "nothing runs inside cancel()";
  e.core.settle();
  EXPECT_TRUE(group.empty());
  EXPECT_GE(e.unwound, 1);
  EXPECT_FALSE(e.finished);
  EXPECT_EQ(errors, 0);
  // What it waited for may still happen: nobody listens.
  e.signal.notify();
  e.completer.complete(1);
  e.core.advance(2h);
}

TEST_P(Waiting, CanBeDestroyedWhereItStands) {
  Everything e;
  {
    TaskGroup group(e.core, [](std::exception_ptr) { FAIL(); });
    group.spawn(wait_there(e, GetParam()));
    for (int i = 0; i < 50; ++i) e.core.step();
    ASSERT_EQ(group.size(), 1);
  }
  EXPECT_GE(e.unwound, 1);
  EXPECT_FALSE(e.finished);
  e.signal.notify();
  e.completer.complete(1);
  e.core.advance(2h);
}

TEST_P(Waiting, DoesNotBeginInACancelledTask) {
  Everything e;
  TaskGroup group(e.core, [](std::exception_ptr) { FAIL(); });
  group.cancel();
  group.spawn(wait_there(e, GetParam()));
  e.core.settle();
  EXPECT_TRUE(group.empty());
  EXPECT_FALSE(e.finished);
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Waiting,
                         testing::Values(Place{"Sleep", in_sleep}, Place{"Signal", in_signal},
                                         Place{"Later", in_later}, Place{"WaitFor", in_wait_for},
                                         Place{"Turns", in_turns}, Place{"ReadLine", in_line},
                                         Place{"Fill", in_fill}, Place{"Write", in_write},
                                         Place{"WriteView", in_view}, Place{"Flush", in_flush},
                                         Place{"Wait", in_wait}, Place{"Close", in_close},
                                         Place{"Handshake", in_handshake}, Place{"Join", in_join},
                                         Place{"Depth", in_the_depth}, Place{"Yield", in_yields}),
                         [](const auto& info) { return std::string(info.param.name); });

// Between its readiness and its running, too.
TEST(WaitingReady, CanBeDestroyedOrCancelled) {
  for (const bool destroy : {true, false}) {
    Everything e;
    auto group = std::make_unique<TaskGroup>(e.core, [](std::exception_ptr) { FAIL(); });
    group->spawn(wait_there(e, {"Signal", in_signal}));
    e.core.settle();
    e.signal.notify();
    if (destroy) {
      group.reset();
    } else {
      group->cancel();  // too late for this wait: it ends as it should, the next one would not
      e.core.settle();
      EXPECT_TRUE(e.finished);
      EXPECT_TRUE(group->empty());
    }
    e.core.settle();
  }
}

}  // namespace
}  // namespace postroad::net
