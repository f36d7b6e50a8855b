#include "mailbox/delta.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace postroad::mailbox {

namespace {

NumberSet some(Random& random, std::uint32_t below, std::uint64_t ranges) {
  NumberSet set;
  for (; ranges > 0; --ranges) {
    const auto first = 1 + static_cast<std::uint32_t>(random.below(below));
    set.add(first, first + static_cast<std::uint32_t>(random.below(40)));
  }
  return set;
}

// A mailbox as a child would write it.
struct Model {
  std::map<std::uint32_t, Entry> entries;
  std::uint32_t uid_next = 1;

  void apply(const Operation& operation, ModSeq modseq) {
    if (const auto* add = std::get_if<Add>(&operation)) {
      for (Entry e : add->entries) {
        e.modseq = modseq;
        entries[e.uid.value()] = e;
        uid_next = e.uid.value() + 1;
      }
    } else if (const auto* flags = std::get_if<ChangeFlags>(&operation)) {
      for (auto& [uid, e] : entries) {
        if (!flags->uids.contains(uid)) continue;
        Entry changed = e;
        changed.flags = static_cast<std::uint8_t>((e.flags & ~flags->remove) | flags->add);
        changed.keywords = (e.keywords & ~flags->remove_keywords) | flags->add_keywords;
        if (changed == e) continue;
        changed.modseq = modseq;
        e = changed;
      }
    } else if (const auto* expunge = std::get_if<Expunge>(&operation)) {
      std::erase_if(entries, [&](const auto& e) { return expunge->uids.contains(e.first); });
    } else if (const auto* share = std::get_if<Share>(&operation)) {
      for (auto& [uid, e] : entries)
        if (share->uids.contains(uid)) e.flags |= flag::shared;
    }
  }

  std::vector<Entry> list() const {
    std::vector<Entry> out;
    for (const auto& [uid, e] : entries) out.push_back(e);
    return out;
  }
};

std::vector<Entry> list(const Index& index) {
  std::vector<Entry> out;
  std::uint32_t expected = 0;
  index.each([&](std::uint32_t sequence, const Entry& e) {
    EXPECT_EQ(sequence, ++expected);
    out.push_back(e);
  });
  return out;
}

Operation random_operation(Random& random, std::uint32_t& uid_next) {
  const auto kind = random.below(10);
  if (kind < 4 || uid_next == 1) {
    Add add;
    for (auto n = 1 + random.below(kind == 0 ? 700 : 3); n > 0; --n) {
      if (random.below(50) == 0) uid_next += static_cast<std::uint32_t>(random.below(2000));
      add.entries.push_back({.uid = Uid{uid_next},
                             .octets = static_cast<std::uint32_t>(random.below(9000)),
                             .home = {3, uid_next},
                             .keywords = 0,
                             .modseq = {},
                             .internal_date = 1,
                             .save_date = 2,
                             .flags = static_cast<std::uint8_t>(random.below(32))});
      ++uid_next;
    }
    return add;
  }
  if (kind < 7)
    return ChangeFlags{.uids = some(random, uid_next, 1 + random.below(5)),
                       .remove = static_cast<std::uint8_t>(random.below(32)),
                       .add = static_cast<std::uint8_t>(random.below(32)),
                       .remove_keywords = random.below(8),
                       .add_keywords = random.below(8)};
  if (kind < 9) return Expunge{some(random, uid_next, 1 + random.below(kind == 8 ? 12 : 2))};
  return Share{some(random, uid_next, 2)};
}

// What a client knows who was told of every change.
struct Client {
  std::vector<std::pair<std::uint32_t, ModSeq>> messages;  // uid, modseq; position is the sequence number

  void told(const Snapshot& to, const Changes& changes) {
    for (auto gone = changes.gone.rbegin(); gone != changes.gone.rend(); ++gone) {
      EXPECT_EQ(messages.at(gone->sequence - 1).first, gone->uid.value());
      messages.erase(messages.begin() + gone->sequence - 1);
    }
    if (changes.first_new) {
      EXPECT_EQ(changes.first_new, messages.size() + 1);
      for (auto n = changes.first_new; n <= to.index.size(); ++n)
        messages.emplace_back(to.index.at(n).uid.value(), to.index.at(n).modseq);
    }
    for (const auto n : changes.changed) {
      EXPECT_EQ(messages.at(n - 1).first, to.index.at(n).uid.value());
      messages[n - 1].second = to.index.at(n).modseq;
    }
  }
};

}  // namespace

