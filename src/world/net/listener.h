// Listener: takes connections on some addresses and runs one task for each.
//
// Two steps, so that no listener answers until all are bound and the store is open: bind() claims the
// addresses and fails with a clear error; start() begins to accept. One core accepts for all and hands each
// connection to the core that has fewest; listeners that are replaced at reload lose no queued connection.
//
// What is refused is refused here, before a session exists: too many from one address or prefix, too many at
// all (durability.md: attacks 26, 28, ladder steps 2 and 3).
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "net/runtime.h"
#include "net/stream.h"

namespace postroad::net {

enum class Load : std::uint8_t { Normal, Busy, Shedding };  // durability.md, overload ladder 1 to 3

// The connections of the whole server: shared by its listeners; any thread.
class Connections {
 public:
  struct Limits {
    std::size_t all = 20'000;      // slots; lowered to what RLIMIT_NOFILE allows, less reserve_fds
    std::size_t reserve_fds = 64;  // for store, log and DNS (attack 28)
    std::size_t per_address = 50;
    std::size_t per_prefix = 200;        // an IPv4 /24, an IPv6 /64
    double busy = 0.8, shedding = 0.95;  // parts of `all`
    std::vector<Network> exempt;         // from per_address and per_prefix
  };
  explicit Connections(Limits limits);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  void set_limits(Limits limits);  // reload; what is open stays
  std::size_t open() const;
  std::size_t slots() const;
  // By slots, and never below what raise() asked for (memory, a slow store: whoever measures it).
  Load load() const;
  void raise(Load at_least);

 private:
  friend class Listener;
  struct State;
  std::shared_ptr<State> state_;
};

enum class Refusal : std::uint8_t { AddressLimit, PrefixLimit, Shedding };

enum class BindProblem : std::uint8_t { InUse, NotPermitted, NotAvailable, BadPath, Other };
struct BindError {
  BindProblem problem;
  Endpoint address;
  std::string detail;  // "Address already in use"
};

class Listener {
 public:
  struct Options {
    std::string name;  // "smtp": for logs
    std::vector<Endpoint> addresses;
    int backlog = 1024;
    unsigned unix_mode = 0660;     // of unix sockets
    std::vector<Network> proxies;  // peers that must begin with a PROXY header (v1 or v2)
    bool limited = true;           // false: no limits but slots (unix sockets are never limited)
    // Said before closing, e.g. "421 4.7.0 ...\r\n"; empty: nothing is said. Not called for implicit TLS if
    // it answers nothing. Runs on the accepting core.
    std::function<std::string(Refusal, const IpAddress&)> refuse;
  };
  // A conversation, on the core where its stream lives. What it throws goes to on_error, on that core.
  using Session = std::function<task<void>(Stream)>;

  static Result<std::unique_ptr<Listener>, BindError> bind(Runtime& runtime, Connections& connections,
                                                           Options options);
  ~Listener();  // after end_sessions() has been awaited, or after the runtime has stopped

  std::vector<Endpoint> addresses() const;  // as bound: port 0 has become a number
  void start(Session session, TaskGroup::OnError on_error);
  // Closes the listening sockets, removes unix paths, and latches the signal that all streams of this
  // listener stop on: sessions between two commands end with LineError::Stopping, others go on. Any thread.
  void stop_accepting();
  std::size_t sessions() const;
  // Waits until all sessions have ended by themselves, at most `patience`; true: all have.
  task<bool> drained(Duration patience);
  // Cancels what still runs and waits for its end.
  task<void> end_sessions();

 private:
  struct State;
  explicit Listener(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace postroad::net
