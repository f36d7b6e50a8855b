#include "mime/boundaries.h"

#include <gtest/gtest.h>

namespace postroad::mime {
namespace {

using Kind = Delimiter::Kind;

TEST(Boundaries, ALineHasToBeginWithTheWholeBoundary) {
  Boundaries boundaries;
  boundaries.add(0, "abcdefghij");
  EXPECT_EQ(boundaries.at("--abcdefghij\r\n", false).kind, Kind::Next);
  EXPECT_EQ(boundaries.at("--abcdefghij--\r\n", false).kind, Kind::Close);
  EXPECT_EQ(boundaries.at("--abcdefghij--\r\n", false).octets, 14u);
  EXPECT_EQ(boundaries.at("--abcdefghi\r\n", false).kind, Kind::No);
  EXPECT_EQ(boundaries.at("--ABCDEFGHIJ\r\n", false).kind, Kind::No);
  EXPECT_EQ(boundaries.at("-abcdefghij\r\n", false).kind, Kind::No);
  EXPECT_EQ(boundaries.at("--abcdefghijk\r\n", false).kind, Kind::Next);
}

TEST(Boundaries, ALineIsJudgedWhenEnoughOfItIsThere) {
  Boundaries boundaries;
  boundaries.add(0, "ab");
  for (const std::string_view text : {"", "-", "--", "--ab", "--ab--"}) {
    EXPECT_EQ(boundaries.at(text, false).kind, Kind::Undecided) << text;
    EXPECT_NE(boundaries.at(text, true).kind, Kind::Undecided) << text;
  }
  EXPECT_EQ(boundaries.at("--ab" + std::string(300, ' '), false).kind, Kind::Next);
  EXPECT_EQ(boundaries.at("--ab", true).kind, Kind::Next);
}

TEST(Boundaries, TheLongestWinsAndOfEqualOnesTheInnermost) {
  Boundaries boundaries;
  EXPECT_TRUE(boundaries.add(0, "a"));
  EXPECT_FALSE(boundaries.add(1, "ab"));
  EXPECT_FALSE(boundaries.add(2, "a"));
  EXPECT_EQ(boundaries.at("--ab\n", false).level, 1u);
  EXPECT_EQ(boundaries.at("--a\n", false).level, 2u);
  EXPECT_TRUE(boundaries.drop(2));
  EXPECT_FALSE(boundaries.drop(2));
  EXPECT_EQ(boundaries.at("--a\n", false).level, 0u);
}

TEST(Boundaries, OfALongBoundaryItsBeginningDecides) {
  Boundaries boundaries;
  const std::string long_boundary(1000, 'x');
  boundaries.add(0, long_boundary);
  EXPECT_EQ(boundaries.at("--" + long_boundary + "\n", false).kind, Kind::Next);
  EXPECT_EQ(boundaries.at("--" + std::string(boundary_limit - 1, 'x') + "\n", false).kind, Kind::No);
}

}  // namespace
}  // namespace postroad::mime
