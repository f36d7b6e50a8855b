#include "mailbox/page.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace postroad::mailbox {

namespace {

Entry arrived(std::uint32_t uid) {
  return {.uid = Uid{uid},
          .octets = 4000 + uid % 300,
          .home = {7, uid},
          .keywords = 0,
          .modseq = ModSeq{1000 + uid},
          .internal_date = 1'700'000'000 + uid * 3,
          .save_date = 1'700'000'000 + uid * 3,
          .flags = 0};
}

Entry anything(Random& random, std::uint32_t uid) {
  return {.uid = Uid{uid},
          .octets = static_cast<std::uint32_t>(random.u64()),
          .home = {static_cast<std::uint32_t>(random.u64()), static_cast<std::uint32_t>(random.u64())},
          .keywords = random.u64(),
          .modseq = ModSeq{random.u64()},
          .internal_date = static_cast<std::int64_t>(random.u64()),
          .save_date = static_cast<std::uint32_t>(random.u64()),
          .flags = static_cast<std::uint8_t>(random.u64())};
}

}  // namespace

TEST(PageRecord, MailThatCameInOrderTakesFewOctets) {
  std::vector<Entry> entries;
  for (std::uint32_t uid = 256; uid < 512; ++uid) entries.push_back(arrived(uid));
  EXPECT_LT(encode_page(ModSeq{2000}, entries).size(), 256u * 6);
  EXPECT_LT(encode_page(ModSeq{2000}, {entries.data(), 1}).size(), 32u);
}

TEST(PageRecord, EveryEntrySurvivesTheWayThereAndBack) {
  SeededRandom random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<Entry> entries;
    std::uint32_t uid = 0;
    for (std::size_t n = random.below(300); n > 0; --n) {
      uid += 1 + static_cast<std::uint32_t>(random.below(round % 2 ? 2 : 10'000'000));
      entries.push_back(round % 3 ? anything(random, uid) : arrived(uid));
    }
    const std::string record = encode_page(ModSeq{77}, entries);
    const auto page = decode_page(record);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->as_of, ModSeq{77});
    EXPECT_EQ(page->entries, entries);
  }
}

TEST(PageRecord, WhatWeNeverWroteIsRefusedAndNotRead) {
  SeededRandom random(2);
  std::vector<Entry> entries;
  for (std::uint32_t uid = 1; uid < 40; ++uid) entries.push_back(anything(random, uid * 3));
  const std::string record = encode_page(ModSeq{5}, entries);
  for (std::size_t n = 0; n < record.size(); ++n)
    EXPECT_FALSE(decode_page(std::string_view(record).substr(0, n))) << n;
  EXPECT_FALSE(decode_page(record + "x"));
  std::string newer = record;
  newer[0] = 99;
  EXPECT_EQ(decode_page(newer).error(), RecordError::TooNew);
  for (int round = 0; round < 20'000; ++round) {  // may be readable by chance; must end and stay inside
    std::string damaged = record;
    damaged[1 + random.below(damaged.size() - 1)] ^= static_cast<char>(1 + random.below(255));
    if (const auto page = decode_page(damaged)) EXPECT_LE(page->entries.size(), 4096u);
  }
}

}  // namespace postroad::mailbox
