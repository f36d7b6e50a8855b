// Committer: the one place where anything changes.
//
// Batches wait in a list; one thread takes all that wait, writes the bodies they name to the open segment in
// one go, syncs the segments, judges each batch against the database and those before it in the group, writes
// what passed as one RocksDB batch with sync, and only then tells the waiters, with one wake-up per core. So
// the cost of a sync is shared by all who arrived while the one before ran.
//
// Internal work (moving and removing blobs) passes here too, between two batches: what it saw cannot have
// changed.
#pragma once

#include <rocksdb/write_batch.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "net/core.h"
#include "store/commit_times.h"
#include "store/condition.h"
#include "store/database.h"
#include "store/embedded.h"
#include "store/fresh.h"
#include "store/segments.h"

namespace postroad::store {

class Group;

// Who wants to know of changes of a partition.
class Watches {
 public:
  struct Entry {
    std::function<void()> changed;  // called on `core` only
    net::Core* core = nullptr;
    bool alive = true;  // on `core` only
    std::atomic<bool> told{false};
  };
  using EntryPtr = std::shared_ptr<Entry>;
  static constexpr Partition outbox{};  // no partition of anybody: those who watch the outbox
  void add(Partition partition, EntryPtr entry);
  void remove(Partition partition, const EntryPtr& entry);
  bool any() const { return count_.load(std::memory_order_relaxed) != 0; }
  void tell(Partition partition);

 private:
  std::atomic<std::size_t> count_{0};
  std::mutex mutex_;
  std::unordered_multimap<Partition, EntryPtr> table_;
};

// Which numbers of the outbox are taken: [first, next).
struct Outbox {
  std::uint64_t first = 1;
  std::uint64_t next = 1;
};

class Committer {
 public:
  struct Parts {
    Database& database;
    Segments& segments;
    FreshBlobs& fresh;
    Condition& condition;
    BlobIds& ids;
    Watches& watches;
    const Clock& clock;
    LeaseToken lease;
    Outbox outbox;
    std::size_t inline_octets;
    Sabotage sabotage;
    // Gets the blobs that lost a reference, after the commit; on the committer's thread.
    std::function<void(std::span<const BlobId>)> released;
  };
  // With `thread` false commits run inside submit().
  Committer(Parts parts, bool thread);
  ~Committer();  // what waits is committed first

  void submit(Batch batch, Store::Completion done);
  // Runs between two batches of a group; what it adds to the group is committed with them. `done` runs on the
  // committer's thread with what became of it.
  using Internal = std::function<void(Group&)>;
  void submit(Internal work, std::function<void(Outcome)> done);
  // The same, waiting for it.
  Outcome run(Internal work);
  // Runs before the batches of its group are judged, when nothing is half done.
  void submit_first(std::function<void()> work, std::function<void(Outcome)> done);

  std::uint64_t commits() const { return commits_.load(std::memory_order_relaxed); }
  // Octets of segments that commits rely on, and of these what is referred to.
  std::uint64_t committed_octets() const { return committed_octets_.load(std::memory_order_relaxed); }
  std::uint64_t live_octets() const { return live_octets_.load(std::memory_order_relaxed); }
  // The 99th percentile of the groups of the last seconds.
  std::chrono::microseconds slow_commit() const { return times_.slow(parts_.clock.instant()); }
  std::uint64_t groups() const { return groups_.load(std::memory_order_relaxed); }

  // While set, blobs that get another reference are noted in Group::referred (sweeper.h).
  void note_references(bool on);

 private:
  friend class Group;
  struct Pending {
    Batch batch{Partition{}};
    Internal internal{};
    std::function<void()> first{};
    std::vector<FreshPtr> fresh{};
    Store::Completion done{};
    net::Core* core = nullptr;
    CommitResult result{};
    bool judged = false;  // it was refused; what the group's write does no longer matters
  };

  void loop();
  void run_group(std::vector<Pending>& group);
  void place_bodies(std::vector<Pending>& group);
  bool sync_segments(std::vector<Pending>& group);
  bool place(std::span<FreshBlob* const> bodies);
  void settle(std::vector<Pending>& group, Outcome outcome);
  void complete(std::vector<Pending>& group);
  void add(Pending pending);
  void count(const layout::SegmentRow& before, const layout::SegmentRow& now);

  Parts parts_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Pending> waiting_;
  bool stopping_ = false;
  std::mutex inline_mutex_;
  CommitTimes times_;
  std::atomic<std::uint64_t> commits_{0}, groups_{0}, committed_octets_{0}, live_octets_{0};

  // Of the thread that commits:
  SegmentPtr segment_;  // bodies go here
  std::unordered_map<Partition, Version> versions_;
  std::unordered_set<BlobId> referred_;
  bool noting_ = false;

  std::thread thread_;
};

// What one group changes, while it is put together.
class Group {
 public:
  // `octets`: about how many it will write.
  Group(Committer& committer, Committer::Parts& parts, std::size_t octets)
      : committer_(committer), parts_(parts), write_(octets), outbox_(parts.outbox) {}

  // For internal work: what it wants written. Nothing of it is visible before the group's commit.
  rocksdb::WriteBatch& write() { return write_; }
  Database& database() { return parts_.database; }
  layout::SegmentRow& row(Segment& segment);  // as it will be
  bool referred(BlobId blob) const { return committer_.referred_.contains(blob); }
  bool held(BlobId blob) const { return parts_.fresh.contains(blob); }
  // The location as of now, also if this group changed it; nothing if there is no such blob (any more).
  std::optional<layout::Location> location(BlobId blob);
  void relocate(BlobId blob, const layout::Location& location);
  void forget(BlobId blob);
  // The segment's record goes; after the commit the caller may drop it.
  void drop(Segment& segment);
  // If the committer appends to it, it does no more.
  void let_go(Segment& segment);
  Version version(Partition partition);
  void set_version(Partition partition, Version version) { versions_[partition] = version; }

 private:
  friend class Committer;
  struct Staged {
    std::optional<Version> version;  // nothing: removed
  };
  void judge(Committer::Pending& pending);
  CommitResult verdict(Committer::Pending& pending);
  std::optional<CommitResult> repeated(const Batch& batch);
  bool names_are_known(Committer::Pending& pending);
  bool holds(const Batch& batch, const Batch::Expectation& expectation, Version partition);
  std::optional<Version> key_version(Partition partition, Family family, std::string_view key);
  void apply(Committer::Pending& pending, Version version);
  void index(FreshBlob& blob);
  void note(const rocksdb::Status& status);
  FreshBlob* fresh(Committer::Pending& pending, BlobId blob);
  void bundle();
  void finish_batch();

  Committer& committer_;
  Committer::Parts& parts_;
  rocksdb::WriteBatch write_;
  bool overlay_ = false;  // some batch expects something of keys: note what each puts
  bool trouble_ = false;  // the database did not answer while judging
  std::unordered_map<Partition, Version> versions_;
  std::unordered_map<std::string, Staged> keys_;
  std::unordered_map<std::string, Staged> ops_;
  std::unordered_map<BlobId, std::optional<layout::Location>> blobs_;
  std::unordered_map<Segment*, layout::SegmentRow> rows_;
  std::vector<Segment*> dropped_;
  std::vector<FreshBlob*> indexed_;
  std::vector<BlobId> released_;
  Outbox outbox_;
  layout::OutboxBundle emitted_;
  std::vector<Database::FamilyHandle> families_;
};

}  // namespace postroad::store
