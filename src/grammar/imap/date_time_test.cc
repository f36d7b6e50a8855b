#include "imap/date_time.h"

#include <gtest/gtest.h>

namespace postroad::imap {
namespace {

std::string shown(const DateTime& when) {
  std::string out;
  append_date_time(out, when);
  return out;
}

TEST(ImapDate, ADayIsOneOrTwoDigitsAndExists) {
  using namespace std::chrono;
  EXPECT_EQ(parse_date("1-Feb-1994"), year(1994) / 2 / 1);
  EXPECT_EQ(parse_date("01-feb-1994"), year(1994) / 2 / 1);
  EXPECT_EQ(parse_date("29-FEB-2024"), year(2024) / 2 / 29);
  for (const char* text :
       {"29-Feb-2023", "0-Jan-2000", "32-Jan-2000", "31-Apr-2000", "1-Foo-2000", "1-Jan-200", "1-Jan-20000",
        " 1-Jan-2000", "1 Jan 2000", "001-Jan-2000", "", "1-Jan-2000 ", "1-01-2000"})
    EXPECT_FALSE(parse_date(text)) << text;
}

TEST(ImapDate, IsWrittenAsItWasRead) {
  for (const char* text : {"1-Feb-1994", "31-Dec-9999", "10-Jul-0001"}) {
    std::string out;
    append_date(out, *parse_date(text));
    EXPECT_EQ(out, text);
  }
}

TEST(ImapDateTime, TheZoneIsKept) {  // RFC 9051 §6.3.12 and §7.5.2
  const auto when = parse_date_time("17-Jul-1996 02:44:25 -0700");
  ASSERT_TRUE(when);
  EXPECT_EQ(when->seconds, 837'596'665);
  EXPECT_EQ(when->zone_minutes, -420);
  EXPECT_EQ(shown(*when), "\"17-Jul-1996 02:44:25 -0700\"");
}

TEST(ImapDateTime, ADayBelowTenHasABlankBeforeIt) {
  const auto when = parse_date_time(" 7-Feb-1994 22:43:04 -0800");
  ASSERT_TRUE(when);
  EXPECT_EQ(shown(*when), "\" 7-Feb-1994 22:43:04 -0800\"");
  EXPECT_EQ(parse_date_time("07-Feb-1994 22:43:04 -0800"), when);
  EXPECT_EQ(parse_date_time("7-Feb-1994 22:43:04 -0800"), when);
}

TEST(ImapDateTime, WhatIsNoMomentIsRefused) {
  for (const char* text :
       {"", "17-Jul-1996", "17-Jul-1996 02:44:25", "17-Jul-1996 24:00:00 +0000", "17-Jul-1996 02:60:25 +0000",
        "17-Jul-1996 02:44:61 +0000", "17-Jul-1996 02:44:25 +2400", "17-Jul-1996 02:44:25 +0060",
        "17-Jul-1996 02:44:25 0000", "17-Jul-1996 2:44:25 +0000", "30-Feb-1996 02:44:25 +0000",
        "17-Jul-1996 02:44:25 +0000 ", "17-Jul-1996  02:44:25 +0000", "17-Jul-99999999999 02:44:25 +0000",
        "  7-Jul-1996 02:44:25 +0000"})
    EXPECT_FALSE(parse_date_time(text)) << text;
}

TEST(ImapDateTime, ALeapSecondIsTheOneBefore) {
  EXPECT_EQ(shown(*parse_date_time("31-Dec-2016 23:59:60 +0000")), "\"31-Dec-2016 23:59:59 +0000\"");
}

TEST(ImapDateTime, AMomentBeyondFourDigitYearsIsShownAsTheNearest) {
  EXPECT_EQ(shown({.seconds = INT64_MAX}), "\"30-Dec-9999 23:59:59 +0000\"");
  EXPECT_EQ(shown({.seconds = INT64_MIN}), "\" 2-Jan-0000 00:00:00 +0000\"");
}

TEST(ImapDateTime, EveryZoneAndSecondIsReadAsWritten) {
  for (std::int64_t seconds = -2'000'000'000; seconds < 6'000'000'000; seconds += 12'345'677)
    for (std::int16_t zone = -1'439; zone <= 1'439; zone = static_cast<std::int16_t>(zone + 97)) {
      const DateTime when{.seconds = seconds, .zone_minutes = zone};
      const std::string text = shown(when);
      ASSERT_EQ(parse_date_time(std::string_view(text).substr(1, text.size() - 2)), when) << text;
    }
}

}  // namespace
}  // namespace postroad::imap
