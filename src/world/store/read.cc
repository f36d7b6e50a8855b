#include "store/read.h"

namespace postroad::store {
namespace {

ReadError error_of(const rocksdb::Status& status) {
  return status.IsIncomplete() ? waits_for_disk : read_error_of(status);
}

// The record under a key, handed to `parse`, which answers nothing if the record is damaged.
template <class Parse>
auto read_record(Database& database, const rocksdb::ReadOptions& options, Database::Handle family,
                 std::string_view key, Parse parse)
    -> Result<decltype(parse(std::string_view())), ReadError> {
  rocksdb::PinnableSlice record;
  const auto status = database.db().Get(options, family, slice(key), &record);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return refuse(error_of(status));
  // Where it may not wait and a file is not open, RocksDB says "found" and gives nothing: the key may exist.
  // None of our records that are read so is empty.
  if (record.empty() && options.read_tier == rocksdb::kBlockCacheTier) return refuse(waits_for_disk);
  auto parsed = parse(view(record));
  if (!parsed) return refuse(ReadError::Damaged);
  return parsed;
}

std::optional<Version> parse_version(std::string_view record) {
  const auto number = layout::read_number(record);
  return number ? std::optional(Version{*number}) : std::nullopt;
}

// The counter, by an iterator that the rest of a page is read with: one snapshot.
Result<Version, ReadError> counter_at(rocksdb::Iterator& it, std::string_view key) {
  it.Seek(slice(key));
  if (!it.Valid()) {
    if (!it.status().ok()) return refuse(error_of(it.status()));
    return Version{};
  }
  if (view(it.key()) != key) return Version{};
  const auto version = parse_version(view(it.value()));
  if (!version) return refuse(ReadError::Damaged);
  return *version;
}

struct Snapshot {
  explicit Snapshot(rocksdb::DB& db) : db(db), snapshot(db.GetSnapshot()) {}
  ~Snapshot() { db.ReleaseSnapshot(snapshot); }
  rocksdb::DB& db;
  const rocksdb::Snapshot* const snapshot;
};

}  // namespace

Result<std::optional<Version>, ReadError> read_outcome(Database& database,
                                                       const rocksdb::ReadOptions& options,
                                                       Partition partition, const OpId& op) {
  return read_record(database, options, database.ops(), layout::op_key(partition, op.view()), parse_version);
}

Result<std::optional<Value>, ReadError> read_value(Database& database, const rocksdb::ReadOptions& options,
                                                   Partition partition, std::string_view key, Family family) {
  const auto handle = database.find(family);
  if (!handle) return std::nullopt;
  std::string full(layout::Prefix(partition, layout::key_mark).view());
  full.append(key);
  return read_record(database, options, handle.get(), full,
                     [&](std::string_view record) -> std::optional<Value> {
                       const auto stored = layout::read_value(key, record);
                       if (!stored) return std::nullopt;
                       return Value{std::string(stored->value), stored->version};
                     });
}

Result<Version, ReadError> read_version(Database& database, const rocksdb::ReadOptions& options,
                                        Partition partition) {
  const layout::Prefix key(partition, layout::counter_mark);
  const auto version = read_record(database, options, database.keys(), key.view(), parse_version);
  if (!version) return refuse(version.error());
  return version->value_or(Version{});
}

Result<std::optional<layout::Location>, ReadError> read_location(Database& database,
                                                                 const rocksdb::ReadOptions& options,
                                                                 BlobId id) {
  return read_record(database, options, database.blobs(), layout::blob_key(id), layout::read_location);
}

Result<std::optional<std::string>, ReadError> read_body(Database& database,
                                                        const rocksdb::ReadOptions& options, BlobId id) {
  return read_record(database, options, database.bodies(), layout::blob_key(id),
                     [](std::string_view record) -> std::optional<std::string> {
                       const auto body = layout::read_body(record);
                       if (!body) return std::nullopt;
                       return std::string(*body);
                     });
}

Result<Page, ReadError> read_page(Database& database, const rocksdb::ReadOptions& given, Partition partition,
                                  const Range& range, Family family) {
  Page page;
  const auto handle = database.find(family);
  if (!handle) return page;
  const layout::Prefix counter(partition, layout::counter_mark), prefix(partition, layout::key_mark);
  std::string from(prefix.view()), to(prefix.view());
  from.append(range.from);
  if (range.to.empty())
    to.back() = layout::key_mark + 1;
  else
    to.append(range.to);

  // Keys outside the partition are never looked at, however many tombstones lie there.
  const rocksdb::Slice lower(counter.view().data(), counter.view().size()), upper(to);
  rocksdb::ReadOptions options = given;
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;

  // In the family of all keys one iterator sees both the counter and the entries; elsewhere a snapshot joins
  // two.
  std::optional<Snapshot> snapshot;
  if (family != Family{}) {
    snapshot.emplace(database.db());
    options.snapshot = snapshot->snapshot;
    rocksdb::PinnableSlice record;
    const auto version = read_version(database, options, partition);
    if (!version) return refuse(version.error());
    page.version = *version;
  }
  const std::unique_ptr<rocksdb::Iterator> it(database.db().NewIterator(options, handle.get()));
  if (family == Family{}) {
    const auto version = counter_at(*it, counter.view());
    if (!version) return refuse(version.error());
    page.version = *version;
  }

  if (range.reverse)
    it->SeekToLast();
  else
    it->Seek(from);
  for (; it->Valid(); range.reverse ? it->Prev() : it->Next()) {
    const std::string_view key = view(it->key());
    if (key < from) break;
    if (page.size() >= range.limit ||
        (!page.empty() && page.octets() + key.size() + it->value().size() > range.octets)) {
      page.more = true;
      break;
    }
    const auto own = key.substr(prefix.view().size());
    if (const auto stored = layout::read_value(own, view(it->value())))
      page.add(own, stored->value, stored->version);
    else
      ++page.damaged;
  }
  if (!it->status().ok()) return refuse(error_of(it->status()));
  return page;
}

Result<std::vector<OutboxEntry>, ReadError> read_outbox(Database& database, const rocksdb::ReadOptions& given,
                                                        std::uint64_t after, std::size_t limit) {
  std::vector<OutboxEntry> found;
  if (after == UINT64_MAX) return found;
  const std::string end = layout::outbox_key(UINT64_MAX);
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions options = given;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(database.db().NewIterator(options, database.outbox()));
  for (it->Seek(layout::outbox_key(after + 1)); it->Valid() && found.size() < limit; it->Next()) {
    const auto number = layout::read_outbox_key(view(it->key()));
    const auto bundle = layout::read_outbox(view(it->value()));
    if (!number || !bundle) continue;  // damaged: this one is lost, and `verify` says so
    for (const auto& [partition, octets] : *bundle)
      found.push_back({*number, partition, std::string(octets)});
  }
  if (!it->status().ok()) return refuse(error_of(it->status()));
  return found;
}

Result<std::vector<Partition>, ReadError> read_partitions(Database& database,
                                                          const rocksdb::ReadOptions& given, Realm realm,
                                                          std::uint64_t from, std::size_t limit) {
  std::string end(1, static_cast<char>(static_cast<char>(realm) + 1));
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions options = given;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(database.db().NewIterator(options, database.keys()));
  std::vector<Partition> found;
  // From counter to counter: one seek for each partition, whatever it holds.
  for (it->Seek(slice(layout::Prefix({realm, from}, layout::counter_mark).view()));
       it->Valid() && found.size() < limit;) {
    const auto partition = layout::read_partition(view(it->key()));
    if (!partition) return refuse(ReadError::Damaged);
    found.push_back(*partition);
    if (partition->id == UINT64_MAX) break;
    it->Seek(slice(layout::Prefix({realm, partition->id + 1}, layout::counter_mark).view()));
  }
  if (!it->status().ok()) return refuse(error_of(it->status()));
  return found;
}

}  // namespace postroad::store
