// Both sides of SASL against each other, against the examples of the RFCs, and against attackers.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <map>

#include "base/encoding.h"
#include "sasl/client.h"
#include "sasl/prepare.h"
#include "sasl/scram.h"
#include "sasl/server.h"

namespace postroad::sasl {
namespace {

const std::vector<ChannelBinding> tls{{"tls-exporter", std::string(32, '\x17')},
                                      {"tls-server-end-point", "cert"}};

// A directory with two users.
struct Directory {
  std::map<std::string, std::string> passwords{
      {"alice", "wonder land"}, {"bob", "gr\xc3\xbcn"}, {"a,=b", "x"}};
  bool may_act_as(const std::string& authcid, const std::string& authzid) const {
    return authcid == "alice" && authzid == "bob";
  }
  std::optional<crypto::ScramKeys> keys(const std::string& user, crypto::Hash hash) const {
    const auto found = passwords.find(user);
    if (found == passwords.end()) return std::nullopt;
    return crypto::make_scram_keys(hash, *prepare(found->second), "salt of " + user, 16);
  }
};

ServerContext server_context(std::vector<ChannelBinding> bindings = {}) {
  return {.bindings = std::move(bindings), .decoy_secret = "server secret", .iterations = 16};
}

// Answers what the directory is asked, until there is something to send or it is over.
Step settle(ServerExchange& server, Step step, const Directory& directory = {}) {
  for (;;) {
    if (const auto* need = std::get_if<NeedPassword>(&step)) {
      const auto found = directory.passwords.find(need->authcid);
      const bool right = found != directory.passwords.end() && found->second == need->password;
      step = server.answer(right ? Verdict::Yes : Verdict::No);
    } else if (const auto* keys = std::get_if<NeedScramKeys>(&step)) {
      step = server.scram_keys(directory.keys(keys->authcid, keys->hash));
    } else if (const auto* may = std::get_if<NeedAuthorization>(&step)) {
      step = server.answer(directory.may_act_as(may->authcid, may->authzid) ? Verdict::Yes : Verdict::No);
    } else if (const auto* external = std::get_if<NeedExternal>(&step)) {
      step = server.answer(external->authzid == "alice" ? Verdict::Yes : Verdict::No);
    } else {
      return step;
    }
  }
}

// "alice" or "alice as bob" when both sides are content, else what stopped it.
std::string converse(std::string_view mechanism, ClientContext client_context, ServerContext context) {
  ServerExchange server(mechanism, std::move(context));
  ClientExchange client(mechanism, std::move(client_context));
  auto initial = client.begin();
  if (!initial) return fmt::format("client error {}", static_cast<int>(initial.error()));
  Step step =
      settle(server, *initial ? server.begin(std::string_view(**initial)) : server.begin(std::nullopt));
  for (;;) {
    if (const auto* done = std::get_if<Done>(&step)) {
      if (!client.verified()) return "not verified";
      return done->authcid == done->authzid ? done->authcid : done->authcid + " as " + done->authzid;
    }
    if (const auto* failed = std::get_if<Failed>(&step))
      return fmt::format("failed {}", static_cast<int>(failed->why));
    const auto answer = client.respond(std::get<Challenge>(step).base64);
    if (!answer) return fmt::format("client error {}", static_cast<int>(answer.error()));
    step = settle(server, server.respond(*answer));
  }
}
std::string failed(Failure why) { return fmt::format("failed {}", static_cast<int>(why)); }

Failure failure_of(const Step& step) {
  const auto* f = std::get_if<Failed>(&step);
  EXPECT_TRUE(f);
  return f ? f->why : Failure::TryLater;
}
// One message to a fresh exchange.
Step first_message(std::string_view mechanism, std::string_view message,
                   ServerContext context = server_context()) {
  ServerExchange server(mechanism, std::move(context));
  return server.begin(std::string_view(message.empty() ? "=" : base64(message)));
}

const std::string_view all_mechanisms[] = {"PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256"};

}  // namespace

TEST(Exchange, TheRightPasswordIsTakenAndNoOther) {
  for (const auto mechanism : all_mechanisms) {
    EXPECT_EQ(converse(mechanism, {{"alice", "wonder land"}}, server_context()), "alice") << mechanism;
    EXPECT_EQ(converse(mechanism, {{"bob", "gr\xc3\xbcn"}}, server_context()), "bob") << mechanism;
    EXPECT_EQ(converse(mechanism, {{"a,=b", "x"}}, server_context()), "a,=b") << mechanism;
    for (const Credentials& wrong :
         {Credentials{"alice", "wonderland"}, {"bob", "wonder land"}, {"carol", "x"}})
      EXPECT_EQ(converse(mechanism, {wrong}, server_context()), failed(Failure::WrongCredentials))
          << mechanism;
  }
}

TEST(Exchange, ActingAsSomebodyElseIsAskedForAfterTheProof) {
  for (const auto mechanism : {"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"}) {
    EXPECT_EQ(converse(mechanism, {{"alice", "wonder land", "bob"}}, server_context()), "alice as bob");
    EXPECT_EQ(converse(mechanism, {{"alice", "wonder land", "alice"}}, server_context()), "alice");
    EXPECT_EQ(converse(mechanism, {{"alice", "wonder land", "a,=b"}}, server_context()),
              failed(Failure::NotAuthorized));
    EXPECT_EQ(converse(mechanism, {{"alice", "wrong", "bob"}}, server_context()),
              failed(Failure::WrongCredentials));
  }
}

TEST(Exchange, PlusBindsToTheChannel) {
  for (const auto mechanism : {"SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"}) {
    EXPECT_EQ(converse(mechanism, {{"alice", "wonder land"}, tls, true}, server_context(tls)), "alice");
    EXPECT_EQ(converse(mechanism, {{"alice", "wonder land"}, {tls[1]}, true}, server_context(tls)), "alice");
    // Somebody in between has a TLS connection of his own to each of the two.
    const std::vector<ChannelBinding> other{{"tls-exporter", std::string(32, '\x18')}};
    EXPECT_EQ(converse(mechanism, {{"alice", "wonder land"}, other, true}, server_context(tls)),
              failed(Failure::ChannelBinding));
    const std::vector<ChannelBinding> unknown{{"tls-unique", "x"}};
    EXPECT_EQ(converse(mechanism, {{"alice", "wonder land"}, unknown, true}, server_context(tls)),
              failed(Failure::ChannelBinding));
    EXPECT_EQ(converse(mechanism, {{"alice", "wonder land"}, tls, true}, server_context()),
              failed(Failure::ChannelBinding));
  }
}

// RFC 5802 §6: the client could bind and was not offered it, and the server had offered it.
TEST(Exchange, TakingPlusOutOfTheOfferIsNoticed) {
  EXPECT_EQ(converse("SCRAM-SHA-256", {{"alice", "wonder land"}, tls, false}, server_context(tls)),
            failed(Failure::ChannelBinding));
  EXPECT_EQ(converse("SCRAM-SHA-256", {{"alice", "wonder land"}, tls, false}, server_context()), "alice");
  EXPECT_EQ(converse("SCRAM-SHA-256", {{"alice", "wonder land"}, {}, false}, server_context(tls)), "alice");
  EXPECT_EQ(failure_of(first_message("SCRAM-SHA-256", "p=tls-exporter,,n=alice,r=abc", server_context(tls))),
            Failure::ChannelBinding);
  EXPECT_EQ(failure_of(first_message("SCRAM-SHA-256-PLUS", "n,,n=alice,r=abc", server_context(tls))),
            Failure::ChannelBinding);
}

// A random source that is none.
class Fixed final : public Random {
 public:
  explicit Fixed(std::string octets) : octets_(std::move(octets)) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<std::uint8_t>(octets_[i % octets_.size()]);
  }

