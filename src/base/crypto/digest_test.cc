#include "crypto/digest.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace postroad::crypto {
namespace {

std::string octets(std::string_view text) { return from_hex(text).value(); }

}  // namespace

TEST(Digest, GivesTheKnownAnswers) {  // RFC 1321 A.5, RFC 3174 §7.3, FIPS 180-4
  EXPECT_EQ(hex(digest(Hash::Md5, "abc")), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex(digest(Hash::Sha1, "abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(digest(Hash::Sha256, "abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(digest(Hash::Sha256, "")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(digest(Hash::Sha512, "abc")),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Digest, PiecesMakeNoDifference) {
  for (const auto hash : {Hash::Md5, Hash::Sha1, Hash::Sha256, Hash::Sha512}) {
    Digester pieces(hash);
    pieces.update("ab");
    pieces.update("");
    Digester moved = std::move(pieces);
    moved.update("c");
    EXPECT_EQ(moved.finish(), digest(hash, "abc"));
  }
}

TEST(Hmac, GivesTheAnswersOfRfc4231And2202) {
  EXPECT_EQ(hex(hmac(Hash::Sha256, std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac(Hash::Sha256, "Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac(Hash::Sha256, std::string(131, '\xaa'),
                     "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(hmac(Hash::Sha1, "Jefe", "what do ya want for nothing?")),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(hex(hmac(Hash::Md5, "Jefe", "what do ya want for nothing?")), "750c783e6ab0b503eaa86e310a5db738");
  EXPECT_EQ(hex(hmac(Hash::Sha256, "", "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Pbkdf2, GivesTheAnswersOfRfc6070And7914) {
  EXPECT_EQ(hex(pbkdf2(Hash::Sha1, "password", "salt", 1, 20)), "0c60c80f961f0e71f3a9b524af6012062fe037a6");
  EXPECT_EQ(hex(pbkdf2(Hash::Sha1, "password", "salt", 4096, 20)),
            "4b007901b765489abead49d926f721d065a429c1");
  using namespace std::string_view_literals;
  EXPECT_EQ(hex(pbkdf2(Hash::Sha1, "pass\0word"sv, "sa\0lt"sv, 4096, 16)),
            "56fa6aa75548099dcc37d7f03425e0c3");
  EXPECT_EQ(hex(pbkdf2(Hash::Sha256, "passwd", "salt", 1, 64)),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
            "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
}

TEST(Hkdf, GivesTheAnswersOfRfc5869) {
  EXPECT_EQ(hex(hkdf(Hash::Sha256, std::string(22, '\x0b'), octets("000102030405060708090a0b0c"),
                     octets("f0f1f2f3f4f5f6f7f8f9"), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(hex(hkdf(Hash::Sha256, std::string(22, '\x0b'), "", "", 42)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  EXPECT_EQ(hex(hkdf(Hash::Sha1, std::string(22, '\x0c'), "", "", 42)),
            "2c91117204d745f3500d636a62f64f0ab3bae548aa53d423b0d1f27ebba6f5e5673a081d70cce7acfc48");
  EXPECT_THROW(hkdf(Hash::Sha256, "k", "", "", 255 * 32 + 1), std::logic_error);
}

TEST(Equal, ComparesAll) {
  EXPECT_TRUE(equal("", ""));
  EXPECT_TRUE(equal("abc", "abc"));
  EXPECT_FALSE(equal("abc", "abd"));
  EXPECT_FALSE(equal("abc", "ab"));
}

}  // namespace postroad::crypto
