#include "base/encoding.h"

#include <array>

#include "base/ascii.h"

namespace postroad {
namespace {

constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view hex_ordered = "0123456789abcdefghijklmnopqrstuv";

constexpr std::array<std::int8_t, 256> values_of(std::string_view alphabet) {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}
constexpr auto standard_values = values_of(standard);
constexpr auto url_safe_values = values_of(url_safe);

std::string encode64(std::string_view in, std::string_view alphabet, bool padded) {
  std::string out;
  out.reserve((in.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < in.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, in.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8) | (k < n ? static_cast<unsigned char>(in[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) {
      if (k <= n)
        out.push_back(alphabet[(group >> (18 - 6 * k)) & 63]);
      else if (padded)
        out.push_back('=');
    }
  }
  return out;
}

std::optional<std::string> decode64(std::string_view in, const std::array<std::int8_t, 256>& values) {
  if (in.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(in.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : in) {
    const int v = values[static_cast<unsigned char>(c)];
    if (v < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(v);
    if ((count += 6) >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count));
      bits &= (1u << count) - 1;
    }
  }
  if (bits != 0) return std::nullopt;  // RFC 4648 §3.5: two texts must not decode to the same octets
  return out;
}

}  // namespace

std::string base64(std::string_view octets) { return encode64(octets, standard, true); }
std::string base64url(std::string_view octets) { return encode64(octets, url_safe, false); }

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.ends_with("=="))
    text.remove_suffix(2);
  else if (text.ends_with('='))
    text.remove_suffix(1);
  return decode64(text, standard_values);
}

std::optional<std::string> from_base64url(std::string_view text) { return decode64(text, url_safe_values); }

std::string hex(std::string_view octets) {
  std::string out;
  out.reserve(octets.size() * 2);
  for (char c : octets) {
    out.push_back("0123456789abcdef"[static_cast<unsigned char>(c) >> 4]);
    out.push_back("0123456789abcdef"[c & 15]);
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = ascii::hex_value(text[i]), low = ascii::hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

std::string base32(std::uint64_t number) {
  std::string out(13, '0');
  for (std::size_t i = 13; i-- > 0; number >>= 5) out[i] = hex_ordered[number & 31];
  return out;
}

std::optional<std::uint64_t> from_base32(std::string_view text) {
  if (text.size() != 13) return std::nullopt;
  std::uint64_t number = 0;
  for (char c : text) {
    const auto v = hex_ordered.find(c);
    if (v == std::string_view::npos || number >> 59) return std::nullopt;
    number = number << 5 | v;
  }
  return number;
}

std::string printable(std::string_view octets, std::size_t limit) {
  std::string out;
  for (char c : octets.substr(0, limit)) {
    if (c == '\\') {
      out += "\\\\";
    } else if (ascii::is_control(c) || ascii::is_8bit(c)) {
      out += "\\x";
      out += hex({&c, 1});
    } else {
      out.push_back(c);
    }
  }
  if (octets.size() > limit) out += "...";
  return out;
}

}  // namespace postroad
