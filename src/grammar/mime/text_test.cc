#include "mime/text.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/utf8.h"

namespace postroad::mime {
namespace {

TEST(DecodeText, SpeaksTheExamplesOfRfc2047) {
  EXPECT_EQ(decode_text("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>"), "Keith Moore <moore@cs.utk.edu>");
  EXPECT_EQ(decode_text("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?="), "Keld Jørn Simonsen");
  EXPECT_EQ(decode_text("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
                        "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?="),
            "If you can read this you understand the example.");
  // §8: blanks between encoded words are not shown, all others are.
  EXPECT_EQ(decode_text("(=?ISO-8859-1?Q?a?=)"), "(a)");
  EXPECT_EQ(decode_text("(=?ISO-8859-1?Q?a?= b)"), "(a b)");
  EXPECT_EQ(decode_text("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)"), "(ab)");
  EXPECT_EQ(decode_text("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)"), "(ab)");
  EXPECT_EQ(decode_text("(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)"), "(ab)");
  EXPECT_EQ(decode_text("(=?ISO-8859-1?Q?a_b?=)"), "(a b)");
  EXPECT_EQ(decode_text("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)"), "(a b)");
  EXPECT_EQ(decode_text("=?us-ascii*en?q?language?="), "language");  // RFC 2231 §5
}

TEST(DecodeText, ACharacterCutBetweenTwoWordsIsOne) {
  EXPECT_EQ(decode_text("=?utf-8?B?4oI=?= =?utf-8?B?rA==?="), "€");
  EXPECT_EQ(decode_text("=?utf-8?q?=E2=82?= =?UTF-8?q?=AC?="), "€");
}

TEST(DecodeText, WhatIsNoEncodedWordStaysAsItIs) {
  for (const std::string text : {"=?", "=?utf-8?q?",
                                 "=?utf-8?x?a?"
                                 "=",
                                 "=?utf-8?q?a b?=",
                                 "=?"
                                 "?q?a?=",
                                 "=?utf-8?q?a?", "a =? b ?= c",
                                 "=?utf-8?b?"
                                 "?q?="})
    EXPECT_EQ(decode_text(text), text);
  const std::string long_charset = "=?" + std::string(4096, 'x') + "?q?a?=";
  EXPECT_EQ(decode_text(long_charset), long_charset);
  EXPECT_EQ(decode_text("=?utf-8?q?"
                        "?="),
            "");
}

TEST(DecodeText, NothingThatATerminalWouldObeyComesOut) {  // attack 37
  EXPECT_EQ(decode_text("=?utf-8?q?=0D=0ABcc:_x?="), "  Bcc: x");
  EXPECT_EQ(decode_text("=?utf-8?b?AAAb?="), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(decode_text("a\x1b[2J\x7f\tb"), "a\xef\xbf\xbd[2J\xef\xbf\xbd b");
  EXPECT_EQ(decode_text("=?utf-8?q?=C2=85=E2=80=A8?="), "\xef\xbf\xbd ");
  EXPECT_EQ(decode_text(std::string_view("a\0b", 3)),
            "a\xef\xbf\xbd"
            "b");
}

TEST(DecodeText, RawOctetsAreUtf8OrElseWindows1252) {  // RFC 6532; attack 43
  EXPECT_EQ(decode_text("Gr\xc3\xbc\xc3\x9f"
                        "e"),
            "Grüße");
  EXPECT_EQ(decode_text("Gr\xfc\xdf"
                        "e \x80"),
            "Grüße €");
  EXPECT_EQ(decode_text("\xfc =?utf-8?q?=C3=A4?= \xc3\xbc"), "ü ä ü");
}

TEST(ToUtf8, KnowsTheCharsetsOfTheWorld) {
  EXPECT_EQ(to_utf8("\xa4", "ISO-8859-15"), "€");
  EXPECT_EQ(to_utf8("\xd0\xd2\xc9\xd7\xc5\xd4", "KOI8-R"), "привет");
  EXPECT_EQ(to_utf8("\x1b$B$3$s$K$A$O\x1b(B", "ISO-2022-JP"), "こんにちは");
  EXPECT_EQ(to_utf8("\x82\xb1\x82\xf1", "Shift_JIS"), "こん");
  EXPECT_EQ(to_utf8("\xa4\xb3\xa4\xf3", "EUC-JP"), "こん");
  EXPECT_EQ(to_utf8("\xc4\xe3\xba\xc3", "GB2312"), "你好");
  EXPECT_EQ(to_utf8("\x81\x30\x81\x30", "gb18030"), "\xc2\x80");
  EXPECT_EQ(to_utf8("\xa7\x41\xa6\x6e", "Big5"), "你好");
  EXPECT_EQ(to_utf8("\xbe\xc8\xb3\xe7", "ks_c_5601-1987"), "안녕");
  EXPECT_EQ(to_utf8("Hi +AGE-, +2D3eCQ-", "UTF-7"), "Hi a, \xf0\x9f\x98\x89");
  EXPECT_EQ(to_utf8("\x80\x93", "iso-8859-1"), "€“");
  EXPECT_EQ(to_utf8("\xee\xe5", "windows-1255"), "מו");
  EXPECT_EQ(to_utf8("\xee\xe5", "ISO-8859-8-I"), "מו");
  EXPECT_EQ(to_utf8("\xa1\xa2", "tis-620"), "กข");
  EXPECT_EQ(to_utf8("\x8e\x8f", "x-mac-roman"), "éè");
  EXPECT_EQ(to_utf8("\xf0\xee", "cp1251"), "ро");
  EXPECT_EQ(to_utf8("abc", "cswindows1252"), "abc");
  for (const std::string_view name : {"utf8", "UTF-8", "latin1", "ANSI_X3.4-1968", "unicode-1-1-utf-7", "gbk",
                                      "cp932", "koi8-u", "big5-hkscs", "windows-1258", "utf-16le"})
    EXPECT_TRUE(known_charset(name)) << name;
}

TEST(ToUtf8, AnUnknownCharsetIsUtf8OrElseWindows1252) {
  EXPECT_EQ(to_utf8("\xc3\xa4", "x-unknown"), "ä");
  EXPECT_EQ(to_utf8("\xe4", "x-unknown"), "ä");
  EXPECT_EQ(to_utf8("\xe4", ""), "ä");
  EXPECT_EQ(to_utf8("\xe4", "us-ascii"), "ä");
  for (const std::string_view name :
       {"", "x-unknown", "../../etc/passwd", "utf-8,version=1", "a b", "%s", "\xc3\xa4"})
    EXPECT_FALSE(known_charset(name)) << name;
  EXPECT_FALSE(known_charset(std::string(4096, 'a')));
}

TEST(ToUtf8, BrokenUtf8IsMendedOctetByOctet) {
  EXPECT_EQ(to_utf8("a\xc3", "utf-8"), "a\xef\xbf\xbd");
  EXPECT_EQ(to_utf8("a\xc3z", "utf-8"), "a\xef\xbf\xbdz");
  EXPECT_EQ(to_utf8("\xed\xa0\x80", "utf-8"), "\xef\xbf\xbd");
  EXPECT_EQ(to_utf8("\xff\xfe", "utf-8"), "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(DecodeText, AMegabyteOfEncodedWordsIsLinear) {
  std::string words, open, shifts = "=?iso-2022-jp?q?";
  while (words.size() < 1'000'000) words += "=?utf-8?q?=C3=A4?= ";
  while (open.size() < 1'000'000) open += "=?a?q?";
  while (shifts.size() < 1'000'000) shifts += "\x1b$B\x1b(B";
  shifts += "?=";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(decode_text(words).size(), (words.size() / 19) * 2);
  EXPECT_EQ(decode_text(open), open);
  EXPECT_TRUE(utf8::valid(decode_text(shifts)));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace postroad::mime
