// SegmentBlobWriter: octets on their way to being a blob.
//
// Up to 64 KiB stay in memory and reach a segment with the commit that names them, together with those of all
// others in the same group: one write, one sync, and nothing on the disk for a message that is refused. A
// larger body goes into a segment this writer has for itself, block by block.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/condition.h"
#include "store/fresh.h"
#include "store/segments.h"
#include "store/store.h"

namespace postroad::store {

// What a writer needs of its store.
struct Shelf {
  const Clock& clock;
  Segments& segments;
  FreshBlobs& fresh;
  Condition& condition;
  BlobIds& ids;
};

class SegmentBlobWriter final : public BlobWriter {
 public:
  // `name`: of a blob that another store named (import).
  SegmentBlobWriter(Shelf& shelf, std::uint64_t expected, std::optional<BlobId> name = {});
  ~SegmentBlobWriter() override;

  void append(std::string_view octets) override;
  net::task<Result<void, BlobError>> drain() override;
  net::task<Result<BlobId, BlobError>> finish() override;
  std::uint64_t octets() const override { return octets_; }

  // finish() without waiting, which this engine never does.
  Result<BlobId, BlobError> finish_now();
  const std::optional<BlobId>& name() const { return name_; }

 private:
  bool begin_segment();
  void write_block(std::string_view block);
  bool write(std::uint64_t offset, std::string_view octets);
  void refuse_more(BlobError error);
  void abandon();
  void room_ahead();

  Shelf& shelf_;
  const std::uint64_t expected_;
  const std::optional<BlobId> name_;
  std::uint64_t octets_ = 0;
  std::string buffer_;
  std::optional<BlobError> error_;
  FreshPtr blob_;
  // Of a large body:
  SegmentPtr segment_;
  std::shared_ptr<disk::File> file_;
  std::uint64_t start_ = 0;     // of the record
  std::uint64_t written_ = 0;   // of the body
  std::uint64_t reserved_ = 0;  // of the file
  std::vector<std::uint64_t> sums_;
};

}  // namespace postroad::store
