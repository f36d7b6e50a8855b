#include "mime/parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#endif

namespace postroad::mime {
namespace {

// The tree on one line: "text/plain[12..30]" for a leaf with its body's range, "mixed(...)" and
// "rfc822(...)".
std::string shape(const Message& message, bool ranges = false) {
  std::string out;
  std::vector<std::uint32_t> ends;
  for (std::uint32_t i = 0; i <= message.parts().size(); ++i) {
    for (; !ends.empty() && ends.back() == i; ends.pop_back()) out += ')';
    if (i == message.parts().size()) break;
    const Part& p = message.parts()[i];
    if (!out.empty() && out.back() != '(') out += ' ';
    const Content content = message.content(i);
    out += p.kind == Kind::Leaf ? content.type.type + "/" + content.type.subtype : content.type.subtype;
    if (ranges) out += fmt::format("[{}..{}]", p.body_start, p.body_end);
    if (p.kind != Kind::Leaf) out += '(', ends.push_back(p.after);
  }
  return out;
}

std::string crlf(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

std::string body(std::string_view text, const Part& part) {
  return std::string(text.substr(part.body_start, part.body_octets()));
}

bool same(const Message& a, const Message& b) {
  if (a.parts() != b.parts() || a.anomalies() != b.anomalies() || a.octets() != b.octets()) return false;
  if (a.longest_line() != b.longest_line() || a.eight_bit_body() != b.eight_bit_body()) return false;
  if (a.preview_octets() != b.preview_octets() || a.preview_part() != b.preview_part()) return false;
  for (std::size_t i = 0; i < a.parts().size(); ++i)
    if (a.header(i).section() != b.header(i).section()) return false;
  return true;
}

TEST(Parser, AMessageWithoutMimeIsPlainText) {
  const std::string text = crlf("From: a@x.test\nSubject: hi\n\nHello\nworld\n");
  const Message message = parse(text);
  EXPECT_EQ(shape(message), "text/plain");
  const Part& root = message.parts()[0];
  EXPECT_EQ(root.header_start, 0u);
  EXPECT_EQ(root.body_start, 31u);
  EXPECT_EQ(body(text, root), "Hello\r\nworld\r\n");
  EXPECT_EQ(root.lines, 2u);
  EXPECT_EQ(root.reading, Reading::Plain);
  EXPECT_EQ(message.header().first("subject")->value, " hi");
  EXPECT_FALSE(message.anomalies().any());
  EXPECT_EQ(message.longest_line(), 14u);
}

TEST(Parser, AnEmptyMessageHasOnePart) {
  const Message message = parse("");
  ASSERT_EQ(message.parts().size(), 1u);
  EXPECT_EQ(shape(message, true), "text/plain[0..0]");
}

TEST(Parser, AMessageWithoutHeaderIsAllBody) {
  const Message message = parse("hello bob\r\n");
  EXPECT_EQ(shape(message, true), "text/plain[0..11]");
  EXPECT_TRUE(message.anomalies().has(Anomaly::HeaderEndedByLine));
}

TEST(Parser, PartsEndBeforeTheLineEndThatBelongsToTheDelimiter) {
  const std::string text = crlf(
      "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: "
      "text/html\n\ntwo\n\n--b--\n"
      "epilogue\n");
  const Message message = parse(text);
  EXPECT_EQ(shape(message), "mixed(text/plain text/html)");
  EXPECT_EQ(body(text, message.parts()[1]), "one");
  EXPECT_EQ(message.parts()[1].lines, 0u);
  EXPECT_EQ(body(text, message.parts()[2]), "two\r\n");
  EXPECT_EQ(message.parts()[2].lines, 1u);
  EXPECT_EQ(message.header(2).section(), "Content-Type: text/html\r\n\r\n");
  EXPECT_EQ(message.parts()[0].body_end, text.size());
  EXPECT_EQ(message.parts()[0].lines, 11u);
  EXPECT_FALSE(message.anomalies().any());
}

TEST(Parser, AMessageInsideAMessageHasAHeaderOfItsOwn) {
  const std::string text = crlf(
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: inner\n"
      "Content-Type: multipart/alternative; boundary=c\n\n--c\n\nx\n--c--\n--b--\n");
  const Message message = parse(text);
  EXPECT_EQ(shape(message), "mixed(rfc822(alternative(text/plain)))");
  EXPECT_EQ(message.header(2).first("subject")->value, " inner");
  EXPECT_EQ(message.parts()[2].header_start, message.parts()[1].body_start);
  EXPECT_EQ(message.parts()[3].depth, 3u);
  EXPECT_FALSE(message.anomalies().any());
}

TEST(Parser, PartsOfADigestAreMessages) {
  EXPECT_EQ(
      shape(parse("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ny\n--b\nContent-Type: "
                  "text/plain\n\nz\n--b--\n")),
      "digest(rfc822(text/plain) text/plain)");
}

TEST(Parser, OfNestedBoundariesTheLongestWins) {
  // durability.md, attack 32: "a" inside "ab" and the other way round.
  const Message inner_shorter = parse(
      "Content-Type: multipart/mixed; boundary=ab\n\n--ab\nContent-Type: multipart/mixed; "
      "boundary=a\n\n--a\n\n1\n--ab\n\n2\n"
      "--ab--\n");
  EXPECT_EQ(shape(inner_shorter), "mixed(mixed(text/plain) text/plain)");
  EXPECT_TRUE(inner_shorter.anomalies().has(Anomaly::AmbiguousDelimiter));
  const Message inner_longer = parse(
      "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; "
      "boundary=ab\n\n--ab\n\n1\n--ab--\n--a\n\n"
      "2\n--a--\n");
  EXPECT_EQ(shape(inner_longer), "mixed(mixed(text/plain) text/plain)");
  EXPECT_TRUE(inner_longer.anomalies().has(Anomaly::AmbiguousDelimiter));
}

TEST(Parser, ALineThatOnlyBeginsWithTheBoundaryIsADelimiterAndAmbiguous) {
  const Message message =
      parse("Content-Type: multipart/mixed; boundary=a\n\n--ab\n\nx\n--a--\n");  // RFC 2046 §5.1.1
  EXPECT_EQ(shape(message), "mixed(text/plain)");
  EXPECT_TRUE(message.anomalies().has(Anomaly::AmbiguousDelimiter));
  const Message padded =
      parse("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a \t\r\n\r\nx\r\n--a--  \r\n");
  EXPECT_FALSE(padded.anomalies().any());
}

TEST(Parser, AnOuterDelimiterClosesAllInside) {
  const Message message =
      parse(crlf("Content-Type: multipart/mixed; boundary=1\n\n--1\nContent-Type: multipart/mixed; "
                 "boundary=2\n\n--2\n\na\n--1\n\nb\n--1--\n"));
  EXPECT_EQ(shape(message), "mixed(mixed(text/plain) text/plain)");
  EXPECT_TRUE(message.anomalies().has(Anomaly::MissingClose));
}

TEST(Parser, TheSameBoundaryTwiceIsTheInnersUntilItCloses) {
  const Message message = parse(
      "Content-Type: multipart/mixed; boundary=1\n\n--1\nContent-Type: multipart/mixed; "
      "boundary=1\n\n--1\n\na\n--1--\n--1\n\nb\n"
      "--1--\n");
  EXPECT_EQ(shape(message), "mixed(mixed(text/plain) text/plain)");
  EXPECT_TRUE(message.anomalies().has(Anomaly::AmbiguousDelimiter));
}

TEST(Parser, AClosedMultipartHasAnEpilogueWhateverStandsThere) {
  const Message message =
      parse("Content-Type: multipart/mixed; boundary=1\r\n\r\n--1\r\n\r\na\r\n--1--\r\n--1\r\n\r\nb\r\n");
  EXPECT_EQ(shape(message), "mixed(text/plain)");
  EXPECT_FALSE(message.anomalies().any());
}

TEST(Parser, ADelimiterMayComeInTheMiddleOfAHeader) {
  const std::string text = crlf(
      "Content-Type: multipart/mixed; boundary=\":foo\"\n\n--:foo\n--:foo\nContent-Type: text/plain\n"
      "--:foo\nContent-Type: text/html\n--:foo--\n");
  const Message message = parse(text);
  EXPECT_EQ(shape(message), "mixed(text/plain text/plain text/html)");
  EXPECT_EQ(message.header(3).section(), "Content-Type: text/html\r\n");
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(message.parts()[i].body_octets(), 0u);
}

TEST(Parser, AnEmptyLineIsTheHeadersBeforeItIsTheDelimiters) {
  const std::string text = crlf(
      "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; "
      "boundary=b\n\n--b\n\n--a--\n");
  const Message message = parse(text);
  ASSERT_EQ(shape(message), "mixed(mixed(text/plain))");
  EXPECT_EQ(message.header(2).section(), "\r\n");
  EXPECT_EQ(message.parts()[2].body_end, message.parts()[1].body_end);
  EXPECT_EQ(message.parts()[1].lines, 2u);
}

TEST(Parser, AHeaderThatEndsAtItsOwnDelimiterIsAMultipart) {
  const Message message = parse(
      "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; "
      "boundary=ab\n--ab\n\nx\n--ab--\n--a--\n");
  EXPECT_EQ(shape(message), "mixed(mixed(text/plain))");
}

TEST(Parser, AMultipartWithoutBoundaryOrPartsIsTextThatCanBeRead) {
  const Message no_boundary = parse("Content-Type: multipart/mixed\r\n\r\nbody\r\n");
  EXPECT_EQ(shape(no_boundary, true), "text/plain[33..39]");
  EXPECT_TRUE(no_boundary.anomalies().has(Anomaly::MissingBoundary));
  const Message no_parts = parse("Content-Type: multipart/mixed; boundary=ab\r\n\r\nbody\r\n");
  EXPECT_EQ(shape(no_parts, true), "text/plain[46..52]");
  EXPECT_TRUE(no_parts.anomalies().has(Anomaly::MissingDelimiter));
}

TEST(Parser, AnEncodedMessageOrMultipartIsFlagged) {
  EXPECT_EQ(shape(parse(
                "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdA==\r\n")),
            "application/octet-stream");
  const Message message = parse(
      "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n");
  EXPECT_EQ(shape(message), "mixed(text/plain)");
  EXPECT_TRUE(message.anomalies().has(Anomaly::EncodedComposite));
}

TEST(Parser, SingletonsThatAreNotSingleAreFlagged) {
  const auto anomalies = [](std::string_view header) {
    return parse(std::string(header) + "\r\n").anomalies();
  };
  EXPECT_TRUE(anomalies("From: a\r\nFrom: b\r\n").has(Anomaly::RepeatedOriginator));
  EXPECT_TRUE(anomalies("Subject: a\r\nSUBJECT: b\r\n").has(Anomaly::RepeatedField));
  EXPECT_TRUE(anomalies("Content-Type: a/b\r\nContent-Type: c/d\r\n").has(Anomaly::RepeatedContentField));
  EXPECT_TRUE(
      anomalies("Content-Type: multipart/mixed; boundary=a; boundary=b\r\n").has(Anomaly::RepeatedParameter));
  EXPECT_TRUE(anomalies("Content-Type: multipart/mixed; boundary=a; boundary*0=b\r\n")
                  .has(Anomaly::RepeatedParameter));
  EXPECT_TRUE(anomalies("From : a\r\n").has(Anomaly::BlankBeforeColon));
  EXPECT_TRUE(anomalies(" From: a\r\n").has(Anomaly::LeadingContinuation));
  EXPECT_FALSE(anomalies("Received: a\r\nReceived: b\r\nFrom: c\r\n").any());
}

TEST(Parser, OddOctetsAreFlaggedWhereTheyAre) {
  const auto anomalies = [](std::string_view text) { return parse(text).anomalies(); };
  EXPECT_TRUE(anomalies("Subject: a\r\n\r\nx\ry\r\n").has(Anomaly::BareCr));
  EXPECT_TRUE(anomalies("Subject: a\r\n\r\nx\r").has(Anomaly::BareCr));
  EXPECT_TRUE(anomalies("Subject: a\r\n\r\nx\ny\r\n").has(Anomaly::BareLf));
  EXPECT_TRUE(anomalies(std::string_view("Subject: a\0b\r\n\r\n", 16)).has(Anomaly::NulInHeader));
  EXPECT_TRUE(anomalies(std::string_view("Subject: a\r\n\r\na\0b", 17)).has(Anomaly::NulInBody));
  EXPECT_TRUE(anomalies("Subject: \xc3\xa4\r\n\r\n").has(Anomaly::EightBitInHeader));
  EXPECT_TRUE(anomalies("Subject: \xe4\r\n\r\n").has(Anomaly::BadUtf8InHeader));
  const Message eight_bit = parse("Subject: a\r\n\r\n\xe4\r\n");
  EXPECT_TRUE(eight_bit.eight_bit_body());
  EXPECT_FALSE(eight_bit.eight_bit_header());
  EXPECT_FALSE(eight_bit.anomalies().any());
  EXPECT_FALSE(anomalies("A: b\r\n\r\n" + std::string(998, 'x') + "\r\n").any());
  EXPECT_TRUE(anomalies("A: b\r\n\r\n" + std::string(999, 'x') + "\r\n").has(Anomaly::LongLine));
}

TEST(Parser, TenThousandNestedMultipartsAreAHundredDeep) {  // attack 30
  std::string text;
  for (int i = 0; i < 10'000; ++i)
    text += fmt::format("Content-Type: multipart/mixed; boundary=b{:05}\r\n\r\n--b{:05}\r\n", i, i);
  const Message message = parse(text);
  EXPECT_EQ(message.parts().size(), 101u);
  EXPECT_EQ(message.parts().back().depth, 100u);
  EXPECT_EQ(message.content(100).type.subtype, "octet-stream");
  EXPECT_TRUE(message.anomalies().has(Anomaly::DepthCut));
}

TEST(Parser, TenThousandNestedMessagesAreAHundredDeep) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "Content-Type: message/rfc822\r\n\r\n";
  const Message message = parse(text);
  EXPECT_EQ(message.parts().size(), 101u);
  EXPECT_EQ(message.parts().back().kind, Kind::Leaf);
  EXPECT_TRUE(message.anomalies().has(Anomaly::DepthCut));
}

TEST(Parser, AfterTenThousandPartsTheRestIsNotSplit) {  // attack 31
  std::string text = "Content-Type: multipart/mixed; boundary=a\r\n\r\n";
  while (text.size() < 10'000'000) text += "--a\n";
  const auto start = std::chrono::steady_clock::now();
  const Message message = parse(text);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(message.parts().size(), 10'000u);
  EXPECT_TRUE(message.anomalies().has(Anomaly::PartsCut));
}

TEST(Parser, AHeaderIsKeptUpToItsLimitAndReadToItsEnd) {  // attack 34
  std::string text =
      "Subject: x\r\nX: " + std::string(1 << 20, 'y') + "\r\nContent-Type: text/html\r\n\r\nbody";
  const Message message = parse(text);
  EXPECT_EQ(message.header().section().size(), Limits{}.header);
  EXPECT_EQ(body(text, message.parts()[0]), "body");
  EXPECT_TRUE(message.anomalies().has(Anomaly::HeaderCut));
  EXPECT_EQ(shape(message), "text/plain");  // what lies beyond the limit is not seen by anybody
}

TEST(Parser, InnerHeadersBeyondTheirBudgetAreNotKeptButTheTreeIsWhole) {
  std::string text = "Content-Type: multipart/mixed; boundary=a\r\n\r\n";
  for (int i = 0; i < 100; ++i)
    text += "--a\r\nX: " + std::string(5000, 'x') +
            "\r\nContent-Type: " + (i % 2 ? "text/plain" : "image/png") + "\r\n\r\n";
  text += "--a--\r\n";
  const Message message = parse(text);
  ASSERT_EQ(message.parts().size(), 101u);
  EXPECT_TRUE(message.anomalies().has(Anomaly::HeaderCut));
  EXPECT_EQ(message.content(1).type.type, "image");
  EXPECT_EQ(message.header(25).section().size(), 5032u);  // 26 of them are half of the limit
  EXPECT_EQ(message.header(27).section(), "");
  EXPECT_EQ(message.header(99).section(), "");
  EXPECT_EQ(message.content(99).type.subtype, "octet-stream");
  EXPECT_EQ(message.content(100).type.subtype, "plain");
  EXPECT_EQ(message.parts()[99].body_start - message.parts()[99].header_start, 5032u);
}

#if __has_feature(address_sanitizer)
TEST(Parser, NoMessageTakesMoreThanAMebibyteOfMemory) {
  std::string header = "Content-Type: multipart/mixed; boundary=a\r\n", parts, long_parts;
  header += "X: " + std::string(300'000, 'x') + "\r\n\r\n";
  for (int i = 0; i < 12'000; ++i) parts += "--a\r\nContent-Type: a/b\r\n\r\n";
  for (int i = 0; i < 100; ++i) long_parts += "--a\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n";
  for (const std::string& text : {header + parts, header + long_parts, header + long_parts + parts}) {
    const std::size_t before = __sanitizer_get_current_allocated_bytes();
    std::size_t most = 0;
    Parser parser;
    for (std::size_t at = 0; at < text.size(); at += 1460) {
      parser.feed(std::string_view(text).substr(at, 1460));
      most = std::max(most, __sanitizer_get_current_allocated_bytes() - before);
    }
    EXPECT_LT(most, 1u << 20);
    EXPECT_GT(parser.finish().parts().size(), 100u);
  }
}
#endif

TEST(Parser, APreviewIsTakenFromTheFirstPlainTextThatIsNoAttachment) {
  const auto preview = [](std::string_view text) { return std::string(parse(text).preview_octets()); };
  EXPECT_EQ(preview("A: b\n\nhello\n"), "hello\n");
  EXPECT_EQ(preview("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: "
                    "text/html\n\nno\n--b\nContent-Disposition: "
                    "attachment\n\nno\n--b\n\nyes\n--b--\n"),
            "yes");
  EXPECT_EQ(preview("Content-Type: message/rfc822\n\nA: b\n\nhello\n"), "");
  EXPECT_EQ(preview("A: b\n\n" + std::string(5000, 'x')), std::string(4096, 'x'));
}

TEST(Parser, HeaderDoneTellsWhereTheBodyBegins) {
  Parser parser;
  parser.feed("From: a\r\n");
  EXPECT_FALSE(parser.header_done());
  parser.feed("\r");
  EXPECT_FALSE(parser.header_done());
  parser.feed("\nbody");
  EXPECT_TRUE(parser.header_done());
  EXPECT_EQ(parser.header_octets(), 11u);
  EXPECT_EQ(parser.header().first("from")->value, " a");
}

TEST(Parser, FieldsPutInFrontMoveTheTree) {
  const std::string trace = "Received: by us\r\n";
  const std::string text = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n";
  Message message = parse(text);
  message.prepend(trace);
  const Message whole = parse(trace + text);
  EXPECT_EQ(message.parts(), whole.parts());
  EXPECT_EQ(message.header().section(), whole.header().section());
  EXPECT_EQ(message.header(1).section(), whole.header(1).section());
  EXPECT_EQ(message.octets(), whole.octets());
}

// A message with everything that could go wrong at a cut.
const std::string awkward =
    crlf(
        "From - Fri Feb 22\nFrom: a@x.test\nX-Folded: one\n two\n\tthree\nContent-Type: "
        "multipart/mixed; boundary=\"b b\"\n\npreamble\n--\n--b\n--b b\n"
        "Content-Type: message/rfc822\n\nSubject: inner\nno field here\n--b b "
        "\t\nContent-Type: multipart/digest;\n boundary=c\n\n"
        "--c\n\nSubject: d\n\nx\n- -\n---\n--c-\n\n--c--\n--b b\n--b "
        "b\nX:y\n\nlast\r\rodd\n\nodd\n--b b--\nepilogue\n--b b\n") +
    "tail\r";

TEST(Parser, TwoPiecesAreOneMessageWhereverTheyAreCut) {
  const Message whole = parse(awkward);
  for (std::size_t cut = 0; cut <= awkward.size(); ++cut) {
    Parser parser;
    parser.feed(std::string_view(awkward).substr(0, cut));
    parser.feed(std::string_view(awkward).substr(cut));
    ASSERT_TRUE(same(parser.finish(), whole)) << cut;
  }
}

TEST(Parser, OneOctetAtATimeIsTheSameMessage) {
  Parser parser;
  for (char c : awkward) parser.feed({&c, 1});
  EXPECT_TRUE(same(parser.finish(), parse(awkward)));
}

TEST(Parser, EveryTruncationOfAMessageHasNestedParts) {
  for (std::size_t n = 0; n <= awkward.size(); ++n) {
    const Message message = parse(std::string_view(awkward).substr(0, n));
    for (std::size_t i = 0; i < message.parts().size(); ++i) {
      const Part& p = message.parts()[i];
      ASSERT_LE(p.header_start, p.body_start) << n;
      ASSERT_LE(p.body_start, p.body_end) << n;
      if (i == 0) continue;
      ASSERT_GE(p.header_start, message.parts()[p.parent].body_start) << n;
      ASSERT_LE(p.body_end, message.parts()[p.parent].body_end) << n;
    }
    ASSERT_EQ(message.parts()[0].body_end, n);
  }
}

TEST(Parser, AHundredBoundariesInForceDoNotMakeLinesSlow) {
  std::string text;
  for (int i = 0; i < 100; ++i)
    text += fmt::format("Content-Type: multipart/mixed; boundary=bbbbbbbbbbbb{}\r\n\r\n--bbbbbbbbbbbb{}\r\n",
                        i + 100, i + 100);
  text += "\r\n";
  while (text.size() < 4'000'000) text += "--bbbbbbbbbbbb\r\n";
  const auto start = std::chrono::steady_clock::now();
  parse(text);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));  // under sanitizers
}

}  // namespace
}  // namespace postroad::mime
