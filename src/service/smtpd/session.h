// One SMTP, submission or LMTP conversation, from the greeting to QUIT. Read session.cc beside RFC 5321 §3.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/stream.h"
#include "smtp/bdat_decoder.h"
#include "smtp/command.h"
#include "smtp/trace.h"
#include "smtpd/incoming.h"
#include "smtpd/server.h"

namespace postroad::smtpd {

enum class Then : std::uint8_t { GoOn, Close, Part };  // Part: the client wants to go
struct Outcome {
  Outcome(Reply r) : reply(std::move(r)) {}  // NOLINT: a reply is an outcome
  Outcome(Reply r, Then t) : reply(std::move(r)), then(t) {}
  std::optional<Reply> reply;  // none: everything has been said
  Then then = Then::GoOn;
  static Outcome said(Then then) {
    Outcome out{Reply{}};
    out.reply.reset();
    out.then = then;
    return out;
  }
};

// From MAIL to the end of the message, or RSET (RFC 5321 §3.3).
struct Transaction {
  Envelope envelope;
  std::size_t said = 0;  // RCPT commands
  std::unique_ptr<Incoming> incoming;
  std::optional<smtp::BdatDecoder> bdat;
};

// A signed-in user's message may wait with us for so long (RFC 4865).
inline constexpr std::chrono::seconds longest_hold = std::chrono::days(30);

class Session {
 public:
  Session(net::Stream& stream, const Services& services, const config::Settings& settings,
          config::Service service, config::TlsMode tls);
  net::task<void> run();

 private:
  net::task<bool> welcome();
  net::task<Outcome> obey(smtp::Command command);
  net::task<void> say(Reply reply);

  net::task<Outcome> on(smtp::Helo command);
  net::task<Outcome> on(smtp::Ehlo command);
  net::task<Outcome> on(smtp::Lhlo command);
  net::task<Outcome> on(smtp::StartTls command);
  net::task<Outcome> on(smtp::Auth command);
  net::task<Outcome> on(smtp::MailFrom command);
  net::task<Outcome> on(smtp::RcptTo command);
  net::task<Outcome> on(smtp::Data command);
  net::task<Outcome> on(smtp::Bdat command);
  net::task<Outcome> on(smtp::Rset command);
  net::task<Outcome> on(smtp::Noop command);
  net::task<Outcome> on(smtp::Quit command);
  net::task<Outcome> on(smtp::Vrfy command);
  net::task<Outcome> on(smtp::Expn command);
  net::task<Outcome> on(smtp::Help command);
  net::task<Outcome> on(smtp::Etrn command);
  net::task<Outcome> on(smtp::HttpVerb command);

  Reply hello(const smtp::ClientName& client);
  bool may_sign_in() const;  // AUTH is offered here and now
  bool lmtp() const { return service_ == config::Service::Lmtp; }
  bool stranger() const { return !peer_.identity && !peer_.exempt && service_ == config::Service::Smtp; }
  std::chrono::seconds patience() const;
  std::optional<Reply> store_trouble() const;
  smtp::Received received_by_us() const;
  Reply nobody_to_send_to() const;
  net::task<Outcome> finish_message();  // the end of DATA or of the last BDAT
  net::task<Outcome> say_for_each(std::size_t recipients, Outcome outcome);
  void forget_peer();                  // RFC 3207 §4.2
  std::optional<Fixes> fixes() const;  // of a submitted message
  bool originator_is_ours(const mime::Header& header) const;

  net::Stream& stream_;
  const Services& services_;
  const config::Settings& settings_;
  const config::Service service_;
  const config::TlsMode tls_;
  policy::Peer peer_;
  std::optional<smtp::ClientName> client_;
  bool extended_ = false;  // EHLO or LHLO
  std::optional<Transaction> transaction_;
  std::uint32_t errors_ = 0, idle_ = 0, messages_ = 0, failed_sign_ins_ = 0;
};

}  // namespace postroad::smtpd
