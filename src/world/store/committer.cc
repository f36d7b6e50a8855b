#include "store/committer.h"

#include <fmt/format.h>
#include <rocksdb/perf_level.h>

#include <future>

namespace postroad::store {
namespace {

constexpr std::size_t group_batches = 4096;
constexpr std::size_t group_octets = 32 << 20;
constexpr std::size_t versions_kept = 1'000'000;

// All completions of a group that belong to one core: one wake-up.
class Wakeup final : public net::Work {
 public:
  explicit Wakeup(net::Core* c) : core(c) {}
  void run() override {
    const std::unique_ptr<Wakeup> self(this);
    for (auto& [done, result] : completions) done(result);
  }
  void dropped() override { delete this; }
  net::Core* const core;
  std::vector<std::pair<Store::Completion, CommitResult>> completions;
};

}  // namespace

// --- Watches -----------------------------------------------------------------------------------------------

void Watches::add(Partition partition, EntryPtr entry) {
  const std::lock_guard lock(mutex_);
  table_.emplace(partition, std::move(entry));
  count_.fetch_add(1, std::memory_order_relaxed);
}

void Watches::remove(Partition partition, const EntryPtr& entry) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = table_.equal_range(partition);
  for (auto it = first; it != last; ++it) {
    if (it->second != entry) continue;
    table_.erase(it);
    count_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
}

// One post at a time per watcher: it is a hint, and what happens before it runs is told by it too.
void Watches::tell(Partition partition) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = table_.equal_range(partition);
  for (auto it = first; it != last; ++it) {
    if (it->second->told.exchange(true)) continue;
    it->second->core->post([entry = it->second] {
      entry->told = false;
      if (entry->alive) entry->changed();
    });
  }
}

// --- Committer ---------------------------------------------------------------------------------------------

Committer::Committer(Parts parts, bool thread) : parts_(std::move(parts)) {
  for (const auto& segment : parts_.segments.all()) count({}, segment->row);
  if (thread) thread_ = std::thread([this] { loop(); });
}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (segment_) parts_.segments.give_back(std::move(segment_));
}

void Committer::submit(Batch batch, Store::Completion done) {
  Pending pending{.batch = std::move(batch), .done = std::move(done), .core = net::Core::current()};
  // Found now: the writer may be gone when its turn comes.
  if (pending.batch.refers()) {
    for (std::size_t at = 0; const auto op = pending.batch.operation(at);)
      if (op->kind == Batch::Kind::Refer)
        if (auto blob = parts_.fresh.find(op->blob)) pending.fresh.push_back(std::move(blob));
  }
  add(std::move(pending));
}

void Committer::submit(Internal work, std::function<void(Outcome)> done) {
  Pending pending{.internal = std::move(work)};
  pending.result.outcome = Outcome::Committed;
  if (done) pending.done = [done = std::move(done)](CommitResult result) { done(result.outcome); };
  add(std::move(pending));
}

void Committer::submit_first(std::function<void()> work, std::function<void(Outcome)> done) {
  Pending pending{.first = std::move(work)};
  pending.done = [done = std::move(done)](CommitResult result) { done(result.outcome); };
  add(std::move(pending));
}

Outcome Committer::run(Internal work) {
  std::promise<Outcome> outcome;
  submit(std::move(work), [&](Outcome o) { outcome.set_value(o); });
  return outcome.get_future().get();
}

void Committer::note_references(bool on) {
  run([this, on](Group&) {
    noting_ = on;
    referred_.clear();
  });
}

void Committer::add(Pending pending) {
  if (!thread_.joinable()) {
    std::vector<Pending> group;
    group.push_back(std::move(pending));
    {
      const std::lock_guard lock(inline_mutex_);
      run_group(group);
    }
    return complete(group);
  }
  bool first;
  {
    const std::lock_guard lock(mutex_);
    first = waiting_.empty();
    waiting_.push_back(std::move(pending));
  }
  if (first) wake_.notify_one();
}

