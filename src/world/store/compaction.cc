// Emptying segments, and getting erased octets out of the database's files. Part of Sweeper.
#include <fmt/format.h>

#include "store/sweeper.h"

namespace postroad::store {
namespace {

constexpr std::uint64_t moved_at_once = 8 << 20;
constexpr std::chrono::minutes look_every{10};  // for what has become old, when nothing died meanwhile

struct Seen {
  SegmentPtr segment;
  layout::SegmentRow row;
};

}  // namespace

// Everything of ours happens within 4/7 of the promise, so that a few days of trouble do not break it.
void Sweeper::empty_segments() {
  if (!dead_octets_.exchange(false) && parts_.clock.instant() < next_look_) return;
  next_look_ = parts_.clock.instant() + look_every;
  const std::int64_t old = seconds(parts_.clock.now()) - (parts_.options.erase_within * 4 / 7).count();

  std::vector<Seen> all;
  const auto looking = [&](Group& group) {
    for (auto& segment : parts_.segments.all()) all.push_back({segment, group.row(*segment)});
  };
  if (parts_.committer.run(looking) != Outcome::Committed) return;
  for (const auto& [segment, row] : all) {
    if (stopping()) return;
    const std::uint64_t records =
        row.committed_end - std::min<std::uint64_t>(row.committed_end, segment_header_octets);
    const bool mostly_dead = row.oldest_dead != 0 && row.live_octets <= records / 2;
    const bool overdue = row.oldest_dead != 0 && row.oldest_dead <= old;
    if (!mostly_dead && !overdue) continue;
    // One that still takes records is left alone for a while, unless something in it must go.
    if (!segment->sealed() && !overdue &&
        (row.live_octets > 0 || records < parts_.segments.options().segment_octets / 8))
      continue;
    if (unreadable_.contains(segment->number())) continue;
    if (!empty(*segment)) dead_octets_ = true;  // again in the next round
  }
}

// True if nothing is left to do for it.
bool Sweeper::empty(Segment& segment) {
  const std::unique_lock still(moving_);
  if (!parts_.segments.retire(segment)) {
    parts_.committer.run([&](Group& group) { group.let_go(segment); });
    if (!parts_.segments.retire(segment)) return false;
  }
  if (segment.fresh.load(std::memory_order_acquire) > 0) return false;

  std::uint64_t live = 0;
  const auto count_live = [&] {
    parts_.committer.run([&](Group& group) { live = group.row(segment).live_octets; });
    return live;
  };
  if (count_live() > 0) {
    auto records = live_records(segment);
    if (!records) records = live_by_index(segment);
    if (!records) return false;
    for (std::size_t at = 0; at < records->size();) {
      if (stopping()) return false;
      std::size_t end = at;
      std::uint64_t octets = 0;
      while (end < records->size() && octets < moved_at_once)
        octets += record_octets((*records)[end++].octets);
      if (!move(segment, std::span(*records).subspan(at, end - at))) return false;
      at = end;
      pace(octets);
    }
    if (count_live() > 0) {
      // The file does not hold what the database says lies in it, or cannot be read.
      unreadable_.insert(segment.number());
      return true;
    }
  }
  drop(segment);
  return true;
}

// By walking from record to record. Nothing if a header on the way is damaged.
std::optional<std::vector<Sweeper::Live>> Sweeper::live_records(Segment& segment) {
  const auto file = segment.file();
  if (!file) return std::nullopt;
  const auto length = (*file)->octets();
  if (!length) return std::nullopt;
  std::vector<Live> records;
  for (std::uint64_t at = segment_header_octets; at + record_header_octets <= *length;) {
    RecordHeaderOctets head;
    const auto read = (*file)->read(at, head);
    if (!read || *read < head.size()) return std::nullopt;
    const auto header = parse_record_header({head.data(), head.size()}, segment.salt(), at);
    if (!header) return std::nullopt;
    records.push_back({header->blob, at, header->octets});
    at += record_octets(header->octets);
  }
  // Those the database still finds here, in one look between two commits.
  const auto outcome = parts_.committer.run([&](Group& group) {
    std::erase_if(records, [&](const Live& record) {
      const auto location = group.location(record.blob);
      return !location || location->segment != segment.number() || location->offset != record.offset;
    });
  });
  if (outcome != Outcome::Committed) return std::nullopt;
  return records;
}

std::optional<std::vector<Sweeper::Live>> Sweeper::live_by_index(Segment& segment) {
  std::vector<Live> records;
  auto options = Database::reading();
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(
      parts_.database.db().NewIterator(options, parts_.database.blobs()));
  for (it->SeekToFirst(); it->Valid() && !stopping(); it->Next()) {
    const auto blob = layout::read_blob_key(view(it->key()));
    const auto location = layout::read_location(view(it->value()));
    if (blob && location && location->segment == segment.number())
      records.push_back({*blob, location->offset, location->octets});
  }
  if (!it->status().ok() || stopping()) return std::nullopt;
  return records;
}

// Records are copied as they are, damage included: it stays visible, and it is not ours to hide.
bool Sweeper::move(Segment& from, std::span<const Live> records) {
  std::uint64_t octets = 0;
  for (const Live& record : records) octets += record_octets(record.octets);
  auto taken = parts_.segments.take(octets);
  const auto source = from.file();
  if (!taken || !source) return false;
  const SegmentPtr target = std::move(*taken);
  const auto file = target->file();
  const std::uint64_t begin = target->end();
  std::uint64_t end = begin;
  std::vector<std::uint64_t> places;
  bool good = file.has_value();
  bool fatal = false;
  std::string buffer;
  for (const Live& record : records) {
    if (!good) break;
    const std::uint64_t length = record_octets(record.octets);
    for (std::uint64_t done = 0; done < length && good; done += buffer.size()) {
      buffer.resize(std::min<std::uint64_t>(length - done, 1 << 20));
      const auto read = (*source)->read(record.offset + done, buffer);
      good = read && *read == buffer.size();
      if (good && done == 0) {
        // The head is keyed with its place: made anew. One that is damaged stays so.
        if (const auto old = parse_record_header(buffer, from.salt(), record.offset)) {
          const auto head = print(*old, target->salt(), end);
          buffer.replace(0, head.size(), head.data(), head.size());
        }
      }
      if (!good) break;
      const auto written = (*file)->write(end + done, buffer);
      if (!written) good = false, fatal = !disk::out_of_space(written.error());
    }
    places.push_back(end);
    end += length;
  }
  if (good) {
    if (const auto synced = (*file)->sync(); !synced) good = false, fatal = true;
  }
  if (fatal) parts_.condition.fail(target->path(), "a write or sync failed");
  if (!good) {
    if (file && !(*file)->resize(begin)) target->seal();
    parts_.segments.give_back(target);
    return false;
  }
  target->set_end(end);
  target->wrote();

  bool synced = false;
  const auto moving = [&](Group& group) {
    synced = target->sync().has_value();  // has nothing to write any more, but a new segment's name
    if (!synced) return;
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto now = group.location(records[i].blob);
      if (!now || now->segment != from.number() || now->offset != records[i].offset)
        continue;  // died meanwhile
      const std::uint64_t length = record_octets(records[i].octets);
      group.relocate(records[i].blob,
                     {.segment = target->number(), .offset = places[i], .octets = records[i].octets});
      auto& here = group.row(from);
      here.live_octets -= std::min(here.live_octets, length);
      auto& there = group.row(*target);
      there.live_octets += length;
      there.committed_end = std::max(there.committed_end, end);
    }
  };
  const Outcome outcome = parts_.committer.run(moving);
  if (!synced) parts_.condition.fail(target->path(), "a sync failed");
  parts_.segments.give_back(target);
  return outcome == Outcome::Committed && synced;
}

