// IpAddress and Network: what a peer, a listener and an SPF record are made of. Values only, no IO.
//
// One address is one value: the IPv4-mapped form "::ffff:192.0.2.1" (RFC 4291 §2.5.5.2) is the IPv4
// address 192.0.2.1, so no rule can be passed by writing an address differently (attacks 57, 99).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace postroad {

class IpAddress {
 public:
  using Octets = std::array<std::uint8_t, 16>;

  constexpr IpAddress() = default;  // "::", the unspecified address
  constexpr explicit IpAddress(const Octets& octets) : octets_(octets) {}
  // 192.0.2.1 is v4(0xc0000201).
  static constexpr IpAddress v4(std::uint32_t bits) {
    return IpAddress({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, static_cast<std::uint8_t>(bits >> 24),
                      static_cast<std::uint8_t>(bits >> 16), static_cast<std::uint8_t>(bits >> 8),
                      static_cast<std::uint8_t>(bits)});
  }
  // Dotted decimal of four parts without leading zeros, or RFC 4291 §2.2; no brackets, no zone, none of
  // the octal, hexadecimal and short forms that inet_aton takes.
  static std::optional<IpAddress> parse(std::string_view text);

  constexpr bool is_v4() const {
    for (std::size_t i = 0; i < 10; ++i)
      if (octets_[i] != 0) return false;
    return octets_[10] == 0xff && octets_[11] == 0xff;
  }
  constexpr bool is_v6() const { return !is_v4(); }
  constexpr std::uint32_t v4_bits() const {  // only when is_v4()
    return std::uint32_t{octets_[12]} << 24 | std::uint32_t{octets_[13]} << 16 |
           std::uint32_t{octets_[14]} << 8 | octets_[15];
  }
  constexpr const Octets& octets() const { return octets_; }
  std::string text() const;  // RFC 5952

  bool is_unspecified() const;  // 0.0.0.0 and ::
  bool is_loopback() const;
  // May a stranger's data make us connect there? False for everything that the IANA special-purpose
  // registries (RFC 6890) call not globally reachable, for multicast, and for addresses that carry an
  // IPv4 address inside (64:ff9b::/96, 64:ff9b:1::/48, 2002::/16, 2001::/32, ::/96).
  bool is_public() const;

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  Octets octets_{};
};

enum class NetworkError { BadAddress, BadPrefix, BitsBeyondPrefix };

// A CIDR block (RFC 4632): "192.0.2.0/24", "2001:db8::/32", or one address without a slash.
class Network {
 public:
  static Result<Network, NetworkError> parse(std::string_view text);
  // The block of `prefix` bits (0..32 for IPv4, 0..128 for IPv6; more is taken as all) around an address.
  static Network around(const IpAddress& address, unsigned prefix);

  bool contains(const IpAddress& address) const;
  const IpAddress& address() const { return address_; }  // its first
  unsigned prefix() const { return address_.is_v4() ? bits_ - 96u : bits_; }
  std::string text() const;
  friend constexpr auto operator<=>(const Network&, const Network&) = default;

 private:
  Network(const IpAddress& address, unsigned bits) : address_(address), bits_(bits) {}
  IpAddress address_;
  unsigned bits_;  // of the 128, also for IPv4
};

}  // namespace postroad

template <>
struct std::hash<postroad::IpAddress> {
  std::size_t operator()(const postroad::IpAddress& ip) const noexcept {
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(ip.octets().data()), ip.octets().size()});
  }
};
