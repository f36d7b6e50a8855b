// What is seen of mailboxes: two sessions, names, APPEND and SEARCH.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "imapd/trial.h"

namespace postroad::imapd {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string letter(std::string_view subject, std::string_view body = "Hello.\r\n") {
  return fmt::format("From: a@example.com\r\nTo: b@example.org\r\nSubject: {}\r\n\r\n{}", subject, body);
}

std::string append(Client& client, const std::string& octets, std::string_view mailbox = "INBOX") {
  return client.send(fmt::format("x APPEND {} {{{}+}}\r\n{}\r\n", mailbox, octets.size(), octets));
}

}  // namespace

TEST(ImapMailbox, ExpungesOfOthersWaitWhileNumbersAreSpokenOf) {
  Office office;
  for (const char* subject : {"1", "2", "3"}) office.deliver(TwoPeople::alice, letter(subject));
  Client one = office.reader(), other = office.reader();
  other.say("STORE 2 +FLAGS.SILENT (\\Deleted)");
  EXPECT_EQ(other.say("EXPUNGE"), "* 2 EXPUNGE\r\nx OK Expunged\r\n");
  office.deliver(TwoPeople::alice, letter("4"));
  // New mail may be told, with the expunged message still counted; its going may not.
  const std::string fetched = one.say("FETCH 3 UID");
  EXPECT_THAT(fetched, StartsWith("* 3 FETCH (UID 3)\r\n"));
  EXPECT_THAT(fetched, HasSubstr("* 4 EXISTS\r\n"));
  EXPECT_THAT(fetched, Not(HasSubstr("EXPUNGE\r\n")));
  EXPECT_THAT(one.say("STORE 2 +FLAGS (\\Flagged)"), HasSubstr("x NO [EXPUNGEISSUED]"));
  EXPECT_EQ(one.say("NOOP"), "* 2 EXPUNGE\r\nx OK Done\r\n");
  EXPECT_EQ(one.say("FETCH 3 UID"), "* 3 FETCH (UID 4)\r\nx OK Fetched\r\n");
}

TEST(ImapMailbox, AFlagChangedByOthersIsToldOnceAndOnesOwnNotTwice) {
  Office office;
  office.deliver(TwoPeople::alice, letter("1"));
  Client one = office.reader(), other = office.reader();
  EXPECT_EQ(other.say("STORE 1 FLAGS (\\Seen)"), "* 1 FETCH (FLAGS (\\Seen))\r\nx OK Stored\r\n");
  EXPECT_EQ(other.say("NOOP"), "x OK Done\r\n");
  EXPECT_EQ(one.say("NOOP"), "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\nx OK Done\r\n");
  EXPECT_EQ(one.say("NOOP"), "x OK Done\r\n");
}

// C17.
TEST(ImapMailbox, WhoIdlesIsToldOfNewMailWhenItIsDurableAndNotBefore) {
  Office office;
  Client client = office.reader();
  EXPECT_EQ(client.say("IDLE"), "+ Idling; say DONE to end it\r\n");
  office.deliver(TwoPeople::alice, letter("1"));
  EXPECT_EQ(client.hear(), "* 1 EXISTS\r\n* 1 RECENT\r\n");
  EXPECT_EQ(client.send("DONE\r\n"), "x OK IDLE is over\r\n");
}

TEST(ImapMailbox, AMailboxDeletedByOthersEndsTheSession) {
  Office office;
  Client one = office.reader(), other = office.reader();
  one.say("CREATE Work");
  one.say("SELECT Work");
  EXPECT_THAT(other.say("DELETE Work"), EndsWith("x OK Deleted\r\n"));
  EXPECT_THAT(one.say("NOOP"), StartsWith("* BYE"));
  EXPECT_TRUE(one.closed());
}

