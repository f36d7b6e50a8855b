#include "crypto/signature.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace postroad::crypto {
namespace {

std::string octets(std::string_view text) { return from_hex(text).value(); }

}  // namespace

TEST(Ed25519, VerifiesTheSignaturesOfRfc8032) {
  const auto key = PublicKey::from_octets(
      KeyType::Ed25519, octets("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
  ASSERT_TRUE(key);
  const auto signature = octets(
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
      "d25bf5f0595bbe2465"
      "5141438e7a100b");
  EXPECT_TRUE(key->verify(Hash::Sha256, "", signature));
  EXPECT_FALSE(key->verify(Hash::Sha256, "x", signature));
  EXPECT_EQ(base64(key->octets()),
            "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");  // as RFC 8463 A.2 publishes it
}

TEST(Signature, IsVerifiedByTheOtherHalfAndByNothingElse) {
  for (const auto type : {KeyType::Ed25519, KeyType::Rsa}) {
    const auto key = PrivateKey::generate(type, 1024), other = PrivateKey::generate(type, 1024);
    const std::string signature = key.sign(Hash::Sha256, "text");
    EXPECT_TRUE(key.public_key().verify(Hash::Sha256, "text", signature));
    EXPECT_FALSE(key.public_key().verify(Hash::Sha256, "texT", signature));
    EXPECT_FALSE(other.public_key().verify(Hash::Sha256, "text", signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
      std::string broken = signature;
      broken[i] = static_cast<char>(broken[i] ^ 1);
      EXPECT_FALSE(key.public_key().verify(Hash::Sha256, "text", broken));
    }
    for (const std::string& nonsense : {std::string(), std::string("abc"), std::string(10'000, 'x')})
      EXPECT_FALSE(key.public_key().verify(Hash::Sha256, "text", nonsense));

    const auto read = PrivateKey::from_pem(key.pem());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->sign(Hash::Sha256, "text"), signature);  // both are deterministic
    const auto published = PublicKey::from_octets(type, key.public_key().octets());
    ASSERT_TRUE(published);
    EXPECT_TRUE(published->verify(Hash::Sha256, "text", signature));
  }
  const auto rsa = PrivateKey::generate(KeyType::Rsa, 1024);
  EXPECT_FALSE(rsa.public_key().verify(Hash::Sha1, "text", rsa.sign(Hash::Sha256, "text")));
}

TEST(PublicKey, OfRfc8463IsRead) {
  const auto der = from_base64(
      "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi"
      "0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G"
      "+2kryOTIKT+l/K4w3QIDAQAB");
  const auto key = PublicKey::from_octets(KeyType::Rsa, der.value());
  ASSERT_TRUE(key);
  EXPECT_EQ(key->bits(), 1024u);
  EXPECT_EQ(key->octets(), der);
}

// durability.md, attack 52.
TEST(PublicKey, StrangersKeysAreNeitherWeakNorCostly) {
  const auto error_of = [](KeyType type, std::string_view text) {
    const auto key = PublicKey::from_octets(type, text);
    EXPECT_FALSE(key);
    return key ? KeyError::WrongType : key.error();
  };
  const auto weak = from_base64(
      "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKkf7VFU9A52WUycSz9uyUg96V3zNNdb2gK2mnY4lDqoqsVKmQhBHWUabN2uzwNI"
      "8zt4A6hedORK3BEF1KXfabMCAwEAAQ==");
  EXPECT_EQ(error_of(KeyType::Rsa, *weak), KeyError::WeakKey);
  const auto costly = from_base64(
      "MIIEIjANBgkqhkiG9w0BAQEFAAOCBA8AMIIECgKCBAEAqRM0dU60/7ZlRznaDryI4Qa/ix5WfV6+5ZbcnS0Ueyc+y9wLtNR0"
      "0TB8vJK3R1clwoE4EKM2mMS89ZHhVvAdMEfS7l3xuAr7Rj1deLSRtSEcrkeT7Noggb1Zr9ebWTHfW1FVBqpJD40+amnzd/rc"
      "y7btuUGQAYjixKvwmJLYk1BH0ynRX0ffE7pz9xh1R/wLj/rXwoPVFL9PBu4LLOrLEJHGLpiwEQvnwo7mpMnEm+l+y01Zc6OR"
      "xBl7A9oupCdcHUah2ZXTQx+dMcCDIdXUQDR61RnrHzyXcDQfzf3gZbaYIa9c0PPSt/P4vQIBCJj6K1TySqzaPMX9/w8plmft"
      "vc9gYgyRfBmaSe/2CxUQaRFC7CCXQZVRZXut4RXM0p3zYKZjiFCAdfgUWNwUE4Lg21khBCi5kNZ5VA0S+P++YlRfWtWliuTz"
      "VJvC0vE+l378DmOCYe+swGpSpeghlCB4VIv2UUIaGBk+sPCOZDJdl5Xc3O0DXv3pPpK4Uo5CiAtOUckHcXtf8lkEoqUKeIUF"
      "Ik5pgKG2eMUYbCi0hbUiEPlGk1dvcC2jgKo2L5wt1ngaNzGho5ltELB1aC8vk8LJdO7rYBczRKis5kIe54kGvipQvEE8owbO"
      "SyVygmvQWadaDpjtoXpvaY+WCioNQDcODYUklReROuvltICFK3xKKUu4s67VdKzJe/FIebgH2+MTDw8Ma3tAZWP8SHzKs380"
      "aWYEbVHpQ6Alk1gNd4hGd3QTA7RMKMWP2+ZG947D6RYWoQ8BrdGRvO3cJTXIDn3ee95ozU9NZU6koxF36u8GGlIy4auqsNiz"
      "COP1QpTXgVmDrxKGPTg7vwiNS1GxjPD4rhmZpghaPwjdWmKf7fuHU1zPVaQQnZjjL60LiXNpcW7CL8ebhQRZ8/+mgaKA4AQG"
      "UEHqkVsZQc8kd7hw1y2HjmyLHokdctvXxPbmeGmklMPTUN9So+EnVLfw7ct8djq05IxrFc89MfVZXQa8E9EPuC9vfUKXW9py"
      "WQrcOjuqZb7AMf/aHUdzC79109Lw8ECDwaFN+/iJQ/hU4XQI42K9+kUGqu6c+8qGfL1er9bkZnec4rXQJQjaFR3EaRhCwQnD"
      "J4qiARsZYy3+uY/D+VKI6I7lR+ZK1+J832DO57yx0nTINGKHqkSgfhoVhnSOGhCsex068EtaPHnBesa3bn3uJz6uRX5NvQ/f"
      "QhhIP13fYeC5wNBrwLcVVo7/6/4m9nm96qpScDa2ZMtgk0QxO+s8qnSsbUuzyU6hXbGg7bG7vV4rwZW6E/Hb8Xb0AUDridzY"
      "5HkR9N8CF14QwTASO18tNq6r9v8XnMA9ERxuEuUSY+2NVrc/oQBqqwOFBqzLG21tTwIDAQAB");
  EXPECT_EQ(error_of(KeyType::Rsa, *costly), KeyError::CostlyKey);
  EXPECT_EQ(error_of(KeyType::Rsa, ""), KeyError::Malformed);
  EXPECT_EQ(error_of(KeyType::Rsa, "nonsense"), KeyError::Malformed);
  EXPECT_EQ(error_of(KeyType::Rsa, PrivateKey::generate(KeyType::Rsa, 1024).public_key().octets() + "x"),
            KeyError::Malformed);
  EXPECT_EQ(error_of(KeyType::Ed25519, std::string(31, 'k')), KeyError::Malformed);
  EXPECT_EQ(error_of(KeyType::Ed25519, std::string(33, 'k')), KeyError::Malformed);
}

TEST(PrivateKey, WhatIsNoneIsRefused) {
  EXPECT_EQ(PrivateKey::from_pem("").error(), KeyError::Malformed);
  EXPECT_EQ(PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").error(),
            KeyError::Malformed);
}

}  // namespace postroad::crypto
