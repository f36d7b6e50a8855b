// Reading blobs back, each block against its checksum.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/runtime.h"
#include "store/fresh.h"
#include "store/segments.h"
#include "store/store.h"

namespace postroad::store {

// Octets that are in memory already: a fresh blob, a small one.
class MemoryBlobReader final : public BlobReader {
 public:
  explicit MemoryBlobReader(FreshPtr blob) : fresh_(std::move(blob)) {}
  explicit MemoryBlobReader(std::string body) : own_(std::move(body)) {}
  std::uint64_t octets() const override { return body().size(); }
  net::task<Result<std::string_view, BlobError>> read(std::uint64_t offset) override;

 private:
  const std::string& body() const { return fresh_ ? fresh_->body : own_; }
  FreshPtr fresh_;
  std::string own_;
};

// A record of a segment. The synchronous part is what verify and compaction use.
class RecordReader {
 public:
  RecordReader(SegmentPtr segment, BlobId id, std::uint64_t offset, std::uint64_t octets)
      : segment_(std::move(segment)), id_(id), offset_(offset), octets_(octets) {}

  std::uint64_t octets() const { return octets_; }
  const RecordHeader& header() const { return header_; }  // once a block has been read
  // The block with this number, verified; a view into our buffer. With `now`, Unavailable is answered and
  // waits() is true when it would have to wait for the disk.
  Result<std::string_view, BlobError> block(std::uint64_t number, bool now = false);
  bool waits() const { return waits_; }

 private:
  Result<void, BlobError> begin();
  Result<void, BlobError> fetch(std::uint64_t offset, std::span<char> into);
  bool fits(std::string_view octets) const;

  SegmentPtr segment_;
  const BlobId id_;
  const std::uint64_t offset_;
  const std::uint64_t octets_;
  std::shared_ptr<disk::File> file_;
  RecordHeader header_;
  std::vector<std::uint64_t> sums_;
  std::string buffer_;
  std::uint64_t held_ = UINT64_MAX;  // the block in the buffer
  bool begun_ = false;
  bool now_ = false;
  bool waits_ = false;
};

class SegmentBlobReader final : public BlobReader {
 public:
  // Without a pool it waits for the disk on the calling core.
  SegmentBlobReader(RecordReader record, net::Pool* pool) : record_(std::move(record)), pool_(pool) {}
  std::uint64_t octets() const override { return record_.octets(); }
  net::task<Result<std::string_view, BlobError>> read(std::uint64_t offset) override;

 private:
  RecordReader record_;
  net::Pool* pool_;
};

}  // namespace postroad::store
