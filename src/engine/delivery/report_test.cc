#include "delivery/report.h"

#include <gtest/gtest.h>

namespace postroad::delivery {
namespace {

using Fate = Outcome::Fate;
Address address(std::string_view text) { return *Address::parse(text); }

TEST(Report, SaysInWordsAndForMachinesWhatHappened) {
  queue::Message message{.id = QueueId{7}, .accepted = Time{std::chrono::days{20'000}}};
  message.envelope.reverse_path = ReversePath(address("me@here.example"));
  message.envelope.envid = "E1";
  message.origin.message_id = "i@x";
  queue::Step step{
      .given = {.address = address("bob@a.example")}, .account = {}, .address = address("bob@a.example")};
  step.given.original = OriginalRecipient{"rfc822", "robert@b.example"};
  Outcome outcome{Fate::Failed, Cause::RefusedByReply, {550, {5, 1, 1}, "no\r\nsuch\x1b[2J user"}, true};
  SeededRandom random(1);
  const std::string text = compose_report({.message = &message,
                                           .told = {{&step, Action::Failed, outcome, {}}},
                                           .contact = {"mx.a.example", "192.0.2.1", ""},
                                           .our_name = "mail.here.example",
                                           .original = "Subject: x\r\n\r\nhello\r\n",
                                           .complete = true,
                                           .now = Time{std::chrono::days{20'001}}},
                                          random);
  for (const char* part :
       {"Content-Type: multipart/report", "report-type=delivery-status",
        "Reporting-MTA: dns; mail.here.example", "Original-Envelope-Id: E1",
        "Original-Recipient: rfc822; robert@b.example", "Final-Recipient: rfc822; bob@a.example",
        "Action: failed", "Status: 5.1.1", "Remote-MTA: dns; mx.a.example", "Content-Type: message/rfc822",
        "Auto-Submitted: auto-replied", "could not be delivered to <bob@a.example>"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1))
    EXPECT_EQ(text[at - 1], '\r');
}

// A report about an international address, to a sender who takes UTF-8 and to one who does not (RFC 6533).
std::string international(bool smtputf8, bool complete) {
  queue::Message message{.id = QueueId{7}, .accepted = Time{std::chrono::days{20'000}}};
  message.envelope.reverse_path = ReversePath(address("me@here.example"));
  message.envelope.smtputf8 = smtputf8;
  queue::Step step{
      .given = {.address = address("пётр@a.example")}, .account = {}, .address = address("пётр@a.example")};
  step.given.original = OriginalRecipient{"utf-8", "пётр@b.example"};
  SeededRandom random(1);
  return compose_report(
      {.message = &message,
       .told = {{&step, Action::Failed, {Fate::Failed, Cause::TooBig, {552, {5, 3, 4}, "big"}}, {}}},
       .our_name = "mail.here.example",
       .original = "Subject: x\r\n\r\nhello\r\n",
       .complete = complete,
       .now = Time{std::chrono::days{20'001}}},
      random);
}

TEST(Report, AnInternationalAddressIsWrittenAsTheSenderCanReadIt) {
  const std::string ascii_report = international(false, true);
  for (const char* part : {"Content-Type: message/delivery-status", "Content-Type: message/rfc822",
                           "Final-Recipient: utf-8; \\x{43F}\\x{451}\\x{442}\\x{440}@a.example",
                           "Original-Recipient: utf-8; \\x{43F}\\x{451}\\x{442}\\x{440}@b.example"})
    EXPECT_NE(ascii_report.find(part), std::string::npos) << part << ascii_report;
  const std::string global = international(true, true);
  for (const char* part : {"Content-Type: message/global-delivery-status", "Content-Type: message/global\r\n",
                           "Final-Recipient: utf-8; пётр@a.example"})
    EXPECT_NE(global.find(part), std::string::npos) << part << global;
  EXPECT_NE(international(true, false).find("Content-Type: message/global-headers"), std::string::npos);
  EXPECT_NE(international(false, false).find("Content-Type: text/rfc822-headers"), std::string::npos);
}

TEST(Report, WhatTheServerSaidIsExplained) {
  queue::Message message{.id = QueueId{7}, .accepted = Time{std::chrono::days{20'000}}};
  message.envelope.reverse_path = ReversePath(address("me@here.example"));
  const queue::Step step{
      .given = {.address = address("bob@a.example")}, .account = {}, .address = address("bob@a.example")};
  const Reply reply{554, {5, 7, 1}, "Service unavailable; Client host blocked using zen.spamhaus.org"};
  const Outcome outcome{.fate = Fate::Failed,
                        .cause = Cause::RefusedByReply,
                        .reply = reply,
                        .remote_reply = true,
                        .verdict = ReplyRules::builtin().judge(reply, Stage::Rcpt, "")};
  SeededRandom random(1);
  const std::string text = compose_report({.message = &message,
                                           .told = {{&step, Action::Failed, outcome, {}}},
                                           .contact = {"mx.a.example", "192.0.2.1", ""},
                                           .our_name = "mail.here.example",
                                           .original = "Subject: x\r\n\r\n",
                                           .now = Time{std::chrono::days{20'001}}},
                                          random);
  EXPECT_NE(text.find("blocks our address by a list of bad senders"), std::string::npos) << text;
}

TEST(Report, NotifyDecidesWhoHearsWhat) {
  EXPECT_TRUE(wants({}, Action::Failed));
  EXPECT_TRUE(wants({}, Action::Delayed));
  EXPECT_FALSE(wants({}, Action::Delivered));
  EXPECT_FALSE(wants({.never = true}, Action::Failed));
  EXPECT_FALSE(wants({.success = true}, Action::Failed));
  EXPECT_TRUE(wants({.success = true}, Action::Relayed));
  EXPECT_FALSE(wants({.failure = true}, Action::Delayed));
}

}  // namespace
}  // namespace postroad::delivery
