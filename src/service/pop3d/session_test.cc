// Whole sessions over a connection in memory, with real mailboxes on a real store.
#include "pop3d/session.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "mailbox/trial.h"
#include "net/tls.h"
#include "pop3d/server.h"

namespace postroad::pop3d {

namespace {

using mailbox::letter;
using mailbox::Trial;

constexpr AccountId alice{7};

class Accounts final : public mailbox::TrialDirectory {
 public:
  directory::Pop3Erase erase = directory::Pop3Erase::Never;
  std::uint32_t days = 0;

  std::optional<directory::Account> account(AccountId id) const override {
    auto found = TrialDirectory::account(id);
    if (found) found->pop3_erase = erase, found->pop3_erase_days = days;
    return found;
  }
  net::task<Result<directory::Identity, directory::AuthError>> check_password(std::string_view login,
                                                                              std::string_view password,
                                                                              directory::Scope scope,
                                                                              std::string_view) override {
    EXPECT_EQ(scope, directory::Scope::Pop3);
    if (login != "alice" || password != "two  words") co_return refuse(directory::AuthError::Failed);
    co_return directory::Identity{
        .account = alice, .tenant = TenantId{1}, .address = *Address::parse("u7@example.org")};
  }
};

class Pop3 : public testing::Test {
 protected:
  Pop3() {
    settings_->auth.cleartext = true;
    settings_->hostname = *Domain::parse("mail.example.org");
  }
  ~Pop3() override {
    trial_.group.reset();
    clients_.clear();
  }

  // Connects; the number of the client. The greeting is read.
  std::size_t connect(std::size_t piece = SIZE_MAX) {
    auto [server, client] = net::memory_pair(trial_.core, {.piece = piece});
    clients_.push_back(std::make_unique<net::Stream>(std::move(client)));
    trial_.spawn(server_.serve(std::move(server), tls_mode_));
    EXPECT_EQ(line(clients_.size() - 1), "+OK mail.example.org POP3 Postroad");
    return clients_.size() - 1;
  }
  std::size_t sign_in(std::size_t piece = SIZE_MAX) {
    const std::size_t client = connect(piece);
    EXPECT_TRUE(say("USER alice", client).starts_with("+OK"));
    EXPECT_TRUE(say("PASS two  words", client).starts_with("+OK"));
    return client;
  }
  void send(std::string octets, std::size_t client = 0) {
    trial_.run(write(*clients_[client], std::move(octets)));
  }
  std::string line(std::size_t client = 0) { return trial_.run(read(*clients_[client])); }
  std::string say(std::string command, std::size_t client = 0) {
    send(command + "\r\n", client);
    return line(client);
  }
  // The lines up to the lone dot, each with CRLF, dots unstuffed.
  std::string body(std::size_t client = 0) {
    std::string out;
    for (;;) {
      std::string next = line(client);
      if (next == "." || next == "<closed>") return out;
      if (next.starts_with('.')) next.erase(0, 1);
      out += next + "\r\n";
    }
  }
  void drop(std::size_t client = 0) {
    clients_[client].reset();
    trial_.core.settle();
  }
  std::uint32_t left() { return trial_.select(alice)->shown()->summary.messages; }

