#include "delivery/load.h"

#include "base/ascii.h"
#include "mime/header.h"
#include "mime/parser.h"

namespace postroad::delivery {

net::task<Result<Load, LoadError>> Load::open(store::Store& store, const queue::Content& content) {
  auto blob = co_await store.open_blob(content.blob);
  if (!blob) co_return refuse(LoadError::Unreadable);
  co_return Load(content, std::move(*blob));
}

// Both times the whole of it: what is fed and then finished is prefix and blob.
template <class Reader>
net::task<bool> read_all(const queue::Content& content, store::BlobReader& blob, Reader& reader) {
  reader.feed(content.prefix);
  for (std::uint64_t at = 0; at < content.blob_octets;) {
    const auto piece = co_await blob.read(at);
    if (!piece || piece->empty()) co_return false;
    reader.feed(*piece);
    at += piece->size();
  }
  co_return true;
}

net::task<Result<void, LoadError>> Load::convert(Carries carries) {
  mime::Parser parser;
  if (!co_await read_all(*content_, *blob_, parser)) co_return refuse(LoadError::Unreadable);
  Survey survey(parser.finish(), carries);
  if (!co_await read_all(*content_, *blob_, survey)) co_return refuse(LoadError::Unreadable);
  auto plan = survey.finish();
  if (!plan) co_return refuse(LoadError::NotFit);
  plan_ = std::move(*plan);
  co_return {};
}

net::task<Result<bool, LoadError>> Load::was_delivered_to(const Address& address) {
  constexpr std::size_t enough = 256 * 1024;  // of a header
  std::string header = content_->prefix;
  for (std::uint64_t at = 0; at < content_->blob_octets && header.size() < enough;) {
    const auto piece = co_await blob_->read(at);
    if (!piece || piece->empty()) co_return refuse(LoadError::Unreadable);
    header += *piece;
    at += piece->size();
    if (mime::header_octets(header) < header.size()) break;
  }
  for (const mime::Field& field : mime::Header(header)) {
    if (!field.is("Delivered-To")) continue;
    const auto told = Address::parse(ascii::trim(mime::unfold(field.value)));
    if (told && told->folded() == address.folded()) co_return true;
  }
  co_return false;
}

void Load::rewind(smtp::DataEncoder::Dots dots) {
  encoder_ = smtp::DataEncoder(dots, SIZE_MAX);
  at_ = 0;
  begun_ = false;
  converter_.reset();
  if (!plan_.empty()) converter_.emplace(plan_);
}

namespace {

// Between converter and wire.
struct Encoding final : smtp::BodySink {
  Encoding(smtp::DataEncoder& e, smtp::BodySink& s) : encoder(e), sink(s) {}
  void write(std::string_view octets) override { good = good && encoder.feed(octets, sink).has_value(); }
  smtp::DataEncoder& encoder;
  smtp::BodySink& sink;
  bool good = true;
};

}  // namespace

Result<void, LoadError> Load::put(std::string_view octets, smtp::BodySink& sink) {
  Encoding encoding(encoder_, sink);
  if (converter_)
    converter_->feed(octets, encoding);
  else
    encoding.write(octets);
  if (!encoding.good) return refuse(LoadError::NotSmtp);
  return {};
}

net::task<Result<bool, LoadError>> Load::next(smtp::BodySink& sink) {
  if (!std::exchange(begun_, true)) {
    // Not through the converter: its plan counts from the prefix on.
    if (!top_.empty() && !encoder_.feed(top_, sink)) co_return refuse(LoadError::NotSmtp);
    if (auto done = put(content_->prefix, sink); !done) co_return refuse(done.error());
  }
  if (at_ < content_->blob_octets) {
    const auto piece = co_await blob_->read(at_);
    if (!piece || piece->empty()) co_return refuse(LoadError::Unreadable);
    if (auto done = put(*piece, sink); !done) co_return refuse(done.error());
    at_ += piece->size();
    if (at_ < content_->blob_octets) co_return true;
  }
  if (converter_) {
    Encoding encoding(encoder_, sink);
    converter_->finish(encoding);
    if (!encoding.good) co_return refuse(LoadError::NotSmtp);
  }
  encoder_.finish(sink);
  co_return false;
}

}  // namespace postroad::delivery
