// Header fields of our own: encoded, folded, and refused if they could be more than one.
#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/utf8.h"
#include "mime/compose.h"
#include "mime/fields.h"
#include "mime/tokens.h"

namespace postroad::mime {
namespace {

constexpr std::size_t line_wanted = 78, line_most = 998;  // RFC 5322 §2.1.1
constexpr std::size_t word_most = 60;                     // RFC 2047 §2 allows 75, but 76 for the whole line
constexpr std::size_t name_most = 76;
constexpr std::string_view upper_hex = "0123456789ABCDEF";

std::optional<ComposeError> wrong_text(std::string_view utf8) {
  while (!utf8.empty()) {
    const auto point = utf8::take(utf8);
    if (!point) return ComposeError::BadUtf8;
    if ((*point < 0x20 && *point != '\t') || (*point >= 0x7f && *point < 0xa0) || *point == 0x2028 ||
        *point == 0x2029)
      return ComposeError::ControlCharacter;
  }
  return std::nullopt;
}

bool is_token_octet(char c) {  // RFC 2045 §5.1
  return c > ' ' && c < '\x7f' && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

// RFC 2047 §5 (3): what "Q" may leave as it is anywhere, also in a phrase.
bool is_safe_in_q(char c) {
  return ascii::is_alnum(c) || std::string_view("!*+-/").find(c) != std::string_view::npos;
}

// Too long for a line even after folding, or an unlucky likeness of an encoded word: it must be encoded to be
// what it is.
bool must_be_encoded(std::string_view text) {
  if (!utf8::is_ascii(text) || text.find("=?") != std::string_view::npos) return true;
  if (!text.empty() && (ascii::is_blank(text.front()) || ascii::is_blank(text.back()))) return true;
  std::size_t word = 0;
  for (char c : text)
    if ((word = ascii::is_blank(c) ? 0 : word + 1) > line_most - name_most - 4) return true;
  return false;
}

// One encoded word for as much of `utf8` as it can hold, which is taken off; base64 where most letters would
// need "=XX".
std::string take_word(std::string_view& utf8, bool as_base64) {
  constexpr std::size_t room = word_most - std::string_view(
                                               "=?utf-8?q?"
                                               "?=")
                                               .size();
  std::size_t octets = 0, width = 0;
  for (std::string_view rest = utf8; !rest.empty();) {
    const std::size_t before = rest.size();
    if (!utf8::take(rest)) rest.remove_prefix(1);
    const auto character = utf8.substr(octets, before - rest.size());
    std::size_t more = width;
    for (char c : character) more += is_safe_in_q(c) || c == ' ' ? 1 : 3;
    const std::size_t needed = as_base64 ? (octets + character.size() + 2) / 3 * 4 : more;
    if (needed > room) break;
    octets += character.size();
    width = more;
  }
  const auto part = utf8.substr(0, octets);
  utf8.remove_prefix(octets);
  if (as_base64) return fmt::format("=?utf-8?b?{}?=", base64(part));
  std::string text;
  for (char c : part) {
    if (c == ' ')
      text.push_back('_');
    else if (is_safe_in_q(c))
      text.push_back(c);
    else
      text += {'=', upper_hex[static_cast<unsigned char>(c) >> 4], upper_hex[c & 15]};
  }
  return fmt::format("=?utf-8?q?{}?=", text);
}

// A display name: an atom or several, a quoted string, or encoded words (RFC 5322 §3.2.5, RFC 2047 §5).
std::string phrase(std::string_view name) {
  if (must_be_encoded(name)) return encode_words(name);
  const bool atoms = std::ranges::all_of(name, [](char c) { return is_atom(c) || c == ' '; });
  if (atoms && name.find("  ") == std::string_view::npos) return std::string(name);
  std::string out = "\"";
  for (char c : name) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + '"';
}

}  // namespace

std::string_view describe(ComposeError error) {
  switch (error) {
    case ComposeError::BadFieldName:
      return "a field name has only printable ASCII without colon and blank, at most 76 octets";
    case ComposeError::ControlCharacter:
      return "a header value cannot hold line breaks or control characters; remove them";
    case ComposeError::NotAscii: return "this value can only hold ASCII; use a field that is text";
    case ComposeError::BadUtf8: return "text must be valid UTF-8; convert it";
    case ComposeError::BadToken:
      return "a type, a parameter name and an identifier have no blanks and none of ()<>@,;:\\\"/[]?=";
    case ComposeError::TooLong:
      return "a word is longer than a line may be (998 octets) or a file name than 1,500; shorten it";
    case ComposeError::TooDeep: return "parts are nested more than ten deep; flatten them";
    case ComposeError::BodyAndParts: return "a part has either octets of its own or parts; give one of them";
  }
  return "";
}

std::string encode_words(std::string_view utf8) {
  if (!must_be_encoded(utf8)) return std::string(utf8);
  const auto plain = static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return is_safe_in_q(c) || c == ' '; }));
  const bool as_base64 = (utf8.size() - plain) * 3 > utf8.size() * 2;
  std::string out;
  while (!utf8.empty()) {
    if (!out.empty()) out.push_back(' ');
    out += take_word(utf8, as_base64);
  }
  return out;
}

