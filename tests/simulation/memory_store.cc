#include "memory_store.h"

#include <algorithm>
#include <stdexcept>

#include "net/sleep.h"

namespace postroad::simulation {

using store::BlobError;
using store::Outcome;
using store::ReadError;

class MemoryStore::Writer final : public store::BlobWriter {
 public:
  explicit Writer(MemoryStore& of) : of_(of) {}
  ~Writer() override {
    if (id_ == 0) return;
    of_.blobs_.at(id_).written = false;
    of_.drop_if_unnamed(id_);
  }
  void append(std::string_view octets) override { octets_.append(octets); }
  net::task<Result<void, BlobError>> drain() override { co_return Result<void, BlobError>{}; }
  net::task<Result<store::BlobId, BlobError>> finish() override {
    co_await of_.some_time();
    if (of_.failed_ || of_.trouble.away) co_return refuse(BlobError::Unavailable);
    if (of_.trouble.tight) co_return refuse(BlobError::NoSpace);
    id_ = ++of_.last_blob_;
    of_.blobs_[id_] = {.octets = std::make_shared<const std::string>(std::move(octets_)), .written = true};
    co_return store::BlobId{id_};
  }
  std::uint64_t octets() const override { return octets_.size(); }

 private:
  MemoryStore& of_;
  std::string octets_;
  std::uint64_t id_ = 0;
};

class MemoryStore::Reader final : public store::BlobReader {
 public:
  Reader(MemoryStore& of, std::shared_ptr<const std::string> octets) : of_(of), octets_(std::move(octets)) {}
  std::uint64_t octets() const override { return octets_->size(); }
  net::task<Result<std::string_view, BlobError>> read(std::uint64_t offset) override {
    co_await of_.some_time();
    if (of_.trouble.away) co_return refuse(BlobError::Unavailable);
    co_return std::string_view(*octets_).substr(std::min<std::uint64_t>(offset, octets_->size()), 64 * 1024);
  }

