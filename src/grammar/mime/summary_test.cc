#include "mime/summary.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/utf8.h"
#include "mime/parser.h"
#include "mime/text.h"
#include "mime/transfer.h"

namespace postroad::mime {
namespace {

std::string base(std::string_view subject) { return std::string(base_subject(decode_text(subject)).text()); }

TEST(BaseSubject, IsExtractedAsRfc5256Says) {
  EXPECT_EQ(base("a"), "a");
  EXPECT_EQ(base("Re: a"), "a");
  EXPECT_EQ(base("re : [x] Fwd[y]: FW: a (fwd) (FWD) "), "a");
  EXPECT_EQ(base("[foo] Fwd: [bar] Re: fw: b (fWd)  (fwd)"), "b");
  EXPECT_EQ(base("b (a)"), "b (a)");
  EXPECT_EQ(base("Re: [FWD: c]"), "c");
  EXPECT_EQ(base("[xyz]"), "[xyz]");
  EXPECT_EQ(base("[a] [b]"), "[b]");
  EXPECT_EQ(base("Ad: Re: Ad: x"), "Ad: Re: Ad: x");
  EXPECT_EQ(base("re: [fwd: [fwd: re: [fwd: babylon]]]"), "babylon");
  EXPECT_EQ(base("=?iso-8859-1?q?RE:_C?="), "C");
  EXPECT_EQ(base("=?us-ascii?b?UmU6IGM=?="), "c");
  EXPECT_EQ(base("a\t \r\n b"), "a b");
  EXPECT_EQ(base("=?iso-8859-1?q?_?="), "");
  EXPECT_EQ(base("Re:"), "");
  EXPECT_EQ(base(""), "");
}

TEST(BaseSubject, TellsARepliesAndForwards) {
  for (const std::string_view subject : {"Re: a", "a (fwd)", "[Fwd: a]", "FW: a", "[x] re: a"})
    EXPECT_TRUE(base_subject(subject).reply_or_forward) << subject;
  for (const std::string_view subject : {"a", "[x] a", "Read: a", "Forward: a"})
    EXPECT_FALSE(base_subject(subject).reply_or_forward) << subject;
}

TEST(BaseSubject, HasNoSubjectThatTakesLong) {
  std::string blobs, forwards;
  while (blobs.size() < 1'000'000) blobs += "[a]", forwards += "[fwd:";
  forwards += std::string(forwards.size() / 5, ']');
  const auto start = std::chrono::steady_clock::now();
  base_subject(blobs);
  base_subject(forwards);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(Summary, HoldsWhatAListShows) {
  const Summary s =
      summarize(parse("Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nFrom: =?utf-8?q?J=C3=B6rg?= <joerg@x.test>, "
                      "b@x.test\r\nTo: team: a@x.test, b@x.test;\r\n"
                      "Cc: c@x.test (Cee)\r\nSubject: Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n  "
                      "twice\r\nMessage-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\nIn-Reply-To: <2@x>\r\n"
                      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; "
                      "charset=iso-8859-1\r\nContent-Transfer-Encoding: "
                      "quoted-printable\r\n\r\nSch=F6n,\r\n\r\n  dich\t zu "
                      "=\r\nsehen.\r\n--b\r\nContent-Disposition: attachment\r\n\r\nx\r\n--b--\r\n"));
  EXPECT_EQ(s.subject, "Re: Grüße twice");
  EXPECT_EQ(s.base_subject(), "Grüße twice");
  EXPECT_TRUE(s.reply_or_forward);
  EXPECT_EQ(s.from, (Correspondent{"Jörg", "joerg", "x.test"}));
  EXPECT_EQ(s.to, (Correspondent{"team", "team", ""}));
  EXPECT_EQ(s.cc.name, "Cee");
  EXPECT_EQ(s.cc.shown(), "Cee");
  EXPECT_EQ(s.to.shown(), "team");
  EXPECT_EQ((Correspondent{"", "bob", "x.test"}).shown(), "bob@x.test");
  EXPECT_EQ((Correspondent{"", "bob", ""}).shown(), "bob");
  EXPECT_EQ(format_date(s.date->utc, s.date->zone_minutes), "Fri, 21 Nov 1997 09:55:06 -0600");
  EXPECT_EQ(s.message_id, "3@x");
  EXPECT_EQ(s.references, (std::vector<std::string>{"1@x", "2@x"}));
  EXPECT_EQ(s.preview, "Schön, dich zu sehen.");
  EXPECT_EQ(s.attachments, 1u);
}

TEST(Summary, OfAnEmptyMessageIsEmpty) { EXPECT_EQ(summarize(parse("")), Summary{}); }

TEST(Summary, InReplyToStandsInForReferences) {
  EXPECT_EQ(summarize(parse("In-Reply-To: <a@x> <b@x>\r\n\r\n")).references, std::vector<std::string>{"a@x"});
}

TEST(Preview, HasAtMost200CharactersAndNoHalfOnes) {  // attack 46
  const auto preview = [](std::string_view type, std::string_view body) {
    return summarize(parse("Content-Type: " + std::string(type) + "\r\n\r\n" + std::string(body))).preview;
  };
  std::string umlauts, marks = "e";
  for (int i = 0; i < 5000; ++i) umlauts += "ä", marks += "\xcc\x81";
  EXPECT_EQ(preview("text/plain; charset=utf-8", umlauts).size(), 400u);
  EXPECT_TRUE(utf8::valid(preview("text/plain; charset=utf-8", marks)));
  EXPECT_EQ(preview("text/plain; charset=utf-8", std::string(4095, ' ') + "ä"), "");
  EXPECT_EQ(preview("text/plain; charset=utf-8", "a\xc3"), "a\xef\xbf\xbd");
  EXPECT_EQ(preview("text/html", "<p>x"), "");
  EXPECT_EQ(preview("text/plain", " \r\n\t\r\n"), "");
  const std::string encoded = encode_base64(umlauts);
  EXPECT_EQ(preview("text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64", encoded),
            umlauts.substr(0, 400));
}

}  // namespace
}  // namespace postroad::mime
