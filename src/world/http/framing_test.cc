#include "http/framing.h"

#include <gtest/gtest.h>

#include "http/message.h"

namespace postroad::http {
namespace {

Result<RequestHead, HeadError> read(std::string_view text) {
  const auto end = text.find("\r\n");
  return parse_request(text.substr(0, end), text.substr(end + 2));
}
HeadError fault(std::string_view text) {
  const auto head = read(text);
  return head ? HeadError{} : head.error();
}

struct Whole {
  std::string data;
  std::size_t used = 0;
  bool done = false, bad = false;
  friend bool operator==(const Whole&, const Whole&) = default;
};
// Fed in two pieces, as a stream would: what was not used comes again.
Whole decode(Framing framing, std::string_view input, std::size_t cut) {
  BodyDecoder decoder(framing);
  Whole out;
  for (const std::size_t end : {cut, input.size()}) {
    while (out.used < end && !decoder.done()) {
      const auto piece = decoder.feed(input.substr(out.used, end - out.used));
      if (!piece) {
        out.bad = true;
        return out;
      }
      out.data += piece->data;
      out.used += piece->used;
    }
  }
  out.done = decoder.done();
  return out;
}
constexpr Framing chunked{Framing::Kind::Chunked, 0};

TEST(RequestHead, TellsMethodPathQueryFieldsAndLength) {
  const auto head =
      read("POST /api/v1/x%20y?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-Two:  spaced \t\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->method, Method::Post);
  EXPECT_EQ(head->path, "/api/v1/x%20y");
  EXPECT_EQ(head->query, "a=b");
  EXPECT_EQ(head->headers.get("x-two"), "spaced");
  EXPECT_EQ(head->framing.kind, Framing::Kind::Length);
  EXPECT_EQ(head->framing.length, 5u);
  EXPECT_TRUE(head->keep_alive);
}

TEST(RequestHead, TheAbsoluteFormIsTakenForItsPath) {
  EXPECT_EQ(read("GET http://evil.example/metrics?x HTTP/1.1\r\nHost: a\r\n\r\n")->path, "/metrics");
  EXPECT_EQ(fault("GET http://evil.example HTTP/1.1\r\nHost: a\r\n\r\n"), HeadError::BadTarget);
}

TEST(RequestHead, TwoWaysToTellALengthAreRefused) {  // attack 114: CL.TE and TE.CL
  const auto with = [](std::string_view fields) {
    return fault("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
  };
  EXPECT_EQ(with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"), HeadError::LengthAndCoding);
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"), HeadError::LengthAndCoding);
  EXPECT_EQ(with("Content-Length: 4\r\nContent-Length: 4\r\n"), HeadError::BadLength);
  EXPECT_EQ(with("Content-Length: 4\r\ncontent-length: 5\r\n"), HeadError::BadLength);
  EXPECT_EQ(with("Content-Length: 4, 4\r\n"), HeadError::BadLength);
  EXPECT_EQ(with("Content-Length: +4\r\n"), HeadError::BadLength);
  EXPECT_EQ(with("Content-Length: 0x4\r\n"), HeadError::BadLength);
  EXPECT_EQ(with("Content-Length: \r\n"), HeadError::BadLength);
  EXPECT_EQ(with("Content-Length: 99999999999999999999\r\n"), HeadError::BadLength);
  EXPECT_EQ(with("Transfer-Encoding: xchunked\r\n"), HeadError::UnknownCoding);
  EXPECT_EQ(with("Transfer-Encoding: gzip, chunked\r\n"), HeadError::UnknownCoding);
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), HeadError::UnknownCoding);
  EXPECT_EQ(with("Transfer-Encoding: chunked, identity\r\n"), HeadError::UnknownCoding);
  EXPECT_EQ(with("Transfer-Encoding : chunked\r\n"), HeadError::BadField);
  EXPECT_EQ(with(" Transfer-Encoding: chunked\r\n"), HeadError::BadField);
  EXPECT_EQ(with("X: y\r\n Transfer-Encoding: chunked\r\n"), HeadError::BadField) << "a folded line";
  EXPECT_EQ(fault("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), HeadError::LengthAndCoding);
}

TEST(RequestHead, WhatIsNoRequestIsRefusedByName) {
  EXPECT_EQ(fault("GET /\r\nHost: a\r\n\r\n"), HeadError::BadStartLine);
  EXPECT_EQ(fault("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), HeadError::BadStartLine);
  EXPECT_EQ(fault("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), HeadError::BadVersion);
  EXPECT_EQ(fault("GET / HTTP/9.9\r\nHost: a\r\n\r\n"), HeadError::BadVersion);
  EXPECT_EQ(fault("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), HeadError::UnknownMethod);
  EXPECT_EQ(fault("get / HTTP/1.1\r\nHost: a\r\n\r\n"), HeadError::UnknownMethod);
  EXPECT_EQ(fault("\r\nHost: a\r\n\r\n"), HeadError::BadStartLine);
  EXPECT_EQ(fault("GET \\ HTTP/1.1\r\nHost: a\r\n\r\n"), HeadError::BadTarget);
  EXPECT_EQ(fault("GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n"), HeadError::BadTarget);
  EXPECT_EQ(fault("GET / HTTP/1.1\r\n\r\n"), HeadError::BadHost);
  EXPECT_EQ(fault("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), HeadError::BadHost);
  EXPECT_EQ(fault("GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n"), HeadError::BadField);
  EXPECT_EQ(fault("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"), HeadError::BadField);
}

TEST(HeadEnd, IsFoundAtEverySplitAndAtTheSamePlace) {
  const std::string_view fields = "Host: a\r\nX: y\r\n\r\nbody";
  for (std::size_t cut = 0; cut <= fields.size(); ++cut) {
    HeadEnd end;
    auto found = end.find(fields.substr(0, cut));
    ASSERT_TRUE(found);
    if (!*found) found = end.find(fields);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ(**found, fields.size() - 4) << cut;
  }
  HeadEnd none;
  EXPECT_EQ(**none.find("\r\nrest"), 2u) << "no fields at all";
}

TEST(HeadEnd, ABareLineEndIsRefusedAsSoonAsItIsSeen) {
  for (const std::string_view text :
       {std::string_view("Host: a\n"), std::string_view("Host: a\rX"), std::string_view("Host: a\r\r\n"),
        std::string_view("\n"), std::string_view("a\0", 2)}) {
    HeadEnd end;
    const auto found = end.find(text);
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error(), HeadError::BadLineEnd);
  }
}

TEST(HeadEnd, AHeadWithoutEndIsRefusedAtItsLimit) {
  HeadEnd end({.octets = 100});
  EXPECT_TRUE(end.find(std::string(100, 'a')));
  EXPECT_EQ(end.find(std::string(101, 'a')).error(), HeadError::TooLong);
}

TEST(BodyDecoder, ChunksAreTakenApartAtEverySplit) {
  const std::string_view input =
      "5\r\nhello\r\n1;name=value\r\n \r\n05\r\nworld\r\n0\r\nTrailer: x\r\n\r\nGET /";
  const Whole whole{.data = "hello world", .used = input.size() - 5, .done = true};
  for (std::size_t cut = 0; cut <= input.size(); ++cut) EXPECT_EQ(decode(chunked, input, cut), whole) << cut;
}

TEST(BodyDecoder, ALengthIsKeptExactlyAtEverySplit) {
  const std::string_view input = "helloGET /";
  for (std::size_t cut = 0; cut <= input.size(); ++cut)
    EXPECT_EQ(decode({Framing::Kind::Length, 5}, input, cut),
              (Whole{.data = "hello", .used = 5, .done = true}));
}

TEST(BodyDecoder, WhatIsNoChunkIsRefusedAtEverySplit) {  // attack 114
  const std::string bad[] = {"\r\n",           "g\r\n",
                             "-1\r\n",         "0x5\r\nhello",
                             "5\nhello",       "5\r\nhelloX",
                             "5\r\nhello\n",   "5 \r\nhello\r\n",
                             " 5\r\nhello",    "ffffffffffffffff\r\n",
                             "5;a\nb\r\n",     "1;" + std::string(300, 'x') + "\r\n",
                             "0\r\nA\x01\r\n", "0\r\n\n",
                             "0\r\nA: b\n"};
  for (const auto& input : bad)
    for (std::size_t cut = 0; cut <= input.size(); ++cut)
      EXPECT_TRUE(decode(chunked, input, cut).bad) << input << " at " << cut;
}

TEST(BodyDecoder, TrailersWithoutEndAreRefused) {  // attack 114
  std::string input = "0\r\n";
  for (int i = 0; i < 10'000; ++i) input += "X: y\r\n";
  EXPECT_TRUE(decode(chunked, input, 0).bad);
}

TEST(ResponseHead, WhatHasNoBodyHasNone) {
  const auto to = [](std::string_view start, std::string_view fields, Method method) {
    return parse_response(start, fields, method)->framing.kind;
  };
  EXPECT_EQ(to("HTTP/1.1 200 OK", "Content-Length: 5\r\n\r\n", Method::Get), Framing::Kind::Length);
  EXPECT_EQ(to("HTTP/1.1 200 OK", "Content-Length: 5\r\n\r\n", Method::Head), Framing::Kind::None);
  EXPECT_EQ(to("HTTP/1.1 204 No Content", "\r\n", Method::Delete), Framing::Kind::None);
  EXPECT_EQ(to("HTTP/1.1 200 OK", "\r\n", Method::Get), Framing::Kind::UntilClose);
  EXPECT_FALSE(parse_response("HTTP/1.1 99", "\r\n", Method::Get));
  EXPECT_FALSE(parse_response("ICY 200 OK", "\r\n", Method::Get));
}

TEST(Percent, WhatIsEncodedIsDecodedAgain) {
  for (const std::string_view text : {"", "a b", "ä@b/c?d", "<x@y>", "100%"})
    EXPECT_EQ(percent_decode(percent_encode(text)), text);
  EXPECT_FALSE(percent_decode("%"));
  EXPECT_FALSE(percent_decode("%2"));
  EXPECT_FALSE(percent_decode("%zz"));
  EXPECT_FALSE(percent_decode("%00"));
  EXPECT_FALSE(percent_decode("%ff")) << "not UTF-8";
  const auto query = parse_query("a=1&b=x+y%26&c");
  ASSERT_TRUE(query && query->size() == 3);
  EXPECT_EQ((*query)[1].value, "x y&");
  EXPECT_EQ((*query)[2].value, "");
}

}  // namespace
}  // namespace postroad::http
