#include "mailbox/delta.h"

#include <algorithm>

#include "base/bytes.h"

namespace postroad::mailbox {

namespace {

constexpr std::uint8_t delta_version = 1;
// An operation is cut into pieces of at most so much, so that a record can hold any of them: an entry is at
// most 70 octets, a range 10.
constexpr std::size_t entries_at_once = 512;
constexpr std::size_t ranges_at_once = 3'000;

enum Tag : std::uint8_t { TagAdd = 1, TagChangeFlags, TagExpunge, TagShare, TagNameKeyword };

NumberSet ranges_of(const NumberSet& set, std::size_t from) {
  const auto& all = set.ranges();
  const auto to = std::min(all.size(), from + ranges_at_once);
  return NumberSet::of(
      {all.begin() + static_cast<std::ptrdiff_t>(from), all.begin() + static_cast<std::ptrdiff_t>(to)});
}

// f(piece) for pieces that fit into a record; an operation on nothing is no operation.
template <class F>
void each_piece(const Operation& operation, F&& f) {
  if (const auto* add = std::get_if<Add>(&operation)) {
    for (std::size_t i = 0; i < add->entries.size(); i += entries_at_once) {
      const std::span<const Entry> entries(add->entries);
      const std::span<const Entry> piece = entries.subspan(i, std::min(entries_at_once, entries.size() - i));
      std::string out{static_cast<char>(TagAdd)};
      encode_entries(out, piece);
      f(std::move(out));
    }
  } else if (const auto* flags = std::get_if<ChangeFlags>(&operation)) {
    for (std::size_t i = 0; i < flags->uids.ranges().size(); i += ranges_at_once) {
      std::string out{static_cast<char>(TagChangeFlags)};
      Writer(out).u8(flags->remove).u8(flags->add).varint(flags->remove_keywords).varint(flags->add_keywords);
      encode_set(out, ranges_of(flags->uids, i));
      f(std::move(out));
    }
  } else if (const auto* name = std::get_if<NameKeyword>(&operation)) {
    std::string out{static_cast<char>(TagNameKeyword)};
    Writer(out).u8(name->bit).string(name->name);
    f(std::move(out));
  } else {
    const bool expunge = std::holds_alternative<Expunge>(operation);
    const NumberSet& uids = expunge ? std::get<Expunge>(operation).uids : std::get<Share>(operation).uids;
    for (std::size_t i = 0; i < uids.ranges().size(); i += ranges_at_once) {
      std::string out{static_cast<char>(expunge ? TagExpunge : TagShare)};
      encode_set(out, ranges_of(uids, i));
      f(std::move(out));
    }
  }
}

std::string section_head(const Section& section) {
  std::string out;
  Writer(out).varint(section.mailbox.value());
  encode_summary(out, section.after);
  return out;
}

Result<Operation, RecordError> decode_operation(std::string_view& text) {
  const auto tag = static_cast<std::uint8_t>(text.empty() ? '\0' : text.front());
  if (!text.empty()) text.remove_prefix(1);
  switch (tag) {
    case TagAdd: {
      auto entries = decode_entries(text);
      if (!entries) return refuse(entries.error());
      return Add{std::move(*entries)};
    }
    case TagChangeFlags: {
      Reader in(text);
      ChangeFlags flags;
      flags.remove = in.u8();
      flags.add = in.u8();
      flags.remove_keywords = in.varint();
      flags.add_keywords = in.varint();
      text = in.rest();
      auto uids = decode_set(text);
      if (!in.ok() || !uids) return refuse(RecordError::Damaged);
      flags.uids = std::move(*uids);
      return flags;
    }
    case TagExpunge:
    case TagShare: {
      auto uids = decode_set(text);
      if (!uids) return refuse(uids.error());
      if (tag == TagExpunge) return Expunge{std::move(*uids)};
      return Share{std::move(*uids)};
    }
    case TagNameKeyword: {
      Reader in(text);
      NameKeyword name;
      name.bit = in.u8();
      name.name = in.string();
      if (!in.ok() || name.bit >= keyword_limit) return refuse(RecordError::Damaged);
      text = in.rest();
      return name;
    }
    default: return refuse(RecordError::Damaged);
  }
}

Result<void, RecordError> decode_sections(std::string_view text, ModSeq modseq,
                                          std::vector<Section>& sections) {
  Reader in(text);
  while (!in.at_end()) {
    const MailboxId mailbox{static_cast<std::uint32_t>(in.varint())};
    const auto s = decode_summary(in, modseq);
    std::string_view operations = in.string();
    if (!in.ok()) return refuse(RecordError::Damaged);
    // A section that was cut by the end of a record goes on in the next one.
    if (sections.empty() || sections.back().mailbox != mailbox) sections.push_back({mailbox, s, {}});
    while (!operations.empty()) {
      auto operation = decode_operation(operations);
      if (!operation) return refuse(operation.error());
      sections.back().operations.push_back(std::move(*operation));
    }
  }
  return {};
}

}  // namespace

void encode_summary(std::string& text, const Summary& s) {
  Writer(text)
      .varint(s.uid_next.value())
      .varint(s.messages)
      .varint(s.unseen)
      .varint(s.deleted)
      .varint(s.octets);
  Writer(text).varint(s.deleted_octets).varint(s.recent_from.value()).varint(s.recent);
}

Summary decode_summary(Reader& in, ModSeq highest) {
  const auto number = [&] { return static_cast<std::uint32_t>(in.varint()); };
  Summary s;
  s.uid_next = Uid{number()};
  s.messages = number();
  s.unseen = number();
  s.deleted = number();
  s.octets = in.varint();
  s.deleted_octets = in.varint();
  s.recent_from = Uid{number()};
  s.recent = number();
  s.highest = highest;
  return s;
}

void encode_set(std::string& text, const NumberSet& set) {
  Writer out(text);
  out.varint(set.ranges().size());
  std::uint32_t at = 0;
  for (const NumberSet::Range& range : set.ranges()) {
    out.varint(range.first - at).varint(range.last - range.first);
    at = range.last;
  }
}

Result<NumberSet, RecordError> decode_set(std::string_view& text) {
  Reader in(text);
  const std::uint64_t count = in.varint();
  NumberSet set;
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t gap = in.varint();
    const std::uint64_t more = in.varint();
    if (!in.ok() || gap == 0 || gap > UINT32_MAX || more > UINT32_MAX || at + gap + more > UINT32_MAX)
      return refuse(RecordError::Damaged);
    set.add(static_cast<std::uint32_t>(at + gap), static_cast<std::uint32_t>(at + gap + more));
    at += gap + more;
  }
  if (!in.ok()) return refuse(RecordError::Damaged);
  text = in.rest();
  return set;
}

