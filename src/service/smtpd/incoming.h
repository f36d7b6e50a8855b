// A message on its way in: octets go into a blob and past the parser as they come; nothing is held but the
// header.
//
// For our own users the header is put in order first (RFC 6409 §8): Date, Message-ID and From are added where
// they are missing, Bcc is taken out. For everybody else the message is kept as it came.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mime/parser.h"
#include "queue/queue.h"
#include "smtp/body_sink.h"
#include "store/store.h"

namespace postroad::smtpd {

struct Fixes {
  std::optional<Address> from{};  // added as From if there is none
  std::string host{};             // of the Message-ID that is added
  Time now{};
};

class Incoming final : public smtp::BodySink {
 public:
  Incoming(store::Store& store, const mime::Limits& limits, std::optional<Fixes> fixes);
  void write(std::string_view octets) override;
  // Between reads: waits where the store cannot keep up. What went wrong is kept in trouble().
  net::task<void> drain();
  std::optional<store::BlobError> trouble() const { return trouble_; }
  // It will not be kept: frees what is there, and takes no more.
  void drop();

  struct Whole {
    queue::Content content;                     // without prefix and structure
    mime::Message message;                      // of the blob
    std::unique_ptr<store::BlobWriter> writer;  // until a commit has named the blob
  };
  net::task<std::optional<Whole>> finish();

 private:
  void keep(std::string_view octets);
  void header_ended(std::size_t octets);

  std::unique_ptr<store::BlobWriter> writer_;
  mime::Parser parser_;
  std::optional<Fixes> fixes_;
  std::string header_;  // held back until its end is seen, when there is something to fix
  bool in_header_ = false;
  std::optional<store::BlobError> trouble_;
};

// The header with what a submitted message must have, and without what it must not (RFC 6409 §8, RFC 5322
// §3.6).
std::string fixed_header(std::string_view header, const Fixes& fixes, Random& random);

}  // namespace postroad::smtpd