TEST(ImapMailbox, AppendedOctetsComeBackAsTheyWere) {
  Office office;
  Client client = office.reader();
  const std::string octets = letter("One", std::string(200'000, 'x') + "\r\n");
  EXPECT_THAT(append(client, octets), AllOf(HasSubstr("* 1 EXISTS\r\n"), HasSubstr("x OK [APPENDUID ")));
  EXPECT_THAT(client.say("FETCH 1 BODY.PEEK[]"), HasSubstr(octets));
  EXPECT_EQ(client.say("FETCH 1 RFC822.SIZE"),
            fmt::format("* 1 FETCH (RFC822.SIZE {})\r\nx OK Fetched\r\n", octets.size()));
}

// Attack 82.
TEST(ImapMailbox, WhatCannotBeKeptIsRefusedBeforeItIsSent) {
  config::Settings settings = Office::cleartext();
  settings.limits.message = config::Octets{100'000};
  Office office{settings};
  office.directory.quotas[TwoPeople::alice] = {.octets = 1'000, .messages = 0};
  Client client = office.reader();
  EXPECT_THAT(client.say("APPEND INBOX {100001}"), StartsWith("x NO [TOOBIG]"));
  EXPECT_THAT(client.say("APPEND INBOX {2000}"), StartsWith("x NO [OVERQUOTA]"));
  EXPECT_THAT(client.say("APPEND Nowhere {10}"), StartsWith("x NO [TRYCREATE]"));
  EXPECT_THAT(client.say("APPEND INBOX {10}"), StartsWith("+ "));
  EXPECT_THAT(client.send("To: a\r\n\r\n.\r\n"), HasSubstr("x OK [APPENDUID "));
  // A literal that does not wait is read and dropped, and the next command found.
  EXPECT_THAT(append(client, std::string(2'000, 'x')), StartsWith("x NO [OVERQUOTA]"));
  EXPECT_THAT(client.say("NOOP"), EndsWith("x OK Done\r\n"));
  // Of several messages all are stored or none.
  EXPECT_THAT(
      client.send("x APPEND INBOX {10+}\r\nTo: a\r\n\r\n. {2000+}\r\n" + std::string(2'000, 'x') + "\r\n"),
      HasSubstr("x NO [OVERQUOTA]"));
  EXPECT_THAT(client.say("STATUS INBOX (MESSAGES)"), HasSubstr("MESSAGES 1)"));
}

TEST(ImapMailbox, SomebodyElsesMailIsNotThere) {  // attack 83
  Office office;
  office.deliver(TwoPeople::alice, letter("secret"));
  Client bob = office.reader("bob");
  EXPECT_EQ(bob.say("SEARCH ALL"), "* SEARCH\r\nx OK Searched\r\n");
  EXPECT_THAT(bob.say("SELECT ../7/INBOX"), HasSubstr("x NO"));
  EXPECT_THAT(bob.say("STATUS user/alice (MESSAGES)"), StartsWith("x NO [NONEXISTENT]"));
}

TEST(ImapMailbox, NamesAreListedWithTheirUseAndTheirChildren) {
  Office office;
  Client client = office.reader();
  EXPECT_EQ(client.say("LIST \"\" \"\""), "* LIST (\\Noselect) \"/\" \"\"\r\nx OK List is complete\r\n");
  client.say("CREATE Work/2026/Letters");
  EXPECT_EQ(client.say("LIST \"\" \"Work/%\""),
            "* LIST (\\Noselect \\HasChildren) \"/\" \"Work/2026\"\r\nx OK List is complete\r\n");
  const std::string all = client.say("LIST \"\" *");
  EXPECT_THAT(all, HasSubstr("* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n"));
  EXPECT_THAT(all, HasSubstr("* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"));
  EXPECT_THAT(all, Not(HasSubstr("\"Work/2026\"")));
  client.say("SUBSCRIBE Gone/Away");
  EXPECT_THAT(client.say("LSUB \"\" %"), AllOf(HasSubstr("* LSUB (\\Noselect) \"/\" \"Gone\"\r\n"),
                                               HasSubstr("* LSUB () \"/\" \"INBOX\"\r\n")));
  client.say("CREATE Entw&APw-rfe");
  EXPECT_THAT(client.say("LIST \"\" Entw*"), HasSubstr("\"/\" \"Entw&APw-rfe\"\r\n"));
}

TEST(ImapMailbox, AnotherSeparatorTakesThePlaceOfTheSlash) {
  config::Settings settings = Office::cleartext();
  settings.imap.separator = ".";
  Office office{settings};
  Client client = office.reader();
  EXPECT_THAT(client.say("NAMESPACE"), HasSubstr("((\"\" \".\"))"));
  client.say("CREATE Work.a/b");
  EXPECT_THAT(client.say("LIST \"\" Work.%"), HasSubstr("\".\" \"Work.a/b\"\r\n"));
  EXPECT_THAT(client.say("SELECT Work.a/b"), HasSubstr("x OK"));
}

TEST(ImapMailbox, ModSeqsTellWhatAClientHasMissed) {  // C16
  Office office;
  for (const char* subject : {"1", "2"}) office.deliver(TwoPeople::alice, letter(subject));
  Client client = office.reader();
  const std::string selected = client.say("SELECT INBOX (CONDSTORE)");
  const auto at = selected.find("HIGHESTMODSEQ ") + 14;
  const std::string highest = selected.substr(at, selected.find(']', at) - at);
  EXPECT_THAT(client.say("STORE 1 (UNCHANGEDSINCE " + highest + ") +FLAGS.SILENT (\\Seen)"),
              StartsWith("* 1 FETCH (MODSEQ ("));
  EXPECT_THAT(client.say("STORE 1,2 (UNCHANGEDSINCE " + highest + ") +FLAGS.SILENT (\\Flagged)"),
              AllOf(HasSubstr("* 2 FETCH (MODSEQ ("), HasSubstr("x OK [MODIFIED 1]")));
  EXPECT_THAT(client.say("FETCH 1:* (FLAGS) (CHANGEDSINCE " + highest + ")"),
              AllOf(HasSubstr("* 1 FETCH"), HasSubstr("* 2 FETCH"), HasSubstr("MODSEQ (")));
  EXPECT_THAT(client.say("SEARCH MODSEQ " + highest), HasSubstr("(MODSEQ "));
}

TEST(ImapMailbox, AReturningClientIsToldWhatVanishedAndWhatChanged) {  // C16, RFC 7162 §3.2.5
  Office office;
  for (const char* subject : {"1", "2", "3"}) office.deliver(TwoPeople::alice, letter(subject));
  Client client = office.reader(), other = office.reader();
  EXPECT_THAT(client.say("SELECT INBOX (QRESYNC (1 1))"), StartsWith("x BAD"));
  EXPECT_EQ(client.say("ENABLE QRESYNC"), "* ENABLED QRESYNC\r\nx OK Enabled\r\n");
  const std::string selected = client.say("SELECT INBOX");
  EXPECT_THAT(selected, StartsWith("* OK [CLOSED]"));
  const auto value = [&](const std::string& name) {
    const auto at = selected.find(name + " ") + name.size() + 1;
    return selected.substr(at, selected.find(']', at) - at);
  };
  const std::string known = value("UIDVALIDITY") + " " + value("HIGHESTMODSEQ");
  client.say("UNSELECT");
  other.say("STORE 1 +FLAGS.SILENT (\\Seen)");
  other.say("STORE 2 +FLAGS.SILENT (\\Deleted)");
  other.say("EXPUNGE");
  const std::string again = client.say("SELECT INBOX (QRESYNC (" + known + "))");
  EXPECT_THAT(again, HasSubstr("* VANISHED (EARLIER) 2\r\n"));
  EXPECT_THAT(again, HasSubstr("* 1 FETCH (UID 1 FLAGS (\\Seen"));
  EXPECT_THAT(again, Not(HasSubstr("* 2 FETCH")));
  other.say("STORE 2 +FLAGS.SILENT (\\Deleted)");
  other.say("EXPUNGE");
  EXPECT_THAT(client.say("NOOP"), StartsWith("* VANISHED 3\r\n"));
}

TEST(ImapMailbox, SearchFindsWhatTheTextSays) {
  Office office;
  office.deliver(TwoPeople::alice, letter("=?utf-8?q?Gr=C3=BCne_=C3=84pfel?=", "They are sour.\r\n"));
  office.deliver(TwoPeople::alice,
                 "Subject: Red\r\nDate: Tue, 03 Feb 2026 23:30:00 -0200\r\nMIME-Version: 1.0\r\n"
                 "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                 "S2lyc2NoZW4gc2luZCBz/N8uDQo=\r\n");
  Client client = office.reader();
  const auto search = [&](const std::string& keys) {
    const std::string said = client.say("SEARCH " + keys);
    return said.substr(0, said.find("\r\n"));
  };
  EXPECT_EQ(search("ALL"), "* SEARCH 1 2");
  EXPECT_EQ(search("CHARSET UTF-8 SUBJECT {6+}\r\n\xc3\xa4pfel"), "* SEARCH 1");
  EXPECT_EQ(search("BODY SOUR"), "* SEARCH 1");
  EXPECT_EQ(search("CHARSET UTF-8 BODY {5+}\r\ns\xc3\xbc\xc3\x9f"), "* SEARCH 2");
  EXPECT_EQ(search("BODY apfel"), "* SEARCH");
  EXPECT_EQ(search("OR TEXT sour TEXT kirschen"), "* SEARCH 1 2");
  EXPECT_EQ(search("NOT FROM example.com"), "* SEARCH 2");
  EXPECT_EQ(search("HEADER Content-Type iso"), "* SEARCH 2");
  EXPECT_EQ(search("HEADER Date \"\""), "* SEARCH 2");
  EXPECT_EQ(search("SENTON 3-Feb-2026"), "* SEARCH 2");
  EXPECT_EQ(search("SENTSINCE 4-Feb-2026"), "* SEARCH");
  EXPECT_EQ(search("LARGER 1000"), "* SEARCH");
  EXPECT_EQ(client.say("UID SEARCH RETURN (MIN MAX COUNT) ALL"),
            "* ESEARCH (TAG \"x\") UID MIN 1 MAX 2 COUNT 2\r\nx OK Searched\r\n");
  EXPECT_EQ(client.say("SEARCH RETURN (SAVE) BODY sour"), "x OK Searched\r\n");
  EXPECT_EQ(client.say("FETCH $ UID"), "* 1 FETCH (UID 1)\r\nx OK Fetched\r\n");
  EXPECT_THAT(client.say("SEARCH CHARSET KOI8-R ALL"), StartsWith("x NO [BADCHARSET"));
}

TEST(ImapMailbox, AWordIsFoundWhereverPiecesOfALongTextMeet) {
  Office office;
  std::string body;
  while (body.size() < 600'000) body += "Lorem ipsum dolor sit amet.\r\n";
  for (const std::size_t at : {65'530u, 262'140u, 524'280u}) {
    std::string with = body;
    with.replace(at, 6, "needle");
    office.deliver(TwoPeople::alice, letter("long", with));
  }
  Client client = office.reader();
  EXPECT_EQ(client.say("SEARCH BODY needle"), "* SEARCH 1 2 3\r\nx OK Searched\r\n");
}

TEST(ImapMailbox, MoveTellsTheNewUidsBeforeTheNumbersGo) {
  Office office;
  for (const char* subject : {"1", "2", "3"}) office.deliver(TwoPeople::alice, letter(subject));
  Client client = office.reader();
  EXPECT_THAT(client.say("COPY 1:3 Nowhere"), StartsWith("x NO [TRYCREATE]"));
  const std::string moved = client.say("MOVE 2 Archive");
  EXPECT_THAT(moved, StartsWith("* OK [COPYUID "));
  EXPECT_THAT(moved, EndsWith(" 2 1] Moved\r\n* 2 EXPUNGE\r\nx OK Moved\r\n"));
}

TEST(ImapMailbox, AMessageWithNulIsSentWithoutIt) {  // attack 43
  Office office;
  office.deliver(TwoPeople::alice, letter("x", std::string("a\0b\r\n", 5)));
  Client client = office.reader();
  EXPECT_THAT(client.say("FETCH 1 BODY.PEEK[TEXT]"), HasSubstr("{5}\r\na?b\r\n)"));
}

}  // namespace postroad::imapd
