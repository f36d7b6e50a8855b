#include <gtest/gtest.h>

#include "pop3/command.h"
#include "pop3/response.h"

namespace postroad::pop3 {
namespace {

std::string again(std::string_view line) {
  const auto command = parse_command(line);
  return command ? render(*command) : "-ERR " + std::string(describe(command.error()));
}
CommandError error_of(std::string_view line) {
  const auto command = parse_command(line);
  EXPECT_FALSE(command) << line;
  return command ? CommandError::UnknownCommand : command.error();
}

std::string retrieved(std::string_view a, std::string_view b, std::optional<std::uint64_t> lines) {
  MessageEncoder encoder(lines);
  std::string out;
  if (encoder.feed(a, out)) encoder.feed(b, out);
  encoder.finish(out);
  return out;
}
std::string retrieved_at_every_split(std::string_view message, std::optional<std::uint64_t> lines = {}) {
  const std::string whole = retrieved(message, {}, lines);
  for (std::size_t cut = 0; cut <= message.size(); ++cut)
    EXPECT_EQ(retrieved(message.substr(0, cut), message.substr(cut), lines), whole) << cut;
  return whole;
}

}  // namespace

TEST(Command, EachIsReadAndWrittenAgain) {
  for (const char* line :
       {"USER alice",      "PASS a b", "QUIT", "STAT",   "LIST",       "LIST 1",
        "RETR 4294967295", "DELE 2",   "NOOP", "RSET",   "TOP 1 0",    "UIDL",
        "UIDL 3",          "CAPA",     "STLS", "AUTH",   "AUTH PLAIN", "AUTH PLAIN AGEAYg==",
        "AUTH PLAIN =",    "UTF8",     "LANG", "LANG *", "LANG de-ch"})
    EXPECT_EQ(again(line), line);
  EXPECT_EQ(again("user Alice "), "USER Alice");
  EXPECT_EQ(again("retr  7 "), "RETR 7");
  EXPECT_EQ(again("auth plain"), "AUTH PLAIN");
  EXPECT_EQ(again("lang EN"), "LANG en");
}

TEST(Command, APasswordKeepsItsBlanks) {
  EXPECT_EQ(std::get<Pass>(*parse_command("PASS  two words ")).password, " two words ");
  EXPECT_EQ(error_of("PASS"), CommandError::NoArgument);
  EXPECT_EQ(error_of("PASS "), CommandError::NoArgument);
}

// durability.md, attack 84.
TEST(Command, NumbersThatAreNoneAreToldFromMessagesThatAreNot) {
  EXPECT_EQ(error_of("RETR 99999999999"), CommandError::NoSuchMessage);
  EXPECT_EQ(error_of("RETR 99999999999999999999999999"), CommandError::NoSuchMessage);
  EXPECT_EQ(error_of("DELE 0"), CommandError::NoSuchMessage);
  EXPECT_EQ(error_of("TOP 1 -1"), CommandError::BadArgument);
  EXPECT_EQ(error_of("RETR -1"), CommandError::BadArgument);
  EXPECT_EQ(error_of("RETR 1x"), CommandError::BadArgument);
  EXPECT_EQ(error_of("LIST +1"), CommandError::BadArgument);
  EXPECT_EQ(error_of("TOP 1"), CommandError::NoArgument);
  EXPECT_EQ(error_of("TOP"), CommandError::NoArgument);
  EXPECT_EQ(error_of("RETR"), CommandError::NoArgument);
  EXPECT_EQ(error_of("RETR 1 2"), CommandError::UnwantedArgument);
  EXPECT_EQ(error_of("TOP 1 2 3"), CommandError::UnwantedArgument);
  EXPECT_EQ(std::get<Top>(*parse_command("TOP 1 99999999999999999999999")).lines, UINT64_MAX);
}

TEST(Command, WhatIsNoneIsRefused) {
  for (const char* line : {"", " STAT", "APOP alice c4c9334bac560ecc979e58001b3e22fb", "XTND", "STATS", "ST"})
    EXPECT_EQ(error_of(line), CommandError::UnknownCommand) << line;
  for (const char* line : {"STAT x", "QUIT now", "CAPA x", "STLS x", "UTF8 USER", "AUTH PLAIN a b"})
    EXPECT_EQ(error_of(line), CommandError::UnwantedArgument) << line;
  for (const char* line : {"USER a\x01", "AUTH PL/IN", "LANG de_ch", "AUTH AAAAAAAAAAAAAAAAAAAAA"})
    EXPECT_EQ(error_of(line), CommandError::BadArgument) << line;
  EXPECT_EQ(error_of("USER " + std::string(256, 'a')), CommandError::BadArgument);
  for (const std::string_view line :
       {std::string_view("STAT\nQUIT"), std::string_view("PASS a\rb"), std::string_view("NOOP\0", 5)})
    EXPECT_EQ(error_of(line), CommandError::BadLine);
  EXPECT_TRUE(std::holds_alternative<HttpVerb>(*parse_command("GET / HTTP/1.1")));
  EXPECT_THROW(render(User{"a\r\nQUIT"}), std::logic_error);
}

TEST(Response, StatusLinesAreOneLine) {
  EXPECT_EQ(ok(), "+OK\r\n");
  EXPECT_EQ(ok("ready"), "+OK ready\r\n");
  EXPECT_EQ(err("locked", Code::InUse), "-ERR [IN-USE] locked\r\n");
  EXPECT_EQ(err("later", Code::SysTemp), "-ERR [SYS/TEMP] later\r\n");
  EXPECT_EQ(err("no", Code::Auth), "-ERR [AUTH] no\r\n");
  EXPECT_EQ(ok("a\r\n+OK b\xff"), "+OK a??+OK b?\r\n");
  EXPECT_EQ(err(std::string(1000, 'x')).size(), 512u);
}

TEST(Response, ListingsAreThoseOfTheRfc) {
  EXPECT_EQ(stat_line(2, 320), "+OK 2 320\r\n");
  EXPECT_EQ(scan_listing(1, 120), "1 120\r\n");
  EXPECT_EQ(unique_id_listing(1, "whqtswO00WBw418f9t5JxYwZ"), "1 whqtswO00WBw418f9t5JxYwZ\r\n");
  EXPECT_THROW(unique_id_listing(1, ""), std::logic_error);
  EXPECT_THROW(unique_id_listing(1, std::string(71, 'a')), std::logic_error);
  EXPECT_THROW(unique_id_listing(1, "a b"), std::logic_error);
}

TEST(Response, CapaTellsWhatThereIs) {
  Capabilities c{.user = true, .stls = true, .sasl = {"PLAIN", "SCRAM-SHA-256"}, .expire = Expire{0, false}};
  c.utf8 = c.utf8_user = true;
  c.implementation = "Postroad";
  EXPECT_EQ(
      capa_response(c),
      "+OK here they are\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUSER\r\nSTLS\r\n"
      "SASL PLAIN SCRAM-SHA-256\r\nEXPIRE 0\r\nUTF8 USER\r\nIMPLEMENTATION Postroad\r\n.\r\n");
  Capabilities before{.expire = Expire{std::nullopt, true}, .login_delay = 60};
  EXPECT_NE(capa_response(before).find("EXPIRE NEVER USER\r\nLOGIN-DELAY 60\r\n"), std::string::npos);
  EXPECT_EQ(capa_response(before).find("SASL"), std::string::npos);
}

TEST(MessageEncoder, StuffsDotsAndEndsWithOne) {
  EXPECT_EQ(retrieved_at_every_split("S: x\r\n\r\n.\r\n..a\r\nb"), "S: x\r\n\r\n..\r\n...a\r\nb\r\n.\r\n");
  EXPECT_EQ(retrieved_at_every_split(""), ".\r\n");
}

TEST(MessageEncoder, GivesWhateverThereIsInWholeLines) {
  using namespace std::string_view_literals;
  EXPECT_EQ(retrieved_at_every_split("a\n.\r\rb\0c"sv), "a\r\n..\r\n\r\nb\0c\r\n.\r\n"sv);
  EXPECT_EQ(retrieved(std::string(5000, 'x'), {}, {}).size(), 5005u);
}

TEST(MessageEncoder, TopGivesTheHeaderAndSoManyLines) {
  const std::string message = "A: b\r\nC: d\r\n\r\none\r\n.two\r\nthree";
  EXPECT_EQ(retrieved_at_every_split(message, 0), "A: b\r\nC: d\r\n\r\n.\r\n");
  EXPECT_EQ(retrieved_at_every_split(message, 1), "A: b\r\nC: d\r\n\r\none\r\n.\r\n");
  EXPECT_EQ(retrieved_at_every_split(message, 2), "A: b\r\nC: d\r\n\r\none\r\n..two\r\n.\r\n");
  EXPECT_EQ(retrieved_at_every_split(message, 3), "A: b\r\nC: d\r\n\r\none\r\n..two\r\nthree\r\n.\r\n");
  EXPECT_EQ(retrieved_at_every_split(message, UINT64_MAX), retrieved_at_every_split(message));
  EXPECT_EQ(retrieved_at_every_split("A: b\r\n", 5), "A: b\r\n.\r\n");                  // no body
  EXPECT_EQ(retrieved_at_every_split("\r\nbody\r\nmore\r\n", 1), "\r\nbody\r\n.\r\n");  // no header
  EXPECT_EQ(retrieved_at_every_split("A: b\n\none\ntwo\n", 1), "A: b\r\n\r\none\r\n.\r\n");
  EXPECT_EQ(retrieved_at_every_split("A: b\r\rone\rtwo\r", 1), "A: b\r\n\r\none\r\n.\r\n");
}

TEST(MessageEncoder, SaysWhenNoMoreIsNeeded) {
  MessageEncoder encoder(1);
  std::string out;
  EXPECT_TRUE(encoder.feed("A: b\r\n\r\none", out));
  EXPECT_FALSE(encoder.feed("\r\ntwo\r\n", out));
  EXPECT_FALSE(encoder.feed("three\r\n", out));
  encoder.finish(out);
  EXPECT_EQ(out, "A: b\r\n\r\none\r\n.\r\n");
}

}  // namespace postroad::pop3
