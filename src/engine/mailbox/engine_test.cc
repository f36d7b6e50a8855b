#include "mailbox/engine.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "mailbox/trial.h"
#include "mime/stored.h"

namespace postroad::mailbox {

namespace {

constexpr AccountId alice{7};
constexpr AccountId bob{8};

std::vector<std::string> names(const Tree& tree) {
  std::vector<std::string> all;
  for (const auto& mailbox : tree.mailboxes) all.push_back(mailbox->name);
  return all;
}

std::vector<std::uint32_t> uids(const Snapshot& snapshot) {
  std::vector<std::uint32_t> all;
  snapshot.index.each([&](std::uint32_t, const Entry& e) { all.push_back(e.uid.value()); });
  return all;
}

using Uids = std::vector<std::uint32_t>;
using Names = std::vector<std::string>;

NumberSet set(std::uint32_t first, std::uint32_t last) { return NumberSet::of({{first, last}}); }

}  // namespace

TEST(Engine, ADeliveredMessageIsListedAndReadAsItCame) {
  Trial trial;
  const std::string octets = letter("One");
  const auto stored = trial.deliver(alice, octets);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->uid, Uid{1});
  const auto inbox = trial.select(alice);
  ASSERT_EQ(inbox->shown()->summary.messages, 1u);
  const Entry& entry = inbox->shown()->index.at(1);
  EXPECT_EQ(entry.octets, octets.size());
  EXPECT_EQ(entry.flags, 0);
  EXPECT_EQ(trial.content(*inbox, entry), octets);

  const auto records = trial.run(inbox->read(Kept::Structure, {&entry, 1}));
  ASSERT_TRUE(records);
  const auto structure = mime::Stored::read((*records)[0]);
  ASSERT_TRUE(structure);
  EXPECT_NE(structure->envelope().find("\"One\""), std::string_view::npos);
  const auto fields = trial.run(inbox->read(Kept::Fields, {&entry, 1}));
  ASSERT_TRUE(fields);
  EXPECT_EQ(HeaderFields::decode((*fields)[0]),
            "From: a@example.com\r\nTo: b@example.org\r\nSubject: One\r\n");
}

TEST(Engine, ThePrefixOfAMessageBelongsToItsOctetsAndItsHeader) {
  Trial trial;
  NewMessage made = trial.message(letter("One"));
  made.prefix = "Return-Path: <a@example.com>\r\n";
  ASSERT_TRUE(trial.run(trial.engine->deliver(alice, std::move(made), std::nullopt, false, {})));
  const auto inbox = trial.select(alice);
  const Entry& entry = inbox->shown()->index.at(1);
  EXPECT_EQ(trial.content(*inbox, entry), "Return-Path: <a@example.com>\r\n" + letter("One"));
  EXPECT_EQ(entry.octets, ("Return-Path: <a@example.com>\r\n" + letter("One")).size());
  const auto fields = trial.run(inbox->read(Kept::Fields, {&entry, 1}));
  EXPECT_TRUE(
      HeaderFields::decode((*fields)[0])->value().starts_with("Return-Path: <a@example.com>\r\nFrom:"));
}

TEST(Engine, ANewAccountHasTheMailboxesOfThePolicy) {
  Trial trial;
  Session session(*trial.engine, alice);
  const auto tree = trial.run(session.tree());
  ASSERT_TRUE(tree);
  EXPECT_EQ(names(**tree), (Names{"Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"}));
  EXPECT_EQ((*tree)->find("inbox")->name, "INBOX");
  EXPECT_EQ((*tree)->find("Trash")->use, SpecialUse::Trash);
  Session nobody(*trial.engine, AccountId{5'000'000});
  EXPECT_EQ(trial.run(nobody.tree()).error(), Refusal::NoSuchAccount);
}

TEST(Engine, WhatWasAcknowledgedIsThereAfterTheServerWasKilled) {
  Trial trial;
  for (int n = 0; n < 300; ++n) ASSERT_TRUE(trial.deliver(alice, letter(fmt::format("Number {}", n))));
  {
    const auto inbox = trial.select(alice);
    FlagChange seen{.how = FlagChange::How::Add, .system = flag::seen, .keywords = {"$Forwarded"}};
    ASSERT_TRUE(trial.run(inbox->store(set(3, 20), seen)));
    ASSERT_TRUE(trial.run(inbox->expunge(set(5, 6), Which::All)));
  }
  trial.reopen();
  const auto inbox = trial.select(alice);
  EXPECT_EQ(inbox->shown()->summary.messages, 298u);
  EXPECT_EQ(inbox->shown()->summary.unseen, 298u - 16);
  EXPECT_EQ(inbox->shown()->summary.uid_next, Uid{301});
  EXPECT_FALSE(inbox->shown()->index.find(Uid{5}));
  EXPECT_EQ(inbox->shown()->index.find(Uid{4})->flags, flag::seen);
  EXPECT_EQ(inbox->shown()->index.find(Uid{4})->keywords, 1u);
  EXPECT_EQ(inbox->shown()->keywords->at(0), "$Forwarded");
  EXPECT_EQ(trial.content(*inbox, *inbox->shown()->index.find(Uid{300})), letter("Number 299"));
}

