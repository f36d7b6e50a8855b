#include "mime/transfer.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace postroad::mime {
namespace {

using enum TransferEncoding;

Decoded in_pieces(std::string_view text, TransferEncoding encoding, std::size_t cut) {
  Decoded out;
  TransferDecoder decoder(encoding);
  decoder.feed(text.substr(0, cut), out.octets);
  decoder.feed(text.substr(cut), out.octets);
  decoder.finish(out.octets);
  out.damaged = decoder.damaged();
  return out;
}

TEST(Base64Decoder, SkipsWhatIsNotInTheAlphabet) {
  EXPECT_EQ(transfer_decode("aGVs\r\nbG8gd29y\r\nbGQ=\r\n", Base64).octets, "hello world");
  EXPECT_FALSE(transfer_decode("  aGVs    \r\n bG8g  \r\n   d29y  \t \r\n    bGQ= \r\n\r\n", Base64).damaged);
  EXPECT_EQ(transfer_decode("aGVsbG8g-!d29ybGQ=", Base64).octets, "hello world");
  EXPECT_TRUE(transfer_decode("aGVsbG8g-!d29ybGQ=", Base64).damaged);
}

TEST(Base64Decoder, GivesWhatTruncatedTextSays) {  // attack 41
  EXPECT_EQ(transfer_decode("aGVsbG8", Base64).octets, "hello");
  EXPECT_TRUE(transfer_decode("aGVsbG8", Base64).damaged);
  EXPECT_EQ(transfer_decode("aGVsbG", Base64).octets, "hell");
  EXPECT_EQ(transfer_decode("aGVsb", Base64).octets, "hel");
  EXPECT_EQ(transfer_decode("=", Base64).octets, "");
  EXPECT_EQ(transfer_decode("YQ==YQ==", Base64).octets, "aa");
  EXPECT_TRUE(transfer_decode("YQ==YQ==", Base64).damaged);
  EXPECT_TRUE(transfer_decode("YQ==YWFh", Base64).damaged);
}

TEST(QuotedPrintableDecoder, JoinsLinesAndDropsTrailingBlanks) {
  const std::string text =
      "hello  \r\nbar=\r\n\r\nfoo\t=\r\nbar\r\nfoo\t \t= \r\n=62\r\nfoo = \t\r\nbar\r\nfoo =\r\n=62\r\nfoo  "
      "\r\nbar=\r\n\r\nfoo_bar\r\n";
  const std::string plain =
      "hello\r\nbar\r\nfoo\tbar\r\nfoo\t \tb\r\nfoo bar\r\nfoo b\r\nfoo\r\nbar\r\nfoo_bar\r\n";
  EXPECT_EQ(transfer_decode(text, QuotedPrintable).octets, plain);
  EXPECT_FALSE(transfer_decode(text, QuotedPrintable).damaged);
}

TEST(QuotedPrintableDecoder, LeavesABadEscapeAsItIs) {
  for (const std::string text : {"a=zz", "a=4", "a=4z", "a=\rx", "100 = 100"}) {
    EXPECT_EQ(transfer_decode(text, QuotedPrintable).octets, text);
    EXPECT_TRUE(transfer_decode(text, QuotedPrintable).damaged) << text;
  }
  EXPECT_EQ(transfer_decode("=c3=A4", QuotedPrintable).octets, "ä");
  EXPECT_EQ(transfer_decode("a=", QuotedPrintable).octets, "a");
}

TEST(UuDecoder, ReadsBetweenBeginAndEnd) {
  EXPECT_EQ(transfer_decode("hi\r\nbegin 644 a\r\n%:&5L;&\\\r\n`\r\nend\r\nmore", Uuencode).octets, "hello");
  EXPECT_TRUE(transfer_decode("begin 644 a\r\n%:&5L;&\\\r\n", Uuencode).damaged);
}

TEST(TransferDecoder, OthersPassThrough) {
  for (const auto encoding : {SevenBit, EightBit, Binary, Unknown})
    EXPECT_EQ(transfer_decode("a=\r\n\xff", encoding).octets, "a=\r\n\xff");
}

TEST(TransferDecoder, PiecesDoNotMatter) {
  SeededRandom random(7);
  for (const auto encoding : {Base64, QuotedPrintable, Uuencode})
    for (int round = 0; round < 300; ++round) {
      std::string text = encoding == Uuencode ? "begin 644 a\r\n" : "";
      const std::string_view letters = "aB3=  \t\r\n=4!%&";
      for (int i = 0; i < 60; ++i) text += letters[random.below(letters.size())];
      const auto whole = transfer_decode(text, encoding);
      for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        const auto pieces = in_pieces(text, encoding, cut);
        ASSERT_EQ(pieces.octets, whole.octets) << text << " cut at " << cut;
        ASSERT_EQ(pieces.damaged, whole.damaged);
      }
    }
}

TEST(Encoders, WhatIsEncodedIsDecodedAgain) {
  SeededRandom random(8);
  for (std::size_t n = 0; n < 400; ++n) {
    const std::string octets = random.bytes(n);
    const auto base64 = transfer_decode(encode_base64(octets), Base64);
    EXPECT_EQ(base64.octets, octets);
    EXPECT_FALSE(base64.damaged);
    const auto printable =
        transfer_decode(encode_quoted_printable(octets, LineBreaks::Binary), QuotedPrintable);
    EXPECT_EQ(printable.octets, octets);
    EXPECT_FALSE(printable.damaged);
  }
}

TEST(Encoders, LinesHaveAtMost76Characters) {
  SeededRandom random(9);
  const std::string octets = random.bytes(10'000), words(1'000, 'x'), blanks(300, ' ');
  for (const std::string& text :
       {encode_base64(octets), encode_quoted_printable(octets), encode_quoted_printable(words),
        encode_quoted_printable(blanks + "\n" + words + " \nFrom a\n.\n")}) {
    std::size_t start = 0;
    for (std::size_t end; (end = text.find("\r\n", start)) != std::string::npos; start = end + 2) {
      EXPECT_LE(end - start, 76u);
      EXPECT_FALSE(text.substr(start, end - start).ends_with(' '));
    }
    EXPECT_LE(text.size() - start, 76u);
  }
}

TEST(QuotedPrintableEncoder, ProtectsWhatRelaysChange) {
  EXPECT_EQ(encode_quoted_printable("From me\n.\n..a\nx From\n"), "=46rom me\r\n=2E\r\n=2E.a\r\nx From\r\n");
  EXPECT_EQ(encode_quoted_printable("a \nb\t\r\nc "), "a=20\r\nb=09\r\nc=20");
  EXPECT_EQ(encode_quoted_printable("a\rb\0"), "a=0Db");
  EXPECT_EQ(encode_quoted_printable("ä=\n"), "=C3=A4=3D\r\n");
}

}  // namespace
}  // namespace postroad::mime
