#include "store/blob_writer.h"

#include "base/bytes.h"
#include "crypto/checksum.h"

namespace postroad::store {
namespace {
constexpr std::uint64_t write_out_every = 4 << 20;  // so that the sync at the end has little left to do
constexpr std::uint64_t reserve_step = 1 << 20;
}  // namespace

SegmentBlobWriter::SegmentBlobWriter(Shelf& shelf, std::uint64_t expected, std::optional<BlobId> name)
    : shelf_(shelf), expected_(expected), name_(name) {}

SegmentBlobWriter::~SegmentBlobWriter() { abandon(); }

void SegmentBlobWriter::append(std::string_view octets) {
  octets_ += octets.size();
  while (!octets.empty() && !error_) {
    // Whole blocks go to the file from where they are.
    if (segment_ && buffer_.empty() && octets.size() >= block_octets) {
      write_block(octets.substr(0, block_octets));
      octets.remove_prefix(block_octets);
      continue;
    }
    const std::size_t n = std::min(octets.size(), block_octets - buffer_.size());
    if (n == 0) {  // full, and there is more: it does not stay in memory
      if (!segment_ && !begin_segment()) return;
      write_block(buffer_);
      buffer_.clear();
      continue;
    }
    if (buffer_.capacity() < buffer_.size() + n)
      buffer_.reserve(
          std::min(block_octets, std::max<std::size_t>({2 * buffer_.capacity(), buffer_.size() + n,
                                                        std::min<std::uint64_t>(expected_, block_octets)})));
    buffer_.append(octets.substr(0, n));
    octets.remove_prefix(n);
  }
}

net::task<Result<void, BlobError>> SegmentBlobWriter::drain() {
  if (error_) co_return refuse(*error_);
  co_return Result<void, BlobError>{};
}

net::task<Result<BlobId, BlobError>> SegmentBlobWriter::finish() { co_return finish_now(); }

Result<BlobId, BlobError> SegmentBlobWriter::finish_now() {
  if (blob_) return blob_->id;
  if (shelf_.condition.failed()) refuse_more(BlobError::Unavailable);
  const auto id = error_ ? std::nullopt : name_ ? name_ : shelf_.ids.take();
  if (!error_ && !id) refuse_more(BlobError::Unavailable);
  if (error_) return refuse(*error_);

  if (segment_ && !buffer_.empty()) write_block(buffer_);
  if (error_) return refuse(*error_);
  RecordHeader header{.blob = *id, .octets = octets_, .checksum = 0, .created = micros(shelf_.clock.now())};
  if (segment_) {
    buffer_.clear();
    for (const std::uint64_t sum : sums_) Writer(buffer_).u64(sum);
    header.checksum = crypto::xxh3(buffer_);
    buffer_.resize(record_octets(octets_) - record_header_octets - octets_, '\0');  // the padding
    const auto head = print(header, segment_->salt(), start_);
    if (!error_) write(start_ + record_header_octets + octets_, buffer_);
    if (!error_) write(start_, {head.data(), head.size()});
    if (error_) return refuse(*error_);
  } else {
    header.checksum = crypto::xxh3(buffer_);
  }

  blob_ = shelf_.fresh.add(*id);
  blob_->octets = octets_;
  blob_->checksum = header.checksum;
  blob_->created = header.created;
  if (segment_) {
    blob_->in_memory = false;
    blob_->offset = start_;
    segment_->set_end(start_ + record_octets(octets_));
    blob_->written = segment_->wrote();
    blob_->lie_in(segment_);
    file_.reset();
    shelf_.segments.give_back(std::exchange(segment_, nullptr));
    buffer_ = {};
  } else {
    blob_->body = std::move(buffer_);
  }
  return *id;
}

bool SegmentBlobWriter::begin_segment() {
  if (shelf_.condition.failed()) return refuse_more(BlobError::Unavailable), false;
  if (shelf_.condition.tight()) return refuse_more(BlobError::NoSpace), false;
  auto taken = shelf_.segments.take(record_octets(std::max<std::uint64_t>(expected_, 4 * block_octets)));
  if (taken) {
    segment_ = std::move(*taken);
    start_ = segment_->end();
    reserved_ = start_;
    if (auto file = segment_->file(); file)
      file_ = std::move(*file);
    else
      taken = refuse(file.error());
  }
  if (taken) return true;
  refuse_more(disk::out_of_space(taken.error()) ? BlobError::NoSpace : BlobError::Unavailable);
  return false;
}

// Room is taken ahead of the octets: by what was announced at first, then step by step.
void SegmentBlobWriter::room_ahead() {
  const std::uint64_t end = start_ + record_header_octets + written_ + block_octets;
  if (end <= reserved_) return;
  const std::uint64_t announced = start_ + record_octets(expected_);
  const std::uint64_t until = std::max(end + reserve_step, written_ == 0 ? announced : 0);
  // Only a hint where it fails for another reason: then the write itself tells.
  if (const auto done = file_->reserve(reserved_, until - reserved_);
      !done && disk::out_of_space(done.error()))
    return refuse_more(BlobError::NoSpace);
  reserved_ = until;
}

void SegmentBlobWriter::write_block(std::string_view block) {
  if (shelf_.condition.tight()) return refuse_more(BlobError::NoSpace);
  room_ahead();
  if (error_) return;
  const std::uint64_t at = start_ + record_header_octets + written_;
  if (!write(at, block)) return;
  sums_.push_back(crypto::xxh3(block));
  written_ += block.size();
  if (written_ % write_out_every < block.size() && written_ >= write_out_every)
    file_->write_out_soon(at + block.size() - write_out_every, write_out_every);
  shelf_.condition.spent(block.size());
}

bool SegmentBlobWriter::write(std::uint64_t offset, std::string_view octets) {
  const auto done = file_->write(offset, octets);
  if (done) return true;
  if (disk::out_of_space(done.error())) {
    shelf_.condition.look();
    refuse_more(BlobError::NoSpace);
  } else {
    // No commit has been answered that needs it, but a disk that fails once is not to be trusted with the
    // next.
    shelf_.condition.fail(segment_->path(), disk::error_text(done.error()));
    refuse_more(BlobError::Unavailable);
  }
  return false;
}

void SegmentBlobWriter::refuse_more(BlobError error) {
  if (!error_) error_ = error;
  abandon();
  buffer_ = {};
}

// Nobody appends to the segment but us: what we wrote is cut off again.
void SegmentBlobWriter::abandon() {
  if (!segment_) return;
  if (file_ && !file_->resize(start_)) segment_->seal();
  file_.reset();
  shelf_.segments.give_back(std::exchange(segment_, nullptr));
}

}  // namespace postroad::store
