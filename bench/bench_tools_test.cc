#include <gtest/gtest.h>

#include <map>

#include "histogram.h"
#include "sink_session.h"
#include "smtp_client.h"
#include "wire.h"

namespace postroad::bench {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, QuantilesAreWithinTwoPercentOfTheTruth) {
  Histogram h;
  for (int i = 1; i <= 100'000; ++i) h.add(std::chrono::microseconds(i));
  EXPECT_NEAR(static_cast<double>(h.quantile(0.5).count()), 50e6, 1e6);
  EXPECT_NEAR(static_cast<double>(h.quantile(0.99).count()), 99e6, 2e6);
  EXPECT_EQ(h.max(), 100ms);
  EXPECT_EQ(h.quantile(1.0), 100ms);
}

TEST(Histogram, AnEmptyOneAnswersZero) {
  const Histogram h;
  EXPECT_EQ(h.quantile(0.99), 0ns);
  EXPECT_EQ(h.mean(), 0ns);
}

TEST(Wire, OnlyAddressesOfThisMachineAreTaken) {
  EXPECT_NO_THROW(loopback_address("127.0.0.1:25"));
  EXPECT_THROW(loopback_address("192.0.2.1:25"), std::invalid_argument);
  EXPECT_THROW(loopback_address("127.0.0.1:"), std::invalid_argument);
  EXPECT_THROW(loopback_address("127.0.0.1"), std::invalid_argument);
}

// A client and a sink joined without a network; bytes travel in pieces of `piece` octets.
struct Conversation {
  SmtpPlan plan;
  SinkManners manners;
  std::uint64_t messages = 0, begun = 0, taken = 0, taken_octets = 0;
  std::vector<SmtpClient::Ended> ended;

