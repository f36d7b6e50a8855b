// From the configuration's words to each part's options. Nothing is decided here.
#pragma once

#include <filesystem>
#include <string>

#include "config/settings.h"
#include "delivery/dispatcher.h"
#include "delivery/route_table.h"
#include "directory/admin.h"
#include "dns/unbound_resolver.h"
#include "http/server.h"
#include "ledger/ledger.h"
#include "net/listener.h"
#include "observe/log.h"
#include "policy/gate.h"
#include "sandbox/sandbox.h"
#include "store/embedded.h"

namespace postroad::app {

observe::LogSettings log_settings(const config::Settings& settings);
store::EmbeddedOptions store_options(const config::Settings& settings, unsigned cores, const Clock& clock);
directory::Options directory_options(const config::Settings& settings);
ledger::Options ledger_options(const config::Settings& settings);
policy::Options policy_options(const config::Settings& settings);
delivery::CourierOptions courier_options(const config::Settings& settings);
// An error is a line for an administrator.
Result<std::vector<delivery::RouteRule>, std::string> route_rules(const config::Settings& settings);
delivery::DispatcherOptions dispatcher_options(const config::Settings& settings);
dns::UnboundOptions resolver_options(const config::Settings& settings);
net::Connections::Limits connection_limits(const config::Settings& settings);

http::ServerLimits http_limits(const config::Settings& settings);

net::Endpoint endpoint_of(const config::Bind& bind);
std::string bind_fault(const config::Listener& door, const net::BindError& error);
bool offered(config::Service service);  // is there a service for it in this release
bool is_smtp(config::Service service);

// The configured certificate; without one a self-signed, made at the first start and kept in DATA/tls. An
// error is a line for an administrator.
Result<std::shared_ptr<const net::TlsCertificate>, std::string> load_certificate(
    const config::Settings& settings);

// What the process needs to reach on this machine.
sandbox::Files files_of(const config::Settings& settings, const std::filesystem::path& config_file);

}  // namespace postroad::app
