// Any state, and the way from Not Authenticated to Authenticated (RFC 9051 §6.1, §6.2).
#include <algorithm>

#include "directory/sasl_sign_in.h"
#include "imapd/events.h"
#include "imapd/session.h"

namespace postroad::imapd {
namespace {

std::string network_of(const net::Stream& stream, const config::Limits& limits) {
  const net::Endpoint& from = stream.peer();
  return from.is_unix() ? "unix" : limits.neighbourhood(from.address()).text();
}

std::vector<std::string_view> views(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

// "+ challenge", and the client's line.
class ImapChallenger final : public directory::Challenger {
 public:
  ImapChallenger(net::Stream& stream, imap::CommandReader& reader, Instant deadline)
      : stream_(stream), reader_(reader), deadline_(deadline) {}
  net::task<std::optional<std::string>> ask(const sasl::Challenge& challenge) override {
    const std::string line = "+ " + challenge.base64 + "\r\n";
    co_await stream_.write(line);
    reader_.expect_line(sasl::longest_line);
    for (;;) {
      std::string_view input = stream_.buffered();
      const std::size_t had = input.size();
      imap::ReaderEvent event = reader_.next(input);
      std::optional<std::string> said;
      if (const auto* whole = std::get_if<imap::WholeLine>(&event)) said = std::string(whole->text);
      stream_.consume(had - input.size());
      if (said) co_return said;
      if (!std::holds_alternative<imap::NeedInput>(event)) co_return std::nullopt;
      switch (co_await stream_.wait(nullptr, deadline_)) {
        case net::Woke::Deadline: throw net::TimedOut();
        case net::Woke::Stopping: co_return std::nullopt;  // the session says BYE
        default: break;
      }
      const bool more = !stream_.buffered().empty() || co_await stream_.fill();
      if (!more) throw net::ConnectionEnded(net::Ending::Closed);
    }
  }

 private:
  net::Stream& stream_;
  imap::CommandReader& reader_;
  const Instant deadline_;
};

}  // namespace

std::vector<std::string> Session::capabilities_now() const {
  return capabilities(
      {.signed_in = mailboxes_.has_value(),
       .start_tls = tls_ == config::TlsMode::Starttls && !stream_.is_tls(),
       .passwords = may_sign_in(),
       .scram = settings_.auth.scram != config::Scram::Off,
       .bindings = !mailboxes_ && stream_.is_tls() &&
                   !directory::channel_bindings(stream_, settings_.auth.scram == config::Scram::Plus).empty(),
       .message_limit = settings_.limits.message.value()});
}

std::string Session::capability_code() const {
  const auto all = capabilities_now();
  return imap::code::capability(views(all));
}

net::task<Answer> Session::on(const imap::Capability&) {
  const auto all = capabilities_now();
  say().capability(views(all));
  co_return Answer::ok("These");
}

net::task<Answer> Session::on(const imap::Noop&) { co_return Answer::ok("Done"); }

net::task<Answer> Session::on(const imap::Logout&) {
  say_goodbye(imap::code::none, texts::bye);
  co_return Answer::ok("You are logged out");
}

// RFC 2971: what the client says of itself changes nothing, and is not kept.
net::task<Answer> Session::on(const imap::Id&) {
  static constexpr std::pair<std::string_view, std::string_view> us[]{{"name", "Postroad"},
                                                                      {"vendor", "Postroad"}};
  say().id(us);
  co_return Answer::ok("Pleased to meet you");
}

net::task<Answer> Session::on(const imap::StartTls&) {
  if (stream_.is_tls()) co_return Answer::bad("TLS is active already");
  if (tls_ != config::TlsMode::Starttls) co_return Answer::bad(texts::not_offered);
  // Commands behind STARTTLS came in the clear, perhaps from somebody in between (attack 5).
  if (!stream_.buffered().empty()) {
    say_goodbye(imap::code::none, "You speak before it is your turn; closing");
    co_return Answer::bad("Wait for OK before anything else is said");
  }
  co_return Answer{.text = "Begin TLS now"};
}

net::task<void> Session::start_tls() {
  co_await send();
  static const net::TlsService service{"imap", {"imap"}};
  co_await stream_.start_tls(services_.tls, service);
  reader_.reset();
  errors_ = 0;
}

// --- signing in ---------------------------------------------------------------------------------------

Answer Session::not_signed_in(Answer why) {
  services_.log(SignInFailed{.peer = peer(), .reason = why.text});
  // Three guesses are enough for one connection (attack 88).
  if (++failed_sign_ins_ >= 3) say_goodbye(imap::code::none, texts::too_many_sign_ins);
  return why;
}

Answer Session::signed_in(const directory::Identity& identity) {
  auto seat = seats_.take(identity.account, settings_.limits.sessions_per_account);
  if (!seat) return Answer::no(imap::code::limit, texts::too_many_sessions);
  seat_ = std::move(seat);
  services_.log(SignedIn{.peer = peer(), .account = identity.address, .tls = stream_.is_tls()});
  mailboxes_.emplace(services_.mailboxes, identity.account);
  errors_ = 0;
  dialect_.state = imap::State::Authenticated;
  dialect_.limits = imap::after_login;
  dialect_.limits.literal = settings_.imap.literal.value();
  dialect_.limits.command = settings_.imap.command.value();
  dialect_.limits.literals = settings_.imap.literals;
  dialect_.limits.depth = settings_.imap.nesting;
  dialect_.limits.non_synchronizing = settings_.limits.message.value();
  dialect_.limits.swallow = settings_.limits.message.value() * 2;
  stream_.allow(settings_.imap.idle_wait);
  return Answer::ok("Signed in", capability_code());
}

net::task<Answer> Session::on(const imap::Login& login) {
  if (!may_sign_in())
    co_return Answer::no(imap::code::privacy_required, "Passwords only over TLS: say STARTTLS first");
  const std::string network = network_of(stream_, settings_.limits);
  const auto identity = co_await services_.directory.check_password(login.user, login.password,
                                                                    directory::Scope::Imap, network);
  if (identity) co_return signed_in(*identity);
  co_return not_signed_in(refused(identity.error() == directory::AuthError::TryLater
                                      ? sasl::Failure::TryLater
                                      : sasl::Failure::WrongCredentials));
}

net::task<Answer> Session::on(const imap::Authenticate& command) {
  if (!may_sign_in())
    co_return Answer::no(imap::code::privacy_required, "Passwords only over TLS: say STARTTLS first");
  ImapChallenger challenger(stream_, reader_, login_ends_);
  directory::SignInRequest request{
      .mechanism = command.mechanism,
      .initial = command.initial_response,
      .scope = directory::Scope::Imap,
      .client = network_of(stream_, settings_.limits),
      .bindings = directory::channel_bindings(stream_, settings_.auth.scram == config::Scram::Plus)};
  co_await send();
  const auto identity = co_await directory::sign_in(services_.directory, std::move(request), challenger);
  if (identity) co_return signed_in(*identity);
  // Who cancels, or asks for what is not offered, has guessed nothing.
  if (identity.error() == sasl::Failure::Cancelled || identity.error() == sasl::Failure::UnknownMechanism)
    co_return refused(identity.error());
  co_return not_signed_in(refused(identity.error()));
}

// RFC 5161: what is not known is passed over in silence.
net::task<Answer> Session::on(const imap::Enable& command) {
  std::vector<std::string_view> enabled;
  for (const std::string& capability : command.capabilities) {
    if (!can_enable(capability)) continue;
    enabled.push_back(capability);
    if (capability == "CONDSTORE") condstore_ = true;
    if (capability == "QRESYNC") condstore_ = qresync_ = true;
  }
  say().enabled(enabled);
  co_return Answer::ok("Enabled");
}

}  // namespace postroad::imapd
