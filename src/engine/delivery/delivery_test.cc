#include <gtest/gtest.h>

#include <filesystem>

#include "delivery/courier.h"
#include "delivery/report.h"
#include "dns/fixed_resolver.h"
#include "net/manual_core.h"
#include "net/stream.h"
#include "store/embedded.h"

namespace postroad::delivery {
namespace {

Address address(std::string_view text) { return *Address::parse(text); }

// A mail server that follows a script: what to answer to the n-th command, by its first word.
struct Script {
  std::string greeting = "220 mx ESMTP\r\n";
  std::string ehlo = "250-mx\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 DSN\r\n";
  std::string mail = "250 2.1.0 ok\r\n";
  std::map<std::string, std::string> rcpt;  // by address; otherwise 250
  std::string data = "354 go\r\n";
  std::string dot = "250 2.0.0 kept\r\n";
  bool hang_up_after_dot = false;
};

struct Sink {
  std::vector<std::string> commands;
  std::vector<std::string> messages;  // as they came, dots and all
};

net::task<void> serve(net::Stream stream, Script script, Sink& sink) {
  co_await stream.write(script.greeting);
  for (;;) {
    const auto line = co_await stream.read_line(4096);
    if (!line) co_return;
    const std::string command(*line);
    sink.commands.push_back(command);
    if (command.starts_with("EHLO"))
      co_await stream.write(script.ehlo);
    else if (command.starts_with("HELO"))
      co_await stream.write("250 mx\r\n");
    else if (command.starts_with("MAIL"))
      co_await stream.write(script.mail);
    else if (command.starts_with("RCPT")) {
      const std::string to = command.substr(9, command.find('>') - 9);
      const auto it = script.rcpt.find(to);
      co_await stream.write(it == script.rcpt.end() ? std::string_view("250 2.1.5 ok\r\n")
                                                    : std::string_view(it->second));
    } else if (command == "DATA") {
      co_await stream.write(script.data);
      if (!script.data.starts_with("354")) continue;
      std::string message;
      for (;;) {
        const auto text = co_await stream.read_line(65536);
        if (!text) co_return;
        if (*text == ".") break;
        message.append(*text).append("\r\n");
      }
      sink.messages.push_back(message);
      if (script.hang_up_after_dot) co_return;
      co_await stream.write(script.dot);
    } else if (command == "QUIT") {
      co_await stream.write("221 bye\r\n");
      co_await stream.close();
      co_return;
    } else {
      co_await stream.write("250 ok\r\n");
    }
  }
}

class Wires final : public net::Connector {
 public:
  Wires(net::ManualCore& core, net::TaskGroup& group) : core_(core), group_(group) {}
  net::task<Result<net::Stream, net::ConnectError>> connect(net::ConnectTo to) override {
    tried.push_back(to.peer.text());
    const auto it = hosts.find(to.peer.address().text());
    if (it == hosts.end()) co_return refuse(net::ConnectError::Refused);
    auto pair = net::memory_pair(core_, {.piece = piece});
    group_.spawn(serve(std::move(pair.second), it->second, sink));
    co_return std::move(pair.first);
  }
  std::map<std::string, Script> hosts;  // by IP address
  std::size_t piece = SIZE_MAX;
  Sink sink;
  std::vector<std::string> tried;

 private:
  net::ManualCore& core_;
  net::TaskGroup& group_;
};

class CourierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/postroad-courier-XXXXXX";
    folder_ = mkdtemp(name);
    store_ = std::move(*store::open_embedded({.data = folder_, .cores = 1, .threads = false}));
    message_ = {.id = QueueId{7}, .accepted = core_.clock().now()};
    message_.envelope.reverse_path = ReversePath(address("me@here.example"));
    content("Subject: x\r\n\r\n.dot\r\nbody\r\n");
    names_.mx["a.example"] = {{20, "mx2.a.example"}, {10, "mx1.a.example"}};
    names_.addresses["mx1.a.example"] = {*IpAddress::parse("192.0.2.1")};
    names_.addresses["mx2.a.example"] = {*IpAddress::parse("192.0.2.2")};
    options_.our_name = "mail.here.example";
    options_.allow_private_networks = true;  // the addresses of documentation are not public
  }
  void TearDown() override {
    group_.cancel();
    core_.run_until_idle();
    writer_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void content(std::string_view text) {
    writer_ = store_->new_blob(text.size());
    writer_->append(text);
    message_.content = {
        .prefix = "Received: here\r\n", .blob = *core_.run(writer_->finish()), .blob_octets = text.size()};
  }
  Attempt carry(std::vector<std::string> to, std::string domain = "a.example") {
    dns::FixedResolver resolver(names_);
    Courier courier(resolver, wires_, tls_, *store_, options_);
    steps_.clear();
    for (const std::string& text : to)
      steps_.push_back({.given = {.address = address(text)}, .account = {}, .address = address(text)});
    return core_.run(courier.carry(message_, domain, steps_));
  }

  std::string folder_;
  net::ManualCore core_;
  net::TaskGroup group_{core_, [](std::exception_ptr) {}};
  Wires wires_{core_, group_};
  net::TlsClient tls_;
  std::unique_ptr<store::EmbeddedStore> store_;
  std::unique_ptr<store::BlobWriter> writer_;
  dns::FixedNames names_;
  CourierOptions options_;
  queue::Message message_;
  std::vector<queue::Step> steps_;
};

using Fate = Outcome::Fate;

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
  EXPECT_EQ(wires_.tried, (std::vector<std::string>{"192.0.2.1:25", "192.0.2.2:25"}));
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
  wires_.hosts["192.0.2.1"] = {.rcpt = {{"no@a.example", "550 5.1.1 nobody\r\n"}}};
  EXPECT_EQ(carry({"no@a.example"}).outcomes[0].fate, Fate::Failed);
  for (const std::string& command : wires_.sink.commands) EXPECT_NE(command, "DATA");
}

TEST_F(CourierTest, ARefusalOfTheWholeMessageIsEverybodys) {
  wires_.hosts["192.0.2.1"] = {.dot = "554 5.7.1 spam\r\n"};
  for (const Outcome& outcome : carry({"a@a.example", "b@a.example"}).outcomes)
    EXPECT_EQ(outcome.fate, Fate::Failed);
}

TEST_F(CourierTest, AConnectionLostAfterTheDotIsUnknownAndTriedAgain) {
  wires_.hosts["192.0.2.1"] = {.hang_up_after_dot = true};
  const Attempt attempt = carry({"bob@a.example"});
  EXPECT_EQ(attempt.outcomes[0].fate, Fate::Deferred);
}

TEST_F(CourierTest, WithoutMxTheDomainIsItsOwn) {
  names_.addresses["b.example"] = {*IpAddress::parse("192.0.2.9")};
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
    names_.addresses["mx1.a.example"] = {*IpAddress::parse(inside)};
    names_.addresses["mx2.a.example"] = {*IpAddress::parse(inside)};
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

// --- Reports -----------------------------------------------------------------------------------------------

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
