#include "store/database.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "base/ascii.h"
#include "store/layout.h"
#include "store/log_tail.h"
#include "store/rocks_files.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// Debian's RocksDB is not instrumented: the sanitizer sees the memory its threads hand each other, and not
// how.
extern "C" const char* __tsan_default_suppressions() { return "race:librocksdb\n"; }
#endif
#endif

namespace postroad::store {
namespace {

constexpr std::string_view family_prefix = "x:";  // of the engines above; ours have no colon

rocksdb::ColumnFamilyOptions table_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.level_compaction_dynamic_level_bytes = true;
  return options;
}

// What a power cut tore off the end of the newest write-ahead log or the MANIFEST; see log_tail.h. True if
// something was cut, a fault if a log is damaged where commits rely on it.
Result<bool, DatabaseFault> cut_torn_tails(disk::Disk& disk, const std::string& directory, bool read_only) {
  const auto names = disk.list(directory);
  if (!names) return false;
  std::string log;
  for (const auto& name : *names)
    if (name.ends_with(".log")) log = name;  // names are in order, numbers in them of one length
  std::string manifest = disk::read_file(disk, directory + "/CURRENT").value_or("");
  if (manifest.ends_with('\n')) manifest.pop_back();
  bool cut = false;
  for (const auto& name : {log, manifest}) {
    if (name.empty()) continue;
    const std::string path = directory + "/" + name;
    const auto tail = examine_log(disk, path, name == log);
    if (!tail || !tail->damaged) continue;
    if (tail->promised)
      return refuse(DatabaseFault{
          DatabaseError::Damaged,
          fmt::format("{} is damaged at offset {}, and commits follow it", name, tail->offset)});
    if (read_only)
      return refuse(DatabaseFault{
          DatabaseError::Unavailable,
          name + " has a torn end, as a power cut leaves it; the next start of the server cuts it off"});
    auto file = disk.open(path, disk::Open::Write);
    if (!file || !(*file)->resize(tail->offset) || !(*file)->sync())
      return refuse(DatabaseFault{DatabaseError::Unavailable, path + ": its torn end cannot be cut off"});
    cut = true;
  }
  return cut;
}

}  // namespace

bool is_family_name(std::string_view name) {
  const auto permitted = [](char c) {
    return ascii::is_lower(c) || ascii::is_digit(c) || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, permitted);
}

DatabaseFault fault_of(const rocksdb::Status& status) {
  DatabaseError what = DatabaseError::Unavailable;
  if (status.IsNoSpace()) what = DatabaseError::NoSpace;
  if (status.IsCorruption() || status.IsInvalidArgument() || status.IsNotFound())
    what = DatabaseError::Damaged;
  return {what, status.ToString()};
}

ReadError read_error_of(const rocksdb::Status& status) {
  return status.IsCorruption() ? ReadError::Damaged : ReadError::Unavailable;
}

rocksdb::ReadOptions Database::reading() {
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  return options;
}

rocksdb::ColumnFamilyOptions Database::key_options() const {
  auto options = table_options(cache_);
  options.write_buffer_size = options_.memtable_octets;
  options.ttl = static_cast<std::uint64_t>(options_.erase_within.count());
  // Keys of one kind in one partition mostly rise, but a group has many partitions: each goes on where its
  // last key went into the memtable instead of being searched for from the top.
  options.memtable_insert_with_hint_prefix_extractor.reset(
      rocksdb::NewCappedPrefixTransform(layout::partition_octets + 2));
  return options;
}

