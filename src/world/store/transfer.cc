// export_partition and import_partition: one partition from store to store, with its versions, the bodies it
// refers to and the names of its commits (DESIGN §3.10).
#include <fmt/format.h>

#include <future>

#include "store/archive.h"
#include "store/blob_reader.h"
#include "store/engine.h"
#include "store/read.h"

namespace postroad::store {
namespace {

std::string frame_of(auto... parts) {
  std::string out;
  Writer w(out);
  (w.string(parts), ...);
  return out;
}

// The iterator's keys from `from` as long as they begin with `prefix`.
template <class Each>
void each_with(rocksdb::DB& db, rocksdb::ReadOptions options, Database::Handle family,
               std::string_view prefix, Each each) {
  const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator(options, family));
  for (it->Seek(slice(prefix)); it->Valid() && view(it->key()).starts_with(prefix); it->Next())
    each(view(it->key()), view(it->value()));
  if (!it->status().ok()) throw std::runtime_error("export: " + it->status().ToString());
}

}  // namespace

void Engine::export_partition(Partition partition, Sink& sink) {
  rocksdb::DB& db = database().db();
  const auto version = read_version(database(), Database::reading(), partition);
  if (!version) throw std::runtime_error("export: the partition cannot be read");
  const layout::Prefix prefix(partition, layout::key_mark);
  auto options = Database::reading();
  options.fill_cache = false;

  ArchiveWriter archive(sink);
  std::string head(prefix.partition());
  Writer(head).u64(version->value());
  archive.frame(Frame::Partition, head);

  // Bodies first, so that what is imported never names one that is not there. The references are in the order
  // of blobs, of all partitions: this reads them all.
  std::vector<std::pair<BlobId, std::string>> references;
  const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator(options, database().references()));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::string_view key = view(it->key());
    if (key.size() < 8 + layout::partition_octets ||
        key.substr(8, layout::partition_octets) != prefix.partition())
      continue;
    references.emplace_back(*layout::read_blob_key(key), key.substr(8 + layout::partition_octets));
  }
  if (!it->status().ok()) throw std::runtime_error("export: " + it->status().ToString());
  for (std::size_t i = 0; i < references.size(); ++i) {
    const BlobId id = references[i].first;
    if (i > 0 && references[i - 1].first == id) continue;
    const auto location = read_location(database(), options, id);
    if (!location || !*location)
      throw std::runtime_error(fmt::format("export: blob {} is not there; did the partition change?", id));
    std::string blob = layout::blob_key(id);
    Writer(blob).u64((*location)->octets);
    archive.frame(Frame::Blob, blob);
    if ((*location)->segment == 0) {
      const auto body = read_body(database(), options, id);
      if (!body || !*body) throw std::runtime_error(fmt::format("export: blob {} is damaged", id));
      archive.data(**body);
      continue;
    }
    const auto segment = opened_.segments->find((*location)->segment);
    if (!segment) {
      --i;  // moved meanwhile: look again
      continue;
    }
    RecordReader record(segment, id, (*location)->offset, (*location)->octets);
    for (std::uint64_t number = 0; number < block_count((*location)->octets); ++number) {
      const auto block = record.block(number);
      if (!block) throw std::runtime_error(fmt::format("export: blob {} is damaged", id));
      archive.data(*block);
    }
  }
  for (const auto& [id, by] : references)
    archive.frame(Frame::Reference, frame_of(std::string_view(layout::blob_key(id)), std::string_view(by)));

  const auto entries = [&](std::string_view name, Database::Handle family) {
    each_with(db, options, family, prefix.view(), [&](std::string_view key, std::string_view record) {
      archive.frame(Frame::Entry, frame_of(name, key.substr(prefix.view().size()), record));
    });
  };
  entries("", database().keys());
  for (const auto& name : database().names())
    if (const auto family = database().find_name(name)) entries(name, family.get());
  each_with(db, options, database().ops(), prefix.partition(),
            [&](std::string_view key, std::string_view record) {
              archive.frame(Frame::Op, frame_of(key.substr(layout::partition_octets), record));
            });
  archive.end();

  const auto after = read_version(database(), Database::reading(), partition);
  if (!after || *after != *version)
    throw std::runtime_error("export: the partition changed meanwhile; export it while nobody writes to it");
}

