#include "net/tls.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/encoding.h"
#include "net/manual_core.h"
#include "net/sleep.h"
#include "net/tls_testing.h"
#include "net/tls_transport.h"

namespace postroad::net {
namespace {

// Two ends of a pair in memory, a server for mail.test, and what each side came to know.
struct Tls : testing::Test {
  Certificates files;
  std::shared_ptr<const TlsCertificate> certificate = files.make("mail.test");
  TlsServer server{certificate};
  TlsClient client{files.file("mail.test")};
  TlsService imap{.name = "imap", .alpn = {"imap"}};
  ManualCore core;

  struct Outcome {
    std::optional<TlsInfo> server, client;
    std::string server_ended;
    std::optional<TlsProblem> client_problem;
    std::optional<std::string> server_binding, client_binding, server_point, client_point;
    std::string got;
  };
  Outcome meet(TlsPeer peer, std::size_t piece = SIZE_MAX);
};

task<void> serve(Stream& s, const TlsServer& server, const TlsService& service, Tls::Outcome& outcome) {
  co_await s.start_tls(server, service);
  outcome.server = s.tls();
  outcome.server_binding = s.tls_exporter();
  outcome.server_point = s.tls_server_end_point();
  outcome.got = std::string(*co_await s.read_line(100));
  co_await s.write("done\r\n");
  co_await s.close();
}
task<void> visit(Stream& s, const TlsClient& client, TlsPeer peer, Tls::Outcome& outcome) {
  auto info = co_await s.start_tls_client(client, std::move(peer));
  if (!info) {
    outcome.client_problem = info.error().problem;
    co_return;
  }
  outcome.client = *info;
  outcome.client_binding = s.tls_exporter();
  outcome.client_point = s.tls_server_end_point();
  co_await s.write("hello\r\n");
  co_await s.read_line(100);
  co_await s.close();
}

Tls::Outcome Tls::meet(TlsPeer peer, std::size_t piece) {
  Outcome outcome;
  auto [a, b] = memory_pair(core, {.piece = piece});
  TaskGroup group(core, [&](std::exception_ptr error) {
    try {
      std::rethrow_exception(error);
    } catch (const ConnectionEnded& e) {
      outcome.server_ended = name(e.how());
    }
  });
  group.spawn(serve(a, server, imap, outcome));
  group.spawn(visit(b, client, std::move(peer), outcome));
  core.run_until_idle(2min);
  return outcome;
}

TEST_F(Tls, BothSidesAgreeOnWhatTheyShareHoweverTheOctetsAreCut) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, SIZE_MAX}) {
    const Outcome outcome = meet({.name = "mail.test", .alpn = {"imap"}}, piece);
    ASSERT_TRUE(outcome.server && outcome.client) << piece;
    EXPECT_EQ(outcome.got, "hello");
    EXPECT_EQ(outcome.server->version, "TLSv1.3");
    EXPECT_EQ(outcome.server->cipher, outcome.client->cipher);
    EXPECT_EQ(outcome.server->server_name, "mail.test");
    EXPECT_EQ(outcome.server->alpn, "imap");
    EXPECT_EQ(outcome.client->verified, TlsProblem::None);
    ASSERT_TRUE(outcome.server_binding && outcome.server_point);
    EXPECT_EQ(outcome.server_binding->size(), 32);
    EXPECT_EQ(outcome.server_binding, outcome.client_binding);
    EXPECT_EQ(outcome.server_point, outcome.client_point);
    EXPECT_EQ(hex(*outcome.client_point), outcome.client->peer_fingerprint);  // ECDSA with SHA-256
  }
}

TEST_F(Tls, TheNameMustBeTheCertificates) {
  EXPECT_EQ(meet({.name = "other.test"}).client_problem, TlsProblem::HostMismatch);
}

TEST_F(Tls, TheChainMustBeTrusted) {
  files.make("elsewhere.test");
  const TlsClient stranger(files.file("elsewhere.test"));
  Outcome outcome;
  auto [a, b] = memory_pair(core);
  TaskGroup group(core, [](std::exception_ptr) {});
  group.spawn(serve(a, server, imap, outcome));
  TlsPeer peer{.name = "mail.test"};
  group.spawn(visit(b, stranger, std::move(peer), outcome));
  core.run_until_idle(1min);
  EXPECT_EQ(outcome.client_problem, TlsProblem::NotTrusted);
}

TEST_F(Tls, OpportunisticTakesAnythingAndRecordsTheTruth) {
  const Outcome outcome = meet({.name = "other.test", .verify = TlsVerify::Opportunistic});
  EXPECT_EQ(outcome.got, "hello");
  EXPECT_EQ(outcome.client->verified, TlsProblem::HostMismatch);
}

