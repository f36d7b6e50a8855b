#include "smtp/bdat_decoder.h"

#include <gtest/gtest.h>

namespace postroad::smtp {
namespace {

using Verdict = BdatDecoder::Verdict;

}  // namespace

TEST(BdatDecoder, ChunksAreJoinedAndWhatFollowsIsACommand) {
  BdatDecoder decoder(1000, Body::EightBitMime);
  StringSink sink;
  EXPECT_EQ(decoder.begin({6, false}), Verdict::Take);
  EXPECT_EQ(decoder.feed("one\r\nBDAT", sink), 6u);
  EXPECT_TRUE(decoder.chunk_done());
  EXPECT_FALSE(decoder.done());
  EXPECT_EQ(decoder.begin({5, true}), Verdict::Take);
  EXPECT_EQ(decoder.feed("DAT\r\n.", sink), 5u);
  EXPECT_TRUE(decoder.done());
  EXPECT_EQ(sink.text, "one\r\nBDAT\r\n");
  EXPECT_FALSE(decoder.error());
}

// durability.md, attack 9: "BDAT 5 LAST" and six octets: the sixth is the next command's.
TEST(BdatDecoder, NotOneOctetMoreThanAnnounced) {
  for (std::size_t cut = 0; cut <= 6; ++cut) {
    BdatDecoder decoder(1000, Body::EightBitMime);
    StringSink sink;
    decoder.begin({5, true});
    const std::string_view wire = "abc\r\nQ";
    const std::size_t first = decoder.feed(wire.substr(0, cut), sink);
    EXPECT_EQ(first + decoder.feed(wire.substr(first), sink), 5u);
    EXPECT_TRUE(decoder.done());
    EXPECT_EQ(decoder.feed("Q", sink), 0u);
    EXPECT_EQ(sink.text, "abc\r\n");
  }
}

TEST(BdatDecoder, AnEmptyLastChunkCompletesTheMessage) {
  BdatDecoder decoder(1000, Body::EightBitMime);
  StringSink sink;
  decoder.begin({3, false});
  decoder.feed("a\r\n", sink);
  EXPECT_EQ(decoder.begin({0, true}), Verdict::Take);
  EXPECT_TRUE(decoder.done());
  EXPECT_FALSE(decoder.error());
}

TEST(BdatDecoder, LinesMustBeLinesUnlessTheMessageIsBinary) {
  using namespace std::string_view_literals;
  const auto error_of = [](Body body, std::string_view text) {
    std::optional<std::optional<LineError>> result;
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      BdatDecoder decoder(1000, body);
      StringSink sink;
      decoder.begin({cut, false});
      decoder.feed(text.substr(0, cut), sink);
      decoder.begin({text.size() - cut, true});
      decoder.feed(text.substr(cut), sink);
      EXPECT_TRUE(decoder.done());
      if (result) EXPECT_EQ(*result, decoder.error()) << cut;
      result = decoder.error();
    }
    return *result;
  };
  EXPECT_EQ(error_of(Body::SevenBit, "a\n.\nb\r\n"), LineError::BareLf);
  EXPECT_EQ(error_of(Body::EightBitMime, "a\rb\r\n"), LineError::BareCr);
  EXPECT_EQ(error_of(Body::EightBitMime, "a\r"), LineError::BareCr);
  EXPECT_EQ(error_of(Body::EightBitMime, "a\0b"sv), LineError::Nul);
  EXPECT_EQ(error_of(Body::EightBitMime, "a\r\nb"), std::nullopt);
  EXPECT_EQ(error_of(Body::BinaryMime, "a\n.\r\0b\r"sv), std::nullopt);
}

// durability.md, attack 11.
TEST(BdatDecoder, AHugeChunkIsNotSwallowed) {
  BdatDecoder decoder(1000, Body::EightBitMime);
  EXPECT_EQ(decoder.begin({1'000'000'000'000, false}), Verdict::Close);
  EXPECT_TRUE(decoder.too_big());
  BdatDecoder greatest(1000, Body::EightBitMime);
  EXPECT_EQ(greatest.begin({UINT64_MAX, true}), Verdict::Close);
}

TEST(BdatDecoder, AMessageThatGrowsTooBigIsSwallowedUpToTheLimitAgain) {
  BdatDecoder decoder(1000, Body::EightBitMime);
  StringSink sink;
  EXPECT_EQ(decoder.begin({600, false}), Verdict::Take);
  decoder.feed(std::string(600, 'a'), sink);
  EXPECT_EQ(decoder.begin({600, false}), Verdict::Swallow);
  EXPECT_TRUE(decoder.too_big());
  EXPECT_EQ(decoder.feed(std::string(700, 'b'), sink), 600u);
  EXPECT_TRUE(decoder.chunk_done());
  EXPECT_EQ(decoder.begin({400, false}), Verdict::Swallow);
  decoder.feed(std::string(400, 'b'), sink);
  EXPECT_EQ(decoder.begin({1, true}), Verdict::Close);
  EXPECT_EQ(sink.text.size(), 600u);
}

TEST(BdatDecoder, ARefusedTransactionSwallowsWhatIsStillComing) {
  BdatDecoder decoder(1000, Body::EightBitMime);
  StringSink sink;
  decoder.refuse_rest();
  EXPECT_EQ(decoder.begin({5, true}), Verdict::Swallow);
  EXPECT_EQ(decoder.feed("a\r\nb\nQUIT", sink), 5u);
  EXPECT_TRUE(decoder.done());
  EXPECT_EQ(sink.text, "");
}

}  // namespace postroad::smtp