TEST(Delta, PlayedOverAnyEarlierStateItGivesTheStateTheOwnerHad) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SeededRandom random(seed);
    Model model;
    Snapshot now;
    Snapshot then;  // a client was told of this one
    Client client;
    std::uint32_t uid_next = 1;
    for (std::uint64_t version = 1; version <= 150; ++version) {
      Delta delta{.modseq = ModSeq{version},
                  .sections = {{.mailbox = MailboxId{1}, .after = {}, .operations = {}}}};
      Section& section = delta.sections[0];
      for (auto n = 1 + random.below(3); n > 0; --n)
        section.operations.push_back(random_operation(random, uid_next));

      Editor editor(now.index);
      Summary summary = now.summary;
      Keywords keywords = *now.keywords;
      for (const Operation& operation : section.operations) {
        model.apply(operation, delta.modseq);
        apply(editor, summary, keywords, operation, delta.modseq);
      }
      section.after = summary;
      now.index = editor.finish();
      now.summary = summary;
      ASSERT_EQ(list(now.index), model.list());

      // Counts are a recount.
      Summary recount;
      for (const auto& [uid, e] : model.entries) recount.count(e);
      EXPECT_EQ(summary.messages, recount.messages);
      EXPECT_EQ(summary.unseen, recount.unseen);
      EXPECT_EQ(summary.deleted, recount.deleted);
      EXPECT_EQ(summary.octets, recount.octets);
      EXPECT_EQ(summary.deleted_octets, recount.deleted_octets);
      EXPECT_EQ(summary.uid_next.value(), model.uid_next);

      // On disk and back, cut into however many parts.
      const auto parts = encode_delta(delta, random.below(2) ? delta_record_octets : 200);
      const std::vector<std::string_view> views(parts.begin(), parts.end());
      const auto read = decode_delta(delta.modseq, views);
      ASSERT_TRUE(read);
      EXPECT_EQ(read->sections.at(0).after, section.after);

      if (random.below(4) == 0) {
        client.told(now, compare(then, now));
        then = now;
        ASSERT_EQ(client.messages.size(), now.index.size());
        for (std::uint32_t n = 1; n <= now.index.size(); ++n) {
          EXPECT_EQ(client.messages[n - 1].first, now.index.at(n).uid.value());
          EXPECT_EQ(client.messages[n - 1].second, now.index.at(n).modseq);
        }
        EXPECT_TRUE(compare(now, now).empty());
      }
      // Finding agrees with listing.
      const NumberSet uids = some(random, uid_next, 4);
      NumberSet found, expected;
      now.index.each_uid(uids, [&](std::uint32_t sequence, const Entry& e) {
        EXPECT_EQ(now.index.at(sequence), e);
        EXPECT_EQ(now.index.locate(e.uid)->sequence, sequence);
        found.add(e.uid.value());
      });
      for (const auto& [uid, e] : model.entries)
        if (uids.contains(uid)) expected.add(uid);
      EXPECT_EQ(found, expected);
      EXPECT_EQ(now.index.uids_of(now.index.sequences_of(uids)), expected);
    }
  }
}

