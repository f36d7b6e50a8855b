#include "config/check.h"

#include <fmt/format.h>

#include "base/encoding.h"

namespace postroad::config {
namespace {

bool signs_in(Service service) {
  return service == Service::Submission || service == Service::Imap || service == Service::Pop3 ||
         service == Service::Sieve;
}
bool inner(const Bind& bind) { return bind.is_unix() || bind.endpoint.address.is_loopback(); }

// Would the kernel refuse the second one?
bool collide(const Bind& a, const Bind& b) {
  if (a.is_unix() || b.is_unix()) return a.path == b.path;
  if (a.endpoint.port != b.endpoint.port || a.endpoint.port == 0) return false;  // 0: any free port
  if (a.endpoint.address.is_v4() != b.endpoint.address.is_v4()) return false;
  return a.endpoint.address == b.endpoint.address || a.endpoint.address.is_unspecified() ||
         b.endpoint.address.is_unspecified();
}

class Checker {
 public:
  Checker(const Settings& settings, const Lines& lines) : s_(settings), lines_(lines) {}

  Problems conflicts() {
    listeners();
    if (s_.tls.certificate.empty() != s_.tls.key.empty())
      conflict("tls.certificate", "tls.key",
               "tls.certificate and tls.key go together: name both, or neither for a "
               "self-signed certificate");
    if (s_.imap.separator != "/" && s_.imap.separator != ".")
      range("imap.separator",
            "imap.separator must be \"/\" or \".\", not " + quoted_for_people(s_.imap.separator));
    separators();
    if (s_.delivery.retry.empty()) range("delivery.retry", "delivery.retry needs at least one wait");
    for (const auto wait : s_.delivery.retry)
      if (wait < std::chrono::seconds(1) || wait > std::chrono::hours(24 * 7))
        range("delivery.retry", "each wait of delivery.retry must be between 1 s and 7 d");
    if (s_.overload.shed_at < s_.overload.busy_at)
      conflict("overload.shed_at", "overload.busy_at", "overload.shed_at must not be below overload.busy_at");
    if (s_.overload.memory_shed < s_.overload.memory_busy)
      conflict("overload.memory_shed", "overload.memory_busy",
               "overload.memory_shed must not be below overload.memory_busy");
    if (s_.smtp.tarpit_most < s_.smtp.tarpit)
      conflict("smtp.tarpit_most", "smtp.tarpit", "smtp.tarpit_most must not be below smtp.tarpit");
    if (s_.limits.connections_per_prefix < s_.limits.connections_per_ip)
      conflict("limits.connections_per_prefix", "limits.connections_per_ip",
               "limits.connections_per_prefix must not be below limits.connections_per_ip: an address is "
               "part of its "
               "network");
    if (s_.imap.command < s_.imap.literal)
      conflict("imap.command", "imap.literal",
               "imap.command must not be below imap.literal: a literal is part of its command");
    for (const Endpoint& server : s_.dns.servers)
      if (server.port == 0) range("dns.servers", "dns.servers: a name server needs its port, usually 53");
    return std::move(problems_);
  }

 private:
  static std::string quoted_for_people(std::string_view text) { return "\"" + printable(text, 60) + "\""; }
  std::size_t line(std::string_view name) const {
    const auto at = lines_.find(name);
    return at == lines_.end() ? 0 : at->second;
  }
  void say(ProblemKind kind, std::size_t line, std::string message) {
    problems_.push_back({kind, {}, line, std::move(message)});
  }
  void range(std::string_view name, std::string message) {
    say(ProblemKind::OutOfRange, line(name), std::move(message));
  }
  // At the later of the two that is in the file.
  void conflict(std::string_view a, std::string_view b, std::string message) {
    say(ProblemKind::Conflict, std::max(line(a), line(b)), std::move(message));
  }

  void listeners() {
    if (s_.listeners.empty())
      say(ProblemKind::Missing, 0,
          "there is no [[listener]]: nobody could reach this server; see the example in "
          "docs/reference/configuration.md");
    for (std::size_t i = 0; i < s_.listeners.size(); ++i) {
      const Listener& listener = s_.listeners[i];
      const std::size_t here = line(fmt::format("listener.{}.bind", i));
      if (listener.bind.empty()) say(ProblemKind::Missing, here, "listener.bind needs at least one address");
      for (std::size_t k = 0; k < listener.bind.size(); ++k) {
        const Bind& bind = listener.bind[k];
        if (bind.is_unix() && listener.service != Service::Lmtp && listener.service != Service::Http)
          say(ProblemKind::Conflict, here,
              fmt::format("{} cannot listen on a unix socket; lmtp and http can", to_text(listener.service)));
        for (std::size_t j = 0; j <= i; ++j)
          for (std::size_t m = 0; m < (j == i ? k : s_.listeners[j].bind.size()); ++m)
            if (collide(bind, s_.listeners[j].bind[m]))
              say(ProblemKind::Duplicate, here,
                  fmt::format(
                      "{} is taken already by {} of the listener in line {}; one address belongs to one "
                      "listener",
                      text_of(bind), text_of(s_.listeners[j].bind[m]),
                      line(fmt::format("listener.{}.bind", j))));
      }
      tls_mode(listener, line(fmt::format("listener.{}.tls", i)));
    }
  }

