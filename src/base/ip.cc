#include "base/ip.h"

#include <algorithm>
#include <vector>

#include "base/cursor.h"

namespace postroad {
namespace {

// Four decimal numbers; leading zeros are refused because some readers take them for octal.
std::optional<std::uint32_t> dotted(std::string_view text) {
  Cursor in(text);
  std::uint32_t bits = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && !in.take('.')) return std::nullopt;
    const auto digits = in.take_while(ascii::is_digit);
    if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
    unsigned value = 0;
    for (char c : digits) value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 255) return std::nullopt;
    bits = bits << 8 | value;
  }
  if (!in.at_end()) return std::nullopt;
  return bits;
}

// h16 = 1*4HEXDIG (RFC 3986 §3.2.2)
std::optional<std::uint16_t> group(Cursor& in) {
  const auto digits = in.take_while([](char c) { return ascii::hex_value(c) >= 0; });
  if (digits.empty() || digits.size() > 4) return std::nullopt;
  unsigned value = 0;
  for (char c : digits) value = value << 4 | static_cast<unsigned>(ascii::hex_value(c));
  return static_cast<std::uint16_t>(value);
}

std::optional<IpAddress> colons(std::string_view text) {
  Cursor in(text);
  std::array<std::uint16_t, 8> groups{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;  // where "::" stood
  if (in.take("::")) gap = 0;
  while (!in.at_end()) {
    if (in.rest().find(':') == std::string_view::npos && in.rest().find('.') != std::string_view::npos) {
      const auto bits = dotted(in.rest());
      if (!bits || count > 6) return std::nullopt;
      groups[count++] = static_cast<std::uint16_t>(*bits >> 16);
      groups[count++] = static_cast<std::uint16_t>(*bits);
      break;
    }
    const auto value = group(in);
    if (!value || count == 8) return std::nullopt;
    groups[count++] = *value;
    if (in.at_end()) break;
    if (in.take("::")) {
      if (gap) return std::nullopt;
      gap = count;
    } else if (!in.take(':') || in.at_end()) {
      return std::nullopt;
    }
  }
  // "::" stands for at least one group of zeros.
  if (gap ? count > 7 : count != 8) return std::nullopt;
  if (gap) {
    std::rotate(groups.begin() + static_cast<std::ptrdiff_t>(*gap),
                groups.begin() + static_cast<std::ptrdiff_t>(count), groups.end());
  }
  IpAddress::Octets octets{};
  for (std::size_t i = 0; i < 8; ++i) {
    octets[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    octets[2 * i + 1] = static_cast<std::uint8_t>(groups[i]);
  }
  return IpAddress(octets);
}

// The first `bits` of an address, the others zero.
IpAddress masked(const IpAddress& address, unsigned bits) {
  IpAddress::Octets octets = address.octets();
  for (unsigned i = 0; i < 16; ++i) {
    if (bits >= 8 * (i + 1)) continue;
    const unsigned kept = bits > 8 * i ? bits - 8 * i : 0;
    octets[i] = static_cast<std::uint8_t>(octets[i] & (0xff00u >> kept));
  }
  return IpAddress(octets);
}

std::vector<Network> networks(std::initializer_list<std::string_view> texts) {
  std::vector<Network> list;
  for (std::string_view text : texts) list.push_back(*Network::parse(text));
  return list;
}

bool any_contains(const std::vector<Network>& list, const IpAddress& address) {
  return std::ranges::any_of(list, [&](const Network& network) { return network.contains(address); });
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return colons(text);
  const auto bits = dotted(text);
  if (!bits) return std::nullopt;
  return v4(*bits);
}

std::string IpAddress::text() const {
  if (is_v4()) {
    std::string out;
    for (std::size_t i = 12; i < 16; ++i) {
      if (i > 12) out += '.';
      out += std::to_string(octets_[i]);
    }
    return out;
  }
  // RFC 5952 §4.2: "::" for the longest run of at least two zero groups, the first of equal ones.
  const auto at = [&](std::size_t i) { return octets_[2 * i] << 8 | octets_[2 * i + 1]; };
  std::size_t start = 8, length = 1;
  for (std::size_t i = 0; i < 8;) {
    std::size_t end = i;
    while (end < 8 && at(end) == 0) ++end;
    if (end - i > length) start = i, length = end - i;
    i = std::max(end, i + 1);
  }
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == start) {
      out += "::";
      i += length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    constexpr char digits[] = "0123456789abcdef";
    bool leading = true;
    for (int shift = 12; shift >= 0; shift -= 4) {
      const int digit = at(i) >> shift & 15;
      if (leading && digit == 0 && shift > 0) continue;
      leading = false;
      out += digits[digit];
    }
  }
  return out;
}

bool IpAddress::is_unspecified() const { return *this == IpAddress() || *this == v4(0); }

bool IpAddress::is_loopback() const {
  static const auto loopback = networks({"127.0.0.0/8", "::1"});
  return any_contains(loopback, *this);
}

bool IpAddress::is_public() const {
  // Of IPv6 only 2000::/3 is given out as global unicast (RFC 4291 §2.4).
  static const auto unicast = networks({"0.0.0.0/0", "2000::/3"});
  static const auto special =
      networks({"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
                "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "2001::/23",
                "2001:db8::/32", "2002::/16", "3fff::/20"});
  return any_contains(unicast, *this) && !any_contains(special, *this);
}

Result<Network, NetworkError> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return refuse(NetworkError::BadAddress);
  const unsigned most = address->is_v4() ? 32 : 128;
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    Cursor in(text.substr(slash + 1));
    const bool zero_first = in.peek() == '0' && in.rest().size() > 1;
    const auto number = in.take_number();
    if (!number || !in.at_end() || zero_first || *number > most) return refuse(NetworkError::BadPrefix);
    bits = static_cast<unsigned>(*number);
  }
  bits += 128 - most;
  if (masked(*address, bits) != *address) return refuse(NetworkError::BitsBeyondPrefix);
  return Network(*address, bits);
}

Network Network::around(const IpAddress& address, unsigned prefix) {
  const unsigned most = address.is_v4() ? 32 : 128;
  const unsigned bits = std::min(prefix, most) + 128 - most;
  return Network(masked(address, bits), bits);
}

bool Network::contains(const IpAddress& address) const {
  return address.is_v4() == address_.is_v4() && masked(address, bits_) == address_;
}

std::string Network::text() const { return address_.text() + "/" + std::to_string(prefix()); }

}  // namespace postroad
