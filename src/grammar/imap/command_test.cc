// Every command that the RFCs show, and what is said of those that are wrong.
#include "imap/command.h"

#include <gtest/gtest.h>

#include <set>

#include "base/ascii.h"

namespace postroad::imap {
namespace {

Dialect in_state(State state) {
  return {.state = state, .limits = state == State::NotAuthenticated ? before_login : after_login};
}

// Parses in the state the command belongs to.
Result<TaggedCommand, SyntaxError> read(std::string_view text) {
  auto result = parse(text, in_state(State::Selected));
  if (!result && result.error().fault == Fault::WrongState)
    return parse(text, in_state(State::NotAuthenticated));
  return result;
}

std::string refused(std::string_view text, State state = State::Selected) {
  const auto result = parse(text, in_state(state));
  return result ? "understood" : answer(result.error());
}

// --- The examples of the RFCs --------------------------------------------------------------------------

constexpr std::string_view examples[]{
    // RFC 3501 and RFC 9051
    "abcd CAPABILITY",
    "a441 CAPABILITY",
    "a002 NOOP",
    "A023 LOGOUT",
    "a000 starttls",
    "A001 AUTHENTICATE GSSAPI",
    "A001 AUTHENTICATE SCRAM-SHA-256",
    "A01 AUTHENTICATE EXTERNAL =",
    "A03 AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=",
    "a001 LOGIN SMITH SESAME",
    "a LOGIN \"fred\" \"foo\"",
    "A001 LOGIN {11}\r\nFRED FOOBAR {7}\r\nfat man",
    "A001 LOGIN {11+}\r\nFRED FOOBAR {7+}\r\nfat man",
    "t2 ENABLE CONDSTORE X-GOOD-IDEA",
    "babc ENABLE IMAP4rev2",
    "A142 SELECT INBOX",
    "f select \"/archive/projects/experiment-iv\"",
    "A932 EXAMINE blurdybloop",
    "A003 CREATE owatagusiam/",
    "A004 CREATE owatagusiam/blurdybloop",
    "l create \"///////\"",
    "A002 CREATE \"INBOX.Sent Mail\"",
    "A006 CREATE \"#mh/Deleted Items\"",
    "A683 DELETE blurdybloop",
    "A685 DELETE foo/bar",
    "A683 RENAME blurdybloop sarasoop",
    "Z433 RENAME INBOX old-mail",
    "A002 SUBSCRIBE #news.comp.mail.mime",
    "A002 UNSUBSCRIBE #news.comp.mail.mime",
    "A101 LIST \"\" \"\"",
    "A102 LIST #news.comp.mail.misc \"\"",
    "A103 LIST /usr/staff/jones \"\"",
    "A202 LIST ~/Mail/ %",
    "A682 LIST \"\" *",
    "A002 LIST \"\" \"#Users/%\"",
    "A01 LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN))",
    "A02 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" % RETURN (STATUS (MESSAGES))",
    "A03 LIST () \"\" \"%\" RETURN (CHILDREN)",
    "A04 LIST (REMOTE) \"\" \"%\" RETURN (CHILDREN)",
    "A05 LIST (REMOTE SUBSCRIBED) \"\" \"*\"",
    "A06 LIST (REMOTE) \"\" \"*\" RETURN (SUBSCRIBED)",
    "D03 LIST (RECURSIVEMATCH SUBSCRIBED) \"\" \"*2\"",
    "BBB LIST \"\" (\"INBOX\" \"Drafts\" \"Sent/%\")",
    "a3.1 LIST \"\" (% music/rock)",
    "a3 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" foo RETURN (CHILDREN)",
    "A002 LSUB \"#news.\" \"comp.mail.*\"",
    "A001 NAMESPACE",
    "A042 STATUS blurdybloop (UIDNEXT MESSAGES)",
    "A002 IDLE",
    "FXXZ CHECK",
    "A341 CLOSE",
    "A342 UNSELECT",
    "A202 EXPUNGE",
    "A282 SEARCH RETURN (MIN COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
    "A282 SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
    "A283 SEARCH RETURN () FLAGGED",
    "A283 SEARCH TEXT \"string not in mailbox\"",
    "A284 SEARCH CHARSET UTF-8 TEXT {6}\r\nXXXXXX",
    "A285 UID SEARCH RETURN (MIN MAX) 1:5000",
    "A301 UID SEARCH UID $ SMALLER 4096",
    "A301 UID SEARCH $ SMALLER 4096",
    "P283 SEARCH CHARSET UTF-8 (OR $ 1,3000:3021) TEXT {8+}\r\nYYYYYYYY",
    "B283 SEARCH RETURN (SAVE) CHARSET KOI8-R (OR $ 1,3000:3021) TEXT {4}\r\nXXXX",
    "C286 SEARCH RETURN (MAX SAVE MIN COUNT) SINCE 12-Feb-2006 NOT FROM \"Smith\"",
    "h search from maria@example.com",
    "F282 SEARCH RETURN (SAVE) KEYWORD $Junk",
    "A003 FETCH 4 ALL",
    "a003 fetch 12 full",
    "a004 fetch 12 body[header]",
    "A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
    "A283 FETCH $ (UID INTERNALDATE FLAGS BODY.PEEK[HEADER])",
    "a005 store 12 +flags \\deleted",
    "A003 STORE 2:4 +FLAGS (\\Deleted)",
    "F284 STORE $ +FLAGS.Silent (\\Deleted)",
    "m STORE 42 FLAGS f1 f2 f3 f4 f5",
    "A003 COPY 2:4 MEETING",
    "E283 COPY $ \"Other Messages\"",
    "a UID MOVE 42:69 foo",
    "A999 UID FETCH 4827313:4828442 FLAGS",
    "n1 uid copy 1:* oldmail",
    // ID
    "a023 ID (\"name\" \"sodr\" \"version\" \"19.34\" \"vendor\" \"Pink Floyd Music Limited\")",
    "a042 ID NIL",
    // ACL
    "A002 getacl INBOX/Drafts",
    "A001 SeTacl INBOX/Drafts David lrswida",
    "A002 SETACL INBOX/Drafts Chris +cda",
    "A036 SETACL INBOX/Drafts John lrqswicda",
    "B002 DeleteAcl INBOX Fred",
    "a001 LISTRIGHTS ~/Mail/saved smith",
    "A003 MYRIGHTS INBOX",
    // UIDPLUS, WITHIN
    "A003 UID EXPUNGE 3000:3002",
    ". UID EXPUNGE 3000:3002",
    "a1 SEARCH UNSEEN YOUNGER 259200",
    // SORT, THREAD, ESORT, SORT=DISPLAY
    "A282 SORT (SUBJECT) UTF-8 SINCE 1-Feb-1994",
    "A283 SORT (SUBJECT REVERSE DATE) UTF-8 ALL",
    "A284 SORT (SUBJECT) US-ASCII TEXT \"not in mailbox\"",
    "A283 THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000",
    "A285 THREAD REFERENCES UTF-8 SINCE 5-MAR-2000",
    "E01 UID SORT RETURN () (REVERSE DATE) UTF-8 UNDELETED UNKEYWORD $Junk",
    "a sort (displayfrom reverse displayto) utf-8 all",
    // METADATA
    "a GETMETADATA \"\" /shared/comment",
    "a GETMETADATA \"INBOX\" (/shared/comment /private/comment)",
    "a GETMETADATA \"INBOX\" (DEPTH 1) (/private/filters/values)",
    "a GETMETADATA \"INBOX\" (MAXSIZE 1024) (/shared/comment)",
    "a GETMETADATA (MAXSIZE 1024 DEPTH infinity) \"INBOX\" /shared/comment",
    "a GETMETADATA \"INBOX\" /private/comment /shared/comment",
    "a SETMETADATA INBOX (/private/comment \"My new comment\")",
    "a SETMETADATA INBOX (/private/comment {33}\r\nMy new comment across\r\ntwo lines.)",
    "a SETMETADATA INBOX (/private/comment NIL)",
    "a SETMETADATA INBOX (/private/comment \"My new comment\" /shared/comment \"This one is for you!\")",
    "t3 SETMETADATA \"SavedDrafts\" (/private/specialuse \"\\\\Drafts\")",
    // SPECIAL-USE, CREATE-SPECIAL-USE
    "t1 LIST \"\" \"%\" RETURN (SPECIAL-USE)",
    "t3 LIST (SPECIAL-USE) \"\" \"*\"",
    "t2 CREATE MySpecial (USE (\\Drafts \\Sent))",
    // FUZZY
    "A1 SEARCH FUZZY (SUBJECT \"IMAP break\")",
    "A2 SEARCH FUZZY SUBJECT work FROM user@example.com",
    "B1 SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT \"Helo\"",
    "C1 SORT (RELEVANCY) UTF-8 FUZZY SUBJECT \"Helo\"",
    "C2 SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT \"Helo\"",
    // CONDSTORE, QRESYNC
    "A142 SELECT INBOX (CONDSTORE)",
    "A042 STATUS blurdybloop (UIDNEXT MESSAGES HIGHESTMODSEQ)",
    "a FETCH 1:3 (MODSEQ)",
    "s100 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)",
    "s100 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
    "a102 STORE 12 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)",
    "a104 STORE * (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted $Processed)",
    "A150 STORE 1:2 (UNCHANGEDSINCE 96) +FLAGS.SILENT \\Seen",
    "a SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338",
    "t SEARCH OR NOT MODSEQ 720162338 LARGER 50000",
    "a SEARCH RETURN (ALL) MODSEQ 1234",
    "a SORT RETURN (ALL) (DATE) UTF-8 MODSEQ 1234",
    "A142 SELECT INBOX (QRESYNC (3857529045 20010715194032001 1:198))",
    "A02 SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
    "B04 SELECT INBOX (QRESYNC (67890007 90060115194045000 1:29997 (5000,7500,9000,9990:9999 "
    "15000,22500,27000,29970,29973,29976,29979,29982,29985,29988,29991,29994,29997)))",
    // COMPRESS, UNAUTHENTICATE, STATUS=SIZE, LIST-MYRIGHTS, APPENDLIMIT
    "c compress deflate",
    "a unauthenticate",
    "A01 STATUS frop (MESSAGES SIZE UIDNEXT)",
    "A02 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" % RETURN (MYRIGHTS)",
    "t1 LIST \"\" % RETURN (STATUS (APPENDLIMIT))",
    // OBJECTID, SAVEDATE, PREVIEW
    "11 list \"\" \"*\" return (status (mailboxid))",
    "22 fetch 1:* (emailid threadid)",
    "27 search emailid M6d99ac3275bb4e",
    "28 search threadid T64b478a75b7ea9",
    "A101 FETCH 998 (SAVEDATE)",
    "A102 SEARCH SAVEDON 28-Dec-2014",
    "A103 SEARCH SAVEDSINCE 28-Dec-2014",
    "a SEARCH SAVEDATESUPPORTED SAVEDBEFORE 1-Jan-2020",
    "A1 FETCH 1 (PREVIEW)",
    "B1 FETCH 1:4 (ENVELOPE PREVIEW (LAZY))",
    "C3 FETCH $ (UID PREVIEW (LAZY))",
    // QUOTA
    "G0001 GETQUOTA \"!partition/sda4\"",
    "G0002 GETQUOTAROOT INBOX",
    "S0001 SETQUOTA \"#user/alice\" (STORAGE 510)",
    "S0003 STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)",
    // BINARY
    "a FETCH 1 (BINARY[1.2] BINARY.PEEK[3]<0.100> BINARY.SIZE[1])",
};

TEST(ImapCommand, EveryExampleOfTheRfcsIsUnderstood) {
  for (const auto text : examples) {
    const auto result = read(text);
    EXPECT_TRUE(result) << text << "\n" << answer(result.error());
    if (result) EXPECT_EQ(result->tag, text.substr(0, text.find(' ')));
  }
}

TEST(ImapCommand, NoExampleIsUnderstoodWhenItsLastCharacterIsMissingOrOneIsAdded) {
  for (const auto text : examples) {
    EXPECT_FALSE(read(std::string(text) + " ")) << text;
    EXPECT_FALSE(read(std::string(text) + ")")) << text;
    if (text.ends_with(')')) EXPECT_FALSE(read(text.substr(0, text.size() - 1))) << text;
  }
}

TEST(ImapCommand, KeywordsHaveNoCase) {
  for (const auto text : examples) {
    if (text.find('\\') != text.npos || text.find('{') != text.npos) continue;
    EXPECT_TRUE(read(ascii::to_lower(text))) << text;
    EXPECT_EQ(static_cast<bool>(read(ascii::to_upper(text))),
              text.find(" lr") == text.npos && text.find("+cda") == text.npos)
        << text << ": only rights have a case";
  }
}

// --- What is refused -----------------------------------------------------------------------------------

TEST(ImapTag, IsAnsweredWheneverItCanBeKnown) {  // RFC 9051 §7.1.3
  EXPECT_EQ(refused(""), "* BAD A command is a tag, a space, a name and its arguments\r\n");
  EXPECT_EQ(refused("((("), "* BAD A command is a tag, a space, a name and its arguments\r\n");
  EXPECT_EQ(refused("+++ NOOP"), "* BAD A command is a tag, a space, a name and its arguments\r\n");
  EXPECT_EQ(refused("a*b NOOP"), "* BAD A command is a tag, a space, a name and its arguments\r\n");
  EXPECT_EQ(refused(" NOOP"), "* BAD A command is a tag, a space, a name and its arguments\r\n");
  EXPECT_EQ(refused("a"), "a BAD Expected a space at octet 2\r\n");
  EXPECT_EQ(refused("a "), "a BAD Unknown command\r\n");
  EXPECT_EQ(refused("A442 XPIG-LATIN"), "A442 BAD Unknown command\r\n");
  EXPECT_EQ(refused("a UID NOOP"), "a BAD Unknown command\r\n");
  EXPECT_EQ(refused("a UID"), "a BAD Unknown command\r\n");
  EXPECT_TRUE(read("] NOOP"));
}

TEST(ImapErrors, SayWhatWasExpectedAndWhere) {
  EXPECT_EQ(refused("a NOOP x"), "a BAD Expected the end of the command at octet 7\r\n");
  EXPECT_EQ(refused("a SELECT"), "a BAD Expected a space at octet 9\r\n");
  EXPECT_EQ(refused("a SELECT "), "a BAD Expected a mailbox name at octet 10\r\n");
  EXPECT_EQ(refused("a FETCH x FLAGS"), "a BAD Expected a message set at octet 9\r\n");
  EXPECT_EQ(refused("a FETCH 1 (FLAGS WHAT)"),
            "a BAD Expected an attribute, like FLAGS or BODY[] at octet 18\r\n");
  EXPECT_EQ(refused("a001 LOGIN", State::NotAuthenticated), "a001 BAD Expected a space at octet 11\r\n");
  EXPECT_EQ(refused("a002 LOGIN invaliduser", State::NotAuthenticated),
            "a002 BAD Expected a space at octet 23\r\n");
  EXPECT_EQ(refused("a002a LOGIN user secret extra", State::NotAuthenticated),
            "a002a BAD Expected the end of the command at octet 24\r\n");
  EXPECT_EQ(refused("a APPEND INBOX (\\Seen)"), "a BAD Expected a space at octet 23\r\n");
  EXPECT_EQ(refused("a APPEND INBOX"), "a BAD Expected a space at octet 15\r\n");
  EXPECT_EQ(refused("a APPEND INBOX text"), "a BAD Expected a literal with the message at octet 16\r\n");
}

TEST(ImapErrors, NeverEchoWhatWasSentButTheTag) {
  for (const auto text : examples)
    for (std::size_t cut = text.find(' ') + 1; cut < text.size(); ++cut) {
      const auto result = parse(text.substr(0, cut), in_state(State::Selected));
      if (result) continue;
      SyntaxError error = result.error();
      const std::string said = answer(error);
      EXPECT_TRUE(said.ends_with("\r\n"));
      EXPECT_EQ(said.find('\n'), said.size() - 1);
      error.tag.clear();
      EXPECT_EQ(answer(error).find("blurdybloop"), std::string::npos);
    }
}

TEST(ImapBlanks, SeveralAreReadAsOneButNoneMayBeMissingOrStandAtTheEnd) {
  EXPECT_TRUE(read("a  STORE  1  FLAGS  ( x  y )"));
  EXPECT_TRUE(read("a UID  SEARCH  RETURN  ( MIN  MAX )  OR ( SEEN )  ( NOT  DRAFT )"));
  EXPECT_TRUE(read("a STATUS x (  MESSAGES  )"));
  EXPECT_FALSE(read("a STATUS x(MESSAGES)"));
  EXPECT_FALSE(read("a NOOP "));
  EXPECT_FALSE(read("a\tNOOP"));
  EXPECT_FALSE(read("a STORE 1\tFLAGS (x)"));
}

TEST(ImapStates, ACommandIsRefusedOutsideItsStates) {
  EXPECT_TRUE(parse("a NOOP", in_state(State::NotAuthenticated)));
  EXPECT_TRUE(refused("a SELECT x", State::NotAuthenticated).starts_with("a BAD Not now"));
  EXPECT_TRUE(refused("a FETCH 1 ALL", State::Authenticated).starts_with("a BAD Not now"));
  EXPECT_TRUE(refused("a LOGIN u p", State::Authenticated).starts_with("a BAD Not now"));
  EXPECT_TRUE(refused("a APPEND x", State::NotAuthenticated).starts_with("a BAD Not now"));
  EXPECT_TRUE(parse("a SELECT x", in_state(State::Authenticated)));
}

TEST(ImapTable, EachCommandStandsInItOnceAndHasAState) {
  std::set<std::string_view> names;
  for (const auto& rule : command_rules()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    EXPECT_NE(rule.states, 0) << rule.name;
    EXPECT_EQ(find_command(ascii::to_lower(rule.name)), &rule);
    if (!rule.parse)
      EXPECT_TRUE(rule.name.ends_with("APPEND") || rule.name.ends_with("REPLACE")) << rule.name;
  }
  EXPECT_EQ(find_command("UID"), nullptr);
  EXPECT_EQ(find_command(""), nullptr);
}

TEST(ImapStrangers, ABrowserIsNotAnswered) {  // durability.md, attack 93
  const auto result = parse("POST /submit HTTP/1.1", in_state(State::NotAuthenticated));
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().close);
  EXPECT_EQ(answer(result.error()), "* BAD This is not IMAP\r\n");
}

TEST(ImapStrangers, HaveLessRoomThanUsers) {  // durability.md, attack 74
  EXPECT_FALSE(parse("a NOOP " + std::string(4'000, '('), in_state(State::NotAuthenticated)));
  EXPECT_EQ(refused("a ID (\"a\" (\"b\"))", State::NotAuthenticated),
            "a BAD Expected a quoted value or NIL at octet 11\r\n");
  Dialect stranger = in_state(State::Selected);
  stranger.limits = before_login;
  EXPECT_FALSE(parse("a SEARCH ((ALL))", stranger));
}

}  // namespace
}  // namespace postroad::imap
