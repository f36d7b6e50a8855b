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
