// SimulatedDisk: files in memory, on a disk that fails, fills up and loses power when a test says so.
//
// It knows of every file what has been synced and what has not, sector by sector, and of every name whether
// its directory was synced. With record() it remembers each change, so that one run of a workload yields a
// disk as it could be found after a power cut at any of its thousands of changes:
//
//   SimulatedDisk disk;
//   disk.record();
//   run_workload(disk);
//   PowerCuts cuts(disk);
//   for (std::size_t at = 0; at <= disk.changes(); ++at) check(*cuts.at(at, Loss::Random, seed + at));
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "disk/disk.h"

namespace postroad::disk {

// What a power cut takes of what was not synced.
enum class Loss : std::uint8_t {
  Everything,  // whatever was not synced
  Nothing,     // all had reached the disk by chance
  Random,      // any sectors of 512 octets, any lengths, the later names
};

// What can fail; opens of files for reading and directory listings cannot.
enum class Site : std::uint8_t { Read = 1, Write = 2, Sync = 4, Names = 8, Resize = 16, Any = 31 };
constexpr Site operator|(Site a, Site b) {
  return static_cast<Site>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

struct Fault {
  Site site = Site::Any;
  std::uint64_t nth = 0;  // of the operations at such sites from now on, counted from 0
  bool for_ever = false;  // all after it fail too
  IoError error = IoError::io_error;
  bool partial = false;  // a failing write has written half
};

class SimulatedDisk final : public Disk {
 public:
  SimulatedDisk();
  ~SimulatedDisk() override;

  // Octets of content it holds; no_space_on_device beyond.
  void set_capacity(std::uint64_t octets);
  std::uint64_t used() const;
  // A sync of a file makes the names before it durable too, as on ext4. Otherwise only sync_directory() does.
  void set_ordered_names(bool on);
  // Syncs answer well and do nothing.
  void set_sync_lies(bool on);

  void fail(Fault fault);
  void heal();
  bool struck() const;                        // the fault has happened
  std::uint64_t operations(Site site) const;  // at such sites since the beginning

  void record();
  // How many changes have been recorded. Taken when something was promised, it says which cuts the promise
  // covers.
  std::size_t changes() const;

  // The disk as it is found when the power goes now.
  std::unique_ptr<SimulatedDisk> after_power_cut(Loss loss, std::uint64_t seed) const;
  // One bit of a file's content turns over.
  void flip(const std::string& path, std::uint64_t offset, unsigned bit);
  // All files, for tests that damage them one by one.
  std::vector<std::string> files() const;

  Result<std::unique_ptr<File>, IoError> open(const std::string& path, Open how) override;
  Result<void, IoError> remove(const std::string& path) override;
  Result<void, IoError> rename(const std::string& from, const std::string& to) override;
  Result<void, IoError> link(const std::string& from, const std::string& to) override;
  Result<void, IoError> make_directory(const std::string& path) override;
  Result<void, IoError> remove_directory(const std::string& path) override;
  Result<std::vector<std::string>, IoError> list(const std::string& path) override;
  Result<Status, IoError> status(const std::string& path) override;
  Result<void, IoError> sync_directory(const std::string& path) override;
  Result<Space, IoError> space(const std::string& path) override;
  Result<std::unique_ptr<Lock>, IoError> lock(const std::string& path) override;

 private:
  friend class PowerCuts;
  friend class SimulatedFile;
  friend class SimulatedLock;
  struct Node;
  struct Change;
  using NodePtr = std::shared_ptr<Node>;
  struct Place {
    NodePtr directory;
    std::string name;
    NodePtr node;  // null: there is none
  };

  std::optional<IoError> strike(Site site);
  Result<void, IoError> write(Node& node, std::uint64_t offset, std::span<const std::string_view> pieces);
  Result<void, IoError> refuse_growth(std::uint64_t more) const;
  void commit(Change change);
  void apply(const Change& change);
  NodePtr at(std::uint64_t number) const;
  Result<Place, IoError> find(const std::string& path) const;
  Result<Place, IoError> find_existing(const std::string& path) const;
  void measure();
  std::unique_ptr<SimulatedDisk> copy() const;
  void lose_power(Loss loss, std::uint64_t seed);

  mutable std::mutex mutex_;
  NodePtr root_;
  std::unordered_map<std::uint64_t, std::weak_ptr<Node>> nodes_;
  std::uint64_t next_node_ = 1;
  std::uint64_t used_ = 0, capacity_ = UINT64_MAX;
  std::int64_t time_ = 0;
  bool ordered_names_ = false, sync_lies_ = false;
  std::set<std::string> locks_;

  std::optional<Fault> fault_;
  std::uint64_t seen_ = 0;  // at the fault's sites since it was set
  bool struck_ = false;
  std::map<Site, std::uint64_t> counts_;

  bool recording_ = false;
  std::vector<Change> journal_;
};

// The disks that power cuts at successive points leave; points must not go back.
class PowerCuts {
 public:
  explicit PowerCuts(const SimulatedDisk& recorded);
  ~PowerCuts();
  std::unique_ptr<SimulatedDisk> at(std::size_t changes, Loss loss, std::uint64_t seed);

 private:
  const SimulatedDisk& recorded_;
  std::unique_ptr<SimulatedDisk> reached_;
  std::size_t done_ = 0;
};

}  // namespace postroad::disk