 private:
  std::string octets_;
};

TEST(ScramServer, SendsTheSaltAndIterationsOfTheUsersKeys) {
  Fixed random(std::string(18, '\x01'));
  auto context = server_context();
  context.random = &random;
  ServerExchange server("SCRAM-SHA-1", context);
  const auto salt = from_base64("QSXCR+Q6sek8bf92").value();
  auto step = server.begin(base64("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"));
  EXPECT_EQ(std::get<NeedScramKeys>(step).authcid, "user");
  step = server.scram_keys(crypto::make_scram_keys(crypto::Hash::Sha1, "pencil", salt, 4096));
  EXPECT_EQ(from_base64(std::get<Challenge>(step).base64),
            "r=fyko+d2lbbFgONRv9qkxdawLAQEBAQEBAQEBAQEBAQEBAQEB,s=QSXCR+Q6sek8bf92,i=4096");
}

TEST(ScramMessages, AreTheExamplesOfRfc5802And7677) {
  const auto first = parse_client_first("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL").value();
  EXPECT_EQ(first.bare, "n=user,r=fyko+d2lbbFgONRv9qkxdawL");
  EXPECT_EQ(first.gs2.text, "n,,");
  const auto server =
      parse_server_first("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096").value();
  EXPECT_EQ(server.iterations, 4096u);
  const auto last =
      parse_client_final("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
          .value();
  EXPECT_EQ(last.channel_binding, "n,,");
  // The proof of the RFC's example, from the keys of "pencil".
  const auto keys = crypto::make_scram_keys(crypto::Hash::Sha1, "pencil", server.salt, 4096);
  const std::string auth_message =
      first.bare + ",r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096," +
      last.without_proof;
  const auto client_key =
      exclusive_or(last.proof, crypto::hmac(crypto::Hash::Sha1, keys.stored_key, auth_message));
  EXPECT_EQ(crypto::digest(crypto::Hash::Sha1, client_key), keys.stored_key);
  EXPECT_EQ(base64(crypto::hmac(crypto::Hash::Sha1, keys.server_key, auth_message)),
            "rmF9pqV8S7suAoZWja4dJRkFsKQ=");

  EXPECT_EQ(parse_client_first("p=tls-exporter,a==2C=3Dx,n=u,r=n,x=ext")->gs2.authzid, ",=x");
  for (const char* bad :
       {"", "n", "n,", "n,,", "n,,n=,r=x", "n,,n=u", "n,,n=u,r=", "x,,n=u,r=x", "p=,,n=u,r=x", "p,,n=u,r=x",
        "n,,m=x,n=u,r=x", "n,,n=u=2X,r=x", "n,,n=u=,r=x", "n,a=,n=u,r=x", "n,,r=x,n=u", "n,,n=u,r=x y",
        "n,,n=u,r=x,", "n,,n=u,r=x,y", "n,,n=u,r=x,1=2"})
    EXPECT_FALSE(parse_client_first(bad)) << bad;
  for (const char* bad :
       {"", "r=,s=AAAA,i=1", "r=x,s=,i=1", "r=x,s=A,i=1", "r=x,s=AAAA,i=0", "r=x,s=AAAA,i=-1",
        "r=x,s=AAAA,i=99999999", "r=x,s=AAAA", "m=x,r=x,s=AAAA,i=1", "r=x,s=AAAA,i=1x"})
    EXPECT_FALSE(parse_server_first(bad)) << bad;
  for (const char* bad :
       {"", "c=biws,r=x", "c=,r=x,p=AAAA", "c=biws,p=AAAA", "r=x,p=AAAA", "c=biws,r=x,p=!", "c=b,r=x,p=AAAA"})
    EXPECT_FALSE(parse_client_final(bad)) << bad;
}

TEST(ScramServer, AnUnknownUserLooksLikeAKnownOne) {
  const auto challenge = [](std::string_view user, std::string_view mechanism = "SCRAM-SHA-256") {
    ServerExchange server(mechanism, server_context());
    const auto step = settle(server, server.begin(base64("n,,n=" + std::string(user) + ",r=abc")));
    return parse_server_first(*from_base64(std::get<Challenge>(step).base64)).value();
  };
  const auto carol = challenge("carol");
  EXPECT_EQ(carol.iterations, 16u);
  EXPECT_EQ(carol.salt.size(), 16u);
  EXPECT_EQ(challenge("carol").salt, carol.salt);
  EXPECT_NE(challenge("carol").nonce, carol.nonce);
  EXPECT_NE(challenge("dave").salt, carol.salt);
  EXPECT_NE(challenge("carol", "SCRAM-SHA-1").salt, carol.salt);
  auto other = server_context();
  other.decoy_secret = "another server";
  ServerExchange server("SCRAM-SHA-256", other);
  const auto step = settle(server, server.begin(base64("n,,n=carol,r=abc")));
  EXPECT_NE(parse_server_first(*from_base64(std::get<Challenge>(step).base64))->salt, carol.salt);
}

// durability.md, attack 85: every message of a good exchange, changed in any octet, proves nothing.
TEST(ScramServer, ATamperedExchangeFails) {
  const Directory directory;
  for (std::size_t tampered = 0; tampered < 400; ++tampered) {
    ServerExchange server("SCRAM-SHA-256-PLUS", server_context(tls));
    ClientExchange client("SCRAM-SHA-256-PLUS", {{"alice", "wonder land"}, tls, true});
    std::string first = *from_base64(**client.begin());
    const bool in_first = tampered < first.size();
    if (in_first) first[tampered] = static_cast<char>(first[tampered] ^ 1);
    Step step = settle(server, server.begin(base64(first)), directory);
    if (std::holds_alternative<Failed>(step)) continue;
    auto answer = client.respond(std::get<Challenge>(step).base64);
    if (!answer) continue;  // the client saw that its nonce had been changed
    std::string last = *from_base64(*answer);
    if (!in_first) {
      const std::size_t at = tampered - first.size();
      if (at >= last.size()) break;
      last[at] = static_cast<char>(last[at] ^ 1);
    }
    step = settle(server, server.respond(base64(last)), directory);
    EXPECT_TRUE(std::holds_alternative<Failed>(step)) << tampered;
  }
}

TEST(ScramServer, AnAnswerCannotBePlayedAgain) {
  ServerExchange server("SCRAM-SHA-256", server_context());
  SeededRandom same(1);
  ClientExchange client("SCRAM-SHA-256", {{"alice", "wonder land"}, {}, false, &same});
  const std::string first = **client.begin();
  Step step = settle(server, server.begin(std::string_view(first)));
  const std::string last = *client.respond(std::get<Challenge>(step).base64);
  EXPECT_TRUE(std::holds_alternative<Challenge>(settle(server, server.respond(last))));

  ServerExchange again("SCRAM-SHA-256", server_context());
  settle(again, again.begin(std::string_view(first)));
  EXPECT_EQ(failure_of(again.respond(last)), Failure::BadMessage);  // the server's nonce is new
}

TEST(ScramClient, DoesNotBelieveAServerWithoutTheKeys) {
  SeededRandom random(5);
  ClientExchange client("SCRAM-SHA-256", {{"alice", "wonder land"}, {}, false, &random});
  const std::string first = *from_base64(**client.begin());
  const std::string nonce = first.substr(first.find("r=") + 2);
  ASSERT_TRUE(client.respond(base64("r=" + nonce + "server,s=AAAA,i=16")));
  EXPECT_FALSE(client.verified());
  EXPECT_EQ(client.respond(base64("v=" + base64(std::string(32, 'x')))).error(), ClientError::NotTheServer);
  EXPECT_FALSE(client.verified());
}

TEST(ScramClient, RefusesAServerThatAsksForNonsense) {
  for (const char* first : {"r=other,s=AAAA,i=16", "r=,s=AAAA,i=16", "x", "e=invalid-encoding"}) {
    ClientExchange client("SCRAM-SHA-1", {{"alice", "wonder land"}});
    ASSERT_TRUE(client.begin());
    EXPECT_EQ(client.respond(base64(first)).error(), ClientError::BadChallenge) << first;
    EXPECT_EQ(client.respond(base64(first)).error(), ClientError::BadChallenge) << first;
  }
  SeededRandom random(5);
  ClientExchange client("SCRAM-SHA-1", {{"alice", "wonder land"}, {}, false, &random});
  const std::string message = *from_base64(**client.begin());
  const std::string nonce = message.substr(message.find("r=") + 2);
  EXPECT_EQ(client.respond(base64("r=" + nonce + ",s=AAAA,i=16")).error(), ClientError::BadChallenge);
}

// durability.md, attack 85.
TEST(PlainServer, TakesThreePartsAndNothingElse) {
  using namespace std::string_literals;
  using namespace std::string_view_literals;
  for (const auto bad :
       {""sv, "alice"sv, "\0alice"sv, "alice\0pw"sv, "\0alice\0pw\0"sv, "\0alice\0p\0w"sv, "\0\0pw"sv,
        "\0alice\0"sv, "\0\0\0"sv, "\0al\xffice\0pw"sv, "\0al\nice\0pw"sv, "x\n\0alice\0pw"sv})
    EXPECT_EQ(failure_of(first_message("PLAIN", bad)), Failure::BadMessage) << testing::PrintToString(bad);
  EXPECT_EQ(failure_of(first_message("PLAIN", "\0"s + std::string(256, 'a') + "\0pw"s)), Failure::BadMessage);
  EXPECT_EQ(failure_of(first_message("PLAIN", "\0alice\0"s + std::string(1025, 'p'))), Failure::BadMessage);
  // Names are one text however they are written (SASLprep), passwords are octets.
  EXPECT_EQ(std::get<NeedPassword>(first_message("PLAIN", "\0gru\xcc\x88n\0\xff pw"sv)).authcid,
            "gr\xc3\xbcn");
  EXPECT_EQ(std::get<NeedPassword>(first_message("PLAIN", "\0gru\xcc\x88n\0\xff pw"sv)).password, "\xff pw");
}

TEST(Lines, AreBase64WithLimits) {
  for (const auto mechanism : all_mechanisms) {
    EXPECT_EQ(failure_of(ServerExchange(mechanism, server_context()).begin("not base64!")),
              Failure::BadBase64);
    EXPECT_EQ(failure_of(ServerExchange(mechanism, server_context()).begin("")), Failure::BadBase64);
    EXPECT_EQ(failure_of(ServerExchange(mechanism, server_context()).begin(std::string(1'000'000, 'A'))),
              Failure::TooLong);
    ServerExchange waiting(mechanism, server_context());
    ASSERT_TRUE(std::holds_alternative<Challenge>(waiting.begin(std::nullopt)));
    EXPECT_EQ(failure_of(waiting.respond(std::string(12'289, 'A'))), Failure::TooLong);
    ServerExchange cancelled(mechanism, server_context());
    cancelled.begin(std::nullopt);
    EXPECT_EQ(failure_of(cancelled.respond("*")), Failure::Cancelled);
    ServerExchange broken(mechanism, server_context());
    broken.begin(std::nullopt);
    EXPECT_EQ(failure_of(broken.respond("AAA")), Failure::BadBase64);
  }
}

TEST(Exchange, AnEmptyInitialResponseIsAnEqualsSign) {  // RFC 4954 §4
  EXPECT_EQ(converse("EXTERNAL", {{"", "", ""}}, server_context()), failed(Failure::NotAuthorized));
  EXPECT_EQ(converse("EXTERNAL", {{"", "", "alice"}}, server_context()), "alice");
  EXPECT_EQ(std::get<NeedExternal>(ServerExchange("EXTERNAL", server_context()).begin("=")).authzid, "");
}

TEST(Exchange, WhatIsOverStaysOver) {
  ServerExchange server("PLAIN", server_context());
  server.begin(std::nullopt);
  server.respond("*");
  EXPECT_THROW(server.respond("AAAA"), std::logic_error);
  EXPECT_THROW(server.answer(Verdict::Yes), std::logic_error);
  ServerExchange early("PLAIN", server_context());
  EXPECT_THROW(early.answer(Verdict::Yes), std::logic_error);
  EXPECT_THROW(early.scram_keys({}), std::logic_error);
  EXPECT_EQ(failure_of(ServerExchange("CRAM-MD5", server_context()).begin(std::nullopt)),
            Failure::UnknownMechanism);
}

TEST(Exchange, ADirectoryThatCannotAnswerIsNoWrongPassword) {
  ServerExchange server("PLAIN", server_context());
  server.begin(base64(std::string_view("\0alice\0pw", 9)));
  EXPECT_EQ(failure_of(server.answer(Verdict::TryLater)), Failure::TryLater);
}

TEST(Mechanisms, AreOfferedAndChosenBestFirst) {
  EXPECT_EQ(offered_mechanisms(true, true, true).front(), "SCRAM-SHA-256-PLUS");
  EXPECT_EQ(offered_mechanisms(false, true, false),
            (std::vector<std::string_view>{"SCRAM-SHA-256", "SCRAM-SHA-1"}));
  EXPECT_EQ(offered_mechanisms(true, false, true), (std::vector<std::string_view>{"PLAIN", "LOGIN"}));
  EXPECT_TRUE(offered_mechanisms(false, false, true).empty());

  const std::vector<std::string> all{"LOGIN", "PLAIN", "scram-sha-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};
  EXPECT_EQ(choose_mechanism(all, true, true), "SCRAM-SHA-256-PLUS");
  EXPECT_EQ(choose_mechanism(all, false, false), "SCRAM-SHA-256");
  EXPECT_EQ(choose_mechanism({"LOGIN", "PLAIN"}, true, true), "PLAIN");
  EXPECT_EQ(choose_mechanism({"LOGIN", "PLAIN", "EXTERNAL"}, true, false), "");
}

TEST(Prepare, IsSaslprep) {  // the examples of RFC 4013 §3
  EXPECT_EQ(prepare("I\xc2\xadX"), "IX");
  EXPECT_EQ(prepare("user"), "user");
  EXPECT_EQ(prepare("USER"), "USER");
  EXPECT_EQ(prepare("\xc2\xaa"), "a");
  EXPECT_EQ(prepare("\xe2\x85\xa8"), "IX");
  EXPECT_FALSE(prepare("\x07"));
  EXPECT_FALSE(prepare("\xd8\xa7\x31"));
  EXPECT_FALSE(prepare(""));
  EXPECT_FALSE(prepare("\xc2\xad"));
  EXPECT_FALSE(prepare("\xff"));
  EXPECT_EQ(prepare("\xc2\xa0x"), " x");                        // another blank is a blank
  EXPECT_EQ(prepare("\xef\xb7\xba"), prepare("\xef\xb7\xba"));  // U+FDFA: eighteen characters of one
}

}  // namespace postroad::sasl
