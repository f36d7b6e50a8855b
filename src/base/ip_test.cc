#include "base/ip.h"

#include <gtest/gtest.h>

namespace postroad {
namespace {

std::string round_trip(std::string_view text) {
  const auto ip = IpAddress::parse(text);
  return ip ? ip->text() : "refused";
}
bool open_to_strangers(std::string_view text) { return IpAddress::parse(text)->is_public(); }
bool has(std::string_view network, std::string_view address) {
  return Network::parse(network)->contains(*IpAddress::parse(address));
}

TEST(IpAddress, IsPrintedAsRfc5952Asks) {
  EXPECT_EQ(round_trip("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(round_trip("2001:0DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  EXPECT_EQ(round_trip("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(round_trip("::"), "::");
  EXPECT_EQ(round_trip("::1"), "::1");
  EXPECT_EQ(round_trip("fe80::"), "fe80::");
  EXPECT_EQ(round_trip("1:2:3:4:5:6:7:0"), "1:2:3:4:5:6:7:0");
  EXPECT_EQ(round_trip("1:2:3:4:5:6:0:0"), "1:2:3:4:5:6::");
  EXPECT_EQ(round_trip("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
}

TEST(IpAddress, AMappedAddressIsTheIpv4AddressItself) {
  EXPECT_EQ(round_trip("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(round_trip("::ffff:7f00:1"), "127.0.0.1");
  EXPECT_EQ(IpAddress::parse("::ffff:127.0.0.1"), IpAddress::v4(0x7f000001));
}

TEST(IpAddress, FormsThatReadersDisagreeOnAreRefused) {
  for (const char* text : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "01.2.3.4",
                           "0x7f.0.0.1",
                           "256.0.0.1",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "127.1",
                           ":",
                           ":::",
                           "1::2::3",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7::8",
                           "12345::",
                           "::g",
                           "1:",
                           ":1",
                           "fe80::1%eth0",
                           "[::1]",
                           "::1.2.3",
                           "1.2.3.4::",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::1:",
                           "::/0"})
    EXPECT_EQ(round_trip(text), "refused") << text;
}

TEST(IpAddress, InnerAddressesAreNotPublicHoweverTheyAreWritten) {
  for (const char* text :
       {"127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "172.31.0.1", "192.168.1.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "ff02::1", "::ffff:7f00:1",
        "64:ff9b::7f00:1", "2002:7f00::", "2001:db8::1", "::127.0.0.1"})
    EXPECT_FALSE(open_to_strangers(text)) << text;
  for (const char* text : {"8.8.8.8", "172.32.0.1", "100.128.0.1", "2a00:1450::1", "2600::"})
    EXPECT_TRUE(open_to_strangers(text)) << text;
}

TEST(IpAddress, KnowsLoopbackAndUnspecified) {
  EXPECT_TRUE(IpAddress::parse("127.8.9.1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("0.0.0.0")->is_unspecified());
  EXPECT_TRUE(IpAddress::parse("::")->is_unspecified());
  EXPECT_FALSE(IpAddress::parse("0.0.0.1")->is_unspecified());
}

TEST(Network, ContainsWhatItsPrefixSays) {
  EXPECT_TRUE(has("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(has("192.0.2.0/24", "192.0.3.0"));
  EXPECT_TRUE(has("192.0.2.128/25", "192.0.2.129"));
  EXPECT_FALSE(has("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(has("0.0.0.0/0", "8.8.8.8"));
  EXPECT_FALSE(has("0.0.0.0/0", "2600::"));
  EXPECT_TRUE(has("::/0", "2600::"));
  EXPECT_FALSE(has("::/0", "8.8.8.8"));
  EXPECT_TRUE(has("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(has("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(has("192.0.2.7", "192.0.2.7"));
}

TEST(Network, SaysWhatIsWrong) {
  EXPECT_EQ(Network::parse("10.0.0.1/8").error(), NetworkError::BitsBeyondPrefix);
  EXPECT_EQ(Network::parse("10.0.0.0/33").error(), NetworkError::BadPrefix);
  EXPECT_EQ(Network::parse("10.0.0.0/").error(), NetworkError::BadPrefix);
  EXPECT_EQ(Network::parse("10.0.0.0/08").error(), NetworkError::BadPrefix);
  EXPECT_EQ(Network::parse("localhost/8").error(), NetworkError::BadAddress);
  EXPECT_EQ(Network::parse("2001:db8::/129").error(), NetworkError::BadPrefix);
}

TEST(Network, AroundAnAddressIsItsNeighbourhood) {
  EXPECT_EQ(Network::around(*IpAddress::parse("192.0.2.77"), 24).text(), "192.0.2.0/24");
  EXPECT_EQ(Network::around(*IpAddress::parse("2001:db8:1:2:3::4"), 64).text(), "2001:db8:1:2::/64");
  EXPECT_EQ(Network::around(*IpAddress::parse("192.0.2.77"), 99).text(), "192.0.2.77/32");
}

}  // namespace
}  // namespace postroad
