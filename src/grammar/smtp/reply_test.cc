#include "smtp/reply.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "smtp/capabilities.h"

namespace postroad::smtp {
namespace {

// All replies in `wire`, which is fed in pieces of `piece` octets.
std::vector<Reply> read(std::string_view wire, std::size_t piece) {
  ReplyParser parser;
  std::vector<Reply> replies;
  while (!wire.empty()) {
    const auto used = parser.feed(wire.substr(0, piece));
    if (!used) return {{0, {}, "error"}};
    wire.remove_prefix(*used);
    if (parser.done()) replies.push_back(parser.take());
  }
  return replies;
}
std::vector<Reply> read(std::string_view wire) {
  const auto whole = read(wire, wire.size());
  for (std::size_t piece = 1; piece < wire.size(); ++piece) EXPECT_EQ(read(wire, piece), whole) << piece;
  return whole;
}
Reply one(std::string_view wire) {
  const auto replies = read(wire);
  EXPECT_EQ(replies.size(), 1u) << wire;
  return replies.empty() ? Reply{} : replies.front();
}
ReplyError error_of(std::string_view wire) {
  ReplyParser parser;
  const auto used = parser.feed(wire);
  EXPECT_FALSE(used) << wire;
  return used ? ReplyError::TooLong : used.error();
}

}  // namespace

TEST(ReplyParser, ReadsOneLineAndMany) {
  EXPECT_EQ(one("250 ok\r\n"), (Reply{250, {}, "ok"}));
  EXPECT_EQ(one("250-first\r\n250-second\r\n250 third\r\n"), (Reply{250, {}, "first\nsecond\nthird"}));
  EXPECT_EQ(read("250 a\r\n354 b\r\n").size(), 2u);
}

TEST(ReplyParser, TakesTheEnhancedStatusOffEachLine) {
  EXPECT_EQ(one("550-5.7.1 go\r\n550 5.7.1 away\r\n"), (Reply{550, {5, 7, 1}, "go\naway"}));
  EXPECT_EQ(one("450 4.2.1\r\n"), (Reply{450, {4, 2, 1}, ""}));
  EXPECT_EQ(one("250 2.0.0 5.1.1 is text\r\n").text, "5.1.1 is text");
  EXPECT_EQ(one("354 3.0.0 go on\r\n"), (Reply{354, {}, "3.0.0 go on"}));
}

// RFC 2034 §4: the classes agree, or it is no status.
TEST(ReplyParser, AStatusOfAnotherClassIsText) {
  EXPECT_EQ(one("550 4.7.1 busy\r\n"), (Reply{550, {}, "4.7.1 busy"}));
  EXPECT_EQ(one("250 2.1 x\r\n"), (Reply{250, {}, "2.1 x"}));
  EXPECT_EQ(one("550 5.1000.1 x\r\n"), (Reply{550, {}, "5.1000.1 x"}));
}

// durability.md, attack 29.
TEST(ReplyParser, LetsOdditiesPass) {
  EXPECT_EQ(one("550 5.7.2\r\n"), (Reply{550, {5, 7, 2}, ""}));
  EXPECT_EQ(one("250\r\n"), (Reply{250, {}, ""}));
  EXPECT_EQ(one("250 \r\n"), (Reply{250, {}, ""}));
  EXPECT_EQ(one("250-\r\n250\r\n"), (Reply{250, {}, "\n"}));
  EXPECT_EQ(one("250-a\n250 b\n"), (Reply{250, {}, "a\nb"}));
  EXPECT_EQ(one(std::string_view("554 a\0b\xff\r\n", 10)).text, std::string_view("a\0b\xff", 4));
  EXPECT_EQ(one("250 a\rb\r\n").text, "a\rb");
}

TEST(ReplyParser, WhatIsNoReplyIsAnError) {
  for (const char* bad : {"\r\n", "25\r\n", "2500 x\r\n", "250_x\r\n", "abc\r\n", "150 x\r\n", "650 x\r\n",
                          "999\r\n", "HTTP/1.1\r\n", " 250 x\r\n", "+OK\r\n", "25\xb2 x\r\n"})
    EXPECT_EQ(error_of(bad), ReplyError::NotAReply) << bad;
  EXPECT_EQ(error_of("250-a\r\n251 b\r\n"), ReplyError::CodesDiffer);
}

TEST(ReplyParser, AReplyWithoutAnEndIsGivenUp) {
  std::string endless;
  for (int i = 0; i < 1'000'000; ++i) endless += "250-x\r\n";
  EXPECT_EQ(error_of(endless), ReplyError::TooLong);
  EXPECT_EQ(error_of("250 " + std::string(1'000'000, 'x')), ReplyError::TooLong);
  ReplyParser parser;
  std::size_t fed = 0;
  while (parser.feed("250-abcdefghij\r\n")) fed += 16;
  EXPECT_LE(fed, ReplyParser::limit);
}

TEST(RenderReply, EachLineHasCodeAndStatus) {
  EXPECT_EQ(render({250, {2, 1, 0}, "Sender ok"}), "250 2.1.0 Sender ok\r\n");
  EXPECT_EQ(render({550, {5, 7, 1}, "go\naway"}), "550-5.7.1 go\r\n550 5.7.1 away\r\n");
  EXPECT_EQ(render({250, {}, "a\nSIZE 1\nDSN"}), "250-a\r\n250-SIZE 1\r\n250 DSN\r\n");
  EXPECT_EQ(render({250, {}, ""}), "250\r\n");
  EXPECT_EQ(render({250, {2, 0, 0}, ""}), "250 2.0.0\r\n");
}

TEST(RenderReply, NothingInTheTextBecomesALineOfOurs) {
  EXPECT_EQ(render({550, {}, "a\r\n250 ok"}), "550-a?\r\n550 250 ok\r\n");
  EXPECT_EQ(render({550, {}, "\x1b[2J\x7f\t"}), "550 ?[2J??\r\n");
  EXPECT_EQ(render({550, {}, std::string("a\0b", 3)}), "550 a?b\r\n");
  EXPECT_EQ(render({550, {}, "gr\xc3\xbcn \xff\xe2\x80\xa8"}), "550 gr?n ??\r\n");
  EXPECT_EQ(render({550, {}, "gr\xc3\xbcn \xff\xe2\x80\xa8\xc2\x85"}, ReplyCharset::Utf8),
            "550 gr\xc3\xbcn ???\r\n");
}

TEST(RenderReply, NoLineIsLongerThan512Octets) {
  for (const std::string& word : {"word ", "wordwithoutblanks", "\xc3\xbc", "\xf0\x9f\x93\xac"}) {
    std::string text;
    while (text.size() < 3000) text += word;
    for (std::size_t shift = 0; shift < 4; ++shift) {
      const std::string wire =
          render({550, {5, 700, 100}, std::string(shift, 'x') + text}, ReplyCharset::Utf8);
      ReplyParser parser;
      ASSERT_TRUE(parser.feed(wire));
      ASSERT_TRUE(parser.done());
      EXPECT_EQ(wire.find('?'), std::string::npos);
      for (std::size_t at = 0; at < wire.size();) {
        const auto end = wire.find("\r\n", at) + 2;
        EXPECT_LE(end - at, 512u);
        at = end;
      }
    }
  }
}

TEST(RenderReply, WhatIsWrittenIsReadAgain) {
  SeededRandom random(3);
  for (int round = 0; round < 500; ++round) {
    Reply reply{static_cast<std::uint16_t>(200 + random.below(400)), {}, {}};
    const auto klass = static_cast<std::uint8_t>(reply.code / 100);
    if (klass != 3 && random.below(2))
      reply.status = {klass, static_cast<std::uint16_t>(random.below(1000)),
                      static_cast<std::uint16_t>(random.below(1000))};
    for (std::size_t n = random.below(60); n > 0; --n) reply.text += "ab \n"[random.below(4)];
    // A first word of its own never begins with a digit here, so nothing else looks like a status.
    EXPECT_EQ(one(render(reply)), reply);
  }
}

TEST(Capabilities, AreReadFromTheReplyToEhlo) {
  const auto c =
      parse_capabilities(one("250-mx.example greets you\r\n250-PIPELINING\r\n250-size 52428800\r\n250-AUTH "
                             "PLAIN login\r\n250-AUTH=LOGIN SCRAM-SHA-256\r\n"
                             "250-8BITMIME\r\n250-LIMITS RCPTMAX=20 MAILMAX=5 X=1 RCPTDOMAINMAX=0 "
                             "rcptmax=7\r\n250-UNKNOWN THING\r\n250 STARTTLS\r\n"));
  EXPECT_EQ(c.greeting, "mx.example");
  EXPECT_TRUE(c.pipelining && c.eight_bit_mime && c.starttls);
  EXPECT_FALSE(c.smtputf8 || c.dsn || c.chunking);
  EXPECT_EQ(c.size, 52428800u);
  EXPECT_TRUE(c.takes(52428800) && !c.takes(52428801));
  EXPECT_EQ(c.auth, (std::vector<std::string>{"PLAIN", "LOGIN", "SCRAM-SHA-256"}));
  EXPECT_EQ(c.limits.rcpt_max, 20u);
  EXPECT_EQ(c.limits.mail_max, 5u);
  EXPECT_FALSE(c.limits.rcpt_domain_max);
}

TEST(Capabilities, ASizeWithoutANumberIsNoLimit) {
  for (const char* wire : {"250-a\r\n250 SIZE\r\n", "250-a\r\n250 SIZE 0\r\n", "250-a\r\n250 SIZE lots\r\n",
                           "250-a\r\n250 SIZE 99999999999999999999\r\n", "250 a\r\n"})
    EXPECT_TRUE(parse_capabilities(one(wire)).takes(UINT64_MAX)) << wire;
}

TEST(Capabilities, TheFirstLineIsAGreetingAndOffersNothing) {
  EXPECT_FALSE(parse_capabilities(one("250 STARTTLS\r\n")).starttls);
}

}  // namespace postroad::smtp