 private:
  MemoryStore& of_;
  std::shared_ptr<const std::string> octets_;
};

// Most reads are answered at once, from memory; some wait, before or behind their look.
net::task<void> MemoryStore::some_time() {
  if (chance(10)) co_await net::sleep_for(Duration(1 + random_.below(3000)));
}

void MemoryStore::drop_if_unnamed(std::uint64_t blob) {
  const auto it = blobs_.find(blob);
  if (it != blobs_.end() && it->second.references.empty() && !it->second.written) blobs_.erase(it);
}

// --- Commits -----------------------------------------------------------------------------------------------

net::task<store::CommitResult> MemoryStore::commit(store::Batch batch) {
  net::Later<store::CommitResult> later;
  auto done = later.completer();
  submit(std::move(batch),
         [done = std::move(done)](store::CommitResult result) mutable { done.complete(std::move(result)); });
  co_return co_await later;
}

void MemoryStore::submit(store::Batch batch, Completion done) {
  Duration time(100 + random_.below(5000));
  if (trouble.stall) time += std::chrono::milliseconds(random_.below(30'000));
  Instant due = disk_.now() + time;
  if (!pending_.empty()) due = std::max(due, pending_.back().due);
  if (acknowledge_first) std::exchange(done, [](store::CommitResult) {})({Outcome::Committed, {}, 0, false});
  pending_.push_back({std::move(batch), std::move(done), due});
  if (!armed()) disk_.arm(*this, due);
}

void MemoryStore::fired() {
  while (!pending_.empty() && pending_.front().due <= disk_.now()) {
    Pending one = std::move(pending_.front());
    pending_.pop_front();
    const auto result = apply(one.batch);
    result ? ++commits : ++refused;
    one.done(result);
  }
  if (!pending_.empty()) disk_.arm(*this, pending_.front().due);
}

void MemoryStore::cut() {
  std::size_t lucky = pending_.empty() ? 0 : random_.below(pending_.size() + 1);
  for (std::size_t i = 0; i < lucky; ++i) apply(pending_[i].batch);
  pending_.clear();
  disk_.disarm(*this);
  failed_ = false;
  trouble = {};
  for (auto it = blobs_.begin(); it != blobs_.end();)
    it = it->second.references.empty() ? blobs_.erase(it) : std::next(it);
}

store::CommitResult MemoryStore::apply(const store::Batch& batch) {
  store::Version& version = versions_[batch.partition()];
  if (failed_ || trouble.away) return {Outcome::Unavailable, version};
  if (trouble.tight && batch.grows()) return {Outcome::NoSpace, version};
  const auto key = [&](std::string_view name) { return Key(batch.partition(), std::string(name)); };
  std::uint32_t number = 0;
  for (std::size_t at = 0; const auto expected = batch.expectation(at); ++number) {
    const auto it = keys_.find(key(expected->key));
    bool holds = true;
    switch (expected->kind) {
      case store::Batch::Expect::Absent: holds = it == keys_.end(); break;
      case store::Batch::Expect::KeyVersion:
        holds = (it == keys_.end() ? 0 : it->second.version.value()) == expected->number;
        break;
      case store::Batch::Expect::PartitionVersion: holds = version.value() == expected->number; break;
      case store::Batch::Expect::Lease: break;
    }
    if (!holds) return {Outcome::Conflict, version, number};
  }
  for (std::size_t at = 0; const auto op = batch.operation(at);)
    if (op->kind == store::Batch::Kind::Refer && !blobs_.contains(op->blob.value()))
      return {Outcome::Conflict, version, store::Batch::no_such_blob};

  const bool fails = std::exchange(trouble.fail_next, false);
  if (fails) failed_ = true;
  if (fails && chance(50)) return {Outcome::Unknown, version};

  version = store::next(version);
  for (std::size_t at = 0; const auto op = batch.operation(at);) {
    switch (op->kind) {
      case store::Batch::Kind::Put: keys_[key(op->key)] = {std::string(op->value), version}; break;
      case store::Batch::Kind::Remove: keys_.erase(key(op->key)); break;
      case store::Batch::Kind::Refer: blobs_.at(op->blob.value()).references.insert(key(op->key)); break;
      case store::Batch::Kind::Release:
        if (const auto it = blobs_.find(op->blob.value()); it != blobs_.end())
          it->second.references.erase(key(op->key));
        break;
      default: break;
    }
  }
  if (watch_) watch_(batch);
  for (std::size_t at = 0; const auto op = batch.operation(at);)
    if (op->kind == store::Batch::Kind::Release) drop_if_unnamed(op->blob.value());
  return {fails ? Outcome::Unknown : Outcome::Committed, version};
}

// --- Reading -----------------------------------------------------------------------------------------------

net::task<Result<std::optional<store::Value>, ReadError>> MemoryStore::get(store::Partition partition,
                                                                           std::string key, store::Family) {
  co_await some_time();
  if (trouble.away) co_return refuse(ReadError::Unavailable);
  std::optional<store::Value> out;
  if (const auto it = keys_.find(Key(partition, std::move(key))); it != keys_.end())
    out = store::Value{it->second.octets, it->second.version};
  co_await some_time();
  co_return out;
}

net::task<Result<store::Page, ReadError>> MemoryStore::scan(store::Partition partition, store::Range range,
                                                            store::Family) {
  co_await some_time();
  if (trouble.away) co_return refuse(ReadError::Unavailable);
  if (range.reverse) throw std::logic_error("simulation: nobody scans backwards");
  store::Page page;
  if (const auto v = versions_.find(partition); v != versions_.end()) page.version = v->second;
  for (auto it = keys_.lower_bound(Key(partition, range.from)); it != keys_.end(); ++it) {
    if (it->first.first != partition || (!range.to.empty() && it->first.second >= range.to)) break;
    if (page.size() >= range.limit || (page.octets() >= range.octets && !page.empty())) {
      page.more = true;
      break;
    }
    page.add(it->first.second, it->second.octets, it->second.version);
  }
  co_await some_time();
  co_return page;
}

net::task<Result<store::Version, ReadError>> MemoryStore::version(store::Partition partition) {
  if (trouble.away) co_return refuse(ReadError::Unavailable);
  const auto it = versions_.find(partition);
  co_return it == versions_.end() ? store::Version{} : it->second;
}

std::vector<std::string> MemoryStore::keys_in(store::Realm realm) const {
  std::vector<std::string> out;
  for (const auto& [key, kept] : keys_)
    if (key.first.realm == realm) out.push_back(key.second);
  return out;
}

std::unique_ptr<store::BlobWriter> MemoryStore::new_blob(std::uint64_t) {
  return std::make_unique<Writer>(*this);
}

net::task<Result<std::unique_ptr<store::BlobReader>, BlobError>> MemoryStore::open_blob(store::BlobId id) {
  co_await some_time();
  if (trouble.away) co_return refuse(BlobError::Unavailable);
  const auto it = blobs_.find(id.value());
  if (it == blobs_.end()) co_return refuse(BlobError::NoSuchBlob);
  co_return std::make_unique<Reader>(*this, it->second.octets);
}

// --- What nobody here asks for -----------------------------------------------------------------------------

net::task<Result<std::optional<store::Version>, ReadError>> MemoryStore::outcome(store::Partition,
                                                                                 store::OpId) {
  co_return refuse(ReadError::Unavailable);
}
net::task<Result<std::vector<store::Partition>, ReadError>> MemoryStore::partitions(store::Realm,
                                                                                    std::uint64_t,
                                                                                    std::size_t) {
  co_return refuse(ReadError::Unavailable);
}
net::task<Result<std::vector<store::OutboxEntry>, ReadError>> MemoryStore::outbox(std::uint64_t,
                                                                                  std::size_t) {
  co_return refuse(ReadError::Unavailable);
}
net::task<Result<store::Family, Outcome>> MemoryStore::family(std::string) {
  co_return refuse(Outcome::Unavailable);
}
net::task<Outcome> MemoryStore::drop_family(std::string) { co_return Outcome::Unavailable; }
void MemoryStore::backup(store::Sink&) { throw std::logic_error("simulation: no backup"); }
void MemoryStore::export_partition(store::Partition, store::Sink&) {
  throw std::logic_error("simulation: no export");
}
Outcome MemoryStore::import_partition(store::Partition, store::Source&) { return Outcome::Unavailable; }

}  // namespace postroad::simulation
