// From the TOML file to Settings, with every problem found at once; and back.
//
//   const auto loaded = config::load("/etc/postroad/postroad.toml");
//   if (!loaded) for (const auto& problem : loaded.error()) fmt::print(stderr, "{}\n", problem.text());
#pragma once

#include "config/settings.h"

namespace postroad::config {

enum class ProblemKind : std::uint8_t {
  Unreadable,  // no such file, no permission, larger than 1 MiB
  Syntax,      // not TOML; only the first such place is known
  UnknownKey,
  WrongType,
  OutOfRange,
  Duplicate,  // two listeners on one address
  Missing,
  Conflict,  // two settings that exclude each other
};

// One line for a person: where, what is wrong, what to do.
struct Problem {
  ProblemKind kind{};
  std::string file;
  std::size_t line = 0;  // 0: the file as a whole
  std::string message;
  std::string text() const;  // "FILE:LINE: MESSAGE"
};
using Problems = std::vector<Problem>;

// `file` names the text in problems; relative paths in it start at the folder of `file`.
Result<Settings, Problems> parse(std::string_view toml, const std::filesystem::path& file);
Result<Settings, Problems> load(const std::filesystem::path& file);

// What is permitted but unwise, for `check`: passwords without TLS beyond loopback and the like.
Problems findings(const Settings& settings, const std::filesystem::path& file);

// The file that says exactly this: parse(to_toml(s)) equals s. Only what differs from the defaults is
// written, unless `all`.
std::string to_toml(const Settings& settings, bool all = false);

struct Change {
  std::string name;  // "limits.message"; "listener" for the listeners as a whole
  std::string before, after;
  Effect effect{};
};
std::vector<Change> changes(const Settings& running, const Settings& next);
// What runs after a reload: `next`, with the running value of each setting that needs a restart.
Settings reloaded(const Settings& running, const Settings& next);

// The demonstration of `make run`: domain demo.test on the loopback ports of README.md, state in `data`.
Settings demo(const std::filesystem::path& data);

// docs/reference/configuration.md, printed by `postroad docs config`.
std::string reference_page();

}  // namespace postroad::config
