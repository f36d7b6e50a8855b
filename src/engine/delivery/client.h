// The SMTP client's side of one connection (RFC 5321 §3, §4.5.3.2): greeting, EHLO, STARTTLS, transactions,
// QUIT.
//
// It says what it is told and reports each recipient's outcome; whom to connect to and when is the courier's
// affair. Nothing leaves us but CRLF line ends and stuffed dots (attack 3): the message is encoded as it
// streams.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delivery/attempt.h"
#include "mail/envelope.h"
#include "net/stream.h"
#include "smtp/capabilities.h"
#include "smtp/reply.h"
#include "store/store.h"

namespace postroad::delivery {

// RFC 5321 §4.5.3.2, the minimums.
struct Patience {
  std::chrono::seconds greeting{300}, mail{300}, rcpt{300}, data{120}, block{180}, final_dot{600}, quit{10};
};

// The message as octets: prefix, then blob.
struct Payload {
  std::string_view prefix;
  store::BlobReader* blob = nullptr;
  std::uint64_t octets = 0;
  bool eight_bit = false;  // holds octets above 127, or lines longer than 998
};

struct Deal {                          // one transaction
  const Envelope* envelope = nullptr;  // path, parameters; recipients below
  std::vector<Recipient> recipients;   // addresses as they go on the wire
};

class Client {
 public:
  Client(net::Stream stream, std::string our_name, Patience patience);

  // Greeting and EHLO (HELO if that is refused), STARTTLS when offered. An Outcome is a refusal for
  // everybody.
  net::task<Result<void, Outcome>> greet(net::TlsClient* tls, std::string host, bool lmtp);
  // One outcome per recipient, in order. After a throw (ConnectionEnded) what was not answered is unknown and
  // deferred.
  net::task<std::vector<Outcome>> transact(const Deal& deal, Payload payload);
  // Ready for another transaction? False after anything odd.
  bool usable() const { return usable_; }
  net::task<void> quit();

  const std::string& tls() const { return tls_; }
  const smtp::Capabilities& offers() const { return offers_; }

 private:
  net::task<Reply> reply(std::chrono::seconds patience);
  net::task<void> say(std::string_view line);
  net::task<bool> send_body(const Payload& payload);

  net::Stream stream_;
  std::string our_name_;
  Patience patience_;
  smtp::ReplyParser parser_;
  smtp::Capabilities offers_;
  std::string tls_;
  bool lmtp_ = false;
  bool esmtp_ = false;
  bool usable_ = false;
};

}  // namespace postroad::delivery
