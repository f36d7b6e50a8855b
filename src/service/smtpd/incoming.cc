#include "smtpd/incoming.h"

#include "base/date.h"
#include "base/encoding.h"
#include "mime/header.h"

namespace postroad::smtpd {
namespace {

// The header ends at the first empty line; so much is held back to look for it, as much as the parser keeps.
constexpr std::size_t most_held = 256 * 1024;

}  // namespace

std::string fixed_header(std::string_view header, const Fixes& fixes, Random& random) {
  bool date = false, id = false, from = false;
  std::string rest;
  std::size_t at = 0;
  for (const mime::Field& field : mime::Header(header)) {
    const std::size_t begin = static_cast<std::size_t>(field.raw.data() - header.data());
    rest.append(header.substr(at, begin - at));
    at = begin + field.raw.size();
    date |= field.is("Date"), id |= field.is("Message-ID"), from |= field.is("From");
    // RFC 5322 §3.6.3: those in Bcc are not shown to anybody else.
    if (!field.is("Bcc") && !field.is("Resent-Bcc") && !field.is("Return-Path")) rest.append(field.raw);
  }
  rest.append(header.substr(at));
  std::string added;
  if (!from && fixes.from) added += "From: " + fixes.from->text() + "\r\n";
  if (!date) added += "Date: " + rfc5322_date(fixes.now) + "\r\n";
  if (!id)
    added +=
        "Message-ID: <" + base32(random.u64()) + base32(random.u64()).substr(5) + "@" + fixes.host + ">\r\n";
  return added + rest;
}

Incoming::Incoming(store::Store& store, const mime::Limits& limits, std::optional<Fixes> fixes)
    : writer_(store.new_blob()), parser_(limits), fixes_(std::move(fixes)), in_header_(fixes_.has_value()) {}

void Incoming::keep(std::string_view octets) {
  if (!writer_) return;
  writer_->append(octets);
  parser_.feed(octets);
}

void Incoming::header_ended(std::size_t octets) {
  in_header_ = false;
  keep(fixed_header(std::string_view(header_).substr(0, octets), *fixes_, system_random()));
  keep(std::string_view(header_).substr(octets));
  header_ = {};
}

void Incoming::write(std::string_view octets) {
  if (!writer_) return;
  if (!in_header_) return keep(octets);
  const std::size_t before = header_.size();
  header_ += octets;
  const std::size_t from = before < 3 ? 0 : before - 3;
  if (header_.starts_with("\r\n") || header_.find("\r\n\r\n", from) != std::string::npos ||
      header_.size() > most_held)
    header_ended(mime::header_octets(header_));
}

net::task<void> Incoming::drain() {
  if (!writer_) co_return;
  const auto done = co_await writer_->drain();
  if (done) co_return;
  trouble_ = done.error();
  drop();
}

void Incoming::drop() {
  writer_.reset();
  header_ = {};
}

net::task<std::optional<Incoming::Whole>> Incoming::finish() {
  if (!writer_) co_return std::nullopt;
  if (in_header_) header_ended(mime::header_octets(header_));  // a message that is all header
  const auto blob = co_await writer_->finish();
  if (!blob) {
    trouble_ = blob.error();
    drop();
    co_return std::nullopt;
  }
  Whole whole{.content = {.prefix = {}, .blob = *blob, .blob_octets = writer_->octets(), .structure = {}},
              .message = parser_.finish(),
              .writer = std::move(writer_)};
  co_return std::move(whole);
}

}  // namespace postroad::smtpd
