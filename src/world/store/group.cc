// Judging batches, and putting together what a group of them writes. See committer.h.
#include "store/committer.h"

namespace postroad::store {
namespace {

Version max(Version a, Version b) { return a < b ? b : a; }

// The counter of a partition; 0 where there is none.
Version read_counter(Database& database, Partition partition, rocksdb::Status& status) {
  rocksdb::PinnableSlice record;
  const layout::Prefix key(partition, layout::counter_mark);
  status = database.db().Get(Database::reading(), database.keys(), slice(key.view()), &record);
  if (status.IsNotFound()) status = rocksdb::Status::OK();
  if (!status.ok() || record.empty()) return Version{};
  const auto number = layout::read_number(view(record));
  if (!number) status = rocksdb::Status::Corruption("the counter of a partition");
  return Version{number.value_or(0)};
}

std::string overlay_key(Family family, const layout::Prefix& prefix, std::string_view key) {
  std::string name;
  name.reserve(16 + key.size());
  Writer(name).u32(family.number).raw(prefix.partition()).raw(key);
  return name;
}

}  // namespace

void Group::note(const rocksdb::Status& status) {
  if (!status.ok() && !status.IsNotFound()) trouble_ = true;
}

Version Group::version(Partition partition) {
  if (const auto staged = versions_.find(partition); staged != versions_.end()) return staged->second;
  if (const auto known = committer_.versions_.find(partition); known != committer_.versions_.end())
    return known->second;
  rocksdb::Status status;
  const Version version = read_counter(parts_.database, partition, status);
  note(status);
  if (status.ok()) committer_.versions_[partition] = version;
  return version;
}

layout::SegmentRow& Group::row(Segment& segment) {
  return rows_.try_emplace(&segment, segment.row).first->second;
}

std::optional<layout::Location> Group::location(BlobId blob) {
  if (const auto staged = blobs_.find(blob); staged != blobs_.end()) return staged->second;
  rocksdb::PinnableSlice record;
  const auto status = parts_.database.db().Get(Database::reading(), parts_.database.blobs(),
                                               slice(layout::blob_key(blob)), &record);
  note(status);
  if (!status.ok()) return std::nullopt;
  return layout::read_location(view(record));
}

void Group::relocate(BlobId blob, const layout::Location& location) {
  blobs_[blob] = location;
  write_.Put(parts_.database.blobs(), layout::blob_key(blob), layout::location_record(location));
}

void Group::forget(BlobId blob) {
  blobs_[blob] = std::nullopt;
  write_.Delete(parts_.database.blobs(), layout::blob_key(blob));
}

void Group::drop(Segment& segment) {
  rows_.erase(&segment);
  dropped_.push_back(&segment);
  write_.Delete(parts_.database.engine(), layout::segment_key(segment.number()));
}

void Group::let_go(Segment& segment) {
  if (committer_.segment_.get() == &segment)
    parts_.segments.give_back(std::exchange(committer_.segment_, nullptr));
}

FreshBlob* Group::fresh(Committer::Pending& pending, BlobId blob) {
  for (const auto& fresh : pending.fresh)
    if (fresh->id == blob) return fresh.get();
  return nullptr;
}

// The version of the commit that put a key; nothing if it is absent.
std::optional<Version> Group::key_version(Partition partition, Family family, std::string_view key) {
  const layout::Prefix prefix(partition, layout::key_mark);
  if (const auto staged = keys_.find(overlay_key(family, prefix, key)); staged != keys_.end())
    return staged->second.version;
  const auto handle = parts_.database.find(family);
  if (!handle) return std::nullopt;
  std::string full(prefix.view());
  full.append(key);
  rocksdb::PinnableSlice record;
  const auto status = parts_.database.db().Get(Database::reading(), handle.get(), full, &record);
  note(status);
  if (!status.ok()) return std::nullopt;
  const auto value = layout::read_value(key, view(record));
  if (!value) return trouble_ = true, std::nullopt;
  return value->version;
}

bool Group::holds(const Batch& batch, const Batch::Expectation& expectation, Version partition) {
  switch (expectation.kind) {
    case Batch::Expect::PartitionVersion: return partition.value() == expectation.number;
    case Batch::Expect::Lease: return parts_.lease.value() == expectation.number;
    case Batch::Expect::Absent: return !key_version(batch.partition(), expectation.family, expectation.key);
    case Batch::Expect::KeyVersion: {
      const auto found = key_version(batch.partition(), expectation.family, expectation.key);
      return found && found->value() == expectation.number;
    }
  }
  return false;
}

// What a commit of this name was answered before.
std::optional<CommitResult> Group::repeated(const Batch& batch) {
  if (!batch.op()) return std::nullopt;
  const std::string name = layout::op_key(batch.partition(), batch.op()->view());
  std::optional<Version> before;
  if (const auto staged = ops_.find(name); staged != ops_.end()) {
    before = staged->second.version;
  } else {
    rocksdb::PinnableSlice record;
    const auto status = parts_.database.db().Get(Database::reading(), parts_.database.ops(), name, &record);
    note(status);
    if (status.ok())
      if (const auto number = layout::read_number(view(record))) before = Version{*number};
  }
  if (!before) return std::nullopt;
  return CommitResult{.outcome = Outcome::Committed, .version = *before, .expect = 0, .repeated = true};
}

// Every blob and family a batch names must be there.
bool Group::names_are_known(Committer::Pending& pending) {
  for (std::size_t at = 0; const auto op = pending.batch.operation(at);) {
    if (op->family != Family{}) {
      auto handle = parts_.database.find(op->family);
      if (!handle) return false;
      families_.push_back(std::move(handle));
    }
    if (op->kind == Batch::Kind::Refer) {
      const FreshBlob* blob = fresh(pending, op->blob);
      if (blob && !blob->indexed) continue;
      if (!location(op->blob)) return false;
    }
  }
  return true;
}

CommitResult Group::verdict(Committer::Pending& pending) {
  const Batch& batch = pending.batch;
  if (const auto before = repeated(batch)) return *before;
  const Version now = version(batch.partition());
  CommitResult result{.outcome = Outcome::Conflict, .version = now, .expect = 0, .repeated = false};
  for (std::size_t at = 0; const auto expectation = batch.expectation(at); ++result.expect) {
    if (holds(batch, *expectation, now)) continue;
    if (expectation->kind == Batch::Expect::Lease) result.outcome = Outcome::Fenced;
    return result;
  }
  result.expect = Batch::no_such_blob;
  if (!names_are_known(pending)) return result;
  return CommitResult{.outcome = Outcome::Committed, .version = next(now), .expect = 0, .repeated = false};
}

void Group::judge(Committer::Pending& pending) {
  if (pending.internal) return pending.internal(*this);
  trouble_ = false;
  pending.result = verdict(pending);
  if (trouble_) pending.result = {.outcome = Outcome::Unavailable};
  pending.judged = pending.result.outcome != Outcome::Committed || pending.result.repeated;
  if (!pending.judged) apply(pending, pending.result.version);
}

// The first commit that names a blob makes it known where it lies.
void Group::index(FreshBlob& blob) {
  if (blobs_.contains(blob.id)) return;  // by an earlier batch of this group
  layout::Location location{.segment = 0, .offset = blob.offset, .octets = blob.octets};
  if (blob.segment) {
    location.segment = blob.segment->number();
    auto& segment = row(*blob.segment);
    const std::uint64_t octets = record_octets(blob.octets);
    segment.live_octets += octets;
    segment.committed_end = std::max(segment.committed_end, blob.offset + octets);
  } else {
    const std::string name = layout::blob_key(blob.id), checksum = layout::body_checksum(blob.body);
    const rocksdb::Slice key = slice(name);
    const std::array<rocksdb::Slice, 2> record{slice(checksum), slice(blob.body)};
    write_.Put(parts_.database.bodies(), rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(record.data(), 2));
  }
  relocate(blob.id, location);
  indexed_.push_back(&blob);
}

void Group::apply(Committer::Pending& pending, Version version) {
  const Partition partition = pending.batch.partition();
  const layout::Prefix prefix(partition, layout::key_mark);
  Database& database = parts_.database;
  for (std::size_t at = 0; const auto op = pending.batch.operation(at);) {
    const std::array<rocksdb::Slice, 2> key{slice(prefix.view()), slice(op->key)};
    switch (op->kind) {
      case Batch::Kind::Put: {
        const layout::ValueHeader header(version, op->checksum);
        const std::array<rocksdb::Slice, 2> value{slice(header.view()), slice(op->value)};
        write_.Put(database.find(op->family).get(), rocksdb::SliceParts(key.data(), 2),
                   rocksdb::SliceParts(value.data(), 2));
        if (overlay_) keys_[overlay_key(op->family, prefix, op->key)] = {version};
        break;
      }
      case Batch::Kind::Remove:
        write_.Delete(database.find(op->family).get(), rocksdb::SliceParts(key.data(), 2));
        if (overlay_) keys_[overlay_key(op->family, prefix, op->key)] = {std::nullopt};
        break;
      case Batch::Kind::Refer:
        if (FreshBlob* blob = fresh(pending, op->blob); blob && !blob->indexed) index(*blob);
        write_.Put(database.references(), layout::reference_key(op->blob, partition, op->key), {});
        if (committer_.noting_) committer_.referred_.insert(op->blob);
        break;
      case Batch::Kind::Release:
        write_.Delete(database.references(), layout::reference_key(op->blob, partition, op->key));
        released_.push_back(op->blob);
        break;
      case Batch::Kind::Emit:
        emitted_.add(partition, op->value);
        if (emitted_.full()) bundle();
        break;
      case Batch::Kind::Trim:
        // Each number was put once: a single deletion and its put vanish together when they meet.
        for (; outbox_.first < outbox_.next && outbox_.first <= op->upto; ++outbox_.first)
          write_.SingleDelete(database.outbox(), layout::outbox_key(outbox_.first));
        break;
      case Batch::Kind::Forget: {
        const std::string name = layout::op_key(partition, op->key);
        write_.Delete(database.ops(), name);
        ops_[name] = {std::nullopt};
        break;
      }
    }
  }
  if (pending.batch.op()) {
    const std::string name = layout::op_key(partition, pending.batch.op()->view());
    write_.Put(database.ops(), name, layout::number_record(version.value()));
    ops_[name] = {version};
  }
  versions_[partition] = max(version, versions_[partition]);
}

void Group::bundle() {
  write_.Put(parts_.database.outbox(), layout::outbox_key(outbox_.next++), emitted_.take());
}

// What goes with every group: counters, segment rows, the promise of blob ids.
void Group::finish_batch() {
  if (!emitted_.empty()) bundle();
  for (const auto& [partition, version] : versions_)
    write_.Put(parts_.database.keys(), slice(layout::Prefix(partition, layout::counter_mark).view()),
               layout::number_record(version.value()));
  for (const auto& [segment, row] : rows_)
    write_.Put(parts_.database.engine(), layout::segment_key(segment->number()), layout::segment_record(row));
  // Also when all of it is trimmed the numbers go on.
  if (outbox_.next != parts_.outbox.next)
    write_.Put(parts_.database.engine(), slice(layout::next_outbox_key), layout::number_record(outbox_.next));
}

}  // namespace postroad::store
