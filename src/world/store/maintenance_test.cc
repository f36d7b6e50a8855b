// verify, backup, restore, repair.
#include "store/maintenance.h"

#include <fmt/format.h>

#include <future>
#include <set>
#include <thread>

#include "base/bytes.h"
#include "disk/simulated_disk.h"
#include "store/archive.h"
#include "store/conformance.h"
#include "store/layout.h"
#include "store/story.h"

namespace postroad::store {
namespace {

using disk::Loss;
using disk::SimulatedDisk;

class StringSink final : public Sink {
 public:
  void write(std::string_view octets) override { all.append(octets); }
  std::string all;
};
class StringSource final : public Source {
 public:
  explicit StringSource(std::string_view octets) : rest_(octets) {}
  std::size_t read(char* into, std::size_t octets) override {
    const std::size_t n = rest_.copy(into, std::min<std::size_t>(octets, 1000));
    rest_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view rest_;
};

EmbeddedOptions options_on(disk::Disk& disk, const std::string& data = "/data", bool threads = false) {
  EmbeddedOptions options;
  options.disk = &disk;
  options.data = data;
  options.threads = threads;
  options.reserve_octets = 0;
  options.segment_octets = 256 * 1024;
  options.memtable_octets = 128 * 1024;
  options.log_octets = 256 * 1024;
  options.blob_grace = options.erase_within = std::chrono::seconds{0};
  return options;
}

constexpr std::size_t partitions = 3;
constexpr std::uint64_t seed = 31;
Partition partition(std::size_t i) { return {Realm::Account, i + 1}; }

void tell(Store& store, Story& story) {
  std::vector<std::unique_ptr<BlobWriter>> writers;
  auto batch = story.next(store, writers);
  ASSERT_TRUE(batch);
  std::promise<CommitResult> answer;
  store.submit(std::move(*batch), [&](CommitResult r) { answer.set_value(r); });
  ASSERT_TRUE(answer.get_future().get());
  story.go_on();
}

class Maintenance : public testing::Test {
 protected:
  Maintenance() {
    for (std::size_t i = 0; i < partitions; ++i) stories_.emplace_back(driver_, seed, partition(i));
    const auto store = std::move(*open_embedded(options_on(disk_)));
    for (int round = 0; round < 30; ++round) {
      for (auto& story : stories_) tell(*store, story);
      if (round % 10 == 9) store->tend();
    }
  }
  // Every story as it is told, in this store.
  void find_stories(Store& store) {
    for (std::size_t i = 0; i < partitions; ++i) {
      Story story(driver_, seed, partition(i));
      EXPECT_EQ(story.resume(store, stories_[i].told(), stories_[i].told()), "") << i;
    }
  }
  std::vector<std::string> segment_files(SimulatedDisk& disk) {
    auto files = disk.files();
    std::erase_if(files, [](const auto& file) { return !file.ends_with(".segment"); });
    return files;
  }

