// How long a Stream waits for its peer, and how much it holds meanwhile.
#include "net/stream_testing.h"

namespace postroad::net {
namespace {

TEST_F(Streams, AReaderWaitsAsLongAsAllowedAndNoLonger) {
  Lines lines;
  ours.allow(5min);
  group.spawn(collect(ours, 100, lines));
  core.advance(5min - 1s);
  EXPECT_EQ(ended, "");
  core.advance(1s);
  EXPECT_EQ(ended, "timed out");
}

TEST_F(Streams, EachLineHasAnAllowanceOfItsOwn) {
  Lines lines;
  ours.allow(1min);
  group.spawn(collect(ours, 100, lines));
  for (int i = 0; i < 10; ++i) {
    core.advance(50s);
    group.spawn(send(peer, "NOOP\r\n"));
  }
  core.settle();
  EXPECT_EQ(lines.size(), 10);
  EXPECT_EQ(ended, "");
}

// durability.md, attack 24: one octet every nine seconds.
TEST_F(Streams, WhoDribblesALineIsEndedWhenItsAllowanceIs) {
  Lines lines;
  ours.allow(5min);
  group.spawn(collect(ours, 1000, lines));
  group.spawn(dribble(peer, std::string(1000, 'x'), 9s));
  core.advance(5min + 10s);
  EXPECT_EQ(ended, "timed out");
}

TEST_F(Streams, WhoDribblesAMessageIsEndedToo) {
  std::size_t octets = 0;
  ours.allow(3min);
  group.spawn(take_all(ours, octets));
  group.spawn(dribble(peer, std::string(10'000, 'x'), 9s));
  core.advance(3min + 10s);
  EXPECT_EQ(ended, "timed out");
}

TEST_F(Streams, ASlowButSteadyMessageMayLastForHours) {
  std::size_t octets = 0;
  ours.allow(3min);
  group.spawn(take_all(ours, octets));
  auto slow = [](Stream& to) -> task<void> {
    for (int i = 0; i < 7200; ++i) {
      co_await send(to, std::string(600, 'x'));
      co_await sleep_for(1s);
    }
  };
  group.spawn(slow(peer));
  core.advance(7200s);
  EXPECT_EQ(octets, 600u * 7200);
  EXPECT_EQ(ended, "");
  core.advance(3min);
  EXPECT_EQ(ended, "timed out");
}

TEST_F(Streams, OurOwnWorkBetweenTwoFillsDoesNotCount) {
  auto slow_reader = [](Stream& from, std::size_t& octets) -> task<void> {
    while (octets < 10) {
      co_await from.fill();
      octets += from.buffered().size();
      from.consume(from.buffered().size());
      co_await sleep_for(1h);  // the disk is slow
    }
  };
  std::size_t octets = 0;
  ours.allow(1min);
  group.spawn(slow_reader(ours, octets));
  group.spawn(dribble(peer, std::string(10, 'x'), 1s));
  core.advance(10h);
  EXPECT_EQ(octets, 10);
  EXPECT_EQ(ended, "");
}

// durability.md, attack 25.
TEST_F(Streams, APeerThatNeverReadsHoldsBackTheWriterAndIsEnded) {
  auto talk = [](Stream& to, std::size_t& written) -> task<void> {
    for (;;) {
      co_await to.write("250 2.0.0 Ok\r\n");
      written += 14;
    }
  };
  std::size_t written = 0;
  ours.allow(1min);
  group.spawn(talk(ours, written));
  core.advance(59s);
  EXPECT_LE(ours.unsent(), 256 * 1024 + 14);
  EXPECT_LE(written, 256 * 1024 + 64 * 1024 + 14);
  EXPECT_EQ(ended, "");
  core.advance(1s);
  EXPECT_EQ(ended, "timed out");
}

TEST_F(Streams, BoundsCanBeSet) {
  auto talk = [](Stream& to) -> task<void> {
    for (;;) co_await to.write("250 2.0.0 Ok\r\n");
  };
  ours.set_bounds(1000, 2000);
  group.spawn(talk(ours));
  core.settle();
  EXPECT_LE(ours.unsent(), 2014);

  Lines lines;
  peer.set_bounds(1000, 2000);
  MemoryPair other = memory_pair(core);
  other.first.set_bounds(1000, 2000);
  TaskGroup readers(core, [](std::exception_ptr) {});
  readers.spawn(collect(other.first, 100, lines));
  readers.spawn(send(other.second, std::string(2500, 'x')));
  core.settle();
  EXPECT_EQ(lines, (Lines{"!endless", "!endless"}));
}

}  // namespace
}  // namespace postroad::net
