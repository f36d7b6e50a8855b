#include <algorithm>

#include "base/ascii.h"
#include "base/utf8.h"
#include "imapd/object_id.h"
#include "imapd/search.h"
#include "mime/address.h"
#include "mime/fields.h"
#include "mime/header.h"
#include "mime/text.h"

namespace postroad::imapd {
namespace {

using imap::SearchOp;

Truth truth(bool yes) { return yes ? Truth::Yes : Truth::No; }
Truth negated(Truth t) { return t == Truth::Unknown ? t : truth(t == Truth::No); }

constexpr std::int64_t seconds_of_day = 24 * 60 * 60;
std::int64_t day_of(std::int64_t seconds) {
  return seconds >= 0 ? seconds / seconds_of_day : (seconds - seconds_of_day + 1) / seconds_of_day;
}
std::int64_t day_of(imap::Date date) { return std::chrono::sys_days(date).time_since_epoch().count(); }

std::string_view field_of(const imap::SearchProgram& program, const imap::SearchKey& key) {
  switch (key.op) {
    case SearchOp::Header: return program.name(key);
    case SearchOp::Bcc: return "Bcc";
    case SearchOp::Cc: return "Cc";
    case SearchOp::From: return "From";
    case SearchOp::To: return "To";
    case SearchOp::Subject: return "Subject";
    case SearchOp::SentBefore:
    case SearchOp::SentOn:
    case SearchOp::SentSince: return "Date";
    default: return {};
  }
}

bool has_text(SearchOp op) {
  switch (op) {
    case SearchOp::Header:
    case SearchOp::Bcc:
    case SearchOp::Cc:
    case SearchOp::From:
    case SearchOp::To:
    case SearchOp::Subject:
    case SearchOp::Body:
    case SearchOp::Text: return true;
    default: return false;
  }
}

// RFC 9051 §6.4.4: these look into the envelope, where an address has neither comments nor blanks within.
bool is_of_envelope(SearchOp op) {
  return op == SearchOp::Bcc || op == SearchOp::Cc || op == SearchOp::From || op == SearchOp::To;
}

std::string envelope_text(std::string_view field) {
  std::string text;
  for (const mime::AddressEntry& entry : mime::parse_addresses(field)) {
    text += mime::shown_name(entry);
    if (entry.kind == mime::AddressEntry::Kind::Mailbox)
      text.append(" <").append(entry.local_part).append("@").append(entry.domain).append(">");
    text += '\n';
  }
  return text;
}

char32_t lower(char32_t c) {
  if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 32;
  if (c >= 0x391 && c <= 0x3a9) return c + 32;
  if (c >= 0x410 && c <= 0x42f) return c + 32;
  if (c >= 0x400 && c <= 0x40f) return c + 80;
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x4ff)) return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) return c + (c & 1);
  return c;
}

}  // namespace

std::string fold_case(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  while (!utf8.empty()) {
    const std::size_t plain = utf8::ascii_octets(utf8);
    for (std::size_t i = 0; i < plain; ++i) out.push_back(ascii::lower(utf8[i]));
    utf8.remove_prefix(plain);
    if (utf8.empty()) break;
    const std::string_view before = utf8;
    const auto point = utf8::take(utf8);
    if (!point) {
      out.push_back(utf8.front());
      utf8.remove_prefix(1);
      continue;
    }
    const char32_t c = lower(*point);
    if (c < 0x800 && *point != c) {
      out.push_back(static_cast<char>(0xc0 | c >> 6));
      out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
    } else {
      out.append(before.substr(0, before.size() - utf8.size()));
    }
  }
  return out;
}

Searcher::Searcher(const imap::SearchProgram& program, const mailbox::Snapshot& shown,
                   const NumberSet& recent, const NumberSet& saved, std::int64_t now)
    : program_(program), recent_(recent), now_(now) {
  const std::size_t keys = program.keys.size();
  needles_.resize(keys), sets_.resize(keys), bits_.resize(keys);
  const mailbox::Index& index = shown.index;
  for (std::size_t i = 0; i < keys; ++i) {
    const imap::SearchKey& key = program.keys[i];
    if (has_text(key.op)) needles_[i] = fold_case(program.text(key));
    if (key.op == SearchOp::Keyword || key.op == SearchOp::NotKeyword) {
      for (std::size_t n = 0; n < shown.keywords->size(); ++n)
        if (ascii::iequals((*shown.keywords)[n], program.text(key))) bits_[i] |= std::uint64_t{1} << n;
    }
    if (key.op == SearchOp::Sequence) {
      const imap::SequenceSet& set = program.set(key);
      sets_[i] = set.resolve(index.size());
      if (set.saved_result()) sets_[i] = unite(sets_[i], index.sequences_of(saved));
    }
    if (key.op == SearchOp::Uid) {
      const imap::SequenceSet& set = program.set(key);
      sets_[i] = set.resolve(index.empty() ? shown.summary.uid_next.value() : index.last_uid().value());
      if (set.saved_result()) sets_[i] = unite(sets_[i], saved);
    }
    if (const std::string_view field = field_of(program, key); !field.empty()) fields_.push_back(field);
  }
}

bool Searcher::asks_mod_seq() const {
  return std::ranges::any_of(program_.keys, [](const auto& key) { return key.op == SearchOp::ModSeq; });
}

