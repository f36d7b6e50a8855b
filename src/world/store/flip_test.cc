// A bit turns over somewhere on the disk: the one object is found damaged, or the store refuses to start and
// says where. Nothing wrong is ever read as right (durability.md, attack 125).
#include <fmt/format.h>

#include <cstdlib>

#include "crypto/checksum.h"
#include "disk/simulated_disk.h"
#include "store/conformance.h"
#include "store/embedded.h"

namespace postroad::store {
namespace {

using disk::Loss;
using disk::SimulatedDisk;

constexpr Partition here{Realm::Account, 1};
constexpr int objects = 120;

std::size_t flips_wanted(std::size_t by_default) {
  const char* wanted = std::getenv("POSTROAD_FLIPS");
  return wanted ? std::strtoul(wanted, nullptr, 10) : by_default;
}

EmbeddedOptions options_on(disk::Disk& disk) {
  EmbeddedOptions options;
  options.disk = &disk;
  options.data = "/data";
  options.threads = false;
  options.reserve_octets = 0;
  options.memtable_octets = 64 * 1024;
  return options;
}

std::string key(int i) { return fmt::format("key {:03}", i); }
std::string value(int i) { return fmt::format("value {} {}", i, std::string(500, 'v')); }
std::string body(int i) {
  static constexpr std::size_t sizes[] = {700, 15'000, 150'000};
  return noise(sizes[i % 3], static_cast<std::uint64_t>(i));
}

class Flip : public testing::Test {
 protected:
  Flip() {
    auto store = std::move(*open_embedded(options_on(disk_)));
    for (int i = 0; i < objects; ++i) {
      auto writer = store->new_blob();
      writer->append(body(i));
      blobs_.push_back(*driver_.run(writer->finish()));
      Batch batch(here);
      batch.put(key(i), value(i)).refer(blobs_.back(), key(i));
      store->submit(std::move(batch), [](CommitResult result) { ASSERT_TRUE(result); });
    }
  }

  std::string content(SimulatedDisk& disk, const std::string& path) {
    return disk::read_file(disk, path, SIZE_MAX).value_or("gone");
  }

  // What the store on `disk` gives back; `damaged` counts what it says is not whole.
  void read_everything(EmbeddedStore& store, int& damaged) {
    for (int i = 0; i < objects; ++i) {
      const auto found = driver_.run(store.get(here, key(i), {}));
      if (!found)
        ++damaged;
      else
        EXPECT_TRUE(*found && (*found)->octets == value(i)) << "wrong and not noticed";
      const auto octets = driver_.run(read_all(store, blobs_[static_cast<std::size_t>(i)]));
      if (!octets)
        ++damaged;
      else
        EXPECT_EQ(*octets, body(i)) << "wrong and not noticed";
    }
    const auto page = driver_.run(store.scan(here, {}, {}));
    if (page)
      for (const Entry& entry : *page)
        EXPECT_EQ(entry.value, value(std::stoi(std::string(entry.key.substr(4)))));
  }

