// Listener: takes connections on some addresses and runs one task for each.
//
// Two steps, so that no listener answers until all are bound and the store is open: bind() claims the
// addresses and fails with a clear error; start() begins to accept. One core accepts for all and hands each
// connection to the core that has fewest: fair, and no connection is lost in the queue of a socket that
// closes, as with a socket per core (SO_REUSEPORT).
//
// What is refused is refused here, before a session exists: see Connections.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/connections.h"
#include "net/runtime.h"
#include "net/stream.h"

namespace postroad::net {

enum class BindProblem : std::uint8_t {
  InUse,         // another program, or another of our listeners, has the address
  NotPermitted,  // a port below 1024, or a directory that is not ours
  NotAvailable,  // no interface has this address
  Other,
};
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
    unsigned unix_mode = 0660;  // of unix sockets
    std::vector<Network> proxies =
        {};                  // peers that must begin with a PROXY header; limits then count whom it names
    bool strangers = false;  // anybody comes here: Connections::Limits::reserved
    // Said to whom is refused, e.g. "421 4.7.0 Too many connections\r\n"; unset or empty: closed in silence
    // (TLS). Called on any core.
    std::function<std::string(Refusal, const IpAddress&)> refuse = {};
  };
  // A conversation, on the core where its stream lives from now on. Called on that core. The stream is part
  // of the listener: it ends before that does.
  using Session = std::function<task<void>(Stream)>;

  // The runtime and the connections must outlive the listener.
  static Result<std::unique_ptr<Listener>, BindError> bind(Runtime& runtime, Connections& connections,
                                                           Options options);
  ~Listener();  // after end_sessions(), or after the runtime has stopped

  const std::string& name() const;
  std::vector<Endpoint> addresses() const;  // as bound: port 0 has become a number
  // Once. What ends a session goes to on_error, on its core.
  void start(Session session, TaskGroup::OnError on_error);
  // Closes the listening sockets, removes unix paths, and latches the signal on which all streams of this
  // listener stop: a session between two lines sees LineError::Stopping. Any thread.
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
