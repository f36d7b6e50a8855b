#include "pop3d/server.h"

#include "pop3d/events.h"
#include "pop3d/replies.h"
#include "pop3d/session.h"

namespace postroad::pop3d {

Server::Server(Services services, SettingsPtr settings)
    : services_(services), settings_(std::move(settings)) {}

SettingsPtr Server::settings() const {
  const std::scoped_lock lock(lock_);
  return settings_;
}

void Server::set(SettingsPtr settings) {
  const std::scoped_lock lock(lock_);
  settings_ = std::move(settings);
}

std::string Server::refusal(net::Refusal why) {
  return why == net::Refusal::Shedding ? replies::too_busy() : replies::too_many_connections();
}

// The coroutine's frame owns the connection; everything below it borrows.
net::task<void> Server::serve(net::Stream stream, config::TlsMode tls) {
  const SettingsPtr settings = this->settings();
  const config::Limits& limits = settings->limits;
  stream.require_rate(static_cast<std::uint32_t>(limits.data_rate.value()));
  stream.set_bounds(static_cast<std::uint32_t>(limits.line.value()),
                    static_cast<std::uint32_t>(limits.output.value()));
  const std::string peer = stream.peer().text();
  std::string reason;
  try {
    if (tls == config::TlsMode::Implicit) {
      co_await stream.start_tls(services_.tls, tls_service());
    }
    Session session(stream, services_, *settings, tls);
    co_await session.run();
    co_return;
  } catch (const net::ConnectionEnded& ended) {
    // RFC 1939 §3: after the autologout nothing is said and nothing is removed.
    reason = net::name(ended.how());
  }
  services_.log(SessionEnded{.peer = peer, .reason = reason});
}

}  // namespace postroad::pop3d
