#include "smtp/command.h"

#include <gtest/gtest.h>

#include "smtp/xtext.h"

namespace postroad::smtp {
namespace {

template <class C>
C parsed(std::string_view line) {
  auto command = parse_command(line);
  EXPECT_TRUE(command) << line << ": " << describe(command.error());
  if (!command || !std::holds_alternative<C>(*command)) {
    ADD_FAILURE() << line;
    throw std::runtime_error("not that command");
  }
  return std::get<C>(*command);
}
SyntaxError error_of(std::string_view line) {
  const auto command = parse_command(line);
  EXPECT_FALSE(command) << line;
  return command ? SyntaxError::UnknownCommand : command.error().what;
}
std::string again(std::string_view line) {
  const auto command = parse_command(line);
  return command ? render(*command) : "refused: " + std::string(describe(command.error()));
}
MailFrom mail(std::string_view parameters) {
  return parsed<MailFrom>("MAIL FROM:<a@b.example> " + std::string(parameters));
}
SyntaxError mail_error(std::string_view parameters) {
  return error_of("MAIL FROM:<a@b.example> " + std::string(parameters));
}
RcptTo rcpt(std::string_view parameters) {
  return parsed<RcptTo>("RCPT TO:<a@b.example> " + std::string(parameters));
}
SyntaxError rcpt_error(std::string_view parameters) {
  return error_of("RCPT TO:<a@b.example> " + std::string(parameters));
}

}  // namespace

TEST(Command, VerbsHaveNoCase) {
  EXPECT_EQ(again("mail from:<A@B.example>"), "MAIL FROM:<A@b.example>");
  EXPECT_EQ(again("Rcpt tO:<a@b.example>"), "RCPT TO:<a@b.example>");
  EXPECT_EQ(again("quit"), "QUIT");
  EXPECT_EQ(error_of("QUITT"), SyntaxError::UnknownCommand);
  EXPECT_EQ(error_of(""), SyntaxError::UnknownCommand);
  EXPECT_EQ(error_of(" QUIT"), SyntaxError::UnknownCommand);
}

TEST(Command, TrailingBlanksAreLetPass) {
  for (const char* line : {"QUIT ", "DATA \t", "MAIL FROM:<a@b.example> ", "BDAT 5 LAST ", "EHLO a.example "})
    EXPECT_TRUE(parse_command(line)) << line;
}

TEST(Command, ThoseThatStandAloneTakeNoArgument) {
  for (const char* line : {"DATA x", "RSET x", "QUIT x", "STARTTLS x"})
    EXPECT_EQ(error_of(line), SyntaxError::UnwantedArgument) << line;
  EXPECT_TRUE(parse_command("NOOP anything at all"));
}

TEST(Command, AHelloKeepsTheNameAsGivenAndKnowsWhetherItIsADomain) {
  EXPECT_EQ(parsed<Ehlo>("EHLO Client.Example.").client.domain->text(), "client.example");
  EXPECT_EQ(parsed<Ehlo>("EHLO [192.0.2.1]").client.domain->text(), "[192.0.2.1]");
  EXPECT_EQ(parsed<Helo>("HELO my_pc").client.text, "my_pc");
  EXPECT_FALSE(parsed<Helo>("HELO my_pc").client.domain);
  EXPECT_EQ(parsed<Lhlo>("LHLO a.example").client.text, "a.example");
  EXPECT_EQ(error_of("EHLO"), SyntaxError::NoArgument);
  EXPECT_EQ(error_of("EHLO  "), SyntaxError::NoArgument);
  EXPECT_EQ(error_of("EHLO a b"), SyntaxError::BadArgument);
  EXPECT_EQ(error_of("EHLO " + std::string(256, 'a')), SyntaxError::BadArgument);
  EXPECT_EQ(error_of("EHLO \xff"), SyntaxError::BadArgument);
  EXPECT_EQ(error_of("EHLO a\x1b[2J"), SyntaxError::BadArgument);
}

TEST(Command, TheNullReversePathIsASender) {
  EXPECT_TRUE(parsed<MailFrom>("MAIL FROM:<>").reverse_path.is_null());
  EXPECT_EQ(parsed<MailFrom>("MAIL FROM: <a@b.example>").reverse_path.text(), "a@b.example");
  EXPECT_EQ(error_of("RCPT TO:<>"), SyntaxError::BadForwardPath);
}

TEST(Command, AnAddressStandsInBrackets) {
  EXPECT_EQ(error_of("MAIL FROM:a@b.example"), SyntaxError::NoBrackets);
  EXPECT_EQ(error_of("MAIL FROM:<a@b.example"), SyntaxError::NoBrackets);
  EXPECT_EQ(error_of("MAIL FROM:\"<a@b.example>"), SyntaxError::NoBrackets);
  EXPECT_EQ(error_of("MAIL FROM:<\"a@b.example>"), SyntaxError::NoBrackets);
  EXPECT_EQ(error_of("MAIL"), SyntaxError::NoArgument);
  EXPECT_EQ(error_of("MAIL FROM:"), SyntaxError::NoArgument);
  EXPECT_EQ(error_of("MAIL TO:<a@b.example>"), SyntaxError::BadArgument);
  EXPECT_EQ(parsed<RcptTo>("RCPT TO:<\"a>b\"@b.example>").forward_path->local_part(), "a>b");
}

TEST(Command, TheReasonWhyAnAddressIsBadIsTold) {
  const auto error = parse_command("RCPT TO:<a@b@c>").error();
  EXPECT_EQ(error.what, SyntaxError::BadForwardPath);
  EXPECT_EQ(error.address, AddressError::BadDomain);
  EXPECT_EQ(describe(error), "the domain is not valid");
  EXPECT_EQ(parse_command("MAIL FROM:<a>").error().address, AddressError::NoDomain);
}

TEST(Command, PostmasterNeedsNoDomain) {  // RFC 5321 §4.1.1.3
  EXPECT_FALSE(parsed<RcptTo>("RCPT TO:<PostMaster>").forward_path);
  EXPECT_EQ(again("RCPT TO:<postmaster> NOTIFY=NEVER"), "RCPT TO:<Postmaster> NOTIFY=NEVER");
  EXPECT_EQ(error_of("RCPT TO:<root>"), SyntaxError::BadForwardPath);
  EXPECT_EQ(error_of("MAIL FROM:<postmaster>"), SyntaxError::BadReversePath);
}

// durability.md, attack 18: whatever stands around it, what the session judges is the last mailbox.
TEST(Command, ASourceRouteIsReadAndDropped) {
  EXPECT_EQ(again("RCPT TO:<@us.example:u@v.example>"), "RCPT TO:<u@v.example>");
  EXPECT_EQ(again("MAIL FROM:<@us.example,@w.example:u@v.example>"), "MAIL FROM:<u@v.example>");
  EXPECT_EQ(error_of("RCPT TO:<@us.example>"), SyntaxError::BadForwardPath);
  EXPECT_EQ(error_of("RCPT TO:<@us.example:>"), SyntaxError::BadForwardPath);
  EXPECT_EQ(error_of("RCPT TO:<@a:@b:u@v.example>"), SyntaxError::BadForwardPath);
  EXPECT_EQ(error_of("RCPT TO:<u@v.example@us.example>"), SyntaxError::BadForwardPath);
  EXPECT_EQ(error_of("RCPT TO:<v.example!u>"), SyntaxError::BadForwardPath);
  EXPECT_EQ(error_of("RCPT TO:<u@0x7f.1>"), SyntaxError::BadForwardPath);
  EXPECT_EQ(error_of("RCPT TO:<u@us.example.>"), SyntaxError::BadForwardPath);
  EXPECT_EQ(parsed<RcptTo>("RCPT TO:<u%v.example@us.example>").forward_path->domain().text(), "us.example");
}

// durability.md, attacks 2 and 14.
TEST(Command, ALineWithABareLineEndIsNeverTwoCommands) {
  EXPECT_EQ(error_of("MAIL FROM:<a@b>\nRCPT TO:<c@d>"), SyntaxError::BadLine);
  EXPECT_EQ(error_of("MAIL FROM:<a@b>\rRCPT TO:<c@d>"), SyntaxError::BadLine);
  EXPECT_EQ(error_of("RCPT TO:<\"a\r\nDATA\"@b.example>"), SyntaxError::BadLine);
  EXPECT_EQ(error_of(std::string_view("NOOP \0", 6)), SyntaxError::BadLine);
  EXPECT_EQ(error_of("NOOP\n"), SyntaxError::BadLine);
}

TEST(Command, HttpIsRecognised) {  // durability.md, attack 93
  for (const char* line :
       {"GET / HTTP/1.1", "POST /", "PUT /x", "HEAD /", "OPTIONS *", "CONNECT a:25", "PRI * HTTP/2.0"})
    parsed<HttpVerb>(line);
}

TEST(MailParameters, AreReadAndWrittenAgain) {
  const char* all =
      "MAIL FROM:<a@b.example> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B314159 "
      "AUTH=e+3Dmc2@example.com MT-PRIORITY=-9 HOLDUNTIL=2030-01-31T08:05:09Z BY=-120;NT REQUIRETLS";
  EXPECT_EQ(again(all), all);
  const auto command = parsed<MailFrom>(all);
  EXPECT_EQ(command.size, 1000u);
  EXPECT_EQ(command.body, Body::EightBitMime);
  EXPECT_TRUE(command.smtputf8);
  EXPECT_EQ(command.ret, DsnReturn::Headers);
  EXPECT_EQ(command.envid, "QQ+314159");
  EXPECT_EQ(command.auth->text(), "e=mc2@example.com");
  EXPECT_EQ(command.priority, -9);
  EXPECT_EQ(command.by, (DeliverBy{-120, DeliverBy::Mode::Notify, true}));
  EXPECT_TRUE(command.require_tls);
  EXPECT_EQ(mail("size=5 body=binarymime auth=<> holdfor=60").body, Body::BinaryMime);
  EXPECT_TRUE(mail("AUTH=+3C+3E").auth->is_null());
  EXPECT_EQ(mail("   SIZE=5   SMTPUTF8").size, 5u);
}

// durability.md, attack 15.
TEST(MailParameters, AbusedOnesAreRefused) {
  for (const char* bad : {"SIZE=99999999999999999999",
                          "SIZE=-1",
                          "SIZE=",
                          "SIZE",
                          "SIZE=1x",
                          "SIZE=+1",
                          "BODY=9BIT",
                          "BODY",
                          "SMTPUTF8=1",
                          "REQUIRETLS=yes",
                          "RET=ALL",
                          "RET",
                          "ENVID=",
                          "AUTH=",
                          "AUTH=nobody",
                          "AUTH=+zz",
                          "MT-PRIORITY=10",
                          "MT-PRIORITY=-0",
                          "MT-PRIORITY=",
                          "MT-PRIORITY=+1",
                          "HOLDFOR=0",
                          "HOLDFOR=1000000000",
                          "HOLDFOR=-1",
                          "HOLDUNTIL=tomorrow",
                          "BY=120",
                          "BY=120;X",
                          "BY=0;R",
                          "BY=-1;R",
                          "BY=1234567890;N",
                          "BY=;R",
                          "BY=1;RTT",
                          "SIZE=1=2",
                          "SIZE =1",
                          "=1",
                          "-SIZE=1",
                          "SIZE=1;",
                          "SIZE=1\x01",
                          "ENVID=a\x7f"})
    EXPECT_EQ(mail_error(bad), SyntaxError::BadParameter) << bad;
  EXPECT_EQ(mail_error("SIZE=1 SIZE=1"), SyntaxError::DuplicateParameter);
  EXPECT_EQ(mail_error("SMTPUTF8 smtputf8"), SyntaxError::DuplicateParameter);
  EXPECT_EQ(mail_error("HOLDFOR=1 HOLDUNTIL=2030-01-31T08:05:09Z"), SyntaxError::DuplicateParameter);
  EXPECT_EQ(mail_error("FOO=1"), SyntaxError::UnknownParameter);
  EXPECT_EQ(mail_error("NOTIFY=NEVER"), SyntaxError::UnknownParameter);
  EXPECT_EQ(error_of("MAIL FROM:<a@b.example>SIZE=1"), SyntaxError::BadParameter);

  std::string many;
  for (int i = 0; i < 500; ++i) many += " P" + std::to_string(i) + "=1";
  EXPECT_EQ(mail_error(many), SyntaxError::UnknownParameter);
  EXPECT_EQ(mail_error("SIZE=" + std::string(1'000'000, '9')), SyntaxError::BadParameter);
}

// durability.md, attack 13.
TEST(MailParameters, AnEnvidIsStrictXtext) {
  EXPECT_EQ(mail("ENVID=a+2Bb").envid, "a+b");
  EXPECT_EQ(again("MAIL FROM:<> ENVID=a+2Bb"), "MAIL FROM:<> ENVID=a+2Bb");
  for (const char* bad :
       {"ENVID=a+0D+0AX", "ENVID=a+zz", "ENVID=a+2b", "ENVID=a+2", "ENVID=a+", "ENVID=+C3+BC"})
    EXPECT_EQ(mail_error(bad), SyntaxError::BadParameter) << bad;
  EXPECT_EQ(mail("ENVID=" + std::string(100, 'e')).envid.size(), 100u);
  EXPECT_EQ(mail_error("ENVID=" + std::string(101, 'e')), SyntaxError::BadParameter);
}

TEST(MailParameters, AUtf8SenderNeedsSmtputf8) {
  EXPECT_EQ(error_of("MAIL FROM:<gr\xc3\xbc\xc3\x9f@b.example>"), SyntaxError::AddressNeedsSmtpUtf8);
  EXPECT_TRUE(parse_command("MAIL FROM:<gr\xc3\xbc\xc3\x9f@b.example> SMTPUTF8"));
  EXPECT_TRUE(parse_command("MAIL FROM:<a@b\xc3\xbc.example>"));  // an A-label does as well
  EXPECT_EQ(error_of("MAIL FROM:<\xff@b.example> SMTPUTF8"), SyntaxError::BadReversePath);
}

TEST(RcptParameters, AreReadAndWrittenAgain) {
  const char* all =
      "RCPT TO:<a@b.example> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;x+2By@c.example "
      "RRVS=2014-04-03T23:01:00Z;R";
  EXPECT_EQ(again(all), all);
  const auto command = parsed<RcptTo>(all);
  EXPECT_TRUE(command.notify.success && command.notify.failure && command.notify.delay);
  EXPECT_EQ(command.original->address, "x+y@c.example");
  EXPECT_EQ(command.valid_since->otherwise, ValidSince::Else::Reject);
  EXPECT_TRUE(rcpt("notify=never orcpt=X400;a").notify.never);
  EXPECT_EQ(rcpt("ORCPT=RFC822;a@b").original->type, "rfc822");
}

TEST(RcptParameters, AbusedOnesAreRefused) {
  for (const char* bad : {"NOTIFY=",
                          "NOTIFY",
                          "NOTIFY=NEVER,SUCCESS",
                          "NOTIFY=SUCCESS,NEVER",
                          "NOTIFY=SUCCESS,",
                          "NOTIFY=,SUCCESS",
                          "NOTIFY=SUCCESS,SUCCESS",
                          "NOTIFY=SUCCESSFAILURE",
                          "ORCPT=",
                          "ORCPT=rfc822",
                          "ORCPT=rfc822;",
                          "ORCPT=;a@b",
                          "ORCPT=rfc822;x+00",
                          "ORCPT=rfc822;+zz",
                          "ORCPT=rfc822;+0D+0A",
                          "ORCPT=rfc822;a=b",
                          "ORCPT=rfc822;\xc3\xbc",
                          "RRVS=2014",
                          "RRVS=2014-04-03T23:01:00Z;X",
                          "RRVS=2014-04-03T23:01:00Z;",
                          "RRVS=2014-04-03T23:01:00Z;RC"})
    EXPECT_EQ(rcpt_error(bad), SyntaxError::BadParameter) << bad;
  EXPECT_EQ(rcpt_error("NOTIFY=NEVER NOTIFY=NEVER"), SyntaxError::DuplicateParameter);
  EXPECT_EQ(rcpt_error("SIZE=1"), SyntaxError::UnknownParameter);
  EXPECT_EQ(rcpt_error("ORCPT=rfc822;" + std::string(10'000, 'a')), SyntaxError::BadParameter);
  EXPECT_EQ(rcpt("ORCPT=rfc822;" + std::string(493, 'a')).original->address.size(), 493u);
}

TEST(RcptParameters, AUtf8OriginalRecipientHasThreeForms) {  // RFC 6533 §3
  EXPECT_EQ(rcpt("ORCPT=utf-8;gr\\x{FC}n@b.example").original->address, "gr\xc3\xbcn@b.example");
  EXPECT_EQ(rcpt("ORCPT=utf-8;gr\xc3\xbcn@b.example").original->address, "gr\xc3\xbcn@b.example");
  EXPECT_EQ(again("RCPT TO:<a@b.example> ORCPT=utf-8;gr\xc3\xbcn\\x{2B}@b.example"),
            "RCPT TO:<a@b.example> ORCPT=utf-8;gr\\x{FC}n\\x{2B}@b.example");
  for (const char* bad : {"\\x{0A}", "\\x{41}", "\\x{D800}", "\\x{110000}", "\\x{}", "\\x{2b}", "\\x{2B",
                          "\\y", "a+41", "\\x{85}", "\xc2\x85", "\xff", "\\x{000FC}"})
    EXPECT_EQ(rcpt_error("ORCPT=utf-8;" + std::string(bad)), SyntaxError::BadParameter) << bad;
}

TEST(RcptParameters, AUtf8OriginalRecipientMustFitAsXtextToo) {
  std::string address = "a@b";
  while (address.size() < 300) address += "\xc3\xbc";
  EXPECT_EQ(rcpt_error("ORCPT=utf-8;" + address), SyntaxError::BadParameter);
}

TEST(Xtext, EveryPrintableTextSurvivesTheWayThereAndBack) {
  std::string all;
  for (char c = ' '; c < 0x7f; ++c) all += c;
  EXPECT_EQ(from_xtext(xtext(all)), all);
  EXPECT_EQ(from_utf8_address(utf8_address_xtext(all + "\xc3\xbc\xf0\x9f\x93\xac")),
            all + "\xc3\xbc\xf0\x9f\x93\xac");
  EXPECT_EQ(xtext("a+b=c d"), "a+2Bb+3Dc+20d");
}

// durability.md, attack 9; what follows a wrong chunk size cannot be told from commands.
TEST(Bdat, TakesASizeAndNothingOdd) {
  EXPECT_EQ(parsed<Bdat>("BDAT 86 LAST").octets, 86u);
  EXPECT_TRUE(parsed<Bdat>("bdat 86 last").last);
  EXPECT_FALSE(parsed<Bdat>("BDAT 0").last);
  EXPECT_EQ(parsed<Bdat>("BDAT 18446744073709551615").octets, UINT64_MAX);
  for (const char* bad : {"BDAT -1", "BDAT 18446744073709551616", "BDAT x", "BDAT 5LAST", "BDAT 5 FIRST",
                          "BDAT 5 LAST 6", "BDAT 0x5", "BDAT 5.", "BDAT LAST", "BDAT", "BDAT 5\tLAST"})
    EXPECT_EQ(error_of(bad), SyntaxError::BadChunkSize) << bad;
}

TEST(AuthCommand, KeepsTheInitialResponseAsItCame) {
  EXPECT_EQ(parsed<Auth>("AUTH plain").mechanism, "PLAIN");
  EXPECT_FALSE(parsed<Auth>("AUTH PLAIN").initial_response);
  EXPECT_EQ(parsed<Auth>("AUTH PLAIN AGEAYg==").initial_response, "AGEAYg==");
  EXPECT_EQ(parsed<Auth>("AUTH EXTERNAL =").initial_response, "=");
  EXPECT_EQ(error_of("AUTH"), SyntaxError::NoArgument);
  EXPECT_EQ(error_of("AUTH PLAIN a b"), SyntaxError::BadArgument);
  EXPECT_EQ(error_of("AUTH PL/IN"), SyntaxError::BadArgument);
  EXPECT_EQ(error_of("AUTH " + std::string(21, 'A')), SyntaxError::BadArgument);
}

TEST(VrfyCommand, MayAskForUtf8) {
  EXPECT_EQ(parsed<Vrfy>("VRFY root").text, "root");
  EXPECT_TRUE(parsed<Vrfy>("VRFY gr\xc3\xbcn SMTPUTF8").smtputf8);
  EXPECT_EQ(parsed<Expn>("EXPN all staff").text, "all staff");
  EXPECT_EQ(error_of("VRFY"), SyntaxError::NoArgument);
  EXPECT_EQ(error_of("VRFY \xff"), SyntaxError::BadArgument);
}

TEST(Render, NeverMakesTwoCommandsOfOne) {
  EXPECT_THROW(render(Ehlo{ClientName{"a\r\nQUIT", std::nullopt}}), std::logic_error);
  EXPECT_THROW(render(Vrfy{"a\n", false}), std::logic_error);
}

}  // namespace postroad::smtp
