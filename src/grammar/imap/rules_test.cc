// What the commands mean, rule by rule. FETCH and SEARCH have files of their own.
#include <gtest/gtest.h>

#include "imap/command.h"

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

template <class T>
T as(std::string_view text) {
  auto result = read(text);
  if (!result) {
    ADD_FAILURE() << text << ": " << answer(result.error());
    return {};
  }
  if (const T* command = std::get_if<T>(&result->command)) return *command;
  ADD_FAILURE() << text << " is another command";
  return {};
}

std::string refused(std::string_view text, State state = State::Selected) {
  const auto result = parse(text, in_state(state));
  return result ? "understood" : answer(result.error());
}

TEST(ImapLogin, NameAndPasswordComeInAnyForm) {
  EXPECT_EQ(as<Login>("a LOGIN user pass").user, "user");
  EXPECT_EQ(as<Login>("a LOGIN \"a\\\"b\\\\c\" {3}\r\na\r\n").user, "a\"b\\c");
  EXPECT_EQ(as<Login>("a LOGIN \"a\\\"b\\\\c\" {3}\r\na\r\n").password, "a\r\n");
  EXPECT_EQ(as<Login>("a LOGIN {0}\r\n {0+}\r\n").password, "");
  EXPECT_EQ(as<Login>("a LOGIN a]b NIL").user, "a]b");
  EXPECT_EQ(as<Login>("a LOGIN a]b NIL").password, "NIL");
}

TEST(ImapAuthenticate, TheInitialResponseIsHandedOnAsSent) {  // RFC 4959 §3
  EXPECT_EQ(as<Authenticate>("a AUTHENTICATE plain").mechanism, "PLAIN");
  EXPECT_FALSE(as<Authenticate>("a AUTHENTICATE plain").initial_response);
  EXPECT_EQ(as<Authenticate>("a AUTHENTICATE EXTERNAL =").initial_response, "=");
  EXPECT_EQ(as<Authenticate>("a AUTHENTICATE PLAIN dGVzdA==").initial_response, "dGVzdA==");
  EXPECT_EQ(as<Authenticate>("a AUTHENTICATE \"plain\" {4+}\r\ndGVz").initial_response, "dGVz");
  EXPECT_EQ(as<Authenticate>("a AUTHENTICATE KERBEROS_V4 extra").initial_response, "extra")
      << "an unknown mechanism gets NO, whatever follows it";
}

TEST(ImapId, ListsWithCommasAndBareVersionsAreRead) {
  EXPECT_EQ(as<Id>("a ID NIL").fields.size(), 0u);
  EXPECT_EQ(as<Id>("a ID ()").fields.size(), 0u);
  const auto id = as<Id>("a ID (\"name\", \"x\", \"version\" 102.7.1 \"os\" NIL)");
  ASSERT_EQ(id.fields.size(), 3u);
  EXPECT_EQ(id.fields[1].second, "102.7.1");
  EXPECT_FALSE(id.fields[2].second);
}

