#include "imapd/body.h"

#include <algorithm>

#include "mime/header.h"

namespace postroad::imapd {
namespace {

// Beyond it a header's fields are not picked out; HEADER itself is streamed, however long.
constexpr std::size_t most_header = 1 << 20;

mime::Section section_of(imap::SectionText text) {
  switch (text) {
    case imap::SectionText::Everything: return mime::Section::Whole;
    case imap::SectionText::Header:
    case imap::SectionText::HeaderFields:
    case imap::SectionText::HeaderFieldsNot: return mime::Section::Header;
    case imap::SectionText::Text: return mime::Section::Text;
    case imap::SectionText::Mime: return mime::Section::Mime;
  }
  return mime::Section::Whole;
}

bool picks_fields(const imap::BodyAttribute& asked) {
  return asked.section.text == imap::SectionText::HeaderFields ||
         asked.section.text == imap::SectionText::HeaderFieldsNot;
}

// <offset.count>: what lies beyond the end is empty, not wrong (§6.4.5.1).
mime::Range clipped(mime::Range range, const std::optional<imap::Partial>& partial) {
  if (!partial) return range;
  const std::uint64_t skipped = std::min(partial->offset, range.octets);
  return {.offset = range.offset + skipped, .octets = std::min(range.octets - skipped, partial->count)};
}

}  // namespace

// --- octets ---------------------------------------------------------------------------------------------

net::task<std::optional<mailbox::Refusal>> Octets::open() {
  if (content_) co_return std::nullopt;
  if (locator_.empty()) co_return mailbox::Refusal::Expunged;
  auto content = co_await selected_.open(locator_);
  if (!content) co_return content.error();
  const auto first = co_await (*content)->read(0);
  if (!first) co_return first.error();
  content_ = std::move(*content);
  piece_ = *first;
  co_return std::nullopt;
}

net::task<std::string_view> Octets::piece(std::uint64_t offset, std::uint64_t end) {
  if (offset < at_ || offset >= at_ + piece_.size()) {
    const auto read = co_await content_->read(offset);
    if (!read || read->empty()) throw net::ConnectionEnded(net::Ending::Reset, "a message is damaged");
    at_ = offset;
    piece_ = *read;
  }
  co_return piece_.substr(offset - at_, end - offset);
}

net::task<std::string> Octets::text(mime::Range range, std::size_t most) {
  std::string text;
  const std::uint64_t end = range.offset + std::min<std::uint64_t>(range.octets, most);
  while (range.offset + text.size() < end) text.append(co_await piece(range.offset + text.size(), end));
  co_return text;
}

// --- body attributes ------------------------------------------------------------------------------------

Bodies::Bodies(const std::vector<imap::BodyAttribute>& asked) {
  for (const imap::BodyAttribute& body : asked) {
    One one{.asked = &body, .name = {}};
    imap::append_item_name(one.name, body);
    one.fields.assign(body.section.fields.begin(), body.section.fields.end());
    one.by_fields = body.section.part.empty() && body.section.text == imap::SectionText::HeaderFields &&
                    mailbox::HeaderFields::keeps(one.fields);
    need_fields_ |= one.by_fields;
    all_.push_back(std::move(one));
  }
}

net::task<std::optional<mailbox::Refusal>> Bodies::open(Source& source) const {
  auto parts = source.structure->parts();
  if (!parts) co_return mailbox::Refusal::Damaged;
  source.parts = std::move(*parts);
  const mime::Anomalies odd = source.structure->anomalies();
  source.nul = odd.has(mime::Anomaly::NulInHeader) || odd.has(mime::Anomaly::NulInBody);
  bool needs_octets = false;
  for (const One& one : all_) {
    if (one.by_fields) {
      const auto kept = mailbox::HeaderFields::decode(source.fields);
      if (kept && *kept) continue;
    }
    needs_octets = true;
  }
  if (!needs_octets) co_return std::nullopt;
  const auto refusal = co_await source.octets.open();
  if (refusal) co_return refusal;
  // The tree was made of these octets, so it fits; were it not so, a literal would be short.
  if (source.octets.size() != source.structure->octets()) co_return mailbox::Refusal::Damaged;
  co_return std::nullopt;
}

net::task<std::optional<mime::Range>> Bodies::render(std::size_t n, Source& source,
                                                     imap::Renderer out) const {
  const One& one = all_[n];
  const imap::BodyAttribute& asked = *one.asked;
  out.fetch_item(one.name);
  const auto range = mime::find_section(*source.parts, asked.section.part, section_of(asked.section.text));
  if (!range) {
    out.nstring(std::nullopt);  // no such part
    co_return std::nullopt;
  }
  if (picks_fields(asked)) {
    const auto pick =
        asked.section.text == imap::SectionText::HeaderFields ? mime::Pick::Named : mime::Pick::AllButNamed;
    std::optional<std::string> picked;
    if (one.by_fields) {
      const auto kept = mailbox::HeaderFields::decode(source.fields);
      if (kept && *kept) picked = mime::pick_fields(mime::Header(**kept), one.fields, pick);
    }
    if (!picked) {
      const std::string header = co_await source.octets.text(*range, most_header);
      picked = mime::pick_fields(mime::Header(header), one.fields, pick);
    }
    const mime::Range part = clipped({.offset = 0, .octets = picked->size()}, asked.partial);
    const std::string_view value = std::string_view(*picked).substr(part.offset, part.octets);
    out.literal_header(value.size());
    std::string clean(value);
    std::ranges::replace(clean, '\0', '?');
    out.raw(clean);
    co_return std::nullopt;
  }
  const mime::Range part = clipped(*range, asked.partial);
  out.literal_header(part.octets);
  co_return part;
}

net::task<void> Bodies::stream(mime::Range range, Source& source, net::Stream& stream) {
  const std::uint64_t end = range.offset + range.octets;
  std::string clean;
  for (std::uint64_t at = range.offset; at < end;) {
    const std::string_view piece = co_await source.octets.piece(at, end);
    at += piece.size();
    if (source.nul) {
      clean = piece;
      std::ranges::replace(clean, '\0', '?');
      co_await stream.write_view(clean);
    } else {
      co_await stream.write_view(piece);
    }
  }
}

}  // namespace postroad::imapd
