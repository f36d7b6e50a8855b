#include "store/engine.h"

#include "store/blob_reader.h"
#include "store/read.h"

namespace postroad::store {
namespace {

class EntryWatch final : public Watch {
 public:
  EntryWatch(Watches& watches, Partition partition, Watches::EntryPtr entry)
      : watches_(watches), partition_(partition), entry_(std::move(entry)) {}
  ~EntryWatch() override {
    entry_->alive = false;
    watches_.remove(partition_, entry_);
  }

 private:
  Watches& watches_;
  const Partition partition_;
  const Watches::EntryPtr entry_;
};

}  // namespace

Engine::Engine(Opened opened)
    : opened_(std::move(opened)),
      condition_(*opened_.options.disk, {.directory = Paths(opened_.options.data).store,
                                         .reserve_file = Paths(opened_.options.data).reserve(),
                                         .reserve_octets = opened_.options.reserve_octets,
                                         .on_failure = opened_.options.on_failure}),
      shelf_{*opened_.clock, *opened_.segments, fresh_, condition_, ids_} {
  ids_.start(opened_.next_blob, opened_.next_blob + BlobIds::promise);
  condition_.look();
  if (opened_.options.threads) pool_ = std::make_unique<net::Pool>(opened_.options.read_threads);
  Committer::Parts parts{.database = *opened_.database,
                         .segments = *opened_.segments,
                         .fresh = fresh_,
                         .condition = condition_,
                         .ids = ids_,
                         .watches = watches_,
                         .clock = *opened_.clock,
                         .lease = opened_.lease,
                         .outbox = opened_.outbox,
                         .inline_octets = opened_.options.inline_octets,
                         .sabotage = opened_.options.sabotage,
                         .released = [this](std::span<const BlobId> blobs) { sweeper_->released(blobs); }};
  committer_ = std::make_unique<Committer>(std::move(parts), opened_.options.threads);
  sweeper_ = std::make_unique<Sweeper>(Sweeper::Parts{.database = *opened_.database,
                                                      .segments = *opened_.segments,
                                                      .fresh = fresh_,
                                                      .condition = condition_,
                                                      .committer = *committer_,
                                                      .clock = *opened_.clock,
                                                      .options = opened_.options});
  if (opened_.options.threads) keeper_ = std::thread([this] { keep(); });
}

Engine::~Engine() {
  sweeper_->stop();
  {
    const std::lock_guard lock(keeper_mutex_);
    stopping_ = true;
  }
  keeper_wakes_.notify_all();
  if (keeper_.joinable()) keeper_.join();
  committer_.reset();
  pool_.reset();
  // A last record after all others: were one of them damaged now, it could not be taken for the torn end of a
  // log.
  if (condition_.failed()) return;
  rocksdb::WriteOptions durable;
  durable.sync = true;
  (void)database().db().Put(durable, database().engine(), slice(layout::closed_key),
                            layout::number_record(opened_.lease.value()));
}

void Engine::keep() {
  std::unique_lock lock(keeper_mutex_);
  while (!keeper_wakes_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; })) {
    lock.unlock();
    tend();
    lock.lock();
  }
}

void Engine::tend() {
  const std::lock_guard lock(tending_);
  sweeper_->tend();
}

void Engine::sweep() {
  const std::lock_guard lock(tending_);
  sweeper_->sweep();
}

// --- Writing -------------------------------------------------------------------------------------------

net::task<CommitResult> Engine::commit(Batch batch) {
  net::Later<CommitResult> later;
  auto done = [completer = later.completer()](CommitResult result) mutable { completer.complete(result); };
  committer_->submit(std::move(batch), std::move(done));
  co_return co_await later;
}

void Engine::submit(Batch batch, Completion done) { committer_->submit(std::move(batch), std::move(done)); }

// --- Reading -------------------------------------------------------------------------------------------

// First only what is in memory, here; where that does not suffice, again on the pool, where waiting for the
// disk holds up nobody.
template <class Read>
net::task<std::invoke_result_t<Read&, rocksdb::ReadOptions>> Engine::read(Read read) {
  auto options = Database::reading();
  if (pool_) {
    options.read_tier = rocksdb::kBlockCacheTier;
    auto answer = read(options);
    if (answer || answer.error() != waits_for_disk) co_return answer;
    options.read_tier = rocksdb::kReadAllTier;
    auto again = [&] { return read(options); };
    co_return co_await net::blocking(*pool_, std::move(again));
  }
  co_return read(options);
}

net::task<Result<std::optional<Version>, ReadError>> Engine::outcome(Partition partition, OpId op) {
  co_return co_await read(
      [&](const rocksdb::ReadOptions& options) { return read_outcome(database(), options, partition, op); });
}

net::task<Result<std::optional<Value>, ReadError>> Engine::get(Partition partition, std::string key,
                                                               Family family) {
  co_return co_await read([&](const rocksdb::ReadOptions& options) {
    return read_value(database(), options, partition, key, family);
  });
}

net::task<Result<Page, ReadError>> Engine::scan(Partition partition, Range range, Family family) {
  co_return co_await read([&](const rocksdb::ReadOptions& options) {
    return read_page(database(), options, partition, range, family);
  });
}

net::task<Result<Version, ReadError>> Engine::version(Partition partition) {
  co_return co_await read(
      [&](const rocksdb::ReadOptions& options) { return read_version(database(), options, partition); });
}

