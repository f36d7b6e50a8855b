// Connecting to one of several addresses of a host, in the manner of RFC 8305: IPv6 and IPv4 in turn, the
// next begun when the one before has failed or has been silent for a quarter of a second; the first to answer
// wins.
#pragma once

#include <vector>

#include "net/connector.h"

namespace postroad::delivery {

// The order of trying: families alternate, the first address's family first (RFC 8305 §4).
std::vector<IpAddress> interleaved(const std::vector<IpAddress>& addresses);

struct Reached {
  net::Stream stream;
  net::Endpoint at;
};

// Takes out of `to` what was reached and what has failed; those still under way stay for another try.
net::task<Result<Reached, net::ConnectError>> race(net::Connector& connector, std::vector<net::Endpoint>& to,
                                                   std::optional<IpAddress> source, Duration patience);

}  // namespace postroad::delivery
