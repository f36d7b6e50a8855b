#include "crypto/seal.h"

#include <gtest/gtest.h>

namespace postroad::crypto {

TEST(Seal, WhatIsSealedOpensWithItsKeyForItsPurposeOnly) {
  const auto key = SealingKey::generate(), other = SealingKey::generate();
  for (const std::string& plain : {std::string(), std::string("secret"), std::string(100'000, 'x')}) {
    const std::string sealed = seal(key, plain, "dkim key");
    EXPECT_EQ(sealed.size(), plain.size() + 41);
    EXPECT_EQ(open(key, sealed, "dkim key"), plain);
    EXPECT_FALSE(open(other, sealed, "dkim key"));
    EXPECT_FALSE(open(key, sealed, "dkim kez"));
    EXPECT_NE(seal(key, plain, "dkim key"), sealed);
  }
}

TEST(Seal, EveryFlippedBitIsFound) {
  const auto key = SealingKey::generate();
  const std::string sealed = seal(key, "secret", "p");
  for (std::size_t i = 0; i < sealed.size() * 8; ++i) {
    std::string broken = sealed;
    broken[i / 8] = static_cast<char>(broken[i / 8] ^ (1 << i % 8));
    EXPECT_FALSE(open(key, broken, "p")) << i;
  }
  for (std::size_t n = 0; n < sealed.size(); ++n) EXPECT_FALSE(open(key, sealed.substr(0, n), "p"));
}

TEST(SealingKey, Has32Octets) {
  EXPECT_FALSE(SealingKey::from(std::string(31, 'k')));
  EXPECT_FALSE(SealingKey::from(std::string(33, 'k')));
  EXPECT_EQ(SealingKey::from(std::string(32, 'k'))->bytes(), std::string(32, 'k'));
}

}  // namespace postroad::crypto
