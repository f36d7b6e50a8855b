// Trace fields (RFC 5321 §4.4): what a server writes on top of a message it takes. Each ends with CRLF, is
// folded at 78 columns where it can be, and holds nothing but what may stand in a header field: a client's
// HELO, the one part that is a stranger's free text, is cut down to harmless characters.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/ip.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "smtp/command.h"

namespace postroad::smtp {

enum class Protocol { Smtp, Esmtp, Lmtp, Http };

struct Received {
  std::optional<ClientName> client{};  // HELO, EHLO or LHLO; none for what did not come by SMTP
  std::optional<IpAddress> peer{};     // none where a submitter's address is not to be told
  std::optional<Domain> peer_name{};   // its verified name in DNS
  Domain by;
  Protocol protocol = Protocol::Smtp;
  bool tls = false;
  bool authenticated = false;
  bool smtputf8 = false;
  std::string tls_details{};  // "TLSv1.3 TLS_AES_256_GCM_SHA384", for a comment
  std::string id{};           // the QueueId's text
  std::optional<Address>
      recipient{};  // only when there is one: the others' addresses are nobody's business (§7.6)
  std::optional<std::int8_t> priority{};  // RFC 6710 §7
  Time time{};
  std::chrono::minutes zone{};
};

// "ESMTPSA", "UTF8SMTPS", "LMTP": RFC 3848, RFC 6531 §4.3.
std::string with_protocol(Protocol protocol, bool tls, bool authenticated, bool smtputf8);

std::string received_field(const Received& received);
std::string return_path_field(const ReversePath& reverse_path);  // at final delivery only (§4.4)
std::string delivered_to_field(const Address& address);          // RFC 9228

}  // namespace postroad::smtp
