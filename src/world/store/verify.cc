// verify: reads the whole store and says what does not fit.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/encoding.h"
#include "store/blob_reader.h"
#include "store/engine.h"
#include "store/maintenance.h"
#include "store/read.h"

namespace postroad::store {

void Report::fault(std::string what) {
  if (++faults <= 1000) wrong.push_back(std::move(what));
}

namespace {

std::string name_of(const Partition& partition) {
  static constexpr std::string_view realms[] = {"?",     "system", "tenant", "account",
                                                "queue", "list",   "ledger"};
  const auto realm = static_cast<std::size_t>(partition.realm);
  return fmt::format("{} {}", realm < std::size(realms) ? realms[realm] : "?", partition.id);
}

class Verification {
 public:
  Verification(Database& database, Segments& segments, Report& report)
      : database_(database), segments_(segments), report_(report) {}

  void run() {
    if (const auto status = database_.db().VerifyChecksum(); !status.ok())
      report_.fault("the database: " + status.ToString());
    keys(database_.keys(), "", true);
    for (const auto& name : database_.names())
      if (const auto family = database_.family(name))
        if (const auto handle = database_.find(*family)) keys(handle.get(), name, false);
    references_and_blobs();
    small_records(database_.ops(), "ops",
                  [](std::string_view record) { return layout::read_number(record).has_value(); });
    outbox();
    segments();
  }

 private:
  std::unique_ptr<rocksdb::Iterator> all_of(Database::Handle family) {
    auto options = Database::reading();
    options.fill_cache = false;
    return std::unique_ptr<rocksdb::Iterator>(database_.db().NewIterator(options, family));
  }
  void check_end(rocksdb::Iterator& it, std::string_view what) {
    if (!it.status().ok())
      report_.fault(fmt::format("{}: {}; what follows was not looked at", what, it.status().ToString()));
  }

  // Every value against its checksum, no version above its partition's.
  void keys(Database::Handle family, const std::string& name, bool counters) {
    const auto it = all_of(family);
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const std::string_view key = view(it->key());
      const auto partition = layout::read_partition(key);
      if (!partition || key.size() <= layout::partition_octets) {
        report_.fault("a key that is none of ours: " + printable(key));
        continue;
      }
      const char mark = key[layout::partition_octets];
      const auto own = key.substr(layout::partition_octets + 1);
      if (counters && mark == layout::counter_mark) {
        const auto version = layout::read_number(view(it->value()));
        if (!version) report_.fault(name_of(*partition) + ": its version is not a number");
        versions_[*partition] = version.value_or(UINT64_MAX);
        ++report_.partitions;
        continue;
      }
      ++report_.keys;
      const auto stored = layout::read_value(own, view(it->value()));
      const auto version = versions_.find(*partition);
      if (!stored)
        report_.fault(fmt::format("{}{}: the value of '{}' is damaged", name_of(*partition),
                                  name.empty() ? "" : ", " + name, printable(own)));
      else if (version == versions_.end())
        report_.fault(fmt::format("{}: holds '{}' and has no version", name_of(*partition), printable(own)));
      else if (stored->version.value() > version->second)
        report_.fault(fmt::format("{}: '{}' is of version {}, the partition of {}", name_of(*partition),
                                  printable(own), stored->version, version->second));
    }
    check_end(*it, name.empty() ? "keys" : name);
  }

  // Both in the order of blobs, side by side.
  void references_and_blobs() {
    const auto references = all_of(database_.references()), blobs = all_of(database_.blobs());
    references->SeekToFirst();
    const auto reference_before = [&](std::string_view blob) {
      for (; references->Valid() && (blob.empty() || view(references->key()).substr(0, 8) < blob);
           references->Next()) {
        const auto id = layout::read_blob_key(view(references->key()));
        const auto partition = layout::read_partition(
            view(references->key()).substr(std::min<std::size_t>(8, references->key().size())));
        ++report_.references;
        if (id && partition)
          report_.fault(fmt::format("{}: '{}' refers to blob {}, which is not there", name_of(*partition),
                                    printable(view(references->key()).substr(8 + layout::partition_octets)),
                                    *id));
        else
          report_.fault("a reference that is none of ours: " + printable(view(references->key())));
      }
    };
    for (blobs->SeekToFirst(); blobs->Valid(); blobs->Next()) {
      const std::string_view key = view(blobs->key());
      reference_before(key);
      bool referred = false;
      for (; references->Valid() && view(references->key()).starts_with(key);
           references->Next(), ++report_.references)
        referred = true;
      if (!referred) ++report_.unreferenced;
      const auto id = layout::read_blob_key(key);
      const auto location = layout::read_location(view(blobs->value()));
      if (!id || !location)
        report_.fault("the place of a blob is not readable: " + printable(key));
      else
        blob(*id, *location);
    }
    reference_before({});
    check_end(*references, "references");
    check_end(*blobs, "blobs");
  }

