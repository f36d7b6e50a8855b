#include "dns/rdata.h"

#include "base/ascii.h"

namespace postroad::dns {
namespace {

std::uint8_t octet(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }

}  // namespace

std::optional<std::string> read_name(std::string_view& rdata) {
  std::string out;
  for (;;) {
    if (rdata.empty()) return std::nullopt;
    const std::size_t length = octet(rdata, 0);
    if (length > 63 || rdata.size() < 1 + length) return std::nullopt;  // compression has no place here
    const std::string_view label = rdata.substr(1, length);
    rdata.remove_prefix(1 + length);
    if (length == 0) return out;
    for (const char c : label)
      if (ascii::is_control(c) || c == '.' || c == ' ' || ascii::is_8bit(c)) return std::nullopt;
    if (!out.empty()) out += '.';
    out += ascii::to_lower(label);
    if (out.size() > 253) return std::nullopt;
  }
}

std::optional<Mx> read_mx(std::string_view rdata) {
  if (rdata.size() < 3) return std::nullopt;
  const auto preference = static_cast<std::uint16_t>(octet(rdata, 0) << 8 | octet(rdata, 1));
  rdata.remove_prefix(2);
  auto exchange = read_name(rdata);
  if (!exchange || !rdata.empty()) return std::nullopt;
  return Mx{preference, std::move(*exchange)};
}

std::optional<IpAddress> read_address(std::string_view rdata) {
  if (rdata.size() == 4) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) bits = bits << 8 | octet(rdata, i);
    return IpAddress::v4(bits);
  }
  if (rdata.size() != 16) return std::nullopt;
  std::string text;
  for (std::size_t i = 0; i < 16; i += 2) {
    constexpr char digits[] = "0123456789abcdef";
    if (i) text += ':';
    for (const std::size_t k : {i, i + 1})
      text += {digits[octet(rdata, k) >> 4], digits[octet(rdata, k) & 15]};
  }
  return IpAddress::parse(text);
}

std::optional<std::string> read_txt(std::string_view rdata) {
  std::string out;
  while (!rdata.empty()) {
    const std::size_t length = octet(rdata, 0);
    if (rdata.size() < 1 + length) return std::nullopt;
    out += rdata.substr(1, length);
    rdata.remove_prefix(1 + length);
  }
  return out;
}

std::optional<std::string> read_ptr(std::string_view rdata) {
  auto name = read_name(rdata);
  if (!name || !rdata.empty()) return std::nullopt;
  return name;
}

std::optional<TlsaRecord> read_tlsa(std::string_view rdata) {
  if (rdata.size() < 4) return std::nullopt;
  return TlsaRecord{octet(rdata, 0), octet(rdata, 1), octet(rdata, 2), std::string(rdata.substr(3))};
}

}  // namespace postroad::dns
