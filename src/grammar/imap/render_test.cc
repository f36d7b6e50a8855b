#include "imap/render.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace postroad::imap {
namespace {

using std::string_view;
using namespace std::string_view_literals;

std::string rendered(const std::function<void(Renderer&)>& write, bool utf8 = false) {
  std::string out;
  Renderer renderer(out, utf8);
  write(renderer);
  return out;
}
std::string string_of(string_view octets, bool utf8 = false) {
  return rendered([&](Renderer& r) { r.string(octets); }, utf8);
}

TEST(ImapString, IsQuotedWhereTheGrammarLetsItAndALiteralElsewhere) {
  EXPECT_EQ(string_of(""), "\"\"");
  EXPECT_EQ(string_of("plain text"), "\"plain text\"");
  EXPECT_EQ(string_of("a \"b\" \\c"), "\"a \\\"b\\\" \\\\c\"");
  EXPECT_EQ(string_of("two\r\nlines"), "{10}\r\ntwo\r\nlines");
  EXPECT_EQ(string_of("a\x01z"), "{3}\r\na\x01z");
  EXPECT_EQ(string_of(std::string(1'001, 'x')), "{1001}\r\n" + std::string(1'001, 'x'));
}

TEST(ImapString, OctetsAbove127AreQuotedOnlyForThoseWhoEnabledUtf8) {
  EXPECT_EQ(string_of("é"), "{2}\r\né");
  EXPECT_EQ(string_of("é", true), "\"é\"");
  EXPECT_EQ(string_of("\xe9", true), "{1}\r\n\xe9") << "Latin-1 is no UTF-8";
}

TEST(ImapString, NeverHoldsNul) {
  EXPECT_EQ(string_of("a\0b"sv), "{3}\r\na?b");
  EXPECT_EQ(string_of("a\r\n\0b"sv), "{5}\r\na\r\n?b");
}

TEST(ImapMailbox, IsSpokenAsTheClientReadsIt) {
  const auto mailbox = [](string_view name, bool utf8) {
    return rendered([&](Renderer& r) { r.mailbox(name); }, utf8);
  };
  EXPECT_EQ(mailbox("INBOX", false), "\"INBOX\"");
  EXPECT_EQ(mailbox("台北/日本語", false), "\"&U,BTFw-/&ZeVnLIqe-\"");
  EXPECT_EQ(mailbox("台北/日本語", true), "\"台北/日本語\"");
  EXPECT_EQ(mailbox("R&D", false), "\"R&-D\"");
  EXPECT_EQ(mailbox("R&D", true), "\"R&D\"");
  EXPECT_EQ(mailbox("say \"hi\"", false), "\"say \\\"hi\\\"\"");
}

TEST(ImapConditions, TextThatALineCannotHoldIsMadeHarmless) {
  EXPECT_EQ(rendered([](Renderer& r) { r.tagged("a1", Condition::No, code::try_create, "No such mailbox"); }),
            "a1 NO [TRYCREATE] No such mailbox\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.untagged(Condition::Bye, {}, "a\r\n* OK b\0"sv); }),
            "* BYE a??* OK b?\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.tagged("", Condition::Bad, {}, ""); }), "* BAD -\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.untagged(Condition::Ok, {}, "Grüße"); }), "* OK Gr????e\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.untagged(Condition::Ok, {}, "Grüße"); }, true), "* OK Grüße\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.continuation("Ready"); }), "+ Ready\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.continuation_base64(""); }), "+ \r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.continuation_base64("abc"); }), "+ YWJj\r\n");
}

