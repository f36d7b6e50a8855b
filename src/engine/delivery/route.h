// Route: where a domain's mail goes. Router: finds it (RFC 5321 §5.1), once for all who ask.
//
// Domains whose mail is taken by the same set of hosts have one `site`: connections, pacing and transactions
// are shared by site, not by domain. A Route never changes; a new answer of the DNS makes a new one.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "delivery/attempt.h"
#include "dns/resolver.h"
#include "net/later.h"

namespace postroad::delivery {

enum class NextHop : std::uint8_t { Mx, Smarthost, Lmtp };

enum class TlsDemand : std::uint8_t {
  Never,          // not even where it is offered
  Opportunistic,  // where it is offered, with any certificate (RFC 7435)
  Encrypted,      // or not at all; any certificate
  Verified,       // or not at all; the certificate is the host's
};

struct Login {
  std::string name, password;
  friend auto operator<=>(const Login&, const Login&) = default;
};

struct Host {
  std::string name;  // lower case; "[192.0.2.1]", "[IPv6:2001:db8::1]"; "unix:/path" (LMTP)
  std::uint16_t preference = 0;
  friend auto operator<=>(const Host&, const Host&) = default;
};

struct Route {
  std::string site;      // the merged MX set: sorted host names joined by ','; "[host]:port" of a smart host
  std::string provider;  // who runs the best host: its organizational domain ("outlook.com")
  NextHop kind = NextHop::Mx;
  std::vector<Host> hosts;  // best first; whoever connects shuffles equals (RFC 5321 §5.1)
  std::uint16_t port = 25;
  TlsDemand tls = TlsDemand::Opportunistic;
  bool tls_at_once = false;  // before the greeting (RFC 8314 §3.3)
  std::optional<Login> login{};
  friend bool operator==(const Route&, const Route&) = default;
};
using RoutePtr = std::shared_ptr<const Route>;

class RouteTable;

struct RouterOptions {
  std::string our_name;
  std::uint16_t port = 25;
  std::size_t most_hosts = 50;                // attack 59
  std::size_t most_domains = 20'000;          // remembered
  std::chrono::seconds least{10}, most{300};  // how long an answer is believed, whatever its TTL
};

// Any core, inside a task.
class Router {
 public:
  Router(dns::Resolver& resolver, RouterOptions options);

  // `domain` as in an Address: lower-case A-labels or a literal. However many ask, one looks.
  net::task<Result<RoutePtr, Outcome>> find(std::string domain);

  // Routes that an administrator has laid, from now on. Any thread.
  void set_table(std::shared_ptr<const RouteTable> table);

 private:
  struct Known {
    Result<RoutePtr, Outcome> answer;
    Instant until{};
  };
  struct Found {
    Result<RoutePtr, Outcome> answer;
    std::chrono::seconds good_for{};
  };
  class Looking;
  net::task<Found> look_up(const std::string& domain);
  net::task<Found> look_up_mx(const std::string& domain);
  RoutePtr shared(Route route);
  void remember(const std::string& domain, const Found& found, std::uint64_t generation);

  dns::Resolver& resolver_;
  const RouterOptions options_;
  std::mutex lock_;
  std::shared_ptr<const RouteTable> table_;
  std::uint64_t generation_ = 0;  // of the table
  std::unordered_map<std::string, Known> known_;
  std::deque<std::string> order_;  // of known_, oldest first
  std::unordered_map<std::string, std::vector<net::Completer<void>>>
      looking_;                                                        // who waits for the one who looks
  std::unordered_map<std::string, std::weak_ptr<const Route>> sites_;  // equal routes are one
};

// What the MX records of a domain say, or their absence (`records` empty: the domain itself). Pure.
Result<Route, Outcome> route_of(const std::string& domain, const std::vector<dns::Mx>& records,
                                const RouterOptions& options);

}  // namespace postroad::delivery
