#include "delivery/route_table.h"

#include <array>

#include "base/cursor.h"
#include "net/address.h"

namespace postroad::delivery {
namespace {

constexpr std::array<std::string_view, 4> demands{"never", "opportunistic", "encrypted", "verified"};

std::string wrong(std::string_view what, std::string_view text) {
  return std::string(what) + ": " + std::string(text);
}

// "host", "192.0.2.1", "[2001:db8::1]" as a Host has them.
std::optional<std::string> host_name(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  if (const auto ip = IpAddress::parse(text)) return net::address_literal(*ip);
  const auto domain = Domain::parse(text);
  if (!domain || domain->is_literal()) return std::nullopt;
  return domain->text();
}

Result<void, std::string> hosts(RouteRule& rule, std::string_view text) {
  Route& route = rule.route;
  if (route.kind == NextHop::Lmtp && text.starts_with('/')) {
    if (!net::Endpoint::unix_path(text)) return refuse(wrong("a socket's path has at most 107 octets", text));
    route.hosts.push_back({"unix:" + std::string(text), 0});
    route.port = 0;
    route.site = route.hosts.front().name;
    return {};
  }
  // The port stands behind the last host; an IPv6 address has brackets.
  if (const auto colon = text.rfind(':'); colon != std::string_view::npos && !text.ends_with(']')) {
    Cursor port(text.substr(colon + 1));
    const auto number = port.take_number();
    if (!number || !port.at_end() || *number == 0 || *number > 65535)
      return refuse(
          wrong("a port is a number from 1 to 65535, and an IPv6 address stands in brackets", text));
    route.port = static_cast<std::uint16_t>(*number);
    text = text.substr(0, colon);
  }
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const auto name = host_name(text.substr(at, end - at));
    if (!name) return refuse(wrong("not a host name or address", text.substr(at, end - at)));
    route.hosts.push_back({*name, static_cast<std::uint16_t>(route.hosts.size())});
    route.site += (route.site.empty() ? "" : ",") + *name;
    at = end + 1;
  }
  route.site = "[" + route.site + "]:" + std::to_string(route.port);
  return {};
}

Result<void, std::string> target(RouteRule& rule, std::string_view text) {
  Route& route = rule.route;
  Cursor in(text);
  if (text == "mx") {
    rule.mx_of = "=";
    return {};
  }
  if (in.take("mx:")) {
    const auto domain = Domain::parse(in.rest());
    if (!domain) return refuse(wrong("not a domain", in.rest()));
    rule.mx_of = domain->text();
    return {};
  }
  if (in.take("smtp:")) {
    route.kind = NextHop::Smarthost;
  } else if (in.take("smtps:")) {
    route.kind = NextHop::Smarthost, route.port = 465, route.tls_at_once = true;
    route.tls = TlsDemand::Encrypted;
  } else if (in.take("lmtp:")) {
    route.kind = NextHop::Lmtp, route.port = 24;
  } else {
    return refuse(wrong("a target is mx, mx:DOMAIN, smtp:HOST, smtps:HOST or lmtp:HOST, not", text));
  }
  return hosts(rule, in.rest());
}

Result<void, std::string> option(RouteRule& rule, std::string_view word) {
  Cursor in(word);
  if (in.take("tls=")) {
    for (std::size_t i = 0; i < demands.size(); ++i)
      if (demands[i] == in.rest()) rule.tls = rule.route.tls = static_cast<TlsDemand>(i);
    if (!rule.tls) return refuse(wrong("tls is never, opportunistic, encrypted or verified, not", in.rest()));
  } else if (in.take("login=")) {
    if (!rule.route.login) rule.route.login.emplace();
    rule.route.login->name = in.rest();
  } else if (in.take("password=")) {
    if (!rule.route.login) rule.route.login.emplace();
    rule.route.login->password = in.rest();
  } else {
    return refuse(wrong("unknown word, tls=, login= and password= are known", word));
  }
  return {};
}

}  // namespace

std::string_view to_text(TlsDemand demand) { return demands[static_cast<std::size_t>(demand)]; }

Result<RouteRule, std::string> RouteRule::parse(std::string_view line) {
  std::vector<std::string_view> words;
  Cursor in(line);
  for (in.take_while(ascii::is_blank); !in.at_end(); in.take_while(ascii::is_blank))
    words.push_back(in.take_while([](char c) { return !ascii::is_blank(c); }));
  if (words.size() < 2) return refuse(wrong("a route is a domain and a target", line));
  RouteRule rule;
  const bool below = words[0].starts_with('.');
  if (words[0] == "*") {
    rule.pattern = "*";
  } else {
    const auto domain = Domain::parse(words[0].substr(below ? 1 : 0));
    if (!domain) return refuse(wrong("not a domain", words[0]));
    rule.pattern = (below ? "." : "") + domain->text();
  }
  if (auto done = delivery::target(rule, words[1]); !done) return refuse(done.error());
  for (std::size_t i = 2; i < words.size(); ++i)
    if (auto done = option(rule, words[i]); !done) return refuse(done.error());
  Route& route = rule.route;
  if (route.login && !rule.mx_of.empty())
    return refuse(wrong("login belongs to a host of yours, not to", words[1]));
  if (route.login && (route.login->name.empty() || route.login->password.empty()))
    return refuse(wrong("login= and password= go together", rule.pattern));
  if (route.tls_at_once && route.tls < TlsDemand::Encrypted)
    return refuse(wrong("smtps: is TLS; choose smtp: for a route without", words[1]));
  if (rule.mx_of.empty()) route.provider = route.hosts.front().name;
  return rule;
}

std::string RouteRule::target() const {
  if (mx_of == "=") return "mx";
  if (!mx_of.empty()) return "mx:" + mx_of;
  std::string out = route.kind == NextHop::Lmtp ? "lmtp:" : route.tls_at_once ? "smtps:" : "smtp:";
  if (route.site.starts_with("unix:")) return out + route.site.substr(5);
  for (std::size_t i = 0; i < route.hosts.size(); ++i) {
    std::string_view name = route.hosts[i].name;
    if (name.starts_with("[IPv6:"))
      out += (i ? ",[" : "[") + std::string(name.substr(6));
    else
      out += (i ? "," : "") + std::string(name);
  }
  return out + ":" + std::to_string(route.port);
}

const RouteRule* RouteTable::find(std::string_view domain) const {
  if (rules_.empty()) return nullptr;
  if (const auto it = rules_.find(std::string(domain)); it != rules_.end()) return &it->second;
  for (auto dot = domain.find('.'); dot != std::string_view::npos; dot = domain.find('.', dot + 1))
    if (const auto it = rules_.find(std::string(domain.substr(dot))); it != rules_.end()) return &it->second;
  const auto it = rules_.find("*");
  return it == rules_.end() ? nullptr : &it->second;
}

}  // namespace postroad::delivery
