// Opening the embedded store: find out what is there, refuse what is not ours or not whole, change nothing
// before that is known.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/random.h"
#include "store/engine.h"
#include "store/read.h"

namespace postroad::store {
namespace {

using disk::IoError;

// What else lies in a data directory that is ours.
const std::set<std::string, std::less<>> our_names{"store", "store.new",    "lock",      "tls",
                                                   "tmp",   "control.sock", "lost+found"};

OpenFault damaged(std::string what) {
  return {OpenError::Damaged, std::move(what) +
                                  ". Nothing was changed. `postroad repair` writes what can be saved into "
                                  "a new directory; a backup can be restored"};
}

DatabaseOptions database_options(const EmbeddedOptions& options) {
  return {.cache_octets = options.cache_octets,
          .memtable_octets = options.memtable_octets,
          .log_octets = options.log_octets,
          .erase_within = options.erase_within * 4 / 7};
}

// A store is made beside its place and moved there when it is complete.
Result<void, OpenFault> make_store(disk::Disk& disk, const std::string& data,
                                   const EmbeddedOptions& options) {
  Paths paths(data);
  const std::string place = paths.store;
  paths.store += ".new";
  const auto check = [&](const Result<void, IoError>& done,
                         const std::string& path) -> Result<void, OpenFault> {
    if (done) return {};
    return refuse(open_fault(path, done.error()));
  };
  if (auto done = check(disk::remove_tree(disk, paths.store), paths.store); !done) return done;
  if (auto done = check(disk.make_directory(paths.store), paths.store); !done) return done;
  if (auto done = check(disk.make_directory(paths.segments()), paths.segments()); !done) return done;
  layout::Superblock superblock;
  superblock.store = system_random().bytes(16);
  {
    auto settings = database_options(options);
    settings.create = true;
    auto database = Database::open(paths.keys(), disk, settings);
    if (!database) return refuse(open_fault(paths, database.error()));
    rocksdb::WriteBatch first;
    const auto engine = (*database)->engine();
    // The upper 24 bits of blob names are this store's own.
    const std::uint64_t names = (system_random().u64() >> 40 | 1) << 40;
    first.Put(engine, slice(layout::store_key), superblock.store);
    first.Put(engine, slice(layout::next_blob_key), layout::number_record(names + 1));
    first.Put(engine, slice(layout::lease_key), layout::number_record(0));
    first.Put(engine, slice(layout::next_outbox_key), layout::number_record(1));
    rocksdb::WriteOptions durable;
    durable.sync = true;
    if (const auto status = (*database)->db().Write(durable, &first); !status.ok())
      return refuse(open_fault(paths, fault_of(status)));
  }
  if (auto done = check(disk::replace_file(disk, paths.format(), print(superblock)), paths.format()); !done)
    return done;
  if (auto done = check(disk.sync_directory(paths.store), paths.store); !done) return done;
  if (auto done = check(disk.rename(paths.store, place), place); !done) return done;
  return check(disk.sync_directory(data), data);
}

Result<std::uint64_t, OpenFault> number_of(Database& database, const Paths& paths, std::string_view key) {
  std::string record;
  const auto status = database.db().Get(Database::reading(), database.engine(), slice(key), &record);
  if (!status.ok()) return refuse(open_fault(paths, fault_of(status)));
  const auto number = layout::read_number(record);
  if (!number) return refuse(damaged(fmt::format("{}: the record '{}' is not a number", paths.keys(), key)));
  return *number;
}

// The segments that commits rely on must be there and long enough. What is longer, or what no commit knows,
// is left over from work that was not finished, and goes.
Result<void, OpenFault> enter_segments(Opened& opened, const Paths& paths, Access access) {
  disk::Disk& disk = *opened.options.disk;
  Database& database = *opened.database;
  std::set<std::uint32_t> known;
  const std::string upper_key = std::string(layout::segment_prefix) + "\xff\xff\xff\xff\xff";
  const rocksdb::Slice upper(upper_key);
  auto reading = Database::reading();
  reading.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(database.db().NewIterator(reading, database.engine()));
  for (it->Seek(slice(layout::segment_prefix)); it->Valid(); it->Next()) {
    Reader key(view(it->key()).substr(layout::segment_prefix.size()));
    const std::uint32_t number = key.u32_key();
    const auto row = layout::read_segment(view(it->value()));
    if (!key.ok() || !row)
      return refuse(damaged(fmt::format("{}: a segment's record is not readable", paths.keys())));
    const std::string path = opened.segments->path(number);
    const auto status = disk.status(path);
    if (!status) {
      if (status.error() != IoError::no_such_file_or_directory)
        return refuse(open_fault(path, status.error()));
      return refuse(
          damaged(fmt::format("{} is missing: {} octets of mail bodies lie in it", path, row->live_octets)));
    }
    if (status->octets < row->committed_end)
      return refuse(damaged(fmt::format("{} ends at offset {}, where commits rely on {} octets", path,
                                        status->octets, row->committed_end)));
    auto segment = std::make_shared<Segment>(*opened.segments, number, row->salt, row->committed_end);
    segment->row = *row;
    if (status->octets > row->committed_end && access == Access::ReadWrite) {
      const auto file = segment->file();
      if (!file) return refuse(open_fault(path, file.error()));
      if (auto done = (*file)->resize(row->committed_end); !done)
        return refuse(open_fault(path, done.error()));
    }
    known.insert(number);
    opened.segments->enter(std::move(segment));
  }
  if (!it->status().ok()) return refuse(open_fault(paths, fault_of(it->status())));

  if (access == Access::ReadOnly) return {};
  const auto names = disk.list(paths.segments());
  if (!names) return refuse(open_fault(paths.segments(), names.error()));
  for (const auto& name : *names) {
    const auto number = Segments::number_of(name);
    if (number && !known.contains(*number)) (void)disk.remove(paths.segments() + "/" + name);
  }
  return {};
}

}  // namespace

OpenFault open_fault(const std::string& path, IoError error) {
  OpenError what = OpenError::Unavailable;
  std::string then = "check the disk";
  if (error == IoError::permission_denied || error == IoError::operation_not_permitted ||
      error == IoError::read_only_file_system) {
    what = OpenError::NotWritable;
    then = "give the directory to the user the server runs as, or set `data` to another";
  } else if (error == IoError::not_a_directory || error == IoError::file_exists) {
    what = OpenError::NotWritable;
    then = "set `data` to a directory";
  } else if (disk::out_of_space(error)) {
    what = OpenError::NoSpace;
    then = "make room on the volume";
  }
  return {what, fmt::format("{}: {}; {}", path, disk::error_text(error), then)};
}

OpenFault open_fault(const Paths& paths, const DatabaseFault& fault) {
  switch (fault.what) {
    case DatabaseError::Damaged: return damaged(fmt::format("{}: {}", paths.keys(), fault.text));
    case DatabaseError::NoSpace:
      return {OpenError::NoSpace, fmt::format("{}: {}; make room on the volume", paths.keys(), fault.text)};
    case DatabaseError::Unavailable: break;
  }
  return {OpenError::Unavailable, fmt::format("{}: {}; check the disk", paths.keys(), fault.text)};
}

Result<std::unique_ptr<disk::Lock>, OpenFault> lock_data(disk::Disk& disk, const std::string& data) {
  const Paths paths(data);
  auto lock = disk.lock(paths.lock());
  if (lock) return std::move(*lock);
  if (lock.error() == IoError::device_or_resource_busy)
    return refuse(
        OpenFault{OpenError::InUse,
                  fmt::format("{} is in use by another server or command; stop it, or set `data` to another "
                              "directory",
                              data)});
  return refuse(open_fault(paths.lock(), lock.error()));
}

Result<layout::Superblock, OpenFault> read_superblock(disk::Disk& disk, const Paths& paths) {
  const auto text = disk::read_file(disk, paths.format(), 64 * 1024);
  if (!text) {
    if (text.error() != IoError::no_such_file_or_directory)
      return refuse(open_fault(paths.format(), text.error()));
    return refuse(
        OpenFault{OpenError::Foreign, fmt::format("{} is not a store of ours: it has no file FORMAT. Set "
                                                  "`data` to another directory, or move this one away",
                                                  paths.store)});
  }
  const auto superblock = layout::parse_superblock(*text);
  if (superblock) return *superblock;
  const std::string place = fmt::format("{}, line {}", paths.format(), superblock.error().line);
  if (superblock.error().what == layout::SuperblockError::Newer)
    return refuse(OpenFault{OpenError::Newer,
                            fmt::format("{}: this store was written by a later release (this one reads "
                                        "epoch {}). Install that release, or restore a backup made by "
                                        "this one",
                                        place, layout::epoch)});
  return refuse(
      OpenFault{OpenError::Foreign, place + ": this is not the superblock of a store. Set `data` to another "
                                            "directory, or restore FORMAT from a backup"});
}

Result<void, OpenFault> open_parts(Opened& opened, Access access) {
  const EmbeddedOptions& options = opened.options;
  disk::Disk& disk = *options.disk;
  const Paths paths(options.data);
  auto superblock = read_superblock(disk, paths);
  if (!superblock) return refuse(superblock.error());
  if (access == Access::ReadWrite)
    (void)disk::remove_tree(disk, paths.store + "/checkpoint");  // of a backup that was killed
  opened.superblock = std::move(*superblock);

  auto settings = database_options(options);
  settings.read_only = access == Access::ReadOnly;
  auto database = Database::open(paths.keys(), disk, settings);
  if (!database) return refuse(open_fault(paths, database.error()));
  opened.database = std::move(*database);
  std::string store;
  if (const auto found = opened.database->db().Get(Database::reading(), opened.database->engine(),
                                                   slice(layout::store_key), &store);
      !found.ok())
    return refuse(open_fault(paths, fault_of(found)));
  if (store != opened.superblock.store)
    return refuse(OpenFault{OpenError::Foreign, fmt::format("{} and {} belong to different stores",
                                                            paths.format(), paths.keys())});

  opened.segments = std::make_unique<Segments>(
      disk, *opened.clock,
      Segments::Options{
          .directory = paths.segments(), .store = store, .segment_octets = options.segment_octets});
  return enter_segments(opened, paths, access);
}

Result<std::unique_ptr<EmbeddedStore>, OpenFault> open_embedded(EmbeddedOptions options) {
  static const SystemClock system_clock;
  Opened opened;
  opened.options = options;
  opened.clock = options.clock ? options.clock : &system_clock;
  disk::Disk& disk = *options.disk;
  const Paths paths(options.data);

  if (auto made = disk::make_directories(disk, options.data); !made)
    return refuse(open_fault(options.data, made.error()));
  const auto names = disk.list(options.data);
  if (!names) return refuse(open_fault(options.data, names.error()));
  const bool ours =
      std::ranges::any_of(*names, [](const auto& name) { return name == "store" || name == "lock"; });
  for (const auto& name : *names)
    if (!ours && !our_names.contains(name))
      return refuse(
          OpenFault{OpenError::Foreign,
                    fmt::format("{} holds other files ({}) and no store; set `data` to an empty directory",
                                options.data, name)});
  auto lock = lock_data(disk, options.data);
  if (!lock) return refuse(lock.error());
  opened.lock = std::move(*lock);

  const auto status = disk.status(paths.store);
  if (!status && status.error() != IoError::no_such_file_or_directory)
    return refuse(open_fault(paths.store, status.error()));
  if (!status)
    if (auto made = make_store(disk, options.data, options); !made) return refuse(made.error());

  if (auto done = open_parts(opened, Access::ReadWrite); !done) return refuse(done.error());

  // A new owner, and names for the blobs to come, promised before the first is used.
  const auto lease = number_of(*opened.database, paths, layout::lease_key);
  if (!lease) return refuse(lease.error());
  const auto next_blob = number_of(*opened.database, paths, layout::next_blob_key);
  if (!next_blob) return refuse(next_blob.error());
  const auto next_outbox = number_of(*opened.database, paths, layout::next_outbox_key);
  if (!next_outbox) return refuse(next_outbox.error());
  opened.outbox.next = opened.outbox.first = *next_outbox;
  const auto waiting = read_outbox(*opened.database, Database::reading(), 0, 1);
  if (!waiting && waiting.error() != ReadError::Damaged)
    return refuse(
        OpenFault{OpenError::Unavailable, paths.keys() + ": the outbox cannot be read; check the disk"});
  if (waiting && !waiting->empty()) opened.outbox.first = waiting->front().number;
  opened.lease = LeaseToken{*lease + 1};
  opened.next_blob = *next_blob;
  rocksdb::WriteBatch begin;
  begin.Put(opened.database->engine(), slice(layout::lease_key), layout::number_record(*lease + 1));
  begin.Put(opened.database->engine(), slice(layout::next_blob_key),
            layout::number_record(*next_blob + BlobIds::promise));
  rocksdb::WriteOptions durable;
  durable.sync = true;
  if (const auto written = opened.database->db().Write(durable, &begin); !written.ok())
    return refuse(open_fault(paths, fault_of(written)));
  return std::make_unique<Engine>(std::move(opened));
}

}  // namespace postroad::store
