// What a command is: its words, what it takes, and what it does. cli.cc makes the parser and the help of
// these tables; the chapters command_*.cc hold them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postroad::app {

class Console;

struct Argument {
  std::string_view name;  // "ADDRESS"
  std::string_view help;
  enum class Count : unsigned char { One, Optional, Some, Any } count = Count::One;  // Some: at least one
};
struct Option {
  std::string_view name;   // "--tenant"
  std::string_view value;  // "NAME"; empty: a flag
  std::string_view help;
  bool repeated = false;
};

// What the user gave.
class Given {
 public:
  bool has(std::string_view name) const { return values_.contains(name); }
  // The first value; empty if there is none.
  std::string get(std::string_view name) const;
  std::optional<std::string> find(std::string_view name) const;
  const std::vector<std::string>& all(std::string_view name) const;
  void set(std::string_view name, std::vector<std::string> values) {
    values_.insert_or_assign(std::string(name), std::move(values));
  }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Command {
  std::string_view words;  // "account add"
  std::string_view help;
  std::vector<Argument> arguments{};
  std::vector<Option> options{};
  std::function<int(Console&, const Given&)> run{};
};
using Commands = std::vector<Command>;

// Ends a command with one line on standard error.
struct Failure {
  int exit_code = 1;
  std::string text;
};

void add_serve_command(Commands& commands);
void add_directory_commands(Commands& commands);
void add_route_commands(Commands& commands);
void add_account_commands(Commands& commands);
void add_queue_commands(Commands& commands);
void add_server_commands(Commands& commands);
void add_store_commands(Commands& commands);
void add_send_command(Commands& commands);

}  // namespace postroad::app
