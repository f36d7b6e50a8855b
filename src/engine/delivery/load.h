// Load: a message's octets on their way to a server, encoded as they go.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "delivery/attempt.h"
#include "delivery/convert.h"
#include "queue/record.h"
#include "smtp/body_sink.h"
#include "smtp/data_encoder.h"
#include "store/store.h"

namespace postroad::delivery {

// Why it cannot be sent. Unreadable is the store's trouble; the others are the message's.
enum class LoadError : std::uint8_t {
  Unreadable,
  NotSmtp,  // a NUL outside BINARYMIME
  NotFit,   // the server takes less, and the message cannot be converted
};

class Load {
 public:
  static net::task<Result<Load, LoadError>> open(store::Store& store, const queue::Content& content);

  // Makes the message fit for a server that takes so much, if it can be. Reads it twice.
  net::task<Result<void, LoadError>> convert(Carries carries);

  // A field of our own on top of the others, for the copies that follow.
  void set_top(std::string field) { top_ = std::move(field); }
  // Does the header say that the message has been forwarded for this address before (RFC 9228)?
  net::task<Result<bool, LoadError>> was_delivered_to(const Address& address);

  std::uint64_t octets() const { return content_->octets(); }  // as they are kept
  // From the beginning; once for each transaction.
  void rewind(smtp::DataEncoder::Dots dots);
  // Hands the next piece to `sink` (for DATA the lone dot too, behind the last). False: that was all.
  net::task<Result<bool, LoadError>> next(smtp::BodySink& sink);

 private:
  Load(const queue::Content& content, std::unique_ptr<store::BlobReader> blob)
      : content_(&content), blob_(std::move(blob)) {}
  const queue::Content* content_;
  std::string top_;
  std::unique_ptr<store::BlobReader> blob_;
  Result<void, LoadError> put(std::string_view octets, smtp::BodySink& sink);
  std::uint64_t at_ = 0;
  bool begun_ = false;
  Plan plan_;
  std::optional<Converter> converter_{};
  smtp::DataEncoder encoder_;
};

}  // namespace postroad::delivery
