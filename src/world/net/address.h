// Endpoint: where a socket is bound or connected. Addresses themselves are base/ip.h.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"

namespace postroad::net {

enum class EndpointError : std::uint8_t {
  BadAddress,   // neither 192.0.2.1 nor [2001:db8::1]; names are not looked up
  BadPort,      // missing, or not 0..65535
  PathTooLong,  // a unix socket's path has 1 to 107 octets
};

class Endpoint {
 public:
  Endpoint() = default;  // port 0 of no address
  Endpoint(const IpAddress& address, std::uint16_t port) : address_(address), port_(port) {}
  // "192.0.2.1:25", "[::]:25", "unix:/run/postroad/lmtp.sock".
  static Result<Endpoint, EndpointError> parse(std::string_view text);
  static Result<Endpoint, EndpointError> unix_path(std::string_view path);
  static Endpoint unnamed_unix();  // the peer of a unix socket that bound no path

  bool is_unix() const { return unix_; }
  const IpAddress& address() const { return address_; }  // "::" for a unix socket
  std::uint16_t port() const { return port_; }
  const std::string& path() const { return path_; }
  std::string text() const;  // as parse() reads it

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;

 private:
  IpAddress address_;
  std::uint16_t port_ = 0;
  bool unix_ = false;
  std::string path_;
};

// 127.0.0.1 with that port: tests and demos.
inline Endpoint loopback(std::uint16_t port) { return {IpAddress::v4(0x7f000001), port}; }

bool contains(const std::vector<Network>& networks, const IpAddress& address);
// The neighbours that count as one stranger: an IPv4 /24, an IPv6 /64.
Network prefix_of(const IpAddress& address);
// Somebody's inside: loopback, RFC 1918, 100.64/10, link-local, fc00::/7. (Whether a stranger's data may
// make us connect somewhere is IpAddress::is_public, which refuses more.)
bool is_private(const IpAddress& address);
// "1.2.0.192.in-addr.arpa", nibbles under ip6.arpa (RFC 1035 §3.5, RFC 3596 §2.5).
std::string reverse_name(const IpAddress& address);
// "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3).
std::string address_literal(const IpAddress& address);

}  // namespace postroad::net
