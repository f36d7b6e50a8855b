#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "egress/pacing.h"

namespace postroad::egress {
namespace {

TEST(Providers, TheFileOfTheProductHasNoFindings) {
  const auto found = lint(Providers::built_in());
  EXPECT_TRUE(found.empty()) << found.front();
}

TEST(Providers, EveryLineIsReachedByTheHostsItNames) {
  for (const Provider& one : Providers::built_in().all())
    for (const std::string& host : one.hosts) {
      EXPECT_EQ(Providers::built_in().of(host).name, one.name);
      EXPECT_EQ(Providers::built_in().of("mx1." + host).name, one.name);
      EXPECT_EQ(Providers::built_in().of("not" + host).name == one.name, false) << host;
    }
}

TEST(Providers, ThoseOfLargeProvidersAreKnownByTheirMailExchangers) {
  const Providers& all = Providers::built_in();
  EXPECT_EQ(all.of("gmail-smtp-in.l.google.com").name, "google");
  EXPECT_EQ(all.of("aspmx2.googlemail.com").name, "google");
  EXPECT_EQ(all.of("mta5.am0.yahoodns.net").name, "yahoo");
  EXPECT_EQ(all.of("outlook-com.olc.protection.outlook.com").name, "outlook-consumer");
  EXPECT_EQ(all.of("contoso-com.mail.protection.outlook.com").name, "office365");
  EXPECT_EQ(all.of("contoso-com.a-v1.mx.microsoft").name, "office365-dane");
  EXPECT_EQ(all.of("mx01.mail.icloud.com").name, "icloud");
  EXPECT_EQ(all.of("mx.small.example").name, "default");
  EXPECT_EQ(all.of("").name, "default");
}

TEST(Providers, WhatIsWrongIsSaidWithItsLine) {
  const auto fault = [](std::string_view text) {
    const auto read = Providers::parse(text);
    return read ? std::string() : std::to_string(read.error().line) + " " + read.error().text;
  };
  EXPECT_EQ(fault("# a\ndefault 1 2 -\nx 5 5 - x.example"), "");
  EXPECT_TRUE(fault("").starts_with("0 there is no default"));
  EXPECT_TRUE(fault("x 5 5 - x.example").starts_with("1 the first line is the default"));
  EXPECT_TRUE(fault("default 1 2 -\nx 5 5 -").starts_with("2 a provider needs hosts"));
  EXPECT_TRUE(fault("default 1 2 -\nx 0 5 - a.b").starts_with("2 \"0\" is no number of connections"));
  EXPECT_TRUE(fault("default 1 2 -\nx 5 99999999999 - a.b").starts_with("2 \"99999999999\" is no number"));
  EXPECT_TRUE(fault("default 1 2 -\nx 5 5 0 a.b").starts_with("2 \"0\" is no rate"));
  EXPECT_TRUE(fault("default 1 2 -\nx 5 5").starts_with("2 a line is"));
  EXPECT_TRUE(fault("default 1 2 -\nx 5 5 - x.example.").starts_with("2 \"x.example.\" is no end"));
  EXPECT_TRUE(fault("default 1 2 -\nx 5 5 - X.example").starts_with("2 \"X.example\" is no end"));
  EXPECT_TRUE(fault("default 1 2 -\nx 5 5 - a.b\ny 5 5 - a.b").starts_with("3 \"a.b\" stands in an earlier"));
}

TEST(Providers, TheLinterFindsWhatCanBeReadAndCannotBeMeant) {
  const auto findings = [](std::string_view text) { return lint(*Providers::parse(text)).size(); };
  EXPECT_EQ(findings("default 1 2 -\nx 5 5 - x.example"), 0u);
  EXPECT_EQ(findings("default 1 2 -\nx 5 5 - x.example\nx 5 5 - y.example"), 1u);     // a name twice
  EXPECT_EQ(findings("default 1 2 -\nx 5 5 - x.example a.x.example"), 1u);            // one within the other
  EXPECT_EQ(findings("default 1 2 -\nx 5 5 - x.example\ny 5 5 - mx.x.example"), 1u);  // taken away
  EXPECT_EQ(findings("default 1 2 -\nx 5 5 - com"), 1u);
  EXPECT_EQ(findings("default 1 2 -\nx 5000 5 - x.example"), 1u);
  EXPECT_EQ(findings("default 1 2 -\nx 100 5 1 x.example"), 1u);
}

class PaceTest : public ::testing::Test {
 protected:
  Instant now() { return clock.instant(); }
  Pace pace(Limits limits) { return Pace(limits, {}); }
  // How many can be opened now.
  int fill(Pace& pace) {
    int n = 0;
    while (pace.may_open(now()).yes) pace.opened(), ++n;
    return n;
  }
  ManualClock clock;
};

TEST_F(PaceTest, ConnectionsGrowWithSuccessUpToWhatTheProviderBears) {
  Pace p = pace({.connections = 10});
  EXPECT_EQ(fill(p), 3);
  for (int i = 0; i < 3; ++i) p.connected();
  p.delivered();
  EXPECT_EQ(fill(p), 1);
  for (int i = 0; i < 100; ++i) p.delivered();
  fill(p);
  EXPECT_EQ(p.open(), 10u);
}

TEST_F(PaceTest, SlowDownHalvesThemOnceHoweverManyAreTold) {
  Pace p = pace({.connections = 16});
  for (int i = 0; i < 100; ++i) p.delivered();
  EXPECT_EQ(fill(p), 16);
  for (int i = 0; i < 16; ++i) p.connected();
  for (int i = 0; i < 16; ++i) p.told(Feedback::Slowed, now());
  EXPECT_EQ(p.allowed(), 8u);
  for (int i = 0; i < 16; ++i) p.closed(true);
  EXPECT_EQ(p.may_open(now()).when, now() + 5s);
  clock.advance(5s);
  EXPECT_EQ(fill(p), 8);
  for (int i = 0; i < 8; ++i) p.delivered();  // growth is slow from now on: a round brings one
  EXPECT_EQ(p.allowed(), 8u);
  for (int i = 0; i < 10; ++i) p.delivered();
  EXPECT_EQ(p.allowed(), 10u);
}

TEST_F(PaceTest, WhereNobodyAnswersAllWaitAndThenOneTries) {
  Pace p = pace({.connections = 10});
  EXPECT_EQ(fill(p), 3);
  for (int i = 0; i < 3; ++i) p.told(Feedback::NoAnswer, now()), p.closed(false);
  EXPECT_EQ(p.failures(), 1u);  // three tried at the same time
  EXPECT_EQ(p.may_open(now()).when, now() + 1min);
  for (const auto wait : {2min, 4min, 8min, 16min, 30min, 30min}) {
    clock.advance(p.waits_until() - now());
    EXPECT_EQ(fill(p), 1);
    p.told(Feedback::NoAnswer, now()), p.closed(false);
    EXPECT_EQ(p.may_open(now()).when, now() + wait);
  }
  clock.advance(30min);
  EXPECT_EQ(fill(p), 1);
  p.connected();
  EXPECT_EQ(fill(p), 2);
}

TEST_F(PaceTest, ARefusedConnectionBesideOthersMeansItIsFullNotDead) {
  Pace p = pace({.connections = 10});
  for (int i = 0; i < 10; ++i) p.delivered();
  EXPECT_EQ(fill(p), 10);
  for (int i = 0; i < 4; ++i) p.connected();
  p.told(Feedback::NoAnswer, now()), p.closed(false);
  EXPECT_EQ(p.failures(), 0u);
  EXPECT_EQ(p.allowed(), 4u);
}

TEST_F(PaceTest, BlockedWaitsLongAndBeginsWithOne) {
  Pace p = pace({.connections = 10});
  fill(p);
  p.connected();
  p.told(Feedback::Blocked, now());
  for (int i = 0; i < 3; ++i) p.closed(i == 0);
  EXPECT_EQ(p.may_open(now()).when, now() + 15min);
  clock.advance(15min);
  EXPECT_EQ(fill(p), 1);
  p.connected();
  EXPECT_EQ(p.allowed(), 1u);
}

TEST_F(PaceTest, TheRateIsKeptAndAnIdleHourIsNotMadeUpFor) {
  Pace p = pace({.connections = 10, .per_second = 10});
  clock.advance(1h);
  Instant last = now();
  int at_once = 0;
  for (int i = 0; i < 110; ++i) {
    last = p.take_turn(now());
    at_once += last == now();
  }
  EXPECT_EQ(at_once, 10);
  EXPECT_EQ(last, now() + 10s);
}

struct Listener final : Asker {
  void may_ask(const std::string& site) override { heard.push_back(site); }
  std::vector<std::string> heard;
};

class PacingTest : public ::testing::Test {
 protected:
  ManualClock clock;
  Pacing pacing{clock};
  Listener listener;
  std::variant<Permit, Wait, Full> ask(const std::string& site, std::string_view host = "mx.small.example") {
    return pacing.ask(site, host, listener);
  }
};

TEST_F(PacingTest, WhoFindsItFullHearsWhenOneHasEnded) {
  std::vector<Permit> held;
  for (int i = 0; i < 3; ++i) held.push_back(std::get<Permit>(ask("a")));
  EXPECT_TRUE(std::holds_alternative<Full>(ask("a")));
  EXPECT_TRUE(std::holds_alternative<Full>(ask("a")));
  EXPECT_TRUE(std::holds_alternative<Permit>(ask("b")));  // another site is another matter
  EXPECT_TRUE(listener.heard.empty());
  held.pop_back();
  EXPECT_EQ(listener.heard, std::vector<std::string>{"a"});
  EXPECT_TRUE(std::holds_alternative<Permit>(ask("a")));
}

TEST_F(PacingTest, WhoFindsItFullHearsWhenItGrows) {
  std::vector<Permit> held;
  for (int i = 0; i < 3; ++i) held.push_back(std::get<Permit>(ask("a")));
  EXPECT_TRUE(std::holds_alternative<Full>(ask("a")));
  held[0].connected();
  held[0].delivered();
  EXPECT_EQ(listener.heard, std::vector<std::string>{"a"});
}

TEST_F(PacingTest, LimitsAreThoseOfTheProvider) {
  std::vector<Permit> held;
  for (;;) {
    auto answer = ask("google", "aspmx.l.google.com");
    if (!std::holds_alternative<Permit>(answer)) break;
    held.push_back(std::move(std::get<Permit>(answer)));
    held.back().connected(), held.back().delivered(), held.back().delivered();
    EXPECT_EQ(held.back().messages_left(), 50u);
  }
  EXPECT_EQ(held.size(), 5u);
  held[0].take_turn();
  EXPECT_EQ(held[0].messages_left(), 49u);
  held[0].told(Feedback::Slowed);
  EXPECT_EQ(held[0].messages_left(), 0u);
}

TEST_F(PacingTest, AnAdministratorMayHaveItTriedAtOnce) {
  {
    auto answer = ask("a");
    std::get<Permit>(answer).told(Feedback::NoAnswer);
  }
  EXPECT_TRUE(std::holds_alternative<Wait>(ask("a")));
  ASSERT_EQ(pacing.troubled().size(), 1u);
  EXPECT_EQ(pacing.troubled()[0].site, "a");
  pacing.forget_trouble("a");
  EXPECT_TRUE(std::holds_alternative<Permit>(ask("a")));
}

TEST_F(PacingTest, MemoryIsBoundedByForgettingTheIdle) {
  Pacing small(clock, Providers::built_in(), {}, 10, 160);
  auto kept = small.ask("dead", "", listener);
  std::get<Permit>(kept).told(Feedback::NoAnswer);
  for (int i = 0; i < 10'000; ++i) small.ask(std::to_string(i), "", listener);
  EXPECT_LE(small.sites(), 161u);
  EXPECT_EQ(small.state("dead").failures, 1u);
}

// An asker for all threads.
struct Nobody final : Asker {
  void may_ask(const std::string&) override {}
};

TEST_F(PacingTest, AllCoresTogetherStayWithinALimit) {
  std::atomic<int> open{0}, most{0};
  Nobody nobody;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        auto answer = pacing.ask("google", "aspmx.l.google.com", nobody);
        auto* permit = std::get_if<Permit>(&answer);
        if (!permit) continue;
        const int now_open = ++open;
        for (int seen = most; seen < now_open && !most.compare_exchange_weak(seen, now_open);) {
        }
        permit->connected(), permit->delivered();
        --open;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 5);
  EXPECT_EQ(pacing.state("google").open, 0u);
}

}  // namespace
}  // namespace postroad::egress
