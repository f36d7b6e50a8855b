// A server that stops wakes whoever only waits for his peer, and nobody else.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/manual_core.h"
#include "net/stream.h"
#include "net/task_group.h"

namespace postroad::net {
namespace {

using Lines = std::vector<std::string>;

struct Stops : testing::Test {
  ManualCore core;
  MemoryPair pair = memory_pair(core);
  Stream& ours = pair.first;
  Stream& peer = pair.second;
  TaskGroup group{core, {}};
};

task<void> send(Stream& to, std::string text) {
  co_await to.write(text);
  co_await to.flush();
}

TEST_F(Stops, AStopReachesWhoWaitsForTheNextLine) {
  Signal stop;
  Lines lines;
  auto session = [](Stream& s, Lines& l) -> task<void> {
    for (;;) {
      const auto line = co_await s.read_line(100);
      l.push_back(line ? std::string(*line) : "!stop");
      if (!line) co_return;
    }
  };
  ours.stop_on(stop);
  group.spawn(session(ours, lines));
  group.spawn(send(peer, "NOOP\r\n"));
  core.settle();
  stop.latch();
  core.settle();
  EXPECT_EQ(lines, (Lines{"NOOP", "!stop"}));
}

TEST_F(Stops, AStopWaitsForALineThatHasBegun) {
  Signal stop;
  Lines lines;
  auto session = [](Stream& s, Lines& l) -> task<void> {
    for (;;) {
      const auto line = co_await s.read_line(100);
      l.push_back(line ? std::string(*line) : "!stop");
      if (!line) co_return;
    }
  };
  ours.stop_on(stop);
  group.spawn(session(ours, lines));
  group.spawn(send(peer, "NO"));
  core.settle();
  stop.latch();
  core.settle();
  EXPECT_TRUE(lines.empty());
  group.spawn(send(peer, "OP\r\n"));
  core.settle();
  EXPECT_EQ(lines, (Lines{"NOOP", "!stop"}));
}

TEST_F(Stops, AStopReachesWhoWaitsForEither) {
  Signal stop, news;
  std::vector<Woke> woke;
  auto session = [](Stream& s, Signal& n, std::vector<Woke>& w) -> task<void> {
    do w.push_back(co_await s.wait(&n, Instant::max()));
    while (w.back() != Woke::Stopping);
  };
  ours.stop_on(stop);
  group.spawn(session(ours, news, woke));
  core.settle();
  news.notify();
  core.settle();
  stop.latch();
  core.settle();
  EXPECT_EQ(woke, (std::vector{Woke::Signalled, Woke::Stopping}));
  news.notify();  // nobody listens any more
  group.spawn(session(ours, news, woke));
  core.settle();
  EXPECT_EQ(woke.back(), Woke::Stopping) << "whoever waits later hears it at once";
}

TEST_F(Stops, WhatThePeerHasSaidIsHeardBeforeTheStop) {
  Signal stop;
  std::vector<Woke> woke;
  auto session = [](Stream& s, std::vector<Woke>& w) -> task<void> {
    w.push_back(co_await s.wait(nullptr, Instant::max()));
    (void)co_await s.read_line(100);
    w.push_back(co_await s.wait(nullptr, Instant::max()));
  };
  ours.stop_on(stop);
  group.spawn(send(peer, "DONE\r\n"));
  core.settle();
  stop.latch();
  group.spawn(session(ours, woke));
  core.settle();
  EXPECT_EQ(woke, (std::vector{Woke::Input, Woke::Stopping}));
}

}  // namespace
}  // namespace postroad::net