Result<std::unique_ptr<Database>, DatabaseFault> Database::open(const std::string& path, disk::Disk& disk,
                                                                const DatabaseOptions& options) {
  auto database = std::unique_ptr<Database>(new Database);
  database->options_ = options;
  database->cache_ = rocksdb::NewLRUCache(options.cache_octets);

  rocksdb::DBOptions db;
  if (&disk != &disk::real_disk()) {
    database->env_ = rocksdb::NewCompositeEnv(rocks_files(disk));
    db.env = database->env_.get();
  }
  db.create_if_missing = options.create;
  db.create_missing_column_families = options.create;
  db.info_log = std::make_shared<Silence>();
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.track_and_verify_wals_in_manifest = true;
  db.max_total_wal_size = options.log_octets;
  db.max_open_files = 1024;
  db.max_background_jobs = 2;
  db.bytes_per_sync = 1 << 20;
  db.avoid_flush_during_shutdown = true;  // the log has it all; stopping must be quick
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;

  auto keys = database->key_options();
  auto small = table_options(database->cache_);
  small.write_buffer_size = std::max<std::size_t>(options.memtable_octets / 4, 1 << 20);
  // Numbers that rise, but not strictly: where the last one went is near.
  small.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewCappedPrefixTransform(4));
  auto bodies = small;
  bodies.compression = rocksdb::kLZ4Compression;
  bodies.ttl = keys.ttl;
  const std::vector<rocksdb::ColumnFamilyDescriptor> ours{{rocksdb::kDefaultColumnFamilyName, keys},
                                                          {"refs", small},
                                                          {"blobs", small},
                                                          {"bodies", bodies},
                                                          {"ops", small},
                                                          {"outbox", small},
                                                          {"engine", small}};
  auto descriptors = ours;

  const auto open = [&]() -> rocksdb::Status {
    descriptors = ours;
    std::vector<std::string> present;
    auto listed = rocksdb::DB::ListColumnFamilies(db, path, &present);
    if (!listed.ok() && !options.create) return listed;
    for (const auto& name : present)
      if (name.starts_with(family_prefix)) descriptors.emplace_back(name, keys);
    return options.read_only
               ? rocksdb::DB::OpenForReadOnly(db, path, descriptors, &database->all_, &database->db_)
               : rocksdb::DB::Open(db, path, descriptors, &database->all_, &database->db_);
  };
  rocksdb::Status status = open();
  if (status.IsCorruption()) {
    const auto mended = cut_torn_tails(disk, path, options.read_only);
    if (!mended) return refuse(mended.error());
    if (*mended) status = open();
  }
  if (!status.ok()) return refuse(fault_of(status));

  database->keys_ = database->all_[0];
  database->references_ = database->all_[1];
  database->blobs_ = database->all_[2];
  database->bodies_ = database->all_[3];
  database->ops_ = database->all_[4];
  database->outbox_ = database->all_[5];
  database->engine_ = database->all_[6];
  database->families_.emplace_back(database->keys_, [](Handle) {});
  for (std::size_t i = ours.size(); i < descriptors.size(); ++i)
    database->enter(descriptors[i].name.substr(family_prefix.size()), database->all_[i]);
  database->all_.resize(ours.size());
  return database;
}

Database::~Database() {
  if (!db_) return;
  families_.clear();
  for (Handle handle : all_) db_->DestroyColumnFamilyHandle(handle);
  db_->Close().PermitUncheckedError();  // what it could fail at is durable already
  delete db_;
}

Family Database::enter(const std::string& name, Handle handle) {
  const std::unique_lock lock(families_mutex_);
  const Family family{static_cast<std::uint32_t>(families_.size())};
  families_.emplace_back(handle, [this](Handle h) { db_->DestroyColumnFamilyHandle(h); });
  names_[name] = family;
  return family;
}

Database::FamilyHandle Database::find(Family family) const {
  const std::shared_lock lock(families_mutex_);
  return family.number < families_.size() ? families_[family.number] : nullptr;
}

Database::FamilyHandle Database::find_name(const std::string& name) const {
  const std::shared_lock lock(families_mutex_);
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : families_[found->second.number];
}

rocksdb::Status Database::flush() {
  std::vector<FamilyHandle> held;
  {
    const std::shared_lock lock(families_mutex_);
    for (const auto& family : families_)
      if (family) held.push_back(family);
  }
  std::vector<Handle> handles(all_.begin() + 1, all_.end());
  for (const auto& family : held) handles.push_back(family.get());
  return db_->Flush({}, handles);
}

std::vector<std::string> Database::names() const {
  const std::shared_lock lock(families_mutex_);
  std::vector<std::string> names;
  for (const auto& [name, family] : names_) names.push_back(name);
  return names;
}

Result<Family, DatabaseFault> Database::family(const std::string& name) {
  {
    const std::shared_lock lock(families_mutex_);
    if (const auto found = names_.find(name); found != names_.end()) return found->second;
  }
  Handle handle = nullptr;
  const auto status = db_->CreateColumnFamily(key_options(), std::string(family_prefix) + name, &handle);
  if (!status.ok()) return refuse(fault_of(status));
  return enter(name, handle);
}

Result<bool, DatabaseFault> Database::drop(const std::string& name) {
  FamilyHandle handle;
  {
    const std::unique_lock lock(families_mutex_);
    const auto found = names_.find(name);
    if (found == names_.end()) return false;
    handle = std::move(families_[found->second.number]);
    names_.erase(found);
  }
  const auto status = db_->DropColumnFamily(handle.get());
  if (!status.ok()) return refuse(fault_of(status));
  return true;
}

}  // namespace postroad::store