void Sweeper::drop(Segment& segment) {
  bool dropped = false;
  const auto dropping = [&](Group& group) {
    if (group.row(segment).live_octets > 0 || segment.fresh.load(std::memory_order_acquire) > 0) return;
    group.drop(segment);
    dropped = true;
  };
  if (parts_.committer.run(dropping) == Outcome::Committed && dropped) parts_.segments.drop(segment.number());
}

// Removed keys stay in the database's files until compaction meets them; bodies among them must not stay
// long.
void Sweeper::erase_small_bodies() {
  const std::int64_t now = seconds(parts_.clock.now());
  if (bodies_dead_since_ == 0 || bodies_dead_since_ > now - (parts_.options.erase_within * 4 / 7).count())
    return;
  const std::unique_lock still(moving_);
  rocksdb::DB& db = parts_.database.db();
  // Flushing makes the logs they passed through obsolete, which removes these.
  if (!parts_.database.flush().ok()) return;
  rocksdb::CompactRangeOptions range;
  range.exclusive_manual_compaction = false;
  range.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  if (!db.CompactRange(range, parts_.database.bodies(), nullptr, nullptr).ok()) return;
  bodies_dead_since_ = 0;
  parts_.committer.run(
      [&](Group& group) { group.write().Delete(parts_.database.engine(), slice(layout::dead_bodies_key)); });
}

// Compaction leaves the disk to others most of the time.
void Sweeper::pace(std::uint64_t octets) {
  if (!parts_.options.threads || parts_.options.compact_octets_per_second == 0) return;
  const Duration wait{octets * 1'000'000 / parts_.options.compact_octets_per_second};
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, wait, [this] { return stopping_.load(); });
}

}  // namespace postroad::store
