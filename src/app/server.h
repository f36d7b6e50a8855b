// The whole post office: builds everything in order, runs it, stops it in reverse.
//
// start() claims what can fail for reasons an administrator must hear of: the data directory, the store,
// certificates, the addresses. Nothing answers until all of it has worked.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "config/settings.h"

namespace postroad::app {

// Why the server does not start: a line for a person, and what the process exits with (DESIGN §6).
struct StartFault {
  std::string text;
  int exit_code = 1;
};

struct ServeOptions {
  config::Settings settings;
  std::filesystem::path config_file;  // read again at SIGHUP; empty: nothing to read
  bool demo = false;                  // answers the DNS itself and makes the demo's accounts
};

class Server {
 public:
  explicit Server(ServeOptions options);
  ~Server();
  // On the main thread, before any other exists.
  std::optional<StartFault> start();
  // Until SIGTERM or SIGINT; then drains. Answers the exit code.
  int run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace postroad::app
