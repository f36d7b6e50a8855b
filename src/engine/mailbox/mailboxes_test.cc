// Mailboxes as wholes: names, COPY and MOVE, what comes back and what never does.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "mailbox/keys.h"
#include "mailbox/message_writer.h"
#include "mailbox/trial.h"
#include "mime/parser.h"

namespace postroad::mailbox {

namespace {

constexpr AccountId alice{7};
constexpr store::Partition partition{store::Realm::Account, alice.value()};

NumberSet set(std::uint32_t first, std::uint32_t last) { return NumberSet::of({{first, last}}); }
using Names = std::vector<std::string>;

class Boxes : public testing::Test {
 protected:
  Boxes() { session_.emplace(*trial_.engine, alice); }
  void reopen() {
    session_.reset();
    trial_.reopen();
    session_.emplace(*trial_.engine, alice);
  }
  Names names() {
    Names all;
    for (const auto& mailbox : (*trial_.run(session_->tree()))->mailboxes) all.push_back(mailbox->name);
    return all;
  }
  auto create(std::string name) { return trial_.run(session_->create(std::move(name))); }
  Status status(std::string name) { return *trial_.run(session_->status(std::move(name))); }
  // Appends `n` messages with the same content.
  std::vector<Stored> append(std::string to, std::size_t n) {
    const NewMessage one = trial_.message(letter("x"));
    std::vector<Stored> all;
    while (n > 0) {
      std::vector<NewMessage> some(std::min<std::size_t>(n, 1000), one);
      for (NewMessage& m : some) m.structure = structure_;
      const auto stored = trial_.run(session_->append(to, std::move(some)));
      EXPECT_TRUE(stored);
      all.insert(all.end(), stored->begin(), stored->end());
      n -= stored->size();
    }
    trial_.writers.clear();
    return all;
  }
  std::size_t keys(char kind) {
    std::size_t n = 0;
    store::Range range = store::Range::prefix(std::string(1, kind), 10'000);
    for (;;) {
      const auto page = trial_.run(trial_.store->scan(partition, range, {}));
      n += page->size();
      if (!page->more) return n;
      range.from = std::string(page->back().key) + '\0';
    }
  }
  // Long enough that all is purged that may be.
  void wait() {
    for (int n = 0; n < 5; ++n) trial_.core.advance(5min), trial_.run(trial_.engine->sweep());
  }

  Trial trial_;
  std::optional<Session> session_;
  std::string structure_;
};

}  // namespace

// --- Names ---------------------------------------------------------------------------------------------

TEST_F(Boxes, AreMadeNamedAndDeleted) {
  ASSERT_TRUE(create("Work/2026/"));
  EXPECT_EQ(create("Work/2026").error(), Refusal::AlreadyExists);
  EXPECT_EQ(create("inbox").error(), Refusal::AlreadyExists);
  ASSERT_TRUE(create("inbox/Child"));
  EXPECT_TRUE(trial_.run(session_->rename("Work", "Old")));  // a level that has no mailbox itself
  reopen();
  EXPECT_EQ(names(),
            (Names{"Archive", "Drafts", "INBOX", "INBOX/Child", "Junk", "Old/2026", "Sent", "Trash"}));
  const auto tree = *trial_.run(session_->tree());
  EXPECT_TRUE(tree->has_children("Inbox"));
  EXPECT_TRUE(tree->has_children("Old"));
  EXPECT_FALSE(tree->has_children("Old/2026"));
  EXPECT_TRUE(trial_.run(session_->remove("Old/2026")));
  EXPECT_EQ(trial_.run(session_->remove("Old/2026")).error(), Refusal::NoSuchMailbox);
  EXPECT_EQ(trial_.run(session_->remove("INBOX")).error(), Refusal::NotPermitted);
}

TEST_F(Boxes, WithNamesThatAreNoNamesAreRefused) {
  for (const std::string name : {"", "/", "a//b", "/a", "a\tb", "a\x7f", "\xff",
                                 "a\xe2\x80\xa8"
                                 "b"})
    EXPECT_EQ(create(name).error(), Refusal::BadName) << name;
  EXPECT_EQ(create(std::string(600, 'x')).error(), Refusal::BadName);
  std::string deep = "a";
  for (int n = 0; n < 60; ++n) deep += "/a";
  EXPECT_EQ(create(deep).error(), Refusal::BadName);
  EXPECT_TRUE(create("\xe5\x8f\xb0\xe5\x8c\x97/~peter/a.b %*"));
}

TEST_F(Boxes, KeepTheirMessagesWhenTheyAreRenamedAndNeverMeetAnOldUidValidity) {
  ASSERT_TRUE(create("One"));
  append("One", 3);
  const Status before = status("One");
  ASSERT_TRUE(trial_.run(session_->rename("One", "Two")));
  EXPECT_EQ(status("Two").uid_validity, before.uid_validity);
  EXPECT_EQ(status("Two").summary.messages, 3u);
  std::set<UidValidity> seen{before.uid_validity};
  for (int n = 0; n < 5; ++n) {
    ASSERT_TRUE(create("One"));
    EXPECT_TRUE(seen.insert(status("One").uid_validity).second);
    if (n == 2) reopen();
    ASSERT_TRUE(trial_.run(session_->remove("One")));
  }
  EXPECT_EQ(trial_.run(session_->rename("Two", "Two/Below")).error(), Refusal::NotPermitted);
  EXPECT_EQ(trial_.run(session_->rename("Two", "Trash")).error(), Refusal::AlreadyExists);
  EXPECT_EQ(trial_.run(session_->rename("None", "Some")).error(), Refusal::NoSuchMailbox);
}

TEST_F(Boxes, BelowARenamedOneGoAlong) {
  for (const char* name : {"A", "A/B", "A/B/C", "AB"}) ASSERT_TRUE(create(name));
  ASSERT_TRUE(trial_.run(session_->rename("A", "X/Y")));
  reopen();
  const Names all = names();
  for (const char* name : {"X/Y", "X/Y/B", "X/Y/B/C", "AB"})
    EXPECT_NE(std::find(all.begin(), all.end(), name), all.end()) << name;
  EXPECT_EQ(std::find(all.begin(), all.end(), "A"), all.end());
}

TEST_F(Boxes, RenamingInboxMovesItsMessagesAndLeavesItEmpty) {
  append("INBOX", 4);
  const UidValidity inbox = status("INBOX").uid_validity;
  ASSERT_TRUE(trial_.run(session_->rename("INBOX", "Old")));
  EXPECT_EQ(status("Old").summary.messages, 4u);
  EXPECT_EQ(status("INBOX").summary.messages, 0u);
  EXPECT_EQ(status("INBOX").uid_validity, inbox);
  EXPECT_EQ(status("INBOX").summary.uid_next, Uid{5});
}

TEST_F(Boxes, AreSubscribedByNameWhetherTheyExistOrNot) {
  EXPECT_TRUE(trial_.run(session_->subscribe("Not/There")));
  EXPECT_TRUE(trial_.run(session_->unsubscribe("Trash")));
  reopen();
  const auto tree = *trial_.run(session_->tree());
  EXPECT_TRUE(tree->subscribed.contains("Not/There"));
  EXPECT_FALSE(tree->subscribed.contains("Trash"));
  EXPECT_TRUE(tree->subscribed.contains("INBOX"));
}

TEST_F(Boxes, HaveASpecialUseThatIsNotGivenTwice) {
  EXPECT_EQ(trial_.run(session_->create("Bin", SpecialUse::Trash)).error(), Refusal::UseAttrTaken);
  ASSERT_TRUE(trial_.run(session_->create("Stars", SpecialUse::Flagged)));
  reopen();
  EXPECT_EQ((*trial_.run(session_->tree()))->find("Stars")->use, SpecialUse::Flagged);
}

TEST_F(Boxes, DeletedUnderASessionTellItSo) {
  ASSERT_TRUE(create("Gone"));
  append("Gone", 2);
  const auto selected = trial_.select(alice, "Gone");
  ASSERT_TRUE(trial_.run(session_->remove("Gone")));
  trial_.core.settle();
  EXPECT_TRUE(selected->gone());
  EXPECT_TRUE(selected->changed().take());
  FlagChange seen{.system = flag::seen};
  EXPECT_EQ(trial_.run(selected->store(set(1, 2), seen)).error(), Refusal::NoSuchMailbox);
  ASSERT_TRUE(create("Gone"));
  EXPECT_TRUE(trial_.select(alice, "Gone")->shown()->index.empty());
}

// --- COPY and MOVE -------------------------------------------------------------------------------------

TEST_F(Boxes, ACopyHasTheFlagsKeywordsAndDatesOfItsOriginal) {
  append("INBOX", 3);
  const auto inbox = trial_.select(alice);
  FlagChange change{.how = FlagChange::How::Add, .system = flag::flagged, .keywords = {"One", "Two"}};
  ASSERT_TRUE(trial_.run(inbox->store(set(2, 2), change)));
  FlagChange other{.how = FlagChange::How::Add, .keywords = {"Two"}};
  {
    append("Archive", 1);
    ASSERT_TRUE(trial_.run(trial_.select(alice, "Archive")->store(set(1, 1), other)));
  }
  const auto copied = trial_.run(inbox->copy(set(1, 2), "Archive"));
  ASSERT_TRUE(copied);
  EXPECT_EQ(copied->source, (std::vector<Uid>{Uid{1}, Uid{2}}));
  EXPECT_EQ(copied->target, (std::vector<Uid>{Uid{2}, Uid{3}}));
  const auto archive = trial_.select(alice, "Archive");
  const Entry original = *inbox->latest()->index.find(Uid{2});
  const Entry copy = *archive->shown()->index.find(Uid{3});
  EXPECT_EQ(copy.flags & flag::system, flag::flagged);
  EXPECT_EQ(copy.internal_date, original.internal_date);
  EXPECT_EQ(copy.home, original.home);  // EMAILID
  Names words;
  for (unsigned bit = 0; bit < 64; ++bit)
    if (copy.keywords >> bit & 1) words.push_back(archive->shown()->keywords->at(bit));
  EXPECT_EQ(words, (Names{"Two", "One"}));
  EXPECT_EQ(trial_.content(*archive, copy), letter("x"));
  EXPECT_EQ(trial_.run(inbox->copy(set(1, 1), "Nowhere")).error(), Refusal::NoSuchMailbox);
}

TEST_F(Boxes, ContentIsKeptOnceAndGoesWithItsLastEntry) {
  append("INBOX", 5);
  {
    const auto inbox = trial_.select(alice);
    ASSERT_TRUE(trial_.run(inbox->copy(set(1, 5), "Archive")));
    ASSERT_TRUE(trial_.run(inbox->copy(set(1, 5), "INBOX")));
    EXPECT_EQ(keys('m'), 5u);
    ASSERT_TRUE(trial_.run(inbox->expunge(set(1, 10), Which::All, Fate::Erased)));
  }
  wait();
  EXPECT_EQ(keys('m'), 5u);
  const auto archive = trial_.select(alice, "Archive");
  EXPECT_EQ(trial_.content(*archive, archive->shown()->index.at(3)), letter("x"));
  ASSERT_TRUE(trial_.run(archive->move(set(1, 5), "Trash")));
  ASSERT_TRUE(trial_.run(trial_.select(alice, "Trash")->expunge(set(1, 5), Which::All)));
  wait();
  for (const char kind : {'m', 't', 'h', 'r', 'x'}) EXPECT_EQ(keys(kind), 0u) << kind;
}

TEST_F(Boxes, ALargeCopyIsWholeOrNotAtAllAndLeavesNothingBehind) {
  constexpr std::size_t many = 10'000;
  append("INBOX", many);
  for (const bool killed : {false, true}) {
    // Its second commit fails, or is the last before the end.
    const auto copy = [](Session& session, bool& answered) -> task<void> {
      const auto inbox = co_await session.select("INBOX", Access::ReadWrite);
      const auto copied = co_await (*inbox)->copy(NumberSet::of({{1, 4'000'000}}), "Archive");
      answered = true;
      EXPECT_FALSE(copied);
    };
    bool answered = false;
    if (killed)
      trial_.store->hold(true);
    else
      trial_.store->fail(store::Outcome::Unavailable, 1);
    trial_.spawn(copy(*session_, answered));
    EXPECT_GE(killed ? trial_.store->held() : 2, 2u);
    if (killed) trial_.store->release(2);
    trial_.core.settle();
    EXPECT_EQ(answered, !killed);
    reopen();
    EXPECT_EQ(status("Archive").summary.messages, 0u);
    EXPECT_EQ(keys('i'), 0u);
    EXPECT_EQ(keys('r'), 0u) << killed;
  }
  {
    const auto inbox = trial_.select(alice);
    const auto copied = trial_.run(inbox->copy(set(1, 4'000'000), "Archive"));
    ASSERT_TRUE(copied);
    EXPECT_EQ(copied->target.size(), many);
    EXPECT_EQ(keys('r'), 2 * many);
    EXPECT_EQ(keys('i'), 0u);
  }
  reopen();
  EXPECT_EQ(status("Archive").summary.messages, many);
  const auto archive = trial_.select(alice, "Archive");
  EXPECT_EQ(trial_.run(archive->move(set(1, 4'000'000), "Trash"))->target.size(), many);
  EXPECT_EQ(status("Archive").summary.messages, 0u);
  EXPECT_EQ(status("Trash").summary.messages, many);
}

// --- Coming back ---------------------------------------------------------------------------------------

TEST_F(Boxes, WhatWasExpungedCanBeBroughtBackWithinTheWindowOfThePolicy) {
  trial_.policy.undelete = std::chrono::hours(24);
  reopen();
  append("INBOX", 4);
  {
    const auto inbox = trial_.select(alice);
    ASSERT_TRUE(trial_.run(inbox->copy(set(2, 2), "Archive")));
    ASSERT_TRUE(trial_.run(inbox->expunge(set(1, 2), Which::All)));
    ASSERT_TRUE(trial_.run(inbox->expunge(set(3, 3), Which::All, Fate::Erased)));
  }
  trial_.core.advance(std::chrono::hours(20));
  trial_.run(trial_.engine->sweep());
  const auto deleted = trial_.run(session_->deleted_messages());
  ASSERT_TRUE(deleted);
  ASSERT_EQ(deleted->size(), 2u);  // never what was erased
  const auto back =
      trial_.run(session_->undelete({deleted->at(0).entry.home, deleted->at(1).entry.home}, "INBOX"));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, (std::vector<Uid>{Uid{5}, Uid{6}}));
  EXPECT_EQ(trial_.run(session_->undelete({deleted->at(0).entry.home}, "INBOX")).error(), Refusal::Expunged);
  reopen();
  {
    const auto inbox = trial_.select(alice);
    EXPECT_EQ(inbox->shown()->summary.messages, 3u);
    for (const std::uint32_t uid : {5u, 6u})
      EXPECT_EQ(trial_.content(*inbox, *inbox->shown()->index.find(Uid{uid})), letter("x"));
    ASSERT_TRUE(trial_.run(inbox->expunge(set(1, 100), Which::All)));
    ASSERT_TRUE(trial_.run(trial_.select(alice, "Archive")->expunge(set(1, 100), Which::All)));
  }
  trial_.core.advance(std::chrono::hours(25));
  trial_.run(trial_.engine->sweep());
  EXPECT_TRUE(trial_.run(session_->deleted_messages())->empty());
  for (const char kind : {'m', 't', 'h', 'r', 'x'}) EXPECT_EQ(keys(kind), 0u) << kind;
}

TEST_F(Boxes, ADeletedOneCanBeBroughtBackAsItWasAndIsPurgedLater) {
  trial_.policy.undelete = std::chrono::hours(24);
  reopen();
  ASSERT_TRUE(create("Work"));
  append("Work", 700);
  const Status before = status("Work");
  ASSERT_TRUE(trial_.run(session_->remove("Work")));
  reopen();
  const auto deleted = trial_.run(session_->deleted_mailboxes());
  ASSERT_EQ(deleted->size(), 1u);
  EXPECT_EQ(deleted->at(0).name, "Work");
  ASSERT_TRUE(trial_.run(session_->undelete_mailbox(deleted->at(0).mailbox, "Work again")));
  EXPECT_EQ(status("Work again").uid_validity, before.uid_validity);
  EXPECT_EQ(status("Work again").summary, before.summary);
  {
    const auto work = trial_.select(alice, "Work again");
    EXPECT_EQ(work->shown()->index.size(), 700u);
  }
  ASSERT_TRUE(trial_.run(session_->remove("Work again")));
  EXPECT_EQ(keys('m'), 700u);
  trial_.core.advance(std::chrono::hours(25));
  trial_.run(trial_.engine->sweep());
  for (const char kind : {'m', 't', 'h', 'p', 'v', 'g'}) EXPECT_EQ(keys(kind), 0u) << kind;
}

TEST_F(Boxes, AfterARestoreEveryUidValidityHasRisenAndNoHomeIsGivenTwice) {
  append("INBOX", 2);
  const Status before = status("INBOX");
  const Entry old = trial_.select(alice)->shown()->index.at(2);
  session_.reset();
  trial_.reopen();
  trial_.store->generation = 1;
  session_.emplace(*trial_.engine, alice);
  EXPECT_GT(status("INBOX").uid_validity, before.uid_validity);
  EXPECT_EQ(status("INBOX").summary.messages, 2u);
  append("INBOX", 1);
  const auto inbox = trial_.select(alice);
  EXPECT_EQ(inbox->shown()->index.at(2).home, old.home);
  EXPECT_NE(inbox->shown()->index.at(3).home.space, old.home.space);
  EXPECT_EQ(trial_.content(*inbox, inbox->shown()->index.at(3)), letter("x"));
  const UidValidity risen = status("INBOX").uid_validity;
  trial_.core.advance(std::chrono::hours(1));
  EXPECT_EQ(status("INBOX").uid_validity, risen);
}

TEST_F(Boxes, OfAnAccountThatIsGoneLeaveNothing) {
  append("INBOX", 300);
  EXPECT_FALSE(trial_.run(trial_.engine->erase(alice)));  // it is in the directory still
  trial_.directory.gone.insert(alice);
  EXPECT_TRUE(trial_.run(trial_.engine->erase(alice)));
  const auto page = trial_.run(trial_.store->scan(partition, {}, {}));
  EXPECT_TRUE(page->empty());
}

// --- What is not as it should be ---------------------------------------------------------------------------

TEST_F(Boxes, KeywordsThatNoMessageHasMakeRoomAndTooManyAreRefused) {
  append("INBOX", 2);
  const auto inbox = trial_.select(alice);
  for (int n = 0; n < 64; ++n) {
    FlagChange add{.how = FlagChange::How::Add, .keywords = {fmt::format("Word{}", n)}};
    ASSERT_TRUE(trial_.run(inbox->store(set(1, 1), add)));
  }
  FlagChange more{.how = FlagChange::How::Add, .keywords = {"More"}};
  EXPECT_EQ(trial_.run(inbox->store(set(1, 1), more)).error(), Refusal::TooManyKeywords);
  FlagChange again{.how = FlagChange::How::Add, .keywords = {"wORD7"}};
  EXPECT_TRUE(trial_.run(inbox->store(set(2, 2), again)));
  FlagChange less{.how = FlagChange::How::Remove, .keywords = {"Word3", "None"}};
  ASSERT_TRUE(trial_.run(inbox->store(set(1, 1), less)));
  ASSERT_TRUE(trial_.run(inbox->store(set(2, 2), more)));
  EXPECT_EQ(inbox->latest()->keywords->at(3), "More");
  EXPECT_EQ(inbox->latest()->index.at(2).keywords, 1u << 3 | 1u << 7);
}

TEST_F(Boxes, AStoreThatChangesNothingMakesNoCommitAndNoModSeq) {
  append("INBOX", 2);
  const auto inbox = trial_.select(alice);
  FlagChange seen{.how = FlagChange::How::Add, .system = flag::seen};
  const auto first = trial_.run(inbox->store(set(1, 1), seen));
  EXPECT_EQ(first->changed, set(1, 1));
  const std::size_t commits = trial_.store->commits();
  EXPECT_EQ(trial_.run(inbox->store(set(1, 1), seen))->modseq, ModSeq{});
  EXPECT_EQ(trial_.store->commits(), commits);
  // RFC 7162 §3.1.3: what changed since is left alone and named.
  const auto both =
      trial_.run(inbox->store(set(1, 2), {.system = flag::draft}, ModSeq{first->modseq.value() - 1}));
  EXPECT_EQ(both->modified, set(1, 1));
  EXPECT_EQ(both->changed, set(2, 2));
  EXPECT_EQ(trial_.run(trial_.select(alice, "INBOX", Access::ReadOnly)->store(set(1, 2), seen)).error(),
            Refusal::ReadOnly);
}

TEST_F(Boxes, ExpungedUidsAreToldToWhoComesBackHoweverManyThereWere) {
  trial_.policy.vanished_records = 4;
  trial_.policy.fold_deltas = 5;
  reopen();
  append("INBOX", 60);
  const auto inbox = trial_.select(alice);
  std::vector<std::pair<ModSeq, NumberSet>> seen;  // HIGHESTMODSEQ and what has been there
  for (std::uint32_t uid = 1; uid <= 50; ++uid) {
    seen.emplace_back(inbox->latest()->summary.highest, inbox->latest()->index.all_uids());
    ASSERT_TRUE(trial_.run(inbox->expunge(set(uid, uid), Which::All)));
    trial_.core.settle();
  }
  EXPECT_LE(keys('v'), 8u);
  const NumberSet now = inbox->latest()->index.all_uids();
  for (const auto& [modseq, before] : seen) {
    const auto vanished = trial_.run(inbox->vanished(modseq, set(1, 1000)));
    ASSERT_TRUE(vanished);
    const NumberSet went = subtract(before, now);
    EXPECT_EQ(intersect(*vanished, went), went);
    EXPECT_TRUE(intersect(*vanished, now).empty());
  }
}

TEST_F(Boxes, AppendTakesAMessageAsItComesAndSeveralAreOneCommit) {
  const std::string octets = letter("appended", std::string(100'000, 'y') + "\r\n");
  const auto append_two = [](store::Store& store, Session& session,
                             const std::string& text) -> task<std::vector<Stored>> {
    std::vector<MessageWriter> writers;
    std::vector<NewMessage> messages;
    for (int n = 0; n < 2; ++n) {
      MessageWriter writer(store, mime::Limits(), text.size());
      for (std::size_t at = 0; at < text.size(); at += 7'777) {
        writer.append(std::string_view(text).substr(at, 7'777));
        const auto drained = co_await writer.drain();
        EXPECT_TRUE(drained);
      }
      auto message = co_await writer.finish();
      message->flags = {"\\Seen", "$Word"};
      message->internal_date = time_of_micros(1'000'000'000'000'000);
      messages.push_back(std::move(*message));
      writers.push_back(std::move(writer));
    }
    const auto stored = co_await session.append("Archive", std::move(messages));
    EXPECT_TRUE(stored);
    co_return *stored;
  };
  const std::size_t commits = trial_.store->commits();
  EXPECT_EQ(trial_.run(append_two(*trial_.store, *session_, octets)).size(), 2u);
  EXPECT_EQ(trial_.store->commits(), commits + 2);  // the account's first, and this
  const auto archive = trial_.select(alice, "Archive");
  EXPECT_EQ(trial_.content(*archive, archive->shown()->index.at(2)), octets);
  EXPECT_EQ(archive->shown()->index.at(2).internal_date, 1'000'000'000);
  EXPECT_EQ(archive->shown()->index.at(2).flags, flag::seen);
}

TEST_F(Boxes, MessagesOfAnyStructureAreKeptAndGoWhole) {
  // A structure of several pieces: ten thousand parts.
  std::string big = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int n = 0; n < 9'000; ++n)
    big += fmt::format("--b\r\nContent-Description: part number {}\r\n\r\nx\r\n", n);
  big += "--b--\r\n";
  ASSERT_TRUE(trial_.deliver(alice, letter("before")));
  ASSERT_TRUE(trial_.deliver(alice, big));
  ASSERT_TRUE(trial_.deliver(alice, letter("after")));
  EXPECT_GT(keys('t'), 3u);
  const auto inbox = trial_.select(alice);
  const Page& page = *inbox->shown()->index.slots()[0].page;
  const auto records = trial_.run(inbox->read(Kept::Structure, page.entries));
  ASSERT_TRUE(records);
  EXPECT_GT((*records)[1].size(), keys::piece_octets);
  EXPECT_LT((*records)[2].size(), 1000u);
  EXPECT_EQ(trial_.content(*inbox, page.entries[1]), big);
  ASSERT_TRUE(trial_.run(inbox->expunge(set(2, 2), Which::All, Fate::Erased)));
  trial_.core.settle();
  EXPECT_EQ(keys('t'), 2u);
}

}  // namespace postroad::mailbox
