#include "delivery/convert.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/random.h"
#include "mime/parser.h"

namespace postroad::delivery {
namespace {

Result<std::string, ConvertError> convert(std::string_view text, Carries carries,
                                          std::size_t piece = SIZE_MAX) {
  Survey survey(mime::parse(text), carries);
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size()))
    survey.feed(text.substr(at, piece));
  auto plan = survey.finish();
  if (!plan) return refuse(plan.error());
  Converter converter(std::move(*plan));
  smtp::StringSink out;
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size()))
    converter.feed(text.substr(at, piece), out);
  converter.finish(out);
  return std::move(out.text);
}

// What a reader sees: the parts, and what is in them.
std::vector<std::string> seen(std::string_view text) {
  std::vector<std::string> out;
  const mime::Message message = mime::parse(text);
  for (std::size_t i = 0; i < message.parts().size(); ++i) {
    const mime::Part& part = message.parts()[i];
    std::string one = message.content(i).type.type + "/" + message.content(i).type.subtype + "\n";
    if (part.kind == mime::Kind::Leaf)
      one += mime::transfer_decode(text.substr(part.body_start, part.body_octets()), part.encoding).octets;
    out.push_back(std::move(one));
  }
  return out;
}

bool seven_bit(std::string_view text) { return std::ranges::none_of(text, ascii::is_8bit); }
std::size_t longest(std::string_view text) { return mime::parse(text).longest_line(); }

const std::string mixed =
    "MIME-Version: 1.0\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\npreämble\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "Grüße,\r\n.\r\nFrom here  \r\n"
    "\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\x89PNG\xff\xfe\r\nx\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
    "--b--\r\nepilogue\r\n";

TEST(Convert, WhatIsFitStaysAsItIs) {
  const std::string text = "Subject: x\r\n\r\nhello\r\n";
  EXPECT_EQ(*convert(text, Carries::SevenBit), text);
  EXPECT_EQ(*convert(mixed, Carries::EightBit), mixed);
  EXPECT_EQ(*convert("", Carries::SevenBit), "");
}

TEST(Convert, LeavesAreEncodedAndReadAsBefore) {
  const std::string out = *convert(mixed, Carries::SevenBit);
  EXPECT_TRUE(seven_bit(out)) << out;
  EXPECT_EQ(seen(out), seen(mixed));
  EXPECT_NE(out.find("Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe,\r\n"),
            std::string::npos)
      << out;
  EXPECT_NE(out.find("Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBOR"),
            std::string::npos);
  EXPECT_NE(out.find("Content-Type: text/plain\r\n\r\nplain\r\n--b--"), std::string::npos);  // untouched
  EXPECT_NE(out.find("boundary=b\r\nContent-Transfer-Encoding: 7bit\r\n\r\npre??mble"), std::string::npos);
}

TEST(Convert, PiecesDoNotMatter) {
  const std::string whole = *convert(mixed, Carries::SevenBit);
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 64u, 100u})
    EXPECT_EQ(*convert(mixed, Carries::SevenBit, piece), whole);
}

TEST(Convert, WhatIsNoMimeYetBecomesMime) {  // RFC 6152 §3, RFC 1428
  const std::string out = *convert("Subject: x\r\n\r\nthree words: smörgås\r\n", Carries::SevenBit);
  EXPECT_EQ(out,
            "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\nthree words: sm=C3=B6rg=C3=A5s\r\n");
}

TEST(Convert, WhatIsSignedIsNotTouched) {  // RFC 1847 §2.1
  std::string text =
      "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n"
      "--s\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n"
      "--s\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--s--\r\n";
  EXPECT_EQ(convert(text, Carries::SevenBit).error(), ConvertError::Signed);
  EXPECT_EQ(*convert(text, Carries::EightBit), text);
}

TEST(Convert, NoEncodingIsPutOnWhatMayHaveNone) {  // RFC 2045 §6.4
  for (const char* type : {"message/partial; id=x; number=1", "message/delivery-status", "multipart/mixed"})
    EXPECT_EQ(convert("MIME-Version: 1.0\r\nContent-Type: " + std::string(type) + "\r\n\r\nä\r\n",
                      Carries::SevenBit)
                  .error(),
              ConvertError::NotEncodable)
        << type;
  EXPECT_EQ(convert("MIME-Version: 1.0\r\nContent-Transfer-Encoding: x-new\r\n\r\nä\r\n", Carries::SevenBit)
                .error(),
            ConvertError::NotEncodable);
}

