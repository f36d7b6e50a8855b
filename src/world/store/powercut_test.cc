// The power goes at any moment: whatever was answered is there, and the rest is whole or absent.
#include <fmt/format.h>

#include <cstdlib>
#include <future>

#include "disk/simulated_disk.h"
#include "store/conformance.h"
#include "store/embedded.h"
#include "store/story.h"

namespace postroad::store {
namespace {

using disk::Loss;
using disk::SimulatedDisk;

// How many cuts a test makes; POSTROAD_CUTS=20000 for the long run.
std::size_t cuts_wanted(std::size_t by_default) {
  const char* wanted = std::getenv("POSTROAD_CUTS");
  return wanted ? std::strtoul(wanted, nullptr, 10) : by_default;
}

EmbeddedOptions options_on(disk::Disk& disk) {
  EmbeddedOptions options;
  options.disk = &disk;
  options.data = "/data";
  options.threads = false;
  options.reserve_octets = 0;
  options.segment_octets = 256 * 1024;
  options.memtable_octets = 128 * 1024;  // flushed and compacted on the way
  options.log_octets = 256 * 1024;
  options.blob_grace = options.erase_within = std::chrono::seconds{0};
  return options;
}

// A promise: from this change of the disk on, the partition is at least at this version.
struct Promise {
  std::size_t from;
  std::size_t partition;
  std::uint64_t version;
};

struct Workload {
  SimulatedDisk disk;
  std::vector<Promise> promises;
  std::vector<std::uint64_t> told;
  std::size_t made = 0;  // changes until the store was there
};
constexpr std::size_t partitions = 3;
Partition partition(std::size_t i) { return {Realm::Account, i + 1}; }

// Commits, some answered one by one, some in groups of many partitions; removal, compaction, restarts.
void run(Workload& workload, std::uint64_t seed, Sabotage sabotage, bool threads) {
  Driver driver;
  workload.disk.record();
  auto options = options_on(workload.disk);
  options.sabotage = sabotage;
  options.threads = threads;
  std::vector<Story> stories;
  for (std::size_t i = 0; i < partitions; ++i) stories.emplace_back(driver, seed, partition(i));
  std::mutex mutex;
  for (int life = 0; life < 3; ++life) {
    auto opened = open_embedded(options);
    ASSERT_TRUE(opened) << opened.error().text;
    EmbeddedStore& store = **opened;
    if (life == 0) workload.made = workload.disk.changes();
    for (int round = 0; round < 25; ++round) {
      // One commit of each partition under way at once; in one group where there is a thread.
      std::vector<std::unique_ptr<BlobWriter>> writers;
      std::vector<std::future<CommitResult>> answers;
      for (std::size_t i = 0; i < partitions; ++i) {
        auto batch = stories[i].next(store, writers);
        ASSERT_TRUE(batch);
        auto answer = std::make_shared<std::promise<CommitResult>>();
        answers.push_back(answer->get_future());
        store.submit(std::move(*batch), [&, i, answer, version = stories[i].told() + 1](CommitResult result) {
          if (result) {
            const std::lock_guard lock(mutex);
            workload.promises.push_back({workload.disk.changes(), i, version});
          }
          answer->set_value(result);
        });
      }
      for (std::size_t i = 0; i < partitions; ++i) {
        ASSERT_EQ(answers[i].get().outcome, Outcome::Committed);
        stories[i].go_on();
      }
      writers.clear();
      if (round % 6 == 5) store.tend();
    }
  }
  for (const auto& story : stories) workload.told.push_back(story.told());
}

// What is wrong with the store on this disk, found after a cut at `at`; nothing if it is as promised.
std::string examine(const Workload& workload, SimulatedDisk& found, std::size_t at, std::uint64_t seed) {
  auto opened = open_embedded(options_on(found));
  if (!opened) return opened.error().text;
  EmbeddedStore& store = **opened;
  Driver driver;
  std::vector<std::uint64_t> at_least(partitions, 0);
  for (const auto& promise : workload.promises)
    if (promise.from <= at)
      at_least[promise.partition] = std::max(at_least[promise.partition], promise.version);
  std::vector<Story> stories;
  for (std::size_t i = 0; i < partitions; ++i) {
    Story& story = stories.emplace_back(driver, seed, partition(i));
    if (auto wrong = story.resume(store, at_least[i], workload.told[i] + 1); !wrong.empty())
      return fmt::format("partition {}: {}", i, wrong);
  }
  // It goes on from there, and nothing that lives is taken for dead.
  store.sweep();
  store.tend();
  for (auto& story : stories) {
    std::vector<std::unique_ptr<BlobWriter>> writers;
    auto batch = story.next(store, writers);
    if (!batch) return "no body can be written";
    CommitResult result;
    store.submit(std::move(*batch), [&](CommitResult r) { result = r; });
    if (!result) return fmt::format("a commit is answered {}", static_cast<int>(result.outcome));
    story.go_on();
  }
  for (auto& story : stories)
    if (auto wrong = story.resume(store, story.told(), story.told()); !wrong.empty())
      return "after going on: " + wrong;
  return {};
}

// The first thing that is wrong after any of `cuts` cuts spread over the workload.
std::string first_wrong(const Workload& workload, std::uint64_t seed, std::size_t cuts) {
  disk::PowerCuts disks(workload.disk);
  SeededRandom random(seed);
  const std::size_t all = workload.disk.changes();
  for (std::size_t i = 0; i < cuts; ++i) {
    const std::size_t at = workload.made + (all - workload.made) * i / cuts;
    const auto loss = random.below(4) == 0   ? Loss::Everything
                      : random.below(8) == 0 ? Loss::Nothing
                                             : Loss::Random;
    const std::uint64_t cut_seed = random.u64();
    const auto found = disks.at(at, loss, cut_seed);
    if (auto wrong = examine(workload, *found, at, seed); !wrong.empty())
      return fmt::format("cut at {} of {} (loss {}, seed {}): {}", at, all, static_cast<int>(loss), cut_seed,
                         wrong);
  }
  return {};
}

TEST(PowerCut, LosesNothingThatWasAnswered) {
  Workload workload;
  run(workload, 1, Sabotage::None, false);
  ASSERT_EQ(workload.promises.size(), 3u * 25 * partitions);
  EXPECT_EQ(first_wrong(workload, 1, cuts_wanted(150)), "");
}

// With the committer's thread several commits share a sync, and the moment differs in every run.
TEST(PowerCut, LosesNothingOfAGroup) {
  Workload workload;
  run(workload, 2, Sabotage::None, true);
  EXPECT_EQ(first_wrong(workload, 2, cuts_wanted(60)), "");
}

TEST(PowerCut, LosesNothingWhereNamesFollowTheSyncOfAFile) {
  Workload workload;
  workload.disk.set_ordered_names(true);
  run(workload, 3, Sabotage::None, false);
  EXPECT_EQ(first_wrong(workload, 3, cuts_wanted(60)), "");
}

// --- Controls: were the store wrong, these tests would tell ------------------------------------------------

TEST(PowerCut, FindsOutAStoreThatAnswersBeforeItCommits) {
  Workload workload;
  run(workload, 1, Sabotage::AcknowledgeBeforeCommit, false);
  EXPECT_NE(first_wrong(workload, 1, 300), "");
}

TEST(PowerCut, FindsOutAStoreThatSkipsTheSync) {
  Workload workload;
  run(workload, 1, Sabotage::SkipSync, false);
  EXPECT_NE(first_wrong(workload, 1, 300), "");
}

TEST(PowerCut, FindsOutADiskThatLiesAboutSync) {
  Workload workload;
  workload.disk.record();
  {
    auto made = open_embedded(options_on(workload.disk));
    ASSERT_TRUE(made);
  }
  workload.disk.set_sync_lies(true);
  run(workload, 1, Sabotage::None, false);
  EXPECT_NE(first_wrong(workload, 1, 300), "");
}

}  // namespace
}  // namespace postroad::store
