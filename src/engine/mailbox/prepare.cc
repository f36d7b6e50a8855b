#include "mailbox/prepare.h"

#include "base/ascii.h"
#include "mailbox/keys.h"
#include "mime/parser.h"
#include "mime/stored.h"

namespace postroad::mailbox {

namespace {

// More of a header is not read: what lists ask for is in the first of it, or is not kept (HeaderFields).
constexpr std::uint64_t header_limit = 256 * 1024;

Refusal refusal(store::BlobError error) {
  return error == store::BlobError::NoSpace ? Refusal::DiskFull : Refusal::Unavailable;
}

task<Result<std::string, Refusal>> parse_blob(store::BlobReader& blob, std::uint64_t prefix_octets) {
  mime::Parser parser;
  for (std::uint64_t at = 0; at < blob.octets();) {
    const auto piece = co_await blob.read(at);
    if (!piece) co_return refuse(refusal(piece.error()));
    parser.feed(*piece);
    at += piece->size();
  }
  co_return mime::serialize(parser.finish(), prefix_octets);
}

}  // namespace

std::uint8_t system_flag(std::string_view name) {
  if (ascii::iequals(name, "\\Seen")) return flag::seen;
  if (ascii::iequals(name, "\\Answered")) return flag::answered;
  if (ascii::iequals(name, "\\Flagged")) return flag::flagged;
  if (ascii::iequals(name, "\\Deleted")) return flag::deleted;
  if (ascii::iequals(name, "\\Draft")) return flag::draft;
  return 0;
}

task<Result<Prepared, Refusal>> prepare(store::Store& store, const Clock& clock, NewMessage message) {
  Prepared made;
  made.locator.prefix = std::move(message.prefix);
  made.locator.blob = message.blob;
  made.locator.blob_octets = message.blob_octets;
  made.locator.born = seconds(clock.now());
  made.locator.queue_id = message.queue_id.number();
  made.internal_date = seconds(message.internal_date);
  made.structure = std::move(message.structure);
  if (made.locator.octets() > UINT32_MAX) co_return refuse(Refusal::OverQuota);
  made.octets = static_cast<std::uint32_t>(made.locator.octets());
  for (std::string& name : message.flags) {
    const std::uint8_t system = system_flag(name);
    made.flags |= system;
    if (system == 0 && !name.starts_with('\\')) made.keywords.push_back(std::move(name));
  }

  const std::string& prefix = made.locator.prefix;
  std::unique_ptr<store::BlobReader> blob;
  if (message.blob != store::BlobId{} && message.blob_octets > 0) {
    auto opened = co_await store.open_blob(message.blob);
    if (!opened) co_return refuse(refusal(opened.error()));
    blob = std::move(*opened);
  }
  if (made.structure.empty()) {
    if (blob) {
      auto parsed = co_await parse_blob(*blob, prefix.size());
      if (!parsed) co_return refuse(parsed.error());
      made.structure = std::move(*parsed);
    } else {
      made.structure = mime::serialize(mime::parse({}), prefix.size());
    }
  }
  const auto structure = mime::Stored::read(made.structure);
  if (!structure || keys::pieces(made.structure.size()) > 100) co_return refuse(Refusal::Unavailable);
  const std::uint64_t header_octets = std::min(structure->header_octets(), made.locator.octets());
  std::string header = prefix;
  while (blob && header.size() < std::min(header_octets, header_limit)) {
    const auto piece = co_await blob->read(header.size() - prefix.size());
    if (!piece) co_return refuse(refusal(piece.error()));
    if (piece->empty()) break;
    header.append(piece->substr(0, header_octets - header.size()));
  }
  made.fields = HeaderFields::encode(header, header.size() == header_octets);
  co_return made;
}

}  // namespace postroad::mailbox
