// The PROXY protocol, versions 1 and 2: a proxy's first words, which say who is really there.
// (https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt)
//
// Pure: octets in, header out. The listener peeks, so that exactly the header is consumed and TLS may follow.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "net/address.h"

namespace postroad::net {

enum class ProxyError : std::uint8_t {
  NoHeader,   // begins with something else
  Malformed,  // begins as a header and is none
  TooLong,    // version 1 beyond 107 octets, version 2 beyond proxy_header_limit
};

constexpr std::size_t proxy_header_limit = 4096;

struct ProxyHeader {
  std::size_t size = 0;  // octets of the header
  // False: the proxy speaks for itself (health checks), or knows no addresses: those of the socket hold.
  bool proxied = false;
  Endpoint source, destination;
};

// Nothing: the header has not come whole. What is behind it is not looked at.
Result<std::optional<ProxyHeader>, ProxyError> parse_proxy_header(std::string_view octets);

}  // namespace postroad::net