net::task<Result<std::vector<Partition>, ReadError>> Engine::partitions(Realm realm, std::uint64_t from,
                                                                        std::size_t limit) {
  co_return co_await read([&](const rocksdb::ReadOptions& options) {
    return read_partitions(database(), options, realm, from, limit);
  });
}

std::unique_ptr<Watch> Engine::watch(Partition partition, std::function<void()> changed) {
  auto entry = std::make_shared<Watches::Entry>();
  entry->changed = std::move(changed);
  entry->core = &net::Core::here();
  watches_.add(partition, entry);
  return std::make_unique<EntryWatch>(watches_, partition, std::move(entry));
}

net::task<Result<std::vector<OutboxEntry>, ReadError>> Engine::outbox(std::uint64_t after,
                                                                      std::size_t limit) {
  co_return co_await read(
      [&](const rocksdb::ReadOptions& options) { return read_outbox(database(), options, after, limit); });
}

std::unique_ptr<Watch> Engine::watch_outbox(std::function<void()> changed) {
  return watch(Watches::outbox, std::move(changed));
}

// --- Blobs ---------------------------------------------------------------------------------------------

std::unique_ptr<BlobWriter> Engine::new_blob(std::uint64_t expected) {
  return std::make_unique<SegmentBlobWriter>(shelf_, expected);
}

net::task<Result<std::unique_ptr<BlobReader>, BlobError>> Engine::open_blob(BlobId id) {
  using Answer = Result<std::unique_ptr<BlobReader>, BlobError>;
  if (auto blob = fresh_.find(id)) {
    if (blob->in_memory) co_return std::make_unique<MemoryBlobReader>(std::move(blob));
    RecordReader record(blob->segment, id, blob->offset, blob->octets);
    co_return std::make_unique<SegmentBlobReader>(std::move(record), pool_.get());
  }
  for (;;) {
    const auto found = co_await read(
        [&](const rocksdb::ReadOptions& options) { return read_location(database(), options, id); });
    if (!found)
      co_return refuse(found.error() == ReadError::Damaged ? BlobError::Damaged : BlobError::Unavailable);
    if (!*found) co_return refuse(BlobError::NoSuchBlob);
    const layout::Location& location = **found;
    if (location.segment == 0) {
      auto body = co_await read(
          [&](const rocksdb::ReadOptions& options) { return read_body(database(), options, id); });
      if (!body)
        co_return refuse(body.error() == ReadError::Damaged ? BlobError::Damaged : BlobError::Unavailable);
      if (!*body) co_return refuse(BlobError::NoSuchBlob);  // erased between the two looks
      co_return Answer(std::make_unique<MemoryBlobReader>(std::move(**body)));
    }
    // Not there: compaction moved the blob since we looked, and the database knows better now.
    if (auto segment = opened_.segments->find(location.segment)) {
      RecordReader record(std::move(segment), id, location.offset, location.octets);
      co_return Answer(std::make_unique<SegmentBlobReader>(std::move(record), pool_.get()));
    }
  }
}

// --- Families ------------------------------------------------------------------------------------------

// Makes or drops a family between two groups, and waits for it. What the work fills is shared with it: the
// task may be cancelled, the work is not.
net::task<Outcome> Engine::between_groups(std::function<void()> work) {
  net::Later<Outcome> later;
  auto completer = std::make_shared<net::Completer<Outcome>>(later.completer());
  committer_->submit_first(std::move(work), [completer](Outcome outcome) { completer->complete(outcome); });
  co_return co_await later;
}

net::task<Result<Family, Outcome>> Engine::family(std::string name) {
  if (!is_family_name(name)) throw std::invalid_argument("store: a family is named with a-z 0-9 . _ - only");
  auto made = std::make_shared<Result<Family, DatabaseFault>>(refuse(DatabaseFault{}));
  auto work = [this, name, made] { *made = database().family(name); };
  if (const Outcome outcome = co_await between_groups(std::move(work)); outcome != Outcome::Committed)
    co_return refuse(outcome);
  if (*made) co_return **made;
  co_return refuse(made->error().what == DatabaseError::NoSpace ? Outcome::NoSpace : Outcome::Unavailable);
}

net::task<Outcome> Engine::drop_family(std::string name) {
  auto dropped = std::make_shared<Result<bool, DatabaseFault>>(false);
  auto work = [this, name, dropped] { *dropped = database().drop(name); };
  const Outcome outcome = co_await between_groups(std::move(work));
  co_return *dropped ? outcome : Outcome::Unavailable;
}

// --- Owning --------------------------------------------------------------------------------------------

unsigned Engine::owner(Partition partition) const {
  return static_cast<unsigned>(std::hash<Partition>{}(partition) % opened_.options.cores);
}

bool Engine::owned_here(Partition partition) const {
  const net::Core* core = net::Core::current();
  return core && core->index() == owner(partition);
}

StoreStatus Engine::status() const {
  StoreStatus status{.health = condition_.health(),
                     .trouble = condition_.trouble(),
                     .free_octets = condition_.free_octets(),
                     .commits = committer_->commits(),
                     .groups = committer_->groups(),
                     .slow_commit = committer_->slow_commit(),
                     .blob_octets = committer_->committed_octets(),
                     .dead_octets = committer_->committed_octets() - committer_->live_octets(),
                     .segments = opened_.segments->count()};
  return status;
}

}  // namespace postroad::store
