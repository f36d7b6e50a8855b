// Settings as TOML, what differs between two of them, and the demonstration's.
#include <fmt/format.h>

#include <map>

#include "base/utf8.h"
#include "config/kinds.h"
#include "config/load.h"

namespace postroad::config {
namespace {

// Calls use(name, row, value, default_value) for each setting, in the order of the file; listeners aside.
template <class Use>
void for_each_setting(const Settings& settings, Use use) {
  static const Settings defaults;
  const auto rows = [&](std::string_view section, const auto& table, const auto& part,
                        const auto& part_defaults) {
    std::apply(
        [&](const auto&... row) { (use(section, row, part.*row.place, part_defaults.*row.place), ...); },
        table);
  };
  rows("", top_table, settings, defaults);
  std::apply(
      [&](const auto&... section) {
        (rows(section.name, section.table, settings.*section.place, defaults.*section.place), ...);
      },
      section_table);
}

std::string full_name(std::string_view section, std::string_view name) {
  return section.empty() ? std::string(name) : fmt::format("{}.{}", section, name);
}

std::string listener_text(const Listener& listener) {
  std::string out = "\n[[listener]]\n";
  std::apply(
      [&](const auto&... row) {
        ((out += fmt::format("{} = {}\n", row.name, written(listener.*row.place))), ...);
      },
      listener_table);
  return out;
}

std::string listeners_text(const Settings& settings) {
  std::string out;
  for (const Listener& listener : settings.listeners) out += listener_text(listener);
  return out;
}

}  // namespace

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\', out += c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
}

std::string to_toml(const Settings& settings, bool all) {
  std::string out, current;
  bool listeners_done = false;
  for_each_setting(settings,
                   [&](std::string_view section, const auto& row, const auto& value, const auto& normal) {
                     if (!section.empty() && !std::exchange(listeners_done, true))
                       out += listeners_text(settings);
                     const std::string text = written(value);
                     if (!all && section != "" && text == written(normal)) return;
                     if (section != current) out += fmt::format("\n[{}]\n", section), current = section;
                     out += fmt::format("{} = {}\n", row.name, text);
                   });
  return out;
}

std::vector<Change> changes(const Settings& running, const Settings& next) {
  std::map<std::string, std::string> before;
  for_each_setting(running, [&](std::string_view section, const auto& row, const auto& value, const auto&) {
    before[full_name(section, row.name)] = written(value);
  });
  std::vector<Change> list;
  for_each_setting(next, [&](std::string_view section, const auto& row, const auto& value, const auto&) {
    const std::string name = full_name(section, row.name);
    std::string after = written(value);
    if (after != before[name]) list.push_back({name, before[name], std::move(after), row.effect});
  });
  if (std::string a = listeners_text(running), b = listeners_text(next); a != b)
    list.push_back({"listener", std::move(a), std::move(b), Effect::OnRestart});
  return list;
}

Settings reloaded(const Settings& running, const Settings& next) {
  Settings result = next;
  const auto keep = [](const auto& table, const auto& from, auto& to) {
    std::apply(
        [&](const auto&... row) {
          ((row.effect == Effect::OnRestart ? void(to.*row.place = from.*row.place) : void()), ...);
        },
        table);
  };
  keep(top_table, running, result);
  std::apply(
      [&](const auto&... section) {
        (keep(section.table, running.*section.place, result.*section.place), ...);
      },
      section_table);
  result.listeners = running.listeners;
  return result;
}

Settings demo(const std::filesystem::path& data) {
  Settings settings;
  settings.hostname = *Domain::parse("mail.demo.test");
  settings.data = data;
  const auto listen = [&](Service service, std::uint16_t port, TlsMode tls) {
    settings.listeners.push_back({.service = service,
                                  .bind = {Bind{.endpoint = {IpAddress::v4(0x7f000001), port}, .path = {}}},
                                  .tls = tls,
                                  .proxy_from = {}});
  };
  listen(Service::Smtp, 2525, TlsMode::Starttls);
  listen(Service::Submission, 2587, TlsMode::Starttls);
  listen(Service::Submission, 2465, TlsMode::Implicit);
  listen(Service::Lmtp, 2424, TlsMode::None);
  listen(Service::Imap, 2143, TlsMode::Starttls);
  listen(Service::Imap, 2993, TlsMode::Implicit);
  listen(Service::Pop3, 2110, TlsMode::Starttls);
  listen(Service::Pop3, 2995, TlsMode::Implicit);
  listen(Service::Sieve, 2419, TlsMode::Starttls);
  listen(Service::Http, 2080, TlsMode::None);
  settings.auth.scram = Scram::On;
  settings.auth.cleartext = true;  // a newcomer signs in by telnet; only loopback listens
  settings.auth.default_domain = *Domain::parse("demo.test");
  settings.dns.trust_anchor.clear();  // the demo answers its own names and asks nobody
  settings.delivery.allow_private_networks = true;
  return settings;
}

}  // namespace postroad::config
