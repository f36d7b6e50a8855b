// The parser, made of the tables of commands. The only place that knows CLI11.
#include "app/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>
#include <map>
#include <optional>

#include "app/command.h"
#include "app/console.h"
#include "base/ascii.h"
#include "config/nearest.h"

namespace postroad::app {

namespace {

// Where CLI11 puts what it reads, for one command.
struct Filled {
  const Command* command = nullptr;
  CLI::App* parser = nullptr;
  std::deque<std::vector<std::string>> values;  // of arguments, then options; addresses are kept
  std::vector<CLI::Option*> places;
  Common common{.config_file = "/etc/postroad/postroad.toml"};
};

// The parser of "account add" below that of "account", each made when it is first named.
using Parsers = std::map<std::string, CLI::App*, std::less<>>;

CLI::App* parser_for(Parsers& parsers, std::string_view words, const std::string& help) {
  if (const auto known = parsers.find(words); known != parsers.end()) return known->second;
  const auto space = words.rfind(' ');
  const bool first = space == std::string_view::npos;
  const auto above = first ? std::string_view() : words.substr(0, space);
  const std::string word(first ? words : words.substr(space + 1));
  CLI::App* parent = parser_for(parsers, above, fmt::format("See `postroad {} --help`", above));
  if (!above.empty()) parent->require_subcommand(1);
  return parsers[std::string(words)] = parent->add_subcommand(word, help);
}

void fill(Parsers& parsers, Filled& filled) {
  const Command& command = *filled.command;
  CLI::App* parser = filled.parser = parser_for(parsers, command.words, std::string(command.help));
  parser->add_option("--config", filled.common.config_file, "The configuration file")
      ->type_name("FILE")
      ->capture_default_str();
  parser->add_flag("--demo", filled.common.demo, "Instead: the demonstration of `make run`, kept in ./var")
      ->excludes("--config");
  parser->add_flag("--json", filled.common.json, "Say it in JSON, with the API's fields");
  for (const Argument& argument : command.arguments) {
    using Count = Argument::Count;
    const bool many = argument.count == Count::Some || argument.count == Count::Any;
    const std::string argument_name(argument.name), help(argument.help);
    auto& values = filled.values.emplace_back();
    auto* place = many ? parser->add_option(argument_name, values, help)
                       : parser->add_option(argument_name, values.emplace_back(), help);
    if (argument.count == Count::One || argument.count == Count::Some) place->required();
    filled.places.push_back(place);
  }
  for (const Option& option : command.options) {
    auto& values = filled.values.emplace_back();
    CLI::Option* place = nullptr;
    if (option.value.empty()) {
      const std::string help(option.help);
      place = parser->add_flag(std::string(option.name), help);
    } else {
      place = parser->add_option(std::string(option.name), values, std::string(option.help));
      place->type_name(std::string(option.value))->expected(1)->take_last();
      if (option.repeated) place->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
    filled.places.push_back(place);
  }
}

Given given_of(const Filled& filled) {
  Given given;
  std::size_t i = 0;
  const auto take = [&](std::string_view name) {
    if (filled.places[i]->count() > 0) given.set(name, filled.values[i]);
    ++i;
  };
  for (const Argument& argument : filled.command->arguments) {
    if (filled.places[i]->count() > 0 && std::ranges::count(filled.values[i], "") > 0)
      throw Failure{wrong_usage, fmt::format("{} is empty", argument.name)};
    take(argument.name);
  }
  for (const Option& option : filled.command->options) take(option.name);
  return given;
}

// The first word that is no command where it stands, and what was probably meant.
std::optional<std::string> unknown_word(const Parsers& parsers, int argc, char** argv) {
  std::string words;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    std::vector<std::string_view> known;
    const std::string above = words.empty() ? words : words + " ";
    for (const auto& [name, parser] : parsers)
      if (!name.empty() && name.starts_with(above) && name.find(' ', above.size()) == std::string::npos)
        known.push_back(std::string_view(name).substr(above.size()));
    if (known.empty()) return std::nullopt;  // a command is complete; what follows are its arguments
    const std::string_view word = argv[i];
    if (std::ranges::find(known, word) == known.end()) {
      std::string all;
      for (const auto each : known) all.append(all.empty() ? "" : ", ").append(each);
      const auto meant = config::nearest(word, known);
      return meant ? fmt::format("there is no command \"{}{}\"; did you mean \"{}{}\"?", above, safe(word),
                                 above, *meant)
                   : fmt::format("there is no command \"{}{}\"; there are {}", above, safe(word), all);
    }
    words = above + std::string(word);
  }
  return std::nullopt;
}

int run(const Filled& filled) {
  Console console(filled.common);
  try {
    return filled.command->run(console, given_of(filled));
  } catch (const Failure& failure) {
    fmt::print(stderr, "postroad: {}\n", failure.text);
    return failure.exit_code;
  } catch (const std::exception& error) {
    fmt::print(stderr, "postroad: {}\n", error.what());
    return failed;
  }
}

Commands all_commands() {
  Commands commands;
  add_serve_command(commands);
  add_directory_commands(commands);
  add_route_commands(commands);
  add_account_commands(commands);
  add_queue_commands(commands);
  add_server_commands(commands);
  add_store_commands(commands);
  add_send_command(commands);
  return commands;
}

// "ADDRESS...", "[FILE]", as in the synopsis of a manual page.
std::string usage_of(const Argument& argument) {
  using Count = Argument::Count;
  const bool many = argument.count == Count::Some || argument.count == Count::Any;
  const bool optional = argument.count == Count::Optional || argument.count == Count::Any;
  return fmt::format(fmt::runtime(optional ? "[{}{}]" : "{}{}"), argument.name, many ? "..." : "");
}

}  // namespace

std::string commands_page() {
  std::string page =
      "# Commands\n\n"
      "Made by `postroad docs commands`; do not edit.\n\n"
      "Every command takes `--config FILE` (default `/etc/postroad/postroad.toml`), or `--demo` for the "
      "demonstration of\n"
      "`make run`, and `--json`, which prints the fields of the [API](api.md). It asks the running server "
      "by\n"
      "`control.sock` in its data directory; where none runs it opens the store itself, so it works with a "
      "server and\n"
      "without. Secrets are read from standard input, never from the command line.\n\n"
      "Exit codes: 0 done, 1 failed (one line on standard error says why), 2 wrong usage, 69 neither server "
      "nor store can\n"
      "be had, 78 the configuration is wrong.\n";
  for (const Command& command : all_commands()) {
    page += fmt::format("\n## postroad {}", command.words);
    for (const Argument& argument : command.arguments) page += " " + usage_of(argument);
    page += fmt::format("\n\n{}.\n", command.help);
    if (!command.arguments.empty() || !command.options.empty()) page += "\n| | |\n|---|---|\n";
    for (const Argument& argument : command.arguments)
      page += fmt::format("| `{}` | {} |\n", argument.name, argument.help);
    for (const Option& option : command.options)
      page += fmt::format("| `{}{}{}` | {}{} |\n", option.name, option.value.empty() ? "" : " ", option.value,
                          option.help, option.repeated ? "; may be repeated" : "");
  }
  return page;
}

std::string Given::get(std::string_view name) const { return find(name).value_or(""); }
std::optional<std::string> Given::find(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}
const std::vector<std::string>& Given::all(std::string_view name) const {
  static const std::vector<std::string> none;
  const auto found = values_.find(name);
  return found == values_.end() ? none : found->second;
}

int run_command(int argc, char** argv) {
  const Commands commands = all_commands();
  CLI::App top("Postroad: a whole post office in one program.", "postroad");
  top.require_subcommand(1);
  Parsers parsers{{"", &top}};
  std::deque<Filled> all;
  for (const Command& command : commands) fill(parsers, all.emplace_back(Filled{.command = &command}));
  if (const auto unknown = unknown_word(parsers, argc, argv)) {
    fmt::print(stderr, "postroad: {}\n", *unknown);
    return wrong_usage;
  }
  try {
    top.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help
      top.exit(error);
      return done;
    }
    std::string text = error.what();
    for (char& c : text)
      if (ascii::is_control(c)) c = ' ';
    fmt::print(stderr, "postroad: {}; `postroad --help`, or --help after a command, shows what can be said\n",
               text);
    return wrong_usage;
  }
  for (const Filled& filled : all)
    if (filled.parser->parsed()) return run(filled);
  return wrong_usage;
}

}  // namespace postroad::app
