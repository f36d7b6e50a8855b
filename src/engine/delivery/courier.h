// The courier: carries one entry of the queue to the recipients' server (RFC 5321 §5.1).
//
// It finds the hosts, tries one after another until one has taken or finally refused every recipient, and
// answers with one outcome per recipient. It never throws for what a peer or the DNS does. One connection at
// a time here; pacing per site is egress's affair.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "delivery/attempt.h"
#include "delivery/client.h"
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
};

struct Attempt {
  std::vector<Outcome> outcomes;  // by step
  Contact contact;
};

class Courier {
 public:
  Courier(dns::Resolver& resolver, net::Connector& connector, net::TlsClient& tls, store::Store& store,
          CourierOptions options);
  // `steps` of one domain. The message's content is read from the store.
  net::task<Attempt> carry(const queue::Message& message, const std::string& domain,
                           const std::vector<queue::Step>& steps);

 private:
  struct Host {
    std::string name;
    std::uint16_t preference = 0;
  };
  net::task<Result<std::vector<Host>, Outcome>> hosts(const std::string& domain);
  // Adds the addresses mail may go to; what stands in the way of the rest is kept in `why`.
  net::task<void> addresses(const Host& host, std::vector<IpAddress>& to, Outcome& why);
  net::task<bool> try_address(const Host& host, const IpAddress& address, const queue::Message& message,
                              const std::vector<queue::Step>& steps, Attempt& attempt);

  dns::Resolver& resolver_;
  net::Connector& connector_;
  net::TlsClient& tls_;
  store::Store& store_;
  const CourierOptions options_;
};

}  // namespace postroad::delivery
