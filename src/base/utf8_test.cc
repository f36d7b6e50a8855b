#include "base/utf8.h"

#include <gtest/gtest.h>

namespace postroad {

TEST(Utf8, EveryCodePointSurvivesTheWayThereAndBack) {
  for (char32_t point = 0; point <= 0x10ffff; ++point) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    std::string text;
    utf8::append(text, point);
    std::string_view rest = text;
    ASSERT_EQ(utf8::take(rest), point);
    ASSERT_TRUE(rest.empty());
  }
}

TEST(Utf8, OverlongFormsSurrogatesAndBrokenSequencesAreNotValid) {
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
                          "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                          "\xc3", "\xe2\x82", "\xf0\x9f\x92", "a\xc3(", "\xe2(\xa1"})
    EXPECT_FALSE(utf8::valid(bad)) << bad;
  EXPECT_TRUE(utf8::valid("gr\xc3\xbc\xc3\x9f \xf0\x9f\x93\xac"));
  EXPECT_TRUE(utf8::valid(""));
}

TEST(Utf8, AsciiIsCountedUpToTheFirstOtherOctetWhereverItStands) {
  for (std::size_t n = 0; n < 40; ++n) {
    const std::string ascii(n, 'a');
    EXPECT_EQ(utf8::ascii_octets(ascii), n);
    EXPECT_TRUE(utf8::is_ascii(ascii));
    for (std::size_t at = 0; at < n; ++at) {
      std::string other = ascii;
      other[at] = '\xff';
      EXPECT_EQ(utf8::ascii_octets(other), at);
      EXPECT_FALSE(utf8::is_ascii(other));
      EXPECT_FALSE(utf8::valid(other));
    }
  }
}

}  // namespace postroad
