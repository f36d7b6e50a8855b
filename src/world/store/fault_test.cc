// The n-th write, sync, name or read fails, once or for ever: nothing is answered that is not so, and the
// next start finds everything that was (durability.md, attacks 118 and 119, regime R3).
#include <fmt/format.h>

#include <cstdlib>

#include "disk/simulated_disk.h"
#include "store/conformance.h"
#include "store/embedded.h"
#include "store/story.h"

namespace postroad::store {
namespace {

using disk::Fault;
using disk::IoError;
using disk::Loss;
using disk::SimulatedDisk;
using disk::Site;

// Every one of how many faults is tried; POSTROAD_FAULTS=1 for all of them.
std::uint64_t stride(std::uint64_t by_default) {
  const char* wanted = std::getenv("POSTROAD_FAULTS");
  return wanted ? std::max(1ul, std::strtoul(wanted, nullptr, 10)) : by_default;
}

EmbeddedOptions options_on(disk::Disk& disk) {
  EmbeddedOptions options;
  options.disk = &disk;
  options.data = "/data";
  options.threads = false;
  options.reserve_octets = 0;
  options.segment_octets = 128 * 1024;
  options.memtable_octets = 64 * 1024;
  options.log_octets = 128 * 1024;
  options.blob_grace = options.erase_within = std::chrono::seconds{0};
  return options;
}

constexpr std::size_t partitions = 2;
constexpr std::uint64_t seed = 11;

struct Told {
  std::uint64_t promised = 0;  // answered with Committed
  bool unknown = false;        // and one more that was answered with Unknown
};

// Two lives of a store. What is refused is tried again a little later; what fails for good ends the life.
std::string live(SimulatedDisk& disk, std::vector<Told>& told) {
  Driver driver;
  told.resize(partitions);
  for (int life = 0; life < 2; ++life) {
    auto opened = open_embedded(options_on(disk));
    if (!opened) {
      if (opened.error().text.empty()) return "a store that cannot be opened does not say why";
      if (opened.error().what == OpenError::Foreign) return opened.error().text;
      continue;
    }
    EmbeddedStore& store = **opened;
    std::vector<Story> stories;
    for (std::size_t i = 0; i < partitions; ++i)
      stories.emplace_back(driver, seed, Partition{Realm::Account, i + 1}, 100'000);
    for (std::size_t i = 0; i < partitions; ++i) {
      const auto wrong =
          stories[i].resume(store, told[i].promised, told[i].promised + (told[i].unknown ? 1 : 0));
      if (!wrong.empty()) {
        // While the fault lasts reading may fail; only afterwards it must not.
        if (disk.struck()) return {};
        return "while it lives: " + wrong;
      }
      told[i] = {.promised = stories[i].told()};
    }
    for (int round = 0; round < 20; ++round) {
      for (std::size_t i = 0; i < partitions; ++i) {
        if (told[i].unknown) continue;
        std::vector<std::unique_ptr<BlobWriter>> writers;
        auto batch = stories[i].next(store, writers);
        if (!batch) continue;
        CommitResult result;
        store.submit(std::move(*batch), [&](CommitResult r) { result = r; });
        if (result) {
          if (store.status().health == Health::Failed) return "a commit is answered after the store failed";
          stories[i].go_on();
          told[i].promised = stories[i].told();
        }
        told[i].unknown = result.outcome == Outcome::Unknown;
        if (told[i].unknown && store.status().health != Health::Failed) return "unknown, and goes on";
        if (result.outcome == Outcome::Conflict) return "a conflict where nobody else commits";
      }
      if (round % 5 == 4) store.tend();
    }
  }
  return {};
}

// What is there once the disk is well again: after a restart, or with `cut` after a power cut.
std::string examine(SimulatedDisk& disk, const std::vector<Told>& told) {
  auto opened = open_embedded(options_on(disk));
  if (!opened) return opened.error().text;
  Driver driver;
  for (std::size_t i = 0; i < partitions; ++i) {
    Story story(driver, seed, Partition{Realm::Account, i + 1}, 100'000);
    const std::uint64_t promised = i < told.size() ? told[i].promised : 0;
    const bool unknown = i < told.size() && told[i].unknown;
    if (auto wrong = story.resume(**opened, promised, promised + (unknown ? 1 : 0)); !wrong.empty())
      return fmt::format("partition {}: {}", i, wrong);
    std::vector<std::unique_ptr<BlobWriter>> writers;
    auto batch = story.next(**opened, writers);
    if (!batch) return "no body can be written";
    CommitResult result;
    (*opened)->submit(std::move(*batch), [&](CommitResult r) { result = r; });
    if (!result) return fmt::format("a commit is answered {}", static_cast<int>(result.outcome));
  }
  (*opened)->sweep();
  (*opened)->tend();
  return {};
}

std::string tried(Fault fault) {
  SimulatedDisk disk;
  disk.fail(fault);
  std::vector<Told> told;
  if (auto wrong = live(disk, told); !wrong.empty()) return wrong;
  disk.heal();
  const auto cut = disk.after_power_cut(Loss::Random, fault.nth);
  if (auto wrong = examine(disk, told); !wrong.empty()) return "after a restart: " + wrong;
  if (auto wrong = examine(*cut, told); !wrong.empty()) return "after a power cut: " + wrong;
  return {};
}

void try_all(Site site, IoError error, bool partial, std::uint64_t each) {
  std::uint64_t operations = 0;
  {
    SimulatedDisk disk;
    std::vector<Told> told;
    ASSERT_EQ(live(disk, told), "");
    operations = disk.operations(site);
  }
  ASSERT_GT(operations, 10u);
  std::uint64_t struck = 0;
  for (const bool for_ever : {false, true}) {
    for (std::uint64_t nth = for_ever ? each / 2 : 0; nth < operations; nth += each) {
      const Fault fault{.site = site, .nth = nth, .for_ever = for_ever, .error = error, .partial = partial};
      ASSERT_EQ(tried(fault), "") << nth << (for_ever ? " and all after it" : "") << " of " << operations;
      ++struck;
    }
  }
  EXPECT_GT(struck, 5u);
}

TEST(Fault, AnErrorOfAnyWriteLosesNothing) { try_all(Site::Write, IoError::io_error, true, stride(80)); }
TEST(Fault, AnErrorOfAnySyncLosesNothing) { try_all(Site::Sync, IoError::io_error, false, stride(40)); }
TEST(Fault, AnErrorOfAnyNameLosesNothing) { try_all(Site::Names, IoError::io_error, false, stride(30)); }
TEST(Fault, AnErrorOfAnyResizeLosesNothing) { try_all(Site::Resize, IoError::io_error, false, stride(3)); }
TEST(Fault, AnErrorOfAnyReadLosesNothing) { try_all(Site::Read, IoError::io_error, false, stride(80)); }
TEST(Fault, AFullDiskAtAnyWriteLosesNothing) {
  try_all(Site::Write | Site::Resize, IoError::no_space_on_device, true, stride(120));
}
TEST(Fault, AFullDiskAtAnySyncLosesNothing) {
  try_all(Site::Sync, IoError::no_space_on_device, false, stride(60));
}

// --- What a failure looks like -----------------------------------------------------------------------------

class Latch : public testing::Test {
 protected:
  void open(EmbeddedOptions options) { store_ = std::move(*open_embedded(std::move(options))); }
  CommitResult commit(Batch batch) {
    CommitResult result;
    store_->submit(std::move(batch), [&](CommitResult r) { result = r; });
    return result;
  }
  static Batch put(std::string_view key) { return std::move(Batch(here).put(key, "v")); }
  static constexpr Partition here{Realm::Account, 1};
  SimulatedDisk disk_;
  Driver driver_;
  std::unique_ptr<EmbeddedStore> store_;
};

TEST_F(Latch, AfterAFailedSyncNothingIsAnsweredUntilTheNextStart) {
  int failures = 0;
  auto options = options_on(disk_);
  options.on_failure = [&] { ++failures; };
  open(options);
  EXPECT_TRUE(commit(put("a")));
  disk_.fail({.site = Site::Sync});
  EXPECT_EQ(commit(put("b")).outcome, Outcome::Unknown);
  EXPECT_EQ(failures, 1);
  disk_.heal();
  EXPECT_EQ(commit(put("c")).outcome, Outcome::Unavailable);
  auto writer = store_->new_blob();
  writer->append("body");
  EXPECT_EQ(driver_.run(writer->finish()), refuse(BlobError::Unavailable));
  writer.reset();
  EXPECT_EQ(store_->status().health, Health::Failed);
  EXPECT_NE(store_->status().trouble, "");
  EXPECT_EQ((*driver_.run(store_->get(here, "a", {})))->octets, "v");  // reading goes on
  EXPECT_EQ(failures, 1);
  store_.reset();
  open(options);
  EXPECT_EQ(store_->status().health, Health::Good);
  EXPECT_TRUE(*driver_.run(store_->get(here, "a", {})));
  EXPECT_FALSE(*driver_.run(store_->get(here, "c", {})));
  EXPECT_TRUE(commit(put("c")));
}

TEST_F(Latch, AFailedSyncOfABodyMeansThatItsCommitNeverHappens) {
  open(options_on(disk_));
  auto writer = store_->new_blob();
  writer->append(noise(10'000, 1));
  const BlobId id = *driver_.run(writer->finish());
  disk_.fail({.site = Site::Sync});
  EXPECT_EQ(commit(std::move(put("b").refer(id, "b"))).outcome, Outcome::Unavailable);
  writer.reset();
  store_.reset();
  open(options_on(disk_));
  EXPECT_FALSE(*driver_.run(store_->get(here, "b", {})));
}

// --- A full disk -------------------------------------------------------------------------------------------

TEST_F(Latch, AFullDiskRefusesGrowthTakesRemovalsAndRecovers) {
  auto options = options_on(disk_);
  options.reserve_octets = 4 << 20;
  options.segment_octets = 1 << 20;
  disk_.set_capacity(24 << 20);
  open(options);
  // Until it is full.
  std::vector<BlobId> kept;
  Outcome outcome = Outcome::Committed;
  for (std::uint64_t i = 0; i < 1000 && outcome == Outcome::Committed; ++i) {
    auto writer = store_->new_blob();
    writer->append(noise(i % 2 ? 60'000 : 150'000, i));
    const auto id = driver_.run(writer->finish());
    if (!id) {
      EXPECT_EQ(id.error(), BlobError::NoSpace);
      outcome = Outcome::NoSpace;
      break;
    }
    outcome =
        commit(std::move(Batch(here).put(std::to_string(i), "v").refer(*id, std::to_string(i)))).outcome;
    if (outcome == Outcome::Committed) kept.push_back(*id);
  }
  EXPECT_EQ(outcome, Outcome::NoSpace);
  EXPECT_GT(kept.size(), 50u);
  EXPECT_EQ(store_->status().health, Health::Tight);
  EXPECT_NE(store_->status().trouble, "");
  EXPECT_EQ(commit(put("more")).outcome, Outcome::NoSpace);
  EXPECT_EQ(commit(std::move(put("delivered").essential())).outcome, Outcome::Committed);
  // What was taken is there, and can go.
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(driver_.run(read_all(*store_, kept[i])), noise(i % 2 ? 60'000 : 150'000, i)) << i;
    EXPECT_TRUE(commit(std::move(Batch(here).remove(std::to_string(i)).release(kept[i], std::to_string(i)))));
  }
  for (int i = 0; i < 5; ++i) store_->tend();
  EXPECT_EQ(store_->status().health, Health::Good);
  EXPECT_TRUE(commit(put("more")));
}

TEST_F(Latch, WhenOthersFillTheDiskWholeRemovalsStillCommit) {
  auto options = options_on(disk_);
  options.reserve_octets = 8 << 20;
  disk_.set_capacity(40 << 20);
  open(options);
  store_->tend();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(commit(put(std::to_string(i))));
  // Somebody else's file takes everything that is left.
  auto other = *disk_.open("/other", disk::Open::New);
  EXPECT_TRUE(other->reserve(0, disk_.space("/")->free));
  EXPECT_EQ(disk_.space("/")->free, 0u);
  store_->tend();
  EXPECT_EQ(commit(put("more")).outcome, Outcome::NoSpace);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(commit(std::move(Batch(here).remove(std::to_string(i))))) << i;
  EXPECT_TRUE(other->resize(0));
  store_->tend();
  EXPECT_TRUE(commit(put("more")));
}

}  // namespace
}  // namespace postroad::store
