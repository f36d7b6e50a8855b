#include <gtest/gtest.h>

#include <filesystem>

#include "disk/simulated_disk.h"

namespace postroad::disk {
namespace {

// What every disk does; `base` is a directory on it.
void behaves(Disk& disk, const std::string& base) {
  ASSERT_TRUE(make_directories(disk, base + "/a/b"));
  EXPECT_FALSE(*make_directories(disk, base + "/a/b"));
  auto file = *disk.open(base + "/a/f", Open::New);
  const std::string_view pieces[] = {"hello", "", " ", "world"};
  EXPECT_TRUE(file->write(2, pieces));
  EXPECT_EQ(*file->octets(), 13u);
  std::string into(20, 'x');
  EXPECT_EQ(*file->read(0, into), 13u);
  EXPECT_EQ(into.substr(0, 13), std::string("\0\0hello world", 13));
  EXPECT_EQ(*file->read(100, into), 0u);
  EXPECT_TRUE(file->reserve(0, 1 << 16));
  EXPECT_EQ(*file->octets(), 13u);
  EXPECT_TRUE(file->resize(7));
  EXPECT_TRUE(file->resize(9));
  EXPECT_EQ(*read_file(disk, base + "/a/f"), std::string("\0\0hello\0\0", 9));
  EXPECT_TRUE(file->sync());

  EXPECT_EQ(disk.open(base + "/none", Open::Read).error(), IoError::no_such_file_or_directory);
  EXPECT_EQ(disk.open(base + "/none/f", Open::Create).error(), IoError::no_such_file_or_directory);
  EXPECT_EQ(disk.open(base + "/a/f/g", Open::Create).error(), IoError::not_a_directory);
  EXPECT_EQ(disk.remove(base + "/none").error(), IoError::no_such_file_or_directory);
  EXPECT_EQ(disk.remove_directory(base + "/a").error(), IoError::directory_not_empty);
  EXPECT_EQ(disk.make_directory(base + "/a").error(), IoError::file_exists);

  EXPECT_TRUE(disk.link(base + "/a/f", base + "/a/linked"));
  EXPECT_TRUE(replace_file(disk, base + "/a/f", "new"));
  EXPECT_EQ(*read_file(disk, base + "/a/f"), "new");
  EXPECT_EQ(read_file(disk, base + "/a/linked")->size(), 9u);
  EXPECT_TRUE(disk.rename(base + "/a", base + "/c"));
  EXPECT_EQ(*disk.list(base + "/c"), (std::vector<std::string>{"b", "f", "linked"}));
  EXPECT_TRUE(disk.status(base + "/c/b")->directory);
  EXPECT_EQ(disk.status(base + "/c/f")->octets, 3u);
  EXPECT_TRUE(disk.sync_directory(base + "/c"));
  EXPECT_TRUE(disk.remove(base + "/c/f"));
  EXPECT_TRUE(file->write(0, "still open"));  // linked, and open
  EXPECT_GT(disk.space(base)->free, 0u);

  auto lock = disk.lock(base + "/lock");
  EXPECT_TRUE(lock);
  EXPECT_EQ(disk.lock(base + "/lock").error(), IoError::device_or_resource_busy);
  lock->reset();
  EXPECT_TRUE(disk.lock(base + "/lock"));
  EXPECT_TRUE(remove_tree(disk, base + "/c"));
  EXPECT_FALSE(disk.status(base + "/c"));
}

TEST(Disk, TheRealOneAndTheSimulatedOneBehaveAlike) {
  std::string name = (std::filesystem::temp_directory_path() / "postroad-disk-XXXXXX").string();
  ASSERT_TRUE(::mkdtemp(name.data()));
  behaves(real_disk(), name);
  std::filesystem::remove_all(name);
  SimulatedDisk simulated;
  behaves(simulated, "/data");
}

std::optional<std::string> content(Disk& disk, const std::string& path) {
  auto read = read_file(disk, path);
  return read ? std::optional(*read) : std::nullopt;
}

TEST(SimulatedDisk, APowerCutTakesWhatWasNotSynced) {
  SimulatedDisk disk;
  auto file = *disk.open("/f", Open::New);
  EXPECT_TRUE(file->write(0, "durable"));
  EXPECT_TRUE(file->sync());
  EXPECT_FALSE(content(*disk.after_power_cut(Loss::Everything, 1), "/f"));  // its name was not
  EXPECT_TRUE(disk.sync_directory("/"));
  EXPECT_TRUE(file->write(3, "XXXXXXXX"));
  EXPECT_EQ(content(disk, "/f"), "durXXXXXXXX");
  EXPECT_EQ(content(*disk.after_power_cut(Loss::Everything, 1), "/f"), "durable");
  EXPECT_EQ(content(*disk.after_power_cut(Loss::Nothing, 1), "/f"), "durXXXXXXXX");
  EXPECT_TRUE(disk.remove("/f"));
  EXPECT_EQ(content(*disk.after_power_cut(Loss::Everything, 1), "/f"), "durable");
  EXPECT_TRUE(file->resize(2));
  EXPECT_EQ(content(*disk.after_power_cut(Loss::Everything, 1), "/f"), "durable");
  EXPECT_EQ(content(*disk.after_power_cut(Loss::Nothing, 1), "/f"), std::nullopt);
}

TEST(SimulatedDisk, ALieAboutSyncKeepsNothing) {
  SimulatedDisk disk;
  disk.set_sync_lies(true);
  EXPECT_TRUE(replace_file(disk, "/f", "x"));
  EXPECT_FALSE(content(*disk.after_power_cut(Loss::Everything, 1), "/f"));
}

TEST(SimulatedDisk, WithOrderedNamesASyncedFileHasItsName) {
  SimulatedDisk disk;
  disk.set_ordered_names(true);
  auto file = *disk.open("/f", Open::New);
  EXPECT_TRUE(file->write(0, "x"));
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(content(*disk.after_power_cut(Loss::Everything, 1), "/f"), "x");
}

TEST(SimulatedDisk, ARandomLossMixesOldAndNewSectorsButNeverOthers) {
  SimulatedDisk disk;
  auto file = *disk.open("/f", Open::New);
  EXPECT_TRUE(file->write(0, std::string(4096, 'a')));
  EXPECT_TRUE(file->sync());
  EXPECT_TRUE(disk.sync_directory("/"));
  EXPECT_TRUE(file->write(1024, std::string(4096, 'b')));
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto left = content(*disk.after_power_cut(Loss::Random, seed), "/f");
    ASSERT_TRUE(left && (left->size() == 4096 || left->size() == 5120));
    for (std::size_t at = 0; at < left->size(); ++at) {
      const char c = (*left)[at];
      ASSERT_TRUE(at < 1024   ? c == 'a'
                  : at < 4096 ? c == 'a' || c == 'b'
                              : c == 'b' || c == '\0')
          << seed << " " << at;
      ASSERT_EQ(c, (*left)[at / 512 * 512]);
    }
    seen.insert(*left);
  }
  EXPECT_GT(seen.size(), 20u);
}

TEST(SimulatedDisk, RecordedChangesGiveTheDiskOfEveryMoment) {
  SimulatedDisk disk;
  disk.record();
  std::vector<std::size_t> promised;
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(replace_file(disk, "/f", std::to_string(i)));
    promised.push_back(disk.changes());
  }
  PowerCuts cuts(disk);
  for (std::size_t at = 0; at <= disk.changes(); ++at) {
    const auto found = content(*cuts.at(at, Loss::Random, at), "/f");
    std::size_t kept = 0;
    while (kept < promised.size() && promised[kept] <= at) ++kept;
    if (kept > 0) {
      ASSERT_TRUE(found);
      EXPECT_GE(std::stoul(*found) + 1, kept);
    }
  }
}

