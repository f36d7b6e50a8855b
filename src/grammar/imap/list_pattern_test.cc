#include "imap/list_pattern.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>

namespace postroad::imap {
namespace {

PatternMatch match(std::string_view pattern, std::string_view name) {
  return ListPattern(pattern, '/').match(name);
}
bool matches(std::string_view pattern, std::string_view name) {
  return match(pattern, name) == PatternMatch::Yes;
}

TEST(ListPattern, TheStarCrossesLevelsAndThePercentDoesNot) {
  EXPECT_TRUE(matches("*", "a/b/c"));
  EXPECT_TRUE(matches("%", "a"));
  EXPECT_FALSE(matches("%", "a/b"));
  EXPECT_TRUE(matches("%/%", "a/b"));
  EXPECT_FALSE(matches("%/%", "a/b/c"));
  EXPECT_TRUE(matches("a/*", "a/b/c"));
  EXPECT_FALSE(matches("a/*", "a"));
  EXPECT_TRUE(matches("a*", "a"));
  EXPECT_TRUE(matches("*c", "a/b/c"));
  EXPECT_FALSE(matches("%c", "a/c"));
  EXPECT_TRUE(matches("%%c", "abc"));
  EXPECT_TRUE(matches("*%", "a/b"));
  EXPECT_TRUE(matches("%*", "a/b"));
  EXPECT_TRUE(matches("a%c*e", "abbc/d/e"));
  EXPECT_FALSE(matches("a%c*e", "ab/c/d/e"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("*", ""));
}

TEST(ListPattern, InboxHasNoCaseButOtherNamesHave) {
  EXPECT_TRUE(matches("inbox", "INBOX"));
  EXPECT_TRUE(matches("InB%", "INBOX"));
  EXPECT_TRUE(matches("%box", "INBOX"));
  EXPECT_TRUE(matches("inbox/*", "INBOX/Sub"));
  EXPECT_FALSE(matches("inbox/sub", "INBOX/Sub"));
  EXPECT_FALSE(matches("inboxes", "INBOXES"));
  EXPECT_FALSE(matches("sent", "Sent"));
}

TEST(ListPattern, ANameAboveAMatchIsKnown) {
  EXPECT_EQ(match("a/%", "a"), PatternMatch::Above);
  EXPECT_EQ(match("%/%", "a"), PatternMatch::Above);
  EXPECT_EQ(match("a/b/c", "a"), PatternMatch::Above);
  EXPECT_EQ(match("a/b/c", "a/b"), PatternMatch::Above);
  EXPECT_EQ(match("*c", "a"), PatternMatch::Above);
  EXPECT_EQ(match("a/b/c", "a/x"), PatternMatch::No);
  EXPECT_EQ(match("a/", "a"), PatternMatch::No) << "no mailbox is called \"a/\"";
  EXPECT_EQ(match("b", "a"), PatternMatch::No);
  EXPECT_EQ(match("%", "a/b"), PatternMatch::No);
  EXPECT_EQ(match("ab/c", "a"), PatternMatch::No);
}

TEST(ListPattern, WithoutLevelsBothWildcardsAreTheSame) {
  EXPECT_EQ(ListPattern("%", '\0').match("a/b"), PatternMatch::Yes);
  EXPECT_EQ(ListPattern("a/b", '\0').match("a"), PatternMatch::No);
}

// What the two wildcards mean, written for clarity instead of speed.
bool slowly(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*' || pattern[0] == '%') {
    if (slowly(pattern.substr(1), name)) return true;
    return !name.empty() && (pattern[0] == '*' || name[0] != '/') && slowly(pattern, name.substr(1));
  }
  return !name.empty() && name[0] == pattern[0] && slowly(pattern.substr(1), name.substr(1));
}

TEST(ListPattern, AgreesWithTheDefinition) {
  std::mt19937 random(3);
  const auto word = [&](std::string_view letters, std::size_t most) {
    std::string text;
    for (auto n = random() % (most + 1); n > 0; --n) text.push_back(letters[random() % letters.size()]);
    return text;
  };
  int yes = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string pattern = word("ab/*%", 7);
    const std::string name = word("ab/", 7);
    ASSERT_EQ(matches(pattern, name), slowly(pattern, name)) << pattern << " " << name;
    yes += matches(pattern, name);
  }
  EXPECT_GT(yes, 10'000);
}

TEST(ListPattern, LongPatternsCrossTheBordersOfTheirWords) {
  for (std::size_t length : {1u, 62u, 63u, 64u, 65u, 127u, 128u, 129u, 1'023u, 1'024u}) {
    const std::string name(length, 'x');
    EXPECT_TRUE(matches(name, name)) << length;
    EXPECT_TRUE(matches(name + "*", name)) << length;
    EXPECT_TRUE(matches("%" + name, name)) << length;
    EXPECT_TRUE(matches("*" + name.substr(1), name)) << length;
    EXPECT_FALSE(matches(name, name + "x")) << length;
    EXPECT_FALSE(matches(name, name.substr(1))) << length;
    EXPECT_EQ(match(name.substr(1) + "/*", name.substr(1)), PatternMatch::Above) << length;
  }
  EXPECT_FALSE(matches(std::string(1'025, 'x'), std::string(1'025, 'x'))) << "no name is so long";
  EXPECT_TRUE(matches(std::string(5'000, '*'), "any"));
}

TEST(ListPattern, ManyWildcardsCostNoMoreThanNameTimesPattern) {  // attack 80
  std::string text, name(1'000, 'a');
  for (int i = 0; i < 1'000; ++i) text += "*%a";
  text += "b";
  const ListPattern pattern(text, '/');
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(pattern.match(name), PatternMatch::Above);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10))
      << "a million octets of names";
}

}  // namespace
}  // namespace postroad::imap
