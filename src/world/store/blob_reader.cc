#include "store/blob_reader.h"

#include "base/bytes.h"
#include "crypto/checksum.h"

namespace postroad::store {

net::task<Result<std::string_view, BlobError>> MemoryBlobReader::read(std::uint64_t offset) {
  const std::string_view all = body();
  co_return all.substr(std::min<std::uint64_t>(offset, all.size()), block_octets);
}

Result<void, BlobError> RecordReader::fetch(std::uint64_t offset, std::span<char> into) {
  const auto read = now_ ? file_->read_now(offset, into) : file_->read(offset, into);
  if (!read) {
    waits_ = now_ && read.error() == disk::IoError::resource_unavailable_try_again;
    return refuse(BlobError::Unavailable);
  }
  if (*read < into.size()) return refuse(BlobError::Damaged);
  return {};
}

// The header must be there whole, name this blob, and agree with the database.
bool RecordReader::fits(std::string_view octets) const {
  const auto header = parse_record_header(octets, segment_->salt(), offset_);
  return header && header->blob == id_ && header->octets == octets_;
}

// A body of one block is read with its header at once; of a larger one first the header and the sums.
Result<void, BlobError> RecordReader::begin() {
  if (!file_) {
    auto file = segment_->file();
    if (!file) return refuse(BlobError::Unavailable);
    file_ = std::move(*file);
  }
  const bool single = octets_ <= block_octets;
  buffer_.resize(record_header_octets + (single ? octets_ : 0));
  if (auto done = fetch(offset_, buffer_); !done) return done;
  if (!fits(buffer_)) return refuse(BlobError::Damaged);
  header_ = *parse_record_header(buffer_, segment_->salt(), offset_);
  if (single) {
    if (crypto::xxh3(std::string_view(buffer_).substr(record_header_octets)) != header_.checksum)
      return refuse(BlobError::Damaged);
    held_ = 0;
  } else {
    std::string sums(sums_octets(octets_), '\0');
    if (auto done = fetch(offset_ + record_header_octets + octets_, sums); !done) return done;
    if (crypto::xxh3(sums) != header_.checksum) return refuse(BlobError::Damaged);
    Reader in(sums);
    sums_.clear();
    while (!in.at_end()) sums_.push_back(in.u64());
  }
  begun_ = true;
  return {};
}

Result<std::string_view, BlobError> RecordReader::block(std::uint64_t number, bool now) {
  now_ = now;
  waits_ = false;
  if (!begun_)
    if (auto done = begin(); !done) return refuse(done.error());
  if (number >= block_count(octets_)) return std::string_view{};
  if (octets_ <= block_octets) return std::string_view(buffer_).substr(record_header_octets);
  if (held_ != number) {
    held_ = UINT64_MAX;
    buffer_.resize(std::min<std::uint64_t>(block_octets, octets_ - number * block_octets));
    if (auto done = fetch(offset_ + record_header_octets + number * block_octets, buffer_); !done)
      return refuse(done.error());
    if (crypto::xxh3(buffer_) != sums_[number]) return refuse(BlobError::Damaged);
    held_ = number;
  }
  return buffer_;
}

net::task<Result<std::string_view, BlobError>> SegmentBlobReader::read(std::uint64_t offset) {
  if (offset >= record_.octets()) co_return std::string_view{};
  const std::uint64_t number = offset / block_octets;
  auto block = record_.block(number, pool_ != nullptr);
  if (!block && record_.waits()) {
    auto fetch = [this, number] { return record_.block(number); };
    block = co_await net::blocking(*pool_, std::move(fetch));
  }
  if (!block) co_return refuse(block.error());
  co_return block->substr(offset % block_octets);
}

}  // namespace postroad::store
