// How much of everything: what one peer, one message and the whole server may use, and what is given up
// first when the machine is full (durability.md §4).
#pragma once

#include <tuple>

#include "config/setting.h"

namespace postroad::config {

struct Limits {
  std::uint32_t connections = 20'000;
  std::uint32_t connections_per_ip = 50;
  std::uint32_t connections_per_prefix = 200;
  std::uint32_t prefix_v4 = 24;
  std::uint32_t prefix_v6 = 64;
  Rate connection_rate{300, std::chrono::minutes(1)};
  std::uint32_t sessions_per_account = 50;
  std::vector<Network> exempt;
  std::uint32_t recipients = 1'000;
  Octets message = mib(50);
  std::uint32_t hops = 50;
  Octets data_rate{500};
  Octets line = kib(64);
  Octets output = kib(256);
  Octets header = kib(256);
  std::uint32_t mime_depth = 100;
  std::uint32_t mime_parts = 10'000;
  std::uint32_t addresses = 10'000;
  std::uint32_t parameters = 100;

  // Whom an address is counted with.
  Network neighbourhood(const IpAddress& address) const {
    return Network::around(address, address.is_v4() ? prefix_v4 : prefix_v6);
  }
};

// As the limits of grammar/mime, whose words these are. A template, for config knows no grammar.
template <class Reading>
Reading reading_limits(const Limits& limits) {
  return {.header = limits.header.value(),
          .depth = limits.mime_depth,
          .parts = limits.mime_parts,
          .addresses = limits.addresses,
          .parameters = limits.parameters};
}

inline constexpr std::tuple limits_table{
    Setting{"connections", &Limits::connections,
            "Connections held at once by all listeners. Those above wait in the kernel's queue.", 16u,
            10'000'000u},
    Setting{"connections_per_ip", &Limits::connections_per_ip,
            "Of these, from one IP address; above it 421 4.7.0.", 1u},
    Setting{"connections_per_prefix", &Limits::connections_per_prefix,
            "Of these, from one network of prefix_v4 or prefix_v6 bits.", 1u},
    Setting{"prefix_v4", &Limits::prefix_v4, "Bits of an IPv4 address that make one neighbourhood.", 8u, 32u},
    Setting{"prefix_v6", &Limits::prefix_v6, "Bits of an IPv6 address that make one neighbourhood.", 16u,
            128u},
    Setting{"connection_rate", &Limits::connection_rate,
            "New connections from one neighbourhood in a span of time."},
    Setting{"sessions_per_account", &Limits::sessions_per_account, "IMAP and POP3 sessions of one account.",
            1u},
    Setting{"exempt", &Limits::exempt,
            "Networks to which the limits on connections, rates and errors do not apply: own relays, "
            "benchmarks."},
    Setting{"recipients", &Limits::recipients,
            "Recipients of one message; RFC 5321 §4.5.3.1.8 asks for at least 100. Above it 452 4.5.3, and "
            "the sender "
            "comes again.",
            100u, 1'000'000u},
    Setting{"message", &Limits::message,
            "Largest message taken, announced as SIZE (RFC 1870) and APPENDLIMIT.", kib(64), gib(2)},
    Setting{
        "hops", &Limits::hops,
        "Received fields that make a loop; RFC 5321 §6.3 asks for at least 100 where it is counted alone.",
        10u, 200u},
    Setting{"data_rate", &Limits::data_rate,
            "Octets per second that a peer must send or take on average, once it has begun.", Octets{0},
            mib(1)},
    Setting{"line", &Limits::line, "Octets without a line end before a connection is closed.", kib(4),
            mib(1)},
    Setting{"output", &Limits::output, "Octets that wait for a peer that does not read before it is closed.",
            kib(16), mib(16)},
    Setting{"header", &Limits::header, "Part of a header section that is parsed; the rest is kept, unread.",
            kib(16), mib(16)},
    Setting{"mime_depth", &Limits::mime_depth,
            "Nesting of parts that is parsed; deeper ones stay one opaque part.", 10u, 500u},
    Setting{"mime_parts", &Limits::mime_parts, "Parts of one message that are told apart.", 100u, 100'000u},
    Setting{"addresses", &Limits::addresses, "Addresses read from one header section.", 100u, 1'000'000u},
    Setting{"parameters", &Limits::parameters, "Parameters read from one field (RFC 2231).", 10u, 1'000u},
};

// The ladder of durability.md §4: busy shortens waits, shedding refuses strangers with 421 and 452.
struct Overload {
  Percent busy_at{80};
  Percent shed_at{95};
  Octets memory{0};
  Percent memory_busy{75};
  Percent memory_shed{80};
  std::chrono::milliseconds commit_slow{1'000};
  std::chrono::seconds stressed_wait{10};
  std::uint32_t stressed_errors = 1;
  Percent reserved{20};
};

inline constexpr std::tuple overload_table{
    Setting{"busy_at", &Overload::busy_at,
            "Share of limits.connections in use from which waits are shortened and strangers' errors counted "
            "short.",
            Percent{10}, Percent{100}},
    Setting{"shed_at", &Overload::shed_at, "Share from which new strangers get 421 4.3.2.", Percent{10},
            Percent{100}},
    Setting{"memory", &Overload::memory,
            "Memory this server may use; \"0 B\" takes the limit of its cgroup, or the machine's."},
    Setting{"memory_busy", &Overload::memory_busy, "Share of it from which caches are dropped.", Percent{10},
            Percent{100}},
    Setting{"memory_shed", &Overload::memory_shed, "Share of it from which MAIL is answered 452 4.3.1.",
            Percent{10}, Percent{100}},
    Setting{"commit_slow", &Overload::commit_slow,
            "A 99th percentile of commits, over the last seconds, that counts as busy.",
            std::chrono::milliseconds(10), std::chrono::minutes(1)},
    Setting{"stressed_wait", &Overload::stressed_wait,
            "How long strangers' commands are waited for when busy.", std::chrono::seconds(1),
            std::chrono::minutes(5)},
    Setting{"stressed_errors", &Overload::stressed_errors, "Errors forgiven to strangers when busy.", 0u,
            100u},
    Setting{"reserved", &Overload::reserved,
            "Share of limits.connections that port 25 leaves to the doors of users and to exempt networks.",
            Percent{0}, Percent{90}},
};

}  // namespace postroad::config
