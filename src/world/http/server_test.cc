#include "http/server.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "http/router.h"
#include "net/manual_core.h"
#include "net/task_group.h"

namespace postroad::http {
namespace {

namespace json = boost::json;

class Pieces final : public Content {
 public:
  net::task<void> write(Out& out) override {
    co_await out.write("one ");
    co_await out.write("");
    co_await out.write("two");
  }
};

net::task<Answer> echo(Call& call) {
  json::object answer{{"name", call.path("name")}, {"by", call.principal().name}};
  if (const auto text = call.text("text")) answer["text"] = *text;
  if (const auto n = call.query_number("n")) answer["n"] = *n;
  co_return json_response(answer);
}
net::task<Answer> pieces(Call&) {
  co_return Response{.type = "text/plain", .content = std::make_unique<Pieces>()};
}
net::task<Answer> swallow(Call& call) {
  std::size_t octets = 0;
  for (;;) {
    const auto piece = co_await call.request().body->read();
    if (!piece) co_return refuse(Problem{400, "bad_body", std::string(describe(piece.error()))});
    if (piece->empty()) break;
    octets += piece->size();
  }
  co_return json_response(json::object{{"octets", octets}});
}
net::task<Answer> open_door(Call&) { co_return json_response(json::object{{"open", true}}); }

Router table() {
  std::vector<Route> routes;
  routes.push_back(
      {.method = Method::Get, .path = "/open", .scope = Scope::Public, .name = "open", .run = open_door});
  routes.push_back({.method = Method::Get,
                    .path = "/things/{name}",
                    .scope = Scope::DirectoryRead,
                    .name = "show",
                    .query = {{"n", Type::Number, "A number."}},
                    .run = echo});
  routes.push_back({.method = Method::Post,
                    .path = "/things/{name}",
                    .scope = Scope::DirectoryWrite,
                    .name = "add",
                    .body = {{"text", Type::Text, "What to say.", true}, {"flag", Type::Flag, "Or not."}},
                    .run = echo});
  routes.push_back({.method = Method::Get,
                    .path = "/things/fixed",
                    .scope = Scope::DirectoryRead,
                    .name = "fixed",
                    .run = open_door});
  routes.push_back({.method = Method::Get,
                    .path = "/pieces",
                    .scope = Scope::MailRead,
                    .name = "pieces",
                    .answer_stream = "text/plain",
                    .run = pieces});
  routes.push_back({.method = Method::Put,
                    .path = "/swallow",
                    .scope = Scope::MailWrite,
                    .name = "swallow",
                    .body_stream = "application/octet-stream",
                    .run = swallow});
  return Router(std::move(routes), [](std::string_view key) -> std::optional<Principal> {
    if (key == "all") return Principal{"all", Scopes::all()};
    if (key == "reader") return Principal{"reader", Scopes().add(Scope::DirectoryRead)};
    return std::nullopt;
  });
}

// Sends octets, closes, and takes down everything that comes back.
struct Wire {
  std::string said;
  net::task<void> client(net::Stream stream, std::string_view input) {
    co_await stream.write(input);
    co_await stream.flush();
    stream.allow(1h);
    bool more = true;
    while (more) {
      if (!stream.buffered().empty()) {
        said += stream.buffered();
        stream.consume(stream.buffered().size());
      }
      try {
        more = co_await stream.fill();
      } catch (const net::ConnectionEnded&) {
        more = false;
      }
    }
  }
};
std::string talk(std::string_view input, std::size_t piece = SIZE_MAX,
                 ServerLimits limits = {.idle_wait = 5s}) {
  auto router = table();
  net::ManualCore core;
  auto [client, server] = net::memory_pair(core, {.piece = piece});
  net::TaskGroup group(core, [](std::exception_ptr) {});
  group.spawn(serve(std::move(server), router, limits));
  Wire wire;
  group.spawn(wire.client(std::move(client), input));
  core.run_until_idle();
  EXPECT_TRUE(group.empty()) << "the connection did not end: " << input;
  return wire.said;
}
std::string ask(std::string_view line, std::string_view key = "all", std::string_view body = {}) {
  std::string request = std::string(line) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
  if (!key.empty()) request += "Authorization: Bearer " + std::string(key) + "\r\n";
  if (!body.empty())
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return talk(request + "\r\n" + std::string(body));
}
int status(const std::string& said) { return said.size() > 12 ? std::stoi(said.substr(9, 3)) : 0; }
std::string body_of(const std::string& said) { return said.substr(said.find("\r\n\r\n") + 4); }
std::size_t answers(const std::string& said) {
  std::size_t n = 0;
  for (std::size_t at = said.find("HTTP/1.1 "); at != std::string::npos; at = said.find("HTTP/1.1 ", at + 1))
    ++n;
  return n;
}

TEST(Server, AnswersOneRequestAfterTheOtherAtEverySplit) {
  const std::string input =
      "POST /things/a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer all\r\nContent-Length: "
      "13\r\n\r\n{\"text\":\"hi\"}"
      "POST /things/b HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer all\r\nTransfer-Encoding: chunked\r\n\r\n"
      "6\r\n{\"text\r\n7\r\n\":\"yo\"}\r\n0\r\n\r\n"
      "GET /open HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, SIZE_MAX}) {
    const auto said = talk(input, piece);
    EXPECT_EQ(answers(said), 3u) << said;
    EXPECT_NE(said.find(R"("name":"a")"), std::string::npos);
    EXPECT_NE(said.find(R"("text":"yo")"), std::string::npos);
    EXPECT_NE(said.find(R"({"open":true})"), std::string::npos);
  }
}

TEST(Server, WhatIsSmuggledBehindABrokenRequestIsNeverAnswered) {  // attack 114
  const std::string smuggled = "GET /open HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string heads[] = {
      "POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
      "POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      "POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 33\r\n\r\n",
      "POST /open HTTP/1.1\r\nHost: a\nContent-Length: 0\r\n\r\n",
      "POST /open HTTP/1.1\r\nHost: a\r\nX: y\r\n Content-Length: 0\r\n\r\n",
      "POST /swallow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer all\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\nhelloX\r\n",
      "\r\n",
      std::string("GET /open HTTP/1.1\r\nHost: a\0b\r\n\r\n", 34),
  };
  for (const auto& head : heads)
    for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, SIZE_MAX}) {
      const auto said = talk(head + smuggled, piece);
      EXPECT_EQ(answers(said), 1u) << head << said;
      EXPECT_GE(status(said), 400) << head;
      EXPECT_NE(said.find("Connection: close"), std::string::npos);
    }
}

