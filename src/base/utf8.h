// UTF-8 (RFC 3629): shortest form only, no surrogates, nothing above U+10FFFF. What these functions call
// valid, ICU and every peer call valid too.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace postroad::utf8 {

// Takes the first code point off the front of `text`; nothing, and `text` unchanged, if it does not start
// with a well-formed sequence (an empty text has none).
constexpr std::optional<char32_t> take(std::string_view& text) {
  const auto octet = [&](std::size_t i) -> std::uint32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const std::uint32_t first = octet(0);
  std::size_t length = 0;
  std::uint32_t least = 0, point = 0;
  if (text.empty()) return std::nullopt;
  if (first < 0x80) {
    text.remove_prefix(1);
    return first;
  }
  if (first >= 0xc2 && first <= 0xdf)
    length = 2, least = 0x80, point = first & 0x1f;
  else if (first >= 0xe0 && first <= 0xef)
    length = 3, least = 0x800, point = first & 0x0f;
  else if (first >= 0xf0 && first <= 0xf4)
    length = 4, least = 0x10000, point = first & 0x07;
  else
    return std::nullopt;
  for (std::size_t i = 1; i < length; ++i) {
    if ((octet(i) & 0xc0) != 0x80) return std::nullopt;
    point = point << 6 | (octet(i) & 0x3f);
  }
  if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return std::nullopt;
  text.remove_prefix(length);
  return point;
}

// How many octets at the beginning are ASCII. Most text is, so this is where the time of the others would go.
constexpr std::size_t ascii_octets(std::string_view text) {
  std::size_t n = 0;
  if !consteval {
    for (std::uint64_t eight; n + sizeof eight <= text.size(); n += sizeof eight) {
      std::memcpy(&eight, text.data() + n, sizeof eight);
      if ((eight & 0x8080808080808080) != 0) break;
    }
  }
  while (n < text.size() && static_cast<unsigned char>(text[n]) < 0x80) ++n;
  return n;
}

constexpr bool valid(std::string_view text) {
  for (;;) {
    text.remove_prefix(ascii_octets(text));
    if (text.empty()) return true;
    if (!take(text)) return false;
  }
}

constexpr bool is_ascii(std::string_view text) { return ascii_octets(text) == text.size(); }

// `point` is at most U+10FFFF and no surrogate.
inline void append(std::string& out, char32_t point) {
  const auto octet = [&](std::uint32_t v) { out.push_back(static_cast<char>(v)); };
  if (point < 0x80)
    octet(point);
  else if (point < 0x800)
    octet(0xc0 | point >> 6), octet(0x80 | (point & 0x3f));
  else if (point < 0x10000)
    octet(0xe0 | point >> 12), octet(0x80 | (point >> 6 & 0x3f)), octet(0x80 | (point & 0x3f));
  else
    octet(0xf0 | point >> 18), octet(0x80 | (point >> 12 & 0x3f)), octet(0x80 | (point >> 6 & 0x3f)),
        octet(0x80 | (point & 0x3f));
}

}  // namespace postroad::utf8
