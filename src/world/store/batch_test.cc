#include "store/batch.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "store/page.h"

namespace postroad::store {
namespace {

constexpr Partition here{Realm::Account, 7};

std::vector<Batch::Operation> operations(const Batch& batch) {
  std::vector<Batch::Operation> all;
  for (std::size_t at = 0; auto op = batch.operation(at);) all.push_back(*op);
  return all;
}

TEST(Batch, IsReadBackAsItWasSaid) {
  const std::string zeros("\0\xff\0", 3);
  Batch batch(here);
  const OpId name = OpId::draw();
  batch.put("key", "value").put(zeros, zeros, Family{3}).remove("gone").refer(BlobId{9}, "key");
  batch.release(BlobId{UINT64_MAX}, "").forget(name);

  const auto ops = operations(batch);
  ASSERT_EQ(ops.size(), 6u);
  EXPECT_EQ(ops[0].kind, Batch::Kind::Put);
  EXPECT_EQ(ops[0].key, "key");
  EXPECT_EQ(ops[0].value, "value");
  EXPECT_EQ(ops[0].checksum, value_checksum("key", "value"));
  EXPECT_EQ(ops[1].key, zeros);
  EXPECT_EQ(ops[1].value, zeros);
  EXPECT_EQ(ops[1].family, Family{3});
  EXPECT_EQ(ops[2].kind, Batch::Kind::Remove);
  EXPECT_EQ(ops[3].kind, Batch::Kind::Refer);
  EXPECT_EQ(ops[3].blob, BlobId{9});
  EXPECT_EQ(ops[4].blob, BlobId{UINT64_MAX});
  EXPECT_EQ(ops[5].key, name.view());
}

TEST(Batch, ExpectationsKeepTheirOrder) {
  Batch batch(here);
  batch.expect_lease(LeaseToken{300}).expect_absent("a").expect_version("b", Version{1u << 20});
  batch.expect_partition(Version{0});
  std::size_t at = 0;
  EXPECT_EQ(batch.expectation(at)->number, 300u);
  EXPECT_EQ(batch.expectation(at)->key, "a");
  EXPECT_EQ(batch.expectation(at)->number, 1u << 20);
  EXPECT_EQ(batch.expectation(at)->kind, Batch::Expect::PartitionVersion);
  EXPECT_FALSE(batch.expectation(at));
}

TEST(Batch, OnlyWhatMayGrowTheStoreIsSubjectToTheReserve) {
  EXPECT_FALSE(Batch(here).remove("a").release(BlobId{1}, "a").grows());
  EXPECT_TRUE(Batch(here).put("a", "").grows());
  EXPECT_TRUE(Batch(here).refer(BlobId{1}, "a").grows());
  EXPECT_FALSE(Batch(here).put("a", "").essential().grows());
}

TEST(Batch, LimitsAreExact) {
  Batch batch(here);
  EXPECT_NO_THROW(batch.put(std::string(key_limit, 'k'), std::string(value_limit, 'v')));
  EXPECT_THROW(batch.put(std::string(key_limit + 1, 'k'), ""), std::length_error);
  EXPECT_THROW(batch.put("k", std::string(value_limit + 1, 'v')), std::length_error);
  EXPECT_EQ(operations(batch).size(), 1u);

  Batch many(here);
  for (std::size_t i = 0; i < operation_limit; ++i) many.remove("k");
  EXPECT_TRUE(many.full());
  EXPECT_THROW(many.remove("k"), std::length_error);

  Batch large(here);
  const std::string value(value_limit, 'v');
  EXPECT_THROW(
      {
        for (std::size_t i = 0; i <= batch_limit / value_limit; ++i) large.put("k", value);
      },
      std::length_error);
}

TEST(Batch, WhatItTellsIsReadBackInOrder) {
  Batch batch(here);
  batch.put("k", "v").emit("first").emit("second").trim_outbox(7);
  const auto all = operations(batch);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1].kind, Batch::Kind::Emit);
  EXPECT_EQ(all[1].value, "first");
  EXPECT_EQ(all[2].value, "second");
  EXPECT_EQ(all[3].kind, Batch::Kind::Trim);
  EXPECT_EQ(all[3].upto, 7u);
  EXPECT_EQ(batch.emits(), 2u);
}

TEST(Batch, AChecksumCoversKeyAndValue) {
  EXPECT_NE(value_checksum("a", "b"), value_checksum("b", "a"));
  EXPECT_NE(value_checksum("ab", ""), value_checksum("", "ab"));
  EXPECT_NE(value_checksum("a", "b"), value_checksum("a", "c"));
}

TEST(Range, OfAPrefixEndsBeforeTheNextPrefix) {
  EXPECT_EQ(Range::prefix("ab").to, "ac");
  EXPECT_EQ(Range::prefix("a\xff").to, "b");
  EXPECT_EQ(Range::prefix("\xff").to, "");
}

}  // namespace
}  // namespace postroad::store
