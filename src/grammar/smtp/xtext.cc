#include "smtp/xtext.h"

#include <fmt/format.h>

#include "base/ascii.h"
#include "base/cursor.h"
#include "base/utf8.h"

namespace postroad::smtp {
namespace {

constexpr bool is_xchar(char c) { return c > ' ' && c < 0x7f && c != '+' && c != '='; }
constexpr bool is_upper_hex(char c) { return ascii::is_digit(c) || (c >= 'A' && c <= 'F'); }

// EmbeddedUnicodeChar, behind its "\x{". Only what may not stand there plainly may be embedded (the rule
// HEXPOINT), so one address has one form; a NUL never.
std::optional<char32_t> take_embedded(Cursor& in) {
  const auto digits = in.take_while(is_upper_hex);
  if (digits.size() < 2 || digits.size() > 6 || !in.take('}')) return std::nullopt;
  if (digits.size() > 2 && digits.front() == '0') return std::nullopt;
  char32_t point = 0;
  for (char c : digits) point = point * 16 + static_cast<char32_t>(ascii::hex_value(c));
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return std::nullopt;
  const bool special = point == ' ' || point == '+' || point == '=' || point == '\\';
  if (point < 0x80 && !special) return std::nullopt;
  if (point >= 0x80 && point < 0xa0) return std::nullopt;
  return point;
}

}  // namespace

std::string xtext(std::string_view octets) {
  std::string out;
  out.reserve(octets.size());
  for (char c : octets) {
    if (is_xchar(c))
      out.push_back(c);
    else
      out += fmt::format("+{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::optional<std::string> from_xtext(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  Cursor in(text);
  while (!in.at_end()) {
    out += in.take_while(is_xchar);
    if (in.at_end()) break;
    if (!in.take('+') || in.rest().size() < 2) return std::nullopt;
    const auto digits = in.skip(2);
    if (!is_upper_hex(digits[0]) || !is_upper_hex(digits[1])) return std::nullopt;
    const int octet = ascii::hex_value(digits[0]) * 16 + ascii::hex_value(digits[1]);
    if (octet < 0x20 || octet >= 0x7f) return std::nullopt;
    out.push_back(static_cast<char>(octet));
  }
  return out;
}

std::string utf8_address_xtext(std::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    const auto point = utf8::take(utf8);
    if (!point) utf8.remove_prefix(1);
    if (point && *point < 0x80 && is_xchar(static_cast<char>(*point)) && *point != '\\')
      out.push_back(static_cast<char>(*point));
    else
      out += fmt::format("\\x{{{:02X}}}", static_cast<std::uint32_t>(point.value_or(0xfffd)));
  }
  return out;
}

std::optional<std::string> from_utf8_address(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.starts_with("\\x{")) {
      Cursor in(text.substr(3));
      const auto point = take_embedded(in);
      if (!point) return std::nullopt;
      utf8::append(out, *point);
      text = in.rest();
      continue;
    }
    const auto point = utf8::take(text);
    if (!point || (*point >= 0x80 && *point < 0xa0)) return std::nullopt;
    if (*point < 0x80 && (!is_xchar(static_cast<char>(*point)) || *point == '\\')) return std::nullopt;
    utf8::append(out, *point);
  }
  return out;
}

}  // namespace postroad::smtp