TEST(Convert, ABoundaryOfEightBitOctetsCannotBeWrittenOtherwise) {
  const std::string text =
      "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\xff\r\n\r\n"
      "--b\xff\r\n\r\nplain\r\n--b\xff--\r\n";
  EXPECT_EQ(convert(text, Carries::SevenBit).error(), ConvertError::NotEncodable);
  EXPECT_EQ(*convert(text, Carries::EightBit), text);
}

TEST(Convert, AMessageInAMessageIsConvertedInside) {
  const std::string text =
      "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
      "8bit\r\n\r\nä\r\n";
  const std::string out = *convert(text, Carries::SevenBit);
  EXPECT_TRUE(seven_bit(out));
  EXPECT_EQ(seen(out), seen(text));
}

TEST(Convert, LongLinesAreEncodedAndLongHeadersFolded) {  // attack 44
  const std::string body(5000, 'x');
  std::string text =
      "Subject: " + std::string(500, 'a') + " " + std::string(600, 'b') + "\r\n\r\n" + body + "\r\n";
  for (const Carries carries : {Carries::SevenBit, Carries::EightBit}) {
    const std::string out = *convert(text, carries);
    EXPECT_LE(longest(out), 998u);
    EXPECT_EQ(seen(out).back(), seen(text).back());
  }
  // base64 in one endless line is cut into lines.
  text = "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
         std::string(4000, 'A') + "\r\n";
  const std::string out = *convert(text, Carries::EightBit);
  EXPECT_LE(longest(out), 76u);
  EXPECT_EQ(seen(out), seen(text));
  EXPECT_EQ(convert("Subject: " + std::string(2000, 'a') + "\r\n\r\nx\r\n", Carries::EightBit).error(),
            ConvertError::HeaderTooLong);
}

TEST(Convert, BinaryIsEncodedForEveryServer) {  // RFC 3030 §3
  const std::string octets("\0\r\n\n\r\x80 \x7f", 8);
  const std::string text =
      "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: "
      "binary\r\n\r\n" +
      octets;
  for (const Carries carries : {Carries::SevenBit, Carries::EightBit}) {
    const std::string out = *convert(text, carries);
    EXPECT_EQ(seen(out), seen(text));
    EXPECT_NE(out.find("base64"), std::string::npos);
  }
}

// Whatever the message: what comes out fits, and a reader sees the same.
TEST(Convert, AnyMessageReadsTheSameAfterwards) {
  SeededRandom random(7);
  const std::vector<std::string> pieces{"--b\r\n",
                                        "--b--\r\n",
                                        "\r\n",
                                        "ä",
                                        "\xff\xfe",
                                        std::string(1100, 'q'),
                                        "Content-Type: text/plain\r\n",
                                        "Content-Type: image/gif\r\n",
                                        "Content-Transfer-Encoding: 8bit\r\n",
                                        "Content-Transfer-Encoding: base64\r\n",
                                        "Content-Transfer-Encoding: quoted-printable\r\n",
                                        "=C3=A4=\r\n",
                                        "QUJD\r\n",
                                        "From x\r\n",
                                        ".\r\n",
                                        "a b  \r\n"};
  int converted = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n";
    for (std::uint64_t n = random.below(20); n > 0; --n) text += pieces[random.below(pieces.size())];
    text += "\r\n--b--\r\n";
    for (const Carries carries : {Carries::SevenBit, Carries::EightBit}) {
      const auto out = convert(text, carries);
      if (!out) continue;
      converted += *out != text;
      ASSERT_LE(longest(*out), 998u) << text;
      const mime::Message message = mime::parse(*out);
      if (carries == Carries::SevenBit) {
        ASSERT_FALSE(message.eight_bit_body()) << text;
      }
      const auto before = seen(text), after = seen(*out);
      ASSERT_EQ(before.size(), after.size()) << text;
      for (std::size_t i = 0; i < before.size(); ++i)
        ASSERT_EQ(before[i], after[i]) << text << "\n-----\n" << *out;
      ASSERT_EQ(*convert(text, carries, 1 + random.below(50)), *out);
    }
  }
  EXPECT_GT(converted, 500);
}

}  // namespace
}  // namespace postroad::delivery
