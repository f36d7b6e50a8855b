// Random histories: several sessions and deliveries change an account at once, commits are held back, fail,
// are of unknown outcome, the server is killed in between; folds, purges and forgetting go on beside. After
// each round what is there must be what a simple model says that was acknowledged, and every session must
// have been told exactly that.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/random.h"
#include "mailbox/keys.h"
#include "mailbox/trial.h"

namespace postroad::mailbox {

namespace {

constexpr AccountId alice{7};

struct Message {
  int content = 0;  // which letter
  std::uint8_t flags = 0;
  std::set<std::string> keywords;
};
using Box = std::map<std::uint32_t, Message>;  // by UID

// What an operation did, as it was answered.
struct Did {
  enum Kind { Delivered, Flagged, Expunged, Copied, Moved } kind{};
  ModSeq modseq{};
  std::string from, to;
  FlagChange change;
  NumberSet uids;                   // Flagged: changed; Expunged
  std::vector<Uid> source, target;  // Copied, Moved; Delivered: target
  int content = 0;
};

// A client that is told of changes and believes what it is told.
struct Watcher {
  std::string mailbox;
  std::unique_ptr<Selected> selected;
  std::vector<std::uint32_t> uids;  // by sequence number
};

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {
    trial_.policy.fold_deltas = 3 + random_.below(8);
    trial_.policy.idle = 30s;
    trial_.reopen();
    for (const char* name : {"INBOX", "Archive", "Trash"}) boxes_[name];
    watch();
  }

  void round() {
    const auto events = random_.below(12);
    trial_.store->heal();
    trial_.store->hold(random_.below(2) == 0);
    const bool unknown = random_.below(12) == 0;
    if (unknown)
      trial_.store->fail(store::Outcome::Unknown, random_.below(4), random_.below(2) == 0);
    else if (random_.below(6) == 0)
      trial_.store->fail(random_.below(2) ? store::Outcome::NoSpace : store::Outcome::Conflict,
                         random_.below(4));
    for (std::uint64_t n = 0; n <= events; ++n) {
      start_one();
      if (random_.below(3) == 0) trial_.store->release(random_.below(3)), trial_.core.settle();
      if (random_.below(4) == 0) look();
    }
    if (random_.below(10) == 0) {
      kill();
    } else {
      trial_.store->hold(false);
      for (int n = 0; n < 50; ++n) trial_.store->release(), trial_.core.settle();
      EXPECT_EQ(running_, 0);
    }
    const bool doubt = unknown && trial_.store->failed();
    believe(doubt);
    if (random_.below(8) == 0) trial_.core.advance(random_.below(2) ? 12s : 100s);
    check(doubt);
    look();
  }

