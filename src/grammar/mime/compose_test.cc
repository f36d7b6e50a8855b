#include "mime/compose.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mime/address.h"
#include "mime/fields.h"
#include "mime/parser.h"
#include "mime/text.h"
#include "mime/transfer.h"

namespace postroad::mime {
namespace {

Address address(std::string_view text) { return *Address::parse(text); }

std::string shown(std::string_view utf8) {
  HeaderWriter header;
  EXPECT_TRUE(header.text("Subject", utf8));
  return header.octets();
}

TEST(HeaderWriter, PlainTextStaysPlain) { EXPECT_EQ(shown("Hello, world"), "Subject: Hello, world\r\n"); }

TEST(HeaderWriter, OtherTextBecomesEncodedWords) {
  EXPECT_EQ(shown("Grüße"), "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n");
  EXPECT_EQ(shown("こんにちは"), "Subject: =?utf-8?b?44GT44KT44Gr44Gh44Gv?=\r\n");
  EXPECT_EQ(shown(" x"), "Subject: =?utf-8?q?_x?=\r\n");
}

TEST(HeaderWriter, WhatIsWrittenIsReadAgain) {
  for (const std::string& text :
       {std::string("a"), std::string(""), std::string("=?utf-8?q?a?="), std::string("a =?b"),
        std::string(" a "), std::string(5000, 'x'),
        std::string("ä\u20ac\U0001f4ec und so weiter, und so weiter, und so weiter, bis zum Ende"),
        std::string("a  b   c"), "\"quoted\" <x@y>, (z)" + std::string(80, ' ') + "end"}) {
    const std::string field = shown(text);
    EXPECT_EQ(decode_text(Header(field).first("subject")->value), text);
  }
}

TEST(HeaderWriter, LinesAreFoldedAt78) {
  std::string long_text, words;
  for (int i = 0; i < 100; ++i) long_text += "ü wie Übung ", words += "word ";
  words += "end";
  for (const std::string& field : {shown(long_text + "x"), shown(words)}) {
    for (std::size_t start = 0, end; (end = field.find("\r\n", start)) != std::string::npos;
         start = end + 2) {
      EXPECT_LE(end - start, 78u);
      EXPECT_NE(field.find_first_not_of(" \t", start), end);
    }
  }
}

TEST(HeaderWriter, NothingGetsALineOrAControlCharacterIn) {  // attacks 96 and 97
  HeaderWriter header;
  for (const std::string bad : {"a\r\nBcc: v@x.test", "a\rb", "a\nb", "a\x1b[2J", "a\x7f",
                                "a\xc2\x85"
                                "b",
                                "a\xe2\x80\xa8"
                                "b",
                                "a\xe2\x80\xa9"
                                "b"}) {
    EXPECT_EQ(header.text("X", bad).error(), ComposeError::ControlCharacter);
    EXPECT_EQ(header.structured("X", bad).error(), ComposeError::ControlCharacter);
    const std::vector<NamedAddress> to{{bad, address("a@x.test")}};
    EXPECT_EQ(header.addresses("To", to).error(), ComposeError::ControlCharacter);
    const std::vector<std::string> ids{bad};
    EXPECT_EQ(header.ids("Message-ID", ids).error(), ComposeError::BadToken);
    SeededRandom random(1);
    for (OutPart part :
         {OutPart{.file_name = bad}, OutPart{.description = bad}, OutPart{.parameters = {{"name", bad}}}})
      EXPECT_EQ(compose(header, part, random).error(), ComposeError::ControlCharacter);
    for (OutPart part : {OutPart{.type = bad}, OutPart{.subtype = bad}, OutPart{.disposition = bad},
                         OutPart{.content_id = bad}, OutPart{.parameters = {{bad, "x"}}}})
      EXPECT_EQ(compose(header, part, random).error(), ComposeError::BadToken);
  }
  EXPECT_EQ(header.text("X", std::string_view("a\0b", 3)).error(), ComposeError::ControlCharacter);
  EXPECT_EQ(header.text("X", "\xff").error(), ComposeError::BadUtf8);
  EXPECT_EQ(header.structured("X", "ä").error(), ComposeError::NotAscii);
  EXPECT_EQ(header.structured("X", std::string(1000, 'x')).error(), ComposeError::TooLong);
  for (const std::string name : {"", "a b", "a:", "a\r\nB", "ä", "a\n"})
    EXPECT_EQ(header.text(name, "x").error(), ComposeError::BadFieldName) << name;
  EXPECT_EQ(header.octets(), "");
}

TEST(HeaderWriter, NamesOfPeopleSurvive) {
  const std::vector<NamedAddress> list{{"", address("a@x.test")},
                                       {"Joe Public", address("b@x.test")},
                                       {"Public, Joe Q.", address("c@x.test")},
                                       {"say \"hi\" \\", address("d@x.test")},
                                       {"Jörg <evil@x>, y@z", address("e@x.test")},
                                       {"a  b", address("\"f g\"@x.test")}};
  HeaderWriter header;
  ASSERT_TRUE(header.addresses("To", list));
  const auto read = parse_addresses(Header(header.octets()).first("to")->value);
  ASSERT_EQ(read.size(), list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    EXPECT_EQ(shown_name(read[i]), list[i].name);
    EXPECT_EQ(*envelope_address(read[i]), list[i].address);
  }
}

TEST(HeaderWriter, DatesAndIdsAreReadAgain) {
  HeaderWriter header;
  const Time time = Time{std::chrono::days{20'000}} + std::chrono::seconds(3723);
  ASSERT_TRUE(header.date("Date", time, 330));
  const std::vector<std::string> ids{"a@x.test", "b@y.test"};
  ASSERT_TRUE(header.ids("References", ids));
  EXPECT_EQ(parse_date(Header(header.octets()).first("date")->value)->utc, time);
  EXPECT_EQ(parse_message_ids(Header(header.octets()).first("references")->value), ids);
}

std::string compose_one(const OutPart& part) {
  SeededRandom random(1);
  auto out = compose(HeaderWriter(), part, random);
  EXPECT_TRUE(out) << describe(out.error());
  return out.value_or("");
}

std::string read_body(std::string_view text, const Message& message, std::size_t i) {
  const Part& p = message.parts()[i];
  return transfer_decode(text.substr(p.body_start, p.body_octets()), p.encoding).octets;
}

TEST(Compose, TakesTheLightestEncodingThatCarriesTheBody) {
  EXPECT_EQ(compose_one({.body = "Hello\nworld\n"}),
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\nworld\r\n");
  EXPECT_THAT(compose_one({.body = "Grüße aus der Ferne\n"}),
              testing::HasSubstr("Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC"));
  EXPECT_THAT(compose_one({.body = "こんにちは"}), testing::HasSubstr("Content-Transfer-Encoding: base64"));
  EXPECT_THAT(compose_one({.body = std::string(2000, 'x')}), testing::HasSubstr("quoted-printable"));
  EXPECT_THAT(compose_one({.type = "image", .subtype = "png", .body = "x"}),
              testing::HasSubstr("base64\r\n\r\neA==\r\n"));
  EXPECT_THAT(compose_one({.type = "message", .subtype = "rfc822", .body = "Subject: \xc3\xa4\n\nx\n"}),
              testing::HasSubstr("Encoding: 8bit\r\n"));
  EXPECT_THAT(
      compose_one({.type = "message", .subtype = "rfc822", .body = "A: b\n\n" + std::string(2000, 'x')}),
      testing::HasSubstr("application/octet-stream"));
}

TEST(Compose, AWholeMessageIsReadAgainAsItWasMeant) {
  OutPart report{
      .type = "multipart", .subtype = "report", .parameters = {{"report-type", "delivery-status"}}};
  report.parts = {
      {.body = "Your message could not be delivered.\r\n"},
      {.type = "message",
       .subtype = "delivery-status",
       .body = "Reporting-MTA: dns; mx.example.org\r\n\r\nAction: failed\r\n"},
      {.type = "message", .subtype = "rfc822", .body = "Subject: original\r\n\r\nbody\r\n"},
      {.type = "application",
       .subtype = "pdf",
       .disposition = "attachment",
       .file_name = "Übersicht über alles, was im letzten Jahr geschah und warum (endgültige Fassung).pdf",
       .content_id = "p1@x",
       .description = "Größe",
       .body = std::string("\0\xff%PDF", 6)},
  };
  const std::string text = compose_one(report);
  const Message message = parse(text);
  EXPECT_FALSE(message.anomalies().any()) << message.anomalies().bits();
  ASSERT_EQ(message.parts().size(), 6u);
  EXPECT_EQ(*message.content(0).type.parameters.find("report-type"), "delivery-status");
  EXPECT_EQ(read_body(text, message, 1), report.parts[0].body);
  EXPECT_EQ(read_body(text, message, 2), report.parts[1].body);
  EXPECT_EQ(message.parts()[3].kind, Kind::Message);
  EXPECT_EQ(read_body(text, message, 4), "body\r\n");
  EXPECT_EQ(read_body(text, message, 5), report.parts[3].body);
  EXPECT_EQ(file_name(message.content(5)), report.parts[3].file_name);
  EXPECT_EQ(message.content(5).id, "<p1@x>");
  EXPECT_EQ(decode_text(*message.content(5).description), "Größe");
  EXPECT_FALSE(message.eight_bit_body());
}

TEST(Compose, RefusesWhatIsNoPart) {
  SeededRandom random(1);
  const auto error = [&](const OutPart& part) { return compose(HeaderWriter(), part, random).error(); };
  EXPECT_EQ(error({.type = "multipart", .subtype = "mixed"}), ComposeError::BodyAndParts);
  EXPECT_EQ(error({.parts = {OutPart{}}}), ComposeError::BodyAndParts);
  EXPECT_EQ(error({.body = "\xff"}), ComposeError::BadUtf8);
  EXPECT_EQ(error({.file_name = std::string(1600, 'x')}), ComposeError::TooLong);
  OutPart deep;
  for (int i = 0; i < 11; ++i) deep = OutPart{.type = "multipart", .subtype = "mixed", .parts = {deep}};
  EXPECT_EQ(error(deep), ComposeError::TooDeep);
}

TEST(EncodeParameter, TakesTheFormThatIsNeeded) {
  using testing::ElementsAre;
  EXPECT_THAT(encode_parameter("a", "b"), ElementsAre("a=b"));
  EXPECT_THAT(encode_parameter("a", ""), ElementsAre("a=\"\""));
  EXPECT_THAT(encode_parameter("a", "b \"c\""), ElementsAre("a=\"b \\\"c\\\"\""));
  EXPECT_THAT(encode_parameter("a", "ä b"), ElementsAre("a*=utf-8''%C3%A4%20b"));
  EXPECT_EQ(encode_parameter("a", std::string(100, 'x')).size(), 2u);
}

TEST(Fold, NeverMakesALineOfBlanks) {
  const std::string field = "X: " + std::string(70, 'a') + std::string(30, ' ') + "b" + std::string(90, ' ') +
                            "c" + std::string(200, ' ');
  const std::string folded = fold(field);
  EXPECT_EQ(unfold(folded), unfold(field));
  for (std::size_t start = 0; start < folded.size();) {
    const std::size_t end = std::min(folded.find("\r\n", start), folded.size());
    EXPECT_LT(folded.find_first_not_of(' ', start), end);
    start = end + 2;
  }
}

}  // namespace
}  // namespace postroad::mime
