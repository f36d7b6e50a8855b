// SASL against the directory, for every service alike: SMTP, POP3, IMAP and ManageSieve say the same things
// in other words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "directory/directory.h"
#include "net/stream.h"
#include "sasl/server.h"

namespace postroad::directory {

// How the service asks its client: "334 ...", "+ ...". Nothing: the client said a line that is too long or
// broken.
class Challenger {
 public:
  virtual ~Challenger() = default;
  virtual net::task<std::optional<std::string>> ask(const sasl::Challenge& challenge) = 0;
};

// All that a connection can be bound by: RFC 9266 for TLS 1.3, RFC 5929 §4.1 for any. Nothing where it is not
// `wanted`: then no -PLUS mechanism may be offered.
std::vector<sasl::ChannelBinding> channel_bindings(const net::Stream& stream, bool wanted);

struct SignInRequest {
  std::string mechanism;
  std::optional<std::string> initial;
  Scope scope{};
  std::string client;  // the peer's network, for throttling
  std::vector<sasl::ChannelBinding> bindings;
};

net::task<Result<Identity, sasl::Failure>> sign_in(Directory& directory, SignInRequest request,
                                                   Challenger& challenger);

}  // namespace postroad::directory