  static net::task<std::string> read(net::Stream& stream) {
    try {
      const auto got = co_await stream.read_line(100'000);
      co_return got ? std::string(*got) : std::string("<bad line>");
    } catch (const net::ConnectionEnded&) {
      co_return "<closed>";
    }
  }
  static net::task<void> write(net::Stream& stream, std::string octets) {
    co_await stream.write(octets);
    co_await stream.flush();
  }

  static std::shared_ptr<const net::TlsCertificate> certificate(const std::string& place) {
    EXPECT_TRUE(net::make_self_signed("mail.example.org", place + "/cert.pem", place + "/key.pem"));
    return *net::TlsCertificate::load(place + "/cert.pem", place + "/key.pem");
  }

  Trial trial_;
  Accounts accounts_;
  std::shared_ptr<config::Settings> settings_ = std::make_shared<config::Settings>();
  net::TlsServer tls_{certificate(trial_.place.path())};
  observe::Log log_{{.file = trial_.place.path() + "/log"}};
  config::TlsMode tls_mode_ = config::TlsMode::Starttls;
  Server server_{Services{.mailboxes = *trial_.engine,
                          .directory = accounts_,
                          .tls = tls_,
                          .log = log_,
                          .clock = trial_.core.clock()},
                 settings_};
  std::vector<std::unique_ptr<net::Stream>> clients_;
};

}  // namespace

TEST_F(Pop3, ASessionAsInRfc1939) {
  const std::string one = letter("one", "Body one.\r\n.a dot\r\n..\r\n");
  ASSERT_TRUE(trial_.deliver(alice, one));
  ASSERT_TRUE(trial_.deliver(alice, letter("two")));
  sign_in();
  EXPECT_EQ(say("STAT"), fmt::format("+OK 2 {}", one.size() + letter("two").size()));
  EXPECT_TRUE(say("LIST").starts_with("+OK"));
  EXPECT_EQ(body(), fmt::format("1 {}\r\n2 {}\r\n", one.size(), letter("two").size()));
  EXPECT_EQ(say("LIST 2"), fmt::format("+OK 2 {}", letter("two").size()));
  EXPECT_EQ(say("RETR 1"), fmt::format("+OK {} octets", one.size()));
  EXPECT_EQ(body(), one);
  EXPECT_TRUE(say("DELE 1").starts_with("+OK"));
  EXPECT_TRUE(say("DELE 1").starts_with("-ERR"));
  EXPECT_TRUE(say("RETR 1").starts_with("-ERR"));
  EXPECT_EQ(say("STAT"), fmt::format("+OK 1 {}", letter("two").size()));
  EXPECT_TRUE(say("QUIT").starts_with("+OK"));
  EXPECT_EQ(line(), "<closed>");
  EXPECT_EQ(left(), 1u);
}

TEST_F(Pop3, TheAnswersAreTheSameHoweverTheOctetsAreCut) {
  ASSERT_TRUE(trial_.deliver(alice, letter("one")));
  for (const std::size_t piece : {1, 2, 3, 7}) {
    const std::size_t client = sign_in(piece);
    EXPECT_EQ(say("RETR 1", client), fmt::format("+OK {} octets", letter("one").size()));
    EXPECT_EQ(body(client), letter("one"));
    EXPECT_TRUE(say("QUIT", client).starts_with("+OK"));
    EXPECT_EQ(line(client), "<closed>");
  }
}

TEST_F(Pop3, ASessionThatDropsErasesNothing) {
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(trial_.deliver(alice, letter("x")));
  accounts_.erase = directory::Pop3Erase::OnRetrieval;
  sign_in();
  EXPECT_TRUE(say("RETR 1").starts_with("+OK"));
  body();
  EXPECT_TRUE(say("DELE 2").starts_with("+OK"));
  drop();
  EXPECT_EQ(left(), 3u);
  // Nor does the autologout, after which nothing is said.
  const auto silent = sign_in();
  EXPECT_TRUE(say("DELE 2", silent).starts_with("+OK"));
  trial_.core.advance(9min);
  EXPECT_TRUE(say("NOOP", silent).starts_with("+OK"));
  trial_.core.advance(11min);
  EXPECT_EQ(line(silent), "<closed>");
  EXPECT_EQ(left(), 3u);
}

TEST_F(Pop3, QuitRemovesWhatIsMarkedAndNothingThatCameMeanwhile) {
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(trial_.deliver(alice, letter(fmt::format("{}", n))));
  sign_in();
  for (const char* command : {"DELE 1", "DELE 3"}) EXPECT_TRUE(say(command).starts_with("+OK"));
  ASSERT_TRUE(trial_.deliver(alice, letter("late")));
  EXPECT_TRUE(say("STAT").starts_with("+OK 1 "));
  EXPECT_TRUE(say("RETR 4").starts_with("-ERR"));
  EXPECT_TRUE(say("QUIT").starts_with("+OK"));
  const auto inbox = trial_.select(alice);
  ASSERT_EQ(inbox->shown()->summary.messages, 2u);
  EXPECT_EQ(trial_.content(*inbox, inbox->shown()->index.at(1)), letter("1"));
  EXPECT_EQ(trial_.content(*inbox, inbox->shown()->index.at(2)), letter("late"));
}

TEST_F(Pop3, AnErrorWhileRemovingIsTold) {
  ASSERT_TRUE(trial_.deliver(alice, letter("x")));
  sign_in();
  EXPECT_TRUE(say("DELE 1").starts_with("+OK"));
  trial_.store->fail(store::Outcome::Unavailable);
  EXPECT_TRUE(say("QUIT").starts_with("-ERR [SYS/TEMP]"));
  EXPECT_EQ(left(), 1u);
}

TEST_F(Pop3, RsetUnmarksAll) {
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(trial_.deliver(alice, letter("x")));
  sign_in();
  EXPECT_TRUE(say("DELE 1").starts_with("+OK"));
  EXPECT_TRUE(say("DELE 2").starts_with("+OK"));
  EXPECT_TRUE(say("RSET").starts_with("+OK"));
  EXPECT_EQ(say("STAT"), fmt::format("+OK 3 {}", 3 * letter("x").size()));
  EXPECT_TRUE(say("QUIT").starts_with("+OK"));
  EXPECT_EQ(left(), 3u);
}

TEST_F(Pop3, EraseOnRetrievalErasesAtQuitWhatRetrFetched) {
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(trial_.deliver(alice, letter("x")));
  accounts_.erase = directory::Pop3Erase::OnRetrieval;
  sign_in();
  EXPECT_TRUE(say("RETR 2").starts_with("+OK"));
  body();
  EXPECT_TRUE(say("TOP 3 0").starts_with("+OK"));
  body();
  EXPECT_TRUE(say("QUIT").starts_with("+OK"));
  EXPECT_EQ(left(), 2u);
  const auto inbox = trial_.select(alice);
  EXPECT_EQ(inbox->shown()->index.at(2).uid, Uid{3});
}

TEST_F(Pop3, EraseAfterDaysErasesWhatWasRetrievedAndIsOldEnough) {
  accounts_.erase = directory::Pop3Erase::AfterDays;
  accounts_.days = 3;
  ASSERT_TRUE(trial_.deliver(alice, letter("a")));
  ASSERT_TRUE(trial_.deliver(alice, letter("b")));
  const auto first = sign_in();
  EXPECT_TRUE(say("RETR 1", first).starts_with("+OK"));
  body(first);
  EXPECT_TRUE(say("QUIT", first).starts_with("+OK"));
  EXPECT_EQ(left(), 2u);
  trial_.core.advance(std::chrono::hours(24 * 4));
  const auto second = sign_in();
  EXPECT_TRUE(say("QUIT", second).starts_with("+OK"));
  EXPECT_EQ(left(), 1u);
  EXPECT_EQ(trial_.select(alice)->shown()->index.at(1).uid, Uid{2});
}

TEST_F(Pop3, AnErasedMessageCannotBeBroughtBackAndItsContentIsGone) {
  ASSERT_TRUE(trial_.deliver(alice, letter("x")));
  const auto entry = trial_.select(alice)->shown()->index.at(1);
  sign_in();
  EXPECT_TRUE(say("DELE 1").starts_with("+OK"));
  EXPECT_TRUE(say("QUIT").starts_with("+OK"));
  trial_.core.settle();
  EXPECT_EQ(trial_.content(*trial_.select(alice), entry),
            "refused " + std::to_string(static_cast<int>(mailbox::Refusal::Expunged)));
}

TEST_F(Pop3, TheUniqueIdOfAMessageIsTheSameForEver) {
  ASSERT_TRUE(trial_.deliver(alice, letter("a")));
  ASSERT_TRUE(trial_.deliver(alice, letter("b")));
  const auto first = sign_in();
  EXPECT_TRUE(say("UIDL", first).starts_with("+OK"));
  const std::string list = body(first);
  EXPECT_EQ(say("UIDL 1", first), "+OK " + list.substr(0, list.find("\r\n")));
  EXPECT_TRUE(say("DELE 1", first).starts_with("+OK"));
  EXPECT_TRUE(say("UIDL 1", first).starts_with("-ERR"));
  EXPECT_TRUE(say("QUIT", first).starts_with("+OK"));
  const auto second = sign_in();
  EXPECT_TRUE(say("UIDL", second).starts_with("+OK"));
  std::string expected = list.substr(list.find("\r\n") + 2);
  expected[0] = '1';
  EXPECT_EQ(body(second), expected);
}

TEST_F(Pop3, TopGivesTheHeaderAndSoManyLines) {
  const std::string octets = letter("top", "line 1\r\n.line 2\r\nline 3\r\n");
  ASSERT_TRUE(trial_.deliver(alice, octets));
  sign_in();
  EXPECT_TRUE(say("TOP 1 0").starts_with("+OK"));
  EXPECT_EQ(body(), octets.substr(0, octets.find("line 1")));
  EXPECT_TRUE(say("TOP 1 2").starts_with("+OK"));
  EXPECT_EQ(body(), octets.substr(0, octets.find("line 3")));
  EXPECT_TRUE(say("TOP 1 99").starts_with("+OK"));
  EXPECT_EQ(body(), octets);
  EXPECT_TRUE(say("TOP 1").starts_with("-ERR"));
  EXPECT_TRUE(say("TOP 1 -1").starts_with("-ERR"));
}

TEST_F(Pop3, NumbersThatNameNoMessageAreRefused) {
  ASSERT_TRUE(trial_.deliver(alice, letter("x")));
  sign_in();
  for (const char* command :
       {"RETR 0", "RETR 2", "RETR 99999999999", "RETR -1", "RETR one", "RETR", "RETR 1 1", "DELE 2",
        "TOP 2 0", "UIDL 2", "LIST 2", "LIST 18446744073709551617"})
    EXPECT_TRUE(say(command).starts_with("-ERR")) << command;
  EXPECT_TRUE(say("NOOP").starts_with("+OK"));
}

TEST_F(Pop3, TheMaildropIsForOneSessionAtATime) {
  ASSERT_TRUE(trial_.deliver(alice, letter("x")));
  sign_in();
  const auto second = connect();
  EXPECT_TRUE(say("USER alice", second).starts_with("+OK"));
  EXPECT_TRUE(say("PASS two  words", second).starts_with("-ERR [IN-USE]"));
  EXPECT_TRUE(say("QUIT", 0).starts_with("+OK"));
  EXPECT_TRUE(say("USER alice", second).starts_with("+OK"));
  EXPECT_TRUE(say("PASS two  words", second).starts_with("+OK"));
  drop(second);
  sign_in();
}

TEST_F(Pop3, CommandsBelongToTheirState) {
  connect();
  for (const char* command : {"STAT", "LIST", "LIST 1", "UIDL", "RETR 1", "TOP 1 1", "DELE 1", "RSET", "NOOP",
                              "PASS two  words", "NONSENSE"})
    EXPECT_TRUE(say(command).starts_with("-ERR")) << command;
  EXPECT_TRUE(say("USER alice").starts_with("+OK"));
  EXPECT_TRUE(say("PASS two  words").starts_with("+OK"));
  for (const char* command : {"USER alice", "PASS two  words", "AUTH PLAIN", "STLS", "UTF8"})
    EXPECT_TRUE(say(command).starts_with("-ERR")) << command;
}

TEST_F(Pop3, AWrongPasswordAndAnUnknownNameSoundAlikeAndFiveAreEnough) {
  connect();
  std::set<std::string> replies;
  for (int n = 0; n < 5; ++n) {
    EXPECT_EQ(say(n % 2 ? "USER alice" : "USER nobody"), "+OK Now PASS");
    replies.insert(say("PASS two words"));
  }
  EXPECT_EQ(replies, (std::set<std::string>{"-ERR [AUTH] User name or password is wrong"}));
  EXPECT_EQ(line(), "<closed>");
}

TEST_F(Pop3, AuthPlainSignsInAndCanBeCancelled) {
  const std::string response = base64(std::string("\0alice\0two  words", 17));
  connect();
  EXPECT_EQ(say("AUTH PLAIN"), "+ ");
  EXPECT_TRUE(say("*").starts_with("-ERR"));
  EXPECT_TRUE(say("AUTH PLAIN !!!").starts_with("-ERR"));
  EXPECT_EQ(say("NONSENSE"), "-ERR That is no command of ours; CAPA lists what there is");
  EXPECT_TRUE(say("AUTH NONSENSE").starts_with("-ERR"));
  EXPECT_TRUE(say("AUTH").starts_with("+OK"));
  EXPECT_NE(body().find("PLAIN\r\n"), std::string::npos);
  EXPECT_TRUE(say("AUTH PLAIN " + response).starts_with("+OK"));
  EXPECT_TRUE(say("STAT").starts_with("+OK"));
}

TEST_F(Pop3, PasswordsAreTakenOverTlsOnlyAndWhatWasSaidBeforeIsForgotten) {
  settings_->auth.cleartext = false;
  settings_->auth.scram = config::Scram::Plus;
  connect();
  EXPECT_TRUE(say("USER alice").starts_with("-ERR"));
  EXPECT_TRUE(say("AUTH PLAIN AGE=").starts_with("-ERR"));
  EXPECT_TRUE(say("CAPA").starts_with("+OK"));
  const std::string before = body();
  EXPECT_EQ(before.find("\r\nUSER\r\n"), std::string::npos);
  EXPECT_NE(before.find("STLS\r\n"), std::string::npos);
  EXPECT_TRUE(say("STLS").starts_with("+OK"));
  net::TlsClient client;
  const auto shake = [](net::Stream& stream, net::TlsClient& tls) -> net::task<bool> {
    net::TlsPeer peer{.name = "mail.example.org", .verify = net::TlsVerify::Opportunistic};
    const auto info = co_await stream.start_tls_client(tls, std::move(peer));
    co_return info.has_value();
  };
  ASSERT_TRUE(trial_.run(shake(*clients_[0], client)));
  EXPECT_TRUE(say("STLS").starts_with("-ERR"));
  EXPECT_TRUE(say("CAPA").starts_with("+OK"));
  const std::string after = body();
  EXPECT_NE(after.find("\r\nUSER\r\n"), std::string::npos);
  EXPECT_NE(after.find("SCRAM-SHA-256-PLUS"), std::string::npos);
  EXPECT_EQ(after.find("STLS"), std::string::npos);
  EXPECT_TRUE(say("USER alice").starts_with("+OK"));
  EXPECT_TRUE(say("PASS two  words").starts_with("+OK"));
}

TEST_F(Pop3, WhatFollowsStlsInTheClearIsNoCommand) {  // attack 5
  for (std::size_t piece : {std::size_t{1}, std::size_t{5}, SIZE_MAX}) {
    const auto client = connect(piece);
    send("STLS\r\nUSER mallory\r\nPASS x\r\n", client);
    const std::string reply = line(client);
    if (reply.starts_with("-ERR"))
      EXPECT_EQ(line(client), "<closed>");
    else
      EXPECT_NE(line(client).substr(0, 3), "+OK");  // it was read as a handshake, and was none
  }
}

TEST_F(Pop3, ABrowserIsLeftAtOnceAndNothingIsRepeated) {  // attack 93
  for (const char* request : {"GET / HTTP/1.1", "POST /x HTTP/1.1"}) {
    const auto client = connect();
    EXPECT_EQ(say(request, client), "<closed>");
  }
}

TEST_F(Pop3, CommandsMayBePipelined) {
  for (int n = 0; n < 20; ++n) ASSERT_TRUE(trial_.deliver(alice, letter(fmt::format("{}", n))));
  sign_in();
  std::string all;
  for (int n = 1; n <= 20; ++n) all += fmt::format("RETR {}\r\nDELE {}\r\n", n, n);
  send(all + "QUIT\r\n");
  for (int n = 0; n < 20; ++n) {
    EXPECT_TRUE(line().starts_with("+OK"));
    EXPECT_EQ(body(), letter(fmt::format("{}", n)));
    EXPECT_TRUE(line().starts_with("+OK"));
  }
  EXPECT_EQ(line(), "+OK Bye; the maildrop is empty");
  EXPECT_EQ(left(), 0u);
}

TEST_F(Pop3, WhoNeverReadsIsEndedAndHeldInBoundedMemory) {  // attack 25
  const std::string big = letter("big", std::string(200'000, 'x') + "\r\n");
  ASSERT_TRUE(trial_.deliver(alice, big));
  sign_in();
  std::string all;
  for (int n = 0; n < 1000; ++n) all += "RETR 1\r\n";
  send(all.substr(0, 30'000));
  trial_.core.advance(11min);
  std::size_t octets = 0;
  for (std::string got = line(); got != "<closed>"; got = line()) octets += got.size();
  EXPECT_LT(octets, 2'000'000u);
}

TEST_F(Pop3, TheCapabilitiesFollowTheAccount) {
  accounts_.erase = directory::Pop3Erase::OnRetrieval;
  connect();
  EXPECT_TRUE(say("CAPA").starts_with("+OK"));
  EXPECT_NE(body().find("EXPIRE 0 USER\r\n"), std::string::npos);
  EXPECT_TRUE(say("USER alice").starts_with("+OK"));
  EXPECT_TRUE(say("PASS two  words").starts_with("+OK"));
  EXPECT_TRUE(say("CAPA").starts_with("+OK"));
  const std::string after = body();
  for (const char* capability :
       {"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE 0", "UTF8 USER"})
    EXPECT_NE(("\r\n" + after).find(fmt::format("\r\n{}\r\n", capability)), std::string::npos) << capability;
}

TEST_F(Pop3, AMessageThatAnotherProgramRemovedIsSaidToBeGone) {
  ASSERT_TRUE(trial_.deliver(alice, letter("a")));
  ASSERT_TRUE(trial_.deliver(alice, letter("b")));
  sign_in();
  {
    const auto inbox = trial_.select(alice);
    ASSERT_TRUE(
        trial_.run(inbox->expunge(NumberSet::of({{1, 1}}), mailbox::Which::All, mailbox::Fate::Erased)));
    trial_.core.settle();
  }
  EXPECT_TRUE(say("RETR 1").starts_with("-ERR"));
  EXPECT_TRUE(say("RETR 2").starts_with("+OK"));
  body();
  EXPECT_TRUE(say("DELE 1").starts_with("+OK"));
  EXPECT_TRUE(say("QUIT").starts_with("+OK"));
  EXPECT_EQ(left(), 1u);
}

TEST_F(Pop3, AfterALongLineTheSessionGoesOnAndAnEndlessOneEndsIt) {
  settings_->limits.line = config::Octets{1000};
  connect();
  EXPECT_TRUE(say("USER " + std::string(5000, 'x')).starts_with("-ERR"));
  EXPECT_TRUE(say("CAPA").starts_with("+OK"));
  body();
  send(std::string(70'000, 'x'));
  EXPECT_TRUE(line().starts_with("-ERR"));
  EXPECT_EQ(line(), "<closed>");
}

}  // namespace postroad::pop3d
