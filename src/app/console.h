// Console: what every command needs. The configuration, the server (or the store in this process), and what
// is printed.
//
// The server is reached by DATA/control.sock. Where nobody listens there, the store is opened in this process
// and the same routes run here, so a command behaves the same with a server and without.
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"
#include "config/settings.h"
#include "http/message.h"
#include "store/store.h"

namespace postroad::app {

namespace json = boost::json;

class Office;

// What every command takes.
struct Common {
  std::string config_file;
  bool demo = false;  // instead of a file: the demonstration, in ./var
  bool json = false;
};

class Console {
 public:
  explicit Console(Common common);
  ~Console();

  bool wants_json() const { return json_; }
  bool is_demo() const { return demo_; }
  const std::string& config_file() const { return config_file_; }
  // Throws Failure 78 with all problems.
  const config::Settings& settings();

  // A request to the API. Throws Failure: 1 with the API's message, 69 without server and store.
  json::value ask(http::Method method, const std::string& path, json::value body = nullptr);
  // All pages of a list, as the API's list object.
  json::value ask_all(const std::string& path);
  // The same, with streams: what `in` says goes there, what comes back goes to `out`.
  json::value ask_stream(http::Method method, const std::string& path, http::Body* in, http::Out* out);

  void import_account(std::string_view address, store::Source& source);

  // Either the JSON, or what `print` makes of it.
  int show(const json::value& value, const std::function<void(const json::value&)>& print);
  // Nothing to show: says what was done, on a terminal's standard output.
  int say(std::string_view text);

 private:
  Office& office();
  const std::string config_file_;
  const bool demo_, json_;
  std::optional<config::Settings> settings_;
  std::unique_ptr<Office> office_;
};

// One path segment or query value.
std::string segment(std::string_view text);
// ?name=value&... of what is not empty.
std::string query(std::initializer_list<std::pair<std::string_view, std::string>> parameters);

// Columns as wide as they need to be; the first row is the heading.
void print_table(const std::vector<std::vector<std::string>>& rows);
// "name: value" lines.
void print_pairs(const std::vector<std::pair<std::string, std::string>>& pairs);
// Of a list object: each item's fields as columns.
void print_list(const json::value& list,
                const std::vector<std::pair<std::string_view, std::string_view>>& columns);
// What a person reads of a JSON value: no quotes, "yes", "-".
std::string plain(const json::value& value);
std::string size_text(std::uint64_t octets);   // "1.5 GiB"
std::string limit_text(std::uint64_t octets);  // the same; 0, no limit, is "none"
// For terminals: what strangers wrote has no control characters in it (attack 124).
std::string safe(std::string_view text);

// "2 GiB", "500 MB", "0": throws Failure 2.
std::uint64_t parse_octets(std::string_view text);
std::uint64_t parse_count(std::string_view option, std::string_view text);
// The first line of standard input. Throws Failure 2 if there is none.
std::string read_secret();

}  // namespace postroad::app
