// The store: everything that must outlive the process. One contract (DESIGN §3), several engines.
//
// Key = (partition, octets). commit() is durable before it answers Committed; outcomes are in types.h.
// Nothing is atomic across partitions: leave an intent in the source, apply it in the target under the same
// OpId, then remove the intent and forget() the OpId.
//
// A partition has one owner core, owner(): it keeps the hot state in memory, chooses versions, and submits
// commits in order without waiting for the one before, each expecting the version the one before makes. If
// one fails, those after it conflict and the owner reloads. Reading is allowed from any core and sees the
// last commit.
//
// A body is written through a BlobWriter, then named by a commit (Batch::refer). It is durable when that
// commit is. One that no commit named when its writer is destroyed leaves no trace.
//
// Commits and reads run on any core of net; completions come back to the core that asked. Without a core (a
// command, offline) use submit(), whose completion then runs on a thread of the store.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/task.h"
#include "store/batch.h"
#include "store/page.h"
#include "store/types.h"

namespace postroad::store {

class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  // Takes the octets in. Up to 64 KiB are held in memory, more go into a segment at once. A failure is kept
  // and told by drain() and finish().
  virtual void append(std::string_view octets) = 0;
  // Await it between reads from the network: it waits where append() would have to hold too much, and tells
  // early that the disk is full. Costs nothing otherwise.
  virtual net::task<Result<void, BlobError>> drain() = 0;
  // No more octets. The blob can now be read, and named by commits as long as this writer lives; from the
  // first commit on it lives by its references.
  virtual net::task<Result<BlobId, BlobError>> finish() = 0;
  virtual std::uint64_t octets() const = 0;
};

class BlobReader {
 public:
  virtual ~BlobReader() = default;
  virtual std::uint64_t octets() const = 0;
  // What begins at `offset`, at most 64 KiB and at least one octet before the end, verified against its
  // checksum. The view is valid until the next call. Empty at the end. An open reader reads on while the blob
  // is erased.
  virtual net::task<Result<std::string_view, BlobError>> read(std::uint64_t offset) = 0;
};

// A hint that a partition may have changed, for those who wait for it (IDLE). Destroyed: no more calls.
class Watch {
 public:
  virtual ~Watch() = default;
};

// Where a backup or an export goes, and where it comes from. Called by one thread, may block; throws what
// ends it.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(std::string_view octets) = 0;
};
class Source {
 public:
  virtual ~Source() = default;
  virtual std::size_t read(char* into, std::size_t octets) = 0;  // 0 at the end
};

struct StoreStatus {
  Health health = Health::Good;
  std::string trouble;                      // for people: what failed and what to do; empty when healthy
  std::uint64_t free_octets = 0;            // on the volume
  std::uint64_t commits = 0;                // since the start
  std::uint64_t groups = 0;                 // syncs they shared
  std::chrono::microseconds slow_commit{};  // 99th percentile of a group of commits, lately
  std::uint64_t blob_octets = 0;            // in segments
  std::uint64_t dead_octets = 0;            // of these, not referred to any more
  std::uint64_t segments = 0;
};

class Store {
 public:
  using Completion = std::move_only_function<void(CommitResult)>;
  virtual ~Store() = default;

  // --- Writing ---------------------------------------------------------------------------------------------

  virtual net::task<CommitResult> commit(Batch batch) = 0;
  // The same without waiting: commits take effect in the order in which one thread submits them, and complete
  // in that order. `done` runs on the calling core; without a core, on the store's own thread: then briefly.
  virtual void submit(Batch batch, Completion done) = 0;
  // What became of a commit that was Unknown: its version, or nothing, then it never happened and never will.
  virtual net::task<Result<std::optional<Version>, ReadError>> outcome(Partition partition, OpId op) = 0;

  // --- Reading the last commit -----------------------------------------------------------------------------

  virtual net::task<Result<std::optional<Value>, ReadError>> get(Partition partition, std::string key,
                                                                 Family family = {}) = 0;
  // A page is a snapshot and says of which version; consecutive pages are not one snapshot.
  virtual net::task<Result<Page, ReadError>> scan(Partition partition, Range range, Family family = {}) = 0;
  virtual net::task<Result<Version, ReadError>> version(Partition partition) = 0;
  // Partitions of a realm that hold anything, in order of id, from `from` on.
  virtual net::task<Result<std::vector<Partition>, ReadError>> partitions(Realm realm, std::uint64_t from,
                                                                          std::size_t limit) = 0;
  // `changed` runs on the calling core some time after commits to the partition.
  virtual std::unique_ptr<Watch> watch(Partition partition, std::function<void()> changed) = 0;

  // --- The outbox ------------------------------------------------------------------------------------------

  // What Batch::emit() left, after number `after`, in the order of commits. Numbers rise by one and are never
  // used again; what was committed together may share one, and comes together: so `limit` may be passed. The
  // reader keeps its own place and never reads from the front again (a queue popped by seeking to its front
  // costs the square of what was removed).
  virtual net::task<Result<std::vector<OutboxEntry>, ReadError>> outbox(std::uint64_t after,
                                                                        std::size_t limit) = 0;
  // `changed` runs on the calling core some time after a commit that emitted.
  virtual std::unique_ptr<Watch> watch_outbox(std::function<void()> changed) = 0;

  // --- Blobs -----------------------------------------------------------------------------------------------

  // `expected` octets, 0 if unknown: room is reserved for them.
  virtual std::unique_ptr<BlobWriter> new_blob(std::uint64_t expected = 0) = 0;
  virtual net::task<Result<std::unique_ptr<BlobReader>, BlobError>> open_blob(BlobId id) = 0;

  // --- Families --------------------------------------------------------------------------------------------

  // Made if it is not there. Names: a-z 0-9 . _ -, at most 64.
  virtual net::task<Result<Family, Outcome>> family(std::string name) = 0;
  virtual std::vector<std::string> families() const = 0;
  // Its keys and files go at once. Batches that still name it conflict, reads find nothing.
  virtual net::task<Outcome> drop_family(std::string name) = 0;

  // --- Owning ----------------------------------------------------------------------------------------------

  // The index of the core that owns a partition, and whether this thread runs that core.
  virtual unsigned owner(Partition partition) const = 0;
  virtual bool owned_here(Partition partition) const = 0;
  // For expect_lease(): of this process. Whoever held the store before has a smaller one and is Fenced.
  virtual LeaseToken lease() const = 0;

  // --- The store as a whole --------------------------------------------------------------------------------

  virtual StoreStatus status() const = 0;
  // 0, and a larger number each time this store was made by restore(): UIDs given out after the backup are
  // unknown, so UIDVALIDITY must rise (C15), and queue and campaigns start held.
  virtual std::uint32_t restored_generation() const = 0;

  // These block: call them from a thread that may. They run beside normal work.
  virtual void backup(Sink& sink) = 0;
  virtual void export_partition(Partition partition, Sink& sink) = 0;
  // Into a partition that is empty; versions and blob names stay as they were.
  virtual Outcome import_partition(Partition partition, Source& source) = 0;
};

}  // namespace postroad::store
