// Connector: the door to outgoing connections. The simulation stands another one in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "net/stream.h"

namespace postroad::net {

enum class ConnectError : std::uint8_t {
  Refused,        // nobody listens there
  TimedOut,       // no answer in time
  Unreachable,    // no route to network or host, also by ICMP
  BadSource,      // the source address is not ours, or of another family
  NoDescriptors,  // our own limit: try later, it says nothing about the peer
  Other,
};
std::string_view name(ConnectError error);

struct ConnectTo {
  Endpoint peer;  // unix sockets too
  std::optional<IpAddress> source = {};
  Duration patience = std::chrono::seconds{30};
};

class Connector {
 public:
  virtual ~Connector() = default;
  // On the core of the calling task, where the stream then lives.
  virtual task<Result<Stream, ConnectError>> connect(ConnectTo to) = 0;
};

// Sockets of this machine.
class SystemConnector final : public Connector {
 public:
  task<Result<Stream, ConnectError>> connect(ConnectTo to) override;
};

}  // namespace postroad::net
