#include "egress/providers.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>

#include "base/ascii.h"
#include "base/cursor.h"

namespace postroad::egress {
namespace {

constexpr std::uint32_t most = 1'000'000;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::optional<std::string_view> word(Cursor& in) {
  in.take_while(is_space);
  const auto found = in.take_while([](char c) { return !is_space(c); });
  if (found.empty()) return std::nullopt;
  return found;
}

std::optional<std::uint32_t> number(std::string_view text) {
  Cursor in(text);
  const auto value = in.take_number();
  if (!value || !in.at_end() || *value > most) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

bool is_host(std::string_view text) {
  if (text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos) return false;
  return std::ranges::all_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || ascii::is_digit(c) || c == '-' || c == '.'; });
}

}  // namespace

Result<Providers, ProviderFault> Providers::parse(std::string_view text) {
  Providers out;
  for (std::size_t number_of_line = 1; !text.empty(); ++number_of_line) {
    const auto end = std::min(text.find('\n'), text.size());
    Cursor line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto fault = [&](std::string why) { return refuse(ProviderFault{number_of_line, std::move(why)}); };

    const auto name = word(line);
    if (!name || name->starts_with('#')) continue;
    Provider one{.name = std::string(*name)};
    const auto connections = word(line), messages = word(line), rate = word(line);
    if (!rate)
      return fault("a line is: name, connections, messages per connection, messages a second or -, hosts");
    const auto c = number(*connections), m = number(*messages);
    const auto r = *rate == "-" ? std::optional<std::uint32_t>(0) : number(*rate);
    if (!c || *c == 0) return fault(fmt::format("\"{}\" is no number of connections", *connections));
    if (!m || *m == 0) return fault(fmt::format("\"{}\" is no number of messages", *messages));
    if (!r || (*r == 0 && *rate != "-")) return fault(fmt::format("\"{}\" is no rate; \"-\": none", *rate));
    one.limits = {*c, *m, *r};
    for (auto host = word(line); host; host = word(line)) {
      if (!is_host(*host))
        return fault(
            fmt::format("\"{}\" is no end of a host's name in lower case without dots around it", *host));
      if (!out.by_host_.emplace(*host, out.all_.size()).second)
        return fault(fmt::format("\"{}\" stands in an earlier line too", *host));
      one.hosts.emplace_back(*host);
    }
    if (out.all_.empty() != one.hosts.empty())
      return fault(one.hosts.empty() ? "a provider needs hosts"
                                     : "the first line is the default: without hosts");
    out.all_.push_back(std::move(one));
  }
  if (out.all_.empty()) return refuse(ProviderFault{0, "there is no default"});
  return out;
}

const Providers& Providers::built_in() {
  static const Providers providers = [] {
    auto read = parse(builtin_providers);
    if (!read) throw std::logic_error("data/providers.txt: " + read.error().text);  // a test reads it first
    return std::move(*read);
  }();
  return providers;
}

// The longest end that somebody has counts: from the whole name towards its top.
const Provider& Providers::of(std::string_view host) const {
  for (;;) {
    if (const auto it = by_host_.find(std::string(host)); it != by_host_.end()) return all_[it->second];
    const auto dot = host.find('.');
    if (dot == std::string_view::npos) return all_.front();
    host.remove_prefix(dot + 1);
  }
}

std::vector<std::string> lint(const Providers& providers) {
  std::vector<std::string> out;
  std::set<std::string> names;
  for (const Provider& one : providers.all()) {
    if (!names.insert(one.name).second) out.push_back(one.name + ": stands there twice");
    for (const std::string& host : one.hosts) {
      if (host.find('.') == std::string::npos)
        out.push_back(one.name + ": " + host + " is a whole top-level domain");
      const Provider& led_to = providers.of("mx." + host);
      if (&led_to != &one) out.push_back(one.name + ": " + host + " leads to " + led_to.name);
      // Two ends of one provider, one within the other: the longer says nothing.
      for (const std::string& other : one.hosts)
        if (host.size() > other.size() && host.ends_with("." + other))
          out.push_back(one.name + ": " + host + " is within " + other);
    }
    if (one.limits.connections > 1000) out.push_back(one.name + ": so many connections are an attack");
    if (one.limits.per_second != 0 && one.limits.per_second < one.limits.connections / 10)
      out.push_back(one.name + ": the rate leaves most connections idle");
  }
  return out;
}

}  // namespace postroad::egress
