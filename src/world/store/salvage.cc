// What can be read of a database that RocksDB does not open any more. Part of Database.
#include <fmt/format.h>

#include "store/database.h"
#include "store/log_tail.h"
#include "store/rocks_files.h"

namespace postroad::store {
namespace {

// Applies what a log recorded, family by family. Ours were made in this order when the store was made, so
// their numbers are known without the MANIFEST; those of the engines above are not.
class Replay final : public rocksdb::WriteBatch::Handler {
 public:
  Replay(Database& database, rocksdb::WriteBatch& into)
      : families_{database.keys(), database.references(), database.blobs(), database.bodies(),
                  database.ops(),  database.outbox(),     database.engine()},
        into_(into) {}
  rocksdb::Status PutCF(std::uint32_t family, const rocksdb::Slice& key,
                        const rocksdb::Slice& value) override {
    if (family < families_.size()) return into_.Put(families_[family], key, value);
    return ++unknown, rocksdb::Status::OK();
  }
  rocksdb::Status DeleteCF(std::uint32_t family, const rocksdb::Slice& key) override {
    if (family < families_.size()) return into_.Delete(families_[family], key);
    return ++unknown, rocksdb::Status::OK();
  }
  // As a deletion: its put may lie in a table now.
  rocksdb::Status SingleDeleteCF(std::uint32_t family, const rocksdb::Slice& key) override {
    return DeleteCF(family, key);
  }
  void LogData(const rocksdb::Slice&) override {}

  std::uint64_t unknown = 0;

 private:
  const std::vector<Database::Handle> families_;
  rocksdb::WriteBatch& into_;
};

}  // namespace

Result<std::unique_ptr<Database>, DatabaseFault> Database::salvage(
    const std::string& path, disk::Disk& disk, const std::function<void(std::string)>& lost) {
  const auto names = disk.list(path);
  if (!names) return refuse(DatabaseFault{DatabaseError::Unavailable, disk::error_text(names.error())});
  // RocksDB would drop what a log says of a family that has no table yet: the logs go elsewhere first.
  const std::string logs = path + ".logs";
  if (auto made = disk.make_directory(logs); !made)
    return refuse(DatabaseFault{DatabaseError::Unavailable, disk::error_text(made.error())});
  std::vector<std::string> to_replay;
  for (const auto& name : *names) {
    if (!name.ends_with(".log")) continue;
    if (auto moved = disk.rename(path + "/" + name, logs + "/" + name); !moved)
      return refuse(DatabaseFault{DatabaseError::Unavailable, disk::error_text(moved.error())});
    to_replay.push_back(name);
  }

  std::unique_ptr<rocksdb::Env> env;
  rocksdb::DBOptions db;
  if (&disk != &disk::real_disk()) {
    env = rocksdb::NewCompositeEnv(rocks_files(disk));
    db.env = env.get();
  }
  db.info_log = std::make_shared<Silence>();
  const rocksdb::ColumnFamilyOptions plain;
  if (const auto status = rocksdb::RepairDB(path, db, {{rocksdb::kDefaultColumnFamilyName, plain}}, plain);
      !status.ok())
    lost("the tables: " + status.ToString());

  auto database = open(path, disk, {.create = true});
  if (!database) return database;
  for (const auto& name : to_replay) {
    rocksdb::WriteBatch again;
    Replay replay(**database, again);
    const auto damages = read_log(disk, logs + "/" + name, [&](std::string_view record) {
      const rocksdb::WriteBatch batch{std::string(record)};
      if (const auto status = batch.Iterate(&replay); !status.ok()) lost(name + ": " + status.ToString());
    });
    if (!damages)
      lost(name + ": " + disk::error_text(damages.error()));
    else if (*damages > 0)
      lost(fmt::format("{} is damaged in {} places, and what was committed there is lost", name, *damages));
    if (replay.unknown > 0) lost(fmt::format("{}: {} entries of other families", name, replay.unknown));
    if (const auto status = (*database)->db().Write({}, &again); !status.ok())
      return refuse(fault_of(status));
  }
  return database;
}

}  // namespace postroad::store
