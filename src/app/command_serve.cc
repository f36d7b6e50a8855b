// serve: the server itself.
#include "app/cli.h"
#include "app/console.h"
#include "app/server.h"

namespace postroad::app {

namespace {

// The sandbox must come before the first thread: nothing before start() may make one.
int serve(Console& console, const Given&) {
  ServeOptions options{.settings = console.settings(), .demo = console.is_demo()};
  if (!options.demo) options.config_file = console.config_file();
  Server server(std::move(options));
  if (const auto fault = server.start()) throw Failure{fault->exit_code, fault->text};
  return server.run();
}

}  // namespace

void add_serve_command(Commands& commands) {
  commands.push_back({"serve", "Run the server; SIGTERM drains, SIGHUP reloads", {}, {}, serve});
}

}  // namespace postroad::app
