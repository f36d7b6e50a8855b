// postroad: the one program. `serve` is here; every other command is in cli.h.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "app/cli.h"
#include "app/server.h"
#include "config/load.h"

namespace {

constexpr int usage = 2, bad_configuration = 78;

int serve(int argc, char** argv) {
  std::string file = "/etc/postroad/postroad.toml";
  bool demo = false;
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--demo") {
      demo = true;
    } else if (word == "--config" && i + 1 < argc) {
      file = argv[++i];
    } else if (word.starts_with("--config=")) {
      file = word.substr(9);
    } else {
      fmt::print(stderr, "postroad serve: \"{}\" is not known; use --config FILE or --demo\n", word);
      return usage;
    }
  }
  postroad::app::ServeOptions options;
  if (demo) {
    options.settings = postroad::config::demo("var");
    options.demo = true;
  } else {
    auto loaded = postroad::config::load(file);
    if (!loaded) {
      for (const auto& problem : loaded.error()) fmt::print(stderr, "{}\n", problem.text());
      return bad_configuration;
    }
    options.settings = std::move(*loaded);
    options.config_file = file;
  }
  postroad::app::Server server(std::move(options));
  if (const auto fault = server.start()) {
    fmt::print(stderr, "postroad: {}\n", fault->text);
    return fault->exit_code;
  }
  return server.run();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 2 && std::strcmp(argv[1], "serve") == 0) return serve(argc, argv);
  return postroad::app::run_command(argc, argv);
}
