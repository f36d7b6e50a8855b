#include "imap/search.h"

#include <gtest/gtest.h>

#include "imap/command.h"

namespace postroad::imap {
namespace {

using namespace std::string_literals;
constexpr Dialect dialect{.state = State::Selected, .limits = after_login};

std::string refused(std::string_view text) {
  const auto result = parse(text, dialect);
  return result ? "understood" : answer(result.error());
}

Search search(std::string_view arguments) {
  const auto result = parse("a SEARCH " + std::string(arguments), dialect);
  if (result) return std::get<Search>(result->command);
  ADD_FAILURE() << arguments << ": " << answer(result.error());
  return {};
}

// As it is printed again; and what is printed means the same.
std::string printed(std::string_view arguments) {
  const auto program = search(arguments).program;
  std::string out;
  append_search_keys(out, program);
  EXPECT_EQ(search(out).program, program) << out;
  return out;
}

TEST(ImapSearch, EveryKeyIsReadAndWrittenAgain) {
  for (const char* key : {"ALL",
                          "ANSWERED",
                          "UNANSWERED",
                          "DELETED",
                          "UNDELETED",
                          "DRAFT",
                          "UNDRAFT",
                          "FLAGGED",
                          "UNFLAGGED",
                          "SEEN",
                          "UNSEEN",
                          "NEW",
                          "OLD",
                          "RECENT",
                          "KEYWORD $Junk",
                          "UNKEYWORD $Junk",
                          "BCC x",
                          "CC x",
                          "FROM x",
                          "TO x",
                          "SUBJECT \"a b\"",
                          "BODY x",
                          "TEXT x",
                          "HEADER Message-Id <1@x>",
                          "HEADER X-Y \"\"",
                          "BEFORE 1-Feb-1994",
                          "ON 28-Feb-2023",
                          "SINCE 29-Feb-2024",
                          "SENTBEFORE 1-Feb-1994",
                          "SENTON 1-Feb-1994",
                          "SENTSINCE 1-Feb-1994",
                          "SAVEDBEFORE 1-Feb-1994",
                          "SAVEDON 1-Feb-1994",
                          "SAVEDSINCE 1-Feb-1994",
                          "SAVEDATESUPPORTED",
                          "LARGER 5",
                          "SMALLER 9223372036854775807",
                          "OLDER 60",
                          "YOUNGER 60",
                          "MODSEQ 0",
                          "MODSEQ 620162338",
                          "MODSEQ \"/flags/\\\\draft\" all 620162338",
                          "EMAILID M6d99ac3275bb4e",
                          "THREADID T64b478a75b7ea9",
                          "UID 1:5,9",
                          "1:5,9:*",
                          "$",
                          "NOT SEEN",
                          "FUZZY SUBJECT x",
                          "OR SEEN DRAFT",
                          "(SEEN DRAFT)",
                          "SEEN DRAFT ALL",
                          "NOT (SEEN OR DRAFT (FROM a TO b))"})
    EXPECT_EQ(printed(key), key);
  EXPECT_EQ(printed("text {5}\r\na\r\nb\""), "TEXT {5}\r\na\r\nb\"");
  EXPECT_EQ(printed("since \"1-Feb-1994\" from NIL"), "SINCE 1-Feb-1994 FROM \"NIL\"");
}

TEST(ImapSearch, TheTreeIsFlatAndKnowsItsExtents) {
  const auto keys = search("NOT SEEN OR FROM a (TO b CC c) ALL").program.keys;
  ASSERT_EQ(keys.size(), 9u);
  EXPECT_EQ(keys[0].op, SearchOp::And);
  EXPECT_EQ(keys[0].operands, 3u);
  EXPECT_EQ(keys[0].extent, 9u);
  EXPECT_EQ(keys[1].op, SearchOp::Not);
  EXPECT_EQ(keys[1].extent, 2u);
  EXPECT_EQ(keys[2].op, SearchOp::Flag);
  EXPECT_EQ(keys[2].flag, SystemFlag::Seen);
  EXPECT_EQ(keys[3].op, SearchOp::Or);
  EXPECT_EQ(keys[3].extent, 5u);
  EXPECT_EQ(keys[5].op, SearchOp::And);
  EXPECT_EQ(keys[5].extent, 3u);
  EXPECT_EQ(keys[8].op, SearchOp::All);
}

TEST(ImapSearch, ArgumentsAreFoundThroughTheirKey) {
  const auto program = search("1:5 HEADER X-Y z MODSEQ \"/flags/\\\\seen\" shared 7 UID 9 FROM me").program;
  EXPECT_EQ(program.set(program.keys[1]).text(), "1:5");
  EXPECT_EQ(program.name(program.keys[2]), "X-Y");
  EXPECT_EQ(program.text(program.keys[2]), "z");
  EXPECT_EQ(program.name(program.keys[3]), "/flags/\\seen");
  EXPECT_EQ(program.text(program.keys[3]), "shared");
  EXPECT_EQ(program.keys[3].number, 7u);
  EXPECT_EQ(program.set(program.keys[4]).text(), "9");
  EXPECT_EQ(program.text(program.keys[5]), "me");
  static_assert(sizeof(SearchKey) == 32);
}

TEST(ImapSearch, AChainOfOrsIsOneAlternativeAndNotDeep) {
  std::string chain;
  for (int i = 0; i < 900; ++i) chain += "OR HEADER Message-Id <" + std::to_string(i) + "@x> ";
  const auto keys = search(chain + "ALL").program.keys;
  ASSERT_EQ(keys.size(), 903u);
  EXPECT_EQ(keys[1].op, SearchOp::Or);
  EXPECT_EQ(keys[1].operands, 901u);
  EXPECT_EQ(printed("OR SEEN OR DRAFT OR NEW OLD"), "OR SEEN OR DRAFT OR NEW OLD");
  EXPECT_EQ(printed("OR OR SEEN DRAFT NEW"), "OR OR SEEN DRAFT NEW") << "on the left side it is another one";
}

TEST(ImapSearch, DepthAndNumberOfKeysAreBounded) {  // attack 77
  const auto nested = [](int levels, std::string_view word, std::string_view end) {
    std::string text = "a SEARCH ";
    for (int i = 0; i < levels; ++i) text += word;
    text += "ALL";
    for (int i = 0; i < levels; ++i) text += end;
    return text;
  };
  EXPECT_TRUE(parse(nested(49, "(", ")"), dialect));
  EXPECT_EQ(refused(nested(50, "(", ")")), "a BAD [LIMIT] Nested too deeply\r\n");
  EXPECT_TRUE(parse(nested(49, "NOT ", ""), dialect));
  EXPECT_EQ(refused(nested(10'000, "NOT ", "")), "a BAD [LIMIT] Nested too deeply\r\n");
  EXPECT_EQ(refused(nested(10'000, "OR ", " ALL")), "a BAD [LIMIT] Nested too deeply\r\n");
  EXPECT_EQ(refused(nested(10'000, "FUZZY ", "")), "a BAD [LIMIT] Nested too deeply\r\n");
  EXPECT_EQ(refused(nested(10'000, "ALL ", "")), "a BAD [LIMIT] Too many items in one command\r\n");
  EXPECT_EQ(refused(nested(10'000, "OR ALL ", "")), "a BAD [LIMIT] Too many items in one command\r\n");
  EXPECT_TRUE(parse(nested(999, "ALL ", ""), dialect));
}

TEST(ImapSearch, RangesOfAllSetsAreCountedTogether) {  // attack 77
  std::string set = "1";
  for (int n = 3; n < 60'000; n += 2) set += "," + std::to_string(n);
  EXPECT_TRUE(parse("a SEARCH " + set + " " + set, dialect));
  EXPECT_EQ(refused("a SEARCH " + set + " " + set + " " + set),
            "a BAD [LIMIT] Too many items in one command\r\n");
}

TEST(ImapSearch, ReturnOptionsAreASetAndNoneIsAll) {  // RFC 4731 §3.1
  EXPECT_FALSE(search("ALL").returns);
  EXPECT_TRUE(search("RETURN () ALL").wants(SearchReturn::All));
  const auto several = search("RETURN (MIN max COUNT SAVE) ALL");
  EXPECT_TRUE(several.wants(SearchReturn::Min) && several.wants(SearchReturn::Max) &&
              several.wants(SearchReturn::Count) && several.wants(SearchReturn::Save));
  EXPECT_FALSE(several.wants(SearchReturn::All));
  EXPECT_FALSE(parse("a SEARCH RETURN (PARTIAL 1:-100) ALL", dialect));
  EXPECT_FALSE(parse("a SEARCH RETURN (MIN MAX)", dialect));
  EXPECT_FALSE(parse("a SEARCH RETURN MIN ALL", dialect));
}

TEST(ImapSearch, ACharsetMayBeNamedUnlessUtf8WasAgreedOn) {
  EXPECT_EQ(search("ALL").program.charset, "");
  EXPECT_EQ(search("CHARSET \"koi8-r\" TEXT x").program.charset, "koi8-r");
  EXPECT_EQ(search("RETURN (SAVE) CHARSET UTF-8 TEXT {2}\r\n\xff\xfe").program.texts[0], "\xff\xfe")
      << "what a literal means is told by its charset, and judged by who searches";
  Dialect utf8 = dialect;
  utf8.utf8_accept = true;
  const auto result = parse("a SEARCH CHARSET UTF-8 ALL", utf8);  // RFC 6855 §3
  ASSERT_FALSE(result);
  EXPECT_EQ(answer(result.error()), "a BAD Expected no charset, since everything is UTF-8 at octet 10\r\n");
}

TEST(ImapSearch, WhatIsNoKeyIsRefused) {
  for (const char* text : {"",
                           "FROM",
                           "FROM ",
                           "HEADER X",
                           "OR SEEN",
                           "NOT",
                           "()",
                           "(ALL",
                           "ALL)",

                           "BEFORE 1-Foo-2000",
                           "BEFORE 30-Feb-2000",
                           "BEFORE \"1-Feb-2000",
                           "LARGER x",
                           "LARGER 9223372036854775808",
                           "OLDER 0",
                           "YOUNGER -1",
                           "0",
                           "1:0",
                           "UID x",
                           "KEYWORD \\Seen",
                           "KEYWORD (x)",
                           "EMAILID \"a b\"",
                           "MODSEQ \"/flags/\\\\seen\" some 5",
                           "MODSEQ x",
                           "MODSEQ \"/other/x\" all 5",
                           "MODSEQ \"/flags/\" all 5",
                           "MODSEQ \"/flags/a\x1c\" all 5",
                           "SEENX",
                           "UNRECENT",
                           "CHARSET UTF-8",
                           "RETURN (ALL) ALL SEEN)",
                           "FROM \"a\xff\""})
    EXPECT_FALSE(parse("a SEARCH " + std::string(text), dialect)) << text;
  EXPECT_FALSE(parse("a SEARCH EMAILID " + std::string(256, 'x'), dialect));
  EXPECT_TRUE(parse("a SEARCH EMAILID " + std::string(255, 'x'), dialect));
}

TEST(ImapSort, CriteriaKeepTheirOrderAndDirection) {
  const auto result =
      parse("a UID SORT RETURN (MIN) (REVERSE DATE SUBJECT REVERSE displayfrom) UTF-8 UNSEEN", dialect);
  ASSERT_TRUE(result);
  const auto& sort = std::get<Sort>(result->command);
  EXPECT_TRUE(sort.uid);
  EXPECT_EQ(sort.criteria,
            (std::vector<SortCriterion>{
                {SortKey::Date, true}, {SortKey::Subject, false}, {SortKey::DisplayFrom, true}}));
  EXPECT_EQ(sort.program.charset, "UTF-8");
  EXPECT_EQ(sort.program.keys[0].operands, 1u);
  for (const char* wrong :
       {"a SORT () UTF-8 ALL", "a SORT (REVERSE) UTF-8 ALL", "a SORT (DATE) ALL", "a SORT (COLOUR) UTF-8 ALL",
        "a SORT DATE UTF-8 ALL", "a SORT (REVERSE REVERSE DATE) UTF-8 ALL"})
    EXPECT_FALSE(parse(wrong, dialect)) << wrong;
}

TEST(ImapThreadCommand, KnowsTwoAlgorithms) {
  const auto result = parse("a THREAD orderedsubject us-ascii since 5-MAR-2000", dialect);
  ASSERT_TRUE(result);
  EXPECT_EQ(std::get<Thread>(result->command).algorithm, ThreadAlgorithm::OrderedSubject);
  EXPECT_FALSE(parse("a THREAD REFS UTF-8 ALL", dialect));
}

}  // namespace
}  // namespace postroad::imap
