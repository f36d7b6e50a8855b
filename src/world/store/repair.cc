// repair: what can be read of a damaged store, into a new one.
//
// Segments are copied as they are; the database is read record by record, each against its checksum, and
// written anew with what fits together. If RocksDB cannot open it any more, its own repair gathers what it
// can, on a copy. What nobody can vouch for is left out and named; a body that is whole is kept even where
// nothing is left that refers to it.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/encoding.h"
#include "base/random.h"
#include "store/blob_reader.h"
#include "store/engine.h"
#include "store/maintenance.h"
#include "store/reachable.h"

namespace postroad::store {
namespace {

// Keeps bodies that lost their references; nobody else's.
constexpr Partition found_again{Realm::System, UINT64_MAX};
constexpr std::size_t batch_octets = 4 << 20;

struct Trouble {
  OpenFault fault;
};
template <class T>
T must(Result<T, disk::IoError> result, const std::string& path) {
  if (!result) throw Trouble{open_fault(path, result.error())};
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void copy_file(disk::Disk& disk, const std::string& from, const std::string& to) {
  const auto source = must(disk.open(from, disk::Open::Read), from);
  const auto target = must(disk.open(to, disk::Open::New), to);
  std::string buffer(1 << 20, '\0');
  for (std::uint64_t at = 0;;) {
    const std::size_t n = must(source->read(at, buffer), from);
    if (n == 0) break;
    must(target->write(at, std::string_view(buffer).substr(0, n)), to);
    at += n;
  }
  must(target->sync(), to);
}

class Repair {
 public:
  Repair(disk::Disk& disk, const std::string& from, const std::string& to, const Clock& clock)
      : disk_(disk), from_(from), to_(to), clock_(clock) {
    to_.store += ".new";
  }

  Report run() {
    must(disk::remove_tree(disk_, to_.store), to_.store);
    must(disk_.make_directory(to_.store), to_.store);
    must(disk_.make_directory(to_.segments()), to_.segments());
    identity();
    open_source();
    make_target();
    segments();
    keys(source_->keys(), target_->keys(), true);
    for (const auto& name : source_->names()) family(name);
    blobs();
    references();
    copy(source_->ops(), target_->ops(), "the outcome of a commit",
         [](std::string_view, std::string_view record) { return layout::read_number(record).has_value(); });
    outbox();
    numbers();
    finish();
    return std::move(report_);
  }

 private:
  // Whose store it is: by its superblock, else by any segment.
  void identity() {
    if (const auto text = disk::read_file(disk_, from_.format()))
      if (const auto block = layout::parse_superblock(*text)) superblock_ = *block;
    if (superblock_.store.empty()) report_.fault(from_.format() + " is not readable");
    for (const auto& name : disk_.list(from_.segments()).value_or(std::vector<std::string>{})) {
      if (!superblock_.store.empty() || !Segments::number_of(name)) continue;
      std::string head(segment_header_octets, '\0');
      const auto file = disk_.open(from_.segments() + "/" + name, disk::Open::Read);
      if (file && (*file)->read(0, head))
        if (const auto header = parse_segment_header(head)) superblock_.store = header->store;
    }
    if (superblock_.store.empty()) superblock_.store = system_random().bytes(16);
  }

  void open_source() {
    auto database = Database::open(from_.keys(), disk_, {.read_only = true});
    if (!database) {
      report_.fault(fmt::format("{}: {}", from_.keys(), database.error().text));
      const std::string copy = to_.store + "/salvage";
      must(disk_.make_directory(copy), copy);
      for (const auto& name : must(disk_.list(from_.keys()), from_.keys()))
        copy_file(disk_, from_.keys() + "/" + name, copy + "/" + name);
      // Perhaps only the end was torn, which opening cuts off.
      database = Database::open(copy, disk_, {});
      if (!database)
        database =
            Database::salvage(copy, disk_, [this](std::string what) { report_.fault(std::move(what)); });
    }
    if (!database) throw Trouble{open_fault(from_, database.error())};
    source_ = std::move(*database);
  }

  void make_target() {
    auto database = Database::open(to_.keys(), disk_, {.create = true});
    if (!database) throw Trouble{open_fault(to_, database.error())};
    target_ = std::move(*database);
  }

  // All files that are segments of this store, whole; which of their octets matter is decided by the blobs.
  void segments() {
    segments_ = std::make_unique<Segments>(
        disk_, clock_, Segments::Options{.directory = to_.segments(), .store = superblock_.store});
    for (const auto& name : disk_.list(from_.segments()).value_or(std::vector<std::string>{})) {
      const auto number = Segments::number_of(name);
      if (!number) continue;
      copy_file(disk_, from_.segments() + "/" + name, to_.segments() + "/" + name);
      ++report_.segments;
      // The salt is in the file and in the database; either will do.
      std::optional<std::uint64_t> salt;
      std::string head(segment_header_octets, '\0');
      const auto file = must(disk_.open(to_.segments() + "/" + name, disk::Open::Write), name);
      if (must(file->read(0, head), name) == head.size())
        if (const auto header = parse_segment_header(head)) salt = header->salt;
      std::string record;
      if (source_->db()
              .Get(Database::reading(), source_->engine(), layout::segment_key(*number), &record)
              .ok())
        if (const auto row = layout::read_segment(record)) salt = row->salt;
      if (!salt) {
        report_.fault(name + ": neither its header nor its record can be read");
        continue;
      }
      auto segment = std::make_shared<Segment>(*segments_, *number, *salt, must(file->octets(), name));
      segment->row.salt = *salt;
      scan(*segment, *file);
      segments_->enter(std::move(segment));
    }
  }

  // Where records lie, for blobs whose place the database lost. At a damaged header the next is looked for.
  void scan(Segment& segment, disk::File& file) {
    const std::uint64_t length = must(file.octets(), segment.path());
    std::string window;
    std::uint64_t window_at = 0;
    for (std::uint64_t at = segment_header_octets; at + record_header_octets <= length;) {
      if (at < window_at || at + record_header_octets > window_at + window.size()) {
        window.resize(std::min<std::uint64_t>(1 << 20, length - at));
        window_at = at;
        const auto n = file.read(at, window);
        if (!n || *n != window.size()) return;
      }
      const auto header =
          parse_record_header(std::string_view(window).substr(at - window_at), segment.salt(), at);
      if (!header) {
        at += 8;
        continue;
      }
      scanned_[header->blob] = {.segment = segment.number(), .offset = at, .octets = header->octets};
      at += record_octets(header->octets);
    }
  }

  // Reads all of a family, past places that cannot be read.
  void all_of(Database::Handle handle, std::string_view what,
              const std::function<void(std::string_view, std::string_view)>& each) {
    read_reachable(*source_, handle, each,
                   [&](const std::string& fault) { report_.fault(fmt::format("{}: {}", what, fault)); });
  }

  void put(Database::Handle handle, std::string_view key, std::string_view record) {
    batch_.Put(handle, slice(key), slice(record));
    if (batch_.GetDataSize() >= batch_octets) write();
  }
  void write() {
    if (const auto status = target_->db().Write({}, &batch_); !status.ok())
      throw Trouble{open_fault(to_, fault_of(status))};
    batch_.Clear();
  }

  template <class Good>
  void copy(Database::Handle from, Database::Handle to, std::string_view what, Good good) {
    all_of(from, what, [&](std::string_view key, std::string_view record) {
      if (good(key, record))
        put(to, key, record);
      else
        report_.fault(fmt::format("{} is damaged and left out: {}", what, printable(key)));
    });
  }

  void keys(Database::Handle from, Database::Handle to, bool counters) {
    all_of(from, "keys", [&](std::string_view key, std::string_view record) {
      const auto partition = layout::read_partition(key);
      if (!partition || key.size() <= layout::partition_octets) return;
      std::uint64_t& version = versions_[*partition];
      if (counters && key[layout::partition_octets] == layout::counter_mark) {
        version = std::max(version, layout::read_number(record).value_or(0));
        return;
      }
      const auto own = key.substr(layout::partition_octets + 1);
      const auto stored = layout::read_value(own, record);
      if (!stored)
        return report_.fault(fmt::format("partition {} {}: the value of '{}' is damaged and left out",
                                         static_cast<int>(partition->realm), partition->id, printable(own)));
      version = std::max(version, stored->version.value());
      ++report_.keys;
      put(to, key, record);
    });
  }

  void family(const std::string& name) {
    const auto from = source_->family(name), to = target_->family(name);
    if (!from || !to) return report_.fault("the family " + name + " cannot be opened");
    keys(source_->find(*from).get(), target_->find(*to).get(), false);
  }

  bool whole(BlobId id, const layout::Location& location) {
    const auto segment = segments_->find(location.segment);
    if (!segment) return false;
    RecordReader record(segment, id, location.offset, location.octets);
    for (std::uint64_t number = 0; number == 0 || number < block_count(location.octets); ++number)
      if (!record.block(number)) return false;
    return true;
  }

  // Small bodies as the database has them; others by the database or, where it does not know, by the scan.
  void blobs() {
    all_of(source_->bodies(), "small bodies", [&](std::string_view key, std::string_view record) {
      const auto id = layout::read_blob_key(key);
      const auto body = layout::read_body(record);
      if (!id) return;
      if (!body) return report_.fault(fmt::format("blob {} is damaged and left out", *id));
      put(target_->bodies(), key, record);
      keep(*id, {.segment = 0, .offset = 0, .octets = body->size()});
    });
    std::set<BlobId> lost;
    all_of(source_->blobs(), "places of blobs", [&](std::string_view key, std::string_view record) {
      const auto id = layout::read_blob_key(key);
      const auto location = layout::read_location(record);
      if (!id || kept_.contains(*id)) return;
      if (location && location->segment != 0 && whole(*id, *location))
        keep(*id, *location);
      else
        lost.insert(*id);
    });
    for (const auto& [id, location] : scanned_)
      if (!kept_.contains(id) && (lost.contains(id) || !database_whole()) && whole(id, location))
        keep(id, location);
    for (const BlobId id : lost)
      if (!kept_.contains(id)) report_.fault(fmt::format("blob {} is damaged or missing, and left out", id));
    report_.blobs = kept_.size();
  }

  // Whether everything the database ever said can be relied on so far.
  bool database_whole() const { return report_.faults == 0; }

  void keep(BlobId id, const layout::Location& location) {
    kept_.insert(id);
    report_.blob_octets += location.octets;
    highest_blob_ = std::max(highest_blob_, id.value());
    put(target_->blobs(), layout::blob_key(id), layout::location_record(location));
    if (location.segment == 0) return;
    const auto segment = segments_->find(location.segment);
    const std::uint64_t octets = record_octets(location.octets);
    segment->row.live_octets += octets;
    segment->row.committed_end = std::max(segment->row.committed_end, location.offset + octets);
  }

  void references() {
    std::set<BlobId> referred;
    all_of(source_->references(), "references", [&](std::string_view key, std::string_view record) {
      const auto id = layout::read_blob_key(key);
      const auto partition = layout::read_partition(key.substr(std::min<std::size_t>(8, key.size())));
      if (!id || !partition) return;
      ++report_.references;
      if (!kept_.contains(*id))
        return report_.fault(fmt::format("partition {} {}: '{}' has lost its body, blob {}",
                                         static_cast<int>(partition->realm), partition->id,
                                         printable(key.substr(8 + layout::partition_octets)), *id));
      referred.insert(*id);
      put(target_->references(), key, record);
    });
    for (const BlobId id : kept_) {
      if (referred.contains(id)) continue;
      ++report_.unreferenced;
      // Were the references damaged, garbage collection would take bodies whose owner only we cannot find.
      if (!database_whole())
        put(target_->references(), layout::reference_key(id, found_again, "found by repair"), {});
    }
  }

  // Entries that are left are numbered without a gap again. The reader's place is before the first of them.
  void outbox() {
    all_of(source_->outbox(), "the outbox", [&](std::string_view key, std::string_view record) {
      const auto number = layout::read_outbox_key(key);
      const auto bundle = layout::read_outbox(record);
      if (!number || !bundle) return report_.fault("a record of the outbox is damaged and left out");
      if (report_.outbox == 0) next_outbox_ = *number;
      report_.outbox += bundle->size();
      put(target_->outbox(), layout::outbox_key(next_outbox_++), record);
    });
  }

  void numbers() {
    for (const auto& [partition, version] : versions_)
      put(target_->keys(), layout::Prefix(partition, layout::counter_mark).view(),
          layout::number_record(version));
    report_.partitions = versions_.size();
    for (const auto& segment : segments_->all()) {
      if (segment->row.committed_end == 0) {
        segments_->drop(segment->number());  // nothing of it is needed
        continue;
      }
      put(target_->engine(), layout::segment_key(segment->number()), layout::segment_record(segment->row));
    }
    const auto number = [&](std::string_view key, std::uint64_t least, std::uint64_t more) {
      std::string record;
      if (source_->db().Get(Database::reading(), source_->engine(), slice(key), &record).ok())
        least = std::max(least, layout::read_number(record).value_or(0));
      put(target_->engine(), key, layout::number_record(least + more));
    };
    if (highest_blob_ == 0) highest_blob_ = (system_random().u64() >> 40 | 1) << 40;
    number(layout::next_blob_key, highest_blob_ + 1, 1 << 28);
    number(layout::lease_key, 1, 1 << 20);
    if (report_.outbox > 0)
      put(target_->engine(), layout::next_outbox_key, layout::number_record(next_outbox_));
    else
      number(layout::next_outbox_key, 1, 0);
    put(target_->engine(), layout::store_key, superblock_.store);
    write();
  }

  void finish() {
    if (const auto status = target_->flush(); !status.ok()) throw Trouble{open_fault(to_, fault_of(status))};
    source_.reset();
    target_.reset();
    segments_.reset();
    for (const auto* left : {"/salvage", "/salvage.logs"})
      must(disk::remove_tree(disk_, to_.store + left), to_.store);
    superblock_.restored =
        std::max(superblock_.restored + 1, static_cast<std::uint32_t>(seconds(clock_.now())));
    must(disk::replace_file(disk_, to_.format(), print(superblock_)), to_.format());
    for (const auto& path : {to_.keys(), to_.segments(), to_.store}) must(disk_.sync_directory(path), path);
    must(disk_.rename(to_.store, to_.data + "/store"), to_.data);
    must(disk_.sync_directory(to_.data), to_.data);
  }

  disk::Disk& disk_;
  const Paths from_;
  Paths to_;
  const Clock& clock_;
  Report report_;
  layout::Superblock superblock_;
  std::unique_ptr<Database> source_, target_;
  std::unique_ptr<Segments> segments_;
  rocksdb::WriteBatch batch_;
  std::map<Partition, std::uint64_t> versions_;
  std::map<BlobId, layout::Location> scanned_;
  std::set<BlobId> kept_;
  std::uint64_t highest_blob_ = 0, next_outbox_ = 1;
};

}  // namespace

Result<Report, OpenFault> repair(disk::Disk& disk, const std::string& from, const std::string& to,
                                 const Clock& clock) {
  const Paths source(from), target(to);
  if (!disk.status(source.store)) return refuse(OpenFault{OpenError::Foreign, from + " holds no store"});
  if (disk.status(target.store))
    return refuse(OpenFault{OpenError::Foreign, target.store + " is there already: name an empty directory"});
  if (auto made = disk::make_directories(disk, to); !made) return refuse(open_fault(to, made.error()));
  const auto source_lock = lock_data(disk, from);
  if (!source_lock) return refuse(source_lock.error());
  const auto target_lock = lock_data(disk, to);
  if (!target_lock) return refuse(target_lock.error());
  try {
    return Repair(disk, from, to, clock).run();
  } catch (const Trouble& trouble) {
    return refuse(trouble.fault);
  }
}

}  // namespace postroad::store
