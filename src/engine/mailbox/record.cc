#include "mailbox/record.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "mailbox/delta.h"
#include "mime/header.h"

namespace postroad::mailbox {

namespace {

constexpr std::uint8_t record_version = 1;

std::uint32_t number(Reader& in) { return static_cast<std::uint32_t>(in.varint()); }

// The version in front of every record.
Result<Reader, RecordError> begin(std::string_view record) {
  Reader in(record);
  const std::uint8_t version = in.u8();
  if (!in.ok() || version == 0) return refuse(RecordError::Damaged);
  if (version > record_version) return refuse(RecordError::TooNew);
  return in;
}

template <class T>
Result<T, RecordError> end(const Reader& in, T value) {
  if (!in.ok()) return refuse(RecordError::Damaged);
  return value;
}

// Asked for by Thunderbird, Apple Mail, Outlook, mutt, K-9, Roundcube, SnappyMail and Gmail's importer when
// they list. In order, for the search.
constexpr std::array<std::string_view, 31> kept_fields = {"auto-submitted",
                                                          "bcc",
                                                          "cc",
                                                          "content-class",
                                                          "content-description",
                                                          "content-language",
                                                          "content-transfer-encoding",
                                                          "content-type",
                                                          "date",
                                                          "delivered-to",
                                                          "disposition-notification-to",
                                                          "from",
                                                          "importance",
                                                          "in-reply-to",
                                                          "list-id",
                                                          "list-post",
                                                          "list-unsubscribe",
                                                          "mail-followup-to",
                                                          "message-id",
                                                          "mime-version",
                                                          "newsgroups",
                                                          "precedence",
                                                          "priority",
                                                          "references",
                                                          "reply-to",
                                                          "return-path",
                                                          "sender",
                                                          "subject",
                                                          "to",
                                                          "x-mailer",
                                                          "x-priority"};
static_assert(std::is_sorted(kept_fields.begin(), kept_fields.end()));
// More than this of one message are not worth keeping twice.
constexpr std::size_t kept_octets = 8 * 1024;

bool is_kept(std::string_view name) {
  const auto less = [](std::string_view a, std::string_view b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return ascii::lower(x) < ascii::lower(y); });
  };
  return std::binary_search(kept_fields.begin(), kept_fields.end(), name, less);
}

enum Kept : std::uint8_t { NotKept, AllKept };

}  // namespace

std::string encode(const AccountRecord& a) {
  std::string out;
  Writer(out)
      .u8(record_version)
      .varint(a.next_mailbox)
      .varint(a.next_space)
      .varint(a.last_uid_validity.value());
  Writer(out).varint(a.generation);
  return out;
}

Result<AccountRecord, RecordError> decode_account(std::string_view record) {
  auto in = begin(record);
  if (!in) return refuse(in.error());
  AccountRecord a;
  a.next_mailbox = number(*in);
  a.next_space = number(*in);
  a.last_uid_validity = UidValidity{number(*in)};
  a.generation = number(*in);
  return end(*in, a);
}

std::string encode(const MailboxRecord& m) {
  std::string out;
  Writer(out).u8(record_version).string(m.name).varint(m.uid_validity.value()).varint(m.space);
  Writer(out)
      .u8(static_cast<std::uint8_t>(m.use))
      .i64(m.created)
      .varint(m.octet_limit)
      .varint(m.message_limit);
  Writer(out).varint(m.as_of.value()).varint(m.summary.highest.value());
  encode_summary(out, m.summary);
  Writer(out).varint(m.keywords.size());
  for (const std::string& keyword : m.keywords) Writer(out).string(keyword);
  Writer(out).varint(m.vanished_from.value()).varint(m.vanished_records);
  return out;
}

