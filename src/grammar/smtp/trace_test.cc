#include "smtp/trace.h"

#include <gtest/gtest.h>

namespace postroad::smtp {
namespace {

const Time morning{std::chrono::seconds(1769846709)};
Domain domain(std::string_view text) { return *Domain::parse(text); }
ClientName client(std::string_view line) {
  return std::get<Ehlo>(*parse_command("EHLO " + std::string(line))).client;
}

Received example() {
  return {.client = client("client.example"),
          .peer = IpAddress::v4(0xc0000201),
          .peer_name = domain("host.example"),
          .by = domain("mx.example.org"),
          .protocol = Protocol::Esmtp,
          .tls = true,
          .tls_details = "TLSv1.3 TLS_AES_256_GCM_SHA384",
          .id = "0ab12cd34ef56",
          .recipient = *Address::parse("bob@example.org"),
          .time = morning};
}

}  // namespace

TEST(Received, TellsWhoWhereHowAndWhen) {
  EXPECT_EQ(received_field(example()),
            "Received: from client.example (host.example [192.0.2.1]) by mx.example.org\r\n"
            "\twith ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id 0ab12cd34ef56\r\n"
            "\tfor <bob@example.org>; Sat, 31 Jan 2026 08:05:09 +0000\r\n");
}

TEST(Received, AHeloThatIsNoDomainStandsInAComment) {
  auto r = example();
  r.client = client("my_pc(\\)\xc3\xbc");
  r.peer_name.reset();
  r.peer = IpAddress::parse("2001:db8::1");
  EXPECT_TRUE(
      received_field(r).starts_with("Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1]) (helo my_pc????"
                                    "?)\r\n\tby mx.example.org with"))
      << received_field(r);
}

TEST(Received, WhatIsNotToBeToldIsNot) {
  auto r = example();
  r.peer.reset();
  r.recipient.reset();
  r.tls_details.clear();
  const auto field = received_field(r);
  EXPECT_EQ(field.find("192.0.2.1"), std::string::npos);
  EXPECT_EQ(field.find("for"), std::string::npos);
  r.client.reset();
  r.protocol = Protocol::Http;
  EXPECT_TRUE(received_field(r).starts_with("Received: by mx.example.org with HTTP id "))
      << received_field(r);
}

TEST(Received, AUtf8RecipientIsNamedToThoseWhoReadUtf8) {
  auto r = example();
  r.recipient = *Address::parse("gr\xc3\xbcn@example.org");
  EXPECT_EQ(received_field(r).find("for"), std::string::npos);
  r.smtputf8 = true;
  EXPECT_NE(received_field(r).find("for <gr\xc3\xbcn@example.org>"), std::string::npos);
  EXPECT_NE(received_field(r).find("with UTF8SMTPS"), std::string::npos);
}

TEST(Received, NothingAClientSaysMakesASecondField) {
  auto r = example();
  r.client = ClientName{"a\r\nBcc: v@example.org", std::nullopt};  // the parser lets none through
  r.tls_details = "x)\r\nX: y";
  const auto field = received_field(r);
  for (std::size_t at = 0; (at = field.find('\n', at)) != std::string::npos; ++at)
    if (at + 1 < field.size()) EXPECT_EQ(field[at + 1], '\t');
  EXPECT_EQ(field.find("Bcc:"), field.find("a??Bcc:") + 3);
}

TEST(WithProtocol, HasTheRegisteredNames) {  // RFC 3848, RFC 6531 §4.3
  EXPECT_EQ(with_protocol(Protocol::Smtp, false, false, false), "SMTP");
  EXPECT_EQ(with_protocol(Protocol::Esmtp, false, false, false), "ESMTP");
  EXPECT_EQ(with_protocol(Protocol::Esmtp, true, true, false), "ESMTPSA");
  EXPECT_EQ(with_protocol(Protocol::Esmtp, false, true, false), "ESMTPA");
  EXPECT_EQ(with_protocol(Protocol::Lmtp, true, false, false), "LMTPS");
  EXPECT_EQ(with_protocol(Protocol::Lmtp, true, true, true), "UTF8LMTPSA");
  EXPECT_EQ(with_protocol(Protocol::Esmtp, false, false, true), "UTF8SMTP");
}

TEST(ReturnPath, OfAReportIsEmpty) {
  EXPECT_EQ(return_path_field(ReversePath()), "Return-Path: <>\r\n");
  EXPECT_EQ(return_path_field(ReversePath(*Address::parse("a@b.example"))), "Return-Path: <a@b.example>\r\n");
  EXPECT_EQ(delivered_to_field(*Address::parse("\"a b\"@b.example")), "Delivered-To: \"a b\"@b.example\r\n");
}

}  // namespace postroad::smtp
