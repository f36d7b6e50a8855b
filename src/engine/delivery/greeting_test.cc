#include "delivery/server_testing.h"
#include "net/tls.h"

namespace postroad::delivery::testing {
namespace {

const std::string tls_ehlo = "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n";

class GreetingTest : public CourierTest {
 protected:
  void SetUp() override {
    CourierTest::SetUp();
    names_.mx["a.example"] = {{10, "mx1.a.example"}};
    const std::string certificate = folder_ + "/c.pem", key = folder_ + "/k.pem";
    ASSERT_TRUE(net::make_self_signed("mx1.a.example", certificate, key).has_value());
    server_ = std::make_unique<net::TlsServer>(*net::TlsCertificate::load(certificate, key));
  }
  Result<std::unique_ptr<Line>, Refusal> open_as(TlsDemand tls, std::optional<Login> login = {}) {
    make_courier();
    auto route = std::make_shared<Route>(**core_.run(courier_->router().find("a.example")));
    route->tls = tls;
    route->login = std::move(login);
    return core_.run(courier_->open(route));
  }
  std::unique_ptr<net::TlsServer> server_;
};

TEST_F(GreetingTest, TlsIsUsedWhereItIsOfferedAndWhatCameOfItIsKnown) {
  wires_.hosts["192.0.2.1"] = {.ehlo = tls_ehlo, .tls = server_.get()};
  const Attempt attempt = carry({"bob@a.example"});
  EXPECT_EQ(attempt.outcomes[0].fate, Fate::Delivered);
  EXPECT_TRUE(attempt.contact.tls.starts_with("TLSv1.3 ")) << attempt.contact.tls;
  EXPECT_TRUE(attempt.contact.tls.ends_with(" unverified")) << attempt.contact.tls;
  EXPECT_EQ(said("EHLO"), 2u);  // RFC 3207 §4.2: again under TLS
}

TEST_F(GreetingTest, TlsThatFailsIsNoReasonToHoldMailBack) {  // RFC 7435
  wires_.hosts["192.0.2.1"] = {.ehlo = tls_ehlo};
  const Attempt attempt = carry({"bob@a.example"});
  EXPECT_EQ(attempt.outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(attempt.contact.tls, "failed; sent without");
  EXPECT_EQ(wires_.tried.size(), 2u);
}

TEST_F(GreetingTest, TlsThatIsOfferedAndThenRefusedIsAsIfItWereNotOffered) {
  wires_.hosts["192.0.2.1"] = {.ehlo = tls_ehlo, .starttls = "454 4.7.0 not now\r\n"};
  EXPECT_EQ(carry({"bob@a.example"}).outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(wires_.tried.size(), 1u);
}

TEST_F(GreetingTest, WhatComesWithTheGoAheadIsNotBelievedAndNothingIsSentInTheClear) {  // attack 6
  wires_.hosts["192.0.2.1"] = {
      .ehlo = tls_ehlo, .starttls = "220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n", .tls = server_.get()};
  const Attempt attempt = carry({"bob@a.example"});
  EXPECT_EQ(attempt.outcomes[0].fate, Fate::Deferred);
  EXPECT_EQ(attempt.outcomes[0].cause, Cause::BadProtocol);
  EXPECT_EQ(wires_.tried.size(), 1u);
  EXPECT_EQ(said("MAIL"), 0u);
}

TEST_F(GreetingTest, ARouteThatDemandsTlsNeverSendsInTheClear) {  // attack 7
  for (const Script& script :
       {Script{}, Script{.ehlo = tls_ehlo, .starttls = "454 no\r\n"}, Script{.ehlo = tls_ehlo}}) {
    for (const TlsDemand demand : {TlsDemand::Encrypted, TlsDemand::Verified}) {
      wires_.hosts["192.0.2.1"] = script;
      const auto line = open_as(demand);
      ASSERT_FALSE(line.has_value());
      EXPECT_EQ(line.error().outcome.fate, Fate::Deferred);
      EXPECT_EQ(line.error().outcome.cause, Cause::TlsFailed);
    }
  }
  wires_.hosts["192.0.2.1"] = {.ehlo = tls_ehlo, .tls = server_.get()};
  EXPECT_TRUE(open_as(TlsDemand::Encrypted).has_value());
  EXPECT_FALSE(open_as(TlsDemand::Verified).has_value());  // nobody vouches for this certificate
}

TEST_F(GreetingTest, ARouteThatForbidsTlsDoesWithout) {
  wires_.hosts["192.0.2.1"] = {.ehlo = tls_ehlo, .tls = server_.get()};
  const auto line = open_as(TlsDemand::Never);
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ((*line)->contact().tls, "");
}

TEST_F(GreetingTest, APasswordIsShownOnlyBehindTls) {
  const Login login{"me", "secret"};
  wires_.hosts["192.0.2.1"] = {.ehlo = "250-mx\r\n250 AUTH PLAIN LOGIN\r\n"};
  const auto line = open_as(TlsDemand::Opportunistic, login);
  ASSERT_FALSE(line.has_value());
  EXPECT_EQ(line.error().outcome.cause, Cause::LoginFailed);
  EXPECT_EQ(line.error().outcome.fate, Fate::Deferred);
  EXPECT_EQ(said("AUTH"), 0u);

  wires_.hosts["192.0.2.1"] = {.ehlo = "250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n",
                               .other = {{"AUTH", "235 2.7.0 welcome\r\n"}},
                               .tls = server_.get()};
  EXPECT_TRUE(open_as(TlsDemand::Encrypted, login).has_value());
  EXPECT_EQ(wires_.sink.commands.back(), "AUTH PLAIN AG1lAHNlY3JldA==");
  wires_.hosts["192.0.2.1"].other["AUTH"] = "535 5.7.8 wrong\r\n";
  const auto wrong = open_as(TlsDemand::Encrypted, login);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().outcome.cause, Cause::LoginFailed);
  EXPECT_EQ(wrong.error().outcome.fate, Fate::Deferred);
}

TEST_F(GreetingTest, AnOldServerIsGreetedWithTheOldWord) {  // RFC 5321 §3.2
  wires_.hosts["192.0.2.1"] = {.ehlo = "502 what\r\n"};
  EXPECT_EQ(carry({"bob@a.example"}).outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(said("HELO"), 1u);
  EXPECT_EQ(wires_.sink.commands[2], "MAIL FROM:<me@here.example>");
}

TEST_F(GreetingTest, AHostThatDoesNotWantToKnowUsSaysNothingOfTheMessage) {
  wires_.hosts["192.0.2.1"] = {.ehlo = "554 5.7.1 never\r\n", .helo = "554 5.7.1 never\r\n"};
  EXPECT_EQ(carry({"bob@a.example"}).outcomes[0].fate, Fate::Deferred);
}

TEST_F(GreetingTest, AHostThatTakesNoMailIsFollowedByTheNext) {
  names_.mx["a.example"] = {{20, "mx2.a.example"}, {10, "mx1.a.example"}};
  wires_.hosts["192.0.2.1"] = {.greeting = "554 5.3.2 no mail here\r\n"};
  wires_.hosts["192.0.2.2"] = {};
  EXPECT_EQ(carry({"bob@a.example"}).contact.host, "mx2.a.example");
  wires_.hosts["192.0.2.2"] = {.greeting = "421 busy\r\n"};
  const Outcome outcome = carry({"bob@a.example"}).outcomes[0];
  EXPECT_EQ(outcome.fate, Fate::Deferred);
  EXPECT_TRUE(outcome.remote_reply);
}

}  // namespace
}  // namespace postroad::delivery::testing
