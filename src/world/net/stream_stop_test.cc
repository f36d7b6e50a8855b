// A server that stops wakes whoever only waits for his peer, and nobody else.
#include "net/stream_testing.h"

namespace postroad::net {
namespace {

struct Stops : Streams {
  Signal stop;
  Lines lines;
  Stops() { ours.stop_on(stop); }
};

// Notes each line, up to the stop.
task<void> listen(Stream& s, Lines& lines) {
  for (;;) {
    const auto line = co_await s.read_line(100);
    lines.push_back(spell(line));
    if (!line) co_return;
  }
}

TEST_F(Stops, AStopReachesWhoWaitsForTheNextLine) {
  group.spawn(listen(ours, lines));
  group.spawn(send(peer, "NOOP\r\n"));
  core.settle();
  stop.latch();
  core.settle();
  EXPECT_EQ(lines, (Lines{"NOOP", "!stop"}));
}

TEST_F(Stops, AStopWaitsForALineThatHasBegun) {
  group.spawn(listen(ours, lines));
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
  Signal news;
  std::vector<Woke> woke;
  auto session = [](Stream& s, Signal& n, std::vector<Woke>& w) -> task<void> {
    do w.push_back(co_await s.wait(&n, Instant::max()));
    while (w.back() != Woke::Stopping);
  };
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
  std::vector<Woke> woke;
  auto session = [](Stream& s, std::vector<Woke>& w) -> task<void> {
    w.push_back(co_await s.wait(nullptr, Instant::max()));
    (void)co_await s.read_line(100);
    w.push_back(co_await s.wait(nullptr, Instant::max()));
  };
  group.spawn(send(peer, "DONE\r\n"));
  core.settle();
  stop.latch();
  group.spawn(session(ours, woke));
  core.settle();
  EXPECT_EQ(woke, (std::vector{Woke::Input, Woke::Stopping}));
}

}  // namespace
}  // namespace postroad::net