Result<MailboxRecord, RecordError> decode_mailbox(std::string_view record) {
  auto in = begin(record);
  if (!in) return refuse(in.error());
  MailboxRecord m;
  m.name = in->string();
  m.uid_validity = UidValidity{number(*in)};
  m.space = number(*in);
  m.use = static_cast<SpecialUse>(in->u8());
  m.created = in->i64();
  m.octet_limit = in->varint();
  m.message_limit = in->varint();
  m.as_of = ModSeq{in->varint()};
  const ModSeq highest{in->varint()};
  m.summary = decode_summary(*in, highest);
  const std::uint64_t keywords = in->varint();
  if (keywords > keyword_limit) return refuse(RecordError::Damaged);
  for (std::uint64_t i = 0; i < keywords; ++i) m.keywords.emplace_back(in->string());
  m.vanished_from = ModSeq{in->varint()};
  m.vanished_records = number(*in);
  return end(*in, std::move(m));
}

std::string encode(const Locator& l) {
  std::string out;
  out.reserve(48 + l.prefix.size());
  Writer(out).u8(record_version).u64(l.blob.value()).varint(l.blob_octets).i64(l.born).u64(l.queue_id);
  Writer(out).string(l.prefix).u8(l.pieces);
  return out;
}

Result<Locator, RecordError> decode_locator(std::string_view record) {
  auto in = begin(record);
  if (!in) return refuse(in.error());
  Locator l;
  l.blob = store::BlobId{in->u64()};
  l.blob_octets = in->varint();
  l.born = in->i64();
  l.queue_id = in->u64();
  l.prefix = in->string();
  l.pieces = in->u8();
  return end(*in, std::move(l));
}

std::string HeaderFields::encode(std::string_view header, bool complete) {
  std::string out;
  out.reserve(header.size() + 4);
  Writer(out).u8(record_version).u8(AllKept);
  const std::size_t head = out.size();
  for (const mime::Field& field : mime::Header(header)) {
    if (!complete) break;
    if (!is_kept(field.name)) continue;
    out += field.raw;
    // A header that ends with the message may lack the last line end; a list of fields has every one.
    if (!field.raw.ends_with('\n')) out += "\r\n";
    if (out.size() - head > kept_octets) complete = false;
  }
  if (complete) return out;
  out.clear();
  Writer(out).u8(record_version).u8(NotKept);
  return out;
}

bool HeaderFields::keeps(std::span<const std::string_view> names) {
  return std::all_of(names.begin(), names.end(), is_kept);
}

Result<std::optional<std::string_view>, RecordError> HeaderFields::decode(std::string_view record) {
  auto in = begin(record);
  if (!in) return refuse(in.error());
  const std::uint8_t kept = in->u8();
  if (!in->ok() || kept > AllKept) return refuse(RecordError::Damaged);
  if (kept == NotKept) return std::optional<std::string_view>{};
  return std::optional<std::string_view>{in->rest()};
}

std::string encode(const Limbo& l) {
  std::string out;
  Writer(out).u8(record_version).varint(l.mailbox.value()).i64(l.at).u8(l.erase);
  encode_entries(out, l.entries);
  return out;
}

Result<Limbo, RecordError> decode_limbo(std::string_view record) {
  auto in = begin(record);
  if (!in) return refuse(in.error());
  Limbo l;
  l.mailbox = MailboxId{number(*in)};
  l.at = in->i64();
  l.erase = in->u8() != 0;
  if (!in->ok()) return refuse(RecordError::Damaged);
  std::string_view rest = in->rest();
  auto entries = decode_entries(rest);
  if (!entries) return refuse(entries.error());
  l.entries = std::move(*entries);
  return l;
}

std::string encode(const Grave& g) {
  std::string out;
  Writer(out).u8(record_version).i64(g.at).string(encode(g.mailbox));
  return out;
}

Result<Grave, RecordError> decode_grave(std::string_view record) {
  auto in = begin(record);
  if (!in) return refuse(in.error());
  Grave g{.at = in->i64()};
  auto mailbox = decode_mailbox(in->string());
  if (!mailbox) return refuse(mailbox.error());
  g.mailbox = std::move(*mailbox);
  return end(*in, std::move(g));
}

}  // namespace postroad::mailbox
