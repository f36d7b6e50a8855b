#include "smtpd/server.h"

#include "smtp/reply.h"
#include "smtpd/events.h"
#include "smtpd/replies.h"
#include "smtpd/session.h"

namespace postroad::smtpd {

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
  return smtp::render(why == net::Refusal::Shedding ? replies::busy_421
                                                    : Reply{421, {4, 7, 0}, "Too many connections from you"});
}

// The coroutine's frame owns the connection; everything below it borrows.
net::task<void> Server::serve(net::Stream stream, config::Service service, config::TlsMode tls) {
  const SettingsPtr settings = this->settings();
  const config::Limits& limits = settings->limits;
  stream.require_rate(static_cast<std::uint32_t>(limits.data_rate.value()));
  stream.set_bounds(static_cast<std::uint32_t>(limits.line.value()),
                    static_cast<std::uint32_t>(limits.output.value()));
  const std::string peer = stream.peer().text();
  std::string reason;
  try {
    if (tls == config::TlsMode::Implicit) {
      static const net::TlsService submissions{"submissions", {}};
      co_await stream.start_tls(services_.tls, submissions);
    }
    Session session(stream, services_, *settings, service, tls);
    co_await session.run();
    co_return;
  } catch (const net::TimedOut&) {
    reason = "timed out";
  } catch (const net::ConnectionEnded& ended) {
    reason = net::name(ended.how());
  }
  if (reason == "timed out") {
    // RFC 5321 §4.5.3.2: a client should know why it is left.
    stream.allow(std::chrono::seconds(5));
    const std::string text = smtp::render(replies::timed_out);
    try {
      co_await stream.write(text);
      co_await stream.close();
    } catch (const net::ConnectionEnded&) {
      reason = "timed out, and gone";
    }
  }
  services_.log(SessionEnded{.peer = peer, .service = to_text(service), .reason = reason});
}

}  // namespace postroad::smtpd
