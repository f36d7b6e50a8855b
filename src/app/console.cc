#include "app/console.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "app/cli.h"
#include "app/office.h"
#include "base/ascii.h"
#include "base/cursor.h"
#include "base/encoding.h"
#include "base/utf8.h"
#include "config/load.h"
#include "crypto/password.h"

namespace postroad::app {

Console::Console(Common common)
    : config_file_(common.demo ? "the demonstration" : std::move(common.config_file)),
      demo_(common.demo),
      json_(common.json) {}
Console::~Console() = default;

const config::Settings& Console::settings() {
  if (!settings_ && demo_) settings_ = config::demo("var");
  if (!settings_) {
    auto loaded = config::load(config_file_);
    if (!loaded) {
      std::string text;
      for (const auto& problem : loaded.error()) text.append(text.empty() ? "" : "\n").append(problem.text());
      throw Failure{bad_configuration, text};
    }
    settings_ = std::move(*loaded);
  }
  return *settings_;
}

Office& Console::office() {
  if (!office_) office_ = open_office(settings());
  return *office_;
}

json::value Console::ask_stream(http::Method method, const std::string& path, http::Body* in,
                                http::Out* out) {
  http::Ask ask{.method = method, .target = path};
  if (in) ask.stream = in, ask.type = "application/octet-stream";
  const auto reply = office().ask(std::move(ask), out);
  boost::system::error_code error;
  auto value = reply.body.empty() ? json::value(nullptr) : json::parse(reply.body, error);
  if (reply.status < 300 && !error) return value;
  const auto* object = error ? nullptr : value.if_object();
  const auto* message = object ? object->if_contains("message") : nullptr;
  throw Failure{failed, message && message->is_string()
                            ? std::string(message->get_string())
                            : fmt::format("the server answered {}", reply.status)};
}

void Console::import_account(std::string_view address, store::Source& source) {
  office().import_account(address, source);
}

json::value Console::ask(http::Method method, const std::string& path, json::value body) {
  http::Ask ask{.method = method, .target = path};
  if (!body.is_null()) ask.text = json::serialize(body), ask.type = "application/json";
  const auto reply = office().ask(std::move(ask), nullptr);
  boost::system::error_code error;
  auto value = reply.body.empty() ? json::value(nullptr) : json::parse(reply.body, error);
  if (error) throw Failure{failed, "the server's answer is not JSON; is it another release?"};
  if (reply.status < 300) return value;
  const auto* object = value.if_object();
  const auto* message = object ? object->if_contains("message") : nullptr;
  if (json_) fmt::print("{}\n", json::serialize(value));
  throw Failure{failed, message && message->is_string()
                            ? std::string(message->get_string())
                            : fmt::format("the server answered {}", reply.status)};
}

json::value Console::ask_all(const std::string& path) {
  json::value all = nullptr;
  const char joint = path.find('?') == std::string::npos ? '?' : '&';
  std::string after;
  do {
    auto page = ask(http::Method::Get, path + joint + "limit=1000" +
                                           (after.empty() ? std::string() : "&after=" + segment(after)));
    after = page.at("next").is_string() ? std::string(page.at("next").get_string()) : std::string();
    if (all.is_null()) {
      all = std::move(page);
    } else {
      for (auto& item : page.at("data").as_array()) all.at("data").as_array().push_back(std::move(item));
    }
  } while (!after.empty());
  all.as_object()["has_more"] = false, all.as_object()["next"] = nullptr;
  return all;
}

int Console::show(const json::value& value, const std::function<void(const json::value&)>& print) {
  if (json_)
    fmt::print("{}\n", json::serialize(value));
  else
    print(value);
  return done;
}

int Console::say(std::string_view text) {
  if (json_)
    fmt::print("{{}}\n");
  else
    fmt::print("{}\n", text);
  return done;
}

std::string segment(std::string_view text) { return http::percent_encode(text); }

std::string query(std::initializer_list<std::pair<std::string_view, std::string>> parameters) {
  std::string out;
  for (const auto& [name, value] : parameters)
    if (!value.empty()) out += fmt::format("{}{}={}", out.empty() ? "?" : "&", name, segment(value));
  return out;
}

namespace {
std::size_t width_of(std::string_view text) {  // code points: near enough for a table
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}
}  // namespace

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    fmt::print("{}\n", line);
  }
}

