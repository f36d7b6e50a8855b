// Sweeper: removes blobs that nothing refers to, and the octets they leave behind.
//
// A blob whose last reference goes is a candidate. After a grace it is looked for among the references; where
// there is none, the committer forgets it, unless a commit referred to it meanwhile or a writer still holds
// it. From time to time all blobs are compared with all references, which finds what a crash made us forget.
//
// A segment of which less than half is alive, or in which something died days ago, is emptied: what lives is
// copied to another segment, synced, and moved by the committer; then the file goes. So an erased body has
// left the disk within `erase_within`, and disk use stays below about twice what is alive.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <span>
#include <vector>

#include "store/committer.h"
#include "store/embedded.h"

namespace postroad::store {

class Sweeper {
 public:
  struct Parts {
    Database& database;
    Segments& segments;
    FreshBlobs& fresh;
    Condition& condition;
    Committer& committer;
    const Clock& clock;
    const EmbeddedOptions& options;
  };
  explicit Sweeper(Parts parts);

  // From the committer: these lost a reference.
  void released(std::span<const BlobId> blobs);

  // One round of everything below that is due; by one thread at a time.
  void tend();
  void sweep();
  // tend() returns early from now on.
  void stop();

  // While held, no blob changes its place and no segment goes.
  std::unique_lock<std::mutex> hold_still() { return std::unique_lock(moving_); }

 private:
  struct Candidate {
    BlobId blob;
    Instant since;
  };
  struct Live {
    BlobId blob;
    std::uint64_t offset = 0;
    std::uint64_t octets = 0;  // of the body
  };

  void go_on_if_stalled();
  void remove_candidates();
  void remove_unreferenced(std::vector<BlobId>& blobs);
  bool sweep_some(BlobId& from);
  void empty_segments();
  bool empty(Segment& segment);
  std::optional<std::vector<Live>> live_records(Segment& segment);
  std::optional<std::vector<Live>> live_by_index(Segment& segment);
  bool move(Segment& from, std::span<const Live> records);
  void drop(Segment& segment);
  void erase_small_bodies();
  void pace(std::uint64_t octets);
  bool stopping() const { return stopping_.load(std::memory_order_relaxed) || parts_.condition.failed(); }

  Parts parts_;
  std::mutex mutex_;
  std::deque<Candidate> candidates_;
  bool overflowed_ = false;
  std::atomic<bool> dead_octets_{true};  // some segment may be worth a look
  Instant next_sweep_{}, next_look_{};
  std::int64_t bodies_dead_since_ =
      0;  // seconds; small bodies that may still lie in the database's files; 0: none
  std::mutex moving_;
  std::atomic<bool> stopping_{false};
  std::condition_variable stopped_;
  std::set<std::uint32_t> unreadable_;  // segments that cannot be emptied; `verify` names what is wrong
};

}  // namespace postroad::store