TEST_F(Tls, DaneTakesTheCertificateThatDnsNamesWhateverItsName) {
  std::string key = *from_hex(meet({.name = "mail.test"}).client->peer_fingerprint);
  TlsPeer peer{.name = "mx.test", .verify = TlsVerify::Dane, .tlsa = {{3, 0, 1, key}}};
  EXPECT_EQ(meet(peer).got, "hello");
  key[0] = static_cast<char>(key[0] ^ 1);
  peer.tlsa = {{3, 0, 1, key}};
  EXPECT_EQ(meet(peer).client_problem, TlsProblem::TlsaMismatch);
  peer.tlsa = {{0, 0, 1, key}, {3, 0, 1, "short"}};
  EXPECT_EQ(meet(peer).client_problem, TlsProblem::TlsaUnusable);
}

// durability.md, attack 93.
TEST_F(Tls, AnotherProtocolByAlpnIsRefused) {
  const Outcome outcome = meet({.name = "mail.test", .alpn = {"h2", "http/1.1"}});
  EXPECT_EQ(outcome.client_problem, TlsProblem::Protocol);
  EXPECT_EQ(outcome.server_ended, "TLS failed");
  EXPECT_EQ(meet({.name = "mail.test"}).got, "hello") << "without ALPN all is well";
}

TEST_F(Tls, TheCertificateIsChosenByTheName) {
  const auto second = files.make("second.test");
  std::vector<std::string> asked;
  server.set_choose([&](std::string_view wanted) -> std::shared_ptr<const TlsCertificate> {
    asked.emplace_back(wanted);
    return wanted == "second.test" ? second : nullptr;
  });
  const Outcome first = meet({.name = "mail.test", .verify = TlsVerify::Opportunistic});
  const Outcome other = meet({.name = "Second.TEST", .verify = TlsVerify::Opportunistic});
  EXPECT_NE(first.client->peer_fingerprint, other.client->peer_fingerprint);
  EXPECT_EQ(asked, (std::vector<std::string>{"mail.test", "second.test"}));
  EXPECT_EQ(other.server_point, other.client_point);
}

TEST_F(Tls, ANewCertificateHoldsForNewHandshakes) {
  const auto before = meet({.name = "mail.test"}).client->peer_fingerprint;
  server.set_certificate(files.make("mail.test"));
  const auto after = meet({.name = "mail.test", .verify = TlsVerify::Opportunistic}).client->peer_fingerprint;
  EXPECT_NE(before, after);
}

task<void> read_on(Stream& s, const TlsServer& server, const TlsService& service, std::string& ended) {
  co_await s.start_tls(server, service);
  try {
    for (;;) co_await s.read_line(100);
  } catch (const ConnectionEnded& e) {
    ended = name(e.how());
  }
}
task<void> say_and_leave(Stream s, const TlsClient& client, bool politely) {
  TlsPeer peer{.name = "mail.test"};
  co_await s.start_tls_client(client, std::move(peer));
  co_await s.write("hello\r\n");
  co_await s.flush();
  // The ticket is read, so that leaving is an end and not a reset.
  co_await s.wait(nullptr, Core::here().now() + 1s);
  if (politely) co_await s.close();
}

TEST_F(Tls, AnEndWithoutCloseNotifyIsTruncation) {
  for (const bool politely : {true, false}) {
    std::string ended;
    auto [a, b] = memory_pair(core);
    TaskGroup group(core, [](std::exception_ptr) { FAIL(); });
    group.spawn(read_on(a, server, imap, ended));
    group.spawn(say_and_leave(std::move(b), client, politely));
    core.advance(10s);
    EXPECT_EQ(ended, politely ? "closed" : "truncated");
  }
}

// durability.md, attacks 5 and 6.
TEST_F(Tls, PlaintextBeforeTheHandshakeIsDroppedByUsAsServerAndRefusedAsClient) {
  auto starttls = [](Stream& s, const TlsServer& tls, const TlsService& service, std::size_t& early,
                     std::string& line) -> task<void> {
    co_await s.read_line(100);
    co_await s.write("220 go\r\n");
    early = co_await s.start_tls(tls, service);
    line = std::string(*co_await s.read_line(100));
  };
  auto inject = [](Stream& s, const TlsClient& tls, bool& refused) -> task<void> {
    co_await s.write("STARTTLS\r\nMAIL FROM:<x@y.test>\r\n");
    co_await s.flush();
    co_await s.read_line(100);
    TlsPeer peer{.name = "mail.test"};
    refused = !co_await s.start_tls_client(tls, std::move(peer));
    co_await s.write("EHLO again\r\n");
    co_await s.flush();
  };
  std::size_t early = 0;
  std::string line;
  bool refused = true;
  auto [a, b] = memory_pair(core);
  TaskGroup group(core, [](std::exception_ptr) { FAIL(); });
  group.spawn(starttls(a, server, imap, early, line));
  group.spawn(inject(b, client, refused));
  core.settle();
  EXPECT_EQ(early, 22);
  EXPECT_FALSE(refused);
  EXPECT_EQ(line, "EHLO again");

  auto fake_mx = [](Stream& s) -> task<void> {
    co_await s.write("220 go\r\n250-AUTH PLAIN\r\n");
    co_await s.flush();
  };
  auto ours = [](Stream& s, const TlsClient& tls, TlsProblem& problem) -> task<void> {
    co_await s.read_line(100);
    TlsPeer peer{.name = "mail.test"};
    auto info = co_await s.start_tls_client(tls, std::move(peer));
    problem = info ? TlsProblem::None : info.error().problem;
  };
  TlsProblem problem{};
  auto [c, d] = memory_pair(core);
  TaskGroup second(core, [](std::exception_ptr) { FAIL(); });
  second.spawn(fake_mx(c));
  second.spawn(ours(d, client, problem));
  core.settle();
  EXPECT_EQ(problem, TlsProblem::EarlyPlaintext);
}