void print_pairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::size_t width = 0;
  for (const auto& [name, value] : pairs) width = std::max(width, name.size());
  for (const auto& [name, value] : pairs) fmt::print("{:<{}}  {}\n", name, width, value);
}

void print_list(const json::value& list,
                const std::vector<std::pair<std::string_view, std::string_view>>& columns) {
  const auto& data = list.at("data").as_array();
  if (data.empty()) {
    fmt::print("none\n");
    return;
  }
  std::vector<std::vector<std::string>> rows(1);
  for (const auto& [field, title] : columns) rows[0].emplace_back(title);
  for (const auto& item : data) {
    auto& row = rows.emplace_back();
    for (const auto& [field, title] : columns) {
      const auto* value = item.as_object().if_contains(field);
      const bool size = field.ends_with("octets") && value && value->is_number();
      const auto octets = size ? value->to_number<std::uint64_t>() : 0;
      row.push_back(!value                       ? "-"
                    : field.starts_with("quota") ? limit_text(octets)
                    : size                       ? size_text(octets)
                                                 : plain(*value));
    }
  }
  print_table(rows);
}

std::string plain(const json::value& value) {
  if (value.is_null()) return "-";
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  if (value.is_string()) return value.get_string().empty() ? "-" : safe(value.get_string());
  if (value.is_array()) {
    std::string out;
    for (const auto& item : value.get_array()) out.append(out.empty() ? "" : ", ").append(plain(item));
    return out.empty() ? "-" : out;
  }
  return json::serialize(value);
}

std::string safe(std::string_view text) {
  if (!utf8::valid(text)) return printable(text, 1024);
  std::string out;
  for (const char c : text) out += ascii::is_control(c) ? '?' : c;
  // C1 controls are control characters too, in two octets.
  for (std::size_t i = 0; i + 1 < out.size(); ++i)
    if (out[i] == '\xc2' && static_cast<unsigned char>(out[i + 1]) < 0xa0) out.replace(i, 2, "?");
  return out;
}

std::string limit_text(std::uint64_t octets) { return octets == 0 ? "none" : size_text(octets); }

std::string size_text(std::uint64_t octets) {
  if (octets < 1024) return fmt::format("{} B", octets);
  double size = static_cast<double>(octets);
  std::string_view unit;
  for (const std::string_view next : {"KiB", "MiB", "GiB", "TiB", "PiB"}) {
    if (size < 1024) break;
    size /= 1024, unit = next;
  }
  return fmt::format("{:.{}f} {}", size, size < 10 ? 1 : 0, unit);
}

std::uint64_t parse_count(std::string_view option, std::string_view text) {
  Cursor in(text);
  const auto number = in.take_number();
  if (!number || !in.at_end())
    throw Failure{wrong_usage, fmt::format("{}: \"{}\" is no whole number", option, text)};
  return *number;
}

std::uint64_t parse_octets(std::string_view text) {
  constexpr std::pair<std::string_view, std::uint64_t> units[] = {{"", 1},
                                                                  {"B", 1},
                                                                  {"kB", 1000},
                                                                  {"MB", 1000'000},
                                                                  {"GB", 1000'000'000},
                                                                  {"TB", 1000'000'000'000},
                                                                  {"KiB", 1ull << 10},
                                                                  {"MiB", 1ull << 20},
                                                                  {"GiB", 1ull << 30},
                                                                  {"TiB", 1ull << 40},
                                                                  {"K", 1ull << 10},
                                                                  {"M", 1ull << 20},
                                                                  {"G", 1ull << 30},
                                                                  {"T", 1ull << 40}};
  Cursor in(ascii::trim(text));
  const auto number = in.take_number();
  const auto unit = ascii::trim(in.rest());
  for (const auto& [name, factor] : units)
    if (number && ascii::iequals(name, unit) && *number <= (UINT64_MAX >> 1) / factor)
      return *number * factor;
  throw Failure{
      wrong_usage,
      fmt::format("\"{}\" is no size; write it as in \"2 GiB\" or \"500 MB\", 0 for no limit", text)};
}

std::string read_secret() {
  std::string line;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
    line += static_cast<char>(c);
    if (line.size() > crypto::longest_password)
      throw Failure{wrong_usage, "the password has more than 1024 octets"};
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) throw Failure{wrong_usage, "standard input is empty: pipe the password in, as one line"};
  return line;
}

}  // namespace postroad::app