  SimulatedDisk disk_;
  Driver driver_;
  ManualClock clock_;
  std::vector<Story> stories_;
};

// --- verify
// --------------------------------------------------------------------------------------------------

TEST_F(Maintenance, VerifyFindsNothingWrongWithASoundStore) {
  const auto report = verify(disk_, "/data");
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->good()) << report->wrong.front();
  EXPECT_EQ(report->partitions, partitions);
  EXPECT_GT(report->keys, 20u);
  EXPECT_GT(report->blobs, 10u);
  EXPECT_GE(report->references, report->blobs);
  EXPECT_GT(report->outbox, 10u);
  EXPECT_GT(report->segments, 0u);
  find_stories(**open_embedded(options_on(disk_)));  // and changed nothing
}

TEST_F(Maintenance, VerifyNamesTheBlobThatIsDamaged) {
  for (const auto& path : segment_files(disk_)) {
    const auto twin = disk_.after_power_cut(Loss::Nothing, 1);
    twin->flip(path, 64 + 48 + 20, 1);
    const auto report = verify(*twin, "/data");
    ASSERT_TRUE(report);
    ASSERT_LE(report->faults, 1u);
    if (report->faults) EXPECT_NE(report->wrong.front().find(path + ": blob "), std::string::npos);
  }
}

TEST_F(Maintenance, VerifyRefusesWhileTheStoreIsOpen) {
  const auto store = open_embedded(options_on(disk_));
  EXPECT_EQ(verify(disk_, "/data").error().what, OpenError::InUse);
  EXPECT_EQ(verify(disk_, "/elsewhere").error().what, OpenError::Foreign);
}

// --- backup and restore
// --------------------------------------------------------------------------------------

TEST_F(Maintenance, ABackupRestoresTheStoreAndCountsAsRestored) {
  StringSink backup;
  LeaseToken lease;
  {
    const auto store = std::move(*open_embedded(options_on(disk_)));
    EXPECT_EQ(store->restored_generation(), 0u);
    store->backup(backup);
    lease = store->lease();
  }
  StringSource source(backup.all);
  ASSERT_TRUE(restore(disk_, source, "/restored", clock_));
  const auto report = verify(disk_, "/restored");
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->good()) << report->wrong.front();
  std::uint32_t first = 0;
  {
    const auto store = std::move(*open_embedded(options_on(disk_, "/restored")));
    first = store->restored_generation();
    EXPECT_GT(first, 0u);
    EXPECT_GT(store->lease(), lease);
    find_stories(*store);
    for (auto& story : stories_) {
      Story again(driver_, seed, story.partition());
      EXPECT_EQ(again.resume(*store, story.told(), story.told()), "");
      tell(*store, again);
    }
  }
  // A backup of the restored store restores to a larger number still; so does the first backup a second time.
  clock_.advance(std::chrono::seconds(1));
  StringSource same(backup.all);
  ASSERT_TRUE(restore(disk_, same, "/again", clock_));
  EXPECT_GT((*open_embedded(options_on(disk_, "/again")))->restored_generation(), first);
}

TEST_F(Maintenance, NamesGivenOutAfterTheBackupAreNotGivenOutAgain) {
  StringSink backup;
  std::set<BlobId> before;
  const auto names = [&](Store& store) {
    std::set<BlobId> given;
    for (int i = 0; i < 20; ++i) {
      auto writer = store.new_blob();
      writer->append("body");
      given.insert(*driver_.run(writer->finish()));
    }
    return given;
  };
  {
    const auto store = std::move(*open_embedded(options_on(disk_)));
    store->backup(backup);
    before = names(*store);
  }
  StringSource source(backup.all);
  ASSERT_TRUE(restore(disk_, source, "/restored", clock_));
  const auto store = std::move(*open_embedded(options_on(disk_, "/restored")));
  for (const BlobId id : names(*store)) EXPECT_FALSE(before.contains(id));
}

// Each version of a story is a known state: whatever moment the backup caught, it must be one of them.
TEST_F(Maintenance, ABackupWhileWritingCatchesOneMoment) {
  auto options = options_on(disk_, "/data", true);
  options.compact_octets_per_second = 0;
  const auto store = std::move(*open_embedded(options));
  net::Runtime runtime(1);
  runtime.start();
  Driver driver(&runtime);
  std::atomic<bool> stop{false};
  std::vector<std::thread> tellers;
  std::atomic<std::uint64_t> told{0};
  for (std::size_t i = 0; i < partitions; ++i) {
    tellers.emplace_back([&, i] {
      Story story(driver, seed, partition(i));
      ASSERT_EQ(story.resume(*store, 0, UINT64_MAX), "");
      while (!stop) {
        tell(*store, story);
        ++told;
      }
    });
  }
  for (int round = 0; round < 4; ++round) {
    const std::uint64_t had = told;
    while (told < had + 20) std::this_thread::yield();
    StringSink backup;
    store->backup(backup);
    SimulatedDisk elsewhere;
    StringSource source(backup.all);
    ASSERT_TRUE(restore(elsewhere, source, "/data", clock_));
    const auto report = verify(elsewhere, "/data");
    ASSERT_TRUE(report && report->good()) << report->wrong.front();
    const auto restored = std::move(*open_embedded(options_on(elsewhere)));
    for (std::size_t i = 0; i < partitions; ++i) {
      Story story(driver_, seed, partition(i));
      EXPECT_EQ(story.resume(*restored, 30, UINT64_MAX), "");
    }
  }
  stop = true;
  for (auto& teller : tellers) teller.join();
}

TEST_F(Maintenance, ABackupThatIsDamagedOrBreaksOffIsRefusedWhole) {
  StringSink backup;
  (*open_embedded(options_on(disk_)))->backup(backup);
  SeededRandom random(1);
  for (int i = 0; i < 40; ++i) {
    SimulatedDisk elsewhere;
    std::string damaged = backup.all;
    const std::size_t at = random.below(damaged.size());
    if (i % 2)
      damaged.resize(at);
    else
      damaged[at] = static_cast<char>(damaged[at] ^ 4);
    StringSource source(damaged);
    EXPECT_THROW((void)restore(elsewhere, source, "/data", clock_), BadArchive);
    EXPECT_FALSE(elsewhere.status("/data/store"));
    EXPECT_FALSE(elsewhere.status("/data/store.new"));
  }
}

TEST_F(Maintenance, NothingIsRestoredOverAStore) {
  StringSink backup;
  (*open_embedded(options_on(disk_)))->backup(backup);
  StringSource source(backup.all);
  EXPECT_EQ(restore(disk_, source, "/data", clock_).error().what, OpenError::Foreign);
  find_stories(**open_embedded(options_on(disk_)));
}

TEST_F(Maintenance, AnArchiveReachesNoFileOutsideTheStore) {
  for (const std::string name :
       {"keys/../../evil", "/etc/passwd", "keys/.hidden", "segments/evil", "FORMAT", "keys/"}) {
    StringSink sink;
    ArchiveWriter archive(sink);
    layout::Superblock superblock;
    superblock.store = std::string(16, 's');
    archive.frame(Frame::Backup, print(superblock));
    std::string head;
    Writer(head).string(name).u64(4);
    archive.frame(Frame::File, head);
    archive.data("evil");
    archive.end();
    SimulatedDisk elsewhere;
    StringSource source(sink.all);
    EXPECT_THROW((void)restore(elsewhere, source, "/data", clock_), BadArchive) << name;
  }
}

// --- repair
// --------------------------------------------------------------------------------------------------

// All keys and bodies that the repaired store still has are right; how many of them there are.
std::size_t kept_of(SimulatedDisk& disk, Driver& driver, const std::string& data) {
  const auto store = std::move(*open_embedded(options_on(disk, data)));
  std::size_t kept = 0;
  for (std::size_t i = 0; i < partitions; ++i) {
    const auto page = driver.run(store->scan(partition(i), {}, {}));
    EXPECT_TRUE(page);
    for (const Entry& entry : *page) {
      Reader in(entry.value);
      const bool has_body = in.u8() != 0;
      const BlobId blob{in.u64()};
      const std::uint64_t body_seed = in.u64(), octets = in.u64();
      if (!has_body) {
        ++kept;
        continue;
      }
      const auto body = driver.run(read_all(*store, blob));
      if (!body) continue;
      EXPECT_EQ(*body, noise(octets, body_seed));
      ++kept;
    }
  }
  return kept;
}

TEST_F(Maintenance, RepairOfASoundStoreLosesNothing) {
  const auto report = repair(disk_, "/data", "/repaired", clock_);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->good()) << report->wrong.front();
  const auto checked = verify(disk_, "/repaired");
  ASSERT_TRUE(checked);
  EXPECT_TRUE(checked->good()) << checked->wrong.front();
  const auto store = std::move(*open_embedded(options_on(disk_, "/repaired")));
  find_stories(*store);
  EXPECT_GT(store->restored_generation(), 0u);
  find_stories(**open_embedded(options_on(disk_)));  // the old one is as it was
}