TEST(ImapId, ItsLimitsAreThoseOfTheRfc) {  // RFC 2971 §3.3
  std::string many = "a ID (";
  for (int i = 0; i < 31; ++i) many += (i ? " \"k\" \"v\"" : "\"k\" \"v\"");
  EXPECT_EQ(refused(many + ")"), "a BAD [LIMIT] Too many items in one command\r\n");
  EXPECT_FALSE(read("a ID (\"" + std::string(31, 'n') + "\" \"v\")"));
  EXPECT_TRUE(read("a ID (\"" + std::string(30, 'n') + "\" \"" + std::string(1'024, 'v') + "\")"));
  EXPECT_FALSE(read("a ID (\"n\" \"" + std::string(1'025, 'v') + "\")"));
}

TEST(ImapSelect, ItsParametersAreKnown) {
  EXPECT_TRUE(as<Select>("a EXAMINE x").read_only);
  EXPECT_TRUE(as<Select>("a SELECT x (CONDSTORE)").condstore);
  const auto select = as<Select>("a SELECT inbox (CONDSTORE QRESYNC (7 9 1:4 (1,3 5,9)))");
  EXPECT_EQ(select.mailbox.text(), "INBOX");
  ASSERT_TRUE(select.qresync);
  EXPECT_EQ(select.qresync->uid_validity, UidValidity{7});
  EXPECT_EQ(select.qresync->mod_seq, ModSeq{9});
  EXPECT_EQ(select.qresync->known_uids->text(), "1:4");
  EXPECT_EQ(select.qresync->match_numbers.text(), "1,3");
  EXPECT_EQ(select.qresync->match_uids.text(), "5,9");
  const auto without_known = as<Select>("a SELECT x (QRESYNC (7 9 (1 5)))");
  ASSERT_TRUE(without_known.qresync);
  EXPECT_FALSE(without_known.qresync->known_uids);
  EXPECT_EQ(without_known.qresync->match_uids.text(), "5");
  for (const char* text :
       {"a SELECT x ()", "a SELECT x (ANNOTATE)", "a SELECT x (QRESYNC)", "a SELECT x (QRESYNC (0 9))",
        "a SELECT x (QRESYNC (7 0))", "a SELECT x (QRESYNC (7 9 1:*))", "a SELECT x (QRESYNC (7 9 $))",
        "a SELECT x (QRESYNC (7 9 1 ))", "a SELECT x (QRESYNC (7 9 ))",
        "a SELECT x (QRESYNC (7 9) QRESYNC (7 9))", "a SELECT x (QRESYNC (7 9223372036854775808))"})
    EXPECT_FALSE(read(text)) << text;
}

TEST(ImapCreate, SpecialUsesAreKeptAsWritten) {
  EXPECT_EQ(as<Create>("a CREATE x").special_use.size(), 0u);
  EXPECT_EQ(as<Create>("a CREATE x (USE (\\Sent \\archive))").special_use,
            (std::vector<std::string>{"\\Sent", "\\archive"}));
  EXPECT_FALSE(read("a CREATE x (USE \\Sent)"));
  EXPECT_FALSE(read("a CREATE x (USE (Sent))"));
  EXPECT_FALSE(read("a CREATE x (UNKNOWN)"));
}

TEST(ImapMailboxArgument, DependsOnWhatWasEnabled) {
  Dialect dialect = in_state(State::Selected);
  const auto name = [&](std::string_view text) {
    const auto result = parse(text, dialect);
    return result ? std::get<Delete>(result->command).mailbox.text() : answer(result.error());
  };
  EXPECT_EQ(name("a DELETE &U,BTFw-"), "台北");
  EXPECT_EQ(name("a DELETE \"台北\""), "台北");
  EXPECT_EQ(name("a DELETE {6}\r\n台北"), "台北");
  EXPECT_EQ(name("a DELETE &bad"), "a NO [CANNOT] No mailbox can have this name\r\n");
  EXPECT_EQ(name("a DELETE \"a\tb\""), "a NO [CANNOT] No mailbox can have this name\r\n");
  EXPECT_EQ(name("a DELETE \"\xff\""), "a BAD A quoted string is not valid UTF-8\r\n");
  EXPECT_EQ(name("a DELETE {1}\r\n\xff"), "a NO [CANNOT] No mailbox can have this name\r\n");
  EXPECT_EQ(name("a DELETE 台北"), "a BAD Expected a mailbox name at octet 10\r\n") << "an atom is ASCII";
  dialect.utf8_names = true;
  EXPECT_EQ(name("a DELETE &U,BTFw-"), "&U,BTFw-");
  EXPECT_EQ(name("a DELETE \"台北\""), "台北");
}

TEST(ImapStatus, ItemsAreASet) {
  const auto status = as<Status>("a STATUS x (MESSAGES RECENT UIDNEXT MESSAGES)");
  EXPECT_EQ(status.items, static_cast<unsigned>(StatusItem::Messages) |
                              static_cast<unsigned>(StatusItem::Recent) |
                              static_cast<unsigned>(StatusItem::UidNext));
  EXPECT_FALSE(read("a STATUS x ()"));
  EXPECT_FALSE(read("a STATUS x MESSAGES"));
  EXPECT_FALSE(read("a STATUS x (MESSAGE)"));
}

TEST(ImapList, OptionsMakeItExtended) {
  EXPECT_FALSE(as<List>("a LIST \"\" *").extended);
  EXPECT_TRUE(as<List>("a LIST () \"\" *").extended);
  EXPECT_TRUE(as<List>("a LIST \"\" (*)").extended);
  EXPECT_TRUE(as<List>("a LIST \"\" * RETURN ()").extended);
  const auto list = as<List>(
      "a LIST (SUBSCRIBED RECURSIVEMATCH SPECIAL-USE) Other (a% \"b*\") RETURN (CHILDREN STATUS (MESSAGES) "
      "MYRIGHTS)");
  EXPECT_EQ(list.selection, 1 | 4 | 8);
  EXPECT_EQ(list.returns, 2 | 4 | 16);
  EXPECT_EQ(list.status, 1);
  EXPECT_EQ(list.reference, "Other");
  EXPECT_EQ(list.patterns, (std::vector<std::string>{"a%", "b*"}));
  EXPECT_EQ(as<List>("a LIST \"\" NIL").patterns, std::vector<std::string>{"NIL"});
}

TEST(ImapList, RecursiveMatchNeedsSubscribed) {  // RFC 5258 §3.1
  EXPECT_FALSE(read("a LIST (RECURSIVEMATCH) \"\" *"));
  EXPECT_FALSE(read("a LIST (REMOTE RECURSIVEMATCH) \"\" *"));
  EXPECT_FALSE(read("a LIST (UNKNOWN) \"\" *"));
  EXPECT_FALSE(read("a LIST \"\" ()"));
  EXPECT_FALSE(read("a LIST \"\" * RETURN (STATUS)"));
}

TEST(ImapList, APatternThatNoNameCanMatchIsLeftOut) {
  EXPECT_EQ(as<List>("a LIST \"\" (&bad% &U,BTFw-/%)").patterns, std::vector<std::string>{"台北/%"});
  EXPECT_TRUE(as<List>("a LIST &bad *").patterns.empty());
  EXPECT_EQ(as<Lsub>("a LSUB \"\" &-*").patterns, std::vector<std::string>{"&*"});
  EXPECT_EQ(as<List>("a LIST \"\" \"\"").patterns, std::vector<std::string>{""}) << "asks for the delimiter";
}

TEST(ImapStore, FlagsAndKeywordsAreSets) {
  const auto store = as<Store>("a UID STORE 1,2 -FLAGS.SILENT (\\seen $Junk \\SEEN $junk NIL)");
  EXPECT_TRUE(store.uid);
  EXPECT_TRUE(store.silent);
  EXPECT_EQ(store.change, Store::Change::Remove);
  EXPECT_EQ(store.flags.system, static_cast<unsigned>(SystemFlag::Seen));
  EXPECT_EQ(store.flags.keywords, (std::vector<std::string>{"$Junk", "NIL"}));
  EXPECT_EQ(as<Store>("a STORE 1 FLAGS ()").flags, Flags{});
  EXPECT_EQ(as<Store>("a STORE 1 FLAGS ()").change, Store::Change::Replace);
  EXPECT_EQ(as<Store>("a STORE 1 (UNCHANGEDSINCE 5) +FLAGS x").unchanged_since, ModSeq{5});
  EXPECT_EQ(as<Store>("a STORE 1 +FLAGS (\\Recent)").flags, Flags{})
      << "nobody can alter it (RFC 3501 §2.3.2)";
  for (const char* text :
       {"a STORE 1 FLAGS (\\Unknown)", "a STORE 1 FLAGS", "a STORE 1 FLAG (x)", "a STORE 1 FLAGS.LOUD (x)",
        "a STORE 0 FLAGS (x)", "a STORE 1 FLAGS (x y", "a STORE 1 FLAGS (a\"b)", "a STORE 1 FLAGS (\\*)",
        "a STORE 1 (UNCHANGEDSINCE) FLAGS (x)"})
    EXPECT_FALSE(read(text)) << text;
}

TEST(ImapExpunge, OnlyTheUidFormNamesMessages) {
  EXPECT_FALSE(as<Expunge>("a EXPUNGE").uids);
  EXPECT_EQ(as<Expunge>("a UID EXPUNGE 3:5").uids->text(), "3:5");
  EXPECT_FALSE(read("a EXPUNGE 3:5"));
  EXPECT_FALSE(read("a UID EXPUNGE"));
}

TEST(ImapAcl, RightsAreReplacedAddedOrRemoved) {
  EXPECT_EQ(as<SetAcl>("a SETACL x -bob lrs").identifier, "-bob");
  EXPECT_EQ(as<SetAcl>("a SETACL x bob lrs").change, RightsChange::Replace);
  EXPECT_EQ(as<SetAcl>("a SETACL x bob +w").change, RightsChange::Add);
  EXPECT_EQ(as<SetAcl>("a SETACL x bob -w").change, RightsChange::Remove);
  EXPECT_EQ(as<SetAcl>("a SETACL x bob -w").rights, "w");
  EXPECT_EQ(as<SetAcl>("a SETACL x bob \"\"").rights, "");
  EXPECT_EQ(refused("A035 SETACL INBOX/Drafts John lrQswicda"),
            "A035 BAD Expected rights in lower-case letters at octet 31\r\n");  // RFC 4314 §3.1
  EXPECT_FALSE(read("a SETACL x \"\" l"));
}

TEST(ImapQuota, LimitsAreNumbersOf63Bits) {
  const auto set = as<SetQuota>("a SETQUOTA \"\" (storage 512 MESSAGE 9223372036854775807)");
  ASSERT_EQ(set.limits.size(), 2u);
  EXPECT_EQ(set.limits[0].first, "STORAGE");
  EXPECT_EQ(set.limits[1].second, static_cast<std::uint64_t>(INT64_MAX));
  EXPECT_TRUE(as<SetQuota>("a SETQUOTA x ()").limits.empty());
  EXPECT_FALSE(read("a SETQUOTA x (STORAGE 9223372036854775808)"));
  EXPECT_FALSE(read("a SETQUOTA x (STORAGE -1)"));
}

TEST(ImapMetadata, EntriesAreCheckedAndHaveNoCase) {  // RFC 5464 §3.2
  EXPECT_EQ(as<GetMetadata>("a GETMETADATA x /Private/Comment").entries,
            std::vector<std::string>{"/private/comment"});
  const auto get = as<GetMetadata>("a GETMETADATA x (MAXSIZE 10 DEPTH infinity) (/shared /private/a)");
  EXPECT_EQ(get.max_size, 10u);
  EXPECT_EQ(get.depth, GetMetadata::Depth::Infinity);
  for (const char* text : {"a GETMETADATA x private/comment",
                           "a GETMETADATA x /other/comment",
                           "a GETMETADATA x /private//comment",
                           "a GETMETADATA x /private/comment/",
                           "a GETMETADATA x \"/private/com*ment\"",
                           "a GETMETADATA x /privateer/x",
                           "a GETMETADATA x ()",
                           "a GETMETADATA x",
                           "a GETMETADATA (/private/comment)",
                           "a GETMETADATA x (DEPTH 2) /private/a",
                           "a GETMETADATA x (DEPTH -1) (/private/comment)",
                           "a GETMETADATA x (/private/comment) (DEPTH 1)",
                           "a SETMETADATA x (/private \"v\")",
                           "a SETMETADATA x (/private/vendor \"v\")",
                           "a SETMETADATA x (/private/vendor/token \"v\")",
                           "a SETMETADATA x ()",
                           "a SETMETADATA x (/private/comment )",
                           "a SETMETADATA x (/private/comment v)",
                           "a SETMETADATA x /private/comment \"v\")",
                           "a SETMETADATA x (/private/comment \"v\"",
                           "a SETMETADATA x (/private/comment PP\")",
                           "a SETMETADATA x (/private/comment My new comment)",
                           "a SETMETADATA x (/pri*vate/comment \"v\")"})
    EXPECT_FALSE(read(text)) << text;
}

TEST(ImapMetadata, AValueMayBeBinary) {
  using namespace std::string_literals;
  const auto set =
      as<SetMetadata>("a SETMETADATA \"\" (/shared/comment ~{3}\r\na\0b /private/vendor/x/y NIL)"s);
  ASSERT_EQ(set.values.size(), 2u);
  EXPECT_EQ(set.values[0].second, "a\0b"s);
  EXPECT_FALSE(set.values[1].second);
  EXPECT_FALSE(read("a SETMETADATA \"\" (/shared/comment {3}\r\na\0b)"s)) << "a plain literal has no NUL";
}

}  // namespace
}  // namespace postroad::imap
