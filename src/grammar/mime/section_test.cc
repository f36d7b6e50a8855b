#include "mime/section.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mime/parser.h"

namespace postroad::mime {
namespace {

std::string crlf(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

struct Fetch {
  explicit Fetch(std::string_view lf_text) : text(crlf(lf_text)), message(parse(text)) {}

  std::string operator()(std::vector<std::uint32_t> path, Section section) const {
    const auto range = find_section(message.parts(), path, section);
    if (!range) return "none";
    std::string out;
    for (char c : text.substr(range->offset, range->octets))
      if (c != '\r') out += c;
    return out;
  }
  std::string text;
  Message message;
};

// The structure of RFC 9051's example (§6.4.5.1): 1 text, 2 octets, 3 message (text, octets), 4 mixed (gif,
// message (text, alternative)).
const Fetch example(R"(From: outer
Content-Type: multipart/mixed; boundary=A

--A

1
--A
Content-Type: application/octet-stream

2
--A
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=B

--B

3.1
--B
Content-Type: application/octet-stream

3.2
--B--
--A
Content-Type: multipart/mixed; boundary=C

--C
Content-Type: image/gif

4.1
--C
Content-Type: message/rfc822

Subject: four
Content-Type: multipart/mixed; boundary=D

--D

4.2.1
--D
Content-Type: multipart/alternative; boundary=E

--E

4.2.2.1
--E
Content-Type: text/richtext

4.2.2.2
--E--
--D--
--C--
--A--
)");

TEST(Sections, AreThoseOfTheExampleInRfc9051) {
  EXPECT_EQ(example({}, Section::Header), "From: outer\nContent-Type: multipart/mixed; boundary=A\n\n");
  EXPECT_EQ(example({}, Section::Whole).size(),
            example.text.size() - static_cast<std::size_t>(std::ranges::count(example.text, '\r')));
  EXPECT_TRUE(example({}, Section::Text).starts_with("--A\n\n1\n"));
  EXPECT_EQ(example({1}, Section::Whole), "1");
  EXPECT_EQ(example({1}, Section::Mime), "\n");
  EXPECT_EQ(example({2}, Section::Whole), "2");
  EXPECT_EQ(example({2}, Section::Mime), "Content-Type: application/octet-stream\n\n");
  EXPECT_TRUE(example({3}, Section::Whole).starts_with("Subject: three\n"));
  EXPECT_EQ(example({3}, Section::Header), "Subject: three\nContent-Type: multipart/mixed; boundary=B\n\n");
  EXPECT_TRUE(example({3}, Section::Text).starts_with("--B\n\n3.1\n"));
  EXPECT_EQ(example({3, 1}, Section::Whole), "3.1");
  EXPECT_EQ(example({3, 2}, Section::Whole), "3.2");
  EXPECT_TRUE(example({4}, Section::Whole).starts_with("--C\n"));
  EXPECT_EQ(example({4, 1}, Section::Whole), "4.1");
  EXPECT_EQ(example({4, 1}, Section::Mime), "Content-Type: image/gif\n\n");
  EXPECT_EQ(example({4, 2}, Section::Header), "Subject: four\nContent-Type: multipart/mixed; boundary=D\n\n");
  EXPECT_EQ(example({4, 2, 1}, Section::Whole), "4.2.1");
  EXPECT_EQ(example({4, 2, 2, 1}, Section::Whole), "4.2.2.1");
  EXPECT_EQ(example({4, 2, 2, 2}, Section::Whole), "4.2.2.2");
}

TEST(Sections, WhatDoesNotExistIsNone) {
  for (const std::vector<std::uint32_t>& path :
       std::vector<std::vector<std::uint32_t>>{{0}, {5}, {1, 1}, {3, 3}, {4, 1, 1}, {4, 2, 3}, {4, 2, 2, 3}})
    EXPECT_EQ(example(path, Section::Whole), "none");
  EXPECT_EQ(example({1}, Section::Header), "none");  // HEADER and TEXT need a message
  EXPECT_EQ(example({4}, Section::Text), "none");
  EXPECT_EQ(example({}, Section::Mime), "none");
}

TEST(Sections, AMessageThatIsNoMultipartHasPartOne) {
  const Fetch plain("Subject: x\n\nbody\n");
  EXPECT_EQ(plain({1}, Section::Whole), "body\n");
  EXPECT_EQ(plain({1}, Section::Mime), "Subject: x\n\n");
  EXPECT_EQ(plain({1}, Section::Header), "none");
  EXPECT_EQ(plain({2}, Section::Whole), "none");
  EXPECT_EQ(plain({1, 1}, Section::Whole), "none");
}

TEST(Sections, AMessageThatIsAMessageHasItsParts) {
  const Fetch wrapped("Content-Type: message/rfc822\n\nSubject: in\n\nbody\n");
  EXPECT_EQ(wrapped({1}, Section::Whole), "Subject: in\n\nbody\n");
  EXPECT_EQ(wrapped({1}, Section::Header), "Subject: in\n\n");
  EXPECT_EQ(wrapped({1}, Section::Text), "body\n");
  EXPECT_EQ(wrapped({1, 1}, Section::Whole), "body\n");
  EXPECT_EQ(wrapped({1, 1, 1}, Section::Whole), "none");
  const Fetch twice("Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: in\n\nbody\n");
  EXPECT_EQ(twice({1, 1}, Section::Header), "Subject: in\n\n");
  EXPECT_EQ(twice({1, 1, 1}, Section::Whole), "body\n");
}

TEST(PartNumber, IsThePathThatFindsThePart) {
  for (const Fetch* fetch : {&example})
    for (std::size_t i = 1; i < fetch->message.parts().size(); ++i) {
      const std::string number = part_number(fetch->message.parts(), i);
      const auto found = find_part(fetch->message.parts(), number);
      ASSERT_TRUE(found) << i << " " << number;
      const Part& carried = fetch->message.parts()[i];
      // A carried multipart shares its number with what carries it.
      const bool shares =
          fetch->message.parts()[carried.parent].kind == Kind::Message && carried.kind == Kind::Multipart;
      EXPECT_EQ(*found, shares ? carried.parent : i) << number;
    }
  EXPECT_EQ(part_number(example.message.parts(), 0), "");
  const Message twice =
      parse("Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: in\n\nbody\n");
  EXPECT_EQ(part_number(twice.parts(), 0), "1");
  EXPECT_EQ(part_number(twice.parts(), 1), "1.1");
  EXPECT_EQ(part_number(twice.parts(), 2), "1.1.1");
}

TEST(FindPart, ReadsAPathAsText) {
  EXPECT_EQ(find_part(example.message.parts(), ""), 0u);
  EXPECT_TRUE(find_part(example.message.parts(), "4.2.2.1"));
  for (const std::string_view path : {"0", "1.", ".1", "a", "1..2", "99999999999999999999", "1.1"})
    EXPECT_FALSE(find_part(example.message.parts(), path)) << path;
}

}  // namespace
}  // namespace postroad::mime
