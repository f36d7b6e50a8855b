#include "net/address.h"

#include <gtest/gtest.h>

namespace postroad::net {
namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

TEST(Endpoint, IsReadAsItIsWritten) {
  for (const char* text :
       {"192.0.2.1:25", "[::]:25", "[2001:db8::1]:65535", "0.0.0.0:0", "unix:/run/lmtp.sock"})
    EXPECT_EQ(Endpoint::parse(text).value().text(), text);
  EXPECT_TRUE(Endpoint::parse("unix:relative.sock")->is_unix());
}

TEST(Endpoint, SaysWhatIsWrong) {
  const auto error = [](std::string_view text) { return Endpoint::parse(text).error(); };
  EXPECT_EQ(error("192.0.2.1"), EndpointError::BadPort);
  EXPECT_EQ(error("192.0.2.1:"), EndpointError::BadPort);
  EXPECT_EQ(error("192.0.2.1:65536"), EndpointError::BadPort);
  EXPECT_EQ(error("192.0.2.1:25x"), EndpointError::BadPort);
  EXPECT_EQ(error("::1:25"), EndpointError::BadAddress) << "brackets, or nobody knows where the port begins";
  EXPECT_EQ(error("[192.0.2.1]:25"), EndpointError::BadAddress);
  EXPECT_EQ(error("localhost:25"), EndpointError::BadAddress);
  EXPECT_EQ(error(":25"), EndpointError::BadAddress);
  EXPECT_EQ(error(""), EndpointError::BadPort);
  EXPECT_EQ(error("unix:"), EndpointError::PathTooLong);
  EXPECT_EQ(error("unix:/" + std::string(107, 'x')), EndpointError::PathTooLong);
  EXPECT_EQ(error(std::string_view("unix:/a\0b", 9)), EndpointError::PathTooLong);
}

TEST(Prefix, IsTheNeighbourhoodOfAStranger) {
  EXPECT_EQ(prefix_of(ip("192.0.2.77")).text(), "192.0.2.0/24");
  EXPECT_EQ(prefix_of(ip("2001:db8:1:2:3:4:5:6")).text(), "2001:db8:1:2::/64");
  EXPECT_EQ(prefix_of(ip("192.0.2.1")), prefix_of(ip("192.0.2.254")));
  EXPECT_NE(prefix_of(ip("192.0.2.1")), prefix_of(ip("192.0.3.1")));
}

TEST(Private, IsSomebodysInside) {
  for (const char* text : {"127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
                           "100.64.0.1", "169.254.169.254", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1"})
    EXPECT_TRUE(is_private(ip(text))) << text;
  for (const char* text : {"8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "192.0.2.1"})
    EXPECT_FALSE(is_private(ip(text))) << text;
}

TEST(ReverseName, IsThatOfThePtrRecord) {
  EXPECT_EQ(reverse_name(ip("192.0.2.1")), "1.2.0.192.in-addr.arpa");
  // RFC 3596 §2.5
  EXPECT_EQ(reverse_name(ip("4321:0:1:2:3:4:567:89ab")),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
}

TEST(AddressLiteral, IsThatOfRfc5321) {
  EXPECT_EQ(address_literal(ip("192.0.2.1")), "[192.0.2.1]");
  EXPECT_EQ(address_literal(ip("2001:db8::1")), "[IPv6:2001:db8::1]");
}

}  // namespace
}  // namespace postroad::net
