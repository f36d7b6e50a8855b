// The beginning of a session: greeting, EHLO, STARTTLS, AUTH (RFC 5321 §3.1-3.2, RFC 3207, RFC 4954).
#pragma once

#include <string>

#include "delivery/attempt.h"
#include "delivery/conversation.h"
#include "delivery/route.h"
#include "net/tls.h"
#include "smtp/capabilities.h"

namespace postroad::delivery {

struct Welcome {
  smtp::Capabilities offers;  // under TLS those said under TLS
  std::string tls{};          // how the connection is protected; empty: not
};

struct Visitor {
  std::string our_name;       // EHLO
  std::string host;           // whom we mean to meet: SNI, and the certificate's name
  const net::TlsClient* tls;  // null: without, whatever is offered
};

// A refusal is for everybody whose mail would have gone this way. Throws what Conversation throws.
net::task<Result<Welcome, Outcome>> greet(Conversation& talk, const Route& route, const Visitor& visitor,
                                          const Patience& patience);

// A 4yz or 5yz as an outcome, with a status where theirs has none, and classified.
Outcome refused(Reply reply, Stage stage, std::string_view provider);
Outcome deferred(Cause cause, std::uint16_t code, EnhancedStatus status, std::string text);

}  // namespace postroad::delivery