void Committer::loop() {
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);  // it counts every comparison of keys otherwise
  std::vector<Pending> taken, group;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      taken.swap(waiting_);
    }
    for (auto it = taken.begin(); it != taken.end();) {
      std::size_t octets = 0;
      while (it != taken.end() && group.size() < group_batches && octets < group_octets) {
        octets += it->batch.octets();
        for (const auto& blob : it->fresh) octets += blob->body.size();
        group.push_back(std::move(*it++));
      }
      const Instant began = parts_.clock.instant();
      run_group(group);
      const Instant now = parts_.clock.instant();
      times_.add(std::chrono::duration_cast<std::chrono::microseconds>(now - began), now);
      complete(group);
      group.clear();
    }
    taken.clear();
  }
}

void Committer::settle(std::vector<Pending>& group, Outcome outcome) {
  for (auto& pending : group)
    if (!pending.judged) pending.result = {.outcome = outcome};
}

void Committer::run_group(std::vector<Pending>& group) {
  groups_.fetch_add(1, std::memory_order_relaxed);
  if (parts_.condition.failed()) return settle(group, Outcome::Unavailable);
  parts_.condition.look();
  if (parts_.condition.stalled()) return settle(group, Outcome::NoSpace);
  if (parts_.condition.tight()) {
    for (auto& pending : group)
      if (pending.batch.grows()) pending.result = {.outcome = Outcome::NoSpace}, pending.judged = true;
  }

  for (auto& pending : group)
    if (pending.first) pending.first(), pending.judged = true, pending.result.outcome = Outcome::Committed;

  place_bodies(group);
  if (parts_.condition.failed()) return settle(group, Outcome::Unavailable);
  if (parts_.sabotage != Sabotage::SkipSync && !sync_segments(group))
    return settle(group, Outcome::Unavailable);

  std::size_t octets = 1024;
  for (const auto& pending : group) {
    octets += pending.batch.octets() + 32 * pending.batch.operations();
    for (const auto& blob : pending.fresh) octets += blob->segment ? 0 : blob->body.size();
  }
  Group changes(*this, parts_, octets);
  for (const auto& pending : group) changes.overlay_ |= pending.batch.expects_keys();
  for (auto& pending : group)
    if (!pending.judged) changes.judge(pending);
  changes.finish_batch();
  const auto mark = parts_.ids.mark_due();
  if (mark)
    changes.write_.Put(parts_.database.engine(), slice(layout::next_blob_key), layout::number_record(*mark));

  if (parts_.sabotage == Sabotage::AcknowledgeBeforeCommit) {
    complete(group);
    if (thread_.joinable())
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // time to be killed in
  }
  if (changes.write_.Count() > 0) {
    rocksdb::WriteOptions durable;
    durable.sync = parts_.sabotage != Sabotage::SkipSync;
    const auto status = parts_.database.db().Write(durable, &changes.write_);
    if (!status.ok()) {
      // Stalled: the database had refused before it wrote anything. Else the log may hold it or not.
      if (status.IsNoSpace() && parts_.condition.stalled()) return settle(group, Outcome::NoSpace);
      parts_.condition.fail("the database", status.ToString());
      return settle(group, Outcome::Unknown);
    }
  }

  // It is durable. From here on nothing can fail.
  if (mark) parts_.ids.set_mark(*mark);
  if (versions_.size() > versions_kept) versions_.clear();
  for (const auto& [partition, version] : changes.versions_) versions_[partition] = version;
  for (const auto& [segment, row] : changes.rows_) count(segment->row, row), segment->row = row;
  for (Segment* segment : changes.dropped_) count(segment->row, {}), segment->row = {};
  for (FreshBlob* blob : changes.indexed_) blob->indexed = true;
  const bool emitted = changes.outbox_.next != parts_.outbox.next;
  parts_.outbox = changes.outbox_;
  if (parts_.watches.any() && emitted) parts_.watches.tell(Watches::outbox);
  if (parts_.watches.any())
    for (const auto& [partition, version] : changes.versions_) parts_.watches.tell(partition);
  if (!changes.released_.empty()) parts_.released(changes.released_);
  commits_.fetch_add(group.size(), std::memory_order_relaxed);
}

void Committer::count(const layout::SegmentRow& before, const layout::SegmentRow& now) {
  committed_octets_.fetch_add(now.committed_end - before.committed_end, std::memory_order_relaxed);
  live_octets_.fetch_add(now.live_octets - before.live_octets, std::memory_order_relaxed);
}

