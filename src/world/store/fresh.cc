#include "store/fresh.h"

namespace postroad::store {

FreshBlob::FreshBlob(FreshBlobs& t, BlobId i) : table(t), id(i) {}
FreshBlob::~FreshBlob() {
  table.remove(id);
  if (segment) segment->fresh.fetch_sub(1, std::memory_order_release);
}

void FreshBlob::lie_in(SegmentPtr in) {
  segment = std::move(in);
  segment->fresh.fetch_add(1, std::memory_order_relaxed);
}

FreshPtr FreshBlobs::add(BlobId id) {
  auto blob = std::make_shared<FreshBlob>(*this, id);
  const std::lock_guard lock(mutex_);
  table_[id] = blob;
  return blob;
}

FreshPtr FreshBlobs::find(BlobId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = table_.find(id);
  return found == table_.end() ? nullptr : found->second.lock();
}

bool FreshBlobs::contains(BlobId id) const {
  const std::lock_guard lock(mutex_);
  return table_.contains(id);
}

void FreshBlobs::remove(BlobId id) {
  const std::lock_guard lock(mutex_);
  table_.erase(id);
}

}  // namespace postroad::store
