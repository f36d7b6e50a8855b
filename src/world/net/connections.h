// Connections: how many are open, from whom, and how many may be. Shared by all listeners of the server.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"

namespace postroad::net {

enum class Load : std::uint8_t { Normal, Busy, Shedding };  // durability.md, overload ladder 1 to 3

enum class Refusal : std::uint8_t {
  AddressLimit,  // too many from this address
  PrefixLimit,   // too many from its neighbourhood (attack 26)
  Shedding,      // we have enough to do
  RateLimit,     // its neighbourhood comes too often
};

// Any thread.
class Connections {
 public:
  struct Limits {
    std::size_t all = 20'000;      // slots; less where RLIMIT_NOFILE allows less
    std::size_t reserve_fds = 64;  // of that limit, for store, log and DNS (attack 28)
    std::size_t per_address = 50;
    std::size_t per_prefix = 200;
    unsigned prefix_v4 = 24, prefix_v6 = 64;      // bits of an address that make one neighbourhood
    std::size_t rate = 0;                         // new connections of one neighbourhood in ...
    Duration rate_span{std::chrono::minutes{1}};  // ... this time; 0: no limit
    double busy = 0.8, shedding = 0.95;           // parts of the slots
    double reserved = 0.0;                        // part of the slots that strangers' doors leave free
    std::vector<Network> exempt = {};             // from all but the slots
  };
  explicit Connections(Limits limits, const Clock& clock = system_clock());
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  void set_limits(Limits limits);  // reload; what is open stays open
  std::size_t open() const;
  std::size_t slots() const;
  bool full() const { return open() >= slots(); }
  // By slots, and never below what raise() asked for (whoever measures memory or commits calls it).
  Load load() const;
  void raise(Load at_least);

  // A place that is given back when the last owner lets go.
  using Place = std::shared_ptr<void>;
  // `stranger`: at a door where anybody comes, unlike those where only users do.
  Result<Place, Refusal> take(const IpAddress& address, bool stranger = false);
  Place take_unlimited();  // unix sockets: counted, never refused

 private:
  static const Clock& system_clock();
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace postroad::net
