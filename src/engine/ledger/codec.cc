#include "ledger/codec.h"

#include "base/bytes.h"

namespace postroad::ledger {
namespace {

constexpr std::uint8_t format = 1;
constexpr std::size_t longest_field = 1000;

}  // namespace

std::string encode(const Event& event) {
  std::string out;
  out.reserve(24 + event.fields.size() * 24);
  Writer writer(out);
  writer.u8(format).u16(static_cast<std::uint16_t>(event.type)).i64(micros(event.at));
  writer.varint(event.tenant.value()).u64(event.queue_id.number());
  for (const auto& [field, value] : event.fields)
    writer.u8(static_cast<std::uint8_t>(field)).string(std::string_view(value).substr(0, longest_field));
  return out;
}

std::optional<Event> decode(std::string_view octets) {
  Reader reader(octets);
  if (reader.u8() != format) return std::nullopt;
  Event event;
  event.type = static_cast<Type>(reader.u16());
  event.at = time_of_micros(reader.i64());
  event.tenant = TenantId{static_cast<std::uint32_t>(reader.varint())};
  event.queue_id = QueueId{reader.u64()};
  event.fields.reserve(12);
  while (reader.ok() && !reader.at_end()) {
    const auto field = static_cast<Field>(reader.u8());
    event.fields.emplace_back(field, std::string(reader.string()));
  }
  if (!reader.ok()) return std::nullopt;
  return event;
}

}  // namespace postroad::ledger
