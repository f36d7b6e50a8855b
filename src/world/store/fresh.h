// Fresh blobs: finished, and perhaps not yet named by a commit. Small ones are held in memory until then.
//
// A FreshBlob lives as long as its BlobWriter or a commit under way that names it; as long, garbage
// collection leaves the blob alone, and reading it costs no look at the database.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "store/segments.h"
#include "store/types.h"

namespace postroad::store {

class FreshBlobs;

struct FreshBlob {
  FreshBlob(FreshBlobs& table, BlobId id);
  ~FreshBlob();
  FreshBlob(const FreshBlob&) = delete;
  FreshBlob& operator=(const FreshBlob&) = delete;

  FreshBlobs& table;
  const BlobId id;
  std::uint64_t octets = 0;
  std::uint64_t checksum = 0;
  std::int64_t created = 0;  // microseconds
  std::string body;          // if it is held in memory
  bool in_memory = true;
  // Where it lies. Of a large one since it was finished; of one in memory since the committer wrote it: then
  // only the committer looks.
  void lie_in(SegmentPtr in);
  SegmentPtr segment;
  std::uint64_t offset = 0;
  std::uint64_t written = 0;  // Segment::wrote()
  // Committer only: the database knows where it lies.
  bool indexed = false;
};
using FreshPtr = std::shared_ptr<FreshBlob>;

class FreshBlobs {
 public:
  FreshPtr add(BlobId id);
  FreshPtr find(BlobId id) const;
  bool contains(BlobId id) const;

 private:
  friend struct FreshBlob;
  void remove(BlobId id);
  mutable std::mutex mutex_;
  std::unordered_map<BlobId, std::weak_ptr<FreshBlob>> table_;
};

// Blob ids, never given out twice: all below the mark have been promised durably before any is used.
class BlobIds {
 public:
  static constexpr std::uint64_t promise = 1 << 20;
  void start(std::uint64_t next, std::uint64_t mark) { next_ = next, mark_ = mark; }
  // Nothing if the promised ones are used up, which only a committer that stands still for a million blobs
  // can do.
  std::optional<BlobId> take() {
    const std::uint64_t id = next_.fetch_add(1, std::memory_order_relaxed);
    if (id >= mark_.load(std::memory_order_acquire)) return std::nullopt;
    return BlobId{id};
  }
  // Committer: the mark to write with the next commit, if it is time.
  std::optional<std::uint64_t> mark_due() const {
    const std::uint64_t next = next_.load(std::memory_order_relaxed);
    if (next + promise / 2 < mark_.load(std::memory_order_relaxed)) return std::nullopt;
    return next + promise;
  }
  void set_mark(std::uint64_t mark) { mark_.store(mark, std::memory_order_release); }
  void above(std::uint64_t id) {
    for (auto next = next_.load(); next <= id && !next_.compare_exchange_weak(next, id + 1);) {
    }
  }

 private:
  std::atomic<std::uint64_t> next_{1}, mark_{0};
};

}  // namespace postroad::store
