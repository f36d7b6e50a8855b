#include "delivery/server_testing.h"

namespace postroad::delivery::testing {
namespace {

TEST_F(CourierTest, TheBestMxGetsTheMessageWithItsDotsStuffed) {
  wires_.hosts["192.0.2.1"] = {};
  wires_.hosts["192.0.2.2"] = {};
  const Attempt attempt = carry({"bob@a.example"});
  ASSERT_EQ(attempt.outcomes.size(), 1u);
  EXPECT_EQ(attempt.outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(attempt.contact.host, "mx1.a.example");
  ASSERT_EQ(wires_.sink.messages.size(), 1u);
  EXPECT_EQ(wires_.sink.messages[0], "Received: here\r\nSubject: x\r\n\r\n..dot\r\nbody\r\n");
}

TEST_F(CourierTest, OneOctetAtATimeIsTheSameConversation) {
  wires_.hosts["192.0.2.1"] = {};
  wires_.piece = 1;
  EXPECT_EQ(carry({"bob@a.example"}).outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(wires_.sink.messages.size(), 1u);
}

TEST_F(CourierTest, WhenTheBestDoesNotAnswerTheNextIsTried) {
  wires_.hosts["192.0.2.2"] = {};
  EXPECT_EQ(carry({"bob@a.example"}).outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(wires_.tried, (std::vector<std::string>{"192.0.2.1", "192.0.2.2"}));
}

TEST_F(CourierTest, WhereAHostRefusesEverybodyForItsOwnTroubleTheNextIsAsked) {
  for (Script first : {Script{.mail = "451 4.3.2 going down\r\n"}, Script{.data = "451 4.3.0 trouble\r\n"},
                       Script{.mail = "close"}, Script{.dot = "452 4.3.1 disk is full\r\n"}}) {
    wires_.tried.clear(), wires_.sink.messages.clear();
    wires_.hosts["192.0.2.1"] = first;
    wires_.hosts["192.0.2.2"] = {};
    const Attempt attempt = carry({"a@a.example", "b@a.example"});
    EXPECT_EQ(attempt.outcomes[0].fate, Fate::Delivered) << first.mail << first.data << first.dot;
    EXPECT_EQ(attempt.outcomes[1].fate, Fate::Delivered);
    EXPECT_EQ(attempt.contact.host, "mx2.a.example");
    EXPECT_EQ(wires_.tried, (std::vector<std::string>{"192.0.2.1", "192.0.2.2"}));
  }
}

TEST_F(CourierTest, NoOtherHostIsAskedWhereItWouldNotHelpOrMightDouble) {
  wires_.hosts["192.0.2.2"] = {};
  for (Script first :
       {Script{.rcpt = {{"a@a.example", "452 4.2.2 mailbox is full\r\n"}}, .data = "554 5.5.1 nobody\r\n"},
        Script{.mail = "421 4.7.0 too many messages, slow down\r\n"}, Script{.dot = "close"}}) {
    wires_.tried.clear();
    wires_.hosts["192.0.2.1"] = first;
    EXPECT_EQ(carry({"a@a.example"}).outcomes[0].fate, Fate::Deferred);
    EXPECT_EQ(wires_.tried, std::vector<std::string>{"192.0.2.1"}) << first.mail << first.dot;
  }
}

TEST_F(CourierTest, EachRecipientHasHisOwnOutcome) {
  Script& script = wires_.hosts["192.0.2.1"] = {};
  script.rcpt["no@a.example"] = "550 5.1.1 nobody\r\n";
  script.rcpt["later@a.example"] = "450 4.2.1 later\r\n";
  const Attempt attempt = carry({"bob@a.example", "no@a.example", "later@a.example"});
  EXPECT_EQ(attempt.outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(attempt.outcomes[1].fate, Fate::Failed);
  EXPECT_EQ(attempt.outcomes[1].reply.status.text(), "5.1.1");
  EXPECT_EQ(attempt.outcomes[2].fate, Fate::Deferred);
  EXPECT_EQ(wires_.sink.messages.size(), 1u);
}

TEST_F(CourierTest, NoMessageIsSentWhenNobodyIsAccepted) {
  for (const char* data : {"554 5.5.1 nobody\r\n", "354 go\r\n"}) {  // the latter gets a lone dot
    wires_.hosts["192.0.2.1"] = {.rcpt = {{"no@a.example", "550 5.1.1 nobody\r\n"}}, .data = data};
    EXPECT_EQ(carry({"no@a.example"}).outcomes[0].reply.status.text(), "5.1.1");
  }
  EXPECT_EQ(wires_.sink.messages, std::vector<std::string>{""});
}

TEST_F(CourierTest, ARefusalOfTheWholeMessageIsEverybodys) {
  wires_.hosts["192.0.2.1"] = {.dot = "554 5.7.1 spam\r\n"};
  for (const Outcome& outcome : carry({"a@a.example", "b@a.example"}).outcomes)
    EXPECT_EQ(outcome.fate, Fate::Failed);
}

TEST_F(CourierTest, AConnectionLostAfterTheDotIsUnknownAndTriedAgain) {
  wires_.hosts["192.0.2.1"] = {.dot = "close"};
  const Attempt attempt = carry({"bob@a.example"});
  EXPECT_EQ(attempt.outcomes[0].fate, Fate::Deferred);
}

TEST_F(CourierTest, WithoutMxTheDomainIsItsOwn) {
  names_.addresses["b.example"] = {ip("192.0.2.9")};
  wires_.hosts["192.0.2.9"] = {};
  EXPECT_EQ(carry({"x@b.example"}, "b.example").outcomes[0].fate, Fate::Delivered);
}

TEST_F(CourierTest, WhatTheDnsSaysDecidesBetweenLaterAndNever) {
  EXPECT_EQ(carry({"x@none.example"}, "none.example").outcomes[0].cause, Cause::NoSuchDomain);
  names_.mx["null.example"] = {{0, ""}};
  const Outcome null_mx = carry({"x@null.example"}, "null.example").outcomes[0];
  EXPECT_EQ(null_mx.fate, Fate::Failed);
  EXPECT_EQ(null_mx.reply.status.text(), "5.1.10");
  names_.errors["slow.example"] = dns::Error::TimedOut;
  const Outcome slow = carry({"x@slow.example"}, "slow.example").outcomes[0];
  EXPECT_EQ(slow.fate, Fate::Deferred);
  EXPECT_EQ(slow.reply.status.text(), "4.4.3");
}

TEST_F(CourierTest, MailIsNeverSentToOurselvesOrInside) {
  options_.allow_private_networks = false;
  for (const char* inside : {"127.0.0.1", "::1", "0.0.0.0", "169.254.1.1", "10.0.0.1", "::ffff:127.0.0.1"}) {
    names_.addresses["mx1.a.example"] = {ip(inside)};
    names_.addresses["mx2.a.example"] = {ip(inside)};
    EXPECT_EQ(carry({"x@a.example"}).outcomes[0].fate, Fate::Failed) << inside;
  }
  names_.mx["loop.example"] = {{10, "mail.here.example"}};
  EXPECT_EQ(carry({"x@loop.example"}, "loop.example").outcomes[0].cause, Cause::Loops);
  EXPECT_TRUE(wires_.tried.empty());
}

TEST_F(CourierTest, GarbageIsDeferredNotBelieved) {
  for (const char* greeting : {"HTTP/1.1 400 Bad Request\r\n", "\r\n", "220", "999 x\r\n"}) {
    wires_.hosts["192.0.2.1"] = {.greeting = greeting};
    wires_.hosts["192.0.2.2"] = {.greeting = greeting};
    EXPECT_EQ(carry({"x@a.example"}).outcomes[0].fate, Fate::Deferred) << greeting;
  }
}

TEST_F(CourierTest, AnInternationalAddressNeedsAServerThatTakesIt) {
  wires_.hosts["192.0.2.1"] = {};
  const Outcome no = carry({"пётр@a.example"}).outcomes[0];
  EXPECT_EQ(no.fate, Fate::Failed);
  EXPECT_EQ(no.cause, Cause::NotConvertible);
  wires_.hosts["192.0.2.1"].ehlo = "250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n";
  EXPECT_EQ(carry({"пётр@a.example"}).outcomes[0].fate, Fate::Delivered);
}

}  // namespace
}  // namespace postroad::delivery::testing