TEST(Engine, AnExpungedUidIsNeverGivenOutAgain) {
  Trial trial;
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(trial.deliver(alice, letter("x")));
  {
    const auto inbox = trial.select(alice);
    ASSERT_TRUE(trial.run(inbox->expunge(set(1, 3), Which::All)));
    EXPECT_TRUE(inbox->latest()->index.empty());
  }
  trial.reopen();
  EXPECT_EQ(trial.deliver(alice, letter("x"))->uid, Uid{4});
}

TEST(Engine, AChangeIsSeenByNobodyBeforeItsCommit) {
  Trial trial;
  ASSERT_TRUE(trial.deliver(alice, letter("x")));
  const auto one = trial.select(alice);
  const auto other = trial.select(alice);
  trial.store->hold(true);
  bool answered = false;
  const auto mark = [](Selected& in, bool& done) -> task<void> {
    FlagChange seen{.how = FlagChange::How::Add, .system = flag::seen, .keywords = {}};
    const auto stored = co_await in.store(NumberSet::of({{1, 1}}), std::move(seen));
    EXPECT_TRUE(stored);
    done = true;
  };
  trial.spawn(mark(*one, answered));
  EXPECT_EQ(trial.store->held(), 1u);
  EXPECT_FALSE(answered);
  EXPECT_EQ(one->latest(), one->shown());
  EXPECT_EQ(other->latest(), other->shown());
  trial.store->hold(false);
  trial.store->release();
  trial.core.settle();
  EXPECT_TRUE(answered);
  EXPECT_EQ(other->latest()->index.at(1).flags, flag::seen);
  EXPECT_TRUE(other->changed().take());
  const Changes told = compare(*other->shown(), *other->latest());
  EXPECT_EQ(told.changed, (Uids{1}));
}

TEST(Engine, AFailedCommitLeavesNothingAndThoseAfterItAreTriedAgain) {
  Trial trial;
  ASSERT_TRUE(trial.deliver(alice, letter("first")));
  const auto inbox = trial.select(alice);
  trial.store->hold(true);
  trial.store->fail(store::Outcome::NoSpace);
  std::vector<int> answers;
  const auto deliver = [](Trial& t, NewMessage m, std::vector<int>& out) -> task<void> {
    const auto stored = co_await t.engine->deliver(alice, std::move(m), std::nullopt, false, {});
    out.push_back(stored ? static_cast<int>(stored->uid.value()) : -static_cast<int>(stored.error()));
  };
  for (int n = 0; n < 4; ++n) {
    NewMessage made = trial.message(letter("x"));
    trial.spawn(deliver(trial, std::move(made), answers));
  }
  EXPECT_EQ(trial.store->held(), 4u);
  trial.store->hold(false);
  trial.store->release();
  trial.core.settle();
  EXPECT_EQ(answers, (std::vector<int>{-static_cast<int>(StoreError::DiskFull), 2, 3, 4}));
  EXPECT_EQ(uids(*inbox->latest()), (Uids{1, 2, 3, 4}));
}

TEST(Engine, ACommitOfUnknownOutcomeIsLookedUpAgain) {
  for (const bool made : {false, true}) {
    Trial trial;
    ASSERT_TRUE(trial.deliver(alice, letter("first")));
    const auto inbox = trial.select(alice);
    trial.store->fail(store::Outcome::Unknown, 0, made);
    EXPECT_EQ(trial.deliver(alice, letter("doubtful")).error(), StoreError::Unknown);
    const auto next = trial.deliver(alice, letter("next"));
    ASSERT_TRUE(next);
    EXPECT_EQ(next->uid, Uid{made ? 3u : 2u});
    trial.core.settle();
    EXPECT_EQ(uids(*inbox->latest()), made ? (Uids{1, 2, 3}) : (Uids{1, 2}));
  }
}