std::vector<std::string> encode_delta(const Delta& delta, std::size_t record_octets) {
  std::vector<std::string> parts;  // without their heads
  std::string part;
  for (const Section& section : delta.sections) {
    const std::string head = section_head(section);
    std::string operations;
    const auto close_section = [&] {
      part += head;
      Writer(part).string(operations);
      operations.clear();
    };
    for (const Operation& operation : section.operations) {
      each_piece(operation, [&](std::string piece) {
        if (part.size() + head.size() + operations.size() + piece.size() > record_octets &&
            !(part.empty() && operations.empty())) {
          if (!operations.empty()) close_section();
          parts.push_back(std::exchange(part, {}));
        }
        operations += piece;
      });
    }
    close_section();
  }
  parts.push_back(std::move(part));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string head;
    Writer out(head);
    out.u8(delta_version);
    if (i == 0) out.varint(parts.size());
    parts[i].insert(0, head);
  }
  return parts;
}

Result<std::uint32_t, RecordError> delta_parts(std::string_view part0) {
  Reader in(part0);
  const std::uint8_t version = in.u8();
  const std::uint64_t parts = in.varint();
  if (in.ok() && version > delta_version) return refuse(RecordError::TooNew);
  if (!in.ok() || version == 0 || parts == 0 || parts > UINT32_MAX) return refuse(RecordError::Damaged);
  return static_cast<std::uint32_t>(parts);
}

