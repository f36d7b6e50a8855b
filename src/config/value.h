// What a setting can be, beyond numbers and texts: each with the words a person writes for it.
//
//   message = "50 MiB"      Octets     B, KB, MB, GB (thousands), KiB, MiB, GiB; a plain number is octets
//   give_up_after = "5 d"   duration   ms, s, min, h, d; the unit is never left out
//   connection_rate = "100/min"  Rate  so many in a span of time; "0" is no limit
//   reserve = "10 %"        Percent
//   bind = "[::]:25"        Bind       host:port, [IPv6]:port, unix:/path
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "base/strong.h"
#include "mail/address.h"

namespace postroad::config {

using Octets = Strong<std::uint64_t, struct OctetsTag>;
using Percent = Strong<std::uint32_t, struct PercentTag>;  // 0..100

constexpr Octets kib(std::uint64_t n) { return Octets{n << 10}; }
constexpr Octets mib(std::uint64_t n) { return Octets{n << 20}; }
constexpr Octets gib(std::uint64_t n) { return Octets{n << 30}; }

// At most `count` within any `span`; a count of 0 means no limit.
struct Rate {
  std::uint32_t count = 0;
  std::chrono::seconds span{1};
  friend constexpr auto operator<=>(const Rate&, const Rate&) = default;
};

// An IP address and a port: where a name server or a listener is.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// Where a listener listens: a TCP endpoint, or a unix socket when `path` is not empty.
struct Bind {
  Endpoint endpoint;
  std::filesystem::path path;
  bool is_unix() const { return !path.empty(); }
  friend auto operator<=>(const Bind&, const Bind&) = default;
};

// An enumeration whose values have names in the file: enumerators in order, `names(E{})` finds them.
template <class E>
concept Named = std::is_enum_v<E> && requires(E e) { names(e); };

template <Named E>
constexpr std::string_view to_text(E e) {
  return names(e)[static_cast<std::size_t>(e)];
}

// What a text should have been: a clause for "must be ...".
struct Expected {
  std::string_view what;
};

// Each reads the words a person writes; text_of() writes them, so that read(text_of(v)) == v.
Result<Octets, Expected> read_octets(std::string_view text);
Result<Percent, Expected> read_percent(std::string_view text);
Result<Rate, Expected> read_rate(std::string_view text);
Result<Endpoint, Expected> read_endpoint(std::string_view text);
Result<Bind, Expected> read_bind(std::string_view text);
Result<Network, Expected> read_network(std::string_view text);
Result<std::chrono::milliseconds, Expected> read_duration(std::string_view text);

std::string text_of(Octets value);
std::string text_of(Percent value);
std::string text_of(const Rate& value);
std::string text_of(const Endpoint& value);
std::string text_of(const Bind& value);
std::string text_of(const Network& value);
std::string text_of(std::chrono::milliseconds value);

}  // namespace postroad::config