  void tls_mode(const Listener& listener, std::size_t here) {
    const Service service = listener.service;
    const bool implicit = listener.tls == TlsMode::Implicit;
    if (implicit && (service == Service::Smtp || service == Service::Sieve))
      say(ProblemKind::Conflict, here,
          fmt::format("{} has no implicit TLS; write tls = \"starttls\"", to_text(service)));
    if (listener.tls == TlsMode::Starttls && service == Service::Http)
      say(ProblemKind::Conflict, here, "http has no STARTTLS; write tls = \"implicit\" or \"none\"");
  }

  void separators() {
    constexpr std::string_view good =
        "!#$%&'*+-/=?^_`{|}~";  // atext of RFC 5322 §3.2.3 without letters and digits
    const std::string& chosen = s_.directory.subaddress_separators;
    if (chosen.find_first_not_of(good) != std::string::npos)
      range("directory.subaddress_separators",
            fmt::format("directory.subaddress_separators may hold {} and nothing else, not {}", good,
                        quoted_for_people(chosen)));
  }

  const Settings& s_;
  const Lines& lines_;
  Problems problems_;
};

}  // namespace

Problems conflicts(const Settings& settings, const Lines& lines) {
  return Checker(settings, lines).conflicts();
}

Problems findings(const Settings& s, const std::filesystem::path& file) {
  Problems problems;
  const auto unwise = [&](std::string message) {
    problems.push_back({ProblemKind::Conflict, file.string(), 0, std::move(message)});
  };
  const auto unreadable = [&](std::string_view name, const std::filesystem::path& path) {
    if (path.empty()) return;
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))
      problems.push_back(
          {ProblemKind::Unreadable, file.string(), 0,
           fmt::format("{} {}: {}", name, path.string(), error ? error.message() : "there is no such file")});
  };
  unreadable("tls.certificate", s.tls.certificate);
  unreadable("tls.key", s.tls.key);
  unreadable("dns.trust_anchor", s.dns.trust_anchor);

  for (const Listener& listener : s.listeners) {
    for (const Bind& bind : listener.bind) {
      const std::string place = fmt::format("{} on {}", to_text(listener.service), text_of(bind));
      if (signs_in(listener.service) && listener.tls == TlsMode::None && !s.auth.cleartext)
        unwise(place + ": nobody can sign in, because it has no TLS and auth.cleartext is false");
      if (signs_in(listener.service) && listener.tls != TlsMode::Implicit && s.auth.cleartext && !inner(bind))
        unwise(place + ": auth.cleartext lets passwords travel where anybody can read them");
      if (listener.service == Service::Http && listener.tls == TlsMode::None && !inner(bind))
        unwise(place + ": the console's passwords and keys travel where anybody can read them");
      if (listener.service == Service::Lmtp && !inner(bind))
        unwise(place + ": LMTP delivers without asking who sends; keep it on loopback or a private network");
    }
    for (const Network& network : listener.proxy_from)
      if (network.prefix() == 0)
        unwise("listener.proxy_from " + network.text() +
               ": anybody could choose the address he seems to come from");
  }
  for (const Network& network : s.limits.exempt)
    if (network.prefix() == 0) unwise("limits.exempt " + network.text() + ": nobody has limits any more");
  if (s.hostname.text().find('.') == std::string::npos)
    unwise("hostname " + s.hostname.text() + " is not a full name: many servers refuse mail from it");
  if (s.dns.trust_anchor.empty()) unwise("dns.trust_anchor is empty: no DNSSEC, and so no DANE");
  if (s.delivery.allow_private_networks)
    unwise(
        "delivery.allow_private_networks: a stranger's MX record can make this server speak to inner hosts");
  if (s.delivery.give_up_after < std::chrono::hours(4 * 24))
    unwise("delivery.give_up_after is below 4 d: RFC 5321 §4.5.4.1 asks for 4-5 days");
  if (s.smtp.command_wait < std::chrono::minutes(5))
    unwise("smtp.command_wait is below 5 min: RFC 5321 §4.5.3.2.7 asks for at least that");
  return problems;
}

}  // namespace postroad::config
