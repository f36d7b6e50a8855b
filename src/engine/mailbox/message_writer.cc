#include "mailbox/message_writer.h"

#include "mime/parser.h"
#include "mime/stored.h"

namespace postroad::mailbox {

MessageWriter::MessageWriter(store::Store& store, const mime::Limits& limits, std::uint64_t expected)
    : writer_(store.new_blob(expected)), parser_(std::make_unique<mime::Parser>(limits)) {}
MessageWriter::MessageWriter(MessageWriter&&) noexcept = default;
MessageWriter& MessageWriter::operator=(MessageWriter&&) noexcept = default;
MessageWriter::~MessageWriter() = default;

void MessageWriter::append(std::string_view octets) {
  writer_->append(octets);
  parser_->feed(octets);
}

task<Result<void, Refusal>> MessageWriter::drain() {
  const auto drained = co_await writer_->drain();
  if (!drained) co_return refuse(content_refusal(drained.error()));
  co_return {};
}

task<Result<NewMessage, Refusal>> MessageWriter::finish() {
  NewMessage message;
  message.blob_octets = writer_->octets();
  message.structure = mime::serialize(parser_->finish());
  if (message.blob_octets == 0) co_return message;  // nothing to keep: there is no blob of no octets
  const auto blob = co_await writer_->finish();
  if (!blob) co_return refuse(content_refusal(blob.error()));
  message.blob = *blob;
  co_return message;
}

}  // namespace postroad::mailbox
