// Capabilities: what a server's reply to EHLO or LHLO offers (RFC 5321 §4.1.1.1), for clients.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mail/enhanced_status.h"

namespace postroad::smtp {

struct Capabilities {
  std::string greeting;         // what the server calls itself: the first word of the first line; unchecked
  bool pipelining = false;      // RFC 2920
  bool eight_bit_mime = false;  // RFC 6152
  bool smtputf8 = false;        // RFC 6531
  bool starttls = false;        // RFC 3207
  bool dsn = false;             // RFC 3461
  bool enhanced_status_codes = false;   // RFC 2034
  bool chunking = false;                // RFC 3030
  bool binary_mime = false;             // RFC 3030
  bool require_tls = false;             // RFC 8689
  bool deliver_by = false;              // RFC 2852
  bool mt_priority = false;             // RFC 6710
  bool future_release = false;          // RFC 4865
  bool rrvs = false;                    // RFC 7293
  bool etrn = false;                    // RFC 1985
  std::optional<std::uint64_t> size{};  // RFC 1870: the largest message; 0: not limited by a fixed number
  std::vector<std::string> auth{};      // RFC 4954: mechanisms in upper case, also of the old "AUTH="

  // RFC 9422; a limit that is absent or nonsense is not set.
  struct Limits {
    std::optional<std::uint64_t> mail_max{};         // transactions on one connection
    std::optional<std::uint64_t> rcpt_max{};         // recipients of one transaction
    std::optional<std::uint64_t> rcpt_domain_max{};  // domains among them
  } limits{};

  bool offers_auth(std::string_view mechanism) const;
  // May a message of so many octets be tried?
  bool takes(std::uint64_t octets) const { return !size || *size == 0 || octets <= *size; }
};

// Of a 250 reply to EHLO. Of two lines with one keyword the first counts; unknown keywords are passed over.
Capabilities parse_capabilities(const Reply& reply);

}  // namespace postroad::smtp