  void blob(BlobId id, const layout::Location& location) {
    ++report_.blobs;
    report_.blob_octets += location.octets;
    if (location.segment == 0) {
      const auto body = read_body(database_, Database::reading(), id);
      if (!body || !*body || (*body)->size() != location.octets)
        report_.fault(fmt::format("blob {} is damaged", id));
      return;
    }
    const auto segment = segments_.find(location.segment);
    if (!segment)
      return report_.fault(
          fmt::format("blob {} lies in segment {}, which is not there", id, location.segment));
    live_[location.segment].octets += record_octets(location.octets);
    live_[location.segment].end =
        std::max(live_[location.segment].end, location.offset + record_octets(location.octets));
    RecordReader record(segment, id, location.offset, location.octets);
    for (std::uint64_t number = 0; number == 0 || number < block_count(location.octets); ++number) {
      if (record.block(number)) continue;
      return report_.fault(fmt::format("{}: blob {} at offset {} is damaged in its block {}", segment->path(),
                                       id, location.offset, number));
    }
  }

  template <class Good>
  void small_records(Database::Handle family, std::string_view what, Good good) {
    const auto it = all_of(family);
    for (it->SeekToFirst(); it->Valid(); it->Next())
      if (!good(view(it->value())))
        report_.fault(fmt::format("{}: the record '{}' is damaged", what, printable(view(it->key()))));
    check_end(*it, what);
  }

  void outbox() {
    const auto it = all_of(database_.outbox());
    std::uint64_t last = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const auto number = layout::read_outbox_key(view(it->key()));
      const auto bundle = layout::read_outbox(view(it->value()));
      if (bundle) report_.outbox += bundle->size();
      if (!number || !bundle)
        report_.fault("the outbox: an entry is damaged after number " + std::to_string(last));
      else if (last != 0 && *number != last + 1)
        report_.fault(fmt::format("the outbox: nothing between {} and {}", last, *number));
      last = number.value_or(last);
    }
    check_end(*it, "outbox");
  }

  // What the rows say of the segments, against what the blobs say.
  void segments() {
    for (const auto& segment : segments_.all()) {
      ++report_.segments;
      const Live live = live_[segment->number()];
      if (live.octets != segment->row.live_octets)
        report_.fault(fmt::format("{}: {} octets are referred to, its record says {}", segment->path(),
                                  live.octets, segment->row.live_octets));
      if (live.end > segment->row.committed_end)
        report_.fault(fmt::format("{}: blobs lie up to offset {}, its record ends at {}", segment->path(),
                                  live.end, segment->row.committed_end));
    }
  }

  struct Live {
    std::uint64_t octets = 0;
    std::uint64_t end = 0;
  };
  Database& database_;
  Segments& segments_;
  Report& report_;
  std::map<Partition, std::uint64_t> versions_;
  std::map<std::uint32_t, Live> live_;
};

}  // namespace

Result<Report, OpenFault> verify(disk::Disk& disk, const std::string& data) {
  static const SystemClock clock;
  const Paths paths(data);
  if (!disk.status(paths.store))
    return refuse(
        OpenFault{OpenError::Foreign, data + " holds no store: set `data` to the directory that does"});
  auto lock = lock_data(disk, data);
  if (!lock) return refuse(lock.error());
  Opened opened;
  opened.options.data = data;
  opened.options.disk = &disk;
  opened.clock = &clock;
  if (auto done = open_parts(opened, Access::ReadOnly); !done) return refuse(done.error());
  Report report;
  Verification(*opened.database, *opened.segments, report).run();
  return report;
}

}  // namespace postroad::store