  void hold(std::size_t piece) {
    if (plan.recipients.empty()) plan.recipients = {"bob@demo.test"};
    SmtpClient client(
        plan,
        [this]() -> std::optional<std::uint64_t> {
          if (begun == messages) return std::nullopt;
          return begun++;
        },
        [this](const SmtpClient::Ended& e) { ended.push_back(e); });
    while (ended.size() < messages) {
      SinkSession sink(manners, [this](const SinkSession::Taken& t) { ++taken, taken_octets += t.octets; });
      client.connected();
      SmtpClient::State state = SmtpClient::State::Talking;
      bool open = true;
      while (open && state == SmtpClient::State::Talking) {
        const std::string heard = std::exchange(sink.output(), {});
        for (std::size_t i = 0; i < heard.size() && state == SmtpClient::State::Talking; i += piece) {
          state = client.feed(std::string_view(heard).substr(i, piece));
        }
        const std::string said(client.output());
        client.sent(said.size(), SmtpClient::Clock::now());
        for (std::size_t i = 0; i < said.size(); i += piece)
          open = sink.feed(std::string_view(said).substr(i, piece));
        if (!open) client.feed(std::exchange(sink.output(), {}));
        ASSERT_TRUE(!said.empty() || !sink.output().empty() || !open || state != SmtpClient::State::Talking)
            << "both wait";
      }
      client.connection_lost();
    }
  }
};

TEST(SmtpClient, EveryWayOfSendingDeliversEachMessageOnce) {
  for (const bool pipelining : {false, true})
    for (const bool chunking : {false, true})
      for (const bool lmtp : {false, true})
        for (const std::uint32_t reuse : {1u, 7u})
          for (const std::size_t piece : {1uz, 3uz, 100'000uz}) {
            Conversation c;
            c.plan.pipelining = pipelining;
            c.plan.chunking = chunking;
            c.plan.lmtp = c.manners.lmtp = lmtp;
            c.plan.messages_per_connection = reuse;
            c.plan.recipients = {"a@demo.test", "b@demo.test", "c@demo.test"};
            c.plan.recipients_per_message = 2;
            c.plan.octets = 1000;
            c.messages = 20;
            ASSERT_NO_FATAL_FAILURE(c.hold(piece));
            EXPECT_EQ(c.taken, 20u);
            ASSERT_EQ(c.ended.size(), 20u);
            std::map<std::uint64_t, int> seen;
            for (const auto& e : c.ended) {
              ++seen[e.message];
              EXPECT_EQ(e.fate, Fate::Acknowledged);
              EXPECT_EQ(e.delivered, 2u);
            }
            EXPECT_EQ(seen.size(), 20u);
          }
}

TEST(SmtpClient, AMessageHasExactlyTheOctetsAskedFor) {
  for (const std::size_t octets : {400uz, 1000uz, 4096uz, 65536uz}) {
    Conversation c;
    c.plan.octets = octets;
    c.plan.chunking = true;  // the sink counts a dot's line otherwise
    c.messages = 1;
    ASSERT_NO_FATAL_FAILURE(c.hold(100'000));
    EXPECT_EQ(c.taken_octets, octets);
  }
}

struct Played {
  std::vector<SmtpClient::Ended> ended;
  SmtpClient::State state = SmtpClient::State::Talking;
};

// One message against a server that says the given replies, whatever it hears; then the link dies.
Played play(const std::vector<std::string>& replies, SmtpPlan plan = {}) {
  plan.recipients = {"bob@demo.test"};
  Played played;
  std::uint64_t begun = 0;
  SmtpClient client(
      plan,
      [&begun]() -> std::optional<std::uint64_t> {
        if (begun == 1) return std::nullopt;
        return begun++;
      },
      [&played](const SmtpClient::Ended& e) { played.ended.push_back(e); });
  client.connected();
  for (const auto& reply : replies) {
    played.state = client.feed(reply);
    client.sent(client.output().size(), SmtpClient::Clock::now());
  }
  client.connection_lost();
  return played;
}

TEST(SmtpClient, ALinkThatDiesAfterTheFinalDotLeavesTheMessageUnknown) {
  const auto played = play({"220 a\r\n", "250 b\r\n", "250 c\r\n", "250 d\r\n", "354 e\r\n"});
  ASSERT_EQ(played.ended.size(), 1u);
  EXPECT_EQ(played.ended[0].fate, Fate::Unknown);
}

TEST(SmtpClient, ALinkThatDiesBeforeTheFinalDotDropsTheMessage) {
  const auto played = play({"220 a\r\n", "250 b\r\n", "250 c\r\n", "250 d\r\n"});
  ASSERT_EQ(played.ended.size(), 1u);
  EXPECT_EQ(played.ended[0].fate, Fate::Dropped);
}

TEST(SmtpClient, ARefusalAtAnyCommandIsCountedOnceWithItsCode) {
  const std::vector<std::string> good = {"220 a\r\n", "250 b\r\n", "250 c\r\n",
                                         "250 d\r\n", "354 e\r\n", "250 f\r\n"};
  for (std::size_t at = 2; at < good.size(); ++at) {
    auto replies = good;
    replies.resize(at);
    replies.push_back("452 4.3.1 full\r\n");
    const auto played = play(replies);
    ASSERT_EQ(played.ended.size(), 1u) << at;
    EXPECT_EQ(played.ended[0].fate, Fate::Refused) << at;
    EXPECT_EQ(played.ended[0].code, 452) << at;
  }
}

TEST(SmtpClient, AServerThatIsNotOneConfusesIt) {
  EXPECT_EQ(play({"HTTP/1.1 400 Bad Request\r\n"}).state, SmtpClient::State::Confused);
  EXPECT_EQ(play({"554 go away\r\n"}).state, SmtpClient::State::Confused);
}

TEST(SmtpClient, LmtpCountsEachRecipientsAnswer) {
  SmtpPlan plan;
  plan.lmtp = true;
  const auto played =
      play({"220 a\r\n", "250 b\r\n", "250 c\r\n", "250 d\r\n", "354 e\r\n", "452 4.2.2 full\r\n"}, plan);
  ASSERT_EQ(played.ended.size(), 1u);
  EXPECT_EQ(played.ended[0].fate, Fate::Refused);
  EXPECT_EQ(played.ended[0].delivered, 0u);
}

}  // namespace
}  // namespace postroad::bench
