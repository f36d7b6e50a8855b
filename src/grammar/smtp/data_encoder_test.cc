#include "smtp/data_encoder.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "smtp/data_decoder.h"

namespace postroad::smtp {
namespace {

std::string encode(std::string_view a, std::string_view b = {},
                   DataEncoder::Dots dots = DataEncoder::Dots::Stuffed) {
  DataEncoder encoder(dots);
  StringSink sink;
  EXPECT_TRUE(encoder.feed(a, sink));
  EXPECT_TRUE(encoder.feed(b, sink));
  encoder.finish(sink);
  return sink.text;
}
std::string encode_at_every_split(std::string_view text) {
  const std::string whole = encode(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(encode(text.substr(0, cut), text.substr(cut)), whole) << cut;
  return whole;
}

}  // namespace

TEST(DataEncoder, DotsAreStuffedAndTheEndIsAdded) {
  EXPECT_EQ(encode_at_every_split("a\r\n.\r\n..b\r\nc.\r\n"), "a\r\n..\r\n...b\r\nc.\r\n.\r\n");
  EXPECT_EQ(encode_at_every_split(""), ".\r\n");
  EXPECT_EQ(encode_at_every_split("no end"), "no end\r\n.\r\n");
  EXPECT_EQ(encode_at_every_split("."), "..\r\n.\r\n");
}

// durability.md, attack 3.
TEST(DataEncoder, ABareLineEndGoesOutAsAWholeOneAndTheDotBehindItIsStuffed) {
  EXPECT_EQ(encode_at_every_split("x\r.\r\nMAIL FROM:<a@b>"), "x\r\n..\r\nMAIL FROM:<a@b>\r\n.\r\n");
  EXPECT_EQ(encode_at_every_split("x\n.\ny"), "x\r\n..\r\ny\r\n.\r\n");
  EXPECT_EQ(encode_at_every_split("x\n\r\n\r"), "x\r\n\r\n\r\n.\r\n");
  EXPECT_EQ(encode_at_every_split("\r\r\n"), "\r\n\r\n.\r\n");
}

TEST(DataEncoder, WithoutDotsItOnlyNormalisesLines) {
  EXPECT_EQ(encode("a\n.b\r", "c", DataEncoder::Dots::Plain), "a\r\n.b\r\nc\r\n");
}

TEST(DataEncoder, ALineOfMoreThan998OctetsIsNotSent) {
  DataEncoder encoder;
  StringSink sink;
  EXPECT_TRUE(
      encoder.feed(std::string(998, 'a') + "\r\n." + std::string(997, 'b'), sink));  // the dot counts once
  EXPECT_TRUE(encoder.feed("\r", sink));
  EXPECT_TRUE(encoder.feed("\n", sink));
  EXPECT_TRUE(encoder.feed(std::string(998, 'c'), sink));
  EXPECT_EQ(encoder.feed("c", sink).error(), EncodeError::LineTooLong);
}

TEST(DataEncoder, ANulIsNotSent) {
  DataEncoder encoder;
  StringSink sink;
  EXPECT_EQ(encoder.feed(std::string_view("a\0b", 3), sink).error(), EncodeError::Nul);
}

TEST(DataEncoder, WhatItWritesDecodesToTheSameText) {
  SeededRandom random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t n = random.below(40); n > 0; --n) text += "\r\n..ab"[random.below(6)];
    const std::string normal = encode(text, {}, DataEncoder::Dots::Plain);
    const std::string wire = encode(text.substr(0, text.size() / 2), text.substr(text.size() / 2));
    DataDecoder decoder;
    StringSink sink;
    EXPECT_EQ(decoder.feed(wire, sink), wire.size());
    EXPECT_TRUE(decoder.done());
    EXPECT_FALSE(decoder.error());
    EXPECT_EQ(sink.text, normal);
  }
}

}  // namespace postroad::smtp
