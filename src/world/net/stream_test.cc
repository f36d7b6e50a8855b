#include "net/stream_testing.h"

namespace postroad::net {
namespace {

task<void> drop(Stream) { co_return; }

// --- lines ---

Lines read(const std::string& text, std::size_t piece, std::size_t limit = 100) {
  ManualCore core;
  auto [a, b] = memory_pair(core, {.piece = piece});
  Lines lines;
  TaskGroup group(core, [&](std::exception_ptr error) {
    try {
      std::rethrow_exception(error);
    } catch (const ConnectionEnded& ended) {
      lines.push_back(std::string(name(ended.how())));
    }
  });
  group.spawn(collect(b, limit, lines));
  group.spawn(send_and_close(std::move(a), text));
  core.run_until_idle(1min);
  return lines;
}

struct LineCase {
  const char* name;
  std::string text;
  Lines lines;
};
class ReadLine : public testing::TestWithParam<LineCase> {};

// One octet at a time, two, three, ... and all at once: the same lines.
TEST_P(ReadLine, SeesTheSameLinesHoweverTheOctetsAreCut) {
  const auto& [name, text, lines] = GetParam();
  for (std::size_t piece = 1; piece <= text.size() && piece < 200; ++piece)
    ASSERT_EQ(read(text, piece), lines) << "in pieces of " << piece;
  ASSERT_EQ(read(text, SIZE_MAX), lines);
}

const std::string hundred(100, 'x');

INSTANTIATE_TEST_SUITE_P(
    Cases, ReadLine,
    testing::Values(
        LineCase{"Plain", "EHLO a\r\n\r\nNOOP\r\n", {"EHLO a", "", "NOOP", "closed"}},
        LineCase{"NulsPass", "a\0b\r\n"s, {"a\0b"s, "closed"}},
        LineCase{"AnUnfinishedLineIsNone", "NOOP\r\nQUI", {"NOOP", "closed"}},
        LineCase{"BareLf", "MAIL\nRCPT\r\nNOOP\r\n", {"!lf", "NOOP", "closed"}},
        LineCase{"OnlyBareLfs", "MAIL\nRCPT\nDATA\n", {"!lf", "!lf", "!lf", "closed"}},
        LineCase{"BareCr", "MAIL\rRCPT\r\nNOOP\r\n", {"!cr", "NOOP", "closed"}},
        LineCase{"CrCrLf", "MAIL\r\r\nNOOP\r\n", {"!cr", "NOOP", "closed"}},
        LineCase{"LfCr", "MAIL\n\rNOOP\r\n", {"!lf", "closed"}},
        LineCase{"AfterABareLfOnlyCrlfEndsIt", "A\nB\rC\nD\r\nE\r\n", {"!lf", "!lf", "E", "closed"}},
        LineCase{"AtTheLimit", hundred + "\r\nok\r\n", {hundred, "ok", "closed"}},
        LineCase{"TooLong", hundred + "x\r\nok\r\n", {"!long", "ok", "closed"}},
        LineCase{"TooLongByFar", hundred + hundred + hundred + "\r\n\r\n", {"!long", "", "closed"}},
        LineCase{"TooLongWithBareLf", hundred + hundred + "\nNOOP\r\nok\r\n", {"!lf", "ok", "closed"}},
        LineCase{"TooLongEndsInCr", hundred + hundred + "\r\r\nok\r\n", {"!long", "ok", "closed"}}),
    [](const auto& info) { return info.param.name; });

TEST(ReadLineLong, AHundredMegabytesWithoutEndAreReportedAndNeverHeld) {
  ManualCore core;
  auto [a, b] = memory_pair(core);
  std::size_t endless = 0, most = 0;
  auto reader = [](Stream& from, std::size_t& n, std::size_t& held) -> task<void> {
    for (;;) {
      const auto line = co_await from.read_line(4096);
      if (!line && line.error() == LineError::Endless) ++n;
      held = std::max(held, from.buffered().size());
    }
  };
  auto flood = [](Stream to) -> task<void> {
    const std::string block(64 * 1024, 'x');
    for (int i = 0; i < 1600; ++i) co_await to.write_view(block);
    co_await to.write("\r\n");
    co_await to.close();
  };
  TaskGroup group(core, [](std::exception_ptr) {});
  group.spawn(reader(b, endless, most));
  group.spawn(flood(std::move(a)));
  core.run_until_idle(1min);
  EXPECT_GE(endless, 1000);
  EXPECT_LE(most, 64 * 1024);
  EXPECT_EQ(b.octets_in(), 1600u * 64 * 1024 + 2);
}

// --- writing ---

TEST_F(Streams, RepliesToAPipelinedBatchLeaveTogetherWhenWeMustWait) {
  auto server = [](Stream& s) -> task<void> {
    for (;;) {
      if (!co_await s.read_line(100)) co_return;
      co_await s.write("250 Ok\r\n");
      EXPECT_EQ(s.octets_out() % 24, 0);
    }
  };
  group.spawn(server(ours));
  group.spawn(send(peer, "MAIL\r\nRCPT\r\nDATA\r\n"));
  core.settle();
  EXPECT_EQ(ours.octets_out(), 24);
  EXPECT_EQ(ours.unsent(), 0);
}

TEST_F(Streams, AViewIsSentBehindWhatIsBufferedAndWhole) {
  const std::string large(300'000, 'y');
  auto writer = [](Stream& s, const std::string& view) -> task<void> {
    co_await s.write("first:");
    co_await s.write_view(view);
    EXPECT_EQ(s.unsent(), 0);
    co_await s.write(":last");
    co_await s.flush();
  };
  std::string got;
  auto reader = [](Stream& s, std::string& to) -> task<void> {
    while (co_await s.fill()) {
      to += s.buffered();
      s.consume(s.buffered().size());
    }
  };
  group.spawn(writer(ours, large));
  group.spawn(reader(peer, got));
  core.settle();
  EXPECT_EQ(got, "first:" + large + ":last");
}

TEST_F(Streams, APeerThatFinishedSendingStillGetsItsReplies) {
  auto server = [](Stream& s) -> task<void> {
    for (;;) {
      if (!co_await s.read_line(100)) co_return;
      co_await s.write("250 Ok\r\n");
    }
  };
  group.spawn(server(ours));
  group.spawn(send_and_close(std::move(peer), "NOOP\r\n"));
  core.advance(1s);
  EXPECT_EQ(ended, "closed");
  EXPECT_EQ(ours.octets_out(), 8);
}

TEST_F(Streams, WhatThePeerSaidBeforeItClosedIsReadAlthoughWritingFails) {
  Lines lines;
  group.spawn(send(peer, "421 Too busy\r\n"));
  core.settle();
  group.spawn(drop(std::move(peer)));
  core.settle();
  auto client = [](Stream& s, Lines& l) -> task<void> {
    co_await s.write("MAIL FROM:<a@b.test>\r\n");
    co_await s.flush();
    l.push_back(spell(co_await s.read_line(100)));
    co_await s.read_line(100);
  };
  group.spawn(client(ours, lines));
  core.settle();
  EXPECT_EQ(lines, Lines{"421 Too busy"});
  EXPECT_EQ(ended, "closed");
}

TEST_F(Streams, WhoGoesOnWritingToSomeoneGoneIsTold) {
  group.spawn(drop(std::move(peer)));
  core.settle();
  auto client = [](Stream& s) -> task<void> {
    for (;;) {
      co_await s.write("x");
      co_await s.flush();
    }
  };
  group.spawn(client(ours));
  core.settle();
  EXPECT_EQ(ended, "reset");
}

TEST_F(Streams, AfterAViewThatWasCutOffNothingMoreIsSent) {
  const std::string large(300'000, 'y');
  auto writer = [](Stream& s, const std::string& view) -> task<void> { co_await s.write_view(view); };
  auto later = [](Stream& s) -> task<void> {
    co_await s.write("250 this would be taken for the rest of it\r\n");
    co_await s.flush();
  };
  {
    TaskGroup first(core, {});
    first.spawn(writer(ours, large));
    core.settle();
    first.cancel();
    core.settle();
  }
  const auto sent = ours.octets_out();
  group.spawn(later(ours));
  core.settle();
  EXPECT_EQ(ours.octets_out(), sent);
  EXPECT_EQ(ended, "reset");
}

// --- fill ---

TEST_F(Streams, FillToGathersOctetsForADecoder) {
  auto reader = [](Stream& s, std::string& got) -> task<void> {
    EXPECT_TRUE(co_await s.fill_to(10));
    got = s.buffered().substr(0, 10);
    s.consume(10);
    EXPECT_FALSE(co_await s.fill_to(10));
  };
  std::string got;
  group.spawn(reader(ours, got));
  group.spawn(dribble(peer, "0123456789ab", 1s));
  core.advance(20s);
  EXPECT_EQ(got, "0123456789");
  group.spawn(drop(std::move(peer)));
  core.settle();
  EXPECT_EQ(group.size(), 0);
  EXPECT_EQ(ended, "");
}

TEST_F(Streams, LinesAndBlocksMayBeMixed) {
  auto reader = [](Stream& s, Lines& got) -> task<void> {
    got.push_back(spell(co_await s.read_line(100)));
    co_await s.fill_to(5);
    got.emplace_back(s.buffered().substr(0, 5));
    s.consume(5);
    got.push_back(spell(co_await s.read_line(100)));
  };
  Lines got;
  group.spawn(reader(ours, got));
  group.spawn(send(peer, "APPEND {5}\r\n\r\n\n\r\n rest\r\n"));
  core.settle();
  EXPECT_EQ(got, (Lines{"APPEND {5}", "\r\n\n\r\n", " rest"}));
}

// --- waiting for either ---

task<void> idle(Stream& s, Signal& signal, Instant deadline, Lines& log) {
  for (;;) {
    switch (co_await s.wait(&signal, deadline)) {
      case Woke::Input: log.push_back("input " + spell(co_await s.read_line(100))); break;
      case Woke::Signalled:
        log.push_back("signal");
        co_await s.write("* 1 EXISTS\r\n");
        break;
      case Woke::Deadline:
      case Woke::Stopping: log.push_back("deadline"); co_return;
    }
  }
}

TEST_F(Streams, AWaitEndsWithInputSignalOrDeadlineWhicheverIsFirst) {
  Signal signal;
  Lines log;
  ours.allow(10s);  // does not end a wait
  group.spawn(idle(ours, signal, core.now() + 29min, log));
  core.advance(10min);
  EXPECT_TRUE(log.empty());
  signal.notify();
  core.settle();
  EXPECT_EQ(ours.octets_out(), 12) << "what was written is sent before it waits again";
  group.spawn(send(peer, "DONE\r\n"));
  core.settle();
  core.advance(19min);
  EXPECT_EQ(log, (Lines{"signal", "input DONE", "deadline"}));
  EXPECT_EQ(ended, "");
}

TEST_F(Streams, ASignalThatCameWhileNobodyWaitedIsNotLost) {
  Signal signal;
  Lines log;
  signal.notify();
  group.spawn(idle(ours, signal, core.now() + 1min, log));
  core.settle();
  EXPECT_EQ(log, Lines{"signal"});
}

TEST_F(Streams, AWaitEndsWhenThePeerDoes) {
  Signal signal;
  Lines log;
  group.spawn(idle(ours, signal, Instant::max(), log));
  core.settle();
  group.spawn(drop(std::move(peer)));
  core.settle();
  EXPECT_EQ(ended, "closed");
}

// --- ending ---

TEST_F(Streams, CloseWaitsForThePeersEndButNotForEver) {
  bool closed = false;
  auto close = [](Stream& s, bool& c) -> task<void> {
    co_await s.write("221 Bye\r\n");
    co_await s.close();
    c = true;
  };
  group.spawn(close(ours, closed));
  core.advance(4s);
  EXPECT_FALSE(closed);
  EXPECT_EQ(ours.octets_out(), 9);
  core.advance(1s);
  EXPECT_TRUE(closed);
}

TEST_F(Streams, WhoAskedForTheEndIsNotWaitedFor) {
  bool closed = false;
  auto close = [](Stream from, bool& c) -> task<void> {
    co_await from.write("221 Bye\r\n");
    co_await from.close(Stream::Parting::Agreed);
    c = true;
  };
  Lines lines;
  group.spawn(close(std::move(ours), closed));
  group.spawn(collect(peer, 1000, lines));
  core.settle();
  EXPECT_TRUE(closed);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], "221 Bye");
}

TEST_F(Streams, WhoAskedForTheEndAndGoesOnTalkingIsHeardOut) {
  bool closed = false;
  auto close = [](Stream& s, bool& c) -> task<void> {
    co_await s.close(Stream::Parting::Agreed);
    c = true;
  };
  group.spawn(send(peer, "NOOP\r\n"));
  core.settle();
  group.spawn(close(ours, closed));
  core.settle();
  EXPECT_FALSE(closed);  // close(2) now would answer with a RST, and destroy our last reply
  core.advance(5s);
  EXPECT_TRUE(closed);
}

TEST_F(Streams, AClosedStreamTellsTheReaderAndAResetOneToo) {
  Lines lines;
  group.spawn(send(peer, "half a li"));
  core.settle();
  group.spawn(send(ours, "unread"));
  core.settle();
  group.spawn(drop(std::move(peer)));  // with our octets unread: a reset
  core.settle();
  group.spawn(collect(ours, 100, lines));
  core.settle();
  EXPECT_EQ(ended, "reset");
}

TEST_F(Streams, EarlyOctetsAreSeenWithoutReadingThem) {
  EXPECT_FALSE(ours.early_bytes());
  group.spawn(send(peer, "EHLO too.soon\r\n"));
  core.settle();
  EXPECT_TRUE(ours.early_bytes());
}

TEST_F(Streams, AddressesAreThoseOfThePairUntilAProxySaysOtherwise) {
  EXPECT_EQ(ours.peer().text(), "127.0.0.1:2");
  ours.set_addresses(*Endpoint::parse("192.0.2.1:3000"), *Endpoint::parse("192.0.2.2:25"));
  EXPECT_EQ(ours.peer().text(), "192.0.2.1:3000");
  EXPECT_EQ(ours.local().text(), "192.0.2.2:25");
}

// One busy stream lets others have the core.
TEST_F(Streams, AFloodedReaderLetsOthersRun) {
  auto flood = [](Stream& to) -> task<void> {
    const std::string block(1 << 20, 'x');
    for (;;) co_await to.write_view(block);
  };
  std::size_t octets = 0;
  int turns = 0;
  auto other = [](int& t) -> task<void> {
    for (; t < 100; ++t) co_await yield();
  };
  group.spawn(flood(peer));
  group.spawn(take_all(ours, octets));
  group.spawn(other(turns));
  for (int i = 0; i < 1000; ++i) core.step();
  EXPECT_EQ(turns, 100);
  group.cancel();
  core.settle();
}

}  // namespace
}  // namespace postroad::net
