// Walking over a header section. See header.h for the rule.
#include "mime/header.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "base/cursor.h"
#include "mime/lines.h"

namespace postroad::mime {
namespace {

// RFC 5322 §3.6.8: ftext.
constexpr bool is_field_name_octet(char c) { return c > ' ' && c < '\x7f' && c != ':'; }

// The separator of mbox files, quoted or not: "From ", a word, and a day of the week.
Line mbox_line(std::string_view text, Line unknown) {
  text = text.substr(0, field_name_limit);
  Cursor in(text);
  in.take('>');
  if (!in.take("From ")) return Line::Other;
  in.take_while([](char c) { return c > ' ' || ascii::is_8bit(c); });
  in.take_while(ascii::is_blank);
  const auto day = in.rest().substr(0, 3);
  if (day.size() < 3 && text.size() < field_name_limit && text.find('\n') == text.npos) return unknown;
  constexpr std::string_view days = "Mon Tue Wed Thu Fri Sat Sun";
  return day.size() == 3 && days.find(day) % 4 == 0 ? Line::MboxLine : Line::Other;
}

}  // namespace

std::size_t line_octets(std::string_view text) {
  const void* end = text.empty() ? nullptr : std::memchr(text.data(), '\n', text.size());
  return end ? static_cast<std::size_t>(static_cast<const char*>(end) - text.data()) + 1 : text.size();
}

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) {
    line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
  }
  return line;
}

Line line_of(std::string_view text, bool complete) {
  const Line unknown = complete ? Line::Other : Line::Undecided;
  if (text.empty()) return unknown;
  if (ascii::is_blank(text.front())) return Line::Continuation;
  if (text.front() == '\n') return Line::Empty;
  if (text.front() == '\r') {
    if (text.size() == 1) return unknown;
    return text[1] == '\n' ? Line::Empty : Line::Other;
  }
  const std::size_t reach = std::min(text.size(), field_name_limit);
  std::size_t i = 0;
  while (i < reach && is_field_name_octet(text[i])) ++i;
  const std::size_t name = i;
  while (i < reach && ascii::is_blank(text[i])) ++i;
  if (i == reach) return reach == field_name_limit ? Line::Other : unknown;
  if (text[i] != ':' || name == 0)
    return name >= 4 && name <= 5 && i > name ? mbox_line(text, unknown) : Line::Other;
  return i == name ? Line::Field : Line::BlankedField;
}

bool Field::is(std::string_view other) const { return ascii::iequals(name, other); }

Header::Iterator& Header::Iterator::operator++() {
  field_ = {};
  Line line = line_of(rest_, true);
  while (line == Line::Continuation || line == Line::MboxLine) {  // what belongs to no field
    rest_.remove_prefix(line_octets(rest_));
    line = line_of(rest_, true);
  }
  if (line != Line::Field && line != Line::BlankedField) {
    rest_ = {};
    return *this;
  }
  std::size_t octets = line_octets(rest_);
  while (octets < rest_.size() && ascii::is_blank(rest_[octets])) octets += line_octets(rest_.substr(octets));
  field_.raw = rest_.substr(0, octets);
  rest_.remove_prefix(octets);

  const std::size_t colon = field_.raw.find(':');
  field_.name = field_.raw.substr(0, colon);
  while (ascii::is_blank(field_.name.back())) field_.name.remove_suffix(1);
  field_.value = without_line_end(field_.raw.substr(colon + 1));
  return *this;
}

std::optional<Field> Header::first(std::string_view name) const {
  for (const Field& field : *this)
    if (field.is(name)) return field;
  return std::nullopt;
}

std::optional<Field> Header::last(std::string_view name) const {
  std::optional<Field> found;
  for (const Field& field : *this)
    if (field.is(name)) found = field;
  return found;
}

std::size_t Header::count(std::string_view name) const {
  std::size_t n = 0;
  for (const Field& field : *this) n += field.is(name);
  return n;
}

std::size_t header_octets(std::string_view message) {
  std::size_t at = 0;
  for (;;) {
    const Line line = line_of(message.substr(at), true);
    if (line == Line::Other) return at;
    at += line_octets(message.substr(at));
    if (line == Line::Empty) return at;
  }
}

std::string unfold(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  while (!value.empty()) {
    const auto line = value.substr(0, line_octets(value));
    out += without_line_end(line);
    value.remove_prefix(line.size());
  }
  const auto is_text = [](char c) { return !ascii::is_blank(c); };
  out.erase(std::find_if(out.rbegin(), out.rend(), is_text).base(), out.end());
  out.erase(out.begin(), std::find_if(out.begin(), out.end(), is_text));
  return out;
}

std::string pick_fields(Header header, std::span<const std::string_view> names, Pick pick) {
  std::string out;
  for (const Field& field : header) {
    const bool named = std::ranges::any_of(names, [&](std::string_view name) { return field.is(name); });
    if (named != (pick == Pick::Named)) continue;
    out += field.raw;
    if (!out.ends_with('\n')) out += "\r\n";  // the message ended inside this field
  }
  return out += "\r\n";
}

Known known_field(std::string_view name) {
  const auto is = [&](std::string_view lower) { return ascii::iequals(name, lower); };
  switch (name.size()) {
    case 2: return is("to") ? Known::To : is("cc") ? Known::Cc : Known::Other;
    case 3: return is("bcc") ? Known::Bcc : Known::Other;
    case 4: return is("from") ? Known::From : is("date") ? Known::Date : Known::Other;
    case 6: return is("sender") ? Known::Sender : Known::Other;
    case 7: return is("subject") ? Known::Subject : Known::Other;
    case 8: return is("reply-to") ? Known::ReplyTo : Known::Other;
    case 10:
      return is("message-id")   ? Known::MessageId
             : is("references") ? Known::References
             : is("content-id") ? Known::ContentId
                                : Known::Other;
    case 11:
      return is("in-reply-to") ? Known::InReplyTo : is("content-md5") ? Known::ContentMd5 : Known::Other;
    case 12:
      return is("content-type") ? Known::ContentType : is("mime-version") ? Known::MimeVersion : Known::Other;
    case 16:
      return is("content-language")   ? Known::ContentLanguage
             : is("content-location") ? Known::ContentLocation
                                      : Known::Other;
    case 19:
      return is("content-disposition")   ? Known::ContentDisposition
             : is("content-description") ? Known::ContentDescription
                                         : Known::Other;
    case 25: return is("content-transfer-encoding") ? Known::ContentTransferEncoding : Known::Other;
    default: return Known::Other;
  }
}

}  // namespace postroad::mime
