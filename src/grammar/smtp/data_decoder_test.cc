#include "smtp/data_decoder.h"

#include <gtest/gtest.h>

#include <chrono>

namespace postroad::smtp {
namespace {

struct Decoded {
  std::string text;
  std::optional<LineError> error;
  bool done = false;
  std::size_t used = 0;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(std::initializer_list<std::string_view> pieces) {
  DataDecoder decoder;
  StringSink sink;
  Decoded result;
  for (const auto piece : pieces) {
    if (decoder.done()) break;
    result.used += decoder.feed(piece, sink);
  }
  // What the sink has after an error is to be thrown away, and depends on the pieces.
  result.error = decoder.error();
  result.text = result.error ? "" : sink.text;
  result.done = decoder.done();
  return result;
}

// The same answer however the bytes are cut in three, and one by one.
Decoded decode_at_every_split(std::string_view input) {
  const Decoded whole = decode({input});
  for (std::size_t a = 0; a <= input.size(); ++a)
    for (std::size_t b = a; b <= input.size(); ++b)
      EXPECT_EQ(decode({input.substr(0, a), input.substr(a, b - a), input.substr(b)}), whole)
          << a << " " << b;
  DataDecoder decoder;
  StringSink sink;
  for (std::size_t i = 0; i < input.size() && !decoder.done(); ++i) decoder.feed(input.substr(i, 1), sink);
  EXPECT_EQ(decoder.done(), whole.done);
  EXPECT_EQ(decoder.error(), whole.error);
  return whole;
}

}  // namespace

TEST(DataDecoder, TheLoneDotEndsTheMessageAndTheRestIsNotTouched) {
  const auto result = decode_at_every_split("Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n");
  EXPECT_EQ(result.text, "Subject: x\r\n\r\nhello\r\n");
  EXPECT_TRUE(result.done);
  EXPECT_FALSE(result.error);
  EXPECT_EQ(result.used, 24u);
}

TEST(DataDecoder, AMessageMayBeEmpty) {
  const auto result = decode_at_every_split(".\r\n");
  EXPECT_TRUE(result.done);
  EXPECT_EQ(result.text, "");
}

TEST(DataDecoder, StuffedDotsAreRemoved) {
  EXPECT_EQ(decode_at_every_split("..\r\n...\r\n..a\r\na.\r\n.b\r\n.\r\n").text,
            ".\r\n..\r\n.a\r\na.\r\nb\r\n");
}

TEST(DataDecoder, WhatIsNoEndIsNoEnd) {
  for (std::string_view text : {".", "a\r\n.", "a\r\n.\r", "a\r\n..\r\n", "a.\r\n", "a\r\n. \r\n"}) {
    const auto result = decode_at_every_split(text);
    EXPECT_FALSE(result.done) << text;
    EXPECT_FALSE(result.error) << text;
  }
}

// durability.md, attack 1: each of these is an end of data to some server, and none is to us; the message is
// refused, and what follows is swallowed with it up to the true end.
TEST(DataDecoder, SmugglingIsRefusedWhereverTheBytesAreSplit) {
  using namespace std::string_view_literals;
  for (const auto ending : {"\n.\n"sv, "\r.\r"sv, "\r.\n"sv, "\n.\r"sv, "\n.\r\n"sv, "\r\n.\n"sv, "\r.\r\n"sv,
                            "\r\n.\r"sv, "\r\n\0.\r\n"sv, "\r\n.\0\r\n"sv, "\r\n.\r\r\n"sv, "\r\n\r.\r\n"sv,
                            "\r\n.\r.\r\n"sv, "\0\r\n.\n"sv}) {
    const std::string smuggled =
        "a" + std::string(ending) + "MAIL FROM:<x@y>\r\n" + "RCPT TO:<z@y>\r\nDATA\r\nb\r\n.\r\n";
    const auto result = decode_at_every_split(smuggled + "QUIT\r\n");
    EXPECT_TRUE(result.done) << testing::PrintToString(ending);
    EXPECT_TRUE(result.error) << testing::PrintToString(ending);
    EXPECT_EQ(result.used, smuggled.size()) << testing::PrintToString(ending);
  }
}

TEST(DataDecoder, ABareLineFeedIsRefusedWhereverTheBytesAreSplit) {
  EXPECT_EQ(decode_at_every_split("a\nb\r\n.\r\n").error, LineError::BareLf);
  EXPECT_EQ(decode_at_every_split("\n\r\n.\r\n").error, LineError::BareLf);
}

TEST(DataDecoder, ABareCarriageReturnIsRefusedWhereverTheBytesAreSplit) {
  EXPECT_EQ(decode_at_every_split("a\rb\r\n.\r\n").error, LineError::BareCr);
  EXPECT_EQ(decode_at_every_split("a\r\r\n.\r\n").error, LineError::BareCr);
}

TEST(DataDecoder, ANulIsRefusedButOneBehindTheEndIsNotItsBusiness) {
  using namespace std::string_view_literals;
  EXPECT_EQ(decode_at_every_split("a\0b\r\n.\r\n"sv).error, LineError::Nul);
  EXPECT_FALSE(decode_at_every_split("a\r\n.\r\n\0"sv).error);
}

// durability.md, attack 4.
TEST(DataDecoder, DotsAtTheEdgesOfBuffersComeThroughWhole) {
  for (const std::size_t edge : {4096u, 16384u}) {
    for (int shift = -6; shift <= 6; ++shift) {
      const std::string line(edge + static_cast<std::size_t>(shift), 'x');
      const std::string wire = line + "\r\n..\r\n...\r\n....\r\n" + line + "\r\n.\r\n";
      EXPECT_EQ(decode({std::string_view(wire).substr(0, edge), std::string_view(wire).substr(edge)}).text,
                line + "\r\n.\r\n..\r\n...\r\n" + line + "\r\n");
    }
  }
}

TEST(DataDecoder, CountsWhatItDecodesAndWhatItSwallows) {
  DataDecoder decoder;
  StringSink sink;
  decoder.feed("..a\r\n", sink);
  EXPECT_EQ(decoder.octets(), 4u);
  decoder.feed("\n1234567890", sink);
  EXPECT_EQ(decoder.octets(), 15u);
  EXPECT_EQ(sink.text, ".a\r\n");
}

// Universal rule of durability.md: linear in the input, also for input made to be searched again and again.
TEST(DataDecoder, TextFullOfLineBreakersTakesNoLonger) {
  for (const std::string& piece : {"\r", "\n", "\r\n", "\n\r", ".", "\r\n.", "\r.", "x\n", "x\r"}) {
    std::string text;
    while (text.size() < 4'000'000) text += piece;
    const auto start = std::chrono::steady_clock::now();
    DataDecoder decoder;
    StringSink sink;
    decoder.feed(text, sink);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2))
        << testing::PrintToString(piece);
  }
}

}  // namespace postroad::smtp
