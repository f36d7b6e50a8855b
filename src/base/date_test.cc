#include "base/date.h"

#include <gtest/gtest.h>

namespace postroad {
namespace {

Time at(std::int64_t unix_seconds) { return Time{std::chrono::seconds(unix_seconds)}; }

}  // namespace

TEST(Rfc3339, ReadsTheExamplesOfItsSection5) {
  EXPECT_EQ(parse_rfc3339("1985-04-12T23:20:50.52Z"), at(482196050) + std::chrono::milliseconds(520));
  EXPECT_EQ(parse_rfc3339("1996-12-19T16:39:57-08:00"), at(851042397));
  EXPECT_EQ(parse_rfc3339("1990-12-31T23:59:60Z"), at(662687999));  // a leap second
  EXPECT_EQ(parse_rfc3339("1985-04-12t23:20:50z"), at(482196050));
}

TEST(Rfc3339, IsWrittenAsItIsRead) {
  for (std::int64_t seconds = 0; seconds < 200'000'000'000; seconds += 1'234'567'891)
    EXPECT_EQ(parse_rfc3339(rfc3339(at(seconds))), at(seconds));
  EXPECT_EQ(rfc3339(at(951827696)), "2000-02-29T12:34:56Z");
}

TEST(Rfc3339, WhatIsNoDateIsRefused) {
  for (const char* bad :
       {"", "2026", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z", "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00.Z", "99999-01-01T00:00:00Z",
        "2026-01-01T00:00:00Zx", "-026-01-01T00:00:00Z", "0000-01-01T00:00:00Z"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

TEST(Rfc5322Date, NamesTheDayAndTheZone) {
  EXPECT_EQ(rfc5322_date(at(1769846709)), "Sat, 31 Jan 2026 08:05:09 +0000");
  EXPECT_EQ(rfc5322_date(at(1769846709), std::chrono::minutes(330)), "Sat, 31 Jan 2026 13:35:09 +0530");
  EXPECT_EQ(rfc5322_date(at(1769846709), -std::chrono::hours(9)), "Fri, 30 Jan 2026 23:05:09 -0900");
  EXPECT_EQ(rfc5322_date(at(0)), "Thu, 1 Jan 1970 00:00:00 +0000");
}

}  // namespace postroad
