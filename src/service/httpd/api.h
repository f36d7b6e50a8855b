// The HTTP API: everything that the command line, the console and programs of others may ask (DESIGN §6).
//
//   httpd::Api api({.administration = directory.get(), ...});
//   co_await api.load();
//   listener->start([&](net::Stream s) { return api.serve(std::move(s), limits); }, on_error);        // TCP,
//   TLS control->start([&](net::Stream s) { return api.serve_control(std::move(s), limits); }, on_error); //
//   DATA/control.sock
//
// A command without a server calls handle() in its own process, on the same routes: both behave alike.
// It speaks HTTP and JSON and decides nothing that an engine decides. May be asked from any core.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "directory/admin.h"
#include "http/router.h"
#include "http/server.h"
#include "ledger/ledger.h"
#include "mailbox/engine.h"
#include "net/runtime.h"
#include "queue/outgoing.h"
#include "store/store.h"

namespace postroad::delivery {
class RouteBook;
}

namespace postroad::httpd {

class Keys;

struct ListenerState {
  std::string service;  // "smtp"
  std::string address;  // "127.0.0.1:2525"
  std::size_t sessions = 0;
};
// What only the server as a whole knows.
struct ServerState {
  bool serving = false;  // false: a command without a server
  Time started{};
  std::size_t connections = 0;
  std::vector<ListenerState> listeners{};
};

// What the routes stand on. All of it outlives the Api.
struct Services {
  directory::Administration* administration = nullptr;
  const directory::Directory* directory = nullptr;
  queue::Inspection* queue = nullptr;
  delivery::RouteBook* routes = nullptr;
  ledger::Ledger* ledger = nullptr;
  mailbox::Engine* mailboxes = nullptr;
  store::Store* store = nullptr;
  net::Pool* blocking = nullptr;  // backups and exports run on it
  const Clock* clock = nullptr;
  std::string version{};
  std::function<ServerState()> state{};                                // any core; unset: no server
  std::function<void(const std::set<std::string>& sites)> on_retry{};  // their trouble is to be forgotten
  std::function<void(bool held)> on_hold{};  // the queue was suspended or resumed by command: remember it
};

class Api final : public http::Handler {
 public:
  // Without services it can show its routes and nothing else (`postroad docs api`).
  explicit Api(Services services);
  ~Api() override;

  // Reads the API keys. Throws std::runtime_error with a line for an administrator.
  net::task<void> load();
  net::task<http::Response> handle(http::Request& request) override;

  // A connection from the network: what is not public needs a key.
  net::task<void> serve(net::Stream stream, http::ServerLimits limits);
  // A connection on DATA/control.sock: its user must be ours, or root; others are closed in silence.
  net::task<void> serve_control(net::Stream stream, http::ServerLimits limits);

  const std::vector<http::Route>& routes() const;
  std::string openapi() const;
  std::string reference_page() const;  // docs/reference/api.md

 private:
  static net::task<http::Answer> describe(const Api& api);
  Services services_;
  std::unique_ptr<Keys> keys_;
  std::unique_ptr<http::Router> router_;
};

}  // namespace postroad::httpd