// durability.md, attack 27: a piece of a ClientHello, then silence, or one octet now and then.
TEST_F(Tls, AHalfHandshakeEndsAfterThirtySeconds) {
  for (const bool dribble : {false, true}) {
    auto half = [](Stream& s, bool on) -> task<void> {
      co_await s.write("\x16\x03\x01\x02\x00\x01");
      co_await s.flush();
      for (int i = 0; on && i < 1000; ++i) {
        co_await sleep_for(1s);
        co_await s.write("x");
        co_await s.flush();
      }
    };
    auto accept = [](Stream& s, const TlsServer& tls, const TlsService& service) -> task<void> {
      co_await s.start_tls(tls, service);
    };
    std::string ended;
    auto [a, b] = memory_pair(core);
    TaskGroup group(core, [&](std::exception_ptr error) {
      try {
        std::rethrow_exception(error);
      } catch (const ConnectionEnded& e) {
        ended = name(e.how());
      }
    });
    group.spawn(accept(a, server, imap));
    group.spawn(half(b, dribble));
    core.advance(29s);
    EXPECT_EQ(ended, "");
    core.advance(2s);
    EXPECT_EQ(ended, "timed out");
  }
}

TEST_F(Tls, LargeWritesArriveWholeWhenTheWayIsNarrow) {
  auto [a, b] = memory_pair(core, {.capacity = 3000, .piece = 1009});
  std::string large(2'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i * i % 23);
  auto write = [](Stream& s, const TlsServer& tls, const TlsService& service,
                  const std::string& data) -> task<void> {
    co_await s.start_tls(tls, service);
    for (std::size_t i = 0; i < 500'000; i += 1000) co_await s.write(std::string_view(data).substr(i, 1000));
    co_await s.write_view(std::string_view(data).substr(500'000));
    co_await s.close();
  };
  auto read = [](Stream& s, const TlsClient& tls, std::string& got) -> task<void> {
    TlsPeer peer{.name = "mail.test"};
    co_await s.start_tls_client(tls, std::move(peer));
    while (co_await s.fill()) {
      got += s.buffered();
      s.consume(s.buffered().size());
    }
  };
  std::string got;
  TaskGroup group(core, [](std::exception_ptr) { FAIL(); });
  group.spawn(write(a, server, imap, large));
  group.spawn(read(b, client, got));
  core.advance(1s);
  EXPECT_TRUE(got == large) << got.size();
}

// --- files ---

TEST_F(Tls, SelfMadeKeysAreReadableByTheirOwnerOnly) {
  struct stat key{};
  ASSERT_EQ(::stat(files.key("mail.test").c_str(), &key), 0);
  EXPECT_EQ(key.st_mode & 0777, 0600);
  EXPECT_EQ(certificate->names(), std::vector<std::string>{"mail.test"});
  const auto now = std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds{1};
  EXPECT_GT(certificate->not_after(), now + 3600 * 24 * 3600);
}

TEST_F(Tls, BadFilesAreToldApart) {
  files.make("other.test");
  std::ofstream(files.directory() + "/empty.pem").close();
  const auto error = [&](const std::string& c, const std::string& k) {
    const auto loaded = TlsCertificate::load(c, k);
    return loaded ? TlsFileError::CannotWrite : loaded.error().error;
  };
  const std::string cert = files.file("mail.test"), key = files.key("mail.test");
  EXPECT_EQ(error("/nonexistent", key), TlsFileError::CannotRead);
  EXPECT_EQ(error(cert, "/nonexistent"), TlsFileError::CannotRead);
  EXPECT_EQ(error(files.directory() + "/empty.pem", key), TlsFileError::NotPem);
  EXPECT_EQ(error(cert, cert), TlsFileError::NotPem);
  EXPECT_EQ(error(cert, files.key("other.test")), TlsFileError::KeyMismatch);
  EXPECT_EQ(make_self_signed("a b", cert, key).error().error, TlsFileError::BadHostName);
  EXPECT_EQ(make_self_signed("x,DNS:evil.test", cert, key).error().error, TlsFileError::BadHostName);
  EXPECT_EQ(make_self_signed("a.test", "/nonexistent/c", "/nonexistent/k").error().error,
            TlsFileError::CannotWrite);
  EXPECT_THROW(TlsClient("/nonexistent"), std::runtime_error);
}

}  // namespace
}  // namespace postroad::net
