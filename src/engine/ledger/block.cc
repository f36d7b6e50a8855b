#include "ledger/block.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/bytes.h"
#include "base/cursor.h"
#include "crypto/checksum.h"
#include "ledger/codec.h"

namespace postroad::ledger {
namespace {

constexpr std::string_view magic = "PRL1";
constexpr std::size_t largest = 8 * 1024 * 1024;  // of a block unpacked

std::string hashed(char tag, std::string_view what) {
  std::string key(1, tag);
  Writer(key).u64_key(crypto::xxh3(what));
  return key;
}

std::string_view without_angles(std::string_view id) {
  id = ascii::trim(id);
  if (id.starts_with('<') && id.ends_with('>') && id.size() >= 2) id = id.substr(1, id.size() - 2);
  return id;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// As Address::folded(); events hold addresses as Address::text() spells them, and nearly all are plain.
std::string fold(std::string_view address) {
  const auto plain = [](char c) { return ascii::is_alnum(c) || std::string_view("@.-_+=").contains(c); };
  if (std::ranges::all_of(address, plain)) return ascii::to_lower(address);
  const auto parsed = Address::parse(address);
  return parsed ? parsed->folded() : ascii::to_lower(address);
}

}  // namespace

std::string family_name(std::uint32_t week) { return fmt::format("ledger.w{}", week); }

std::optional<std::uint32_t> week_of_family(std::string_view name) {
  constexpr std::string_view begin = "ledger.w";
  if (!name.starts_with(begin)) return std::nullopt;
  Cursor in(name.substr(begin.size()));
  const auto week = in.take_number();
  if (!week || !in.at_end() || *week > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(*week);
}

void BlockBuilder::add(std::string_view encoded) {
  Writer(octets_).string(encoded);
  ++count_;
}

std::string BlockBuilder::finish() const {
  std::string out(magic);
  Writer(out).u32(count_).u32(static_cast<std::uint32_t>(octets_.size()));
  const std::size_t head = out.size();
  out.resize(head + ZSTD_compressBound(octets_.size()));
  const std::size_t packed =
      ZSTD_compress(out.data() + head, out.size() - head, octets_.data(), octets_.size(), 1);
  out.resize(head + packed);
  return out;
}

std::optional<std::vector<Event>> read_block(std::string_view block) {
  Reader in(block);
  if (in.raw(magic.size()) != magic) return std::nullopt;
  const std::uint32_t events = in.u32();
  const std::uint32_t size = in.u32();
  if (!in.ok() || size > largest) return std::nullopt;
  std::string octets(size, '\0');
  if (ZSTD_decompress(octets.data(), octets.size(), in.rest().data(), in.rest().size()) != size)
    return std::nullopt;
  std::vector<Event> out;
  Reader rest(octets);
  for (std::uint32_t i = 0; i < events; ++i) {
    auto event = decode(rest.string());
    if (!rest.ok() || !event) return std::nullopt;
    out.push_back(std::move(*event));
  }
  return out;
}

std::string block_key(Keep keep, std::uint32_t day, std::uint64_t number_) {
  std::string key = "b";
  Writer(key).u8(static_cast<std::uint8_t>(keep)).u32_key(day).u64_key(number_);
  return key;
}

std::string block_value(store::BlobId blob, std::uint32_t events) {
  std::string value;
  Writer(value).u64(blob.value()).u32(events);
  return value;
}

std::optional<BlockEntry> read_block_entry(std::string_view key, std::string_view value) {
  Reader k(key), v(value);
  BlockEntry out;
  k.u8(), k.u8();
  out.day = k.u32_key();
  out.blob = store::BlobId{v.u64()};
  out.events = v.u32();
  if (!k.ok() || !v.ok()) return std::nullopt;
  return out;
}

std::string counter_key(const CounterKey& key) {
  std::string out = "c";
  Writer(out)
      .u32_key(key.hour)
      .u32_key(key.tenant.value())
      .string(key.stream)
      .string(key.provider)
      .string(key.source);
  return out;
}

std::optional<CounterKey> read_counter_key(std::string_view key) {
  Reader in(key);
  if (in.u8() != 'c') return std::nullopt;
  CounterKey out;
  out.hour = in.u32_key();
  out.tenant = TenantId{in.u32_key()};
  out.stream = std::string(in.string());
  out.provider = std::string(in.string());
  out.source = std::string(in.string());
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return out;
}

std::string counter_value(const Counts& counts) {
  std::string out;
  Writer writer(out);
  for (const auto& [type, count] : counts)
    writer.u16(static_cast<std::uint16_t>(type)).varint(count.events).varint(count.octets);
  return out;
}

Counts read_counter_value(std::string_view value) {
  Counts out;
  Reader in(value);
  while (in.ok() && !in.at_end()) {
    const auto type = static_cast<Type>(in.u16());
    out[type].events = in.varint();
    out[type].octets = in.varint();
  }
  return out;
}

CounterKey counter_of(const Event& event) {
  return {.hour = hour_of(event.at),
          .tenant = event.tenant,
          .stream = std::string(event.get(Field::Stream)),
          .provider = std::string(event.get(Field::Provider)),
          .source = std::string(event.get(Field::Source))};
}

void count(Counts& counts, const Event& event) {
  Count& at = counts[event.type];
  ++at.events;
  at.octets += number(event.get(Field::Octets));
}

std::string prefix_of(QueueId id) {
  std::string key = "q";
  Writer(key).u64_key(id.number());
  return key;
}
std::string prefix_of_message_id(std::string_view id) { return hashed('m', without_angles(id)); }
std::string prefix_of_recipient(const Address& address) { return hashed('r', address.folded()); }
std::string prefix_of_sender(const Address& address) { return hashed('s', address.folded()); }

void each_index_prefix(const Event& event, const std::function<void(std::string)>& take) {
  if (event.queue_id.number() != 0) take(prefix_of(event.queue_id));
  for (const auto& [field, value] : event.fields) {
    if (value.empty()) continue;
    if (field == Field::MessageId) take(prefix_of_message_id(value));
    if (field == Field::Recipient) take(hashed('r', fold(value)));
    if (field == Field::Sender) take(hashed('s', fold(value)));
    if (field == Field::RelatedId)
      if (const auto id = QueueId::parse(value)) take(prefix_of(*id));
  }
}

bool matches(const Query& query, const Event& event) {
  if (query.tenant && event.tenant != *query.tenant) return false;
  if (event.at < query.from || (query.to != Time{} && event.at > query.to)) return false;
  if (query.queue_id && event.queue_id != *query.queue_id &&
      event.get(Field::RelatedId) != std::string_view(query.queue_id->text()))
    return false;
  if (!query.message_id.empty() &&
      without_angles(event.get(Field::MessageId)) != without_angles(query.message_id))
    return false;
  if (query.recipient && fold(event.get(Field::Recipient)) != query.recipient->folded()) return false;
  if (query.sender && fold(event.get(Field::Sender)) != query.sender->folded()) return false;
  return true;
}

}  // namespace postroad::ledger