namespace {

// Holds the bodies of an import until the partition that refers to them is complete. One import at a time.
constexpr Partition staging{Realm::System, UINT64_MAX - 1};
constexpr std::size_t chunk = 2000;

// Ends an import that cannot go on; import_partition answers with it.
struct Refused {
  Outcome outcome;
};

// Puts the partition together again, chunk by chunk; its counter, which makes it exist, comes last. What an
// import that was killed left is cleared by the next.
class Import {
 public:
  Import(Database& database, Committer& committer, Shelf& shelf, Partition partition)
      : database_(database),
        committer_(committer),
        shelf_(shelf),
        partition_(partition),
        prefix_(partition, layout::key_mark) {}

  void run(ArchiveReader& archive) {
    Reader head(archive.expect(Frame::Partition));
    head.raw(layout::partition_octets);
    const Version version{head.u64()};
    if (!head.ok()) throw BadArchive("this archive is no partition");
    clear();
    for (Frame kind = archive.next(); kind != Frame::End; kind = archive.next()) {
      if (kind == Frame::Data) {
        if (!writer_) throw BadArchive("data that belongs to no body");
        writer_->append(archive.payload());
        continue;
      }
      finish_body();
      take(kind, archive.payload());
      if (waiting_.size() >= chunk) write({});
    }
    finish_body();
    write(version);
    release_staging();
  }

 private:
  struct Put {
    Database::FamilyHandle held;
    Database::Handle family;
    std::string key, record;
  };

  static void must(Outcome outcome) {
    if (outcome != Outcome::Committed) throw Refused{outcome};
  }
  void commit(Batch batch) {
    std::promise<CommitResult> answer;
    committer_.submit(std::move(batch), [&](CommitResult result) { answer.set_value(result); });
    must(answer.get_future().get().outcome);
  }

  void clear() {
    bool exists = false;
    must(committer_.run([&](Group& group) { exists = group.version(partition_) != Version{}; }));
    if (exists) throw Refused{Outcome::Conflict};
    auto families = database_.names();
    families.insert(families.begin(), "");
    for (const auto& name : families) {
      const auto family = name.empty() ? database_.find({}) : database_.find_name(name);
      if (family)
        remove(
            family.get(), [&](std::string_view key) { return key.starts_with(prefix_.view()); },
            prefix_.view());
    }
    remove(database_.references(), [&](std::string_view key) {
      return key.size() >= 8 + layout::partition_octets &&
             key.substr(8, layout::partition_octets) == prefix_.partition();
    });
    remove(
        database_.ops(), [&](std::string_view key) { return key.starts_with(prefix_.partition()); },
        prefix_.partition());
    release_staging();
  }

  template <class Which>
  void remove(Database::Handle family, Which which, std::string_view from = {}) {
    std::vector<std::string> keys;
    const std::unique_ptr<rocksdb::Iterator> it(database_.db().NewIterator(Database::reading(), family));
    for (it->Seek(slice(from)); it->Valid(); it->Next()) {
      if (which(view(it->key())))
        keys.emplace_back(view(it->key()));
      else if (!from.empty())
        break;
    }
    for (std::size_t at = 0; at < keys.size(); at += chunk)
      must(committer_.run([&](Group& group) {
        for (std::size_t i = at; i < std::min(keys.size(), at + chunk); ++i)
          group.write().Delete(family, keys[i]);
      }));
  }

  void release_staging() {
    const std::string by(layout::Prefix(staging, 0).partition());
    const std::unique_ptr<rocksdb::Iterator> it(
        database_.db().NewIterator(Database::reading(), database_.references()));
    Batch batch(staging);
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      if (view(it->key()).substr(8) != by) continue;
      batch.release(*layout::read_blob_key(view(it->key())), "");
      if (batch.full()) commit(std::exchange(batch, Batch(staging)));
    }
    if (batch.operations() > 0) commit(std::move(batch));
  }