  // Once all is purged, there is content for what is left and for nothing else.
  void census() {
    watchers_.clear();
    trial_.store->heal();
    trial_.core.advance(100s);
    trial_.run(trial_.engine->sweep());
    std::set<Home> living;
    for (const auto& [name, box] : boxes_) {
      const auto selected = trial_.select(alice, name);
      selected->shown()->index.each([&](std::uint32_t, const Entry& e) { living.insert(e.home); });
    }
    for (const char kind : {'m', 't', 'h'}) {
      std::set<Home> kept;
      const auto page = trial_.run(trial_.store->scan(
          {store::Realm::Account, alice.value()}, store::Range::prefix(std::string(1, kind), 100'000), {}));
      ASSERT_TRUE(page);
      for (const store::Entry entry : *page) {
        Reader key(entry.key.substr(1));
        kept.insert(Home{key.u32_key(), key.u32_key()});
      }
      EXPECT_EQ(kept, living) << kind;
    }
    const auto limbo = trial_.run(
        trial_.store->scan({store::Realm::Account, alice.value()}, store::Range::prefix("x", 10), {}));
    EXPECT_TRUE(limbo->empty());
  }

  std::size_t messages() const {
    std::size_t n = 0;
    for (const auto& [name, box] : boxes_) n += box.size();
    return n;
  }

 private:
  std::string any_box() {
    auto at = boxes_.begin();
    std::advance(at, random_.below(boxes_.size()));
    return at->first;
  }
  NumberSet some_uids(const std::string& name) {
    NumberSet uids;
    const Box& box = boxes_[name];
    const std::uint32_t last = box.empty() ? 5 : box.rbegin()->first + 2;
    for (auto n = 1 + random_.below(3); n > 0; --n) {
      const auto first = 1 + static_cast<std::uint32_t>(random_.below(last));
      uids.add(first, first + static_cast<std::uint32_t>(random_.below(random_.below(5) ? 3 : 40)));
    }
    return uids;
  }
  FlagChange some_change() {
    FlagChange change{.how = static_cast<FlagChange::How>(random_.below(3)),
                      .system = static_cast<std::uint8_t>(random_.below(32)),
                      .keywords = {}};
    for (auto n = random_.below(3); n > 0; --n)
      change.keywords.push_back(fmt::format("Word{}", random_.below(6)));
    return change;
  }

  // --- operations, each a task of its own ---

  task<void> deliver(std::string to, int content, NewMessage message) {
    ++running_;
    message.mailbox = to;
    message.flags = {"\\Flagged"};
    const auto stored = co_await trial_.engine->deliver(alice, std::move(message), std::nullopt, false, {});
    --running_;
    if (stored)
      did_.push_back({.kind = Did::Delivered, .to = to, .target = {stored->uid}, .content = content});
  }
  task<void> flag(std::string in, NumberSet uids, FlagChange change, std::optional<ModSeq> since) {
    ++running_;
    Session session(*trial_.engine, alice);
    const auto selected = co_await session.select(in, Access::ReadWrite);
    if (selected) {
      const auto stored = co_await (*selected)->store(uids, change, since);
      if (stored && stored->modseq != ModSeq{}) {
        did_.push_back({.kind = Did::Flagged,
                        .modseq = stored->modseq,
                        .to = in,
                        .change = change,
                        .uids = stored->changed});
        EXPECT_TRUE(intersect(stored->changed, stored->modified).empty());
      }
    }
    --running_;
  }
  task<void> expunge(std::string in, NumberSet uids, Which which, Fate fate) {
    ++running_;
    Session session(*trial_.engine, alice);
    const auto selected = co_await session.select(in, Access::ReadWrite);
    if (selected) {
      const auto gone = co_await (*selected)->expunge(uids, which, fate);
      if (gone) did_.push_back({.kind = Did::Expunged, .from = in, .uids = *gone});
    }
    --running_;
  }
  task<void> transfer(std::string from, std::string to, NumberSet uids, bool moves) {
    ++running_;
    Session session(*trial_.engine, alice);
    const auto selected = co_await session.select(from, Access::ReadWrite);
    if (selected) {
      auto work = moves ? (*selected)->move(uids, to) : (*selected)->copy(uids, to);
      const auto copied = co_await std::move(work);
      if (copied && !copied->source.empty())
        did_.push_back({.kind = moves ? Did::Moved : Did::Copied,
                        .modseq = copied->modseq,
                        .from = from,
                        .to = to,
                        .source = copied->source,
                        .target = copied->target});
    }
    --running_;
  }

  void start_one() {
    const std::string box = any_box();
    switch (random_.below(8)) {
      case 0:
      case 1:
      case 2: {
        const int content = ++letters_;
        trial_.spawn(deliver(box, content, trial_.message(letter(std::to_string(content)))));
        break;
      }
      case 3:
      case 4: {
        std::optional<ModSeq> since;
        if (random_.below(3) == 0) since = ModSeq{random_.below(60)};
        trial_.spawn(flag(box, some_uids(box), some_change(), since));
        break;
      }
      case 5:
        trial_.spawn(expunge(box, some_uids(box), random_.below(2) ? Which::All : Which::FlaggedDeleted,
                             random_.below(2) ? Fate::Erased : Fate::Undeletable));
        break;
      case 6: trial_.spawn(transfer(box, any_box(), some_uids(box), false)); break;
      case 7: trial_.spawn(transfer(box, any_box(), some_uids(box), true)); break;
    }
  }

  void kill() {
    watchers_.clear();
    trial_.reopen();
    running_ = 0;
    watch();
  }

  // --- the model ---

  void believe(bool doubt) {
    std::stable_sort(did_.begin(), did_.end(), [](const Did& a, const Did& b) {
      const auto place = [](const Did& d) {
        return std::pair(d.kind == Did::Delivered ? 0 : d.kind == Did::Expunged ? 2 : 1, d.modseq);
      };
      return place(a) < place(b);
    });
    std::vector<std::pair<std::string, std::uint32_t>> gone;
    for (const Did& did : did_) {
      switch (did.kind) {
        case Did::Delivered: give(did.to, did.target[0], {did.content, flag::flagged, {}}); break;
        case Did::Flagged:
          did.uids.each([&](std::uint32_t uid) {
            if (!doubt) EXPECT_TRUE(boxes_[did.to].contains(uid));
            apply(boxes_[did.to][uid], did.change);
          });
          break;
        case Did::Copied:
        case Did::Moved:
          for (std::size_t i = 0; i < did.source.size(); ++i) {
            give(did.to, did.target[i], boxes_[did.from][did.source[i].value()]);
            if (did.kind == Did::Moved) gone.emplace_back(did.from, did.source[i].value());
          }
          break;
        case Did::Expunged:
          did.uids.each([&](std::uint32_t uid) { gone.emplace_back(did.from, uid); });
          break;
      }
    }
    for (const auto& [box, uid] : gone) boxes_[box].erase(uid);
    did_.clear();
  }
  static void apply(Message& message, const FlagChange& change) {
    using How = FlagChange::How;
    if (change.how == How::Replace) message.flags = 0, message.keywords.clear();
    if (change.how == How::Remove) {
      message.flags = static_cast<std::uint8_t>(message.flags & ~change.system);
      for (const auto& word : change.keywords) message.keywords.erase(word);
    } else {
      message.flags |= change.system;
      message.keywords.insert(change.keywords.begin(), change.keywords.end());
    }
  }
  // A UID is given once, and stands for one content for ever.
  void give(const std::string& box, Uid uid, const Message& message) {
    // (0: copied from what a commit of unknown outcome made; it is looked up.)
    if (message.content != 0)
      EXPECT_TRUE(contents_.emplace(std::pair(box, uid.value()), message.content).second)
          << box << uid.value();
    boxes_[box][uid.value()] = message;
  }

  void check(bool adopt) {
    for (auto& [name, box] : boxes_) {
      const auto selected = trial_.select(alice, name, Access::ReadOnly);
      ASSERT_TRUE(selected);
      const Snapshot& is = *selected->shown();
      Box found;
      Summary recount = is.summary;
      recount.messages = recount.unseen = recount.deleted = recount.recent = 0;
      recount.octets = recount.deleted_octets = 0;
      is.index.each([&](std::uint32_t, const Entry& e) {
        Message& message = found[e.uid.value()];
        message.flags = e.flags & flag::system;
        for (unsigned bit = 0; bit < 64; ++bit)
          if (e.keywords >> bit & 1) message.keywords.insert(is.keywords->at(bit));
        recount.count(e);
        EXPECT_LT(e.uid, is.summary.uid_next);
        EXPECT_LE(e.modseq, is.summary.highest);
        const auto known = contents_.find({name, e.uid.value()});
        if (known != contents_.end()) message.content = known->second;
        if (known == contents_.end() || random_.below(20) == 0) {
          const std::string octets = trial_.content(*selected, e);
          const auto at = octets.find("Subject: ");
          ASSERT_NE(at, std::string::npos) << octets;
          message.content = std::atoi(octets.c_str() + at + 9);
          if (known != contents_.end()) EXPECT_EQ(message.content, known->second);
        }
      });
      EXPECT_EQ(recount, is.summary);
      if (adopt) {
        for (const auto& [uid, message] : found) contents_.emplace(std::pair(name, uid), message.content);
        box = found;
      }
      ASSERT_EQ(found.size(), box.size()) << name;
      for (const auto& [uid, message] : box) {
        ASSERT_TRUE(found.contains(uid)) << name << " " << uid;
        EXPECT_EQ(found[uid].content, message.content) << name << " " << uid;
        EXPECT_EQ(found[uid].flags, message.flags) << name << " " << uid;
        EXPECT_EQ(found[uid].keywords, message.keywords) << name << " " << uid;
      }
    }
  }

  // --- watching ---

  void watch() {
    for (const auto& [name, box] : boxes_) {
      Watcher watcher{name, trial_.select(alice, name), {}};
      watcher.selected->shown()->index.each(
          [&](std::uint32_t, const Entry& e) { watcher.uids.push_back(e.uid.value()); });
      watchers_.push_back(std::move(watcher));
    }
  }

  void look() {
    for (Watcher& watcher : watchers_) {
      if (random_.below(2)) continue;
      const SnapshotPtr from = watcher.selected->shown();
      const SnapshotPtr to = watcher.selected->latest();
      const Changes changes = compare(*from, *to);
      NumberSet gone;
      for (auto one = changes.gone.rbegin(); one != changes.gone.rend(); ++one) {
        ASSERT_EQ(watcher.uids.at(one->sequence - 1), one->uid.value());
        watcher.uids.erase(watcher.uids.begin() + one->sequence - 1);
        gone.add(one->uid.value());
      }
      if (changes.first_new) {
        ASSERT_EQ(changes.first_new, watcher.uids.size() + 1);
        for (auto n = changes.first_new; n <= to->index.size(); ++n) {
          watcher.uids.push_back(to->index.at(n).uid.value());
          EXPECT_GE(to->index.at(n).uid, from->summary.uid_next);
          EXPECT_GT(to->index.at(n).modseq, from->summary.highest);  // C16
        }
      }
      for (const auto n : changes.changed) EXPECT_GT(to->index.at(n).modseq, from->summary.highest);
      std::vector<std::uint32_t> truth;
      to->index.each([&](std::uint32_t, const Entry& e) { truth.push_back(e.uid.value()); });
      EXPECT_EQ(watcher.uids, truth);
      EXPECT_GE(to->summary.highest, from->summary.highest);
      EXPECT_GE(to->summary.uid_next, from->summary.uid_next);
      watcher.selected->show(to);
      if (running_ == 0 && !gone.empty()) {  // QRESYNC: who comes back later is told of the same
        const auto all = NumberSet::of({{1, UINT32_MAX}});
        const auto vanished = trial_.run(watcher.selected->vanished(from->summary.highest, all));
        ASSERT_TRUE(vanished);
        EXPECT_EQ(intersect(*vanished, gone), gone);
        EXPECT_TRUE(intersect(*vanished, to->index.all_uids()).empty());
      }
    }
  }

  SeededRandom random_;
  Trial trial_;
  std::map<std::string, Box> boxes_;
  std::map<std::pair<std::string, std::uint32_t>, int> contents_;
  std::vector<Watcher> watchers_;
  std::vector<Did> did_;
  int letters_ = 0;
  int running_ = 0;
};

class Histories : public testing::TestWithParam<std::uint64_t> {};

}  // namespace

TEST_P(Histories, WhatWasAcknowledgedIsThereAndEverySessionWasToldOfIt) {
  History history(GetParam());
  for (int n = 0; n < 60 && !testing::Test::HasFailure(); ++n) {
    SCOPED_TRACE(n);
    history.round();
  }
  if (!testing::Test::HasFailure()) history.census();
  EXPECT_GT(history.messages(), 5u);
}

// POSTROAD_HISTORIES=1000 tries more of them.
std::uint64_t histories() {
  const char* wanted = std::getenv("POSTROAD_HISTORIES");
  return wanted ? static_cast<std::uint64_t>(std::atoll(wanted)) : 8;
}
INSTANTIATE_TEST_SUITE_P(Seeds, Histories, testing::Range<std::uint64_t>(1, 1 + histories()));

}  // namespace postroad::mailbox
