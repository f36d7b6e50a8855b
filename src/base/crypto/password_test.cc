#include "crypto/password.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace postroad::crypto {
namespace {

PasswordError error_of(std::string_view stored) {
  const auto checked = check_stored(stored);
  EXPECT_FALSE(checked) << stored;
  EXPECT_FALSE(verify_password(stored, "correct horse")) << stored;
  return checked ? PasswordError::Empty : checked.error();
}

}  // namespace

TEST(OwnPassword, MatchesItselfAndNothingElse) {
  const std::string stored = hash_password("correct horse").value();
  EXPECT_TRUE(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
  EXPECT_TRUE(check_stored(stored));
  EXPECT_TRUE(verify_password(stored, "correct horse"));
  EXPECT_FALSE(verify_password(stored, "correct horsf"));
  EXPECT_FALSE(verify_password(stored, ""));
  EXPECT_NE(hash_password("correct horse").value(), stored);
  EXPECT_FALSE(needs_rehash(stored));
  EXPECT_TRUE(needs_rehash("{ARGON2ID}" + stored));
}

TEST(OwnPassword, IsOctetsAndHasALimit) {
  using namespace std::string_view_literals;
  const std::string stored = hash_password("a\0b"sv).value();
  EXPECT_TRUE(verify_password(stored, "a\0b"sv));
  EXPECT_FALSE(verify_password(stored, "a\0c"sv));
  EXPECT_FALSE(verify_password(stored, "a"));
  EXPECT_EQ(hash_password("").error(), PasswordError::Empty);
  EXPECT_TRUE(hash_password(std::string(1024, 'p')));
  EXPECT_EQ(hash_password(std::string(1025, 'p')).error(), PasswordError::TooLong);
  EXPECT_FALSE(verify_password(stored, std::string(1'000'000, 'p')));
}

TEST(Decoy, IsAHashThatNobodyHasThePasswordOf) {
  EXPECT_TRUE(check_stored(decoy_hash()));
  EXPECT_FALSE(needs_rehash(decoy_hash()));
  EXPECT_FALSE(verify_password(decoy_hash(), "correct horse"));
}

// Written by libxcrypt, Dovecot 2.3 and Python's hashlib.
TEST(ImportedPassword, EveryKindMatchesWhatItWasMadeOf) {
  for (const char* stored : {
           "$2b$04$9emHq2ZGfZ16.a32VbjW4eEkeweXDjWLfMYwCEzRi/zu0No/5cpay",
           "$2y$04$H1U4KGvSI35WiBAixL1MMO8l4R2v5r6.QEB6VHObiu43xro3V.s5y",
           "$2a$04$0NjT8UPD2MHLY.z/M1LdN.O3ygwDqwqzXa.rdtYbUVW2S9nZhSBI2",
           "$5$AbLVwe5AqMVQpF.9$97yPwRasuzUzzHr4jTHStGsw/iRn2ymrtM.lUQCpjY9",
           "$6$rounds=1400$anotherlongsalts$BIJq9mRCZh1kev4gsEFy0R5hLBKgZM."
           "fwvpxgy31e6bRJqRdXTpSE8TJFJysi3GwDPeX9bz4aZklq6"
           "69D26ai0",
           "$y$j9T$atEC8CFDxnqFKCJbcV66Y.$NxkNyswFYSg4a1BXX3Iy8W1wD4rHhossptccstMqXPB",
           "$1$bnUPxfDK$3taKfHDe6QbiwU0..kSED0",
           "{BLF-CRYPT}$2y$05$XO4KJmNa/pHHPKldJSCD.eyllz7mnzKn0S9/jv1qkL1Oy4OiQ/Yla",
           "{CRYPT}$2y$05$eGhoaM4CIcqIlnWuXEJvhuKHKPEqab/sJ/kbsreCKPRh6O49pAx3y",
           "{MD5-CRYPT}$1$13G9tWHM$EJI2hKISKC8YkwKzjX5wH1",
           "{SHA512-CRYPT}$6$VsF2.ZYxyN0Czv/i$Vh6nrjRtAfi50TrIMstwam/gDrADz53WzfLIkBfZjoBs9k6az/"
           "aVonxsgzySpKoNYb1.GYHjpIC/"
           "ERwr1S9Ct/",
           "{SHA256-CRYPT}$5$n9LtmTE5fULK8YXV$9jILnAmJPQ4wTYIjjg7a6N7xYRLo1KIiDThmfE.X.e6",
           "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$rEPB+CCksIgzHD77uHHgOA$"
           "GJAfpnNEFupqcCzdcuZkQxdyQPrEI1L1OK5faCHANaw",
           "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$MYVvTDQ5bjhJysiDeS6sUA$42GU9D8cIfR/pn/QBJz0Tdbgxwix/"
           "QdMgfoMlu8nmCo",
           "{SHA1}L55TUjtiq8FBorTWAZ0jy6g129A=",
           "{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE=",
           "{SHA256.HEX}4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631",
           "{sha256}4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631",
           "{SHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew==",
           "{SSHA}jxErvs7YqhWyiaCjF6GFO9mTigR9Ubo7",
           "{SSHA256}kegU0dqtDS99WJPOp+UdiUtEV1ijxUEYGL+RBh6hqATnmLnt",
           "{SSHA512}C2HxzyMDPCtcuQzwCGhk+"
           "WeQitnWRcasSv2L0W27NfgOCnNlvno6CvPVreSPjqsUbRjOYvYsWulmE5ER52kCYtsxGnY=",
           "{SSHA512.HEX}"
           "7cf3580cdeac3e3526857855557274476344d175caebaa86f5118d010722e4d87ec9da9b4a8b01098f556f58d9431a86a"
           "248"
           "7803a45db2e2cceba580cc91278641d42051",
           "{PLAIN-MD5}3cb4e732631f47e6eb961f34554b7cde",
           "{LDAP-MD5}PLTnMmMfR+brlh80VUt83g==",
           "{SMD5}+9l1wYlcirSxyPQJgn9L/zxhL9U=",
           "{PLAIN}correct horse",
           "{CLEARTEXT}correct horse",
           "{PBKDF2}$1$uxMpyIU8wAt12eMB$5000$56b27e53a3f13584499ce53bd0d9f9acb477c1e5",
           "{SCRAM-SHA-1}4096,Yde07Y8fgR3lkCjmhytCXQ==,Gezo2bhkMYLbeCFOeuSuJdYFr2I=,Uv5PVhLywNiBOLG5+zJ9E+eN/"
           "KQ=",
           "{SCRAM-SHA-256}4096,hzu0ffV/AfHa9n4pB/"
           "lhYw==,b91auhr1cxBLZV2Oy8z84udTC5douea6LbIxIwSCg+Q=,cLPEGs6fuYrVpN6InCHr2d"
           "dR4mjK2xX0tiuQYNPOmhc=",
       }) {
    EXPECT_TRUE(check_stored(stored)) << stored;
    EXPECT_TRUE(verify_password(stored, "correct horse")) << stored;
    EXPECT_FALSE(verify_password(stored, "Correct horse")) << stored;
    EXPECT_FALSE(verify_password(stored, "correct hors")) << stored;
    EXPECT_FALSE(verify_password(stored, "")) << stored;
    EXPECT_FALSE(verify_password(stored, std::string_view("correct horse\0x", 15))) << stored;
    EXPECT_FALSE(verify_password(stored, std::string(1000, 'x'))) << stored;
    EXPECT_TRUE(needs_rehash(stored));
  }
}

TEST(ImportedPassword, WhatWeCannotVerifyIsNamed) {
  for (const char* stored :
       {"", "correct horse", "B8lbYd/WcutjI", "{DES-CRYPT}B8lbYd/WcutjI", "{CRAM-MD5}38b57fd1a0c4b46c",
        "{NTLM}x", "{PLAIN-TRUNC}correct horse", "{OTP}sha1 1024 x y", "{}x", "{PLAIN", "$7$x$y", "$2x$04$x"})
    EXPECT_NE(error_of(stored), PasswordError::TooCostly) << stored;
  EXPECT_EQ(error_of("B8lbYd/WcutjI"), PasswordError::UnknownScheme);
  EXPECT_EQ(error_of("{CRAM-MD5}38b57fd1a0c4b46c"), PasswordError::UnknownScheme);
}

TEST(ImportedPassword, DamagedOnesAreToldFromUnknownOnes) {
  for (const char* stored : {"$2b$04$9emHq2ZGfZ16",
                             "$2b$xx$9emHq2ZGfZ16.a32VbjW4eEkeweXDjWLfMYwCEzRi/zu0No/5cpay",
                             "$5$salt$short",
                             "$5$",
                             "$6$rounds=$x$y",
                             "$1$a$b",
                             "$y$j9T",
                             "$y$j9T$salt",
                             "$argon2id$v=16$m=1,t=1,p=1$a$b",
                             "$argon2id$",
                             "{SHA}AAAA",
                             "{SSHA}AAAA",
                             "{SHA256}!",
                             "{PLAIN}",
                             "{PLAIN.HEX}zz",
                             "{PBKDF2}$2$a$1$00",
                             "{PBKDF2}$1$salt$5000$00",
                             "{SCRAM-SHA-256}4096,x",
                             "{SCRAM-SHA-1}0,,,",
                             "{SCRAM-SHA-256}4096,AAAA,AAAA,AAAA",
                             "{CRYPT}$1$a b$3taKfHDe6QbiwU0..kSED0",
                             "{SHA}L55TUjtiq8FBorTWAZ0jy6g129AAAA=="})
    EXPECT_EQ(error_of(stored), PasswordError::Malformed) << stored;
  EXPECT_EQ(error_of("$1$" + std::string(1000, 'a') + "$3taKfHDe6QbiwU0..kSED0"), PasswordError::Malformed);
}

// A hash that a tenant imports must not be able to keep the pool busy for hours (attack 89).
TEST(ImportedPassword, CostsMoreThanOneLoginMayAreRefused) {
  for (const char* stored :
       {"$2b$15$9emHq2ZGfZ16.a32VbjW4eEkeweXDjWLfMYwCEzRi/zu0No/5cpay",
        "$5$rounds=999999999$AbLVwe5AqMVQpF.9$97yPwRasuzUzzHr4jTHStGsw/iRn2ymrtM.lUQCpjY9",
        "$y$jFT$atEC8CFDxnqFKCJbcV66Y.$NxkNyswFYSg4a1BXX3Iy8W1wD4rHhossptccstMqXPB",
        "$y$j9T5$atEC8CFDxnqFKCJbcV66Y.$NxkNyswFYSg4a1BXX3Iy8W1wD4rHhossptccstMqXPB",
        "$argon2id$v=19$m=1048576,t=3,p=1$MYVvTDQ5bjhJysiDeS6sUA$42GU9D8cIfR/pn/QBJz0Tdbgxwix/QdMgfoMlu8nmCo",
        "$argon2id$v=19$m=65536,t=1000,p=1$MYVvTDQ5bjhJysiDeS6sUA$42GU9D8cIfR/pn/QBJz0Tdbgxwix/"
        "QdMgfoMlu8nmCo",
        "{PBKDF2}$1$salt$4000000000$56b27e53a3f13584499ce53bd0d9f9acb477c1e5",
        "{SCRAM-SHA-256}4000000000,hzu0ffV/AfHa9n4pB/"
        "lhYw==,b91auhr1cxBLZV2Oy8z84udTC5douea6LbIxIwSCg+Q=,cLPEGs6fuYrVpN6InCHr2ddR4"
        "mjK2xX0tiuQYNPOmhc="})
    EXPECT_EQ(error_of(stored), PasswordError::TooCostly) << stored;
}

TEST(ScramKeys, AreThoseOfRfc7677) {  // its example: user "user", password "pencil"
  const auto salt = from_base64("W22ZaJ0SNY7soEsUEjb6gQ==").value();
  const auto keys = make_scram_keys(Hash::Sha256, "pencil", salt, 4096);
  // ServerSignature = HMAC(ServerKey, AuthMessage)
  const std::string auth_message =
      "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  EXPECT_EQ(base64(hmac(Hash::Sha256, keys.server_key, auth_message)),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  EXPECT_EQ(parse_scram_text(scram_text(keys)), keys);
  EXPECT_TRUE(verify_password(scram_text(keys), "pencil"));
  EXPECT_FALSE(parse_scram_text("{SHA}x"));
}

}  // namespace postroad::crypto
