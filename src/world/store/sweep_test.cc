// Blobs die when their last reference goes, and leave the disk.
#include <fstream>

#include "store/conformance.h"
#include "store/embedded.h"

namespace postroad::store {
namespace {

constexpr Partition alice{Realm::Account, 1};
constexpr Partition bob{Realm::Account, 2};

class Garbage : public Conformance {};
INSTANTIATE_TEST_SUITE_P(Engines, Garbage, testing::ValuesIn(subject_kinds()),
                         [](const auto& info) { return info.param.name; });

TEST_P(Garbage, ABlobLivesUntilItsLastReferenceGoes) {
  for (std::size_t octets : {500u, 50'000u, 200'000u}) {
    const std::string body = noise(octets, 4);
    const BlobId id = keep(alice, body, "one");
    commit(std::move(Batch(alice).refer(id, "two").refer(id, "two")));
    commit(std::move(Batch(bob).refer(id, "copy")));
    commit(std::move(Batch(alice).release(id, "one").release(id, "two").release(id, "never")));
    subject_->tend();
    EXPECT_EQ(read_blob(id), body);
    commit(std::move(Batch(bob).release(id, "copy")));
    subject_->tend();
    EXPECT_EQ(read_blob(id), refuse(BlobError::NoSuchBlob));
    EXPECT_EQ(commit(std::move(Batch(alice).refer(id, "again"))).outcome, Outcome::Conflict);
  }
}

TEST_P(Garbage, ABlobWhoseWriterLivesIsNotCollected) {
  std::unique_ptr<BlobWriter> writer;
  const BlobId id = write(noise(10'000, 1), writer);
  commit(std::move(Batch(alice).refer(id, "k")));
  commit(std::move(Batch(alice).release(id, "k")));
  subject_->tend();
  EXPECT_EQ(commit(std::move(Batch(bob).refer(id, "k"))).outcome, Outcome::Committed);
  writer.reset();
  subject_->tend();
  EXPECT_EQ(read_blob(id), noise(10'000, 1));
  commit(std::move(Batch(bob).release(id, "k")));
  subject_->tend();
  EXPECT_EQ(read_blob(id), refuse(BlobError::NoSuchBlob));
}

TEST_P(Garbage, AFreshBlobOutlivesTheRemovalOfEverythingBesideIt) {
  const BlobId before = keep(alice, noise(200'000, 1), "before");
  std::unique_ptr<BlobWriter> writer;
  const BlobId fresh = write(noise(200'000, 2), writer);
  const BlobId after = keep(alice, noise(200'000, 3), "after");
  commit(std::move(Batch(alice).release(before, "before").release(after, "after")));
  for (int i = 0; i < 3; ++i) subject_->tend();
  EXPECT_EQ(commit(std::move(Batch(alice).refer(fresh, "k"))).outcome, Outcome::Committed);
  writer.reset();
  subject_->tend();
  EXPECT_EQ(read_blob(fresh), noise(200'000, 2));
}

TEST_P(Garbage, AReaderReadsOnWhileTheBlobIsErased) {
  const std::string body = noise(300'000, 5);
  const BlobId id = keep(alice, body, "k");
  auto open = [](Store& store, BlobId blob) -> net::task<std::unique_ptr<BlobReader>> {
    auto reader = co_await store.open_blob(blob);
    co_return std::move(*reader);
  };
  auto reader = run(open(store(), id));
  commit(std::move(Batch(alice).release(id, "k")));
  for (int i = 0; i < 3; ++i) subject_->tend();
  EXPECT_EQ(read_blob(id), refuse(BlobError::NoSuchBlob));
  auto rest = [](BlobReader& from) -> net::task<std::string> {
    std::string all;
    while (all.size() < from.octets()) all.append(*co_await from.read(all.size()));
    co_return all;
  };
  EXPECT_EQ(run(rest(*reader)), body);
}

TEST_P(Garbage, WhatLivesSurvivesWhenItsSegmentIsEmptied) {
  std::vector<BlobId> blobs;
  for (std::uint64_t i = 0; i < 60; ++i)
    blobs.push_back(keep(alice, noise(i % 10 == 9 ? 150'000 : 12'000 + i, i), std::to_string(i)));
  Batch batch(alice);
  for (std::uint64_t i = 0; i < 60; ++i)
    if (i % 3) batch.release(blobs[i], std::to_string(i));
  commit(std::move(batch));
  const auto before = store().status();
  for (int i = 0; i < 5; ++i) subject_->tend();
  const auto after = store().status();
  EXPECT_LT(after.blob_octets, before.blob_octets / 2);
  EXPECT_EQ(after.dead_octets, after.segments * 64);  // nothing but the headers of segments
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t i = 0; i < 60; ++i) {
      if (i % 3)
        EXPECT_EQ(read_blob(blobs[i]), refuse(BlobError::NoSuchBlob));
      else
        EXPECT_EQ(read_blob(blobs[i]), noise(i % 10 == 9 ? 150'000 : 12'000 + i, i)) << i;
    }
    subject_->reopen();
  }
}

// --- The embedded engine alone: octets on the disk ---------------------------------------------------------

bool disk_holds(const std::string& directory, const std::string& octets) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (!file.is_regular_file()) continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(in)), {});
    if (content.find(octets) != std::string::npos) return true;
  }
  return false;
}

class Erasure : public testing::Test {
 protected:
  Erasure() {
    options_.data = directory_.path() + "/data";
    options_.threads = false;
    options_.clock = &clock_;
    options_.reserve_octets = 0;
    open();
  }
  void open() {
    store_.reset();
    store_ = std::move(*open_embedded(options_));
  }
  BlobId keep(const std::string& body, std::string_view by) {
    auto writer = store_->new_blob();
    writer->append(body);
    const BlobId id = *core_.run(writer->finish());
    EXPECT_TRUE(core_.run(store_->commit(std::move(Batch(alice).refer(id, by)))));
    return id;
  }
  void release(BlobId id, std::string_view by) {
    EXPECT_TRUE(core_.run(store_->commit(std::move(Batch(alice).release(id, by)))));
  }
  bool on_disk(const std::string& octets) { return disk_holds(options_.data, octets); }
  // A week as the engine's own thread would spend it.
  void days(int n) {
    for (int hour = 0; hour < 24 * n; ++hour) {
      clock_.advance(std::chrono::hours(1));
      store_->tend();
    }
  }

  ScratchDirectory directory_;
  ManualClock clock_;
  net::ManualCore core_;
  EmbeddedOptions options_;
  std::unique_ptr<EmbeddedStore> store_;
};

TEST_F(Erasure, AnErasedBodyHasLeftTheDiskAfterAWeekWhereverItLay) {
  const std::string small = "a small body that must go " + hex_noise(1),
                    middle = "a body of middle size " + hex_noise(2) + noise(9'000, 2),
                    large = "a large body " + hex_noise(3) + noise(400'000, 3);
  // Most of what lies beside them lives on.
  std::vector<BlobId> others;
  for (std::uint64_t i = 0; i < 40; ++i)
    others.push_back(keep(noise(i % 2 ? 50'000 : 300, i), std::to_string(i)));
  const BlobId a = keep(small, "a"), b = keep(middle, "b"), c = keep(large, "c");
  EXPECT_TRUE(on_disk(hex_noise(1)) && on_disk(hex_noise(2)) && on_disk(hex_noise(3)));
  release(a, "a"), release(b, "b"), release(c, "c");
  days(7);
  EXPECT_FALSE(on_disk(hex_noise(1)));
  EXPECT_FALSE(on_disk(hex_noise(2)));
  EXPECT_FALSE(on_disk(hex_noise(3)));
  for (std::uint64_t i = 0; i < 40; ++i) {
    const auto body = core_.run(read_all(*store_, others[i]));
    EXPECT_EQ(body, noise(i % 2 ? 50'000 : 300, i));
  }
}

TEST_F(Erasure, ARestartForgetsNothingThatMustGo) {
  const std::string middle = "a body of middle size " + hex_noise(2) + noise(9'000, 2),
                    small = "small " + hex_noise(1);
  keep(noise(50'000, 9), "stays");
  const BlobId a = keep(middle, "a"), b = keep(small, "b");
  release(a, "a"), release(b, "b");
  open();  // before anything was tended
  days(4);
  open();
  days(3);
  EXPECT_FALSE(on_disk(hex_noise(2)));
  EXPECT_FALSE(on_disk(hex_noise(1)));
}

TEST_F(Erasure, ABodyIsNotRemovedBeforeTheGraceIsOver) {
  const BlobId id = keep(noise(9'000, 1), "k");
  release(id, "k");
  clock_.advance(59s);
  store_->tend();
  EXPECT_TRUE(core_.run(read_all(*store_, id)));
  clock_.advance(2s);
  store_->tend();
  EXPECT_FALSE(core_.run(read_all(*store_, id)));
}

TEST_F(Erasure, WhatIsAllDeadGoesWithoutWaiting) {
  options_.segment_octets = 1 << 20;
  open();
  std::vector<BlobId> blobs;
  for (std::uint64_t i = 0; i < 100; ++i) blobs.push_back(keep(noise(40'000, i), std::to_string(i)));
  for (std::uint64_t i = 0; i < 100; ++i) release(blobs[i], std::to_string(i));
  clock_.advance(2min);
  store_->tend();
  EXPECT_LE(store_->status().segments, 1u);
}

TEST_F(Erasure, AReleaseThatWasForgottenIsFoundByTheSweep) {
  const BlobId id = keep(noise(9'000, 1), "k");
  release(id, "k");
  open();  // the list of candidates was in memory
  EXPECT_TRUE(core_.run(read_all(*store_, id)));
  store_->sweep();
  EXPECT_FALSE(core_.run(read_all(*store_, id)));
}

}  // namespace
}  // namespace postroad::store
