// The record beside a message. Layout, all numbers varints and all strings with their length in front:
//
//   u8 version   prefix octets   octets   header octets   anomalies   tree   envelope   bodystructure summary
//
// tree: for each part in order  u8 kind | encoding << 2 | reading << 5,  octets between the body start of the
// part before and its header,  octets of its header,  octets of its body,  lines,  and unless it is a leaf
// the number of parts inside it.
#include "mime/stored.h"

#include <algorithm>

#include "base/bytes.h"
#include "mime/imap.h"

namespace postroad::mime {
namespace {

using RecordWriter = postroad::Writer;
using RecordReader = postroad::Reader;

constexpr std::uint8_t version = 1;
constexpr std::size_t most_parts = 1'000'000;
constexpr std::uint8_t most_depth = 254;

std::string write_tree(const Parts& parts) {
  std::string out;
  RecordWriter w(out);
  std::uint64_t mark = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& p = parts[i];
    w.u8(static_cast<std::uint8_t>(static_cast<unsigned>(p.kind) | static_cast<unsigned>(p.encoding) << 2 |
                                   static_cast<unsigned>(p.reading) << 5));
    w.varint(p.header_start - mark)
        .varint(p.body_start - p.header_start)
        .varint(p.body_octets())
        .varint(p.lines);
    if (p.kind != Kind::Leaf) w.varint(p.after - i - 1);
    mark = p.body_start;
  }
  return out;
}

// True if `p`, the next part in order, lies inside its parent and not before `from`, where what came before
// it ended.
bool lies_well(const Parts& parts, const Part& p, std::size_t index, std::uint64_t from) {
  if (index == 0) return p.header_start == 0;
  const Part& parent = parts[p.parent];
  if (p.header_start < from || p.body_end > parent.body_end || p.after > parent.after) return false;
  // A message/rfc822 holds one message, which begins where its body does.
  return parent.kind != Kind::Message ||
         (index == p.parent + 1u && p.after == parent.after && p.header_start == parent.body_start);
}

Result<Parts, StoredError> read_tree(std::string_view tree, std::uint64_t octets) {
  Parts parts;
  RecordReader r(tree);
  std::vector<std::uint32_t> open;
  std::uint64_t mark = 0, from = 0;
  while (!r.at_end()) {
    Part p;
    const auto index = static_cast<std::uint32_t>(parts.size());
    const unsigned tag = r.u8();
    const std::uint64_t gap = r.varint(), header = r.varint(), body = r.varint(), lines = r.varint();
    const unsigned kind = tag & 3, encoding = tag >> 2 & 7;
    if (kind > 2 || encoding > static_cast<unsigned>(TransferEncoding::Unknown) || tag >> 7)
      return refuse(StoredError::Inconsistent);
    p.kind = static_cast<Kind>(kind);
    const std::uint64_t inside = p.kind == Kind::Leaf ? 0 : r.varint();
    if (!r.ok()) return refuse(StoredError::Short);
    if (std::max({gap, header, body, lines}) > octets || inside > most_parts || parts.size() >= most_parts ||
        (p.kind == Kind::Message && inside == 0))
      return refuse(StoredError::Inconsistent);

    for (; !open.empty() && parts[open.back()].after == index; open.pop_back())
      from = parts[open.back()].body_end;
    if (index > 0 && open.empty()) return refuse(StoredError::Inconsistent);
    if (open.size() > most_depth) return refuse(StoredError::Inconsistent);
    p.encoding = static_cast<TransferEncoding>(encoding);
    p.reading = static_cast<Reading>(tag >> 5 & 3);
    p.header_start = mark + gap;
    p.body_start = p.header_start + header;
    p.body_end = p.body_start + body;
    p.lines = static_cast<std::uint32_t>(std::min<std::uint64_t>(lines, UINT32_MAX));
    p.parent = open.empty() ? 0 : open.back();
    p.after = static_cast<std::uint32_t>(index + 1 + inside);
    p.depth = static_cast<std::uint8_t>(open.size());
    if (p.body_end > octets || !lies_well(parts, p, index, from)) return refuse(StoredError::Inconsistent);
    mark = p.body_start;
    from = p.kind == Kind::Leaf ? p.body_end : p.body_start;
    parts.push_back(p);
    if (p.kind != Kind::Leaf) open.push_back(index);
  }
  if (parts.empty() || parts[0].after != parts.size()) return refuse(StoredError::Inconsistent);
  return parts;
}

void write_correspondent(RecordWriter& w, const Correspondent& c) {
  w.string(c.name).string(c.local_part).string(c.domain);
}

Correspondent read_correspondent(RecordReader& r) {
  Correspondent c;
  c.name = r.string();
  c.local_part = r.string();
  c.domain = r.string();
  return c;
}

std::string write_summary(const Summary& s) {
  std::string out;
  RecordWriter w(out);
  const unsigned flags =
      (s.date ? 1u : 0u) | (s.date && s.date->zone_known ? 2u : 0u) | (s.reply_or_forward ? 4u : 0u);
  w.u8(static_cast<std::uint8_t>(flags));
  if (s.date) w.i64(micros(s.date->utc)).u16(static_cast<std::uint16_t>(s.date->zone_minutes));
  w.varint(s.attachments).varint(s.base_offset).varint(s.base_octets).string(s.subject);
  write_correspondent(w, s.from);
  write_correspondent(w, s.to);
  write_correspondent(w, s.cc);
  w.string(s.message_id).varint(s.references.size());
  for (const std::string& id : s.references) w.string(id);
  w.string(s.preview);
  return out;
}

Result<Summary, StoredError> read_summary(std::string_view record) {
  Summary s;
  RecordReader r(record);
  const unsigned flags = r.u8();
  if (flags & 1) {
    Date date;
    date.utc = time_of_micros(r.i64());
    date.zone_minutes = static_cast<std::int16_t>(r.u16());
    date.zone_known = flags & 2;
    s.date = date;
  }
  s.reply_or_forward = flags & 4;
  s.attachments = static_cast<std::uint32_t>(r.varint());
  const std::uint64_t base_offset = r.varint(), base_octets = r.varint();
  s.subject = r.string();
  if (base_offset > s.subject.size() || base_octets > s.subject.size() - base_offset)
    return refuse(StoredError::Inconsistent);
  s.base_offset = static_cast<std::uint16_t>(base_offset);
  s.base_octets = static_cast<std::uint16_t>(base_octets);
  s.from = read_correspondent(r);
  s.to = read_correspondent(r);
  s.cc = read_correspondent(r);
  s.message_id = r.string();
  const std::uint64_t references = r.varint();
  for (std::uint64_t i = 0; i < references && r.ok(); ++i) s.references.emplace_back(r.string());
  s.preview = r.string();
  if (!r.ok()) return refuse(StoredError::Short);
  return s;
}

}  // namespace

