#include "mime/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace postroad::mime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string utc(std::string_view value) {
  const auto date = parse_date(value);
  return date ? format_date(date->utc) : "none";
}

TEST(Date, SpeaksTheExamplesOfRfc5322) {
  EXPECT_EQ(utc("Fri, 21 Nov 1997 09:55:06 -0600"), "Fri, 21 Nov 1997 15:55:06 +0000");
  EXPECT_EQ(utc("Tue, 1 Jul 2003 10:52:37 +0200"), "Tue, 1 Jul 2003 08:52:37 +0000");
  EXPECT_EQ(utc("Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 "
                "(Newfoundland Time)"),
            "Fri, 14 Feb 1969 03:02:00 +0000");
  EXPECT_EQ(utc("21 Nov 97 09:55:06 GMT"), "Fri, 21 Nov 1997 09:55:06 +0000");
  EXPECT_EQ(utc("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600"), "Fri, 21 Nov 1997 15:55:06 +0000");
}

TEST(Date, ObsoleteZonesAndYearsAreKnown) {
  EXPECT_EQ(utc("1 Jan 00 00:00:00 EST"), "Sat, 1 Jan 2000 05:00:00 +0000");
  EXPECT_EQ(utc("1 Jan 49 00:00 PDT"), "Fri, 1 Jan 2049 07:00:00 +0000");
  EXPECT_EQ(utc("1 Jan 50 00:00 UT"), "Sun, 1 Jan 1950 00:00:00 +0000");
  EXPECT_EQ(utc("1 Jan 103 00:00 Z"), "Wed, 1 Jan 2003 00:00:00 +0000");
  EXPECT_EQ(utc("Fri Nov 21 09:55:06 1997"), "Fri, 21 Nov 1997 09:55:06 +0000");
  EXPECT_EQ(utc("Friday, 21-Nov-97 09:55:06 GMT"), "Fri, 21 Nov 1997 09:55:06 +0000");
  EXPECT_EQ(utc("24 Mar 2007"), "Sat, 24 Mar 2007 00:00:00 +0000");
}

TEST(Date, AZoneIsKeptAndAnUnknownOneIsUtc) {
  EXPECT_EQ(parse_date("1 Jan 2000 00:00:00 -0330"),
            (Date{parse_date("1 Jan 2000 03:30:00 +0000")->utc, -210, true}));
  for (const std::string_view zone : {"-0000", "A", "XYZ", "", "+9999", "+12345", "+1", "+2400"}) {
    const auto date = parse_date("1 Jan 2000 00:00:00 " + std::string(zone));
    ASSERT_TRUE(date) << zone;
    EXPECT_FALSE(date->zone_known) << zone;
    EXPECT_EQ(format_date(date->utc), "Sat, 1 Jan 2000 00:00:00 +0000") << zone;
  }
}

TEST(Date, WhatIsOutOfRangeIsNone) {  // attack 40
  for (const std::string_view value :
       {"1 Jan 99999999999 00:00:00 +0000", "1 Jan 99999999999999999999999 00:00:00", "32 Jan 2000 00:00:00",
        "30 Feb 2000 00:00:00", "1 Foo 2000 00:00:00", "0 Jan 2000", "1 13 2000", "", "yesterday", "Jan 2000",
        "1 Jan 12345", "1 Jan", "-1 Jan 0000"})
    EXPECT_EQ(utc(value), "none") << value;
}

TEST(Date, ATimeOutOfRangeIsMidnight) {  // RFC 5256 §2.2
  EXPECT_EQ(utc("1 Jan 2000 25:00:00 +0200"), "Sat, 1 Jan 2000 00:00:00 +0000");
  EXPECT_EQ(utc("1 Jan 2000 10:61 +0200"), "Sat, 1 Jan 2000 00:00:00 +0000");
  EXPECT_EQ(utc("1 Jan 2000 10:99999999999999999999:00"), "Sat, 1 Jan 2000 00:00:00 +0000");
}

TEST(Date, ALeapSecondIsTheOneBefore) {
  EXPECT_EQ(utc("31 Dec 2016 23:59:60 +0000"), "Sat, 31 Dec 2016 23:59:59 +0000");
}

TEST(Date, WhatIsWrittenIsRead) {
  for (const std::int64_t day : {-3'000, 0, 59, 11'016, 19'000, 20'000, 2'000'000})
    for (const int zone : {-720, -210, 0, 345, 840}) {
      const Time time = Time{std::chrono::days{day}} + std::chrono::seconds(12'345);
      const auto read = parse_date(format_date(time, zone));
      ASSERT_TRUE(read) << format_date(time, zone);
      EXPECT_EQ(*read, (Date{time, zone, true}));
    }
}

TEST(MessageIds, AreWhatStandsInBrackets) {
  EXPECT_THAT(parse_message_ids("<a@b>"), ElementsAre("a@b"));
  EXPECT_THAT(parse_message_ids(" <a@b>\r\n <c@d> (why) <e@f>"), ElementsAre("a@b", "c@d", "e@f"));
  EXPECT_THAT(parse_message_ids("Your message of \"Mon\" <a@b>"), ElementsAre("a@b"));
  EXPECT_THAT(parse_message_ids("<testabcd.1234 (c) @\r\n silly.test>"),
              ElementsAre("testabcd.1234@silly.test"));
  EXPECT_THAT(parse_message_ids("<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>"),
              ElementsAre("01KF8JCEOCBS0045PS@xxx.yyy.com"));
  EXPECT_THAT(parse_message_ids("a@b"), ElementsAre("a@b"));
  EXPECT_THAT(parse_message_ids("<a@b <c@d>"), ElementsAre("a@b", "c@d"));
  EXPECT_THAT(parse_message_ids("<>"), IsEmpty());
  EXPECT_THAT(parse_message_ids(""), IsEmpty());
}

TEST(MessageIds, OfTooManyTheFirstAndTheLastAreKept) {
  EXPECT_THAT(parse_message_ids("<1@x><2@x><3@x><4@x><5@x>", 3), ElementsAre("1@x", "4@x", "5@x"));
  EXPECT_THAT(parse_message_ids("<1@x><2@x>", 1), ElementsAre("1@x"));
  std::string many;
  while (many.size() < 1'000'000) many += "<a>";
  EXPECT_EQ(parse_message_ids(many).size(), 100u);
}

}  // namespace
}  // namespace postroad::mime
