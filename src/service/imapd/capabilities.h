// What is offered, and when (RFC 9051 §6.1.1). The one list: a command whose capability is not in it is not
// obeyed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postroad::imapd {

struct Circumstances {
  bool signed_in = false;
  bool start_tls = false;  // STARTTLS would work
  bool passwords = false;  // signing in would work: TLS, or [auth] cleartext
  bool scram = false;      // its mechanisms are offered
  bool bindings = false;   // TLS with channel binding
  std::uint64_t message_limit = 0;
};

std::vector<std::string> capabilities(const Circumstances& now);
bool offered(std::string_view capability);     // to who has signed in
bool can_enable(std::string_view capability);  // in capitals (RFC 5161)

}  // namespace postroad::imapd
