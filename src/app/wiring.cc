#include "app/wiring.h"

#include <fmt/format.h>

namespace postroad::app {

namespace fs = std::filesystem;

observe::LogSettings log_settings(const config::Settings& settings) {
  observe::LogSettings out{.file = settings.log.file, .level = {}, .waiting = settings.log.waiting};
  switch (settings.log.level) {
    case config::LogLevel::Debug: out.level = observe::Level::Debug; break;
    case config::LogLevel::Info: out.level = observe::Level::Info; break;
    case config::LogLevel::Warning: out.level = observe::Level::Warning; break;
    case config::LogLevel::Error: out.level = observe::Level::Error; break;
  }
  return out;
}

store::EmbeddedOptions store_options(const config::Settings& settings, unsigned cores, const Clock& clock) {
  store::EmbeddedOptions out{.data = settings.data.string(), .cores = cores, .clock = &clock};
  out.segment_octets = settings.store.segment.value();
  out.cache_octets = settings.store.cache.value();
  out.erase_within = settings.store.erase_within;
  // A share of the volume, but never more than reserve_most: a large disk need not keep a tenth of itself.
  std::error_code error;
  fs::path at = settings.data;
  while (!at.empty() && !fs::exists(at, error)) at = at.parent_path();
  const auto space = fs::space(at.empty() ? fs::path(".") : at, error);
  if (!error)
    out.reserve_octets = std::min<std::uint64_t>(space.capacity / 100 * settings.store.reserve.value(),
                                                 settings.store.reserve_most.value());
#ifdef POSTROAD_BREAK  // Only in the two programs that the crash ledger must find out: tests/CMakeLists.txt.
  out.sabotage = store::Sabotage::POSTROAD_BREAK;
#endif
  return out;
}

directory::Options directory_options(const config::Settings& settings) {
  directory::Options out;
  if (settings.auth.default_domain) out.default_domain = settings.auth.default_domain->text();
  out.hash_wait = settings.auth.hash_waiting;
  out.cache = settings.auth.cache;
  out.failures_before_ban = std::max(1u, settings.auth.failures_per_account.count);
  out.ban = settings.auth.failures_per_account.span;
  out.network_failures_before_ban = std::max(1u, settings.auth.failures_per_prefix.count);
  out.network_ban = settings.auth.failures_per_prefix.span;
  out.separators = settings.directory.subaddress_separators;
  return out;
}

ledger::Options ledger_options(const config::Settings& settings) {
  return {.keep = std::chrono::duration_cast<std::chrono::days>(settings.store.keep_events)};
}

policy::Options policy_options(const config::Settings& settings) {
  return {.own_senders_only = settings.submission.own_senders_only,
          .sender_domain_must_exist = settings.smtp.sender_domain_must_exist,
          .strangers_as_own_domains = settings.smtp.strangers_as_own_domains,
          .unknown_recipients = settings.smtp.unknown_recipients,
          .tarpit = settings.smtp.tarpit,
          .tarpit_most = settings.smtp.tarpit_most};
}

delivery::CourierOptions courier_options(const config::Settings& settings) {
  const config::Delivery& d = settings.delivery;
  delivery::CourierOptions out{.our_name = settings.hostname.text(), .port = d.port};
  out.allow_private_networks = d.allow_private_networks;
  out.our_ports.clear();
  for (const config::Listener& door : settings.listeners) {
    if (door.service != config::Service::Smtp) continue;
    for (const config::Bind& bind : door.bind) {
      if (bind.is_unix()) continue;
      out.our_ports.push_back(bind.endpoint.port);
      if (!bind.endpoint.address.is_unspecified()) out.our_addresses.push_back(bind.endpoint.address);
    }
  }
  out.connect = d.connect_wait;
  out.patience = {.greeting = d.greeting_wait,
                  .mail = d.command_wait,
                  .rcpt = d.command_wait,
                  .data = d.command_wait,
                  .block = d.data_wait,
                  .final_dot = d.final_dot_wait};
  return out;
}

Result<std::vector<delivery::RouteRule>, std::string> route_rules(const config::Settings& settings) {
  std::vector<delivery::RouteRule> out;
  for (const std::string& line : settings.delivery.routes) {
    auto rule = delivery::RouteRule::parse(line);
    if (!rule) return refuse("delivery.routes: " + rule.error());
    out.push_back(std::move(*rule));
  }
  return out;
}

delivery::DispatcherOptions dispatcher_options(const config::Settings& settings) {
  const config::Delivery& d = settings.delivery;
  delivery::DispatcherOptions out{.our_name = settings.hostname.text()};
  out.retry = {.waits = d.retry, .give_up_after = d.give_up_after, .tell_delay_after = d.delay_notice_after};
  out.most_jobs = d.connections;
  out.most_returned = d.bounce_body.value();
  return out;
}

dns::UnboundOptions resolver_options(const config::Settings& settings) {
  dns::UnboundOptions out;
  for (const config::Endpoint& server : settings.dns.servers)
    out.servers.push_back(fmt::format("{}@{}", server.address.text(), server.port));
  out.trust_anchor_file = settings.dns.trust_anchor.string();
  out.answer_wait = settings.dns.answer_wait;
  out.cache_octets = settings.dns.cache.value();
  return out;
}

net::Connections::Limits connection_limits(const config::Settings& settings) {
  return {.all = settings.limits.connections,
          .per_address = settings.limits.connections_per_ip,
          .per_prefix = settings.limits.connections_per_prefix,
          .prefix_v4 = settings.limits.prefix_v4,
          .prefix_v6 = settings.limits.prefix_v6,
          .rate = settings.limits.connection_rate.count,
          .rate_span = settings.limits.connection_rate.span,
          .busy = settings.overload.busy_at.value() / 100.0,
          .shedding = settings.overload.shed_at.value() / 100.0,
          .reserved = settings.overload.reserved.value() / 100.0,
          .exempt = settings.limits.exempt};
}

net::Endpoint endpoint_of(const config::Bind& bind) {
  if (!bind.is_unix()) return {bind.endpoint.address, bind.endpoint.port};
  return *net::Endpoint::unix_path(bind.path.string());  // its length was checked with the configuration
}

std::string bind_fault(const config::Listener& door, const net::BindError& error) {
  const std::string at = fmt::format("{} {}", to_text(door.service), error.address.text());
  switch (error.problem) {
    case net::BindProblem::InUse:
      return fmt::format("{}: another program listens there already; stop it, or choose another port", at);
    case net::BindProblem::NotPermitted:
      return fmt::format(
          "{}: not permitted; ports below 1024 need CAP_NET_BIND_SERVICE (the systemd unit gives it)", at);
    case net::BindProblem::NotAvailable:
      return fmt::format("{}: this machine has no such address; see `ip address`", at);
    case net::BindProblem::Other: break;
  }
  return fmt::format("{}: {}", at, error.detail);
}

bool is_smtp(config::Service service) {
  return service == config::Service::Smtp || service == config::Service::Submission ||
         service == config::Service::Lmtp;
}

bool offered(config::Service service) {
  return is_smtp(service) || service == config::Service::Pop3 || service == config::Service::Imap ||
         service == config::Service::Http;
}

http::ServerLimits http_limits(const config::Settings& settings) {
  http::ServerLimits out;
  out.body = settings.http.body.value();
  out.request_wait = settings.http.request_wait;
  out.idle_wait = settings.http.idle_wait;
  return out;
}

Result<std::shared_ptr<const net::TlsCertificate>, std::string> load_certificate(
    const config::Settings& settings) {
  std::string certificate = settings.tls.certificate.string(), key = settings.tls.key.string();
  const auto told = [](const net::TlsFileProblem& problem) {
    switch (problem.error) {
      case net::TlsFileError::CannotRead:
        return fmt::format(
            "{}: cannot be read ({}); set tls.certificate and tls.key to files this user may read",
            problem.file, problem.detail);
      case net::TlsFileError::NotPem: return fmt::format("{}: holds no PEM certificate or key", problem.file);
      case net::TlsFileError::KeyMismatch:
        return fmt::format("{}: is not the key of the certificate", problem.file);
      default: return fmt::format("{}: {}", problem.file, problem.detail);
    }
  };
  if (certificate.empty()) {
    const fs::path folder = settings.data / "tls";
    certificate = (folder / "cert.pem").string(), key = (folder / "key.pem").string();
    std::error_code error;
    if (!fs::exists(certificate, error)) {
      fs::create_directories(folder, error);
      if (auto made = net::make_self_signed(settings.hostname.text(), certificate, key); !made)
        return refuse(told(made.error()));
    }
  }
  auto loaded = net::TlsCertificate::load(certificate, key);
  if (!loaded) return refuse(told(loaded.error()));
  return std::move(*loaded);
}

sandbox::Files files_of(const config::Settings& settings, const fs::path& config_file) {
  sandbox::Files out = sandbox::system_files();
  std::error_code error;
  out.write.push_back(settings.data);
  const auto folder_of = [&](const fs::path& file, std::vector<fs::path>& list) {
    if (!file.empty() && fs::exists(file.parent_path(), error)) list.push_back(file.parent_path());
  };
  folder_of(settings.log.file, out.write);
  folder_of(fs::absolute(config_file.empty() ? settings.data : config_file, error), out.read);
  folder_of(settings.tls.certificate, out.read);
  folder_of(settings.tls.key, out.read);
  folder_of(settings.dns.trust_anchor, out.read);
  for (const config::Listener& door : settings.listeners)
    for (const config::Bind& bind : door.bind)
      if (bind.is_unix()) folder_of(bind.path, out.write);
  return out;
}

}  // namespace postroad::app