TEST_F(Maintenance, RepairSavesWhatIsReadableWhateverIsDamaged) {
  const std::size_t all = kept_of(disk_, driver_, "/data");
  SeededRandom random(3);
  const auto files = disk_.files();
  int refused = 0;
  for (std::size_t i = 0; i < 30; ++i) {
    const auto twin = disk_.after_power_cut(Loss::Nothing, 1);
    const std::string path = files[i % files.size()];
    const std::uint64_t octets = twin->status(path)->octets;
    if (octets == 0 || path.ends_with("OCK")) continue;
    const std::uint64_t at = random.below(octets);
    SCOPED_TRACE(fmt::format("{} at {} of {}", path, at, octets));
    twin->flip(path, at, static_cast<unsigned>(random.below(8)));
    refused += !open_embedded(options_on(*twin->after_power_cut(Loss::Nothing, 1)));
    const auto report = repair(*twin, "/data", "/repaired", clock_);
    ASSERT_TRUE(report) << report.error().text;
    const auto checked = verify(*twin, "/repaired");
    ASSERT_TRUE(checked) << checked.error().text;
    EXPECT_TRUE(checked->good()) << checked->wrong.front();
    const std::size_t kept = kept_of(*twin, driver_, "/repaired");
    if (report->good()) EXPECT_EQ(kept, all);
    // In a table as small as these all may lie in the one block that is damaged.
    if (!path.ends_with(".sst")) EXPECT_GE(kept, path.ends_with(".segment") ? all - 2 : all / 2);
  }
  EXPECT_GT(refused, 0);
}