std::string serialize(const Message& message, std::uint64_t prefix_octets) {
  return serialize(message, summarize(message), prefix_octets);
}

std::string serialize(const Message& message, const Summary& summary, std::uint64_t prefix_octets) {
  std::string out;
  out.reserve(2048);
  RecordWriter w(out);
  w.u8(version).varint(prefix_octets).varint(message.octets()).varint(message.parts()[0].body_start);
  w.varint(message.anomalies().bits());
  w.string(write_tree(message.parts()));
  w.string(render_envelope(message)).string(render_bodystructure(message)).string(write_summary(summary));
  return out;
}

Result<std::string, StoredError> with_prefix(std::string_view record, std::uint64_t prefix_octets) {
  RecordReader r(record);
  const std::uint8_t v = r.u8();
  r.varint();
  if (!r.ok()) return refuse(StoredError::Short);
  if (v != version) return refuse(StoredError::UnknownVersion);
  std::string out;
  RecordWriter(out).u8(version).varint(prefix_octets).raw(r.rest());
  return out;
}

Result<Stored, StoredError> Stored::read(std::string_view record) {
  RecordReader r(record);
  Stored out;
  if (r.u8() != version) return refuse(record.empty() ? StoredError::Short : StoredError::UnknownVersion);
  out.prefix_ = r.varint();
  out.octets_ = r.varint();
  out.header_ = r.varint();
  out.anomalies_ = Anomalies(static_cast<std::uint32_t>(r.varint()));
  out.parts_ = r.string();
  out.envelope_ = r.string();
  out.bodystructure_ = r.string();
  out.summary_ = r.string();
  if (!r.ok()) return refuse(StoredError::Short);
  constexpr std::uint64_t most = std::uint64_t{1} << 62;
  if (out.prefix_ > most || out.octets_ > most || out.header_ > out.octets_)
    return refuse(StoredError::Inconsistent);
  return out;
}

Result<Parts, StoredError> Stored::parts() const {
  auto parts = read_tree(parts_, octets_);
  if (!parts) return parts;
  for (Part& p : *parts) p.header_start += prefix_, p.body_start += prefix_, p.body_end += prefix_;
  parts->front().header_start = 0;
  return parts;
}

Result<Summary, StoredError> Stored::summary() const { return read_summary(summary_); }

}  // namespace postroad::mime
