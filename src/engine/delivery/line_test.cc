#include "delivery/server_testing.h"

namespace postroad::delivery::testing {
namespace {

constexpr std::string_view plain_ehlo = "250-mx\r\n250 8BITMIME\r\n";
constexpr std::string_view chunking_ehlo = "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n";

std::vector<std::string> people(std::size_t n) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back("u" + std::to_string(i) + "@a.example");
  return out;
}

TEST_F(CourierTest, ALineCarriesOneMessageAfterAnother) {
  wires_.hosts["192.0.2.1"] = {};
  auto line = open();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(carry(*line, {"bob@a.example"}).outcomes[0].fate, Fate::Delivered);
    EXPECT_TRUE(line->usable());
  }
  core_.run(line->quit());
  EXPECT_EQ(wires_.tried.size(), 1u);
  EXPECT_EQ(said("EHLO"), 1u);
  EXPECT_EQ(said("QUIT"), 1u);
  EXPECT_EQ(wires_.sink.messages.size(), 3u);
}

TEST_F(CourierTest, WithPipeliningTheEnvelopeIsOneGroupAndTheMessageAnother) {
  wires_.hosts["192.0.2.1"] = {};
  auto line = open();
  wires_.sink.groups = 0;
  EXPECT_EQ(carry(*line, people(5)).outcomes[4].fate, Fate::Delivered);
  EXPECT_EQ(
      wires_.sink.commands,
      (std::vector<std::string>{"EHLO mail.here.example", "MAIL FROM:<me@here.example> SIZE=42",
                                "RCPT TO:<u0@a.example>", "RCPT TO:<u1@a.example>", "RCPT TO:<u2@a.example>",
                                "RCPT TO:<u3@a.example>", "RCPT TO:<u4@a.example>", "DATA"}));
  EXPECT_EQ(wires_.sink.groups, 1u);  // the message itself is not counted: the server reads it in DATA
}

