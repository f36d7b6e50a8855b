#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/ip.h"
#include "base/strong.h"
#include "base/utf8.h"
#include "observe/event.h"

namespace postroad::observe {
namespace {

using Number = Strong<std::uint32_t, struct NumberTag>;
enum class Colour { Red, Green };
std::string_view to_text(Colour c) { return c == Colour::Red ? "red" : "green"; }

struct Everything {
  static constexpr std::string_view name = "test.everything";
  static constexpr std::string_view help = "One field of each kind.";
  static constexpr Level level = Level::Warning;
  bool yes = true;
  int below = -3;
  std::uint64_t large = UINT64_MAX;
  double ratio = 0.25;
  std::string text = "a \"b\" \\c";
  std::string_view view = "view";
  Number number{7};
  Colour colour = Colour::Green;
  IpAddress peer = IpAddress::v4(0xc0000201);
  std::chrono::milliseconds lasted{340};
  Time at{std::chrono::seconds(1'772'366'400)};
  std::optional<int> none;
  std::optional<int> some = 5;
  std::vector<std::string> list{"x", "y\n"};
  static constexpr std::tuple fields{
      Field{"yes", &Everything::yes},       Field{"below", &Everything::below},
      Field{"large", &Everything::large},   Field{"ratio", &Everything::ratio},
      Field{"text", &Everything::text},     Field{"view", &Everything::view},
      Field{"number", &Everything::number}, Field{"colour", &Everything::colour},
      Field{"peer", &Everything::peer},     Field{"lasted", &Everything::lasted},
      Field{"at", &Everything::at},         Field{"none", &Everything::none},
      Field{"some", &Everything::some},     Field{"list", &Everything::list}};
};

struct Said {
  static constexpr std::string_view name = "test.said";
  static constexpr std::string_view help = "Somebody said something.";
  std::string text;
  static constexpr std::tuple fields{Field{"text", &Said::text}};
};

std::string said(std::string_view text) {
  const std::string line = render(Said{.text = std::string(text)}, Time{});
  const std::string before =
      R"({"time":"1970-01-01T00:00:00.000000Z","level":"info","event":"test.said","text":)";
  EXPECT_TRUE(line.starts_with(before)) << line;
  EXPECT_TRUE(line.ends_with("}\n")) << line;
  return line.substr(before.size(), line.size() - before.size() - 2);
}

TEST(Line, EachKindOfFieldHasItsJson) {
  EXPECT_EQ(
      render(Everything{}, Time{std::chrono::microseconds(1'772'366'400'000'123)}),
      R"({"time":"2026-03-01T12:00:00.000123Z","level":"warning","event":"test.everything","yes":true,)"
      R"("below":-3,"large":18446744073709551615,"ratio":0.25,"text":"a \"b\" \\c","view":"view","number":7,)"
      R"("colour":"green","peer":"192.0.2.1","lasted":0.34,"at":"2026-03-01T12:00:00.000000Z","some":5,)"
      R"("list":["x","y\n"]})"
      "\n");
}

// Attack 124: what a stranger says cannot end the line, move the cursor or turn the text around.
TEST(Line, ControlsAndDeceptiveMarksAreEscaped) {
  EXPECT_EQ(said("$(id) `id` ;id |x"), R"("$(id) `id` ;id |x")");
  EXPECT_EQ(said("a\r\nb\tc"), R"("a\r\nb\tc")");
  EXPECT_EQ(said("\x1b[2J\x7f"), R"("\u001b[2J\u007f")");
  EXPECT_EQ(said(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(said("\xc2\x9b"), R"("\u009b")");                // C1 CSI
  EXPECT_EQ(said("\xe2\x80\xae"), R"("\u202e")");            // right-to-left override
  EXPECT_EQ(said("\xe2\x80\xa8"), R"("\u2028")");            // line separator
  EXPECT_EQ(said("\xf3\xa0\x80\xa1"), R"("\udb40\udc21")");  // a tag character
  EXPECT_EQ(said("B\xc3\xbc"
                 "cher \xf0\x9f\x93\xae"),
            "\"B\xc3\xbc"
            "cher \xf0\x9f\x93\xae\"");
}

TEST(Line, OctetsThatAreNotUtf8AreReplacedOneByOne) {
  EXPECT_EQ(said("\xff\xfe"), R"("\ufffd\ufffd")");
  EXPECT_EQ(said("a\xc3"), R"("a\ufffd")");
  EXPECT_EQ(said("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");
  EXPECT_EQ(said("\xc0\xaf/"), R"("\ufffd\ufffd/")");
}

TEST(Line, WhateverOctetsGoInValidUtf8WithoutControlsComesOut) {
  for (unsigned seed = 1; seed < 2'000; ++seed) {
    std::string octets;
    unsigned state = seed;
    for (unsigned i = 0; i < seed % 40; ++i)
      octets += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    const std::string out = said(octets);
    std::string_view rest = out;
    while (!rest.empty()) {
      const auto point = utf8::take(rest);
      ASSERT_TRUE(point) << printable(octets);
      ASSERT_TRUE(*point >= 0x20 && !(*point >= 0x7f && *point < 0xa0)) << printable(octets);
    }
  }
}

TEST(Line, ALongTextIsCutAndSaysSo) {
  EXPECT_EQ(said(std::string(1024, 'x')), "\"" + std::string(1024, 'x') + "\"");
  EXPECT_EQ(said(std::string(100'000, 'x')), "\"" + std::string(1024, 'x') + "...\"");
  EXPECT_LT(said(std::string(100'000, '\x01')).size(), 7'000u);
}

TEST(Line, ANumberThatJsonCannotSayIsNull) {
  Line line(Time{}, Level::Info, "e");
  line.put("x", std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(std::move(line).finish().ends_with(R"("x":null})"
                                                 "\n"));
}

TEST(Field, ANameThatPromisesASecretIsFound) {
  static_assert(names_a_secret("password"));
  static_assert(names_a_secret("old_password_hash"));
  static_assert(names_a_secret("session_token"));
  static_assert(!names_a_secret("peer"));
}

}  // namespace
}  // namespace postroad::observe
