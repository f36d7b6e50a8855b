// Backup and restore of a whole store.
//
// A backup is one moment of the database with the segments it relies on. The moment is a RocksDB checkpoint
// (hard links); segments only grow, and while it is taken none is dropped; what the copy holds beyond that
// moment, opening cuts off. Commits go on meanwhile.
#include <fmt/format.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>

#include "base/encoding.h"
#include "store/archive.h"
#include "store/engine.h"
#include "store/maintenance.h"

namespace postroad::store {
namespace {

constexpr std::size_t copy_octets = 1 << 20;
// Names that were given out after the backup and are now unknown must not be given out again.
constexpr std::uint64_t skipped_blobs = 1 << 28;
constexpr std::uint64_t skipped_leases = 1 << 20;

// The checkpoint's directory, gone in the end however it ends.
class Scratch {
 public:
  Scratch(disk::Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {
    (void)disk::remove_tree(disk_, path_);
  }
  ~Scratch() { (void)disk::remove_tree(disk_, path_); }
  const std::string& path() const { return path_; }

 private:
  disk::Disk& disk_;
  const std::string path_;
};

void copy_file(ArchiveWriter& archive, const std::string& name, disk::File& file, std::uint64_t octets) {
  std::string head;
  Writer(head).string(name).u64(octets);
  archive.frame(Frame::File, head);
  std::string buffer;
  for (std::uint64_t at = 0; at < octets; at += buffer.size()) {
    buffer.resize(std::min<std::uint64_t>(copy_octets, octets - at));
    const auto n = file.read(at, buffer);
    if (!n || *n != buffer.size())
      throw std::runtime_error(fmt::format("backup: {} cannot be read at offset {}", name, at));
    archive.data(buffer);
  }
}

}  // namespace

void Engine::backup(Sink& sink) {
  const std::lock_guard one(backing_up_);
  disk::Disk& disk = *opened_.options.disk;
  const Paths paths(opened_.options.data);
  const Scratch moment(disk, paths.store + "/checkpoint");
  std::vector<std::pair<SegmentPtr, std::uint64_t>> segments;
  {
    const auto still = sweeper_->hold_still();
    rocksdb::Checkpoint* made = nullptr;
    auto status = rocksdb::Checkpoint::Create(&database().db(), &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) status = checkpoint->CreateCheckpoint(moment.path());
    if (!status.ok()) throw std::runtime_error("backup: " + status.ToString());
    const auto looking = [&](Group& group) {
      for (auto& segment : opened_.segments->all())
        if (const auto end = group.row(*segment).committed_end; end > 0) segments.emplace_back(segment, end);
    };
    if (committer_->run(looking) != Outcome::Committed)
      throw std::runtime_error("backup: the store has failed");
  }

  ArchiveWriter archive(sink);
  archive.frame(Frame::Backup, print(opened_.superblock));
  const auto names = disk.list(moment.path());
  if (!names) throw std::runtime_error("backup: " + disk::error_text(names.error()));
  for (const auto& name : *names) {
    const std::string path = moment.path() + "/" + name;
    const auto file = disk.open(path, disk::Open::Read);
    const auto octets = file ? (*file)->octets() : refuse(file.error());
    if (!octets) throw std::runtime_error("backup: " + path + ": " + disk::error_text(octets.error()));
    copy_file(archive, "keys/" + name, **file, *octets);
  }
  for (const auto& [segment, end] : segments) {
    const auto file = segment->file();
    if (!file) throw std::runtime_error("backup: " + segment->path() + ": " + disk::error_text(file.error()));
    copy_file(archive, segment->path().substr(paths.store.size() + 1), **file, end);
  }
  archive.end();
}

namespace {

// Only names that a backup writes: nobody's archive may reach outside.
bool is_our_name(std::string_view name) {
  const bool database = name.starts_with("keys/"), segment = name.starts_with("segments/");
  if (!database && !segment) return false;
  const std::string_view leaf = name.substr(name.find('/') + 1);
  if (segment) return Segments::number_of(leaf).has_value();
  return !leaf.empty() && leaf.size() < 100 && leaf.find('/') == leaf.npos && !leaf.starts_with('.');
}

struct RestoreFailed {
  OpenFault fault;
};
void check(const std::string& path, const Result<void, disk::IoError>& done) {
  if (!done) throw RestoreFailed{open_fault(path, done.error())};
}

void restore_files(disk::Disk& disk, ArchiveReader& archive, const Paths& paths) {
  std::unique_ptr<disk::File> file;
  std::string path;
  std::uint64_t at = 0, octets = 0;
  const auto finish = [&] {
    if (!file) return;
    if (at != octets) throw BadArchive(path + " is not whole in the archive");
    check(path, file->sync());
    file.reset();
  };
  for (;;) {
    const Frame kind = archive.next();
    if (kind == Frame::Data) {
      if (!file || at + archive.payload().size() > octets) throw BadArchive("data that belongs to no file");
      check(path, file->write(at, archive.payload()));
      at += archive.payload().size();
      continue;
    }
    finish();
    if (kind == Frame::End) return;
    if (kind != Frame::File) throw BadArchive("this archive is not a backup");
    Reader in(archive.payload());
    const std::string name(in.string());
    octets = in.u64();
    at = 0;
    if (!in.ok() || !is_our_name(name))
      throw BadArchive("a file of this name does not belong into a backup: " + printable(name));
    path = paths.store + "/" + name;
    auto opened = disk.open(path, disk::Open::New);
    if (!opened) throw RestoreFailed{open_fault(path, opened.error())};
    file = std::move(*opened);
  }
}

// Whatever was promised after the backup is unknown now: numbers go on well above.
void skip_numbers(disk::Disk& disk, const Paths& paths) {
  auto database = Database::open(paths.keys(), disk, {});
  if (!database) throw RestoreFailed{open_fault(paths, database.error())};
  rocksdb::WriteBatch batch;
  for (const auto& [key, more] :
       {std::pair(layout::next_blob_key, skipped_blobs), std::pair(layout::lease_key, skipped_leases)}) {
    std::string record;
    const auto status =
        (*database)->db().Get(Database::reading(), (*database)->engine(), slice(key), &record);
    const auto number = layout::read_number(record);
    if (!status.ok() || !number) throw BadArchive("the backup lacks its counters");
    batch.Put((*database)->engine(), slice(key), layout::number_record(*number + more));
  }
  rocksdb::WriteOptions durable;
  durable.sync = true;
  if (const auto status = (*database)->db().Write(durable, &batch); !status.ok())
    throw RestoreFailed{open_fault(paths, fault_of(status))};
}

}  // namespace

Result<void, OpenFault> restore(disk::Disk& disk, Source& source, const std::string& data,
                                const Clock& clock) {
  if (auto made = disk::make_directories(disk, data); !made) return refuse(open_fault(data, made.error()));
  const auto lock = lock_data(disk, data);
  if (!lock) return refuse(lock.error());
  Paths paths(data);
  const std::string place = paths.store;
  if (disk.status(place))
    return refuse(OpenFault{OpenError::Foreign,
                            place + " is there already: restore into an empty directory, or move it away"});
  paths.store += ".new";
  const Scratch scratch(disk, paths.store);
  try {
    check(paths.store, disk.make_directory(paths.store));
    check(paths.keys(), disk.make_directory(paths.keys()));
    check(paths.segments(), disk.make_directory(paths.segments()));
    ArchiveReader archive(source);
    const auto superblock = layout::parse_superblock(archive.expect(Frame::Backup));
    if (!superblock) throw BadArchive("the backup was made by a later release, or is damaged");
    restore_files(disk, archive, paths);
    check(paths.keys(), disk.sync_directory(paths.keys()));
    check(paths.segments(), disk.sync_directory(paths.segments()));
    skip_numbers(disk, paths);
    layout::Superblock anew = *superblock;
    // Larger than after any earlier restore, also of the same backup.
    anew.restored = std::max(anew.restored + 1, static_cast<std::uint32_t>(seconds(clock.now())));
    check(paths.format(), disk::replace_file(disk, paths.format(), print(anew)));
    check(paths.store, disk.sync_directory(paths.store));
    check(place, disk.rename(paths.store, place));
    check(data, disk.sync_directory(data));
  } catch (const RestoreFailed& failed) {
    return refuse(failed.fault);
  }
  return {};
}

}  // namespace postroad::store
