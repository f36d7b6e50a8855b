#include "net/connections.h"

#include <gtest/gtest.h>

namespace postroad::net {
namespace {

using namespace std::chrono_literals;

IpAddress from(int last) { return IpAddress::v4(0x7f000000u + static_cast<std::uint32_t>(last)); }

TEST(Connections, ANeighbourhoodThatComesTooOftenWaitsForTheNextSpan) {
  ManualClock clock;
  Connections connections({.rate = 3, .rate_span = 1min, .exempt = {*Network::parse("127.0.1.0/24")}}, clock);
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(connections.take(from(i)));
  EXPECT_EQ(connections.take(from(4)).error(), Refusal::RateLimit);
  EXPECT_TRUE(connections.take(from(256 * 2))) << "another neighbourhood";
  EXPECT_TRUE(connections.take(from(256 + 1)));
  clock.advance(1min);
  EXPECT_TRUE(connections.take(from(4)));
}

TEST(Connections, WhatIsRememberedOfAFloodOfNeighbourhoodsIsBounded) {
  ManualClock clock;
  Connections connections({.prefix_v6 = 64, .rate = 1}, clock);
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    IpAddress::Octets octets{0x20, 1};
    for (int k = 0; k < 4; ++k) octets[4 + k] = static_cast<std::uint8_t>(i >> (8 * k));
    ASSERT_TRUE(connections.take(IpAddress(octets)));
  }
  EXPECT_EQ(connections.open(), 0);
}

TEST(Connections, TheSizeOfANeighbourhoodCanBeSet) {
  Connections connections({.per_prefix = 1, .prefix_v4 = 16});
  const auto first = connections.take(from(1));
  EXPECT_EQ(connections.take(IpAddress::v4(0x7f00ff01)).error(), Refusal::PrefixLimit);
  EXPECT_TRUE(connections.take(IpAddress::v4(0x7f010001)));
}

TEST(Connections, StrangersLeaveRoomForUsers) {
  Connections connections(
      {.all = 10, .shedding = 1.0, .reserved = 0.2, .exempt = {*Network::parse("127.0.9.9")}});
  std::vector<Connections::Place> held;
  for (int i = 0; i < 8; ++i) held.push_back(*connections.take(from(i), true));
  EXPECT_EQ(connections.take(from(8), true).error(), Refusal::Shedding);
  EXPECT_TRUE(connections.take(from(8)));
  EXPECT_TRUE(connections.take(*IpAddress::parse("127.0.9.9"), true));
  held.pop_back();
  EXPECT_TRUE(connections.take(from(8), true));
}

}  // namespace
}  // namespace postroad::net
