#include "http/client.h"

#include <gtest/gtest.h>

#include "dns/fixed_resolver.h"
#include "http/server.h"
#include "net/manual_core.h"
#include "net/task_group.h"

namespace postroad::http {
namespace {

// Answers every request with what it was asked.
class Mirror final : public Handler {
 public:
  net::task<Response> handle(Request& request) override {
    if (request.path == "/redirect") {
      Response away{.status = 302};
      away.headers.add("Location", "http://127.0.0.1/");
      co_return away;
    }
    Response response{.type = "text/plain",
                      .body = std::string(to_text(request.method)) + " " + request.path};
    if (request.body) {
      const auto text = co_await request.body->read_all(1000);
      if (text) response.body += " " + *text;
    }
    co_return response;
  }
};

// Connects to the mirror, whatever the address; remembers which.
class ToMirror final : public net::Connector {
 public:
  ToMirror(net::ManualCore& core, net::TaskGroup& group) : core_(core), group_(group) {}
  net::task<Result<net::Stream, net::ConnectError>> connect(net::ConnectTo to) override {
    seen.push_back(to.peer.text());
    auto [client, server] = net::memory_pair(core_, {.piece = 3});
    group_.spawn(serve(std::move(server), mirror_, {}));
    co_return std::move(client);
  }
  std::vector<std::string> seen;

 private:
  net::ManualCore& core_;
  net::TaskGroup& group_;
  Mirror mirror_;
};

class ClientTest : public ::testing::Test {
 protected:
  Result<Reply, ClientError> get(std::string url, Ask ask = {}, bool allow_private = false) {
    return core_.run(
        fetch(std::move(url), std::move(ask), {connector_, *resolver_, tls_, allow_private}, {}));
  }
  net::ManualCore core_;
  net::TaskGroup group_{core_, [](std::exception_ptr) {}};
  ToMirror connector_{core_, group_};
  std::unique_ptr<dns::Resolver> resolver_ = dns::demo_resolver();
  net::TlsClient tls_;
};

TEST_F(ClientTest, AskAndAnswerAreWholeAtEverySplit) {
  const auto reply =
      get("http://8.8.8.8:8080/a?b", {.method = Method::Post, .type = "text/plain", .text = "hello"});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "POST /a hello");
  EXPECT_EQ(connector_.seen, std::vector<std::string>{"8.8.8.8:8080"});
}

TEST_F(ClientTest, ABodyThatIsStreamedArrivesWhole) {
  TextBody body("streamed");
  Ask ask{.method = Method::Put};
  ask.stream = &body;
  EXPECT_EQ(get("http://8.8.8.8/x", ask)->body, "PUT /x streamed");
}

TEST_F(ClientTest, ARedirectIsAnAnswerAndIsNotFollowed) {
  EXPECT_EQ(get("http://8.8.8.8/redirect")->status, 302);
  EXPECT_EQ(connector_.seen.size(), 1u);
}

TEST_F(ClientTest, NoUrlLeadsInside) {  // attack 99
  for (const std::string_view host : {"127.0.0.1",
                                      "127.1",
                                      "0x7f000001",
                                      "0177.0.0.1",
                                      "2130706433",
                                      "0.0.0.0",
                                      "10.0.0.1",
                                      "192.168.1.1",
                                      "172.16.0.1",
                                      "169.254.169.254",
                                      "100.64.0.1",
                                      "[::1]",
                                      "[::]",
                                      "[::ffff:7f00:1]",
                                      "[::ffff:127.0.0.1]",
                                      "[fe80::1]",
                                      "[fd00::1]",
                                      "[64:ff9b::7f00:1]",
                                      "[2002:7f00:1::]",
                                      "127.0.0.1.",
                                      "user@127.0.0.1",
                                      "127.0.0.1:80@8.8.8.8",
                                      "8.8.8.8@127.0.0.1",
                                      "224.0.0.1",
                                      "255.255.255.255",
                                      "localhost\\@8.8.8.8"}) {
    const auto reply = get("http://" + std::string(host) + "/");
    ASSERT_FALSE(reply) << host;
    EXPECT_TRUE(reply.error() == ClientError::BadUrl || reply.error() == ClientError::NotPublic) << host;
  }
  for (const std::string_view url :
       {"file:///etc/passwd", "gopher://8.8.8.8/", "ftp://8.8.8.8/", "//8.8.8.8/", "8.8.8.8", "http:8.8.8.8",
        "http:///", "http://8.8.8.8:0/", "http://8.8.8.8:65536/", "http://8.8.8.8/a b",
        "http://8.8.8.8/\r\nX: y", ""})
    EXPECT_EQ(get(std::string(url)).error(), ClientError::BadUrl) << url;
  EXPECT_TRUE(connector_.seen.empty());
  EXPECT_TRUE(get("http://127.0.0.1/", {}, true)) << "by configuration it may";
}

TEST(Url, TellsHostPortAndTarget) {
  const auto url = parse_url("HTTPS://Example.ORG.:8443/a/b?c#fragment");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "example.org");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a/b?c");
  EXPECT_EQ(parse_url("http://example.org")->target, "/");
  EXPECT_EQ(parse_url("http://example.org?q")->target, "/?q");
}

}  // namespace
}  // namespace postroad::http
