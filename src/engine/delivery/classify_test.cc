#include "delivery/classify.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "delivery/reply_rules.h"

namespace postroad::delivery {
namespace {

Verdict judge(std::uint16_t code, EnhancedStatus status, std::string text, std::string_view provider = "",
              Stage stage = Stage::Rcpt) {
  return ReplyRules::builtin().judge({code, status, std::move(text)}, stage, provider);
}

// Every rule of data/replies.txt gets its own examples, and no earlier rule takes them away.
TEST(ReplyRules, TheFileHasNoFault) {
  const auto rules = ReplyRules::parse(builtin_reply_rules);
  ASSERT_TRUE(rules.has_value()) << "line " << rules.error().line << ": " << rules.error().what;
  for (const RuleFault& fault : rules->lint()) ADD_FAILURE() << "line " << fault.line << ": " << fault.what;
  EXPECT_GE(rules->size(), 100u);
}

TEST(ReplyRules, AFaultSaysWhereAndWhat) {
  const std::vector<std::pair<std::string_view, std::size_t>> faults{
      {"  code 550\n", 1},
      {"a\n", 1},
      {"a\n  class nonsense\n", 2},
      {"a\n  class busy\n  code 5x0\n", 3},
      {"a\n  class busy\n  code 250\n", 3},
      {"a\n  class busy\n  status 5.1\n", 3},
      {"a\n  class busy\n  from mx.google.com\n", 3},
      {"a\n  class busy\n  from com\n", 3},
      {"a\n  class busy\n  at night\n", 3},
      {"a\n  class busy\n  as ever\n", 3},
      {"a\n  class busy\n  text *\n", 3},
      {"a\n  class busy\n  like hello\n", 3},
      {"a\n  class busy\n  colour red\n", 3},
      {"a\n  class busy\na\n", 3},
      {"A\n  class busy\n", 1}};
  for (const auto& [text, line] : faults) {
    const auto rules = ReplyRules::parse(text);
    ASSERT_FALSE(rules.has_value()) << text;
    EXPECT_EQ(rules.error().line, line) << text;
    EXPECT_FALSE(rules.error().what.empty());
  }
}

TEST(ReplyRules, TheLinterFindsRulesThatCanNeverApply) {
  const auto rules = ReplyRules::parse(
      "wide\n  code 5xx\n  class busy\n  like 550 x\n"
      "hidden\n  code 550\n  class rate\n  like 550 y\n"
      "dumb\n  code 450\n  class rate\n");
  ASSERT_TRUE(rules.has_value());
  const auto faults = rules->lint();
  ASSERT_EQ(faults.size(), 2u);
  EXPECT_EQ(faults[0].line, 8u);
  EXPECT_EQ(faults[1].line, 9u);
}

TEST(ReplyRules, TextsMatchInOrderWhateverTheirCaseAndLines) {
  const auto rules = ReplyRules::parse("r\n  class rate\n  text (mail|message) * too fast\n");
  const auto is = [&](std::string text) {
    return rules->judge({450, {}, std::move(text)}, Stage::End, "").klass == Class::Rate;
  };
  EXPECT_TRUE(is("Your MAIL comes\ntoo   fast"));
  EXPECT_TRUE(is("this message: too fast"));
  EXPECT_FALSE(is("too fast, mail"));
  EXPECT_FALSE(is("letter too fast"));
}

TEST(Classify, TheProviderDecidesWhereWordsAreItsOwn) {
  EXPECT_EQ(judge(550, {5, 4, 1}, "Recipient address rejected: Access denied", "outlook.com").klass,
            Class::NoSuchMailbox);
  EXPECT_NE(judge(550, {5, 4, 1}, "Access denied", "example.org").klass, Class::NoSuchMailbox);
}

TEST(Classify, WhatTheCodeSaysOfTryingAgainIsNotAlwaysMeant) {
  const Verdict limited = judge(550, {}, "Connection frequency limited", "qq.com");
  EXPECT_FALSE(limited.permanent);
  EXPECT_EQ(limited.reaction, Reaction::SlowDown);
  const Verdict split = judge(552, {5, 5, 3}, "too many recipients");
  EXPECT_FALSE(split.permanent);
  EXPECT_EQ(split.reaction, Reaction::Split);
}

TEST(Classify, ScopeAndActionFollowTheClass) {
  const Verdict nobody = judge(550, {5, 1, 1}, "User unknown");
  EXPECT_EQ(nobody,
            (Verdict{Class::NoSuchMailbox, Scope::Recipient, Reaction::Return, true, "no-such-user"}));
  EXPECT_TRUE(is_undeliverable(nobody));
  const Verdict full = judge(452, {4, 2, 2}, "mailbox full");
  EXPECT_EQ(full.reaction, Reaction::Retry);
  EXPECT_FALSE(is_undeliverable(full));
  EXPECT_EQ(judge(552, {5, 2, 2}, "mailbox full").reaction, Reaction::Return);
  const Verdict blocked = judge(554, {5, 7, 1}, "blocked using zen.spamhaus.org", "", Stage::Connect);
  EXPECT_EQ(blocked.scope, Scope::Source);
  EXPECT_EQ(blocked.reaction, Reaction::Pause);
  EXPECT_EQ(judge(450, {4, 2, 0}, "Greylisted").reaction, Reaction::RetrySoon);
}

TEST(Classify, WhatIsUnknownBelongsToTheStepItCameAt) {
  EXPECT_EQ(judge(499, {}, "hm", "", Stage::Rcpt).scope, Scope::Recipient);
  EXPECT_EQ(judge(499, {}, "hm", "", Stage::Hello).scope, Scope::Site);
  EXPECT_EQ(judge(499, {}, "hm", "", Stage::End).scope, Scope::Message);
  EXPECT_EQ(judge(499, {}, "hm").reaction, Reaction::Retry);
  EXPECT_EQ(judge(599, {}, "hm").reaction, Reaction::Return);
}

TEST(Classify, EveryClassHasANameOfItsOwnAndAnExplanation) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < classes; ++i) {
    const auto klass = static_cast<Class>(i);
    EXPECT_TRUE(names.insert(to_text(klass)).second);
    EXPECT_GT(explain(klass).size(), 30u) << to_text(klass);
    EXPECT_TRUE(explain(klass).ends_with('.'));
  }
}

TEST(Classify, AHugeReplyCostsNoMoreThanALongOne) {
  std::string text;
  while (text.size() < 60'000) text += "user mailbox account recipient address ";
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) judge(550, {}, text);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

}  // namespace
}  // namespace postroad::delivery
