#include "imapd/server.h"

#include "imap/render.h"
#include "imapd/events.h"
#include "imapd/session.h"

namespace postroad::imapd {
namespace {

std::string bye(std::string_view code, std::string_view text) {
  std::string out;
  imap::Renderer(out).untagged(imap::Condition::Bye, code, text);
  return out;
}

}  // namespace

std::shared_ptr<void> Seats::take(AccountId account, std::uint32_t limit) {
  const std::scoped_lock lock(table_->lock);
  std::uint32_t& taken = table_->taken[account];
  if (taken >= limit) return nullptr;
  ++taken;
  return std::shared_ptr<void>(table_.get(), [table = table_, account](void*) {
    const std::scoped_lock unseat(table->lock);
    if (--table->taken[account] == 0) table->taken.erase(account);
  });
}

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
  return why == net::Refusal::Shedding ? bye(imap::code::unavailable, "Too busy; try again later")
                                       : bye(imap::code::limit, "Too many connections from you");
}

// The coroutine's frame owns the connection; everything below it borrows.
net::task<void> Server::serve(net::Stream stream, config::TlsMode tls) {
  const SettingsPtr settings = this->settings();
  const config::Limits& limits = settings->limits;
  stream.require_rate(static_cast<std::uint32_t>(limits.data_rate.value()));
  stream.set_bounds(static_cast<std::uint32_t>(limits.line.value()),
                    static_cast<std::uint32_t>(limits.output.value()));
  std::string_view reason;
  bool timed_out = false;
  try {
    if (tls == config::TlsMode::Implicit) {
      static const net::TlsService imaps{"imaps", {"imap"}};
      co_await stream.start_tls(services_.tls, imaps);
    }
    Session session(stream, services_, seats_, *settings, tls);
    co_await session.run();
    co_return;
  } catch (const net::TimedOut&) {
    timed_out = true;
    reason = "timed out";
  } catch (const net::ConnectionEnded& ended) {
    reason = net::name(ended.how());
  }
  if (timed_out) {
    // RFC 9051 §5.4: autologout says BYE.
    stream.allow(std::chrono::seconds(5));
    const std::string text = bye(imap::code::none, "Waited too long; closing");
    try {
      co_await stream.write(text);
      co_await stream.close();
    } catch (const net::ConnectionEnded&) {
      reason = "timed out, and gone";
    }
  }
  const net::Endpoint& peer = stream.peer();
  services_.log(
      SessionEnded{.peer = peer.is_unix() ? "unix" : peer.address().text(), .reason = std::string(reason)});
}

}  // namespace postroad::imapd