TEST(Engine, ARepeatedDeliveryIsAnsweredAsTheFirstAndNotMadeTwice) {
  Trial trial;
  const store::OpId op = store::OpId::draw();
  for (int n = 0; n < 3; ++n) {
    NewMessage made = trial.message(letter("once"));
    const auto stored = trial.run(trial.engine->deliver(alice, std::move(made), op, true, {}));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->uid, Uid{1});
    if (n == 1) trial.reopen();
  }
  EXPECT_EQ(trial.select(alice)->shown()->summary.messages, 1u);
  trial.engine->forget(alice, op);
  trial.core.settle();
  EXPECT_EQ(trial.deliver(alice, letter("another"))->uid, Uid{2});
}

TEST(Engine, QuotaIsExact) {
  Trial trial;
  const std::string octets = letter("x");
  trial.directory.quotas[alice] = {.octets = octets.size() * 3, .messages = 0};
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(trial.deliver(alice, octets));
  EXPECT_EQ(trial.deliver(alice, octets).error(), StoreError::OverQuota);
  Session session(*trial.engine, alice);
  EXPECT_EQ(trial.run(session.quota())->octets, octets.size() * 3);
  // What was promised goes past it.
  NewMessage promised = trial.message(octets);
  EXPECT_TRUE(trial.run(trial.engine->deliver(alice, std::move(promised), std::nullopt, true, {})));
  {
    const auto inbox = trial.select(alice);
    EXPECT_EQ(trial.run(inbox->copy(set(1, 1), "Archive")).error(), Refusal::OverQuota);
    EXPECT_TRUE(trial.run(inbox->move(set(1, 1), "Archive")));  // adds nothing
    EXPECT_TRUE(trial.run(inbox->expunge(set(2, 3), Which::All)));
  }
  EXPECT_TRUE(trial.deliver(alice, octets));
  EXPECT_EQ(trial.deliver(alice, octets).error(), StoreError::OverQuota);
  trial.directory.quotas[bob] = {.octets = 0, .messages = 1};
  EXPECT_TRUE(trial.deliver(bob, octets));
  EXPECT_EQ(trial.deliver(bob, octets).error(), StoreError::OverQuota);
}

TEST(Engine, AnUnknownMailboxBecomesInboxUnlessItIsToBeMade) {
  Trial trial;
  EXPECT_TRUE(trial.deliver(alice, letter("x"), "Lists/Ships"));
  EXPECT_EQ(trial.select(alice)->shown()->summary.messages, 1u);
  NewMessage made = trial.message(letter("x"));
  made.mailbox = "Lists/Ships";
  made.create = true;
  ASSERT_TRUE(trial.run(trial.engine->deliver(alice, std::move(made), std::nullopt, false, {})));
  EXPECT_EQ(trial.select(alice, "Lists/Ships")->shown()->summary.messages, 1u);
}

TEST(Engine, OnlyTheFirstSessionThatShowsAMessageShowsItAsRecent) {
  Trial trial;
  ASSERT_TRUE(trial.deliver(alice, letter("x")));
  const auto looks = trial.select(alice, "INBOX", Access::ReadOnly);
  EXPECT_EQ(looks->recent(), set(1, 1));
  const auto first = trial.select(alice);
  EXPECT_EQ(first->recent(), set(1, 1));
  const auto second = trial.select(alice);
  EXPECT_TRUE(second->recent().empty());
  ASSERT_TRUE(trial.deliver(alice, letter("y")));
  trial.core.settle();
  second->show(second->latest());
  first->show(first->latest());
  EXPECT_EQ(second->recent(), set(2, 2));
  EXPECT_EQ(first->recent(), set(1, 1));
  Session session(*trial.engine, alice);
  EXPECT_EQ(trial.run(session.status("INBOX"))->summary.recent, 0u);
}

TEST(Engine, WhatWasRecentToASessionIsNotSoToTheNextOne) {
  Trial trial;
  ASSERT_TRUE(trial.deliver(alice, letter("x")));
  Session session(*trial.engine, alice);
  trial.select(alice, "INBOX", Access::ReadOnly).reset();
  trial.core.settle();
  EXPECT_EQ(trial.run(session.status("INBOX"))->summary.recent, 1u) << "who examines leaves it to others";
  trial.select(alice).reset();
  trial.core.settle();
  EXPECT_EQ(trial.run(session.status("INBOX"))->summary.recent, 0u);
  EXPECT_TRUE(trial.select(alice)->recent().empty());
}

}  // namespace postroad::mailbox
