#include "mail/address.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace postroad {
namespace {

std::string normal(std::string_view text) {
  const auto address = Address::parse(text);
  return address ? address->text() : "refused: " + std::string(describe(address.error()));
}
AddressError error_of(std::string_view text) {
  const auto address = Address::parse(text);
  EXPECT_FALSE(address) << text;
  return address ? AddressError::Empty : address.error();
}
Address good(std::string_view text) { return Address::parse(text).value(); }

}  // namespace

TEST(Address, KeepsTheCaseOfTheLocalPartAndNotOfTheDomain) {
  EXPECT_EQ(normal("John.Doe@Example.COM"), "John.Doe@example.com");
}

TEST(Address, QuotesThatAreNotNeededGo) {
  EXPECT_EQ(good("\"john\"@a.example"), good("john@a.example"));
  EXPECT_EQ(normal(R"("j\oh\n"@a.example)"), "john@a.example");
  EXPECT_EQ(normal(R"("a b"@a.example)"), R"("a b"@a.example)");
  EXPECT_EQ(good(R"("a b"@a.example)").local_part(), "a b");
  EXPECT_EQ(normal(R"("a\"b\\c"@a.example)"), R"("a\"b\\c"@a.example)");
  EXPECT_EQ(normal(R"("a..b"@a.example)"), R"("a..b"@a.example)");
  EXPECT_EQ(normal(R"(""@a.example)"), R"(""@a.example)");
}

TEST(Address, WhatIsNotAMailboxIsRefusedWithItsReason) {
  EXPECT_EQ(error_of(""), AddressError::Empty);
  EXPECT_EQ(error_of("postmaster"), AddressError::NoDomain);
  EXPECT_EQ(error_of("a@"), AddressError::NoDomain);
  EXPECT_EQ(error_of("@a.example"), AddressError::BadLocalPart);
  EXPECT_EQ(error_of(".a@a.example"), AddressError::BadLocalPart);
  EXPECT_EQ(error_of("a..b@a.example"), AddressError::BadLocalPart);
  EXPECT_EQ(error_of("a b@a.example"), AddressError::BadLocalPart);
  EXPECT_EQ(error_of("<a@a.example>"), AddressError::BadLocalPart);
  EXPECT_EQ(error_of("\"a@a.example"), AddressError::BadLocalPart);
  EXPECT_EQ(error_of("\"a\"b@a.example"), AddressError::BadLocalPart);
  EXPECT_EQ(error_of("a(comment)@a.example"), AddressError::BadLocalPart);
  EXPECT_EQ(error_of("a@(comment)a.example"), AddressError::BadDomain);
  EXPECT_EQ(error_of("a@a.example "), AddressError::BadDomain);
  EXPECT_EQ(error_of("a@-a.example"), AddressError::BadDomain);
  EXPECT_EQ(error_of("a@a_b.example"), AddressError::BadDomain);
}

// durability.md, attack 14: a line end inside an address would become a second command.
TEST(Address, NoControlCharacterGetsInEvenQuoted) {
  EXPECT_EQ(error_of("\"a\r\nDATA\"@a.example"), AddressError::ControlCharacter);
  EXPECT_EQ(error_of("\"a\\\r\"@a.example"), AddressError::ControlCharacter);
  EXPECT_EQ(error_of(std::string_view("a\0@a.example", 12)), AddressError::ControlCharacter);
  EXPECT_EQ(error_of("a\x7f@a.example"), AddressError::ControlCharacter);
  EXPECT_EQ(error_of("a\xc2\x85@a.example"), AddressError::ControlCharacter);      // U+0085, a line end
  EXPECT_EQ(error_of("a\xe2\x80\xa8@a.example"), AddressError::ControlCharacter);  // U+2028
}

TEST(Address, LimitsAreThoseOfRfc5321) {
  const std::string a64(64, 'a'), a65(65, 'a');
  EXPECT_TRUE(Address::parse(a64 + "@b.example"));
  EXPECT_EQ(error_of(a65 + "@b.example"), AddressError::LocalPartTooLong);
  EXPECT_TRUE(Address::parse("\"" + std::string(61, 'a') + " \"@b.example"));
  EXPECT_EQ(error_of("\"" + std::string(62, 'a') + " \"@b.example"), AddressError::LocalPartTooLong);

  const std::string label(61, 'd');
  const std::string domain = label + '.' + label + '.' + label;                   // 185 octets
  EXPECT_TRUE(Address::parse("aaaaaaa@" + domain + '.' + std::string(60, 'e')));  // 254
  EXPECT_EQ(error_of("aaaaaaaa@" + domain + '.' + std::string(60, 'e')), AddressError::TooLong);  // 255
}

TEST(Address, Utf8LocalPartsAreKeptAsGiven) {
  const auto composed = good("gr\xc3\xbc\xc3\x9f@a.example");
  EXPECT_TRUE(composed.needs_smtputf8());
  EXPECT_EQ(composed.local_part(), "gr\xc3\xbc\xc3\x9f");
  const auto decomposed = good("gru\xcc\x88\xc3\x9f@a.example");
  EXPECT_NE(composed, decomposed);
  EXPECT_EQ(composed.folded(), decomposed.folded());
  EXPECT_FALSE(good("a@b\xc3\xbc.example").needs_smtputf8());  // the domain has an A-label form
}

// durability.md, attack 17.
TEST(Address, BrokenUtf8IsRefused) {
  EXPECT_EQ(error_of("\xff@a.example"), AddressError::BadUtf8);
  EXPECT_EQ(error_of("a\xc0\xae@a.example"), AddressError::BadUtf8);
  EXPECT_EQ(error_of("\"\xed\xa0\x80\"@a.example"), AddressError::BadUtf8);
  EXPECT_EQ(error_of("a@b\xc3.example"), AddressError::BadUtf8);
  EXPECT_EQ(error_of("a@xn--a.example"), AddressError::BadDomain);
  EXPECT_EQ(error_of("a@xn--\xc3\xbc.example"), AddressError::BadDomain);
  EXPECT_EQ(error_of("a@xn--999999999.example"), AddressError::BadDomain);
  EXPECT_EQ(error_of("a@" + std::string(64, 'b') + ".example"), AddressError::BadDomain);
}

// durability.md, attack 18: what is accepted here has the domain that stands after the last @ and no
// other; the rest is the local part's owner's business.
TEST(Address, RelayTricksNeverMoveTheDomain) {
  EXPECT_EQ(good("u%v.example@us.example").domain().text(), "us.example");
  EXPECT_EQ(good("\"u@v.example\"@us.example").domain().text(), "us.example");
  EXPECT_EQ(good("v.example!u@us.example").domain().text(), "us.example");
  EXPECT_EQ(error_of("v.example!u"), AddressError::NoDomain);
  EXPECT_EQ(error_of("@us.example:u@v.example"), AddressError::BadLocalPart);
  EXPECT_EQ(error_of("u@v.example@us.example"), AddressError::BadDomain);
  EXPECT_EQ(error_of("u@us.example."), AddressError::BadDomain);
  EXPECT_EQ(error_of("u@0x7f.1"), AddressError::BadDomain);
  EXPECT_EQ(error_of("u@127.0.0.1"), AddressError::BadDomain);
  EXPECT_TRUE(good("u@[127.0.0.1]").domain().is_literal());
  EXPECT_TRUE(good("u@[IPv6:::1]").domain().is_literal());
}

TEST(Address, FoldedIsTheSameForEveryWayToWriteOneMailbox) {
  EXPECT_EQ(good("Alice@demo.test").folded(), good("aLICE@DEMO.test").folded());
  EXPECT_EQ(good("\xce\xa3@demo.test").folded(), good("\xcf\x83@demo.test").folded());  // sigma
  EXPECT_NE(good("a.b@demo.test").folded(), good("ab@demo.test").folded());
  EXPECT_EQ(fold_case(fold_case("\xc7\x84")), fold_case("\xc7\x84"));
}

TEST(Address, IsMadeOfAPlainLocalPartToo) {
  EXPECT_EQ(Address::make("john doe", *Domain::parse("a.example"))->text(), "\"john doe\"@a.example");
  EXPECT_EQ(Address::make("a\nb", *Domain::parse("a.example")).error(), AddressError::ControlCharacter);
  EXPECT_EQ(Address::make(std::string(63, ' '), *Domain::parse("a.example")).error(),
            AddressError::LocalPartTooLong);
}

// Universal rule of durability.md: linear in the input.
TEST(Address, AMegabyteOfAnythingIsRefusedAtOnce) {
  const auto start = std::chrono::steady_clock::now();
  for (const std::string& piece : {"a", ".", "\"", "\\", "a.", "@", "(", "\xc3\xbc", "xn--", "["}) {
    std::string text;
    while (text.size() < 1'000'000) text += piece;
    EXPECT_FALSE(Address::parse(text));
    EXPECT_FALSE(Address::parse("a@" + text));
    EXPECT_FALSE(Address::parse("\"" + text));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Subaddress, IsPartedAtTheFirstSeparator) {
  EXPECT_EQ(split_subaddress("alice+lists+x", "+").user, "alice");
  EXPECT_EQ(split_subaddress("alice+lists+x", "+").detail, "lists+x");
  EXPECT_EQ(split_subaddress("alice-lists+x", "+-").user, "alice");
  EXPECT_EQ(split_subaddress("alice+", "+").detail, "");
  EXPECT_EQ(split_subaddress("alice", "+").detail, std::nullopt);
  EXPECT_EQ(split_subaddress("+alice", "+").user, "+alice");  // nobody is called ""
  EXPECT_EQ(split_subaddress("alice+x", "").user, "alice+x");
  EXPECT_EQ(split_subaddress("", "+").user, "");
}

}  // namespace postroad