TEST_F(CourierTest, WithChunkingASmallMessageGoesInOneWrite) {
  wires_.hosts["192.0.2.1"] = {.ehlo = std::string(chunking_ehlo)};
  auto line = open();
  wires_.sink.groups = 0;
  EXPECT_EQ(carry(*line, people(3)).outcomes[2].fate, Fate::Delivered);
  EXPECT_EQ(wires_.sink.groups, 1u);
  // Nothing is stuffed in BDAT (RFC 3030 §2).
  EXPECT_EQ(wires_.sink.messages[0], "Received: here\r\nSubject: x\r\n\r\n.dot\r\nbody\r\n");
  // A second one after nobody was accepted: the transaction that stayed open is taken back first.
  wires_.hosts["192.0.2.1"].rcpt["u0@a.example"] = "550 5.1.1 no\r\n";
  line = open();
  EXPECT_EQ(carry(*line, people(1)).outcomes[0].reply.status.text(), "5.1.1");
  EXPECT_EQ(carry(*line, {"other@a.example"}).outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(said("RSET"), 1u);
}

TEST_F(CourierTest, WithoutPipeliningEachCommandWaitsForItsAnswer) {
  wires_.hosts["192.0.2.1"] = {.ehlo = std::string(plain_ehlo),
                               .rcpt = {{"u1@a.example", "550 5.1.1 no\r\n"}}};
  const Attempt attempt = carry(people(3));
  EXPECT_EQ(attempt.outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(attempt.outcomes[1].fate, Fate::Failed);
  EXPECT_EQ(attempt.outcomes[2].fate, Fate::Delivered);
  EXPECT_EQ(wires_.sink.groups, wires_.sink.commands.size());
  // And nobody is asked for when the sender is refused.
  wires_.sink = {};
  wires_.hosts["192.0.2.1"].mail = "550 5.7.1 not you\r\n";
  EXPECT_EQ(carry(people(2)).outcomes[1].fate, Fate::Failed);
  EXPECT_EQ(said("RCPT"), 0u);
}

TEST_F(CourierTest, RecipientsAServerHasTooManyOfGoInTheNextTransaction) {
  for (const char* words : {"452 4.5.3 too many recipients\r\n", "452 too many\r\n", "552 too many\r\n"}) {
    wires_.sink = {};
    wires_.hosts["192.0.2.1"] = {.most_recipients = 3, .too_many = words};
    for (const Outcome& outcome : carry(people(8)).outcomes)
      EXPECT_EQ(outcome.fate, Fate::Delivered) << words;
    ASSERT_EQ(wires_.sink.recipients.size(), 3u);
    EXPECT_EQ(wires_.sink.recipients[0].size(), 3u);
    EXPECT_EQ(wires_.sink.recipients[2].size(), 2u);
    // Having learned, it asks for three at a time.
    EXPECT_EQ(said("RCPT"), 8u + 3u + 2u);
    EXPECT_EQ(wires_.tried.size(), 1u);
    wires_.tried.clear();
  }
}

TEST_F(CourierTest, AFullMailboxIsNotTooManyRecipients) {
  wires_.hosts["192.0.2.1"] = {.rcpt = {{"u1@a.example", "452 4.2.2 full\r\n"}}};
  const Attempt attempt = carry(people(2));
  EXPECT_EQ(attempt.outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(attempt.outcomes[1].fate, Fate::Deferred);
  EXPECT_EQ(attempt.outcomes[1].reply.status.text(), "4.2.2");
  EXPECT_EQ(wires_.sink.messages.size(), 1u);
}

TEST_F(CourierTest, TheLimitsAServerTellsAreKept) {  // RFC 9422
  wires_.hosts["192.0.2.1"] = {.ehlo = "250-mx\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=2 MAILMAX=2\r\n",
                               .most_recipients = 2};
  auto line = open();
  const Attempt attempt = carry(*line, people(5));
  EXPECT_EQ(wires_.sink.messages.size(), 2u);
  EXPECT_EQ(attempt.outcomes[3].fate, Fate::Delivered);
  EXPECT_EQ(attempt.outcomes[4].cause, Cause::NotTried);
  EXPECT_FALSE(line->usable());
  EXPECT_EQ(said("RCPT"), 4u);
  // carry() of the courier takes another line for the fifth.
  for (const Outcome& outcome : carry(people(5)).outcomes) EXPECT_EQ(outcome.fate, Fate::Delivered);
}

TEST_F(CourierTest, AServerThatHasHadEnoughOfALineSaysNothingOfTheMessage) {
  wires_.hosts["192.0.2.1"] = {.most_messages = 1};
  auto line = open();
  EXPECT_EQ(carry(*line, people(1)).outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(carry(*line, people(1)).outcomes[0].cause, Cause::NotTried);
  EXPECT_FALSE(line->usable());
}

TEST_F(CourierTest, A421InTheMiddleOfTheEnvelopeIsEverybodysWhoWasNotRefused) {
  names_.mx["a.example"] = {{10, "mx1.a.example"}};
  for (const std::string_view ehlo : {plain_ehlo, std::string_view("250-mx\r\n250 PIPELINING\r\n")}) {
    wires_.hosts["192.0.2.1"] = {
        .ehlo = std::string(ehlo),
        .rcpt = {{"u1@a.example", "550 5.1.1 no\r\n"}, {"u2@a.example", "421 4.3.2 going down\r\n"}}};
    const Attempt attempt = carry(people(4));
    EXPECT_EQ(attempt.outcomes[0].reply.code, 421);
    EXPECT_EQ(attempt.outcomes[1].reply.code, 550);
    EXPECT_EQ(attempt.outcomes[2].reply.code, 421);
    EXPECT_EQ(attempt.outcomes[3].reply.code, 421);
    EXPECT_EQ(attempt.outcomes[3].fate, Fate::Deferred);
  }
  EXPECT_TRUE(wires_.sink.messages.empty());
}

TEST_F(CourierTest, ALineThatWasClosedWhileIdleSaysNothingOfTheMessage) {
  wires_.hosts["192.0.2.1"] = {};
  auto line = open();
  EXPECT_EQ(carry(*line, people(1)).outcomes[0].fate, Fate::Delivered);
  group_.cancel();
  core_.settle();
  EXPECT_EQ(carry(*line, people(1)).outcomes[0].cause, Cause::NotTried);
  EXPECT_FALSE(line->usable());
}

TEST_F(CourierTest, ALargeMessageIsStreamedAndArrivesWhole) {
  std::string text = "Subject: large\r\n\r\n";
  while (text.size() < 300'000) text += ".line " + std::to_string(text.size()) + "\r\n";
  content(text);
  for (const char* ehlo : {"250-mx\r\n250 PIPELINING\r\n", "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"}) {
    wires_.sink = {};
    wires_.hosts["192.0.2.1"] = {.ehlo = ehlo};
    EXPECT_EQ(carry(people(1)).outcomes[0].fate, Fate::Delivered);
    std::string stuffed = "Received: here\r\n" + text;
    for (std::size_t at = 0; (at = stuffed.find("\r\n.", at)) != std::string::npos; at += 4)
      stuffed.insert(at + 2, ".");
    EXPECT_TRUE(wires_.sink.messages.at(0) == stuffed);
  }
}

TEST_F(CourierTest, NoBareCrOrLfLeavesUs) {  // attack 3
  content("Subject: x\r\n\r\nx\r.\r\nMAIL FROM:<a@b>\n.\n\r\n.\r\ny\r");
  for (const char* ehlo : {"250-mx\r\n250 PIPELINING\r\n", "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"}) {
    wires_.sink = {};
    wires_.hosts["192.0.2.1"] = {.ehlo = ehlo};
    EXPECT_EQ(carry(people(1)).outcomes[0].fate, Fate::Delivered);
    ASSERT_EQ(wires_.sink.messages.size(), 1u);
    EXPECT_EQ(said("MAIL"), 1u);
    const std::string& got = wires_.sink.messages[0];
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i] == '\r', i + 1 < got.size() && got[i + 1] == '\n');
      EXPECT_EQ(got[i] == '\n', i > 0 && got[i - 1] == '\r');
    }
  }
}

TEST_F(CourierTest, WhatIsForwardedSaysForWhomAndNeverTwice) {  // RFC 9228, attack 64
  wires_.hosts["192.0.2.1"] = {};
  auto line = open();
  auto list = steps({"x@a.example", "y@a.example", "plain@a.example", "z@a.example"});
  list[0].given.address = list[1].given.address = address("team@here.example");
  list[3].given.address = address("other@here.example");
  auto attempt = core_.run(line->carry(message_, list));
  for (const Outcome& outcome : attempt.outcomes) EXPECT_EQ(outcome.fate, Fate::Delivered);
  ASSERT_EQ(wires_.sink.messages.size(), 3u);
  EXPECT_TRUE(wires_.sink.messages[0].starts_with("Delivered-To: team@here.example\r\nReceived: here\r\n"));
  EXPECT_EQ(wires_.sink.recipients[0], (std::vector<std::string>{"x@a.example", "y@a.example"}));
  EXPECT_TRUE(wires_.sink.messages[1].starts_with("Received: here\r\n"));
  EXPECT_TRUE(wires_.sink.messages[2].starts_with("Delivered-To: other@here.example\r\n"));
  // It comes back to us, and is not sent around once more.
  content("Delivered-To: TEAM@here.example\r\nSubject: x\r\n\r\nhello\r\n");
  attempt = core_.run(line->carry(message_, list));
  EXPECT_EQ(attempt.outcomes[0].reply.status.text(), "5.4.6");
  EXPECT_EQ(attempt.outcomes[1].cause, Cause::Loops);
  EXPECT_EQ(attempt.outcomes[2].fate, Fate::Delivered);
  EXPECT_EQ(attempt.outcomes[3].fate, Fate::Delivered);
}

TEST_F(CourierTest, EightBitMailIsConvertedForAServerThatHasNone) {  // RFC 6152 §3
  content(
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
      "8bit\r\n\r\nletter ä\r\n");
  message_.envelope.body = Body::EightBitMime;
  wires_.hosts["192.0.2.1"] = {};
  EXPECT_EQ(carry(people(1)).outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(wires_.sink.messages[0],
            "Received: here\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\nletter =C3=A4\r\n");
  EXPECT_EQ(wires_.sink.commands[1].find("BODY="), std::string::npos);
  wires_.hosts["192.0.2.1"].ehlo = "250-mx\r\n250 8BITMIME\r\n";
  EXPECT_EQ(carry(people(1)).outcomes[0].fate, Fate::Delivered);
  EXPECT_TRUE(wires_.sink.messages[1].ends_with("8bit\r\n\r\nletter ä\r\n"));
  // What cannot be converted is returned, and nothing of it is said.
  wires_.sink = {};
  content(
      "MIME-Version: 1.0\r\nContent-Type: message/partial\r\nContent-Transfer-Encoding: 8bit\r\n\r\nä\r\n");
  wires_.hosts["192.0.2.1"] = {};
  const Outcome no = carry(people(1)).outcomes[0];
  EXPECT_EQ(no.fate, Fate::Failed);
  EXPECT_EQ(no.reply.status.text(), "5.6.3");
  EXPECT_EQ(said("MAIL"), 0u);
}

TEST_F(CourierTest, LmtpAnswersForEachRecipient) {  // RFC 2033 §4.2
  wires_.hosts["192.0.2.1"] = {.rcpt = {{"u1@a.example", "550 5.1.1 no\r\n"}},
                               .dots = {"250 2.1.5 kept\r\n", "452 4.2.2 full\r\n", "250 2.1.5 kept\r\n"},
                               .lmtp = true};
  make_courier();
  auto route = std::make_shared<Route>(**core_.run(courier_->router().find("a.example")));
  route->kind = NextHop::Lmtp;
  auto line = core_.run(courier_->open(route));
  ASSERT_TRUE(line.has_value());
  const auto attempt = carry(**line, people(4));
  EXPECT_EQ(attempt.outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(attempt.outcomes[1].fate, Fate::Failed);
  EXPECT_EQ(attempt.outcomes[2].fate, Fate::Deferred);
  EXPECT_EQ(attempt.outcomes[3].fate, Fate::Delivered);
  EXPECT_EQ(said("LHLO"), 1u);
  EXPECT_TRUE((*line)->usable());
}

TEST_F(CourierTest, WhatIsTooLargeIsNotEvenTried) {
  wires_.hosts["192.0.2.1"] = {.ehlo = "250-mx\r\n250 SIZE 10\r\n"};
  EXPECT_EQ(carry(people(1)).outcomes[0].cause, Cause::TooBig);
  EXPECT_EQ(said("MAIL"), 0u);
}

// Attack 29, and what else is no SMTP: at every step the mail is kept, and nothing of it is believed.
TEST_F(CourierTest, OddRepliesAreDeferredAtEveryStep) {
  const std::string endless = [] {
    std::string out;
    while (out.size() < 100'000) out += "250-more\r\n";
    return out;
  }();
  const std::vector<std::string> garbage{"close",
                                         "HTTP/1.1 200 OK\r\n",
                                         "2\r\n",
                                         "100 wait\r\n",
                                         "25O ok\r\n",
                                         "250-a\r\n251 b\r\n",
                                         "\r\n",
                                         endless,
                                         std::string("\0\0\0\r\n", 5)};
  for (const std::string& odd : garbage) {
    for (std::string Script::* step :
         {&Script::greeting, &Script::ehlo, &Script::mail, &Script::data, &Script::dot}) {
      for (const char* host : {"192.0.2.1", "192.0.2.2"}) {
        wires_.hosts[host] = {};
        wires_.hosts[host].*step = odd;
      }
      const Outcome outcome = carry(people(1)).outcomes[0];
      EXPECT_EQ(outcome.fate, Fate::Deferred) << odd.substr(0, 20);
      EXPECT_NE(outcome.cause, Cause::NotTried);
    }
  }
}

TEST_F(CourierTest, ARecipientsBareRefusalIsBelieved) {
  const std::map<std::string, std::pair<Fate, std::string>> replies{
      {"550\r\n", {Fate::Failed, "5.0.0"}},
      {"550 5.7.2\r\n", {Fate::Failed, "5.7.2"}},
      {"550 4.1.1 their own contradiction\r\n", {Fate::Failed, "5.0.0"}},
      {"450-4.2.0 two\r\n450 4.2.0 lines\r\n", {Fate::Deferred, "4.2.0"}},
      {std::string("550 5.1.1 \x1b[2J\xff\0x\r\n", 19), {Fate::Failed, "5.1.1"}},
      {"599 x\r\n", {Fate::Failed, "5.0.0"}}};
  for (const auto& [reply, wanted] : replies) {
    wires_.hosts["192.0.2.1"] = wires_.hosts["192.0.2.2"] = {.rcpt = {{"u0@a.example", reply}}};
    const Outcome outcome = carry(people(1)).outcomes[0];
    EXPECT_EQ(outcome.fate, wanted.first) << reply;
    EXPECT_EQ(outcome.reply.status.text(), wanted.second) << reply;
  }
}

TEST_F(CourierTest, SilenceIsEndedAsRfc5321Says) {  // §4.5.3.2
  const std::vector<std::pair<std::string Script::*, std::chrono::minutes>> waits{{&Script::greeting, 5min},
                                                                                  {&Script::ehlo, 5min},
                                                                                  {&Script::mail, 5min},
                                                                                  {&Script::data, 2min},
                                                                                  {&Script::dot, 10min}};
  names_.mx["a.example"] = {{10, "mx1.a.example"}};
  for (const auto& [step, wait] : waits) {
    wires_.hosts["192.0.2.1"] = {.ehlo = std::string(plain_ehlo)};
    wires_.hosts["192.0.2.1"].*step = "";
    const Instant begun = core_.now();
    EXPECT_EQ(carry(people(1)).outcomes[0].cause, Cause::ConnectionLost);
    EXPECT_GE(core_.now() - begun, wait);
    EXPECT_LE(core_.now() - begun, wait + 1min);
  }
}

}  // namespace
}  // namespace postroad::delivery::testing