Result<Delta, RecordError> decode_delta(ModSeq modseq, std::span<const std::string_view> parts) {
  Delta delta{.modseq = modseq, .sections = {}};
  if (parts.empty()) return refuse(RecordError::Damaged);
  const auto count = delta_parts(parts[0]);
  if (!count) return refuse(count.error());
  if (*count != parts.size()) return refuse(RecordError::Damaged);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Reader in(parts[i]);
    if (in.u8() > delta_version) return refuse(RecordError::TooNew);
    if (i == 0) in.varint();
    if (!in.ok()) return refuse(RecordError::Damaged);
    const auto read = decode_sections(in.rest(), modseq, delta.sections);
    if (!read) return refuse(read.error());
  }
  for (Section& section : delta.sections)
    for (Operation& operation : section.operations)
      if (auto* add = std::get_if<Add>(&operation))
        for (Entry& entry : add->entries) entry.modseq = modseq;
  return delta;
}

namespace {

void add(Editor& editor, Summary& summary, Entry entry, ModSeq modseq) {
  entry.modseq = modseq;
  if (!editor.add(entry)) return;
  summary.count(entry);
  summary.uid_next = std::max(summary.uid_next, next(entry.uid));
}

bool change(Summary& summary, const ChangeFlags& flags, ModSeq modseq, Entry& e) {
  const auto system = static_cast<std::uint8_t>((e.flags & ~flags.remove) | flags.add);
  const std::uint64_t keywords = (e.keywords & ~flags.remove_keywords) | flags.add_keywords;
  if (system == e.flags && keywords == e.keywords) return false;
  summary.discount(e);
  e.flags = system;
  e.keywords = keywords;
  e.modseq = modseq;
  summary.count(e);
  return true;
}

bool share(Entry& e) {
  if (e.flags & flag::shared) return false;
  e.flags |= flag::shared;
  return true;
}

}  // namespace

void apply(Editor& editor, Summary& summary, Keywords& keywords, const Operation& operation, ModSeq modseq,
           Applied* applied) {
  summary.highest = modseq;
  if (const auto* added = std::get_if<Add>(&operation)) {
    for (const Entry& entry : added->entries) add(editor, summary, entry, modseq);
  } else if (const auto* flags = std::get_if<ChangeFlags>(&operation)) {
    editor.change(flags->uids, [&](Entry& e) {
      if (!change(summary, *flags, modseq, e)) return false;
      if (applied) applied->changed.add(e.uid.value());
      return true;
    });
  } else if (const auto* expunge = std::get_if<Expunge>(&operation)) {
    const auto removed = editor.remove(expunge->uids);
    for (const Entry& e : removed) summary.discount(e);
    if (applied) applied->removed.insert(applied->removed.end(), removed.begin(), removed.end());
  } else if (const auto* shared = std::get_if<Share>(&operation)) {
    editor.change(shared->uids, share);
  } else {
    const auto& name = std::get<NameKeyword>(operation);
    if (keywords.size() <= name.bit) keywords.resize(name.bit + 1u);
    keywords[name.bit] = name.name;
  }
}

std::uint64_t weight(const Section& section) {
  std::uint64_t total = 0;
  const std::uint64_t messages = section.after.messages;
  for (const Operation& operation : section.operations) {
    if (const auto* add = std::get_if<Add>(&operation)) total += add->entries.size();
    if (const auto* flags = std::get_if<ChangeFlags>(&operation))
      total += std::min(flags->uids.size(), messages);
    if (const auto* expunge = std::get_if<Expunge>(&operation)) total += expunge->uids.size();
    if (const auto* share = std::get_if<Share>(&operation)) total += std::min(share->uids.size(), messages);
  }
  return total;
}

}  // namespace postroad::mailbox