// The responses of RFC 9051 §7.
TEST(ImapResponses, LookAsInTheExamplesOfTheRfc) {
  const std::vector<string_view> capabilities{"STARTTLS", "AUTH=GSSAPI", "IMAP4rev2", "LOGINDISABLED"};
  EXPECT_EQ(rendered([&](Renderer& r) { r.capability(capabilities); }),
            "* CAPABILITY STARTTLS AUTH=GSSAPI IMAP4rev2 LOGINDISABLED\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.enabled({}); }), "* ENABLED\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.exists(23); }), "* 23 EXISTS\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.recent(5); }), "* 5 RECENT\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.expunge(44); }), "* 44 EXPUNGE\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.flags_line(31, {}); }),
            "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n");
  EXPECT_EQ(
      rendered([](Renderer& r) {
        r.list({.attributes = static_cast<std::uint32_t>(MailboxAttribute::NoSelect), .name = "~/Mail/foo"});
      }),
      "* LIST (\\Noselect) \"/\" \"~/Mail/foo\"\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.list({.delimiter = '\0', .name = ""}); }), "* LIST () NIL \"\"\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.list({.delimiter = '\\', .name = "a"}); }),
            "* LIST () \"\\\\\" \"a\"\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.list({.name = "Foo", .child_info_subscribed = true}); }),
            "* LIST () \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.list({.name = "B", .old_name = "A"}); }),
            "* LIST () \"/\" \"B\" (\"OLDNAME\" (\"A\"))\r\n");
  EXPECT_EQ(rendered([](Renderer& r) {
              const NamespacePrefix own[]{{"", '/'}}, others[]{{"Other Users/", '/'}};
              r.name_space(own, others, {});
            }),
            "* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.id({}); }), "* ID NIL\r\n");
  EXPECT_EQ(rendered([](Renderer& r) {
              const std::pair<string_view, string_view> fields[]{{"name", "Postroad"}, {"version", "1"}};
              r.id(fields);
            }),
            "* ID (\"name\" \"Postroad\" \"version\" \"1\")\r\n");
}

