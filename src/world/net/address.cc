#include "net/address.h"

#include "base/cursor.h"

namespace postroad::net {

namespace {

constexpr std::size_t unix_path_limit = 107;  // sun_path less its NUL

Network network(const char* text) { return *Network::parse(text); }

}  // namespace

Result<Endpoint, EndpointError> Endpoint::parse(std::string_view text) {
  if (text.starts_with("unix:")) return unix_path(text.substr(5));
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse(EndpointError::BadPort);
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  // Without brackets the last group of an IPv6 address could be taken for a port.
  if (!address || brackets != (host.find(':') != std::string_view::npos))
    return refuse(EndpointError::BadAddress);

  Cursor port(text.substr(colon + 1));
  const auto number = port.take_number();
  if (!number || !port.at_end() || *number > 65'535) return refuse(EndpointError::BadPort);
  return Endpoint(*address, static_cast<std::uint16_t>(*number));
}

Result<Endpoint, EndpointError> Endpoint::unix_path(std::string_view path) {
  if (path.empty() || path.size() > unix_path_limit || path.find('\0') != std::string_view::npos)
    return refuse(EndpointError::PathTooLong);
  Endpoint endpoint = unnamed_unix();
  endpoint.path_ = path;
  return endpoint;
}

Endpoint Endpoint::unnamed_unix() {
  Endpoint endpoint;
  endpoint.unix_ = true;
  return endpoint;
}

std::string Endpoint::text() const {
  if (unix_) return "unix:" + path_;
  const std::string address = address_.text();
  return (address_.is_v4() ? address : "[" + address + "]") + ":" + std::to_string(port_);
}

bool contains(const std::vector<Network>& networks, const IpAddress& address) {
  for (const Network& network : networks)
    if (network.contains(address)) return true;
  return false;
}

Network prefix_of(const IpAddress& address) { return Network::around(address, address.is_v4() ? 24 : 64); }

bool is_private(const IpAddress& address) {
  static const std::vector<Network> inside{network("127.0.0.0/8"),   network("10.0.0.0/8"),
                                           network("172.16.0.0/12"), network("192.168.0.0/16"),
                                           network("100.64.0.0/10"), network("169.254.0.0/16"),
                                           network("::1"),           network("fe80::/10"),
                                           network("fc00::/7")};
  return contains(inside, address);
}

std::string reverse_name(const IpAddress& address) {
  const auto& octets = address.octets();
  std::string name;
  if (address.is_v4()) {
    for (std::size_t i = 16; i-- > 12;) name += std::to_string(octets[i]) + ".";
    return name + "in-addr.arpa";
  }
  constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 16; i-- > 0;) {
    name += {digits[octets[i] & 15], '.', digits[octets[i] >> 4], '.'};
  }
  return name + "ip6.arpa";
}

std::string address_literal(const IpAddress& address) {
  return (address.is_v4() ? "[" : "[IPv6:") + address.text() + "]";
}

}  // namespace postroad::net
