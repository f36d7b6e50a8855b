// The courier: finds a site's hosts and opens lines to them (RFC 5321 §5.1).
//
// It tries one host after another until one greets, and answers with a Line or with why there is none. It
// never throws for what a peer or the DNS does. How many lines, and when, is egress's affair.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "delivery/attempt.h"
#include "delivery/line.h"
#include "delivery/route.h"
#include "dns/resolver.h"
#include "net/connector.h"
#include "queue/record.h"

namespace postroad::delivery {

struct CourierOptions {
  std::string our_name;  // EHLO
  std::uint16_t port = 25;
  bool allow_private_networks = false;     // an MX may be loopback or private
  std::vector<IpAddress> our_addresses{};  // what we listen on: never a way to ourselves
  std::vector<std::uint16_t> our_ports{25};
  Patience patience{};
  std::size_t most_hosts = 50, most_addresses = 10;  // attack 59; per attempt
  std::chrono::seconds connect{30};
  Random* random = &system_random();
};

// Any core; what it opens lives on the core that asked.
class Courier {
 public:
  Courier(dns::Resolver& resolver, net::Connector& connector, net::TlsClient& tls, store::Store& store,
          CourierOptions options);

  Router& router() { return router_; }

  // A greeted line to the best host that answers; hosts named in `avoid` are passed over.
  net::task<Result<std::unique_ptr<Line>, Refusal>> open(RoutePtr route,
                                                         std::span<const std::string> avoid = {});

  // The message by `line`, and by up to two more of its site: at once for what the line did not come to; to
  // another host where everybody was refused for now by a trouble of this one (RFC 5321 §5.1). `line` becomes
  // the last of them, usable or not, or null if no other could be opened. `steps` outlive the call.
  net::task<Attempt> carry(std::unique_ptr<Line>& line, const queue::Message& message,
                           std::span<const queue::Step> steps);

 private:
  struct Opening;  // what is known while one line is sought
  net::task<Result<std::vector<net::Endpoint>, Outcome>> addresses(const Route& route, const Host& host);
  net::task<std::unique_ptr<Line>> try_host(Opening& opening, const Host& host);
  net::task<std::unique_ptr<Line>> greet(Opening& opening, const Host& host, net::Stream stream,
                                         bool with_tls);
  bool allowed(const IpAddress& address, const Route& route) const;

  net::Connector& connector_;
  dns::Resolver& resolver_;
  net::TlsClient& tls_;
  store::Store& store_;
  const CourierOptions options_;
  Router router_;
};

}  // namespace postroad::delivery
