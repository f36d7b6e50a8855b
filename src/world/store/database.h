// Database: RocksDB as the embedded engine uses it. Options, column families, and its errors in our words.
//
// Only the engine's own files include this. RocksDB aborts the process when an iterator outlives the
// database; whoever makes one ends it before the engine ends.
#pragma once

#include <rocksdb/db.h>

#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "disk/disk.h"
#include "store/types.h"

namespace postroad::store {

struct DatabaseOptions {
  std::size_t cache_octets = 64 << 20;           // blocks read
  std::size_t memtable_octets = 64 << 20;        // of the keys; the other families take a quarter each
  std::uint64_t log_octets = 256 << 20;          // write-ahead logs; what a start may have to replay
  std::chrono::seconds erase_within{4 * 86400};  // removed keys leave the files after this time
  bool read_only = false;
  bool create = false;
};

enum class DatabaseError : std::uint8_t { Damaged, NoSpace, Unavailable };
struct DatabaseFault {
  DatabaseError what{};
  std::string text;
};
DatabaseFault fault_of(const rocksdb::Status& status);
ReadError read_error_of(const rocksdb::Status& status);

// Names of families are part of what `verify` prints and of exports.
bool is_family_name(std::string_view name);

inline rocksdb::Slice slice(std::string_view octets) { return {octets.data(), octets.size()}; }
inline std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// RocksDB tells its life in a file of its own; we keep nothing of it but what is wrong, which comes as a
// Status.
class Silence final : public rocksdb::Logger {
 public:
  Silence() : Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

class Database {
 public:
  using Handle = rocksdb::ColumnFamilyHandle*;

  static Result<std::unique_ptr<Database>, DatabaseFault> open(const std::string& path, disk::Disk& disk,
                                                               const DatabaseOptions& options);
  // What can be read of a database that does not open; `path` is a copy that is changed. RocksDB's own repair
  // gathers the tables, the logs are replayed by us. `lost` hears what could not be read.
  static Result<std::unique_ptr<Database>, DatabaseFault> salvage(
      const std::string& path, disk::Disk& disk, const std::function<void(std::string)>& lost);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& db() { return *db_; }
  Handle keys() const { return keys_; }
  Handle references() const { return references_; }
  Handle blobs() const { return blobs_; }
  Handle bodies() const { return bodies_; }
  Handle ops() const { return ops_; }
  Handle outbox() const { return outbox_; }
  Handle engine() const { return engine_; }

  // Families of the engines above. find() answers null for one that was dropped; what it answers stays valid
  // until the pointer goes, even if the family is dropped meanwhile.
  using FamilyHandle = std::shared_ptr<rocksdb::ColumnFamilyHandle>;
  FamilyHandle find(Family family) const;
  FamilyHandle find_name(const std::string& name) const;
  std::vector<std::string> names() const;
  // By one thread, the committer's.
  Result<Family, DatabaseFault> family(const std::string& name);
  Result<bool, DatabaseFault> drop(const std::string& name);  // false: there is none

  // All families, so that no log is needed any more.
  rocksdb::Status flush();

  static rocksdb::ReadOptions reading();

 private:
  Database() = default;
  Family enter(const std::string& name, Handle handle);
  rocksdb::ColumnFamilyOptions key_options() const;

  DatabaseOptions options_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::unique_ptr<rocksdb::Env> env_;
  rocksdb::DB* db_ = nullptr;
  Handle keys_ = nullptr, references_ = nullptr, blobs_ = nullptr, bodies_ = nullptr, ops_ = nullptr,
         outbox_ = nullptr, engine_ = nullptr;
  std::vector<Handle> all_;
  mutable std::shared_mutex families_mutex_;
  std::vector<FamilyHandle> families_;  // by Family::number; [0] is keys_
  std::map<std::string, Family> names_;
};

}  // namespace postroad::store
