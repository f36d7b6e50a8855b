// One POP3 conversation, from the greeting to QUIT. Read session.cc beside RFC 1939 §4-§6.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/stream.h"
#include "pop3/command.h"
#include "pop3d/maildrop.h"
#include "pop3d/server.h"
#include "sasl/server.h"

namespace postroad::pop3d {

const net::TlsService& tls_service();

// What is left to say after a command, and whether the conversation goes on.
enum class Then : std::uint8_t { GoOn, Error, Close };
struct Outcome {
  std::string reply;  // empty: everything has been said
  Then then = Then::GoOn;
};

class Session {
 public:
  Session(net::Stream& stream, const Services& services, const config::Settings& settings,
          config::TlsMode tls);
  net::task<void> run();

 private:
  net::task<Outcome> obey(const pop3::Command& command);

  net::task<Outcome> on(pop3::User command);
  net::task<Outcome> on(pop3::Pass command);
  net::task<Outcome> on(pop3::Auth command);
  net::task<Outcome> on(pop3::Stls command);
  net::task<Outcome> on(pop3::Capa command);
  net::task<Outcome> on(pop3::Utf8 command);
  net::task<Outcome> on(pop3::Lang command);
  net::task<Outcome> on(pop3::Stat command);
  net::task<Outcome> on(pop3::List command);
  net::task<Outcome> on(pop3::Uidl command);
  net::task<Outcome> on(pop3::Retr command);
  net::task<Outcome> on(pop3::Top command);
  net::task<Outcome> on(pop3::Dele command);
  net::task<Outcome> on(pop3::Rset command);
  net::task<Outcome> on(pop3::Noop command);
  net::task<Outcome> on(pop3::Quit command);
  net::task<Outcome> on(pop3::HttpVerb command);

  bool passwords_permitted() const { return stream_.is_tls() || settings_.auth.cleartext; }
  std::vector<std::string_view> mechanisms() const;  // offered here and now
  std::vector<sasl::ChannelBinding> bindings() const;
  Duration patience() const;
  net::task<Outcome> open_maildrop(directory::Identity identity);
  Outcome not_signed_in(std::string reply);
  // The message is there and not marked, or why not.
  std::optional<Outcome> wrong(std::uint32_t message) const;
  template <class Line>
  net::task<Outcome> list_all(Line line);
  net::task<Outcome> send(std::uint32_t message, std::optional<std::uint64_t> lines);

  net::Stream& stream_;
  const Services& services_;
  const config::Settings& settings_;
  const config::TlsMode tls_;
  const std::string peer_;
  const std::string network_;  // of the peer, for throttling
  const Instant began_;
  std::optional<std::string> user_;     // said by USER, and not judged yet
  std::unique_ptr<Maildrop> maildrop_;  // TRANSACTION state
  bool utf8_ = false;                   // RFC 6856
  std::uint32_t errors_ = 0, failed_sign_ins_ = 0;
};

}  // namespace postroad::pop3d
