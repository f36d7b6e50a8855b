#include "mime/content.h"

#include <gtest/gtest.h>

#include <chrono>

#include "mime/parser.h"

namespace postroad::mime {
namespace {

// "type/subtype name=value name*=value"
std::string read(std::string_view value) {
  const auto type = parse_media_type(value);
  if (!type) return "none";
  std::string out = type->type + "/" + type->subtype;
  for (const Parameter& p : type->parameters.list) out += " " + p.name + (p.extended ? "*=" : "=") + p.value;
  return out;
}

TEST(MediaType, IsReadWithoutCaseAndComments) {
  EXPECT_EQ(read("text/plain"), "text/plain");
  EXPECT_EQ(read(" Text / (c) HTML (d) ; Charset = \"UTF-8\" (e)"), "text/html charset=UTF-8");
  EXPECT_EQ(read("application/vnd.x+json;a=b;c=\"d e\""), "application/vnd.x+json a=b c=d e");
  EXPECT_EQ(read("multipart/mixed; boundary=\"foo\r\n bar\""), "multipart/mixed boundary=foo bar");
}

TEST(MediaType, IsForgivenWhatMailDoes) {
  EXPECT_EQ(read("text"), "text/plain");
  EXPECT_EQ(read("multipart;boundary=x"), "multipart/mixed boundary=x");
  EXPECT_EQ(read("image"), "none");
  EXPECT_EQ(read("/plain"), "none");
  EXPECT_EQ(read(""), "none");
  EXPECT_EQ(read("text/plain;;; ; charset=x;"), "text/plain charset=x");
  EXPECT_EQ(read("text/plain charset=x"), "text/plain charset=x");
  EXPECT_EQ(read("text/plain; a=b\r\n c=d; e=f"), "text/plain a=b c=d e=f");  // a semicolon forgotten
  EXPECT_EQ(read("text/plain; name=my long file.txt; x=y"), "text/plain name=my long file.txt x=y");
  EXPECT_EQ(read("multipart/mixed; boundary=gc0:08jU=5?c0p"), "multipart/mixed boundary=gc0:08jU=5?c0p");
  EXPECT_EQ(read("text/plain; name=\"open"), "text/plain name=open");
  EXPECT_EQ(read("text/plain; name=\"a\\\"b\\\\c\""), "text/plain name=a\"b\\c");
  EXPECT_EQ(read("text/plain; = ;; =x; name=y"), "text/plain name=y");
  EXPECT_EQ(read("text/plain; name="), "text/plain name=");
}

TEST(MediaType, OfAParameterGivenTwiceTheFirstCounts) {
  const auto type = parse_media_type("multipart/mixed; boundary=a; Boundary=b");
  EXPECT_EQ(*type->parameters.find("boundary"), "a");
  EXPECT_TRUE(type->parameters.repeated);
  EXPECT_FALSE(parse_media_type("text/plain; a=1; b=2")->parameters.repeated);
}

TEST(Rfc2231, ContinuationsAreJoinedAndCharsetsDecoded) {
  EXPECT_EQ(read("message/external-body; access-type=URL; URL*0=\"ftp://\"; URL*1=\"cs.utk.edu/x.tar\""),
            "message/external-body access-type=URL url=ftp://cs.utk.edu/x.tar");
  EXPECT_EQ(read("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"),
            "application/x-stuff title*=This is ***fun***");
  EXPECT_EQ(read("application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; "
                 "title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\""),
            "application/x-stuff title*=This is even more ***fun*** isn't it!");
  EXPECT_EQ(parse_media_type("a/b; title*=us-ascii'en-us'x")->parameters.list[0].language, "en-us");
  EXPECT_EQ(read("a/b; name*1=b; name*0=a; name*10=d; name*2=c"), "a/b name=abcd");
  EXPECT_EQ(read("a/b; name*0*=utf-8''%C3; name*1*=%A4"), "a/b name*=ä");  // a character cut in two
  EXPECT_EQ(read("a/b; name*=iso-8859-1''Fr%F6sche"), "a/b name*=Frösche");
  EXPECT_EQ(read("a/b; name*=\"iso-8859-1''Fr%F6sche\""), "a/b name*=Frösche");
  EXPECT_EQ(read("a/b; name*=%C3%A4"), "a/b name*=ä");
  EXPECT_EQ(read("a/b; name*=utf-8''100%; n=1"), "a/b name*=100% n=1");
}

TEST(Rfc2231, ItsFormCountsBeforeThePlainOne) {
  const auto type = parse_media_type("a/b; name=fallback.txt; name*=utf-8''%C3%A4.txt");
  EXPECT_EQ(*type->parameters.find("name"), "ä.txt");
  EXPECT_TRUE(type->parameters.repeated);
}

TEST(Rfc2231, OddNamesAreNoParameters) {
  EXPECT_EQ(read("a/b; *=x; 3**=b; 4*x=c; 5*1*2=d; 6*99999999999=e; ok=1"), "a/b ok=1");
}

TEST(Parameters, AtMostAHundredAreRead) {  // attack 36
  std::string value = "a/b";
  for (int i = 0; i < 100'000; ++i) value += "; filename*" + std::to_string(i) + "*=x";
  const auto start = std::chrono::steady_clock::now();
  const auto type = parse_media_type(value);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  EXPECT_EQ(type->parameters.find("filename")->size(), 100u);
  EXPECT_TRUE(type->parameters.cut);
}

TEST(FileName, IsOneForAllWhoAsk) {
  const auto name = [](std::string_view header) {
    return file_name(parse(std::string(header) + "\r\n\r\n").content(0));
  };
  EXPECT_EQ(name("Content-Disposition: attachment; filename*0=a.e; filename*1=xe"), "a.exe");
  EXPECT_EQ(name("Content-Type: a/b; name=\"=?utf-8?q?=C3=A4?=.txt\""), "ä.txt");
  EXPECT_EQ(name("Content-Disposition: attachment;\r\n\tfilename=\"=?utf-8?Q?best=C3=A4tigung_X=2EPD?=\r\n "
                 "=?utf-8?Q?F?=\""),
            "bestätigung X.PDF");
  EXPECT_EQ(name("Content-Type: a/b; name=one\r\nContent-Disposition: attachment; filename=two"), "two");
  EXPECT_EQ(name("Content-Type: a/b; name*=utf-8''=?x?q?a?="), "=?x?q?a?=");
  EXPECT_FALSE(name("Content-Type: a/b"));
}

TEST(SafeFileName, LeavesNoWayOut) {
  EXPECT_EQ(safe_file_name("../../etc/passwd"), "passwd");
  EXPECT_EQ(safe_file_name("C:\\x\\a.exe"), "a.exe");
  EXPECT_EQ(safe_file_name(".htaccess"), "htaccess");
  EXPECT_EQ(safe_file_name("a\r\nb\0c"), "ab");
  EXPECT_EQ(safe_file_name(".."), "attachment");
  EXPECT_EQ(safe_file_name(""), "attachment");
  EXPECT_EQ(safe_file_name(std::string(1000, 'x') + ".pdf"), std::string(196, 'x') + ".pdf");
}

TEST(Disposition, IsReadAsRfc2183Says) {
  const auto d = parse_disposition(
      "Attachment; filename=genome.jpeg;\r\n  modification-date=\"Wed, 12 Feb 1997 16:29:51 -0500\"");
  EXPECT_EQ(d->kind, "attachment");
  EXPECT_EQ(*d->parameters.find("filename"), "genome.jpeg");
  EXPECT_EQ(*d->parameters.find("modification-date"), "Wed, 12 Feb 1997 16:29:51 -0500");
  EXPECT_EQ(parse_disposition("filename=x")->kind, "attachment");
  EXPECT_EQ(*parse_disposition("filename=x")->parameters.find("filename"), "x");
}

TEST(TransferEncodingName, IsReadWithoutCase) {
  EXPECT_EQ(parse_transfer_encoding(" BASE64"), TransferEncoding::Base64);
  EXPECT_EQ(parse_transfer_encoding("Quoted-Printable (x)"), TransferEncoding::QuotedPrintable);
  EXPECT_EQ(parse_transfer_encoding("\"base64\""), TransferEncoding::Base64);
  EXPECT_EQ(parse_transfer_encoding("x-uuencode"), TransferEncoding::Uuencode);
  EXPECT_EQ(parse_transfer_encoding("x-yencode"), TransferEncoding::Unknown);
  EXPECT_EQ(parse_transfer_encoding(""), TransferEncoding::SevenBit);
}

}  // namespace
}  // namespace postroad::mime
