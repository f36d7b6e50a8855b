#include <gmock/gmock.h>

#include "imapd/trial.h"

namespace postroad::imapd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string letter = "From: a@example.com\r\nTo: b@example.org\r\nSubject: One\r\n\r\nHello.\r\n";

}  // namespace

TEST(Imap, AUserSignsInReadsAndLeaves) {
  Office office;
  office.deliver(TwoPeople::alice, letter);
  Client client = office.connect();
  EXPECT_THAT(client.hear(), StartsWith("* OK [CAPABILITY IMAP4rev1 "));
  EXPECT_THAT(client.say("LOGIN alice@example.org postroad"), StartsWith("x OK [CAPABILITY IMAP4rev1 "));
  const std::string selected = client.say("SELECT INBOX");
  EXPECT_THAT(selected, HasSubstr("* 1 EXISTS\r\n"));
  EXPECT_THAT(selected, HasSubstr("* 1 RECENT\r\n"));
  EXPECT_THAT(selected, HasSubstr("[UNSEEN 1]"));
  EXPECT_THAT(selected, HasSubstr("[UIDNEXT 2]"));
  EXPECT_THAT(selected, HasSubstr("x OK [READ-WRITE]"));
  EXPECT_EQ(client.say("FETCH 1 (UID BODY.PEEK[])"), "* 1 FETCH (UID 1 BODY[] {" +
                                                         std::to_string(letter.size()) + "}\r\n" + letter +
                                                         ")\r\nx OK Fetched\r\n");
  EXPECT_EQ(
      client.say("STORE 1 +FLAGS (\\Flagged $Work)"),
      "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)\r\n"
      "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work \\*)] These are kept\r\n"
      "* 1 FETCH (FLAGS (\\Flagged \\Recent $Work))\r\nx OK Stored\r\n");
  EXPECT_EQ(client.say("LOGOUT"), "* BYE Until next time\r\nx OK You are logged out\r\n");
  EXPECT_TRUE(client.closed());
}

TEST(Imap, ReadingABodySetsSeenAndTellsIt) {
  Office office;
  office.deliver(TwoPeople::alice, letter);
  Client client = office.reader();
  EXPECT_EQ(client.say("FETCH 1 BODY[TEXT]"),
            "* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[TEXT] {8}\r\nHello.\r\n)\r\nx OK Fetched\r\n");
  EXPECT_EQ(client.say("FETCH 1 BODY[TEXT]<2.3>"),
            "* 1 FETCH (BODY[TEXT]<2> {3}\r\nllo)\r\nx OK Fetched\r\n");
  EXPECT_EQ(client.say("FETCH 1 BODY[TEXT]<90.3>"), "* 1 FETCH (BODY[TEXT]<90> {0}\r\n)\r\nx OK Fetched\r\n");
  EXPECT_EQ(client.say("FETCH 1 BODY[7]"), "* 1 FETCH (BODY[7] NIL)\r\nx OK Fetched\r\n");
  EXPECT_EQ(client.say("FETCH 1 BODY[HEADER.FIELDS (Subject)]"),
            "* 1 FETCH (BODY[HEADER.FIELDS (Subject)] {16}\r\nSubject: One\r\n\r\n)\r\nx OK Fetched\r\n");
}

TEST(Imap, EveryAnswerIsTheSameHoweverItsOctetsAreCut) {
  const auto dialogue = [](std::size_t piece) {
    Office office;
    office.deliver(TwoPeople::alice, letter);
    Client client = office.connect(config::TlsMode::Starttls, piece);
    std::string all = client.hear();
    all += client.say("LOGIN {17+}\r\nalice@example.org {8}");
    all += client.send("postroad\r\n");
    all += client.say("SELECT INBOX");
    all += client.say("FETCH 1 (FLAGS ENVELOPE BODYSTRUCTURE BODY[])");
    return all;
  };
  EXPECT_EQ(dialogue(1), dialogue(SIZE_MAX));
  EXPECT_THAT(dialogue(1), HasSubstr("x OK Fetched"));
}

TEST(Imap, NoPasswordIsTakenInTheClear) {
  Office office{config::Settings{}};
  Client client = office.connect();
  const std::string greeting = client.hear();
  EXPECT_THAT(greeting, HasSubstr("LOGINDISABLED"));
  EXPECT_THAT(greeting, HasSubstr("STARTTLS"));
  EXPECT_THAT(greeting, Not(HasSubstr("AUTH=")));
  EXPECT_THAT(client.say("LOGIN alice@example.org postroad"), StartsWith("x NO [PRIVACYREQUIRED]"));
  EXPECT_THAT(client.say("AUTHENTICATE PLAIN AGFsaWNlAHBvc3Ryb2Fk"), StartsWith("x NO [PRIVACYREQUIRED]"));
}

// durability.md, attack 5.
TEST(Imap, WhatWasSaidBehindStartTlsInTheClearIsNeverObeyed) {
  Office office;
  Client client = office.connect();
  client.hear();
  const std::string said = client.send("a STARTTLS\r\nb LOGIN alice@example.org postroad\r\n");
  EXPECT_THAT(said, HasSubstr("a BAD"));
  EXPECT_THAT(said, Not(HasSubstr("b OK")));
  EXPECT_TRUE(client.closed());
}

