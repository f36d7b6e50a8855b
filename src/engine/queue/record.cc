#include "queue/record.h"

#include "base/bytes.h"

namespace postroad::queue {
namespace {

constexpr std::uint8_t version = 1;

void put(Writer& out, const std::optional<Time>& time) { out.i64(time ? micros(*time) : INT64_MIN); }
std::optional<Time> read_time(Reader& in) {
  const std::int64_t us = in.i64();
  if (us == INT64_MIN) return std::nullopt;
  return time_of_micros(us);
}

void put(Writer& out, const Recipient& recipient) {
  const DsnNotify& n = recipient.notify;
  out.string(recipient.address.text());
  out.u8(static_cast<std::uint8_t>(n.never | n.success << 1 | n.failure << 2 | n.delay << 3));
  out.u8(recipient.original ? 1 : 0);
  if (recipient.original) out.string(recipient.original->type).string(recipient.original->address);
}

std::optional<Recipient> read_recipient(Reader& in) {
  const auto address = Address::parse(in.string());
  const std::uint8_t bits = in.u8();
  if (!address) return std::nullopt;
  Recipient out{.address = *address};
  out.notify = {.never = (bits & 1) != 0,
                .success = (bits & 2) != 0,
                .failure = (bits & 4) != 0,
                .delay = (bits & 8) != 0};
  if (in.u8()) {
    OriginalRecipient original{std::string(in.string()), {}};
    original.address = std::string(in.string());
    out.original = std::move(original);
  }
  return out;
}

}  // namespace

std::string message_key(QueueId id) {
  std::string key = "m";
  Writer(key).u64_key(id.number());
  return key;
}

std::string entry_key(QueueId id, std::uint16_t number) {
  std::string key = "e";
  Writer(key)
      .u64_key(id.number())
      .u8(static_cast<std::uint8_t>(number >> 8))
      .u8(static_cast<std::uint8_t>(number));
  return key;
}

std::optional<std::pair<QueueId, std::uint16_t>> read_entry_key(std::string_view key) {
  Reader in(key);
  if (in.u8() != 'e') return std::nullopt;
  const QueueId id{in.u64_key()};
  const auto high = in.u8(), low = in.u8();
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return std::pair(id, static_cast<std::uint16_t>(high << 8 | low));
}

std::string encode(const Message& m) {
  std::string octets;
  Writer out(octets);
  const Envelope& e = m.envelope;
  out.u8(version).u64(m.id.number()).i64(micros(m.accepted)).u32(m.tenant.value());
  out.u8(
      static_cast<std::uint8_t>(m.report | e.smtputf8 << 1 | e.require_tls << 2 | e.deliver_by_notify << 3));
  out.u8(static_cast<std::uint8_t>(e.body))
      .u8(static_cast<std::uint8_t>(e.ret))
      .u8(static_cast<std::uint8_t>(e.priority));
  out.string(e.reverse_path.text()).string(e.envid);
  put(out, e.hold_until);
  put(out, e.deliver_by);
  out.string(m.content.prefix)
      .u64(m.content.blob.value())
      .u64(m.content.blob_octets)
      .string(m.content.structure);
  const Origin& o = m.origin;
  out.string(o.protocol)
      .string(o.client_address)
      .string(o.client_name)
      .string(o.message_id)
      .string(o.subject);
  out.u8(o.identity ? 1 : 0);
  if (o.identity)
    out.u64(o.identity->account.value())
        .u32(o.identity->tenant.value())
        .string(o.identity->address.text())
        .string(o.identity->credential);
  return octets;
}

std::optional<Message> read_message(std::string_view octets) {
  Reader in(octets);
  if (in.u8() != version) return std::nullopt;
  Message m;
  Envelope& e = m.envelope;
  m.id = QueueId{in.u64()};
  m.accepted = time_of_micros(in.i64());
  m.tenant = TenantId{in.u32()};
  const std::uint8_t bits = in.u8();
  m.report = bits & 1, e.smtputf8 = bits & 2, e.require_tls = bits & 4, e.deliver_by_notify = bits & 8;
  e.body = static_cast<Body>(in.u8());
  e.ret = static_cast<DsnReturn>(in.u8());
  e.priority = static_cast<std::int8_t>(in.u8());
  if (const std::string_view path = in.string(); !path.empty()) {
    const auto address = Address::parse(path);
    if (!address) return std::nullopt;
    e.reverse_path = ReversePath(*address);
  }
  e.envid = std::string(in.string());
  e.hold_until = read_time(in);
  e.deliver_by = read_time(in);
  m.content.prefix = std::string(in.string());
  m.content.blob = store::BlobId{in.u64()};
  m.content.blob_octets = in.u64();
  m.content.structure = std::string(in.string());
  Origin& o = m.origin;
  for (std::string* field : {&o.protocol, &o.client_address, &o.client_name, &o.message_id, &o.subject})
    *field = std::string(in.string());
  if (in.u8()) {
    const AccountId account{in.u64()};
    const TenantId tenant{in.u32()};
    const auto address = Address::parse(in.string());
    if (!address) return std::nullopt;
    o.identity = directory::Identity{account, tenant, *address, std::string(in.string())};
  }
  if (!in.ok()) return std::nullopt;
  return m;
}

std::string encode(const Entry& e) {
  std::string octets;
  Writer out(octets);
  out.u8(version).string(e.domain).varint(e.attempts).i64(micros(e.due)).u8(e.delay_told ? 1 : 0);
  out.string(e.last_reply).string(e.last_host).varint(e.steps.size());
  for (const Step& step : e.steps) {
    put(out, step.given);
    out.u64(step.account.value()).string(step.address.text()).string(step.detail);
  }
  return octets;
}

std::optional<Entry> read_entry(std::string_view key, std::string_view octets) {
  const auto name = read_entry_key(key);
  Reader in(octets);
  if (!name || in.u8() != version) return std::nullopt;
  Entry e;
  e.id = name->first, e.number = name->second;
  e.domain = std::string(in.string());
  e.attempts = static_cast<std::uint32_t>(in.varint());
  e.due = time_of_micros(in.i64());
  e.delay_told = in.u8() != 0;
  e.last_reply = std::string(in.string());
  e.last_host = std::string(in.string());
  for (std::uint64_t n = in.varint(); in.ok() && n > 0; --n) {
    auto given = read_recipient(in);
    const AccountId account{in.u64()};
    const auto address = Address::parse(in.string());
    if (!given || !address) return std::nullopt;
    e.steps.push_back({std::move(*given), account, *address, std::string(in.string())});
  }
  if (!in.ok()) return std::nullopt;
  return e;
}

}  // namespace postroad::queue
