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

// Times before 1970 do not occur; keys must rise with time.
std::uint64_t key_time(Time due) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, micros(due)));
}

void put_number(std::string& key, std::uint16_t number) {
  Writer(key).u8(static_cast<std::uint8_t>(number >> 8)).u8(static_cast<std::uint8_t>(number));
}

}  // namespace

std::string message_key(QueueId id) {
  std::string key = "m";
  Writer(key).u64_key(id.number());
  return key;
}

std::string entries_from(Time due) {
  std::string key = "e";
  Writer(key).u64_key(key_time(due));
  return key;
}
std::string entries_of(Time due, QueueId id) {
  std::string key = entries_from(due);
  Writer(key).u64_key(id.number());
  return key;
}
std::string moved_of(QueueId id) {
  std::string key = "i";
  Writer(key).u64_key(id.number());
  return key;
}
std::string entry_key(Time due, EntryName name) {
  std::string key = entries_of(due, name.id);
  put_number(key, name.number);
  return key;
}
std::string moved_key(EntryName name) {
  std::string key = moved_of(name.id);
  put_number(key, name.number);
  return key;
}

std::optional<std::pair<Time, EntryName>> read_entry_key(std::string_view key) {
  Reader in(key);
  if (in.u8() != 'e') return std::nullopt;
  const Time due = time_of_micros(static_cast<std::int64_t>(in.u64_key()));
  const QueueId id{in.u64_key()};
  const auto high = in.u8(), low = in.u8();
  if (!in.ok() || !in.at_end() || due < Time{}) return std::nullopt;  // before 1970 is not written
  return std::pair(due, EntryName{id, static_cast<std::uint16_t>(high << 8 | low)});
}
std::optional<EntryName> read_moved_key(std::string_view key) {
  Reader in(key);
  if (in.u8() != 'i') return std::nullopt;
  const QueueId id{in.u64_key()};
  const auto high = in.u8(), low = in.u8();
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return EntryName{id, static_cast<std::uint16_t>(high << 8 | low)};
}

std::string encode_due(Time due) {
  std::string octets;
  Writer(octets).u64_key(key_time(due));
  return octets;
}
std::optional<Time> read_due(std::string_view octets) {
  Reader in(octets);
  const Time due = time_of_micros(static_cast<std::int64_t>(in.u64_key()));
  if (!in.ok()) return std::nullopt;
  return due;
}

Head head_of(const Entry& e) {
  return {.name = name_of(e),
          .due = e.due,
          .accepted = e.accepted,
          .tenant = e.tenant,
          .sender = e.sender,
          .octets = e.octets,
          .attempts = e.attempts,
          .priority = e.priority,
          .sole = e.sole,
          .delay_told = e.delay_told};
}

void stamp(Message& message, std::vector<Entry>& entries) {
  message.entries = static_cast<std::uint16_t>(entries.size());
  // FNV-1a; whoever signed in is one sender whatever he calls himself.
  std::uint32_t sender = 2166136261u;
  const auto mix = [&](std::string_view text) {
    for (const char c : text) sender = (sender ^ static_cast<unsigned char>(c)) * 16777619u;
  };
  if (message.origin.identity)
    mix(encode_due(time_of_micros(static_cast<std::int64_t>(message.origin.identity->account.value()))));
  else
    mix(message.envelope.reverse_path.text());
  const Time due = first_due(message);
  for (Entry& entry : entries) {
    entry.accepted = message.accepted;
    entry.tenant = message.tenant;
    entry.sender = sender;
    entry.octets = static_cast<std::uint32_t>(std::min<std::uint64_t>(message.content.octets(), UINT32_MAX));
    entry.priority = message.envelope.priority;
    entry.sole = entries.size() == 1;
    entry.due = due;
  }
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
  out.varint(m.entries);
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
  m.entries = static_cast<std::uint16_t>(in.varint());
  if (!in.ok()) return std::nullopt;
  return m;
}

std::string encode(const Entry& e) {
  std::string octets;
  Writer out(octets);
  out.u8(version).u8(static_cast<std::uint8_t>(e.priority));
  out.u8(static_cast<std::uint8_t>(e.sole | e.moved << 1 | e.delay_told << 2));
  out.i64(micros(e.accepted));
  out.varint(e.attempts).varint(e.tenant.value()).u32(e.sender).varint(e.octets).string(e.domain);
  // So far the head.
  out.string(e.last_reply).string(e.last_host).varint(e.steps.size());
  for (const Step& step : e.steps) {
    put(out, step.given);
    out.u64(step.account.value()).string(step.address.text()).string(step.detail);
  }
  return octets;
}

namespace {

std::optional<std::pair<Head, std::string_view>> read_head(Reader& in, std::string_view key, bool& moved) {
  const auto name = read_entry_key(key);
  if (!name || in.u8() != version) return std::nullopt;
  Head head{.name = name->second, .due = name->first};
  head.priority = static_cast<std::int8_t>(in.u8());
  const std::uint8_t bits = in.u8();
  head.sole = bits & 1, moved = bits & 2, head.delay_told = bits & 4;
  head.accepted = time_of_micros(in.i64());
  head.attempts = static_cast<std::uint32_t>(in.varint());
  head.tenant = TenantId{static_cast<std::uint32_t>(in.varint())};
  head.sender = in.u32();
  head.octets = static_cast<std::uint32_t>(in.varint());
  const std::string_view domain = in.string();
  if (!in.ok()) return std::nullopt;
  return std::pair(head, domain);
}

}  // namespace

std::optional<std::pair<Head, std::string_view>> read_head(std::string_view key, std::string_view octets) {
  Reader in(octets);
  bool moved = false;
  return read_head(in, key, moved);
}

std::optional<Entry> read_entry(std::string_view key, std::string_view octets) {
  Reader in(octets);
  Entry e;
  const auto head = read_head(in, key, e.moved);
  if (!head) return std::nullopt;
  const Head& h = head->first;
  e.id = h.name.id, e.number = h.name.number, e.due = h.due, e.accepted = h.accepted;
  e.domain = std::string(head->second);
  e.tenant = h.tenant, e.sender = h.sender, e.octets = h.octets, e.priority = h.priority;
  e.sole = h.sole, e.attempts = h.attempts, e.delay_told = h.delay_told;
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