TEST(Delta, WhatIsReadIsWhatWasWrittenHoweverItWasCut) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SeededRandom random(seed);
    Delta delta{.modseq = ModSeq{9}, .sections = {}};
    std::uint32_t uid_next = 1;
    std::uint32_t mailbox = 0;
    for (auto n = 1 + random.below(4); n > 0; --n) {
      Section section{
          .mailbox = MailboxId{++mailbox}, .after = {.uid_next = Uid{77}, .messages = 4}, .operations = {}};
      section.after.highest = delta.modseq;
      section.operations.push_back(NameKeyword{.bit = 3, .name = "$Forwarded"});
      for (auto m = random.below(5); m > 0; --m)
        section.operations.push_back(random_operation(random, uid_next));
      delta.sections.push_back(section);
    }
    // What is written is the same sequence of effects: compare by applying both.
    const auto effect = [](const Delta& d) {
      std::map<std::uint32_t, std::pair<std::vector<Entry>, Keywords>> out;
      for (const Section& section : d.sections) {
        Editor editor(Index{});
        for (std::uint32_t uid = 1; uid < 900; ++uid) editor.add({.uid = Uid{uid + 5'000'000}});
        Summary summary;
        Keywords keywords;
        for (const Operation& operation : section.operations)
          apply(editor, summary, keywords, operation, d.modseq);
        out[section.mailbox.value()] = {list(editor.finish()), keywords};
      }
      return out;
    };
    for (const std::size_t octets :
         {std::size_t{1}, std::size_t{100}, std::size_t{3000}, delta_record_octets}) {
      const auto parts = encode_delta(delta, octets);
      const std::vector<std::string_view> views(parts.begin(), parts.end());
      EXPECT_EQ(delta_parts(parts[0]), parts.size());
      const auto read = decode_delta(delta.modseq, views);
      ASSERT_TRUE(read);
      EXPECT_EQ(effect(*read), effect(delta));
      for (std::size_t i = 0; i < read->sections.size(); ++i)
        EXPECT_EQ(read->sections[i].after, delta.sections[i].after);
    }
  }
}

TEST(Delta, OneDeliveryTakesTensOfOctets) {
  const Entry entry{.uid = Uid{80'000},
                    .octets = 4'321,
                    .home = {5, 80'000},
                    .keywords = 0,
                    .modseq = ModSeq{1'000'000},
                    .internal_date = 1'750'000'000,
                    .save_date = 1'750'000'001,
                    .flags = 0};
  const Delta delta{
      .modseq = ModSeq{1'000'000},
      .sections = {{.mailbox = MailboxId{5},
                    .after = {.uid_next = Uid{80'001}, .messages = 70'000, .unseen = 12, .octets = 1 << 30},
                    .operations = {Add{{entry}}}}}};
  const auto parts = encode_delta(delta);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_LT(parts[0].size(), 64u);
}

TEST(Delta, NoPartOfALargeOneIsTooLargeForARecord) {
  Add add;
  SeededRandom random(3);
  std::uint32_t uid = 1;
  for (int n = 0; n < 50'000; ++n) {
    uid += 1 + static_cast<std::uint32_t>(random.below(50'000));
    add.entries.push_back(
        {.uid = Uid{uid},
         .octets = static_cast<std::uint32_t>(random.u64()),
         .home = {static_cast<std::uint32_t>(random.u64()), static_cast<std::uint32_t>(random.u64())},
         .keywords = random.u64(),
         .modseq = ModSeq{random.u64()},
         .internal_date = static_cast<std::int64_t>(random.u64()),
         .save_date = 0,
         .flags = 3});
  }
  NumberSet sparse;
  for (std::uint32_t n = 1; n < 4'000'000'000u; n += 40'000) sparse.add(n);
  const Delta delta{.modseq = ModSeq{1},
                    .sections = {{MailboxId{1}, {}, {add, Expunge{sparse}, Share{sparse}}}}};
  for (const std::string& part : encode_delta(delta)) EXPECT_LE(part.size(), 64u * 1024);
}

TEST(DeltaRecord, DamageIsNoticedOrHarmless) {
  SeededRandom random(4);
  std::uint32_t uid_next = 1;
  Delta delta{.modseq = ModSeq{9}, .sections = {{MailboxId{1}, {}, {}}}};
  for (int n = 0; n < 20; ++n) delta.sections[0].operations.push_back(random_operation(random, uid_next));
  const auto parts = encode_delta(delta);
  for (int round = 0; round < 5'000; ++round) {
    std::string damaged = parts[0];
    damaged[random.below(damaged.size())] ^= static_cast<char>(1 + random.below(255));
    const std::string_view view = damaged;
    (void)decode_delta(delta.modseq, {&view, 1});
  }
  const std::string_view cut = std::string_view(parts[0]).substr(0, parts[0].size() - 1);
  EXPECT_FALSE(decode_delta(delta.modseq, {&cut, 1}));
}

}  // namespace postroad::mailbox
