// Subjects as RFC 5256 compares them, previews, and the record made of both.
#include "mime/summary.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/cursor.h"
#include "base/utf8.h"
#include "mime/address.h"
#include "mime/lines.h"
#include "mime/text.h"
#include "mime/transfer.h"

namespace postroad::mime {
namespace {

constexpr std::size_t subject_limit = 1000;
constexpr std::size_t preview_characters = 200;  // RFC 8970 §3.3
constexpr std::size_t reference_limit = 100;
constexpr std::size_t identifier_limit = 998;
constexpr std::string_view replacement = "\xef\xbf\xbd";

// The beginning of `text`, at most so many octets, no character cut.
std::string_view cut(std::string_view text, std::size_t octets) {
  if (text.size() <= octets) return text;
  while (octets > 0 && (static_cast<unsigned char>(text[octets]) & 0xc0) == 0x80) --octets;
  return text.substr(0, octets);
}

std::size_t utf8_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Runs of white space as one space, none around.
std::string collapse(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (c != ' ')
      out.push_back(c);
    else if (!out.empty() && out.back() != ' ')
      out.push_back(' ');
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// RFC 5256 §5, the ABNF of subjects. Each takes what it names off the front, or nothing.

// subj-blob = "[" *BLOBCHAR "]" *WSP
bool take_blob(Cursor& in) {
  Cursor at = in;
  if (!at.take('[')) return false;
  at.take_while([](char c) { return c != '[' && c != ']'; });
  if (!at.take(']')) return false;
  at.take_while(ascii::is_blank);
  in = at;
  return true;
}

// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
bool take_refwd(Cursor& in) {
  Cursor at = in;
  if (!at.take_keyword("re")) {
    if (!at.take_keyword("fw")) return false;
    at.take_keyword("d");
  }
  at.take_while(ascii::is_blank);
  take_blob(at);
  if (!at.take(':')) return false;
  in = at;
  return true;
}

// subj-leader = (*subj-blob subj-refwd) / WSP
bool take_leader(Cursor& in, bool& reply_or_forward) {
  if (in.take(' ')) return true;
  Cursor at = in;
  while (take_blob(at)) {
  }
  if (!take_refwd(at)) return false;
  reply_or_forward = true;
  in = at;
  return true;
}

// subj-trailer = "(fwd)" / WSP, all of them.
std::string_view without_trailers(std::string_view text, bool& reply_or_forward) {
  constexpr std::string_view forwarded = "(fwd)";
  for (;;) {
    if (text.ends_with(' ')) {
      text.remove_suffix(1);
    } else if (text.size() >= forwarded.size() &&
               ascii::iequals(text.substr(text.size() - forwarded.size()), forwarded)) {
      text.remove_suffix(forwarded.size());
      reply_or_forward = true;
    } else {
      return text;
    }
  }
}

Correspondent first_of(const std::optional<std::string_view>& value) {
  Correspondent out;
  if (!value) return out;
  const auto entries = parse_addresses(*value, 1);
  if (entries.empty()) return out;
  const AddressEntry& first = entries.front();
  out.name = cut(collapse(shown_name(first)), subject_limit);
  out.local_part =
      cut(octets_to_utf8(first.kind == AddressEntry::Kind::Mailbox ? first.local_part : first.display_name),
          subject_limit);
  out.domain = cut(octets_to_utf8(first.domain), subject_limit);
  return out;
}

std::vector<std::string> identifiers(std::string_view value, std::size_t limit) {
  auto ids = parse_message_ids(value, limit);
  std::erase_if(ids, [](const std::string& id) { return id.size() > identifier_limit; });
  return ids;
}

// `text` as one line of at most so many characters.
std::string preview_line(std::string_view text) {
  std::string out;
  std::size_t characters = 0;
  while (!text.empty() && characters < preview_characters) {
    if (text.front() > ' ' && text.front() < '\x7f') {
      out.push_back(text.front());
      text.remove_prefix(1), ++characters;
      continue;
    }
    const auto point = utf8::take(text);
    if (!point) {
      text.remove_prefix(1);
    } else if (*point <= ' ' || (*point >= 0x7f && *point <= 0xa0) || *point == 0x2028 || *point == 0x2029) {
      if (!out.empty() && out.back() != ' ') out.push_back(' '), ++characters;
    } else {
      utf8::append(out, *point);
      ++characters;
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string preview_of(const Message& message) {
  const std::string_view octets = message.preview_octets();
  if (octets.empty()) return {};
  const Part& part = message.parts()[message.preview_part()];
  const Content content = message.content(message.preview_part());
  const std::string* charset = content.type.parameters.find("charset");
  // A quarter of what is kept is nearly always enough.
  for (std::size_t take = octets.size() / 4;; take = octets.size()) {
    const bool whole = take == part.body_octets();
    const auto decoded = transfer_decode(octets.substr(0, take), part.encoding).octets;
    std::string text = charset ? to_utf8(decoded, *charset) : octets_to_utf8(decoded);
    // A character that the end of the kept octets cut in two.
    while (!whole && text.ends_with(replacement)) text.resize(text.size() - replacement.size());
    std::string line = preview_line(text);
    if (take == octets.size() || utf8_characters(line) + 1 >= preview_characters) return line;
  }
}

std::uint32_t count_attachments(const Message& message) {
  std::uint32_t n = 0;
  for (std::size_t i = 0; i < message.parts().size(); ++i) {
    if (message.parts()[i].kind == Kind::Multipart) continue;
    const auto field = message.header(i).first("content-disposition");
    if (!field) continue;
    const auto disposition = parse_disposition(field->value);
    n += disposition && disposition->kind == "attachment";
  }
  return n;
}

}  // namespace

std::string Correspondent::shown() const {
  if (!name.empty()) return name;
  return domain.empty() ? local_part : local_part + "@" + domain;
}

BaseSubject base_subject(std::string_view subject) {
  BaseSubject out;
  out.collapsed = cut(collapse(subject), subject_limit);
  if (out.collapsed.ends_with(' ')) out.collapsed.pop_back();
  std::string_view text = out.collapsed;
  for (;;) {
    text = without_trailers(text, out.reply_or_forward);  // step 2
    Cursor in(text);
    for (;;) {
      while (take_leader(in, out.reply_or_forward)) {  // step 3
      }
      Cursor without_blob = in;
      if (!take_blob(without_blob) || without_blob.at_end()) break;  // step 4
      in = without_blob;
    }
    text = in.rest();
    // Step 6: "[fwd:" ... "]"
    if (!in.take_keyword("[fwd:") || !in.rest().ends_with(']')) break;
    text = in.rest().substr(0, in.rest().size() - 1);
    out.reply_or_forward = true;
  }
  out.offset = static_cast<std::size_t>(text.data() - out.collapsed.data());
  out.octets = text.size();
  if (text.empty()) out.offset = 0;
  return out;
}

Summary summarize(const Message& message) {
  Summary out;
  std::optional<std::string_view> subject, from, to, cc, date, message_id, references, in_reply_to;
  const auto first = [](std::optional<std::string_view>& into, const Field& field) {
    if (!into) into = field.value;
  };
  for (const Field& field : message.header()) {
    switch (known_field(field.name)) {
      case Known::Subject: first(subject, field); break;
      case Known::From: first(from, field); break;
      case Known::To: first(to, field); break;
      case Known::Cc: first(cc, field); break;
      case Known::Date: first(date, field); break;
      case Known::MessageId: first(message_id, field); break;
      case Known::References: first(references, field); break;
      case Known::InReplyTo: first(in_reply_to, field); break;
      default: break;
    }
  }
  if (subject) {
    BaseSubject base = base_subject(decode_text(*subject));
    out.base_offset = static_cast<std::uint16_t>(base.offset);
    out.base_octets = static_cast<std::uint16_t>(base.octets);
    out.reply_or_forward = base.reply_or_forward;
    out.subject = std::move(base.collapsed);
  }
  out.from = first_of(from);
  out.to = first_of(to);
  out.cc = first_of(cc);
  if (date) out.date = parse_date(*date);
  if (message_id) {
    const auto ids = identifiers(*message_id, 1);
    if (!ids.empty()) out.message_id = ids.front();
  }
  // RFC 5256 §3, REFERENCES: without valid References the first identifier of In-Reply-To.
  if (references) out.references = identifiers(*references, reference_limit);
  if (out.references.empty() && in_reply_to) out.references = identifiers(*in_reply_to, 1);
  out.preview = preview_of(message);
  out.attachments = count_attachments(message);
  return out;
}

}  // namespace postroad::mime