// Attack 76.
TEST(Imap, CommandsPipelinedBehindAFailedSignInAreNotObeyed) {
  Office office;
  Client client = office.connect();
  client.hear();
  const std::string said = client.send(
      "a AUTHENTICATE PLAIN\r\nAGFsaWNlQGV4YW1wbGUub3JnAHdyb25n\r\nb SELECT INBOX\r\nc AUTHENTICATE PLAIN "
      "AGFsaWNlQGV4YW1wbGUub3JnAHBvc3Ryb2Fk\r\nd SELECT INBOX\r\n");
  EXPECT_THAT(said, HasSubstr("a NO [AUTHENTICATIONFAILED]"));
  EXPECT_THAT(said, HasSubstr("b BAD"));
  EXPECT_THAT(said, HasSubstr("c OK [CAPABILITY"));
  EXPECT_THAT(said, HasSubstr("d OK [READ-WRITE]"));
}

// Attack 88.
TEST(Imap, ThreeWrongPasswordsEndTheConnection) {
  Office office;
  Client client = office.connect();
  client.hear();
  for (int n = 0; n < 3; ++n)
    EXPECT_THAT(client.say("LOGIN alice@example.org wrong"), HasSubstr("x NO [AUTHENTICATIONFAILED]"));
  EXPECT_TRUE(client.closed());
}

// Attack 73.
TEST(Imap, AStrangersLiteralIsNotTakenWhateverItsSize) {
  for (const std::string size : {"2147483647", "99999999999999999999"}) {
    Office office;
    Client client = office.connect();
    client.hear();
    EXPECT_THAT(client.send("a LOGIN {" + size + "}\r\n"), HasSubstr("a "));
    EXPECT_TRUE(client.closed());
  }
}

// Attack 93.
TEST(Imap, ABrowserIsToldNothing) {
  Office office;
  Client client = office.connect();
  client.hear();
  EXPECT_EQ(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "");
  EXPECT_TRUE(client.closed());
}

TEST(Imap, SessionsOfAnAccountAreCounted) {
  config::Settings settings = Office::cleartext();
  settings.limits.sessions_per_account = 2;
  Office office{settings};
  Client first = office.reader(), second = office.reader();
  Client third = office.connect();
  third.hear();
  EXPECT_THAT(third.say("LOGIN alice@example.org postroad"), StartsWith("x NO [LIMIT]"));
  first.say("LOGOUT");
  EXPECT_THAT(third.say("LOGIN alice@example.org postroad"), StartsWith("x OK"));
}

TEST(Imap, SilenceForHalfAnHourEndsTheSession) {
  Office office;
  Client client = office.reader();
  office.core.advance(std::chrono::minutes(29));
  EXPECT_EQ(client.hear(), "");
  EXPECT_THAT(client.say("NOOP"), HasSubstr("x OK"));
  office.core.advance(std::chrono::minutes(31));
  EXPECT_THAT(client.hear(), StartsWith("* BYE"));
  EXPECT_TRUE(client.closed());
}

TEST(Imap, HalfACommandIsNotWaitedForLongerThanAWholeOne) {
  Office office;
  Client client = office.reader();
  client.send("a SEARCH ");
  for (int n = 0; n < 31; ++n) {
    office.core.advance(std::chrono::minutes(1));
    if (n < 29) {
      EXPECT_EQ(client.send("x"), "");
    }
  }
  EXPECT_THAT(client.hear(), StartsWith("* BYE"));
}

TEST(Imap, AStopEndsHalfACommandAndAHalfSignIn) {
  for (const std::string_view half : {"a LOGIN {5}\r\n", "a LOGIN alice@exa", "a AUTHENTICATE PLAIN\r\n",
                                      "a AUTHENTICATE PLAIN\r\nAGFsaWNl"}) {
    Office office;
    Client client = office.connect();
    client.hear();
    client.send(half);
    EXPECT_FALSE(client.closed());
    office.stopping.latch();
    EXPECT_THAT(client.hear(), HasSubstr("* BYE [UNAVAILABLE] The server is being stopped")) << half;
    EXPECT_TRUE(client.closed());
  }
}

TEST(Imap, AStopWaitsForAMessageThatIsUnderWay) {
  Office office;
  Client client = office.reader();
  EXPECT_EQ(client.send("a APPEND INBOX {14+}\r\nSubject"), "");
  office.stopping.latch();
  EXPECT_EQ(client.hear(), "");
  const std::string heard = client.send(": x\r\n\r\n\r\n");
  EXPECT_THAT(heard, HasSubstr("a OK [APPENDUID"));
  EXPECT_THAT(heard, HasSubstr("* BYE [UNAVAILABLE]"));
}

TEST(Imap, WhoGuessesPasswordsIsCountedWithTheConfiguredNeighbourhood) {
  auto settings = Office::cleartext();
  settings.limits.prefix_v4 = 16;
  Office office(settings);
  Client client = office.connect();
  client.hear();
  client.say("LOGIN alice@example.org guess");
  EXPECT_EQ(office.directory.network, "127.0.0.0/16");
  client.say("AUTHENTICATE PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHg=");
  EXPECT_EQ(office.directory.network, "127.0.0.0/16");
}

TEST(Imap, AStrangerMustSignInSoon) {
  Office office;
  Client client = office.connect();
  client.hear();
  office.core.advance(std::chrono::seconds(50));
  client.say("NOOP");
  office.core.advance(std::chrono::seconds(20));
  EXPECT_THAT(client.hear(), StartsWith("* BYE"));
}

}  // namespace postroad::imapd
