#include "mime/imap.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#include "mime/imap_syntax.h"
#include "mime/parser.h"

namespace postroad::mime {
namespace {

std::string crlf(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}
std::string envelope(std::string_view header) { return render_envelope(parse(crlf(header) + "\r\n")); }
std::string structure(std::string_view text) { return render_bodystructure(parse(crlf(text))); }

TEST(Envelope, IsTheOneOfRfc3501) {  // §8, the sample connection
  EXPECT_EQ(
      envelope("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\nFrom: Terry Gray "
               "<gray@cac.washington.edu>\nSubject: IMAP4rev1 WG mtg summary "
               "and minutes\nTo: imap@cac.washington.edu\ncc: minutes@CNRI.Reston.VA.US, John Klensin "
               "<KLENSIN@MIT.EDU>\n"
               "Message-Id: <B27397-0100000@cac.washington.edu>\n"),
      "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
      "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" "
      "\"cac.washington.edu\")) "
      "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) "
      "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
      "\"<B27397-0100000@cac.washington.edu>\")");
}

TEST(Envelope, AbsentIsNilAndEmptyIsEmpty) {  // RFC 9051 §7.5.2
  EXPECT_EQ(envelope(""), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
  EXPECT_EQ(envelope("Date:\nSubject: \nIn-Reply-To:\nMessage-ID:\nFrom:\nTo: \nSender: ,\n"),
            "(\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\")");
}

TEST(Envelope, SenderAndReplyToAreFromUnlessTheySayMore) {
  const std::string from = "((NIL NIL \"a\" \"x\"))", sender = "((NIL NIL \"b\" \"x\"))";
  EXPECT_EQ(envelope("From: a@x\nSender:\nReply-To: ,\n"),
            "(NIL NIL " + from + " " + from + " " + from + " NIL NIL NIL NIL NIL)");
  EXPECT_EQ(envelope("From: a@x\nSender: b@x\n"),
            "(NIL NIL " + from + " " + sender + " " + from + " NIL NIL NIL NIL NIL)");
}

TEST(Envelope, AGroupIsMarkedByHostsThatAreNil) {
  EXPECT_EQ(envelope("To: g: a@x, B <b@x>;, c@x\n"),
            "(NIL NIL NIL NIL NIL ((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"x\")(\"B\" NIL \"b\" \"x\")(NIL NIL "
            "NIL NIL)(NIL NIL \"c\" \"x\")) NIL NIL NIL "
            "NIL)");
  EXPECT_EQ(envelope("To: g: a@x, b@x\n"),
            "(NIL NIL NIL NIL NIL ((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"x\")(NIL NIL \"b\" \"x\")(NIL NIL NIL "
            "NIL)) NIL NIL NIL NIL)");
}

TEST(Envelope, RoutesAndMissingDomainsAreTold) {
  EXPECT_EQ(envelope("To: <@a,@b:c@d>, bob, <>\n"),
            "(NIL NIL NIL NIL NIL ((NIL \"@a,@b\" \"c\" \"d\")(NIL NIL \"bob\" \"\")(NIL NIL \"\" \"\")) NIL "
            "NIL NIL NIL)");
}

TEST(Envelope, RepeatedAddressFieldsAreOneListAndOfOthersTheFirstCounts) {
  EXPECT_EQ(envelope("To: a@x\nSubject: 1\nTo: b@x\nSubject: 2\n"),
            "(NIL \"1\" NIL NIL NIL ((NIL NIL \"a\" \"x\")(NIL NIL \"b\" \"x\")) NIL NIL NIL NIL)");
}

TEST(Envelope, TextIsUnfoldedAndNotDecoded) {
  EXPECT_EQ(envelope("Subject: =?utf-8?q?=C3=A4?=\n one\n\ttwo\nFrom: =?utf-8?q?J?= <a@x>\n"),
            "(NIL \"=?utf-8?q?=C3=A4?= one\ttwo\" ((\"=?utf-8?q?J?=\" NIL \"a\" \"x\")) ((\"=?utf-8?q?J?=\" "
            "NIL \"a\" \"x\")) ((\"=?utf-8?q?J?=\" NIL "
            "\"a\" \"x\")) NIL NIL NIL NIL NIL)");
}

TEST(Envelope, WhatCannotStandBetweenQuotesIsALiteral) {
  EXPECT_EQ(envelope("Subject: a \"b\" \\c\n"),
            "(NIL \"a \\\"b\\\" \\\\c\" NIL NIL NIL NIL NIL NIL NIL NIL)");
  EXPECT_EQ(envelope("Subject: \xc3\xa4\n"), "(NIL {2}\r\n\xc3\xa4 NIL NIL NIL NIL NIL NIL NIL NIL)");
  EXPECT_EQ(envelope("Subject: \xe4\n"), "(NIL {2}\r\n\xc3\xa4 NIL NIL NIL NIL NIL NIL NIL NIL)");
  EXPECT_EQ(envelope(std::string_view("Subject: a\0b\n", 13)),
            "(NIL {5}\r\na\xef\xbf\xbd"
            "b NIL NIL NIL NIL NIL NIL NIL NIL)");
  EXPECT_EQ(render_envelope(parse("Subject: a\rb\r\n\r\n")), "(NIL \"a b\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

TEST(Envelope, AMillionAddressesAreCutAtTenThousand) {  // attack 35
  std::string header = "From: x@y\nTo: ";
  while (header.size() < 250'000) header += "a@b,";
  const auto start = std::chrono::steady_clock::now();
  const std::string out = envelope(header + "\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  EXPECT_LT(out.size(), 200'000u);
  EXPECT_EQ(ImapSyntax::of_envelope(out), "");
}

TEST(Rendering, KeepsTheLimitsTheMessageWasParsedWith) {
  const Message message = parse("To: a@b, c@d, e@f\r\nContent-Type: a/b; a=1; b=2; c=3\r\n\r\n",
                                {.addresses = 2, .parameters = 1});
  EXPECT_EQ(render_envelope(message),
            "(NIL NIL NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) NIL NIL NIL NIL)");
  EXPECT_EQ(render_body(message), "(\"A\" \"B\" (\"a\" \"1\") NIL NIL \"7BIT\" 0)");
  EXPECT_TRUE(message.anomalies().has(Anomaly::TooManyParameters));
}

TEST(BodyStructure, OfPlainText) {
  EXPECT_EQ(structure("A: b\n\nRhubarb!"),
            "(\"TEXT\" \"PLAIN\" (\"charset\" \"US-ASCII\") NIL NIL \"7BIT\" 8 0 NIL NIL NIL NIL)");
  EXPECT_EQ(structure("Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\nYQ==\n"),
            "(\"TEXT\" \"HTML\" (\"charset\" \"utf-8\") NIL NIL \"BASE64\" 6 1 NIL NIL NIL NIL)");
}

TEST(BodyStructure, OfOtherPartsWithAllTheyHave) {
  EXPECT_EQ(structure("Content-Type: application/xhtml+xml; e=mc*mc;\nContent-Transfer-Encoding: 7bit\n"
                      "Content-Disposition: Inline; foo=bar; one=1; param=value;\nContent-Language: en, "
                      "en-US (x), en-CA\n"
                      "Content-ID: <477345345@example.org>\nContent-Description: Homage to 70's TV\n"
                      "Content-Location: http://www.example.org/rhubard.html\nContent-MD5: "
                      "Q2hlY2sgSW50ZWdyaXR5IQ==\n\nx\n"),
            "(\"APPLICATION\" \"XHTML+XML\" (\"e\" \"mc*mc\") \"<477345345@example.org>\" \"Homage to 70's "
            "TV\" \"7BIT\" 3 "
            "\"Q2hlY2sgSW50ZWdyaXR5IQ==\" (\"inline\" (\"foo\" \"bar\" \"one\" \"1\" \"param\" \"value\")) "
            "(\"en\" \"en-US\" \"en-CA\") "
            "\"http://www.example.org/rhubard.html\")");
}

TEST(BodyStructure, OfAMultipart) {
  EXPECT_EQ(structure("Content-Type: multipart/Mixed; boundary=b\nContent-Language: "
                      "de\n\n--b\n\none\n--b\nContent-Type: image/png\n\ntwo\n--b--\n"),
            "((\"TEXT\" \"PLAIN\" (\"charset\" \"US-ASCII\") NIL NIL \"7BIT\" 3 0 NIL NIL NIL NIL)(\"IMAGE\" "
            "\"PNG\" NIL NIL NIL \"7BIT\" 3 NIL NIL NIL "
            "NIL) \"MIXED\" (\"boundary\" \"b\") NIL (\"de\") NIL)");
}

TEST(BodyStructure, OfAMessageInsideAMessage) {
  EXPECT_EQ(structure("Content-Type: message/rfc822\n\nSubject: inner\n\nbody\n"),
            "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 24 (NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) "
            "(\"TEXT\" \"PLAIN\" (\"charset\" "
            "\"US-ASCII\") NIL NIL \"7BIT\" 6 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)");
}

TEST(BodyStructure, ContinuationsAreJoinedAndExtendedValuesAreUtf8) {  // RFC 9051 §7.5.2
  EXPECT_EQ(
      structure("Content-Type: a/b; baz*0=x; baz*1=y; foo*0*=iso-8859-1'de'%E4; foo*1=z\n\n"),
      "(\"A\" \"B\" (\"baz\" \"xy\" \"foo*\" \"utf-8'de'%C3%A4z\") NIL NIL \"7BIT\" 0 NIL NIL NIL NIL)");
}

TEST(BodyStructure, ParametersAreInAlphabeticalOrder) {
  EXPECT_EQ(structure("Content-Type: text/calendar; method=REQUEST; name=invite.ics; charset=ISO-8859-1\n\n"),
            "(\"TEXT\" \"CALENDAR\" (\"charset\" \"ISO-8859-1\" \"method\" \"REQUEST\" \"name\" "
            "\"invite.ics\") NIL NIL \"7BIT\" 0 0 NIL NIL NIL NIL)");
}

TEST(BodyStructure, WhatCouldNotBeOpenedIsNeverRenderedAsIfItWere) {
  EXPECT_EQ(structure("Content-Type: multipart/mixed\n\nx\n"),
            "(\"TEXT\" \"PLAIN\" (\"charset\" \"US-ASCII\") NIL NIL \"7BIT\" 3 1 NIL NIL NIL NIL)");
  EXPECT_EQ(structure("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nx\n"),
            "(\"APPLICATION\" \"OCTET-STREAM\" NIL NIL NIL \"BASE64\" 3 NIL NIL NIL NIL)");
}

TEST(Body, IsBodyStructureWithoutExtensionData) {
  EXPECT_EQ(render_body(parse(crlf("Content-Type: multipart/mixed; boundary=b\nContent-Language: "
                                   "de\n\n--b\nContent-Description: \xc3\xa4 )\"( NIL\n\n"
                                   "one\n--b\nContent-Type: message/rfc822\n\nSubject: ((\n\nx\n--b--\n"))),
            "((\"TEXT\" \"PLAIN\" (\"charset\" \"US-ASCII\") NIL {10}\r\n\xc3\xa4 )\"( NIL \"7BIT\" 3 "
            "0)(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 16 "
            "(NIL \"((\" NIL NIL NIL NIL NIL NIL NIL NIL) (\"TEXT\" \"PLAIN\" (\"charset\" \"US-ASCII\") NIL "
            "NIL \"7BIT\" 1 0) 2) \"MIXED\")");
}

TEST(Body, AnythingElseThanAStructureDoesNoHarm) {
  for (const std::string_view text : {"", "(", "((", ")", "(((((", "(\"TEXT\"", "{999999999999}\r\n",
                                      "((\"A\" ", "(\"MESSAGE\" \"RFC822\" NIL NIL NIL NIL 1 ("})
    EXPECT_LE(derive_body(text).size(), text.size());
}

TEST(Rendering, AHundredLevelsAndTenThousandPartsAreLegalImap) {
  std::string deep, wide = "Content-Type: multipart/mixed; boundary=a\r\n\r\n";
  for (int i = 0; i < 60; ++i)
    deep += fmt::format(
        "Content-Type: multipart/mixed; boundary=b{:05}\r\n\r\n--b{:05}\r\nContent-Type: "
        "message/rfc822\r\n\r\n",
        i, i);
  for (int i = 0; i < 12'000; ++i) wide += "--a\r\n";
  for (const std::string& text : {deep, wide}) {
    const Message message = parse(text);
    const std::string rendered = render_bodystructure(message);
    EXPECT_EQ(ImapSyntax::of_bodystructure(rendered), "");
    EXPECT_EQ(ImapSyntax::of_body(derive_body(rendered)), "");
    EXPECT_LT(rendered.size(), 1u << 20);
  }
}

}  // namespace
}  // namespace postroad::mime