std::vector<std::string> encode_parameter(std::string_view name, std::string_view utf8) {
  constexpr std::size_t most = 60;  // of a value in one piece
  const bool token = !utf8.empty() && std::ranges::all_of(utf8, is_token_octet);
  const bool ascii = utf8::is_ascii(utf8) && utf8.find("=?") == std::string_view::npos;
  if (token && ascii && utf8.size() <= most) return {fmt::format("{}={}", name, utf8)};

  std::vector<std::string> pieces(1);
  for (char c : utf8) {
    std::string unit;
    if (ascii) {
      if (c == '"' || c == '\\') unit = '\\';
      unit.push_back(c);
    } else if (ascii::is_alnum(c) || c == '.' || c == '-' || c == '_') {
      unit = c;
    } else {
      unit = {'%', upper_hex[static_cast<unsigned char>(c) >> 4], upper_hex[c & 15]};
    }
    if (pieces.back().size() + unit.size() > most) pieces.emplace_back();
    pieces.back() += unit;
  }
  // RFC 2231 §3 and §4.1: the charset stands in the first piece alone.
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::string number = pieces.size() > 1 ? fmt::format("*{}", i) : "";
    pieces[i] = ascii ? fmt::format("{}{}=\"{}\"", name, number, pieces[i])
                      : fmt::format("{}{}*={}{}", name, number, i == 0 ? "utf-8''" : "", pieces[i]);
  }
  return pieces;
}

std::string fold(std::string_view field) {
  std::string out;
  out.reserve(field.size() + field.size() / 32);
  std::size_t start = 0, line = 0;  // octets of `field` written, and of the current line
  while (start < field.size()) {
    // A piece: blanks, and what follows them up to the next blank. A break is possible before it if it is not
    // all blanks.
    std::size_t text = start;
    while (text < field.size() && ascii::is_blank(field[text])) ++text;
    std::size_t end = text;
    while (end < field.size() && !ascii::is_blank(field[end])) ++end;
    if (text > start && end > text && start > 0 && line + (end - start) > line_wanted &&
        !out.ends_with(':')) {
      out += "\r\n";
      line = 0;
    }
    out += field.substr(start, end - start);
    line += end - start;
    start = end;
  }
  return out;
}

HeaderWriter::Outcome HeaderWriter::add(std::string_view name, std::string_view value) {
  if (name.empty() || name.size() > name_most ||
      !std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f' && c != ':'; }))
    return refuse(ComposeError::BadFieldName);
  const std::string folded =
      fold(value.empty() ? fmt::format("{}:", name) : fmt::format("{}: {}", name, value));
  for (std::size_t start = 0; start < folded.size();) {
    const std::size_t end = std::min(folded.find("\r\n", start), folded.size());
    if (end - start > line_most) return refuse(ComposeError::TooLong);
    start = end + 2;
  }
  out_ += folded + "\r\n";
  return {};
}

HeaderWriter::Outcome HeaderWriter::text(std::string_view name, std::string_view utf8) {
  if (const auto wrong = wrong_text(utf8)) return refuse(*wrong);
  return add(name, encode_words(utf8));
}

HeaderWriter::Outcome HeaderWriter::addresses(std::string_view name, std::span<const NamedAddress> list) {
  std::string value;
  for (const NamedAddress& one : list) {
    if (const auto wrong = wrong_text(one.name)) return refuse(*wrong);
    if (!value.empty()) value += ", ";
    value +=
        one.name.empty() ? one.address.text() : fmt::format("{} <{}>", phrase(one.name), one.address.text());
  }
  return add(name, value);
}

HeaderWriter::Outcome HeaderWriter::date(std::string_view name, Time utc, int zone_minutes) {
  return add(name, format_date(utc, zone_minutes));
}

HeaderWriter::Outcome HeaderWriter::ids(std::string_view name,
                                        std::span<const std::string> without_brackets) {
  std::string value;
  for (const std::string& id : without_brackets) {
    if (id.empty() || !std::ranges::all_of(id, [](char c) {
          return c > ' ' && c < '\x7f' && c != '<' && c != '>' && c != '"';
        }))
      return refuse(ComposeError::BadToken);
    value += fmt::format("{}<{}>", value.empty() ? "" : " ", id);
  }
  return add(name, value);
}

HeaderWriter::Outcome HeaderWriter::structured(std::string_view name, std::string_view ascii) {
  if (const auto wrong = wrong_text(ascii)) return refuse(*wrong);
  if (!utf8::is_ascii(ascii)) return refuse(ComposeError::NotAscii);
  return add(name, ascii);
}

}  // namespace postroad::mime
