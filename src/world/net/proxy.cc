#include "net/proxy.h"

#include <array>

#include "base/cursor.h"

namespace postroad::net {

namespace {

using Answer = Result<std::optional<ProxyHeader>, ProxyError>;

constexpr std::string_view v1_start = "PROXY ";
constexpr std::size_t v1_limit = 107;  // §2.1, with CRLF
constexpr std::string_view v2_start("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t v2_fixed = 16;

// §2.1: decimal, no leading zeros.
std::optional<std::uint16_t> v1_port(Cursor& in) {
  const bool zero_first = in.peek() == '0';
  const std::size_t before = in.rest().size();
  const auto number = in.take_number();
  if (!number || *number > 65'535) return std::nullopt;
  if (zero_first && before - in.rest().size() > 1) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

std::optional<IpAddress> v1_address(Cursor& in, bool v6) {
  const auto word = in.take_until(' ');
  if (!word || !in.take(' ')) return std::nullopt;
  if ((word->find(':') != std::string_view::npos) != v6) return std::nullopt;
  return IpAddress::parse(*word);
}

// PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 CRLF
Answer version_1(std::string_view octets) {
  const auto end = octets.substr(0, v1_limit).find("\r\n");
  if (end == std::string_view::npos) {
    if (octets.size() >= v1_limit) return refuse(ProxyError::TooLong);
    return std::nullopt;
  }
  ProxyHeader header;
  header.size = end + 2;
  Cursor in(octets.substr(v1_start.size(), end - v1_start.size()));
  if (in.take("UNKNOWN")) {
    if (!in.at_end() && in.peek() != ' ') return refuse(ProxyError::Malformed);
    return header;  // the rest of the line is to be ignored
  }
  const bool v6 = in.take("TCP6 ");
  if (!v6 && !in.take("TCP4 ")) return refuse(ProxyError::Malformed);
  const auto source = v1_address(in, v6);
  const auto destination = source ? v1_address(in, v6) : std::nullopt;
  const auto source_port = destination ? v1_port(in) : std::nullopt;
  if (!source_port || !in.take(' ')) return refuse(ProxyError::Malformed);
  const auto destination_port = v1_port(in);
  if (!destination_port || !in.at_end()) return refuse(ProxyError::Malformed);
  header.proxied = true;
  header.source = {*source, *source_port};
  header.destination = {*destination, *destination_port};
  return header;
}

std::uint16_t number_16(std::string_view octets, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(octets[at]) << 8 |
                                    static_cast<unsigned char>(octets[at + 1]));
}

IpAddress address_at(std::string_view octets, std::size_t at, bool v6) {
  if (!v6) return IpAddress::v4(std::uint32_t{number_16(octets, at)} << 16 | number_16(octets, at + 2));
  IpAddress::Octets bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(octets[at + i]);
  return IpAddress(bytes);
}

// §2.2: signature, version and command, family and protocol, length; addresses, then extensions we skip.
Answer version_2(std::string_view octets) {
  if (octets.size() < v2_fixed) return std::nullopt;
  const auto command = static_cast<unsigned char>(octets[12]);
  const auto family = static_cast<unsigned char>(octets[13]);
  const std::size_t length = number_16(octets, 14);
  if (command != 0x20 && command != 0x21) return refuse(ProxyError::Malformed);
  if (v2_fixed + length > proxy_header_limit) return refuse(ProxyError::TooLong);
  if (octets.size() < v2_fixed + length) return std::nullopt;

  ProxyHeader header;
  header.size = v2_fixed + length;
  const bool v4 = family == 0x11, v6 = family == 0x21;
  // LOCAL, or a family that is no TCP (UNSPEC, UDP, unix): the socket's own addresses hold.
  if (command == 0x20 || (!v4 && !v6)) return header;
  const std::size_t width = v6 ? 16 : 4;
  if (length < 2 * width + 4) return refuse(ProxyError::Malformed);
  const std::size_t ports = v2_fixed + 2 * width;
  header.proxied = true;
  header.source = {address_at(octets, v2_fixed, v6), number_16(octets, ports)};
  header.destination = {address_at(octets, v2_fixed + width, v6), number_16(octets, ports + 2)};
  return header;
}

bool may_become(std::string_view octets, std::string_view start) {
  return octets.substr(0, start.size()) == start.substr(0, octets.size());
}

}  // namespace

Answer parse_proxy_header(std::string_view octets) {
  if (may_become(octets, v1_start))
    return octets.size() < v1_start.size() ? Answer{std::nullopt} : version_1(octets);
  if (may_become(octets, v2_start))
    return octets.size() < v2_start.size() ? Answer{std::nullopt} : version_2(octets);
  return refuse(ProxyError::NoHeader);
}

}  // namespace postroad::net