TEST(SimulatedDisk, AFullDiskRefusesGrowthAndTakesTheRest) {
  SimulatedDisk disk;
  disk.set_capacity(10'000);
  auto file = *disk.open("/f", Open::New);
  EXPECT_TRUE(file->write(0, std::string(9'000, 'x')));
  EXPECT_EQ(file->write(9'000, std::string(2'000, 'x')).error(), IoError::no_space_on_device);
  EXPECT_TRUE(file->write(0, std::string(10'000, 'y')));
  EXPECT_EQ(disk.space("/")->free, 0u);
  file.reset();
  EXPECT_TRUE(disk.remove("/f"));
  EXPECT_EQ(disk.space("/")->free, 10'000u);
}

TEST(SimulatedDisk, TheNthOperationFailsOnceOrForEver) {
  SimulatedDisk disk;
  auto file = *disk.open("/f", Open::New);
  disk.fail({.site = Site::Write, .nth = 1, .error = IoError::io_error, .partial = true});
  EXPECT_TRUE(file->write(0, "1111"));
  EXPECT_EQ(file->write(4, "2222").error(), IoError::io_error);
  EXPECT_EQ(content(disk, "/f"), "111122");
  EXPECT_TRUE(file->write(0, "3"));
  EXPECT_TRUE(disk.struck());
  disk.fail({.site = Site::Sync, .for_ever = true});
  EXPECT_TRUE(file->write(0, "3"));
  EXPECT_FALSE(file->sync());
  EXPECT_FALSE(file->sync());
  disk.heal();
  EXPECT_TRUE(file->sync());
}

}  // namespace
}  // namespace postroad::disk
