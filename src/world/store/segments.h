// Segments: the append-only files in which bodies lie, and who may append to which.
//
// A segment is appended to by one holder at a time: the committer for bodies that fit in memory, a BlobWriter
// for a larger one, compaction for what it moves. So records never interleave, and what was not finished is
// cut off again. Whoever holds a shared_ptr<Segment> can read it: a segment that is dropped loses its file
// when the last one goes, so that readers and backups need no lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "disk/disk.h"
#include "store/layout.h"
#include "store/record.h"

namespace postroad::store {

class Segments;

class Segment {
 public:
  Segment(Segments& table, std::uint32_t number, std::uint64_t salt, std::uint64_t end);
  ~Segment();  // a dropped one removes its file
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  std::uint32_t number() const { return number_; }
  std::uint64_t salt() const { return salt_; }
  const std::string& path() const { return path_; }

  // Opened when needed, kept while recently used.
  Result<std::shared_ptr<disk::File>, disk::IoError> file();

  // For its holder: where the next record begins. Set after the record is written.
  std::uint64_t end() const { return end_.load(std::memory_order_acquire); }
  void set_end(std::uint64_t end) { end_.store(end, std::memory_order_release); }
  // Nobody appends to it any more; it goes back closed.
  void seal() { sealed_.store(true, std::memory_order_relaxed); }
  bool sealed() const { return sealed_.load(std::memory_order_relaxed); }
  // Dropped from the table: what its records were is elsewhere or gone.
  bool dropped() const { return dropped_.load(std::memory_order_relaxed); }

  // A record whose wrote() answered a number up to synced() is durable.
  std::uint64_t wrote() { return writes_.fetch_add(1, std::memory_order_acq_rel) + 1; }
  std::uint64_t synced() const { return synced_.load(std::memory_order_acquire); }
  // The octets, and when it is new the name; by the committer only.
  Result<void, disk::IoError> sync();

  // Fresh blobs that lie here and that no commit may have named yet: as long, the segment is not dropped.
  std::atomic<int> fresh{0};

  layout::SegmentRow row;  // as of the last commit; committer only, or while opening

 private:
  friend class Segments;
  Segments& table_;
  const std::uint32_t number_;
  const std::uint64_t salt_;
  const std::string path_;
  std::atomic<std::uint64_t> end_;
  std::atomic<std::uint64_t> writes_{0};
  std::atomic<std::uint64_t> synced_{0};
  bool named_ = true;  // its directory entry is durable
  std::atomic<bool> sealed_{false};
  std::atomic<bool> dropped_{false};

  // Under the table's mutex:
  bool held_ = false;  // somebody appends to it
  std::shared_ptr<disk::File> file_;
  std::list<Segment*>::iterator recent_;
};
using SegmentPtr = std::shared_ptr<Segment>;

class Segments {
 public:
  struct Options {
    std::string directory;
    std::string store;                         // 16 octets
    std::uint64_t segment_octets = 256 << 20;  // a segment that has reached it takes no more records
    std::size_t open_files = 256;
  };
  Segments(disk::Disk& disk, const Clock& clock, Options options);

  // A segment to append to, for this caller alone until give_back(). `octets` more are expected.
  Result<SegmentPtr, disk::IoError> take(std::uint64_t octets);
  void give_back(SegmentPtr segment);

  // While opening: one that is on the disk. Those not full can be taken again.
  void enter(SegmentPtr segment);
  SegmentPtr find(std::uint32_t number) const;
  std::vector<SegmentPtr> all() const;
  std::size_t count() const;
  // Nobody shall append to it any more: true once nobody does. A holder is told by sealed().
  bool retire(Segment& segment);
  // Out of the table; its file goes with its last holder.
  void drop(std::uint32_t number);

  disk::Disk& disk() const { return disk_; }
  const Options& options() const { return options_; }
  std::string path(std::uint32_t number) const;
  // The number in a segment's file name.
  static std::optional<std::uint32_t> number_of(std::string_view name);

 private:
  friend class Segment;
  Result<SegmentPtr, disk::IoError> make();
  Result<std::shared_ptr<disk::File>, disk::IoError> open_file(Segment& segment);

  disk::Disk& disk_;
  const Clock& clock_;
  const Options options_;
  mutable std::mutex mutex_;
  std::list<Segment*> recent_;  // with an open file, most recently used first
  std::map<std::uint32_t, SegmentPtr> table_;
  std::vector<SegmentPtr> open_;  // not full, nobody's; the fullest last
  std::uint32_t last_number_ = 0;
};

}  // namespace postroad::store
