// A partition travels from store to store, or back into the same one.
#include "disk/simulated_disk.h"
#include "store/archive.h"
#include "store/conformance.h"
#include "store/embedded.h"
#include "store/maintenance.h"
#include "store/story.h"

namespace postroad::store {
namespace {

class StringSink final : public Sink {
 public:
  void write(std::string_view octets) override { all.append(octets); }
  std::string all;
};
class StringSource final : public Source {
 public:
  explicit StringSource(std::string_view octets) : rest_(octets) {}
  std::size_t read(char* into, std::size_t octets) override {
    const std::size_t n = rest_.copy(into, octets);
    rest_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view rest_;
};

constexpr Partition alice{Realm::Account, 1};

class Transfer : public Conformance {
 protected:
  void SetUp() override {
    Conformance::SetUp();
    other_ = GetParam().make();
  }
  void TearDown() override {
    other_.reset();
    Conformance::TearDown();
  }
  void tell(Store& store, Story& story, int steps) {
    for (int i = 0; i < steps; ++i) {
      std::vector<std::unique_ptr<BlobWriter>> writers;
      auto batch = story.next(store, writers);
      ASSERT_TRUE(batch);
      ASSERT_TRUE(run(store.commit(std::move(*batch))));
      story.go_on();
    }
  }
  std::string exported(Store& store, Partition partition) {
    StringSink sink;
    store.export_partition(partition, sink);
    return sink.all;
  }
  Outcome import(Store& store, Partition partition, const std::string& archive) {
    StringSource source(archive);
    return store.import_partition(partition, source);
  }
  std::unique_ptr<Subject> other_;
  Driver driver_{&runtime_};
};
INSTANTIATE_TEST_SUITE_P(Engines, Transfer, testing::ValuesIn(subject_kinds()),
                         [](const auto& info) { return info.param.name; });

TEST_P(Transfer, APartitionArrivesWithItsVersionsBodiesAndCommits) {
  Story story(driver_, 5, alice), bob(driver_, 5, {Realm::Account, 2});
  tell(store(), story, 60);
  tell(store(), bob, 20);
  const Family week = *run(store().family("ledger.w1"));
  commit(std::move(Batch({Realm::Tenant, 9}).put("k", "v", week)));
  EXPECT_EQ(import(other_->store(), alice, exported(store(), alice)), Outcome::Committed);
  EXPECT_EQ(import(other_->store(), {Realm::Tenant, 9}, exported(store(), {Realm::Tenant, 9})),
            Outcome::Committed);
  for (int i = 0; i < 2; ++i) {
    Story found(driver_, 5, alice);
    EXPECT_EQ(found.resume(other_->store(), 60, 60), "");
    tell(other_->store(), found, 5);
    EXPECT_EQ(found.resume(other_->store(), 65, 65), "");
    other_->tend();
    EXPECT_EQ(found.resume(other_->store(), 65, 65), "");
    const Family there = *run(other_->store().family("ledger.w1"));
    EXPECT_EQ((*run(other_->store().get({Realm::Tenant, 9}, "k", there)))->octets, "v");
    if (i == 1) break;
    other_->reopen();
    Story again(driver_, 5, alice);
    EXPECT_EQ(again.resume(other_->store(), 65, 65), "");
    break;
  }
  EXPECT_EQ(*run(other_->store().version({Realm::Account, 2})), Version{0});
}

TEST_P(Transfer, NothingIsImportedOverAPartition) {
  Story story(driver_, 5, alice);
  tell(store(), story, 20);
  EXPECT_EQ(import(store(), alice, exported(store(), alice)), Outcome::Conflict);
  EXPECT_EQ(story.resume(store(), 20, 20), "");
}

TEST_P(Transfer, AnImportThatBreaksOffLeavesNoPartitionAndCanBeRepeated) {
  Story story(driver_, 5, alice);
  tell(store(), story, 60);
  const std::string archive = exported(store(), alice);
  for (std::size_t part = 1; part < 8; ++part) {
    EXPECT_THROW(import(other_->store(), alice, archive.substr(0, archive.size() * part / 8)), BadArchive);
    EXPECT_EQ(*run(other_->store().version(alice)), Version{0});
    EXPECT_TRUE(run(other_->store().partitions(Realm::Account, 0, 10))->empty());
  }
  other_->reopen();
  EXPECT_EQ(import(other_->store(), alice, archive), Outcome::Committed);
  Story found(driver_, 5, alice);
  EXPECT_EQ(found.resume(other_->store(), 60, 60), "");
  const auto before = other_->store().status();
  other_->tend();
  EXPECT_EQ(found.resume(other_->store(), 60, 60), "");
  EXPECT_LE(other_->store().status().blob_octets, before.blob_octets);
}

TEST_P(Transfer, APartitionIsCopiedWithinAStoreWithoutASecondBody) {
  Story story(driver_, 5, alice);
  tell(store(), story, 40);
  const auto before = store().status().blob_octets;
  EXPECT_EQ(import(store(), {Realm::Account, 77}, exported(store(), alice)), Outcome::Committed);
  EXPECT_EQ(store().status().blob_octets, before);
  EXPECT_EQ(scan({Realm::Account, 77}).size(), scan(alice).size());
  EXPECT_EQ(*run(store().version({Realm::Account, 77})), Version{40});
}

}  // namespace
}  // namespace postroad::store