TEST(Server, GarbageIsAnsweredOrClosedAndAlwaysEnds) {
  for (const std::string& input :
       {std::string(1000, '\0'), std::string(100'000, 'A'), std::string("{{{{{{{{{{"),
        std::string("\r\n\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
        std::string("GET /open HTTP/1.1\r\nHost: a\r\n") + std::string(50'000, 'x'), std::string("GET /op"),
        std::string()})
    for (const std::size_t piece : {std::size_t{97}, SIZE_MAX})
      if (const auto said = talk(input, piece); !said.empty()) {
        EXPECT_GE(status(said), 400) << said;
        EXPECT_EQ(answers(said), 1u);
      }
}

TEST(Server, ASlowBodyIsEndedAndNotWaitedFor) {  // attack 114
  const auto said = talk(
      "PUT /swallow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer all\r\nContent-Length: 1000\r\n\r\nhalf",
      SIZE_MAX, {.request_wait = 3s, .idle_wait = 5s});
  EXPECT_EQ(answers(said), 0u) << "the connection just ends: " << said;
}

TEST(Server, ABodyBeyondTheLimitIsRefusedBeforeItIsRead) {
  const ServerLimits small{.body = 10, .idle_wait = 5s};
  const auto said =
      talk("PUT /swallow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer all\r\nContent-Length: 11\r\n\r\n",
           SIZE_MAX, small);
  EXPECT_EQ(status(said), 413);
  const auto chunks = talk(
      "PUT /swallow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer all\r\nTransfer-Encoding: chunked"
      "\r\n\r\nb\r\nhello world\r\n0\r\n\r\nGET /open HTTP/1.1\r\nHost: a\r\n\r\n",
      SIZE_MAX, small);
  EXPECT_EQ(status(chunks), 400);
  EXPECT_EQ(answers(chunks), 1u);
}

TEST(Server, WhoWaitsForContinueIsToldToGoOnAndWhoDoesNotIsNot) {
  const std::string head =
      "PUT /swallow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer all\r\nExpect: 100-continue\r\nConnection: "
      "close\r\n"
      "Content-Length: 4\r\n\r\n";
  EXPECT_EQ(talk(head), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(talk(head + "half").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST(Server, AStreamedAnswerComesInChunks) {
  const auto said = ask("GET /pieces");
  EXPECT_EQ(status(said), 200);
  EXPECT_EQ(body_of(said), "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n");
}

TEST(Server, AHeadIsAnsweredWithoutABody) {
  const auto said = ask("HEAD /open", "");
  EXPECT_EQ(status(said), 200);
  EXPECT_NE(said.find("Content-Length: 13\r\n"), std::string::npos);
  EXPECT_EQ(body_of(said), "");
}

TEST(Router, WithoutAKeyOnlyPublicRoutesAnswerAndNothingIsLearned) {
  auto router = table();
  for (const auto& route : router.routes()) {
    const std::string line = std::string(to_text(route.method)) + " " + std::string(route.path);
    std::string path = line;
    if (const auto at = path.find('{'); at != std::string::npos) path.resize(at), path += "x";
    EXPECT_EQ(status(ask(path, "")), route.scope == Scope::Public ? 200 : 401) << line;
    EXPECT_EQ(status(ask(path, "wrong")), route.scope == Scope::Public ? 200 : 401) << line;
  }
  EXPECT_EQ(status(ask("GET /nothing", "")), 401);
  EXPECT_EQ(status(ask("DELETE /open", "")), 401);
}

TEST(Router, AKeyMayDoWhatItsScopesSay) {
  EXPECT_EQ(status(ask("GET /things/x", "reader")), 200);
  EXPECT_EQ(status(ask("POST /things/x", "reader", R"({"text":"y"})")), 403);
  EXPECT_EQ(status(ask("GET /pieces", "reader")), 403);
  EXPECT_TRUE(Scopes().add(Scope::QueueWrite).has(Scope::QueueRead));
  EXPECT_FALSE(Scopes().add(Scope::QueueRead).has(Scope::QueueWrite));
}

TEST(Router, UnknownPathsAndMethodsSayWhatThereIs) {
  EXPECT_EQ(status(ask("GET /nothing")), 404);
  EXPECT_EQ(status(ask("GET /things/a/b")), 404);
  EXPECT_EQ(status(ask("GET /things/")), 404);
  const auto said = ask("DELETE /things/x");
  EXPECT_EQ(status(said), 405);
  EXPECT_NE(said.find("Allow: GET, HEAD, POST\r\n"), std::string::npos) << said;
}

TEST(Router, ParametersAreDecodedAndAFixedPathComesFirst) {
  EXPECT_NE(ask("GET /things/a%40b%2Fc?n=7").find(R"("name":"a@b/c")"), std::string::npos);
  EXPECT_NE(ask("GET /things/fixed").find("open"), std::string::npos);
  EXPECT_EQ(status(ask("GET /things/%zz")), 404);
  EXPECT_EQ(status(ask("GET /things/x?n=seven")), 400);
  EXPECT_EQ(status(ask("GET /things/x?m=7")), 400);
}

TEST(Router, EveryFaultOfABodyIsToldAtOnce) {
  const auto said = ask("POST /things/x", "all", R"({"flag":1,"txt":"y"})");
  EXPECT_EQ(status(said), 400);
  const auto error = json::parse(body_of(said)).as_object();
  EXPECT_EQ(error.at("details").as_array().size(), 3u) << said;
  EXPECT_EQ(error.at("statusCode").as_int64(), 400);
  EXPECT_NE(said.find("X-Request-Id: " + std::string(error.at("request_id").as_string().c_str())),
            std::string::npos);
  EXPECT_EQ(status(ask("POST /things/x", "all", "[1]")), 400);
  EXPECT_EQ(status(ask("POST /things/x", "all", "{")), 400);
  EXPECT_EQ(status(ask("POST /things/x", "all", std::string(100'000, '['))), 400) << "depth is bounded";
  EXPECT_EQ(status(ask("POST /things/x")), 400) << "a required field is missing";
}

TEST(Router, TheDocumentNamesEveryRoute) {
  auto router = table();
  const auto document = json::parse(router.openapi("Test", "1"));
  EXPECT_EQ(document.at("openapi").as_string(), "3.1.0");
  for (const auto& route : router.routes()) {
    std::string method(to_text(route.method));
    for (char& c : method) c = static_cast<char>(c | 0x20);
    EXPECT_TRUE(document.at("paths").at(route.path).as_object().contains(method)) << route.path;
    EXPECT_NE(router.reference_page().find(std::string(route.path)), std::string::npos);
  }
}

}  // namespace
}  // namespace postroad::http