TEST(ImapResponses, StatusSaysWhatIsKnown) {
  EXPECT_EQ(rendered([](Renderer& r) { r.status("blurdybloop", {.messages = 231, .uid_next = 44'292}); }),
            "* STATUS \"blurdybloop\" (MESSAGES 231 UIDNEXT 44292)\r\n");
  EXPECT_EQ(rendered([](Renderer& r) { r.status("a", {}); }), "* STATUS \"a\" ()\r\n");
  EXPECT_EQ(rendered([](Renderer& r) {
              r.status("a",
                       {.size = 44'421, .highest_mod_seq = 7, .mailbox_id = "F1", .append_limit = 257'890u});
            }),
            "* STATUS \"a\" (SIZE 44421 HIGHESTMODSEQ 7 MAILBOXID (F1) APPENDLIMIT 257890)\r\n");
  StatusValues no_limit;
  no_limit.append_limit.emplace(std::nullopt);
  EXPECT_EQ(rendered([&](Renderer& r) { r.status("a", no_limit); }), "* STATUS \"a\" (APPENDLIMIT NIL)\r\n");
}

TEST(ImapResponses, SearchResultsComeAsNumbersOrAsSets) {
  const std::vector<std::uint32_t> found{2, 84, 882};
  EXPECT_EQ(rendered([&](Renderer& r) { r.search(found); }), "* SEARCH 2 84 882\r\n");
  EXPECT_EQ(rendered([&](Renderer& r) { r.search({}, 917); }), "* SEARCH\r\n");
  EXPECT_EQ(rendered([&](Renderer& r) { r.search(found, 917'162'500); }),
            "* SEARCH 2 84 882 (MODSEQ 917162500)\r\n");
  EXPECT_EQ(rendered([&](Renderer& r) { r.sort(found); }), "* SORT 2 84 882\r\n");
  NumberSet set;
  for (const auto n : {4, 5, 6, 21, 28}) set.add(static_cast<std::uint32_t>(n));
  EXPECT_EQ(rendered([&](Renderer& r) { r.esearch({.tag = "a567", .uid = true, .count = 5, .all = &set}); }),
            "* ESEARCH (TAG \"a567\") UID COUNT 5 ALL 4:6,21,28\r\n");
  const NumberSet nothing;
  EXPECT_EQ(rendered([&](Renderer& r) { r.esearch({.tag = "a", .all = &nothing}); }),
            "* ESEARCH (TAG \"a\")\r\n");
  const std::vector<std::uint32_t> sorted{9, 2, 10, 11, 12, 4, 3};
  EXPECT_EQ(rendered([&](Renderer& r) { r.esearch({.tag = "a", .sorted = sorted, .mod_seq = 5}); }),
            "* ESEARCH (TAG \"a\") ALL 9,2,10:12,4,3 MODSEQ 5\r\n");
  const std::uint8_t scores[]{4, 99, 42};
  EXPECT_EQ(rendered([&](Renderer& r) { r.esearch({.tag = "B1", .all = &set, .relevancy = scores}); }),
            "* ESEARCH (TAG \"B1\") ALL 4:6,21,28 RELEVANCY (4 99 42)\r\n");  // RFC 6203 §4
  EXPECT_EQ(rendered([&](Renderer& r) { r.vanished(set, true); }), "* VANISHED (EARLIER) 4:6,21,28\r\n");
  EXPECT_EQ(rendered([&](Renderer& r) { r.vanished({}, true); }), "");
}

// RFC 5256 §4: 2; 3 with its child 6, which has the two threads 4 23 and 44 7 96.
TEST(ImapThread, ChildrenStandBehindTheirParents) {
  const std::vector<ThreadNode> nodes{{2, 0}, {3, 1}, {6, 2}, {4, 1}, {23, 0}, {44, 1}, {7, 1}, {96, 0}};
  EXPECT_EQ(rendered([&](Renderer& r) { r.thread(nodes); }), "* THREAD (2)(3 6 (4 23)(44 7 96))\r\n");
  const std::vector<ThreadNode> missing_parent{{0, 2}, {3, 0}, {5, 0}};
  EXPECT_EQ(rendered([&](Renderer& r) { r.thread(missing_parent); }), "* THREAD ((3)(5))\r\n");
  EXPECT_EQ(rendered([&](Renderer& r) { r.thread({}); }), "* THREAD\r\n");
}

TEST(ImapThread, AChainOfAHundredThousandNeedsNoStack) {
  std::vector<ThreadNode> nodes(100'000);
  for (std::uint32_t i = 0; i < nodes.size(); ++i) nodes[i] = {i + 1, i + 1 < nodes.size() ? 1u : 0u};
  const std::string out = rendered([&](Renderer& r) { r.thread(nodes); });
  EXPECT_TRUE(out.starts_with("* THREAD (1 2 3 "));
  EXPECT_TRUE(out.ends_with(" 99999 100000)\r\n"));
}

TEST(ImapResponses, AclQuotaAndMetadataLookAsInTheirRfcs) {
  const std::pair<string_view, string_view> entries[]{{"Fred", "rwipslxetad"}, {"-Chris Smith", ""}};
  EXPECT_EQ(rendered([&](Renderer& r) { r.acl("INBOX", entries); }),
            "* ACL \"INBOX\" Fred rwipslxetad \"-Chris Smith\" \"\"\r\n");
  const string_view optional[]{"l", "r"};
  EXPECT_EQ(rendered([&](Renderer& r) { r.list_rights("~/Mail/saved", "smith", "la", optional); }),
            "* LISTRIGHTS \"~/Mail/saved\" smith la l r\r\n");
  EXPECT_EQ(rendered([&](Renderer& r) { r.my_rights("INBOX", "rwiptsldaex"); }),
            "* MYRIGHTS \"INBOX\" rwiptsldaex\r\n");
  const Renderer::QuotaResource resources[]{{"STORAGE", 10, 512}, {"MESSAGE", 20, 100}};
  EXPECT_EQ(rendered([&](Renderer& r) { r.quota("", resources); }),
            "* QUOTA \"\" (STORAGE 10 512 MESSAGE 20 100)\r\n");
  const string_view roots[]{"", "#user/alice"};
  EXPECT_EQ(rendered([&](Renderer& r) { r.quota_root("INBOX", roots); }),
            "* QUOTAROOT \"INBOX\" \"\" #user/alice\r\n");
  const std::pair<string_view, std::optional<string_view>> values[]{{"/private/comment", "My comment"},
                                                                    {"/shared/comment", std::nullopt},
                                                                    {"/private/vendor/x/y", "a\0b"sv}};
  EXPECT_EQ(rendered([&](Renderer& r) { r.metadata("INBOX", values); }),
            "* METADATA \"INBOX\" (/private/comment \"My comment\" /shared/comment NIL /private/vendor/x/y "
            "~{3}\r\na\0b)\r\n"sv);
  const string_view changed[]{"/shared/comment", "/private/comment"};
  EXPECT_EQ(rendered([&](Renderer& r) { r.metadata_changed("", changed); }),
            "* METADATA \"\" /shared/comment /private/comment\r\n");
}

TEST(ImapFetch, ItemsAreDividedByOneBlank) {
  EXPECT_EQ(
      rendered([](Renderer& r) {
        r.fetch_begin(23);
        r.fetch_flags(static_cast<std::uint8_t>(SystemFlag::Seen));
        r.fetch_size(44'827);
        r.fetch_uid(Uid{17});
        r.fetch_mod_seq(ModSeq{65'402});
        r.fetch_end();
        r.fetch_begin(24);
        const string_view keywords[]{"$Forwarded"};
        r.fetch_flags(0, keywords);
        r.fetch_internal_date(*parse_date_time("17-Jul-1996 02:44:25 -0700"));
        r.fetch_save_date({});
        r.fetch_email_id("M1");
        r.fetch_thread_id({});
        r.fetch_thread_id("T1");
        r.fetch_preview("Hi");
        r.fetch_item("ENVELOPE");
        r.raw("(NIL)");
        r.fetch_end();
      }),
      "* 23 FETCH (FLAGS (\\Seen) RFC822.SIZE 44827 UID 17 MODSEQ (65402))\r\n"
      "* 24 FETCH (FLAGS ($Forwarded) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" SAVEDATE NIL EMAILID (M1) "
      "THREADID NIL THREADID (T1) PREVIEW \"Hi\" ENVELOPE (NIL))\r\n");
}

TEST(ImapFetch, ABodyGoesUnderTheNameItWasAskedBy) {
  const auto name = [](const BodyAttribute& attribute) {
    std::string out;
    append_item_name(out, attribute);
    return out;
  };
  using Kind = BodyAttribute::Kind;
  EXPECT_EQ(name({}), "BODY[]");
  EXPECT_EQ(name({.peek = true, .section = {.part = {4, 2, 2, 1}}}), "BODY[4.2.2.1]");
  EXPECT_EQ(name({.section = {.part = {1}, .text = SectionText::Mime}}), "BODY[1.MIME]");
  EXPECT_EQ(name({.section = {.text = SectionText::HeaderFields, .fields = {"DATE", "X Y"}}}),
            "BODY[HEADER.FIELDS (DATE \"X Y\")]");
  EXPECT_EQ(name({.section = {.text = SectionText::Text}, .partial = Partial{.offset = 0, .count = 2'048}}),
            "BODY[TEXT]<0>");
  EXPECT_EQ(name({.kind = Kind::Binary, .section = {.part = {1, 2}}}), "BINARY[1.2]");
  EXPECT_EQ(name({.kind = Kind::BinarySize}), "BINARY.SIZE[]");
  EXPECT_EQ(name({.kind = Kind::Rfc822Header, .section = {.text = SectionText::Header}}), "RFC822.HEADER");
}

TEST(ImapFetch, AllSixtyFourListsOfSystemFlagsAreRight) {
  EXPECT_EQ(rendered([](Renderer& r) { r.flags(0); }), "()");
  EXPECT_EQ(rendered([](Renderer& r) { r.flags(63); }),
            "(\\Answered \\Flagged \\Deleted \\Seen \\Draft \\Recent)");
  const string_view keywords[]{"a", "b"};
  EXPECT_EQ(rendered([&](Renderer& r) { r.flags(8, keywords); }), "(\\Seen a b)");
  EXPECT_EQ(rendered([&](Renderer& r) { r.flags(0, keywords); }), "(a b)");
  EXPECT_EQ(rendered([&](Renderer& r) { r.flags(Flags{.system = 16, .keywords = {"$Junk"}}); }),
            "(\\Draft $Junk)");
}

TEST(ResponseCode, LooksAsInItsRfc) {
  NumberSet from, to;
  for (const auto n : {304, 319, 320}) from.add(static_cast<std::uint32_t>(n));
  for (const auto n : {3956, 3957, 3958}) to.add(static_cast<std::uint32_t>(n));
  EXPECT_EQ(code::copy_uid(UidValidity{38'505}, from, to),
            "COPYUID 38505 304,319:320 3956:3958");  // RFC 4315 §3
  EXPECT_EQ(code::append_uid(UidValidity{38'505}, to), "APPENDUID 38505 3956:3958");
  EXPECT_EQ(code::modified(from), "MODIFIED 304,319:320");
  EXPECT_EQ(code::highest_mod_seq(ModSeq{715'194'045'007}), "HIGHESTMODSEQ 715194045007");
  EXPECT_EQ(code::permanent_flags(12, {}, true), "PERMANENTFLAGS (\\Deleted \\Seen \\*)");
  EXPECT_EQ(code::permanent_flags(0, {}, true), "PERMANENTFLAGS (\\*)");
  EXPECT_EQ(code::permanent_flags(0, {}, false), "PERMANENTFLAGS ()");
  EXPECT_EQ(code::uid_next(Uid{4'392}), "UIDNEXT 4392");
  EXPECT_EQ(code::uid_validity(UidValidity{3'857'529'045}), "UIDVALIDITY 3857529045");
  EXPECT_EQ(code::mailbox_id("F2212ea87-6097"), "MAILBOXID (F2212ea87-6097)");
}

}  // namespace
}  // namespace postroad::imap
