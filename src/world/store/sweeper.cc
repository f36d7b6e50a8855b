// Which blobs are dead. What happens to the octets is in compaction.cc.
#include "store/sweeper.h"

#include <algorithm>

#include "store/read.h"

namespace postroad::store {
namespace {

constexpr std::size_t candidates_kept = 1'000'000;
constexpr std::size_t removals_at_once = 1000;
constexpr std::size_t blobs_at_once = 100'000;
constexpr std::chrono::minutes first_sweep{1};

// The committer notes what is referred to as long as this lives.
class Noting {
 public:
  explicit Noting(Committer& committer) : committer_(committer) { committer_.note_references(true); }
  ~Noting() { committer_.note_references(false); }

 private:
  Committer& committer_;
};

}  // namespace

Sweeper::Sweeper(Parts parts) : parts_(parts) {
  next_sweep_ = parts_.clock.instant() + std::min<Duration>(first_sweep, parts_.options.sweep_every);
  std::string record;
  if (parts_.database.db()
          .Get(Database::reading(), parts_.database.engine(), slice(layout::dead_bodies_key), &record)
          .ok())
    bodies_dead_since_ = static_cast<std::int64_t>(layout::read_number(record).value_or(0));
}

void Sweeper::released(std::span<const BlobId> blobs) {
  const Instant now = parts_.clock.instant();
  const std::lock_guard lock(mutex_);
  for (const BlobId blob : blobs) {
    if (candidates_.size() < candidates_kept)
      candidates_.push_back({blob, now});
    else
      overflowed_ = true;  // the next full comparison finds it
  }
}

void Sweeper::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  stopped_.notify_all();
}

void Sweeper::tend() {
  parts_.condition.look();
  go_on_if_stalled();
  if (stopping()) return;
  remove_candidates();
  if (overflowed_ || parts_.clock.instant() >= next_sweep_) sweep();
  empty_segments();
  erase_small_bodies();
}

// The database found no room while it worked in the background. It goes on when there is some again.
void Sweeper::go_on_if_stalled() {
  if (!parts_.condition.stalled() || parts_.condition.free_octets() < parts_.options.reserve_octets) return;
  if (parts_.database.db().Resume().ok()) parts_.condition.go_on();
}

void Sweeper::remove_candidates() {
  std::vector<BlobId> due;
  {
    const Instant until = parts_.clock.instant() - parts_.options.blob_grace;
    const std::lock_guard lock(mutex_);
    while (!candidates_.empty() && candidates_.front().since <= until) {
      due.push_back(candidates_.front().blob);
      candidates_.pop_front();
    }
  }
  std::sort(due.begin(), due.end());
  due.erase(std::unique(due.begin(), due.end()), due.end());
  for (std::size_t at = 0; at < due.size() && !stopping(); at += removals_at_once) {
    std::vector<BlobId> some(
        due.begin() + static_cast<std::ptrdiff_t>(at),
        due.begin() + static_cast<std::ptrdiff_t>(std::min(due.size(), at + removals_at_once)));
    const Noting noting(parts_.committer);
    // What was referred to before the notes began, this iterator sees; what comes later is noted.
    const auto options = Database::reading();
    const std::unique_ptr<rocksdb::Iterator> it(
        parts_.database.db().NewIterator(options, parts_.database.references()));
    std::erase_if(some, [&](BlobId blob) {
      it->Seek(layout::blob_key(blob));
      return !it->status().ok() || (it->Valid() && layout::read_blob_key(view(it->key())) == blob);
    });
    remove_unreferenced(some);
  }
}

// All blobs beside all references, both in the order of their names.
void Sweeper::sweep() {
  {
    const std::lock_guard lock(mutex_);
    overflowed_ = false;
  }
  next_sweep_ = parts_.clock.instant() + parts_.options.sweep_every;
  for (BlobId from{}; !stopping() && sweep_some(from);) {
  }
}

bool Sweeper::sweep_some(BlobId& from) {
  const Noting noting(parts_.committer);
  std::vector<BlobId> dead;
  std::size_t seen = 0;
  {
    auto options = Database::reading();
    options.fill_cache = false;
    std::vector<rocksdb::Iterator*> both;  // one state of the database for the two
    const auto status = parts_.database.db().NewIterators(
        options, {parts_.database.blobs(), parts_.database.references()}, &both);
    if (!status.ok()) return false;
    const std::unique_ptr<rocksdb::Iterator> blobs(both[0]), references(both[1]);
    references->Seek(layout::blob_key(from));
    for (blobs->Seek(layout::blob_key(from)); blobs->Valid() && dead.size() < removals_at_once;
         blobs->Next()) {
      if (++seen > blobs_at_once) break;
      const auto blob = layout::read_blob_key(view(blobs->key()));
      if (!blob) continue;
      from = BlobId{blob->value() + 1};
      while (references->Valid() && view(references->key()) < view(blobs->key())) references->Next();
      const bool referred = references->Valid() && view(references->key()).starts_with(view(blobs->key()));
      if (!references->status().ok()) return false;
      if (!referred) dead.push_back(*blob);
    }
    if (!blobs->Valid()) from = BlobId{};  // came to the end
  }
  remove_unreferenced(dead);
  return from != BlobId{};
}

// The last word is the committer's: between two batches nothing can change.
void Sweeper::remove_unreferenced(std::vector<BlobId>& blobs) {
  if (blobs.empty()) return;
  std::vector<BlobId> later;
  const std::int64_t now = seconds(parts_.clock.now());
  const auto removing = [&](Group& group) {
    for (const BlobId blob : blobs) {
      if (group.referred(blob)) continue;
      if (group.held(blob)) {
        later.push_back(blob);  // a session writes or has just written it
        continue;
      }
      const auto location = group.location(blob);
      if (!location) continue;
      group.forget(blob);
      if (location->segment == 0) {
        group.write().Delete(parts_.database.bodies(), layout::blob_key(blob));
        if (bodies_dead_since_ == 0) {
          bodies_dead_since_ = now;
          group.write().Put(parts_.database.engine(), slice(layout::dead_bodies_key),
                            layout::number_record(static_cast<std::uint64_t>(now)));
        }
      } else if (const auto segment = parts_.segments.find(location->segment)) {
        auto& row = group.row(*segment);
        row.live_octets -= std::min(row.live_octets, record_octets(location->octets));
        if (row.oldest_dead == 0) row.oldest_dead = now;
      }
    }
  };
  if (parts_.committer.run(removing) != Outcome::Committed) later = blobs;
  dead_octets_ = true;
  if (!later.empty()) released(later);
}

}  // namespace postroad::store
