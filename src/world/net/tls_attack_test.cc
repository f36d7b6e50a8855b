// What strangers do to TLS (durability.md, F), with an OpenSSL of their own over real sockets.
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/tcp.h>
#if __has_include(<sanitizer/allocator_interface.h>)
#include <sanitizer/allocator_interface.h>
#endif

#include "net/server_testing.h"
#include "net/tls_testing.h"

namespace postroad::net {
namespace {

struct TlsAttack : testing::Test {
  Certificates files;
  std::shared_ptr<const TlsCertificate> certificate = files.make("mail.test");
  TlsServer tls{certificate};
  TlsService imaps{.name = "imaps", .alpn = {"imap"}};
  TlsService smtps{.name = "smtps", .alpn = {}};

  // One listener for each service, on the same TlsServer.
  static task<void> echo(Stream stream, const TlsServer& server, const TlsService& service) {
    stream.allow(10s);
    co_await stream.start_tls(server, service);
    for (;;) {
      const auto line = co_await stream.read_line(100);
      if (!line) co_return;
      const std::string reply = (stream.tls()->resumed ? "resumed " : "full ") + std::string(*line) + "\r\n";
      co_await stream.write(reply);
    }
  }
  TestServer first{[this](Stream stream) { return echo(std::move(stream), tls, imaps); }};
  TestServer second{[this](Stream stream) { return echo(std::move(stream), tls, smtps); }};
};

TEST_F(TlsAttack, TlsMayFollowAProxyHeaderInTheSameSegment) {
  Listener::Options options;
  options.proxies = {*Network::parse("127.0.0.1")};
  auto say = [](Stream stream, const TlsServer& server, const TlsService& service) -> task<void> {
    co_await stream.start_tls(server, service);
    co_await stream.write(stream.peer().text() + "\r\n");
    co_await stream.close();
  };
  TestServer behind([&](Stream stream) { return say(std::move(stream), tls, smtps); }, options);
  for (const bool apart : {false, true}) {
    RawTls peer(behind.address());
    const int hold = 1;
    ::setsockopt(peer.fd(), IPPROTO_TCP, TCP_CORK, &hold, sizeof hold);
    const std::string_view header = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 465\r\n";
    ASSERT_GT(::send(peer.fd(), header.data(), header.size(), MSG_NOSIGNAL), 0);
    if (apart) usleep(300'000);  // longer than a cork holds
    ASSERT_TRUE(peer.handshake());
    EXPECT_EQ(peer.read(), "192.0.2.1:56324\r\n");
  }
}

// 91
TEST_F(TlsAttack, OldProtocolsAndCiphersFail) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    RawTls old(first.address());
    SSL_set_max_proto_version(old.ssl(), version);
    EXPECT_FALSE(old.handshake()) << version;
  }
  for (const char* cipher : {"AES128-SHA", "NULL", "aNULL", "PSK", "CAMELLIA"}) {
    RawTls weak(first.address());
    SSL_set_max_proto_version(weak.ssl(), TLS1_2_VERSION);
    if (SSL_set_cipher_list(weak.ssl(), cipher) != 1) continue;  // this OpenSSL has none
    EXPECT_FALSE(weak.handshake()) << cipher;
  }
  RawTls good(first.address());
  SSL_set_max_proto_version(good.ssl(), TLS1_2_VERSION);
  EXPECT_TRUE(good.handshake());
  EXPECT_TRUE(good.write("hello\r\n"));
  EXPECT_EQ(good.read(), "full hello\r\n");
}

TEST_F(TlsAttack, OnlyTheNewestVersionByConfiguration) {
  TlsServer newest(certificate, true);
  TestServer server([&](Stream stream) { return echo(std::move(stream), newest, smtps); });
  RawTls old(server.address());
  SSL_set_max_proto_version(old.ssl(), TLS1_2_VERSION);
  EXPECT_FALSE(old.handshake());
  newest.set_certificate(certificate);  // does not forget
  RawTls again(server.address());
  SSL_set_max_proto_version(again.ssl(), TLS1_2_VERSION);
  EXPECT_FALSE(again.handshake());
  RawTls good(server.address());
  EXPECT_TRUE(good.handshake());
}

// 92
TEST_F(TlsAttack, RenegotiationIsRefused) {
  RawTls peer(first.address());
  SSL_set_max_proto_version(peer.ssl(), TLS1_2_VERSION);
  ASSERT_TRUE(peer.handshake());
  SSL_renegotiate(peer.ssl());
  SSL_do_handshake(peer.ssl());
  peer.write("hello\r\n");
  EXPECT_NE(peer.read(), "full hello\r\n");
}

// 92
TEST_F(TlsAttack, AFloodOfKeyUpdatesEndsTheConnection) {
  RawTls peer(first.address());
  ASSERT_TRUE(peer.handshake());
  ASSERT_TRUE(peer.write("hello\r\n"));
  EXPECT_EQ(peer.read(), "full hello\r\n");
  for (int i = 0; i < 20; ++i) {  // some are nobody's business
    SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    SSL_do_handshake(peer.ssl());
  }
  ASSERT_TRUE(peer.write("again\r\n"));
  EXPECT_EQ(peer.read(), "full again\r\n");
  int sent = 0;
  for (; sent < 100'000; ++sent) {
    if (SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(peer.ssl()) != 1)
      break;
  }
  EXPECT_LT(sent, 100'000);
  peer.write("more\r\n");
  EXPECT_EQ(peer.read(), "");
  for (int i = 0; i < 100 && first.errors().empty(); ++i) usleep(10'000);
  ASSERT_EQ(first.errors().size(), 1);
  EXPECT_EQ(first.errors()[0], "connection TLS failed: too many KeyUpdate messages");
}

// 93
TEST_F(TlsAttack, AnotherProtocolByAlpnGetsAlert120) {
  RawTls peer(first.address());
  SSL_set_alpn_protos(peer.ssl(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
  EXPECT_FALSE(peer.handshake());
  EXPECT_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL);
}

// A conversation, and the session (with its ticket) that it left behind.
struct SessionFree {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using Ticket = std::unique_ptr<SSL_SESSION, SessionFree>;

std::string talk(const Endpoint& server, const char* name, int version, Ticket& ticket) {
  RawTls peer(server);
  SSL_set_max_proto_version(peer.ssl(), version);
  SSL_set_tlsext_host_name(peer.ssl(), name);
  if (ticket) {
    // OpenSSL's client would not offer a ticket of another name; an attacker does.
    SSL_SESSION_set1_hostname(ticket.get(), name);
    SSL_set_session(peer.ssl(), ticket.get());
  }
  if (!peer.handshake() || !peer.write("x\r\n")) return "failed";
  std::string answer = peer.read();
  SSL_shutdown(peer.ssl());
  ticket.reset(SSL_get1_session(peer.ssl()));
  return answer;
}

// 94
TEST_F(TlsAttack, ATicketIsGoodForTheNameAndTheServiceItWasGivenFor) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Ticket ticket;
    EXPECT_EQ(talk(first.address(), "a.test", version, ticket), "full x\r\n") << version;
    EXPECT_EQ(talk(first.address(), "a.test", version, ticket), "resumed x\r\n") << version;
    EXPECT_EQ(talk(first.address(), "b.test", version, ticket), "full x\r\n") << version;
    EXPECT_EQ(talk(first.address(), "b.test", version, ticket), "resumed x\r\n") << version;
    EXPECT_EQ(talk(second.address(), "b.test", version, ticket), "full x\r\n") << version;
  }
}

// Octets of the heap in use.
std::size_t heap_in_use() {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return __sanitizer_get_current_allocated_bytes();
#else
  return mallinfo2().uordblks;
#endif
}

// 95
TEST_F(TlsAttack, NamesOfStrangersAreNotRemembered) {
  const auto handshakes = [&](int n, int from) {
    for (int i = from; i < from + n; ++i) {
      RawTls peer(first.address());
      SSL_set_tlsext_host_name(peer.ssl(), ("n" + std::to_string(i) + ".test").c_str());
      ASSERT_TRUE(peer.handshake());
    }
  };
  handshakes(100, 0);
  const auto settled = [&] {
    for (int i = 0; i < 200 && first.listener().sessions() > 0; ++i) usleep(10'000);
    first.take_errors();
    return heap_in_use();
  };
  const std::size_t before = settled();
  handshakes(200, 100);
  EXPECT_LT(settled(), before + 200 * 50) << "less than a name's worth each";
}

// 10, of the SMTP catalogue: what comes after close_notify is nobody's.
TEST_F(TlsAttack, PlaintextAfterCloseNotifyIsNotRead) {
  RawTls peer(first.address());
  ASSERT_TRUE(peer.handshake());
  ASSERT_TRUE(peer.write("one\r\n"));
  EXPECT_EQ(peer.read(), "full one\r\n");
  peer.write("half a li");
  SSL_shutdown(peer.ssl());
  ASSERT_EQ(::send(peer.fd(), "ne\r\n", 4, MSG_NOSIGNAL), 4);
  char octets[100];
  while (::recv(peer.fd(), octets, sizeof octets, 0) > 0) {
  }
  for (int i = 0; i < 100 && first.errors().empty(); ++i) usleep(10'000);
  EXPECT_EQ(first.errors(), std::vector<std::string>{"connection closed"});
}

TEST_F(TlsAttack, SomethingElseThanTlsIsToldByAnAlertAndAnError) {
  RawTls peer(first.address());
  const std::string_view http = "GET / HTTP/1.1\r\nHost: mail.test\r\n\r\n";
  ASSERT_EQ(::send(peer.fd(), http.data(), http.size(), MSG_NOSIGNAL), static_cast<ssize_t>(http.size()));
  char octets[100];
  std::string answer;
  for (ssize_t n; (n = ::recv(peer.fd(), octets, sizeof octets, 0)) > 0;) answer.append(octets, n);
  EXPECT_EQ(answer.find("GET"), std::string::npos);
  for (int i = 0; i < 100 && first.errors().empty(); ++i) usleep(10'000);
  ASSERT_EQ(first.errors().size(), 1);
  EXPECT_NE(first.errors()[0].find("http request"), std::string::npos) << first.errors()[0];
}

}  // namespace
}  // namespace postroad::net
