#include "config/value.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/cursor.h"

namespace postroad::config {
namespace {

using std::chrono::milliseconds;

constexpr Expected size_wanted{"a size such as \"50 MiB\""};
constexpr Expected percent_wanted{"a share such as \"10 %\""};
constexpr Expected rate_wanted{"a rate such as \"100/min\", or \"0\" for no limit"};
constexpr Expected endpoint_wanted{"an IP address and port such as \"192.0.2.1:53\" or \"[2001:db8::1]:53\""};
constexpr Expected bind_wanted{
    "an address to listen on such as \"0.0.0.0:25\", \"[::]:25\" or \"unix:/run/lmtp.sock\""};
constexpr Expected network_wanted{"a network such as \"192.0.2.0/24\" or \"2001:db8::/32\""};
constexpr Expected duration_wanted{"a time with its unit (ms, s, min, h, d) such as \"5 min\""};

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array size_units{Unit{"B", 1},
                                Unit{"KB", 1'000},
                                Unit{"MB", 1'000'000},
                                Unit{"GB", 1'000'000'000},
                                Unit{"TB", 1'000'000'000'000},
                                Unit{"KiB", std::uint64_t{1} << 10},
                                Unit{"MiB", std::uint64_t{1} << 20},
                                Unit{"GiB", std::uint64_t{1} << 30},
                                Unit{"TiB", std::uint64_t{1} << 40}};
// In ms; the first is the smallest.
constexpr std::array time_units{Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"min", 60'000}, Unit{"h", 3'600'000},
                                Unit{"d", 86'400'000}};

template <std::size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units)
    if (ascii::iequals(unit.name, name)) return &unit;
  return nullptr;
}

// A number, perhaps a space, a unit, nothing else; at most 2^62, so that every chrono type holds it.
template <std::size_t N>
std::optional<std::uint64_t> measure(std::string_view text, const std::array<Unit, N>& units) {
  Cursor in(text);
  const auto number = in.take_number();
  in.take(' ');
  const Unit* unit = find_unit(units, in.rest());
  if (!number || !unit || *number > (std::uint64_t{1} << 62) / unit->factor) return std::nullopt;
  return *number * unit->factor;
}

// With the largest unit that leaves no fraction.
template <std::size_t N>
std::string in_largest(std::uint64_t value, const std::array<Unit, N>& units, std::string_view zero) {
  if (value == 0) return std::string(zero);
  const Unit* best = &units[0];
  for (const Unit& unit : units)
    if (value % unit.factor == 0 && unit.factor > best->factor) best = &unit;
  return fmt::format("{} {}", value / best->factor, best->name);
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  Cursor in(text);
  const auto number = in.take_number();
  if (!number || !in.at_end() || *number > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

}  // namespace

Result<Octets, Expected> read_octets(std::string_view text) {
  const auto octets = measure(text, size_units);
  if (!octets) return refuse(size_wanted);
  return Octets{*octets};
}

Result<Percent, Expected> read_percent(std::string_view text) {
  Cursor in(text);
  const auto number = in.take_number();
  in.take(' ');
  if (!number || *number > 100 || !in.take('%') || !in.at_end()) return refuse(percent_wanted);
  return Percent{static_cast<std::uint32_t>(*number)};
}

// count "/" [number] unit: "100/min", "20/10 min".
Result<Rate, Expected> read_rate(std::string_view text) {
  Cursor in(text);
  const auto count = in.take_number();
  if (!count || *count > UINT32_MAX) return refuse(rate_wanted);
  if (*count == 0 && in.at_end()) return Rate{};
  if (!in.take('/')) return refuse(rate_wanted);
  const std::string span =
      ascii::is_digit(in.peek()) ? std::string(in.rest()) : "1 " + std::string(in.rest());
  const auto length = measure(span, time_units);
  if (!length || *length < 1'000 || *length % 1'000 != 0) return refuse(rate_wanted);
  if (*count == 0) return Rate{};
  return Rate{static_cast<std::uint32_t>(*count), std::chrono::seconds(*length / 1'000)};
}

Result<Endpoint, Expected> read_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse(endpoint_wanted);
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const auto port = read_port(text.substr(colon + 1));
  // Without brackets nobody could tell where an IPv6 address ends.
  if (!address || !port || brackets != (host.find(':') != std::string_view::npos))
    return refuse(endpoint_wanted);
  return Endpoint{*address, *port};
}

Result<Bind, Expected> read_bind(std::string_view text) {
  if (text.starts_with("unix:")) {
    // sockaddr_un holds 108 octets with the NUL (unix(7)).
    const std::string_view path = text.substr(5);
    if (path.empty() || path.size() > 107 || path.find('\0') != std::string_view::npos)
      return refuse(bind_wanted);
    return Bind{.endpoint = {}, .path = path};
  }
  const auto endpoint = read_endpoint(text);
  if (!endpoint) return refuse(bind_wanted);
  return Bind{.endpoint = *endpoint, .path = {}};
}

Result<Network, Expected> read_network(std::string_view text) {
  const auto network = Network::parse(text);
  if (network) return *network;
  if (network.error() == NetworkError::BitsBeyondPrefix)
    return refuse(Expected{"a network whose bits beyond the prefix are zero, such as \"192.0.2.0/24\""});
  return refuse(network_wanted);
}

Result<milliseconds, Expected> read_duration(std::string_view text) {
  const auto length = measure(text, time_units);
  if (!length) return refuse(duration_wanted);
  return milliseconds(*length);
}

std::string text_of(Octets value) { return in_largest(value.value(), size_units, "0 B"); }
std::string text_of(Percent value) { return fmt::format("{} %", value.value()); }
std::string text_of(const Rate& value) {
  if (value.count == 0) return "0";
  const std::string span =
      in_largest(static_cast<std::uint64_t>(value.span.count()) * 1'000, time_units, "0 s");
  return fmt::format("{}/{}", value.count, span.starts_with("1 ") ? span.substr(2) : span);
}
std::string text_of(const Endpoint& value) {
  return value.address.is_v4() ? fmt::format("{}:{}", value.address.text(), value.port)
                               : fmt::format("[{}]:{}", value.address.text(), value.port);
}
std::string text_of(const Bind& value) {
  return value.is_unix() ? "unix:" + value.path.string() : text_of(value.endpoint);
}
std::string text_of(const Network& value) { return value.text(); }
std::string text_of(milliseconds value) {
  return in_largest(static_cast<std::uint64_t>(value.count()), time_units, "0 s");
}

}  // namespace postroad::config
