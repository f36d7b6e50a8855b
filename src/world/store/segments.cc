#include "store/segments.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/cursor.h"
#include "base/random.h"

namespace postroad::store {

Segment::Segment(Segments& table, std::uint32_t number, std::uint64_t salt, std::uint64_t end)
    : table_(table), number_(number), salt_(salt), path_(table.path(number)), end_(end) {}

Segment::~Segment() {
  {
    const std::lock_guard lock(table_.mutex_);
    if (file_) table_.recent_.erase(recent_);
  }
  file_.reset();
  // If it stays behind because of an error, the next start removes it: no commit names it.
  if (dropped()) (void)table_.disk_.remove(path_);
}

Result<std::shared_ptr<disk::File>, disk::IoError> Segment::file() { return table_.open_file(*this); }

Result<void, disk::IoError> Segment::sync() {
  const std::uint64_t written = writes_.load(std::memory_order_acquire);
  const auto opened = file();
  if (!opened) return refuse(opened.error());
  if (auto done = (*opened)->sync(); !done) return done;
  if (!named_) {
    if (auto done = table_.disk_.sync_directory(table_.options_.directory); !done) return done;
    named_ = true;
  }
  synced_ = written;
  return {};
}

Segments::Segments(disk::Disk& disk, const Clock& clock, Options options)
    : disk_(disk), clock_(clock), options_(std::move(options)) {}

std::string Segments::path(std::uint32_t number) const {
  return fmt::format("{}/{:010}.segment", options_.directory, number);
}

std::optional<std::uint32_t> Segments::number_of(std::string_view name) {
  Cursor in(name);
  const auto number = in.take_number();
  if (!number || *number == 0 || *number > UINT32_MAX || in.rest() != ".segment" || name.size() != 18)
    return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

Result<SegmentPtr, disk::IoError> Segments::take(std::uint64_t octets) {
  {
    const std::lock_guard lock(mutex_);
    // The fullest that has room, so that segments fill up one after the other; but a large body does not
    // go on top of one that it would make much larger than the others.
    for (auto it = open_.rbegin(); it != open_.rend(); ++it) {
      if ((*it)->end() + octets > options_.segment_octets && (*it)->end() > segment_header_octets) continue;
      SegmentPtr segment = std::move(*it);
      open_.erase(std::next(it).base());
      segment->held_ = true;
      return segment;
    }
  }
  return make();
}

Result<SegmentPtr, disk::IoError> Segments::make() {
  std::uint32_t number;
  {
    const std::lock_guard lock(mutex_);
    number = ++last_number_;
  }
  const SegmentHeader header{.store = options_.store,
                             .number = number,
                             .salt = system_random().u64(),
                             .created = seconds(clock_.now())};
  auto file = disk_.open(path(number), disk::Open::New);
  if (!file) return refuse(file.error());
  if (auto done = (*file)->write(0, print(header)); !done) {
    (void)disk_.remove(path(number));
    return refuse(done.error());
  }
  auto segment = std::make_shared<Segment>(*this, number, header.salt, segment_header_octets);
  segment->named_ = false;
  segment->row.salt = header.salt;
  const std::lock_guard lock(mutex_);
  segment->held_ = true;
  segment->file_ = std::move(*file);
  recent_.push_front(segment.get());
  segment->recent_ = recent_.begin();
  table_[number] = segment;
  return segment;
}

void Segments::give_back(SegmentPtr segment) {
  const std::lock_guard lock(mutex_);
  segment->held_ = false;
  if (segment->sealed() || segment->dropped()) return;
  if (segment->end() + record_octets(0) >= options_.segment_octets) return segment->seal();
  const auto fuller = [](const SegmentPtr& a, const SegmentPtr& b) { return a->end() < b->end(); };
  open_.insert(std::upper_bound(open_.begin(), open_.end(), segment, fuller), segment);
}

void Segments::enter(SegmentPtr segment) {
  {
    const std::lock_guard lock(mutex_);
    table_[segment->number()] = segment;
    last_number_ = std::max(last_number_, segment->number());
  }
  give_back(std::move(segment));
}

SegmentPtr Segments::find(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = table_.find(number);
  return found == table_.end() ? nullptr : found->second;
}

std::vector<SegmentPtr> Segments::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<SegmentPtr> all;
  all.reserve(table_.size());
  for (const auto& [number, segment] : table_) all.push_back(segment);
  return all;
}

std::size_t Segments::count() const {
  const std::lock_guard lock(mutex_);
  return table_.size();
}

bool Segments::retire(Segment& segment) {
  const std::lock_guard lock(mutex_);
  segment.seal();
  std::erase_if(open_, [&](const SegmentPtr& open) { return open.get() == &segment; });
  return !segment.held_;
}

void Segments::drop(std::uint32_t number) {
  SegmentPtr last;  // let go outside the lock: ~Segment takes it
  const std::lock_guard lock(mutex_);
  const auto found = table_.find(number);
  if (found == table_.end()) return;
  last = std::move(found->second);
  table_.erase(found);
  last->dropped_.store(true, std::memory_order_relaxed);
}

Result<std::shared_ptr<disk::File>, disk::IoError> Segments::open_file(Segment& segment) {
  std::shared_ptr<disk::File> closing;  // closed outside the lock
  const std::lock_guard lock(mutex_);
  if (segment.file_) {
    recent_.splice(recent_.begin(), recent_, segment.recent_);
    return segment.file_;
  }
  auto opened = disk_.open(segment.path_, disk::Open::Write);
  if (!opened) return refuse(opened.error());
  segment.file_ = std::move(*opened);
  recent_.push_front(&segment);
  segment.recent_ = recent_.begin();
  if (recent_.size() > options_.open_files) {
    // Not one with unsynced octets: the kernel reports a failed write-out to those who have the file open.
    const auto closable = std::find_if(recent_.rbegin(), recent_.rend(), [](const Segment* s) {
      return !s->held_ &&
             s->writes_.load(std::memory_order_acquire) == s->synced_.load(std::memory_order_acquire);
    });
    if (closable != recent_.rend()) {
      Segment* oldest = *closable;
      recent_.erase(oldest->recent_);
      closing = std::move(oldest->file_);
      oldest->file_.reset();
    }
  }
  return segment.file_;
}

}  // namespace postroad::store