  void take(Frame kind, std::string_view payload) {
    Reader in(payload);
    switch (kind) {
      case Frame::Blob: {
        const auto id = layout::read_blob_key(in.raw(8));
        body_octets_ = in.u64();
        if (!in.ok() || !id) throw BadArchive("a blob without a name");
        writer_ = std::make_unique<SegmentBlobWriter>(shelf_, body_octets_, *id);
        return;
      }
      case Frame::Reference: {
        const auto blob = in.string(), by = in.string();
        if (!in.ok() || blob.size() != 8 || by.size() > key_limit)
          throw BadArchive("a reference that is damaged");
        waiting_.push_back({nullptr, database_.references(),
                            layout::reference_key(*layout::read_blob_key(blob), partition_, by), ""});
        return;
      }
      case Frame::Entry: {
        const std::string name(in.string());
        const auto key = in.string(), record = in.string();
        if (!in.ok() || key.size() > key_limit || !layout::read_value(key, record))
          throw BadArchive("an entry that is damaged");
        auto family = family_of(name);
        waiting_.push_back(
            {family, family.get(), std::string(prefix_.view()).append(key), std::string(record)});
        return;
      }
      case Frame::Op: {
        const auto op = in.string(), record = in.string();
        if (!in.ok() || op.size() != 16 || !layout::read_number(record))
          throw BadArchive("the name of a commit is damaged");
        waiting_.push_back({nullptr, database_.ops(), layout::op_key(partition_, op), std::string(record)});
        return;
      }
      default: throw BadArchive("this archive is no partition");
    }
  }

  Database::FamilyHandle family_of(const std::string& name) {
    if (name.empty()) return database_.find({});
    if (auto known = database_.find_name(name)) return known;
    if (!is_family_name(name)) throw BadArchive("a family of an impossible name");
    std::promise<Outcome> made;
    committer_.submit_first([&] { (void)database_.family(name); },
                            [&](Outcome outcome) { made.set_value(outcome); });
    must(made.get_future().get());
    auto family = database_.find_name(name);
    if (!family) throw Refused{Outcome::Unavailable};
    return family;
  }

  // A body this store has already needs no second copy: names are for ever.
  void finish_body() {
    if (!writer_) return;
    if (writer_->octets() != body_octets_) throw BadArchive("a body is not whole in the archive");
    const auto known = read_location(database_, Database::reading(), *writer_->name());
    if (!known) throw Refused{Outcome::Unavailable};
    if (!*known)
      if (const auto id = writer_->finish_now(); !id)
        throw Refused{id.error() == BlobError::NoSpace ? Outcome::NoSpace : Outcome::Unavailable};
    Batch batch(staging);
    batch.refer(*writer_->name(), "");
    commit(std::move(batch));
    writer_.reset();
  }

  // With a version: the partition is complete, and there.
  void write(Version version) {
    must(committer_.run([&](Group& group) {
      for (const auto& put : waiting_) group.write().Put(put.family, put.key, put.record);
      if (version != Version{}) group.set_version(partition_, version);
    }));
    waiting_.clear();
  }

  Database& database_;
  Committer& committer_;
  Shelf& shelf_;
  const Partition partition_;
  const layout::Prefix prefix_;
  std::unique_ptr<SegmentBlobWriter> writer_;
  std::uint64_t body_octets_ = 0;
  std::vector<Put> waiting_;
};

}  // namespace

Outcome Engine::import_partition(Partition partition, Source& source) {
  const std::lock_guard one(importing_);
  ArchiveReader archive(source);
  try {
    Import(database(), *committer_, shelf_, partition).run(archive);
  } catch (const Refused& refused) {
    return refused.outcome;
  }
  return Outcome::Committed;
}

}  // namespace postroad::store
