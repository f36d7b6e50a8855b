// ClientExchange: the client's side of SASL, for submission through a smart host, for our tools and our
// tests.
//
// Sans-IO, as the server's side. PLAIN, LOGIN, EXTERNAL, SCRAM-SHA-1 and -256 and their -PLUS forms. A SCRAM
// exchange is good only when verified(): then the server has shown that it knows the password's keys too.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "sasl/server.h"

namespace postroad::sasl {

struct Credentials {
  std::string authcid;
  std::string password;
  std::string authzid{};  // as whom to act, if not as authcid
};

enum class ClientError {
  UnknownMechanism,
  BadCredentials,  // not preparable (sasl/prepare.h), or with a NUL
  BadBase64,
  BadChallenge,  // not what the mechanism says here; also more than 10,000,000 iterations
  NotTheServer,  // its signature is wrong: it does not know the password's keys
};

struct ClientContext {
  Credentials credentials;
  std::vector<ChannelBinding> bindings{};  // best first
  // Did the server offer any -PLUS mechanism? It tells a server that can and was made to look as if it could
  // not.
  bool plus_offered = false;
  Random* random = &system_random();
};

class ClientMechanism {
 public:
  virtual ~ClientMechanism() = default;
  virtual std::optional<Result<std::string, ClientError>> initial() = 0;  // nothing: the server speaks first
  virtual Result<std::string, ClientError> respond(std::string challenge) = 0;
  virtual bool verified() const { return true; }
};

class ClientExchange {
 public:
  ClientExchange(std::string_view mechanism, ClientContext context);

  // The initial response to send with the command: base64, "=" if it is empty; or none.
  Result<std::optional<std::string>, ClientError> begin();
  // What to answer to a challenge ("334 ...", "+ ..."), both base64. After an error send "*".
  Result<std::string, ClientError> respond(std::string_view challenge);
  // May a success from the server be believed? Ask when it says that all went well.
  bool verified() const;

 private:
  std::unique_ptr<const ClientContext> context_;
  std::unique_ptr<ClientMechanism> mechanism_;
};

// The best of what a server offers: SCRAM bound to the channel, SCRAM, then, only if the connection is
// `private_line` (TLS), PLAIN and LOGIN. Empty if there is none.
std::string_view choose_mechanism(const std::vector<std::string>& offered, bool bindings, bool private_line);

}  // namespace postroad::sasl
