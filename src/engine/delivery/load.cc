#include "delivery/load.h"

namespace postroad::delivery {

net::task<Result<Load, LoadError>> Load::open(store::Store& store, const queue::Content& content) {
  auto blob = co_await store.open_blob(content.blob);
  if (!blob) co_return refuse(LoadError::Unreadable);
  co_return Load(content, std::move(*blob));
}

void Load::rewind(smtp::DataEncoder::Dots dots) {
  encoder_ = smtp::DataEncoder(dots, SIZE_MAX);
  at_ = 0;
  begun_ = false;
}

net::task<Result<bool, LoadError>> Load::next(smtp::BodySink& sink) {
  if (!std::exchange(begun_, true) && !encoder_.feed(content_->prefix, sink))
    co_return refuse(LoadError::NotSmtp);
  if (at_ < content_->blob_octets) {
    const auto piece = co_await blob_->read(at_);
    if (!piece || piece->empty()) co_return refuse(LoadError::Unreadable);
    if (!encoder_.feed(*piece, sink)) co_return refuse(LoadError::NotSmtp);
    at_ += piece->size();
    if (at_ < content_->blob_octets) co_return true;
  }
  encoder_.finish(sink);
  co_return false;
}

}  // namespace postroad::delivery
