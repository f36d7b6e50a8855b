#include "base/encoding.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace postroad {

TEST(Base64, SpeaksTheExamplesOfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(from_base64("Zm9vYg=="), "foob");
}

TEST(Base64, TwoTextsNeverMeanTheSameOctets) {
  EXPECT_FALSE(from_base64("Zh=="));  // stray bits
  EXPECT_FALSE(from_base64("Zg="));
  EXPECT_FALSE(from_base64("Zg"));
  EXPECT_FALSE(from_base64("Z==="));
  EXPECT_FALSE(from_base64("Zm9v\n"));
  EXPECT_FALSE(from_base64("===="));
}

TEST(Base64, EveryTextSurvivesTheWayThereAndBack) {
  SeededRandom random(1);
  for (std::size_t n = 0; n < 200; ++n) {
    const std::string octets = random.bytes(n);
    EXPECT_EQ(from_base64(base64(octets)), octets);
    EXPECT_EQ(from_base64url(base64url(octets)), octets);
    EXPECT_EQ(from_hex(hex(octets)), octets);
  }
}

TEST(Base32, KeepsTheOrderOfTheNumbers) {
  SeededRandom random(2);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t a = random.u64(), b = random.u64();
    EXPECT_EQ(base32(a) < base32(b), a < b);
    EXPECT_EQ(from_base32(base32(a)), a);
  }
  EXPECT_FALSE(from_base32("zzzzzzzzzzzzz"));
  EXPECT_FALSE(from_base32("vvvvvvvvvvvvv"));  // 65 bits
}

TEST(Printable, LetsNothingThroughThatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[2J\r\n\\"), "a\\x1b[2J\\x0d\\x0a\\\\");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

}  // namespace postroad
