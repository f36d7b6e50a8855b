#include "mime/header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace postroad::mime {
namespace {

std::vector<std::string> names(std::string_view section) {
  std::vector<std::string> out;
  for (const Field& field : Header(section)) out.emplace_back(field.name);
  return out;
}

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Header, FieldsAreReadTopDownUntilTheEmptyLine) {
  EXPECT_THAT(names("From: a\r\nTo: b\r\n\r\nCc: c\r\n"), ElementsAre("From", "To"));
  EXPECT_THAT(names("From: a\nTo: b\n\nCc: c\n"), ElementsAre("From", "To"));
  EXPECT_THAT(names(""), IsEmpty());
  EXPECT_THAT(names("\r\nFrom: a\r\n"), IsEmpty());
}

TEST(Header, AFieldKeepsItsOctetsAsTheyLie) {
  const std::string_view section = "Subject:  one\r\n\ttwo \r\n \r\nX: y\r\n\r\n";
  const auto subject = Header(section).first("SUBJECT");
  ASSERT_TRUE(subject);
  EXPECT_EQ(subject->name, "Subject");
  EXPECT_EQ(subject->value, "  one\r\n\ttwo \r\n ");
  EXPECT_EQ(subject->raw, "Subject:  one\r\n\ttwo \r\n \r\n");
  EXPECT_EQ(subject->raw.data(), section.data());
}

TEST(Header, AFieldMayEndWithTheMessage) {
  const auto field = Header("A: b").first("a");
  ASSERT_TRUE(field);
  EXPECT_EQ(field->value, " b");
  EXPECT_EQ(field->raw, "A: b");
  EXPECT_EQ(Header("A:").first("a")->value, "");
}

TEST(Header, BlanksBeforeTheColonAreForgiven) {
  const auto field = Header("From \t: a\r\n").first("from");
  ASSERT_TRUE(field);
  EXPECT_EQ(field->name, "From");
  EXPECT_EQ(field->value, " a");
}

TEST(Header, ALeadingContinuationBelongsToNoField) {
  EXPECT_THAT(names(" From: evil\r\n\tmore\r\nFrom: good\r\n\r\n"), ElementsAre("From"));
  EXPECT_EQ(Header(" From: evil\r\nFrom: good\r\n").first("from")->value, " good");
}

TEST(Header, ALineThatIsNoFieldIsTheFirstOfTheBody) {
  for (const std::string_view line : {"no field", "two words: x", ":", ": x", "na\xc3\xafve: x", "a\x7f: x",
                                      "\rA: x", "From user@x with love", ">From", "From  "}) {
    const std::string message = "From: a\r\n" + std::string(line) + "\r\nTo: b\r\n\r\n";
    EXPECT_THAT(names(message), ElementsAre("From")) << line;
    EXPECT_EQ(header_octets(message), 9u) << line;
  }
}

TEST(Header, AnMboxSeparatorBelongsToNoField) {
  for (const std::string line : {"From user@x  Fri Feb 22 17:06:23 2008\n",
                                 ">From - Tue Apr 27 19:02:03 2010\r\n", "From x Sun\n y\n"}) {
    const std::string message = line + "From: a\r\n" + line + "To: b\r\n\r\nbody";
    EXPECT_THAT(names(message), ElementsAre("From", "To")) << line;
    EXPECT_EQ(header_octets(message), message.size() - 4) << line;
    EXPECT_EQ(Header(message).first("from")->raw, "From: a\r\n");
  }
}

TEST(Header, ItsEndIsFoundTheSameWayByAll) {
  EXPECT_EQ(header_octets("A: b\r\n\r\nbody"), 8u);
  EXPECT_EQ(header_octets("A: b\n\nbody"), 6u);
  EXPECT_EQ(header_octets("A: b\r\n \r\nbody"), 9u);  // a line of blanks continues the field (RFC 5322 §4.2)
  EXPECT_EQ(header_octets("\r\nbody"), 2u);
  EXPECT_EQ(header_octets("body"), 0u);
  EXPECT_EQ(header_octets("A: b\r\n"), 6u);
  EXPECT_EQ(header_octets("A: b\r\n\r"), 6u);
}

TEST(Header, ANameIsLookedForInTheFirst998Octets) {
  const std::string fits(field_name_limit - 1, 'a'), too_long(field_name_limit, 'a');
  EXPECT_EQ(header_octets(fits + ": x\r\n\r\n"), fits.size() + 7);
  EXPECT_EQ(header_octets(too_long + ": x\r\n\r\n"), 0u);
}

TEST(Header, FirstLastAndCountLookAtNamesWithoutCase) {
  const Header header("Received: 1\r\nX: 2\r\nRECEIVED: 3\r\n\r\n");
  EXPECT_EQ(header.first("received")->value, " 1");
  EXPECT_EQ(header.last("received")->value, " 3");
  EXPECT_EQ(header.count("received"), 2u);
  EXPECT_FALSE(header.first("y"));
}

TEST(Unfold, TakesLineEndsOutAndLeavesBlanks) {
  EXPECT_EQ(unfold(" one\r\n two\r\n\tthree \r\n "), "one two\tthree");
  EXPECT_EQ(unfold(" one\n two"), "one two");
  EXPECT_EQ(unfold(""), "");
  EXPECT_EQ(unfold(" \r\n "), "");
}

TEST(PickFields, AnswersAsRfc9051Wants) {
  const Header header("From: a\r\nSubject: b\r\n c\r\nTo: d\r\n\r\nbody");
  const std::array<std::string_view, 3> pick{"SUBJECT", "from", "X-Foo"};
  EXPECT_EQ(pick_fields(header, pick, Pick::Named), "From: a\r\nSubject: b\r\n c\r\n\r\n");
  EXPECT_EQ(pick_fields(header, pick, Pick::AllButNamed), "To: d\r\n\r\n");
  EXPECT_EQ(pick_fields(Header("A: b"), {}, Pick::AllButNamed), "A: b\r\n\r\n");
  EXPECT_EQ(pick_fields(Header(""), pick, Pick::Named), "\r\n");
}

}  // namespace
}  // namespace postroad::mime
