#include "imap/fetch.h"

#include <gtest/gtest.h>

#include "imap/command.h"
#include "imap/render.h"

namespace postroad::imap {
namespace {

constexpr Dialect dialect{.state = State::Selected, .limits = after_login};

std::string refused(std::string_view text) {
  const auto result = parse(text, dialect);
  return result ? "understood" : answer(result.error());
}

Fetch fetch(std::string_view arguments, bool uid = false) {
  const auto result = parse((uid ? "a UID FETCH " : "a FETCH ") + std::string(arguments), dialect);
  if (result) return std::get<Fetch>(result->command);
  ADD_FAILURE() << arguments << ": " << answer(result.error());
  return {};
}

// The name under which the only body asked for would be answered.
std::string name_of(std::string_view attribute) {
  const auto command = fetch("1 " + std::string(attribute));
  std::string out;
  EXPECT_EQ(command.bodies.size(), 1u) << attribute;
  if (command.bodies.size() == 1) append_item_name(out, command.bodies[0]);
  return out;
}

TEST(ImapFetchCommand, MacrosStandForTheirItems) {  // RFC 9051 §6.4.5
  using enum FetchItem;
  const auto bits = [](std::initializer_list<FetchItem> items) {
    std::uint32_t sum = 0;
    for (const auto item : items) sum |= static_cast<std::uint32_t>(item);
    return sum;
  };
  EXPECT_EQ(fetch("1 FAST").items, bits({Flags, InternalDate, Rfc822Size}));
  EXPECT_EQ(fetch("1 all").items, bits({Flags, InternalDate, Rfc822Size, Envelope}));
  EXPECT_EQ(fetch("1 FULL").items, bits({Flags, InternalDate, Rfc822Size, Envelope, Body}));
  EXPECT_EQ(fetch("1 (BODY BODYSTRUCTURE UID)").items, bits({Body, BodyStructure, Uid}));
  EXPECT_FALSE(parse("a FETCH 1 (ALL)", dialect)) << "a macro stands alone";
  EXPECT_FALSE(parse("a FETCH 1 ALL FLAGS", dialect));
}

TEST(ImapFetchCommand, UidFetchAlwaysAsksForTheUid) {
  EXPECT_TRUE(fetch("1:* FLAGS", true).wants(FetchItem::Uid));
  EXPECT_FALSE(fetch("1:* FLAGS").wants(FetchItem::Uid));
}

TEST(ImapFetchCommand, SectionsAreReadAndNamedAgain) {
  for (const char* section :
       {"BODY[]", "BODY[HEADER]", "BODY[TEXT]", "BODY[1]", "BODY[1.2.3]", "BODY[1.MIME]", "BODY[4.2.HEADER]",
        "BODY[4.TEXT]", "BODY[HEADER.FIELDS (DATE FROM)]", "BODY[3.HEADER.FIELDS.NOT (Subject)]", "BINARY[]",
        "BINARY[1.2]", "BINARY.SIZE[1]", "RFC822", "RFC822.HEADER", "RFC822.TEXT"})
    EXPECT_EQ(name_of(section), section);
  EXPECT_EQ(name_of("body.peek[header]"), "BODY[HEADER]");
  EXPECT_EQ(name_of("BODY[TEXT]<5.10>"), "BODY[TEXT]<5>");
  EXPECT_EQ(name_of("BODY[HEADER.FIELDS ({3}\r\nX-Y \"a b\")]"), "BODY[HEADER.FIELDS (X-Y \"a b\")]");
}

TEST(ImapFetchCommand, PeekAndItsOldNamesDoNotSetSeen) {
  EXPECT_FALSE(fetch("1 BODY[]").bodies[0].peek);
  EXPECT_TRUE(fetch("1 BODY.PEEK[]").bodies[0].peek);
  EXPECT_FALSE(fetch("1 BINARY[1]").bodies[0].peek);
  EXPECT_TRUE(fetch("1 BINARY.PEEK[1]").bodies[0].peek);
  EXPECT_TRUE(fetch("1 BINARY.SIZE[1]").bodies[0].peek);
  EXPECT_FALSE(fetch("1 RFC822").bodies[0].peek);
  EXPECT_TRUE(fetch("1 RFC822.HEADER").bodies[0].peek);
  EXPECT_FALSE(fetch("1 RFC822.TEXT").bodies[0].peek);
}

TEST(ImapFetchCommand, PartialsAreNumbersOf63BitsAndNotEmpty) {
  const auto partial = fetch("1 BODY[]<4294967295.4294967295>").bodies[0].partial;
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->offset, 4'294'967'295u);
  EXPECT_EQ(partial->count, 4'294'967'295u);
  for (const char* wrong : {"<0.0>", "<5>", "<.5>", "<5.>", "<-1.5>", "<0.9223372036854775808>",
                            "<9223372036854775808.1>", "<99999999999999999999.1>", "<0.1", "<0,1>"})
    EXPECT_FALSE(parse("a FETCH 1 BODY[]" + std::string(wrong), dialect)) << wrong;
}

TEST(ImapFetchCommand, WrongSectionsAreRefused) {
  for (const char* wrong : {"BODY[",
                            "BODY[]]",
                            "BODY[]<0.01>",
                            "BODY[0]",
                            "BODY[1.]",
                            "BODY[.1]",
                            "BODY[1..2]",
                            "BODY[01]",
                            "BODY[MIME]",
                            "BODY[HEADER.FIELDS]",
                            "BODY[HEADER.FIELDS ()]",
                            "BODY[HEADER (DATE)]",
                            "BODY[1 .TEXT]",
                            "BODY[TEXT.1]",
                            "BODY.PEEK",
                            "BINARY",
                            "BINARY[TEXT]",
                            "BINARY[1.TEXT]",
                            "BINARY.SIZE[1]<0.1>",
                            "BODYSTRUCTURE[1]",
                            "RFC822[1]",
                            "RFC822.PEEK",
                            "BODY[HEADER.FIELDS (\"a\tb\")]",
                            "FLAGS FLAGS",
                            "()",

                            "(FLAGS,UID)",

                            "(FLAGS"})
    EXPECT_FALSE(parse("a FETCH 1 " + std::string(wrong), dialect)) << wrong;
}

TEST(ImapFetchCommand, PartsGoAHundredLevelsDeep) {  // attack 79
  std::string part = "1";
  for (int i = 1; i < 100; ++i) part += ".1";
  EXPECT_EQ(fetch("1 BODY[" + part + "]").bodies[0].section.part.size(), 100u);
  EXPECT_EQ(refused("a FETCH 1 BODY[" + part + ".1]"), "a BAD [LIMIT] Nested too deeply\r\n");
}

TEST(ImapFetchCommand, AThousandAttributesAreTheMost) {  // attack 79
  const auto with = [](int count) {
    std::string text = "a FETCH 1 (BODY[]";
    for (int i = 1; i < count; ++i) text += " BODY[]";
    return text + ")";
  };
  EXPECT_TRUE(parse(with(1'000), dialect));
  EXPECT_EQ(refused(with(1'001)), "a BAD [LIMIT] Too many items in one command\r\n");
}

TEST(ImapFetchCommand, LazyPreviewsAreToldFromModifiers) {
  EXPECT_TRUE(fetch("1 PREVIEW").wants(FetchItem::Preview));
  EXPECT_FALSE(fetch("1 PREVIEW").wants(FetchItem::PreviewLazy));
  EXPECT_TRUE(fetch("1 PREVIEW (LAZY)").wants(FetchItem::PreviewLazy));
  EXPECT_TRUE(fetch("1 (UID PREVIEW (LAZY) FLAGS)").wants(FetchItem::PreviewLazy));
  const auto changed = fetch("1 PREVIEW (CHANGEDSINCE 5)");
  EXPECT_EQ(changed.changed_since, 5u);
  EXPECT_FALSE(changed.wants(FetchItem::PreviewLazy));
  EXPECT_EQ(fetch("1 PREVIEW (LAZY) (CHANGEDSINCE 5)").changed_since, 5u);
  EXPECT_FALSE(parse("a FETCH 1 PREVIEW (EAGER)", dialect));
}

TEST(ImapFetchCommand, ChangedSinceImpliesModSeqAndVanishedNeedsBothUidAndIt) {  // RFC 7162 §3.1.4.1, §3.2.6
  EXPECT_TRUE(fetch("1 FLAGS (CHANGEDSINCE 5)").wants(FetchItem::ModSeq));
  EXPECT_TRUE(fetch("1:* FLAGS (VANISHED CHANGEDSINCE 5)", true).vanished);
  EXPECT_FALSE(parse("a FETCH 1 FLAGS (CHANGEDSINCE 5 VANISHED)", dialect));
  EXPECT_FALSE(parse("a UID FETCH 1 FLAGS (VANISHED)", dialect));
  EXPECT_FALSE(parse("a FETCH 1 FLAGS (UNKNOWN)", dialect));
  EXPECT_FALSE(parse("a FETCH 1 FLAGS ()", dialect));
  EXPECT_FALSE(parse("a FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)", dialect));
}

TEST(ImapFetchCommand, SavedResultsAndLongSetsAreKept) {
  EXPECT_TRUE(fetch("$ FLAGS").set.saved_result());
  std::string set = "1";
  for (int uid = 3; uid < 20'000; uid += 2) set += "," + std::to_string(uid);
  EXPECT_EQ(fetch(set + " FLAGS", true).set.ranges().size(), 10'000u);
}

}  // namespace
}  // namespace postroad::imap