  SimulatedDisk disk_;
  Driver driver_;
  std::vector<BlobId> blobs_;
};

TEST_F(Flip, IsNoticedWhereverItHappens) {
  SeededRandom random(5);
  const auto files = disk_.files();
  int refused = 0, found_damaged = 0, without_effect = 0;
  const std::size_t wanted = flips_wanted(150);
  for (std::size_t i = 0; i < wanted; ++i) {
    const auto twin = disk_.after_power_cut(Loss::Nothing, 1);
    const std::string path = files[i % files.size()];
    const std::uint64_t octets = twin->status(path)->octets;
    if (octets == 0) continue;
    const std::uint64_t at = random.below(octets);
    SCOPED_TRACE(fmt::format("{} at {} of {}", path, at, octets));
    const auto bit = static_cast<unsigned>(random.below(8));
    twin->flip(path, at, bit);
    auto store = open_embedded(options_on(*twin));
    if (!store) {
      ++refused;
      EXPECT_TRUE(store.error().what == OpenError::Damaged || store.error().what == OpenError::Foreign ||
                  store.error().what == OpenError::Newer)
          << store.error().text;
      EXPECT_NE(store.error().text.find("/data/store"), std::string::npos) << store.error().text;
      // Trying destroyed nothing: with the bit turned back all is there.
      if (twin->status(path)) twin->flip(path, at, bit);
      store = open_embedded(options_on(*twin));
      ASSERT_TRUE(store) << store.error().text;
      int damaged = 0;
      read_everything(**store, damaged);
      EXPECT_EQ(damaged, 0);
      continue;
    }
    int damaged = 0;
    read_everything(**store, damaged);
    (damaged ? found_damaged : without_effect)++;
    // One block of the database holds a few dozen of our records; a segment's flip hits one body.
    EXPECT_LE(damaged, path.ends_with(".segment") ? 1 : objects);
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(found_damaged, 0);
}

TEST_F(Flip, InASegmentHitsOneBodyOnly) {
  SeededRandom random(6);
  for (const auto& path : disk_.files()) {
    if (!path.ends_with(".segment")) continue;
    for (int i = 0; i < 10; ++i) {
      const auto twin = disk_.after_power_cut(Loss::Nothing, 1);
      const std::uint64_t at = 64 + random.below(twin->status(path)->octets - 64);
      twin->flip(path, at, 3);
      auto store = open_embedded(options_on(*twin));
      ASSERT_TRUE(store);
      int damaged = 0;
      read_everything(**store, damaged);
      EXPECT_LE(damaged, 1);
      // It is not lost among the others, whatever moves them.
      (*store)->sweep();
      int again = 0;
      read_everything(**store, again);
      EXPECT_EQ(again, damaged);
    }
  }
}

TEST_F(Flip, OfTheSuperblockIsRefusedInPlainWords) {
  const auto try_with = [&](std::string_view from, std::string_view to) {
    const auto twin = disk_.after_power_cut(Loss::Nothing, 1);
    std::string text = content(*twin, "/data/store/FORMAT");
    text.replace(text.find(from), from.size(), to);
    text.resize(text.find("checksum "));  // it is a wrong text, not a wrong disk
    text += fmt::format("checksum {:016x}\n", crypto::xxh3(text));
    EXPECT_TRUE(disk::replace_file(*twin, "/data/store/FORMAT", text));
    auto store = open_embedded(options_on(*twin));
    return store ? std::pair(OpenError::Unavailable, std::string("opened"))
                 : std::pair(store.error().what, store.error().text);
  };
  EXPECT_EQ(try_with("epoch 1", "epoch 2").first, OpenError::Newer);
  EXPECT_NE(try_with("epoch 1", "epoch 2").second.find("later release"), std::string::npos);
  EXPECT_EQ(try_with("features ", "features tape").first, OpenError::Newer);
  EXPECT_EQ(try_with("postroad", "postgres").first, OpenError::Foreign);
  EXPECT_EQ(try_with("epoch 1", "epoch 0").first, OpenError::Foreign);
}

TEST_F(Flip, AMissingOrShortSegmentIsSaidWithItsNameAndOffset) {
  for (const auto& path : disk_.files()) {
    if (!path.ends_with(".segment")) continue;
    for (const bool missing : {true, false}) {
      const auto twin = disk_.after_power_cut(Loss::Nothing, 1);
      if (missing) {
        EXPECT_TRUE(twin->remove(path));
      } else {
        EXPECT_TRUE((*twin->open(path, disk::Open::Write))->resize(twin->status(path)->octets - 1));
      }
      auto store = open_embedded(options_on(*twin));
      ASSERT_FALSE(store);
      EXPECT_EQ(store.error().what, OpenError::Damaged);
      EXPECT_NE(store.error().text.find(path), std::string::npos);
      EXPECT_NE(store.error().text.find("repair"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace postroad::store
