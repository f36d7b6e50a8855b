// Whatever a header field holds: what people see of it is one line of valid UTF-8 without control characters,
// its addresses and parameters stay below their limits, and its fields are found at the same places by all.
#include <cstdint>
#include <cstdlib>

#include "base/ascii.h"
#include "base/utf8.h"
#include "mime/address.h"
#include "mime/content.h"
#include "mime/fields.h"
#include "mime/header.h"
#include "mime/summary.h"
#include "mime/text.h"

namespace {

using namespace postroad;

void require(bool holds) {
  if (!holds) std::abort();
}

void require_tame(std::string_view text) {
  require(utf8::valid(text));
  for (char c : text) require(!ascii::is_control(c));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  std::size_t octets = 0;
  for (const mime::Field& field : mime::Header(text)) {
    require(!field.name.empty() && field.raw.size() > field.name.size());
    require(field.raw.data() >= text.data() + octets);  // in order, no octet twice
    octets = static_cast<std::size_t>(field.raw.data() + field.raw.size() - text.data());
    // A field alone reads like the field among others.
    require(mime::header_octets(field.raw) == field.raw.size());
  }
  require(octets <= mime::header_octets(text) && mime::header_octets(text) <= size);

  require_tame(mime::decode_text(text));
  require(mime::base_subject(mime::decode_text(text)).text().size() <= text.size() * 4);
  int groups = 0;
  for (const mime::AddressEntry& entry : mime::parse_addresses(text, 50)) {
    require_tame(mime::shown_name(entry));
    groups += entry.kind == mime::AddressEntry::Kind::GroupStart;
    groups -= entry.kind == mime::AddressEntry::Kind::GroupEnd;
    require(groups == 0 || groups == 1);
    if (const auto address = mime::envelope_address(entry))
      require(address->text().find_first_of("\r\n") == std::string::npos);
  }
  require(groups == 0);
  require(mime::parse_addresses(text, 50).size() <= 51);

  if (const auto type = mime::parse_media_type(text)) {
    require(!type->type.empty() && !type->subtype.empty() &&
            type->parameters.list.size() <= mime::parameter_limit);
    for (const mime::Parameter& p : type->parameters.list) {
      require(type->parameters.find(p.name) == &p.value);  // no name twice
      if (p.extended) require(utf8::valid(p.value));
    }
  }
  if (const auto disposition = mime::parse_disposition(text)) require(!disposition->kind.empty());
  mime::parse_transfer_encoding(text);
  const std::string safe = mime::safe_file_name(text);
  require(!safe.empty() && safe.size() <= 216 && safe.find_first_of("/\\") == std::string::npos &&
          safe[0] != '.');

  if (const auto date = mime::parse_date(text)) {
    const auto again = mime::parse_date(mime::format_date(date->utc, date->zone_minutes));
    require(again && again->utc == date->utc);
  }
  for (const std::string& id : mime::parse_message_ids(text, 5)) require(!id.empty());
  require(mime::parse_message_ids(text, 5).size() <= 5);
  return 0;
}