// Bodies held in memory, of all batches at once, to where they will stay. Whether its batch will pass is not
// known yet; those that do not leave a dead record, which is rare and compaction's business.
void Committer::place_bodies(std::vector<Pending>& group) {
  std::vector<FreshBlob*> bodies;
  for (auto& pending : group) {
    if (pending.judged) continue;
    for (const auto& blob : pending.fresh)
      if (blob->in_memory && !blob->segment && !blob->indexed && blob->octets > parts_.inline_octets &&
          std::find(bodies.begin(), bodies.end(), blob.get()) == bodies.end())
        bodies.push_back(blob.get());
  }
  if (bodies.empty() || place(bodies)) return;
  for (auto& pending : group)
    for (const auto& blob : pending.fresh)
      if (!pending.judged && blob->in_memory && !blob->segment && blob->octets > parts_.inline_octets)
        pending.result = {.outcome = Outcome::NoSpace}, pending.judged = true;
}

// False: no space. Other failures latch.
bool Committer::place(std::span<FreshBlob* const> bodies) {
  const auto refused = [&](std::string_view where, disk::IoError error) {
    if (!disk::out_of_space(error)) parts_.condition.fail(where, disk::error_text(error));
    return false;
  };
  while (!bodies.empty()) {
    if (segment_ && (segment_->sealed() || segment_->end() >= parts_.segments.options().segment_octets))
      parts_.segments.give_back(std::exchange(segment_, nullptr));
    if (!segment_) {
      auto taken = parts_.segments.take(0);
      if (!taken) return refused("a new segment", taken.error());
      segment_ = std::move(*taken);
    }
    const auto file = segment_->file();
    if (!file) return refused(segment_->path(), file.error());

    std::vector<std::string_view> pieces;
    std::vector<RecordHeaderOctets> headers(bodies.size());
    pieces.reserve(3 * bodies.size());
    const std::uint64_t begin = segment_->end();
    std::uint64_t end = begin;
    std::size_t count = 0;
    for (; count < bodies.size() && end < parts_.segments.options().segment_octets; ++count) {
      FreshBlob& blob = *bodies[count];
      headers[count] = print(
          RecordHeader{
              .blob = blob.id, .octets = blob.octets, .checksum = blob.checksum, .created = blob.created},
          segment_->salt(), end);
      blob.offset = end;
      pieces.emplace_back(headers[count].data(), headers[count].size());
      pieces.emplace_back(blob.body);
      const std::uint64_t octets = record_octets(blob.octets);
      pieces.push_back(std::string_view("\0\0\0\0\0\0\0", octets - record_header_octets - blob.octets));
      end += octets;
    }
    if (const auto done = (*file)->write(begin, pieces); !done)
      return refused(segment_->path(), done.error());
    segment_->set_end(end);
    const std::uint64_t written = segment_->wrote();
    for (FreshBlob* blob : bodies.first(count)) blob->lie_in(segment_), blob->written = written;
    bodies = bodies.subspan(count);
  }
  return true;
}

bool Committer::sync_segments(std::vector<Pending>& group) {
  for (auto& pending : group) {
    if (pending.judged) continue;
    for (const auto& blob : pending.fresh) {
      if (!blob->segment || blob->indexed || blob->written <= blob->segment->synced()) continue;
      if (const auto done = blob->segment->sync(); !done) {
        parts_.condition.fail(blob->segment->path(), disk::error_text(done.error()));
        return false;
      }
    }
  }
  return true;
}

void Committer::complete(std::vector<Pending>& group) {
  std::vector<Wakeup*> wakeups;
  for (auto& pending : group) {
    if (!pending.done) continue;
    if (!pending.core) {
      std::exchange(pending.done, nullptr)(pending.result);
      continue;
    }
    auto wakeup =
        std::find_if(wakeups.begin(), wakeups.end(), [&](Wakeup* w) { return w->core == pending.core; });
    if (wakeup == wakeups.end()) wakeup = wakeups.insert(wakeups.end(), new Wakeup(pending.core));
    (*wakeup)->completions.emplace_back(std::exchange(pending.done, nullptr), pending.result);
  }
  for (Wakeup* wakeup : wakeups) wakeup->core->post(*wakeup);
}

}  // namespace postroad::store
