#include "smtpd/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/date.h"
#include "mime/address.h"
#include "mime/stored.h"
#include "mime/summary.h"
#include "net/sleep.h"
#include "smtp/data_decoder.h"
#include "smtp/reply.h"
#include "smtp/trace.h"
#include "smtpd/events.h"
#include "smtpd/help.h"
#include "smtpd/replies.h"
#include "smtpd/sign_in.h"

namespace postroad::smtpd {
namespace {

policy::Service policy_service(config::Service service) {
  if (service == config::Service::Submission) return policy::Service::Submission;
  return service == config::Service::Lmtp ? policy::Service::Lmtp : policy::Service::Smtp;
}

}  // namespace

Session::Session(net::Stream& stream, const Services& services, const config::Settings& settings,
                 config::Service service, config::TlsMode tls)
    : stream_(stream), services_(services), settings_(settings), service_(service), tls_(tls) {
  peer_.service = policy_service(service);
  const net::Endpoint& from = stream.peer();
  peer_.address = from.is_unix() ? "unix" : from.address().text();
  peer_.prefix = from.is_unix() ? "unix" : settings.limits.neighbourhood(from.address()).text();
  peer_.exempt = from.is_unix() || net::contains(settings.limits.exempt, from.address());
  peer_.tls = stream.is_tls();
}

std::chrono::seconds Session::patience() const {
  const auto usual = settings_.smtp.command_wait;
  if (!stranger() || services_.connections.load() == net::Load::Normal) return usual;
  return std::min(usual, settings_.overload.stressed_wait);
}

// Nothing is taken that cannot be kept (durability.md, overload ladder 3 to 5).
std::optional<Reply> Session::store_trouble() const {
  switch (services_.store.status().health) {
    case store::Health::Good: return std::nullopt;
    case store::Health::Tight: return replies::disk_full;
    case store::Health::Failed: return replies::try_again_later;
  }
  return std::nullopt;
}

net::task<void> Session::say(Reply reply) {
  const auto charset =
      transaction_ && transaction_->envelope.smtputf8 ? smtp::ReplyCharset::Utf8 : smtp::ReplyCharset::Ascii;
  const std::string text = smtp::render(reply, charset);
  co_await stream_.write(text);
}

// §3.1. Who speaks before the greeting is no mail server (attack 8). False: there will be no session.
net::task<bool> Session::welcome() {
  if (stranger()) {
    if (settings_.smtp.greeting_pause.count() > 0) co_await net::sleep_for(settings_.smtp.greeting_pause);
    if (stream_.early_bytes()) {
      co_await say({421, {5, 5, 1}, "You speak before it is your turn; closing"});
      co_return false;
    }
    if (services_.store.status().health == store::Health::Failed) {
      co_await say(replies::unhealthy_421);
      co_return false;
    }
    if (services_.connections.load() == net::Load::Shedding) {
      co_await say(replies::busy_421);
      co_return false;
    }
  }
  const std::string& host = settings_.hostname.text();
  co_await say(lmtp() ? replies::lmtp_greeting(host) : replies::greeting(host));
  co_return true;
}

net::task<void> Session::run() {
  stream_.allow(patience());
  bool goes_on = co_await welcome();
  std::uint32_t bare = 0;
  auto parting = net::Stream::Parting::OneSided;
  while (goes_on) {
    stream_.allow(patience());
    const auto line = co_await stream_.read_line(settings_.smtp.command_line.value());
    if (!line) {
      switch (line.error()) {
        case net::LineError::Stopping:
          co_await say(replies::stopping);
          goes_on = false;
          break;
        case net::LineError::TooLong: co_await say(replies::line_too_long); break;
        case net::LineError::Endless:
          co_await say(replies::line_too_long);
          goes_on = false;
          break;
        case net::LineError::BareCr:
        case net::LineError::BareLf:
          co_await say(replies::bare_line_end);
          goes_on = ++bare < 2;  // attack 2: close on repeat
          break;
      }
      ++errors_;
    } else {
      auto command = smtp::parse_command(*line);
      if (!command) {
        ++errors_;
        co_await say(replies::cannot_parse(command.error()));
        // RFC 3030 §2: nobody knows how many octets of a message follow, and they must not be obeyed (attack
        // 9).
        if (command.error().what == smtp::SyntaxError::BadChunkSize) goes_on = false;
      } else {
        const Outcome outcome = co_await obey(std::move(*command));
        if (outcome.reply) {
          if (outcome.reply->permanent()) ++errors_;
          co_await say(*outcome.reply);
          if (outcome.reply->code == 421) goes_on = false;
        }
        if (outcome.then == Then::Part) parting = net::Stream::Parting::Agreed;
        if (outcome.then != Then::GoOn) goes_on = false;
      }
    }
    if (!goes_on || peer_.exempt) continue;
    const bool busy = stranger() && services_.connections.load() != net::Load::Normal;
    if (errors_ > (busy ? settings_.overload.stressed_errors : settings_.smtp.errors)) {
      co_await say(replies::too_many_errors);
      goes_on = false;
    } else if (idle_ > settings_.smtp.idle_commands) {
      co_await say(replies::too_many_idle);
      goes_on = false;
    }
  }
  co_await stream_.close(parting);
}

// The variant of commands finds its overload of on(); a new command that has none does not compile.
net::task<Outcome> Session::obey(smtp::Command command) {
  return std::visit([this](auto&& c) { return on(std::move(c)); }, std::move(command));
}

// --- §4.1.1.1: who is there --------------------------------------------------------------------------------

bool Session::may_sign_in() const {
  return service_ == config::Service::Submission && !peer_.identity &&
         (stream_.is_tls() || settings_.auth.cleartext);
}

Reply Session::hello(const smtp::ClientName& client) {
  transaction_.reset();
  client_ = client;
  extended_ = true;
  peer_.helo = client.text;
  std::string text;
  text.reserve(384);
  text.append(settings_.hostname.text()).append(" greets you");
  text += "\nPIPELINING\nSIZE " + std::to_string(settings_.limits.message.value());
  text += "\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING\nDSN";
  text += "\nLIMITS RCPTMAX=" + std::to_string(settings_.limits.recipients) +
          " MAILMAX=" + std::to_string(settings_.smtp.messages);
  if (tls_ == config::TlsMode::Starttls && !stream_.is_tls()) text += "\nSTARTTLS";
  if (may_sign_in()) {
    text += "\nAUTH";
    for (const std::string_view mechanism : mechanisms_for(stream_, settings_))
      text.append(" ").append(mechanism);
  }
  if (service_ == config::Service::Submission)
    text += fmt::format("\nFUTURERELEASE {} {}\nMT-PRIORITY", longest_hold.count(),
                        rfc3339(services_.clock.now() + longest_hold));
  if (!lmtp()) text += "\nVRFY\nHELP";
  return {250, {}, std::move(text)};
}

net::task<Outcome> Session::on(smtp::Ehlo command) {
  if (lmtp()) co_return replies::lmtp_wants_lhlo;
  // EHLO ends a group of pipelined commands (RFC 2920 §3.1): what follows already was written by a program
  // that does not look at what we say.
  if (stranger() && !stream_.buffered().empty()) co_return Outcome{replies::too_eager, Then::Close};
  co_return hello(command.client);
}

net::task<Outcome> Session::on(smtp::Lhlo command) {
  if (!lmtp()) co_return replies::smtp_wants_ehlo;
  co_return hello(command.client);
}

net::task<Outcome> Session::on(smtp::Helo command) {
  if (lmtp()) co_return replies::lmtp_wants_lhlo;
  transaction_.reset();
  client_ = command.client;
  extended_ = false;
  peer_.helo = command.client.text;
  co_return Reply{250, {}, settings_.hostname.text() + " greets you"};
}

void Session::forget_peer() {
  // RFC 3207 §4.2: what was said before TLS may have been said by somebody else.
  client_.reset();
  transaction_.reset();
  extended_ = false;
  peer_.helo.clear();
  peer_.identity.reset();
}

net::task<Outcome> Session::on(smtp::StartTls) {
  if (stream_.is_tls()) co_return replies::duplicate_ehlo_tls;
  if (tls_ != config::TlsMode::Starttls) co_return replies::not_offered;
  if (!client_ || !extended_) co_return lmtp() ? replies::say_lhlo_first : replies::say_ehlo_first;
  // Commands behind STARTTLS came in the clear, perhaps from somebody in between (CVE-2011-0411).
  if (!stream_.buffered().empty()) co_return Outcome{replies::too_eager, Then::Close};
  co_await say(replies::ready_for_tls);
  static const net::TlsService service{"smtp", {}};
  co_await stream_.start_tls(services_.tls, service);
  forget_peer();
  peer_.tls = true;
  co_return Outcome::said(Then::GoOn);
}

net::task<Outcome> Session::on(smtp::Auth command) {
  if (service_ != config::Service::Submission) co_return replies::not_offered;
  if (!client_ || !extended_) co_return replies::say_ehlo_first;
  if (peer_.identity) co_return replies::signed_in_already;
  if (transaction_) co_return replies::not_in_transaction;
  if (!may_sign_in()) co_return replies::starttls_first;
  auto identity = co_await sign_in(stream_, services_.directory, command, peer_, settings_);
  if (!identity) {
    services_.log(
        SignInFailed{.peer = peer_.address, .service = to_text(service_), .reply = identity.error().code});
    // Each failure is an error of the budget; three are enough for one connection.
    if (++failed_sign_ins_ >= 3 && !peer_.exempt) co_return Outcome{identity.error(), Then::Close};
    co_return identity.error();
  }
  services_.log(SignedIn{.peer = peer_.address, .service = to_text(service_), .account = identity->address});
  peer_.identity = std::move(*identity);
  co_return replies::signed_in;
}

// --- The rest ----------------------------------------------------------------------------------------------

net::task<Outcome> Session::on(smtp::Noop) {
  ++idle_;
  co_return replies::ok;
}

net::task<Outcome> Session::on(smtp::Quit) { co_return Outcome{replies::bye, Then::Part}; }

net::task<Outcome> Session::on(smtp::Vrfy command) {
  ++idle_;
  if (!settings_.smtp.vrfy || !peer_.identity)
    co_return replies::cannot_vrfy;  // the same for all names (attack 20)
  const auto address = Address::parse(command.text);
  if (!address) co_return Reply{501, {5, 1, 3}, "That is not an address"};
  if (services_.directory.resolve(*address)) co_return Reply{250, {2, 1, 5}, "<" + address->text() + ">"};
  co_return Reply{550, {5, 1, 1}, "No such mailbox here"};
}

net::task<Outcome> Session::on(smtp::Expn) {
  ++idle_;
  co_return replies::not_offered;
}

net::task<Outcome> Session::on(smtp::Help command) {
  ++idle_;
  co_return Reply{214, {2, 0, 0}, help(command.topic, lmtp(), may_sign_in())};
}

net::task<Outcome> Session::on(smtp::Etrn) { co_return replies::not_offered; }

// Nothing of it is repeated (attack 93).
net::task<Outcome> Session::on(smtp::HttpVerb) { co_return Outcome::said(Then::Close); }

}  // namespace postroad::smtpd
