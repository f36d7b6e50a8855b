#include <gtest/gtest.h>

#include "mail/address.h"
#include "mail/public_suffix.h"

namespace postroad {
namespace {

std::string normal(std::string_view text) {
  const auto domain = Domain::parse(text);
  return domain ? domain->text() : "refused";
}
DomainError error_of(std::string_view text) {
  const auto domain = Domain::parse(text);
  EXPECT_FALSE(domain) << text;
  return domain ? DomainError::Empty : domain.error();
}

}  // namespace

TEST(Domain, TwoWaysToWriteANameAreOneDomain) {
  EXPECT_EQ(Domain::parse("B\xc3\x9c"
                          "CHER.example"),
            Domain::parse("xn--bcher-kva.Example"));
  EXPECT_EQ(normal("b\xc3\xbc"
                   "cher.example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(Domain::parse("XN--BCHER-KVA.example")->unicode(),
            "b\xc3\xbc"
            "cher.example");
  EXPECT_EQ(Domain::parse("plain.example")->unicode(), "plain.example");
}

TEST(Domain, SharpSIsItsOwnLetter) {  // non-transitional
  EXPECT_EQ(normal("fa\xc3\x9f.example"), "xn--fa-hia.example");
  EXPECT_EQ(normal("fass.example"), "fass.example");
}

TEST(Domain, PlainNamesMayHaveHyphensWhereHostsHaveThem) {
  EXPECT_EQ(normal("r3---sn-x.example"), "r3---sn-x.example");
  EXPECT_EQ(normal("mason-dixon.example"), "mason-dixon.example");
  EXPECT_EQ(error_of("-a.example"), DomainError::BadLabel);
  EXPECT_EQ(error_of("a-.example"), DomainError::BadLabel);
}

TEST(Domain, LabelsAndNamesHaveTheirLimits) {
  const std::string a63(63, 'a');
  EXPECT_EQ(error_of(""), DomainError::Empty);
  EXPECT_EQ(error_of("."), DomainError::BadLabel);
  EXPECT_EQ(error_of("a..b"), DomainError::BadLabel);
  EXPECT_EQ(error_of("a.example."), DomainError::BadLabel);
  EXPECT_EQ(error_of(a63 + "a.example"), DomainError::BadLabel);
  const std::string long_name = a63 + '.' + a63 + '.' + a63 + '.' + std::string(61, 'a');
  EXPECT_EQ(long_name.size(), 253u);
  EXPECT_EQ(normal(long_name), long_name);
  EXPECT_EQ(error_of(long_name + "a"), DomainError::TooLong);
  EXPECT_EQ(error_of(std::string(1'000'000, 'a')), DomainError::TooLong);
}

TEST(Domain, ANumberAtTheEndIsAnIpAddressWithoutItsBrackets) {
  for (const char* text :
       {"127.0.0.1", "0x7f.1", "127.1", "2130706433", "0x7f000001", "0X7F.0", "a.example.1", "0x"})
    EXPECT_EQ(error_of(text), DomainError::LooksLikeAnIpAddress) << text;
  EXPECT_EQ(normal("1.2h"), "1.2h");
  EXPECT_EQ(normal("123.example"), "123.example");
}

TEST(Domain, LiteralsAreNormalised) {
  EXPECT_EQ(normal("[192.0.2.1]"), "[192.0.2.1]");
  EXPECT_EQ(normal("[ipv6:2001:DB8:0:0:0:0:0:1]"), "[IPv6:2001:db8::1]");
  EXPECT_EQ(normal("[IPv6:1:2:3:4:5:6:192.0.2.1]"), "[IPv6:1:2:3:4:5:6:c000:201]");
  EXPECT_EQ(Domain::parse("[IPv6:::1]")->literal_ip(), "::1");
  EXPECT_EQ(Domain::parse("[192.0.2.1]")->literal_ip(), "192.0.2.1");
  EXPECT_EQ(Domain::parse("a.example")->literal_ip(), "");
}

TEST(Domain, WhatIsAlmostALiteralIsRefused) {
  for (const char* text :
       {"[", "[]", "[1.2.3.4", "[1.2.3]", "[1.2.3.256]", "[1.2.3.4.5]", "[01.2.3.4]", "[0x7f.0.0.1]", "[::1]",
        "[2001:db8::1]", "[IPv6:1.2.3.4]", "[IPv6:1::2::3]", "[IPv6:fe80::1%eth0]", "[IPv6:12345::]",
        "[IPv6: ::1]", "[x:y]", "[1.2.3.4].example", "[1.2.3.4]a", "[IPv6:]"})
    EXPECT_EQ(error_of(text), DomainError::BadLiteral) << text;
  EXPECT_EQ(error_of(std::string_view("[1.2.3.4\0]", 10)), DomainError::BadLiteral);
}

TEST(Domain, UnicodeThatIsNoNameIsRefused) {
  EXPECT_EQ(error_of("a\xc3.example"), DomainError::BadIdn);
  EXPECT_EQ(error_of("xn--.example"), DomainError::BadIdn);
  EXPECT_EQ(error_of("xn--a.example"), DomainError::BadIdn);
  EXPECT_EQ(error_of("xn--fass-zzzzzzzz.example"), DomainError::BadIdn);
  EXPECT_EQ(error_of("\xd7\x90"
                     "1a.example"),
            DomainError::BadIdn);  // mixes directions (RFC 5893)
  EXPECT_EQ(error_of("a_\xc3\xbc.example"), DomainError::BadLabel);
}

TEST(PublicSuffix, OneOwnersDomainIsOneLabelBelowIt) {
  const auto of = [](std::string_view name) {
    const auto found = organizational_domain(*Domain::parse(name));
    return found ? found->text() : "";
  };
  EXPECT_EQ(of("mail.example.co.uk"), "example.co.uk");
  EXPECT_EQ(of("example.com"), "example.com");
  EXPECT_EQ(of("co.uk"), "");
  EXPECT_EQ(of("[192.0.2.1]"), "");
  EXPECT_TRUE(is_public_suffix(*Domain::parse("com")));
  EXPECT_FALSE(is_public_suffix(*Domain::parse("example.com")));
}

}  // namespace postroad
