#include "net/proxy.h"

#include <gtest/gtest.h>

namespace postroad::net {
namespace {

using namespace std::string_literals;

const std::string v2 = "\r\n\r\n\0\r\nQUIT\n"s;

std::string spell(std::string_view octets) {
  const auto header = parse_proxy_header(octets);
  if (!header) {
    switch (header.error()) {
      case ProxyError::NoHeader: return "no header";
      case ProxyError::Malformed: return "malformed";
      case ProxyError::TooLong: return "too long";
    }
  }
  if (!*header) return "more";
  const auto& h = **header;
  return std::to_string(h.size) + (h.proxied ? " " + h.source.text() + " " + h.destination.text() : " local");
}

// Every beginning of a good header asks for more; whatever follows it is left alone.
void expect_header(const std::string& octets, const std::string& meaning) {
  for (std::size_t n = 0; n < octets.size(); ++n) ASSERT_EQ(spell(octets.substr(0, n)), "more") << n;
  EXPECT_EQ(spell(octets), meaning);
  EXPECT_EQ(spell(octets + "EHLO a\r\n"), meaning);
}

TEST(ProxyHeader, Version1) {
  expect_header("PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n", "44 192.0.2.1:56324 198.51.100.1:25");
  expect_header("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "44 [2001:db8::1]:1 [2001:db8::2]:65535");
  expect_header("PROXY UNKNOWN\r\n", "15 local");
  expect_header("PROXY UNKNOWN what ever this is\r\n", "33 local");
}

TEST(ProxyHeader, Version1IsStrict) {
  EXPECT_EQ(spell("PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n"), "malformed");
  EXPECT_EQ(spell("PROXY TCP4 192.0.2.1 198.51.100.1 56324 25 \r\n"), "malformed");
  EXPECT_EQ(spell("PROXY TCP4 192.0.2.1 198.51.100.1 056324 25\r\n"), "malformed");
  EXPECT_EQ(spell("PROXY TCP4 192.0.2.1 198.51.100.1 65536 25\r\n"), "malformed");
  EXPECT_EQ(spell("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"), "malformed");
  EXPECT_EQ(spell("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"), "malformed");
  EXPECT_EQ(spell("PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n"), "malformed");
  EXPECT_EQ(spell("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"), "malformed");
  EXPECT_EQ(spell("PROXY UNKNOWNS\r\n"), "malformed");
  EXPECT_EQ(spell("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"), "more");
  EXPECT_EQ(spell("PROXY " + std::string(101, 'x')), "too long");
  EXPECT_EQ(spell("EHLO a\r\n"), "no header");
  EXPECT_EQ(spell("PROXZ"), "no header");
}

TEST(ProxyHeader, Version2) {
  expect_header(v2 + "\x21\x11\0\x0c"s + "\xc0\0\2\1\xc6\x33\x64\1"s + "\xdc\4\0\x19"s,
                "28 192.0.2.1:56324 198.51.100.1:25");
  const std::string a = "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"s,
                    b = "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"s;
  expect_header(v2 + "\x21\x21\0\x24"s + a + b + "\0\1\0\2"s, "52 [2001:db8::1]:1 [2001:db8::2]:2");
  // Extensions behind the addresses are skipped.
  expect_header(v2 + "\x21\x11\0\x13"s + "\xc0\0\2\1\xc6\x33\x64\1"s + "\xdc\4\0\x19"s + "\3\0\4abcd"s,
                "35 192.0.2.1:56324 198.51.100.1:25");
  expect_header(v2 + "\x20\0\0\0"s, "16 local");     // LOCAL: a health check
  expect_header(v2 + "\x21\0\0\3abc"s, "19 local");  // UNSPEC
  expect_header(v2 + "\x21\x31\0\1x"s, "17 local");  // unix
}

TEST(ProxyHeader, Version2IsStrict) {
  EXPECT_EQ(spell(v2 + "\x11\x11\0\0"s), "malformed");                           // version 1 here
  EXPECT_EQ(spell(v2 + "\x22\x11\0\0"s), "malformed");                           // no such command
  EXPECT_EQ(spell(v2 + "\x21\x11\0\x0b"s + std::string(11, 'x')), "malformed");  // too short for addresses
  EXPECT_EQ(spell(v2 + "\x21\x11\xff\xff"s), "too long");
  EXPECT_EQ(spell("\r\n\r\n\0\r\nQUIT\r"s), "no header");
  EXPECT_EQ(spell("\r\nEHLO"), "no header");
}

}  // namespace
}  // namespace postroad::net