Truth Searcher::in_header(std::size_t at, const SearchFacts& facts) const {
  if (!facts.header) return Truth::Unknown;
  const imap::SearchKey& key = program_.keys[at];
  const std::string_view name = field_of(program_, key);
  if (key.op == SearchOp::SentBefore || key.op == SearchOp::SentOn || key.op == SearchOp::SentSince) {
    // The day as the sender wrote it, whatever its zone.
    const auto field = mime::Header(*facts.header).first(name);
    const auto date = field ? mime::parse_date(field->value) : std::nullopt;
    if (!date) return Truth::No;
    const std::int64_t day = day_of(seconds(date->utc) + date->zone_minutes * 60);
    if (key.op == SearchOp::SentBefore) return truth(day < day_of(key.date));
    return truth(key.op == SearchOp::SentOn ? day == day_of(key.date) : day >= day_of(key.date));
  }
  for (const mime::Field& field : mime::Header(*facts.header)) {
    if (!field.is(name)) continue;
    if (needles_[at].empty()) return Truth::Yes;
    if (fold_case(mime::decode_text(field.value)).find(needles_[at]) != std::string::npos) return Truth::Yes;
    if (is_of_envelope(key.op) &&
        fold_case(envelope_text(field.value)).find(needles_[at]) != std::string::npos)
      return Truth::Yes;
  }
  return Truth::No;
}

Truth Searcher::decide(std::size_t at, const SearchFacts& facts) const {
  const imap::SearchKey& key = program_.keys[at];
  const mailbox::Entry& entry = *facts.entry;
  const auto flag = static_cast<std::uint8_t>(key.flag);
  const bool recent = recent_.contains(entry.uid.value());
  const auto saved_day = [&] { return day_of(std::int64_t{entry.save_date}); };
  switch (key.op) {
    case SearchOp::And:
    case SearchOp::Or: {
      // One operand may settle it; else what is not known of any of them is not known of all.
      const Truth settles = key.op == SearchOp::And ? Truth::No : Truth::Yes;
      Truth all = negated(settles);
      for (std::size_t child = at + 1, n = 0; n < key.operands; ++n, child += program_.keys[child].extent) {
        const Truth one = decide(child, facts);
        if (one == settles) return settles;
        if (one == Truth::Unknown) all = Truth::Unknown;
      }
      return all;
    }
    case SearchOp::Not: return negated(decide(at + 1, facts));
    case SearchOp::Fuzzy: return decide(at + 1, facts);
    case SearchOp::All:
    case SearchOp::SaveDateSupported: return Truth::Yes;
    case SearchOp::Sequence: return truth(sets_[at].contains(facts.number));
    case SearchOp::Uid: return truth(sets_[at].contains(entry.uid.value()));
    case SearchOp::Flag: return truth((entry.flags & flag) != 0);
    case SearchOp::NotFlag: return truth((entry.flags & flag) == 0);
    case SearchOp::Keyword: return truth((entry.keywords & bits_[at]) != 0);
    case SearchOp::NotKeyword: return truth((entry.keywords & bits_[at]) == 0);
    case SearchOp::New: return truth(recent && !(entry.flags & mailbox::flag::seen));
    case SearchOp::Old: return truth(!recent);
    case SearchOp::Recent: return truth(recent);
    case SearchOp::Header:
    case SearchOp::Bcc:
    case SearchOp::Cc:
    case SearchOp::From:
    case SearchOp::To:
    case SearchOp::Subject:
    case SearchOp::SentBefore:
    case SearchOp::SentOn:
    case SearchOp::SentSince: return in_header(at, facts);
    case SearchOp::Body:
    case SearchOp::Text: return facts.found_in_text ? truth((*facts.found_in_text)[at]) : Truth::Unknown;
    case SearchOp::Before: return truth(day_of(entry.internal_date) < day_of(key.date));
    case SearchOp::On: return truth(day_of(entry.internal_date) == day_of(key.date));
    case SearchOp::Since: return truth(day_of(entry.internal_date) >= day_of(key.date));
    case SearchOp::SavedBefore: return truth(saved_day() < day_of(key.date));
    case SearchOp::SavedOn: return truth(saved_day() == day_of(key.date));
    case SearchOp::SavedSince: return truth(saved_day() >= day_of(key.date));
    case SearchOp::Larger: return truth(entry.octets > key.number);
    case SearchOp::Smaller: return truth(entry.octets < key.number);
    case SearchOp::Older: return truth(now_ - entry.internal_date >= static_cast<std::int64_t>(key.number));
    case SearchOp::Younger: return truth(now_ - entry.internal_date <= static_cast<std::int64_t>(key.number));
    case SearchOp::ModSeq: return truth(entry.modseq.value() >= key.number);
    case SearchOp::EmailId: return truth(object_id(entry.home) == program_.text(key));
    case SearchOp::ThreadId: return Truth::No;  // there are none here: THREADID is NIL (RFC 8474 §5.2)
  }
  return Truth::No;
}

// --- text -----------------------------------------------------------------------------------------------

Finder::Finder(const Searcher& searcher) : searcher_(searcher), found_(searcher.keys()) {
  for (std::size_t i = 0; i < searcher.keys(); ++i) {
    if (searcher.op(i) != SearchOp::Body && searcher.op(i) != SearchOp::Text) continue;
    if (searcher.needle(i).empty()) {
      found_[i] = true;
      continue;
    }
    ++left_;
    longest_ = std::max(longest_, searcher.needle(i).size());
  }
}

void Finder::look(std::string_view utf8, Where where) {
  tail_ += fold_case(utf8);
  for (std::size_t i = 0; i < found_.size() && left_ > 0; ++i) {
    const SearchOp op = searcher_.op(i);
    if (found_[i] || (op != SearchOp::Text && (op != SearchOp::Body || where == Where::Header))) continue;
    if (tail_.find(searcher_.needle(i)) == std::string::npos) continue;
    found_[i] = true;
    --left_;
  }
  if (longest_ > 0 && tail_.size() >= longest_) tail_.erase(0, tail_.size() - longest_ + 1);
}

}  // namespace postroad::imapd
