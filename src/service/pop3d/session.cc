#include "pop3d/session.h"

#include <algorithm>

#include "directory/sasl_sign_in.h"
#include "pop3/response.h"
#include "pop3d/events.h"
#include "pop3d/replies.h"

namespace postroad::pop3d {

namespace {

constexpr std::uint32_t errors_permitted = 50;
constexpr std::uint32_t sign_ins_permitted = 5;
// Listings and messages are handed to the stream in pieces of about this size.
constexpr std::size_t piece_octets = 32 * 1024;

// "+ challenge" (RFC 5034 §4).
class Pop3Challenger final : public directory::Challenger {
 public:
  explicit Pop3Challenger(net::Stream& stream) : stream_(stream) {}
  net::task<std::optional<std::string>> ask(const sasl::Challenge& challenge) override {
    const std::string line = "+ " + challenge.base64 + "\r\n";
    co_await stream_.write(line);
    const auto answer = co_await stream_.read_line(sasl::longest_line);
    if (!answer) co_return std::nullopt;
    co_return std::string(*answer);
  }

 private:
  net::Stream& stream_;
};

}  // namespace

const net::TlsService& tls_service() {
  static const net::TlsService service{"pop3", {"pop3"}};
  return service;
}

Session::Session(net::Stream& stream, const Services& services, const config::Settings& settings,
                 config::TlsMode tls)
    : stream_(stream),
      services_(services),
      settings_(settings),
      tls_(tls),
      peer_(stream.peer().is_unix() ? "unix" : stream.peer().address().text()),
      network_(stream.peer().is_unix() ? "unix"
                                       : settings.limits.neighbourhood(stream.peer().address()).text()),
      began_(services.clock.instant()) {}

// Who has not signed in has one allowance for all of it; afterwards each command has the autologout (RFC 1939
// §3).
Duration Session::patience() const {
  if (maildrop_) return settings_.pop3.idle_wait;
  const Duration spent = services_.clock.instant() - began_;
  return std::max<Duration>(settings_.pop3.login_wait - spent, 0s);
}

net::task<void> Session::run() {
  const std::string greeting = replies::greeting(settings_.hostname.text());
  co_await stream_.write(greeting);  // RFC 1939 §4
  for (bool goes_on = true; goes_on;) {
    stream_.allow(patience());
    const auto line = co_await stream_.read_line(sasl::longest_line);
    Outcome outcome;
    if (line) {
      const auto command = pop3::parse_command(*line);
      if (command)
        outcome = co_await obey(*command);
      else
        outcome = {replies::cannot_parse(command.error()), Then::Error};
    } else {
      switch (line.error()) {
        // Nobody has asked anything: as after the autologout nothing is said and nothing removed (RFC 1939
        // §3).
        case net::LineError::Stopping: outcome = {{}, Then::Close}; break;
        case net::LineError::TooLong: outcome = {replies::line_too_long(), Then::Error}; break;
        case net::LineError::Endless: outcome = {replies::line_too_long(), Then::Close}; break;
        case net::LineError::BareCr:
        case net::LineError::BareLf: outcome = {replies::bare_line_end(), Then::Close}; break;
      }
    }
    if (outcome.then == Then::Error && ++errors_ > errors_permitted)
      outcome = {replies::too_many_errors(), Then::Close};
    if (!outcome.reply.empty()) co_await stream_.write(outcome.reply);
    goes_on = outcome.then != Then::Close;
  }
  co_await stream_.close();
}

// The variant of commands finds its overload of on(); a new command that has none does not compile.
net::task<Outcome> Session::obey(const pop3::Command& command) {
  return std::visit([this](const auto& c) { return on(c); }, command);
}

// --- The AUTHORIZATION state, §4 -----------------------------------------------------------------------

net::task<Outcome> Session::on(pop3::User command) {
  if (maildrop_) co_return Outcome{replies::signed_in_already(), Then::Error};
  if (!passwords_permitted()) co_return Outcome{replies::stls_first(), Then::Error};
  user_ = std::move(command.name);
  co_return Outcome{replies::send_password()};
}

net::task<Outcome> Session::on(pop3::Pass command) {
  if (maildrop_) co_return Outcome{replies::signed_in_already(), Then::Error};
  if (!user_) co_return Outcome{replies::user_first(), Then::Error};
  const std::string user = *std::exchange(user_, std::nullopt);
  auto identity =
      co_await services_.directory.check_password(user, command.password, directory::Scope::Pop3, network_);
  if (identity) co_return co_await open_maildrop(std::move(*identity));
  co_return not_signed_in(identity.error() == directory::AuthError::TryLater
                              ? replies::sasl_failure(sasl::Failure::TryLater)
                              : replies::wrong_credentials());
}

// RFC 5034.
net::task<Outcome> Session::on(pop3::Auth command) {
  if (maildrop_) co_return Outcome{replies::signed_in_already(), Then::Error};
  const auto offered = mechanisms();
  if (command.mechanism.empty()) {
    std::string list = pop3::ok("These are offered");
    for (const std::string_view mechanism : offered) list.append(mechanism).append("\r\n");
    co_return Outcome{list.append(pop3::end_of_lines)};
  }
  if (std::ranges::find(offered, command.mechanism) == offered.end())
    co_return Outcome{passwords_permitted() ? replies::sasl_failure(sasl::Failure::UnknownMechanism)
                                            : replies::stls_first(),
                      Then::Error};
  Pop3Challenger challenger(stream_);
  directory::SignInRequest request{.mechanism = command.mechanism,
                                   .initial = command.initial_response,
                                   .scope = directory::Scope::Pop3,
                                   .client = network_,
                                   .bindings = bindings()};
  auto identity = co_await directory::sign_in(services_.directory, std::move(request), challenger);
  if (identity) co_return co_await open_maildrop(std::move(*identity));
  if (identity.error() == sasl::Failure::Cancelled)
    co_return Outcome{replies::sasl_failure(identity.error()), Then::Error};
  co_return not_signed_in(replies::sasl_failure(identity.error()));
}

Outcome Session::not_signed_in(std::string reply) {
  services_.log(SignInFailed{.peer = peer_});
  return {std::move(reply), ++failed_sign_ins_ >= sign_ins_permitted ? Then::Close : Then::Error};
}

std::vector<std::string_view> Session::mechanisms() const {
  return sasl::offered_mechanisms(passwords_permitted(), settings_.auth.scram != config::Scram::Off,
                                  !bindings().empty());
}

std::vector<sasl::ChannelBinding> Session::bindings() const {
  return directory::channel_bindings(stream_, settings_.auth.scram == config::Scram::Plus);
}

// §4: with the lock the session enters the TRANSACTION state.
net::task<Outcome> Session::open_maildrop(directory::Identity identity) {
  const auto owner = services_.directory.account(identity.account);
  if (!owner) co_return Outcome{replies::refused(mailbox::Refusal::NoSuchAccount), Then::Error};
  auto maildrop = co_await Maildrop::open(services_.mailboxes, *owner);
  if (!maildrop) co_return Outcome{replies::refused(maildrop.error()), Then::Error};
  maildrop_ = std::move(*maildrop);
  services_.log(SignedIn{.peer = peer_, .account = identity.address, .messages = maildrop_->messages()});
  co_return Outcome{replies::maildrop(maildrop_->messages(), maildrop_->octets())};
}

// RFC 2595 §4.
net::task<Outcome> Session::on(pop3::Stls) {
  if (maildrop_) co_return Outcome{replies::signed_in_already(), Then::Error};
  if (stream_.is_tls()) co_return Outcome{replies::tls_already(), Then::Error};
  if (tls_ != config::TlsMode::Starttls) co_return Outcome{replies::not_offered(), Then::Error};
  if (utf8_) co_return Outcome{replies::no_tls_after_utf8(), Then::Error};
  // Commands behind STLS came in the clear, perhaps from somebody in between (CVE-2011-0411).
  if (!stream_.buffered().empty()) co_return Outcome{replies::too_eager(), Then::Close};
  const std::string ready = replies::ready_for_tls();
  co_await stream_.write(ready);
  co_await stream_.start_tls(services_.tls, tls_service());
  user_.reset();
  co_return Outcome{};
}

// RFC 2449 §5.
net::task<Outcome> Session::on(pop3::Capa) {
  using Erase = directory::Pop3Erase;
  pop3::Capabilities capabilities;
  capabilities.user = !maildrop_ && passwords_permitted();
  capabilities.stls = !maildrop_ && tls_ == config::TlsMode::Starttls && !stream_.is_tls();
  if (!maildrop_) capabilities.sasl = mechanisms();
  pop3::Expire expire;
  if (!maildrop_) {
    // §6.7: the smallest that may be set for anybody, for each account has its own.
    expire = {.days = 0, .differs_by_user = true};
  } else if (maildrop_->owner().pop3_erase != Erase::Never) {
    expire.days =
        maildrop_->owner().pop3_erase == Erase::OnRetrieval ? 0 : maildrop_->owner().pop3_erase_days;
  }
  capabilities.expire = expire;
  capabilities.utf8 = true;
  capabilities.utf8_user = true;
  capabilities.lang = true;
  capabilities.implementation = "Postroad";
  co_return Outcome{pop3::capa_response(capabilities)};
}

// RFC 6856 §2.1.
net::task<Outcome> Session::on(pop3::Utf8) {
  if (maildrop_) co_return Outcome{replies::signed_in_already(), Then::Error};
  utf8_ = true;
  co_return Outcome{pop3::ok("UTF8 enabled")};
}

// RFC 6856 §3.2: what we say is English.
net::task<Outcome> Session::on(pop3::Lang command) {
  if (command.tag.empty())
    co_return Outcome{pop3::ok("Language listing follows:") + "en English\r\n" +
                      std::string(pop3::end_of_lines)};
  if (command.tag == "*" || command.tag == "en" || command.tag.starts_with("en-"))
    co_return Outcome{pop3::ok("en English it is")};
  co_return Outcome{pop3::err("Only English is spoken here"), Then::Error};
}

// --- The TRANSACTION state, §5 -------------------------------------------------------------------------

std::optional<Outcome> Session::wrong(std::uint32_t message) const {
  if (!maildrop_) return Outcome{replies::sign_in_first(), Then::Error};
  if (message == 0 || message > maildrop_->highest())
    return Outcome{replies::no_such_message(maildrop_->highest()), Then::Error};
  if (maildrop_->marked(message)) return Outcome{replies::deleted_already(message), Then::Error};
  return std::nullopt;
}

net::task<Outcome> Session::on(pop3::Stat) {
  if (!maildrop_) co_return Outcome{replies::sign_in_first(), Then::Error};
  co_return Outcome{pop3::stat_line(maildrop_->messages(), maildrop_->octets())};
}

// A line for each message that is not marked, without holding all of them.
template <class Line>
net::task<Outcome> Session::list_all(Line line) {
  std::string out = replies::maildrop(maildrop_->messages(), maildrop_->octets());
  for (std::uint32_t message = 1; message <= maildrop_->highest(); ++message) {
    if (maildrop_->marked(message)) continue;
    out += line(message, maildrop_->entry(message));
    if (out.size() < piece_octets) continue;
    co_await stream_.write(out);
    out.clear();
  }
  co_return Outcome{out.append(pop3::end_of_lines)};
}

net::task<Outcome> Session::on(pop3::List command) {
  const auto line = [](std::uint32_t message, const mailbox::Entry& e) {
    return pop3::scan_listing(message, e.octets);
  };
  if (command.message) {
    if (auto no = wrong(*command.message)) co_return std::move(*no);
    co_return Outcome{"+OK " + line(*command.message, maildrop_->entry(*command.message))};
  }
  if (!maildrop_) co_return Outcome{replies::sign_in_first(), Then::Error};
  co_return co_await list_all(line);
}

net::task<Outcome> Session::on(pop3::Uidl command) {
  const auto line = [](std::uint32_t message, const mailbox::Entry& e) {
    return pop3::unique_id_listing(message, Maildrop::unique_id(e));
  };
  if (command.message) {
    if (auto no = wrong(*command.message)) co_return std::move(*no);
    co_return Outcome{"+OK " + line(*command.message, maildrop_->entry(*command.message))};
  }
  if (!maildrop_) co_return Outcome{replies::sign_in_first(), Then::Error};
  co_return co_await list_all(line);
}

net::task<Outcome> Session::on(pop3::Retr command) {
  if (auto no = wrong(command.message)) co_return std::move(*no);
  co_return co_await send(command.message, std::nullopt);
}

net::task<Outcome> Session::on(pop3::Top command) {
  if (auto no = wrong(command.message)) co_return std::move(*no);
  co_return co_await send(command.message, command.lines);
}

// The message, or its header and so many lines, as it is read; the stream holds back who reads slower.
net::task<Outcome> Session::send(std::uint32_t message, std::optional<std::uint64_t> lines) {
  const auto content = co_await maildrop_->content(message);
  if (!content) co_return Outcome{replies::cannot_send(message, content.error())};
  mailbox::Content& octets = **content;
  pop3::MessageEncoder encoder(lines);
  // Nothing is said before the first pieces are there: a damaged message gets an answer.
  std::string out = lines ? pop3::ok("Top of message follows") : replies::octets(octets.octets());
  bool said = false;
  bool wanted = true;
  for (std::uint64_t at = 0; wanted;) {
    const auto piece = co_await octets.read(at);
    if (!piece) {
      if (piece.error() == mailbox::Refusal::Damaged)
        services_.log(MessageDamaged{.account = maildrop_->owner().address,
                                     .uid = maildrop_->entry(message).uid.value()});
      // In the middle of it there is no way to say so but to end: a client must not take a part for the
      // whole.
      if (said) co_return Outcome{{}, Then::Close};
      co_return Outcome{replies::cannot_send(message, piece.error())};
    }
    if (piece->empty()) break;
    at += piece->size();
    wanted = encoder.feed(*piece, out);
    if (out.size() < piece_octets || !wanted) continue;
    co_await stream_.write(out);
    said = true;
    out.clear();
  }
  encoder.finish(out);
  if (!lines) maildrop_->note_retrieved(message, octets.locator().queue_id);
  co_return Outcome{std::move(out)};
}

net::task<Outcome> Session::on(pop3::Dele command) {
  if (auto no = wrong(command.message)) co_return std::move(*no);
  maildrop_->mark(command.message);
  co_return Outcome{replies::deleted(command.message)};
}

net::task<Outcome> Session::on(pop3::Rset) {
  if (!maildrop_) co_return Outcome{replies::sign_in_first(), Then::Error};
  maildrop_->unmark_all();
  co_return Outcome{replies::maildrop(maildrop_->messages(), maildrop_->octets())};
}

net::task<Outcome> Session::on(pop3::Noop) {
  if (!maildrop_) co_return Outcome{replies::sign_in_first(), Then::Error};
  co_return Outcome{pop3::ok()};
}

// --- The UPDATE state, §6 ------------------------------------------------------------------------------

// The one place from which messages are removed (C14): a session that ends in any other way never comes here.
net::task<Outcome> Session::on(pop3::Quit) {
  if (!maildrop_) co_return Outcome{replies::bye(), Then::Close};
  const std::uint32_t retrieved = maildrop_->retrieved();
  const std::uint32_t highest = maildrop_->highest();
  const Address account = maildrop_->owner().address;
  const auto erased = co_await maildrop_->update(services_.clock.now());
  maildrop_.reset();  // the lock goes before the client hears of it
  if (!erased) co_return Outcome{replies::not_all_removed(), Then::Close};
  services_.log(Collected{.peer = peer_,
                          .account = account,
                          .retrieved = retrieved,
                          .erased = *erased,
                          .left = highest - *erased});
  co_return Outcome{replies::left(highest - *erased), Then::Close};
}

// Nothing of it is repeated (attack 93).
net::task<Outcome> Session::on(pop3::HttpVerb) { co_return Outcome{{}, Then::Close}; }

}  // namespace postroad::pop3d