TEST_F(Maintenance, ADamagedBlockOfTheDatabaseTakesOnlyWhatLiesInIt) {
  constexpr int many = 5'000;
  SimulatedDisk disk;
  const auto key = [](int i) { return fmt::format("{:05}", i); };
  const auto value = [](int i) { return noise(100, static_cast<std::uint64_t>(i)); };
  {
    const auto store = std::move(*open_embedded(options_on(disk)));
    for (int i = 0; i < many; i += 100) {
      Batch batch(partition(0));
      for (int k = i; k < i + 100; ++k) batch.put(key(k), value(k));
      store->submit(std::move(batch), [](CommitResult result) { ASSERT_TRUE(result); });
    }
  }
  SeededRandom random(9);
  int hit = 0;
  for (const auto& path : disk.files()) {
    if (!path.ends_with(".sst") || disk.status(path)->octets < 20'000) continue;
    const auto twin = disk.after_power_cut(Loss::Nothing, 1);
    twin->flip(path, random.below(disk.status(path)->octets * 9 / 10), 2);
    const auto report = repair(*twin, "/data", "/repaired", clock_);
    ASSERT_TRUE(report) << report.error().text;
    hit += !report->good();
    const auto store = std::move(*open_embedded(options_on(*twin, "/repaired")));
    int kept = 0;
    for (int i = 0; i < many; ++i) {
      const auto found = driver_.run(store->get(partition(0), key(i), {}));
      ASSERT_TRUE(found);
      if (*found) EXPECT_EQ((*found)->octets, value(i));
      kept += found->has_value();
    }
    EXPECT_GT(kept, many - 300);
  }
  EXPECT_GT(hit, 0);
}

TEST_F(Maintenance, RepairFindsBodiesWhoseDatabaseIsGone) {
  for (const auto& path : disk_.files())
    if (path.find("/keys/MANIFEST") != path.npos || path.ends_with("/CURRENT"))
      EXPECT_TRUE(disk_.remove(path));
  EXPECT_FALSE(open_embedded(options_on(disk_)));
  const auto report = repair(disk_, "/data", "/repaired", clock_);
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_FALSE(report->good());
  const auto checked = verify(disk_, "/repaired");
  ASSERT_TRUE(checked && checked->good()) << (checked ? checked->wrong.front() : checked.error().text);
  find_stories(**open_embedded(options_on(disk_, "/repaired")));
}

TEST_F(Maintenance, RepairRefusesADirectoryThatHoldsAStore) {
  EXPECT_EQ(repair(disk_, "/data", "/data", clock_).error().what, OpenError::Foreign);
  EXPECT_EQ(repair(disk_, "/nothing", "/repaired", clock_).error().what, OpenError::Foreign);
}

}  // namespace
}  // namespace postroad::store
