#include "imap/sequence_set.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postroad::imap {
namespace {

std::string resolved(std::string_view text, std::uint32_t largest) {
  const auto set = SequenceSet::parse(text);
  return set ? set->resolve(largest).text() : "not a set";
}

// The examples of RFC 9051 §9, in the comments of seq-range and sequence-set.
TEST(SequenceSet, TheExamplesOfTheRfcMeanWhatItSays) {
  EXPECT_EQ(resolved("2,4:7,9,12:*", 15), "2,4:7,9,12:15");
  EXPECT_EQ(resolved("*:4,5:7", 10), "4:10");
  EXPECT_EQ(resolved("4:2", 10), "2:4");
  EXPECT_EQ(resolved("3291:*", 3290), "3290:3291") << "the last message is in n:* even when n is above it";
}

TEST(SequenceSet, TheStarOfAnEmptyMailboxNamesNothing) {
  EXPECT_EQ(resolved("*", 0), "");
  EXPECT_EQ(resolved("1:*", 0), "");
  EXPECT_EQ(resolved("1:*,7", 0), "7");
}

TEST(SequenceSet, WhatIsNoSetIsRefused) {
  for (const char* text : {"",
                           ",",
                           "1,",
                           ",1",
                           "0",
                           "0:1",
                           "1:0",
                           "01",
                           "1:",
                           ":1",
                           "1::2",
                           "1:2:3",
                           "1 ",
                           " 1",
                           "-1",
                           "+1",
                           "4294967296",
                           "1:4294967296",
                           "99999999999999999999",
                           "$:1",
                           "1:$",
                           "**",
                           "1.2",
                           "a",
                           "1,$$"})
    EXPECT_FALSE(SequenceSet::parse(text)) << text;
  EXPECT_TRUE(SequenceSet::parse("4294967295"));
}

TEST(SequenceSet, TheSavedResultStandsAloneOrAmongNumbers) {
  EXPECT_TRUE(SequenceSet::parse("$")->saved_result());
  EXPECT_FALSE(SequenceSet::parse("$")->empty());
  EXPECT_TRUE(SequenceSet::parse("100:200,$")->saved_result());
  EXPECT_EQ(SequenceSet::parse("100:200,$")->resolve(500).text(), "100:200");
  EXPECT_FALSE(SequenceSet::parse("1")->saved_result());
}

TEST(SequenceSet, TheLargestNumberWrittenIsKnown) {
  EXPECT_EQ(SequenceSet::parse("1,7:3,*")->largest(), 7u);
  EXPECT_EQ(SequenceSet::parse("*")->largest(), 0u);
  EXPECT_TRUE(SequenceSet::parse("*")->has_star());
  EXPECT_FALSE(SequenceSet::parse("1:9")->has_star());
}

TEST(SequenceSet, MoreRangesThanTheLimitAreRefusedBeforeAnyMemoryIsTaken) {
  EXPECT_TRUE(SequenceSet::parse("1,3,5", 3));
  EXPECT_FALSE(SequenceSet::parse("1,3,5,7", 3));
}

TEST(SequenceSet, ALongListOfNeighboursIsKeptAsOneRange) {
  std::string text = "1";
  for (int n = 2; n <= 10'000; ++n) text += "," + std::to_string(n);
  const auto set = SequenceSet::parse(text);
  ASSERT_TRUE(set);
  EXPECT_EQ(set->ranges().size(), 1u);
  EXPECT_EQ(set->text(), "1:10000");
}

TEST(SequenceSet, WhatIsPrintedIsReadAgain) {
  for (const char* text : {"1", "*", "$", "1:3", "5:2", "*:4", "9,2,4:7", "$,1,*", "1:*,7"}) {
    const auto set = SequenceSet::parse(text);
    ASSERT_TRUE(set) << text;
    const auto again = SequenceSet::parse(set->text());
    ASSERT_TRUE(again) << set->text();
    EXPECT_EQ(*again, *set) << text;
  }
}

}  // namespace
}  // namespace postroad::imap
