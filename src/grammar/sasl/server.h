// ServerExchange: the server's side of one SASL authentication (RFC 4422), for SMTP, IMAP, POP3, ManageSieve.
//
// Sans-IO: lines come in as they stood on the wire (base64), steps come out. What only the directory knows,
// it asks for by a step; it never learns whether an answer took long. Mechanisms: PLAIN (RFC 4616), LOGIN,
// SCRAM-SHA-1 and -256 with their -PLUS forms (RFC 5802, 7677; channel bindings of RFC 5929 and 9266),
// EXTERNAL.
//
//   ServerExchange sasl("SCRAM-SHA-256", context);
//   Step step = sasl.begin(initial_response);
//   for (;;) ... std::visit over the step: send its challenge and respond(), or look up and answer() ...
//
// One object is one attempt: after Done or Failed it is thrown away (attack 85), and a Failed one leaves
// nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"
#include "crypto/password.h"

namespace postroad::sasl {

constexpr std::size_t longest_line = 12'288;  // octets of base64 in one line, RFC 4954 §4
constexpr std::size_t longest_name = 255;     // authcid and authzid

// What this connection's TLS gives: "tls-exporter" (TLS 1.3, RFC 9266), "tls-server-end-point", "tls-unique"
// (TLS 1.2 and older, RFC 5929), and the octets.
struct ChannelBinding {
  std::string type;
  std::string octets;
};

struct ServerContext {
  // All that this connection can be bound by. When there is one, the -PLUS mechanisms must have been offered:
  // a client that says it saw none of them is being lied to by somebody in between (RFC 5802 §6).
  std::vector<ChannelBinding> bindings;
  // The same for the life of the server. Salts of users that do not exist are made from it, so that asking
  // twice gives no answer.
  std::string decoy_secret;
  // What users that do exist have; RFC 7677 §4 asks for at least 4096.
  std::uint32_t iterations = 4096;
  Random* random = &system_random();
};

// --- Steps
// --------------------------------------------------------------------------------------------------

// Send it as it is: after "334 " in SMTP, after "+ " in IMAP and POP3. May be empty. Then respond().
struct Challenge {
  std::string base64;
};
// Is that the user's password? Any octets but NUL; to be tried as it is, and prepare()d where SCRAM keys are
// all there is. Then answer().
struct NeedPassword {
  std::string authcid;
  std::string password;
};
// The user's keys for this digest. Then scram_keys(), with nothing if there is no such user or there are no
// keys.
struct NeedScramKeys {
  std::string authcid;
  crypto::Hash hash;
};
// The client was known before: by its TLS certificate. Then answer().
struct NeedExternal {
  std::string authzid;  // may be empty: whoever the certificate says
};
// `authcid` has proved who he is and wants to act as `authzid`, which is another name. May he? Then answer().
struct NeedAuthorization {
  std::string authcid;
  std::string authzid;
};
struct Done {
  std::string authcid;  // who proved it; empty after EXTERNAL without a name
  std::string authzid;  // who he acts as: mostly the same
};
enum class Failure {
  Cancelled,         // the client sent "*": 501 5.7.0
  BadBase64,         // 501 5.5.2
  TooLong,           // 500 5.5.6
  BadMessage,        // the mechanism's grammar is not kept: 501 5.5.2
  UnknownMechanism,  // 504 5.5.4
  WrongCredentials,  // 535 5.7.8; also when there is no such user
  NotAuthorized,     // 535 5.7.8: may not act as that one
  ChannelBinding,    // 535 5.7.8: not the same TLS connection at both ends, or a downgrade
  TryLater,          // 454 4.7.0: the directory could not be asked
};
struct Failed {
  Failure why;
};
using Step =
    std::variant<Challenge, NeedPassword, NeedScramKeys, NeedExternal, NeedAuthorization, Done, Failed>;

enum class Verdict { Yes, No, TryLater };

// --- The exchange
// -------------------------------------------------------------------------------------------

// The mechanism's part of it, on decoded octets. A new mechanism is one more of these in server.cc's table.
class ServerMechanism {
 public:
  virtual ~ServerMechanism() = default;
  // The first message; nothing if the client sent none with the command.
  virtual Step begin(std::optional<std::string> initial) = 0;
  virtual Step respond(std::string message) = 0;
  virtual Step answer(Verdict) { return Failed{Failure::BadMessage}; }
  virtual Step scram_keys(std::optional<crypto::ScramKeys>) { return Failed{Failure::BadMessage}; }
};

class ServerExchange {
 public:
  // The name in any case. An unknown one fails in begin().
  ServerExchange(std::string_view mechanism, ServerContext context);
  ~ServerExchange();
  ServerExchange(ServerExchange&&) noexcept;
  ServerExchange& operator=(ServerExchange&&) noexcept;

  // `initial`: the word after the mechanism, as it came: base64, "=" for an empty one (RFC 4954 §4), or
  // nothing.
  Step begin(std::optional<std::string_view> initial);
  Step respond(std::string_view line);  // without its CRLF
  // To NeedPassword, NeedExternal and NeedAuthorization.
  Step answer(Verdict verdict);
  // To NeedScramKeys. Iterations and salt go to the client.
  Step scram_keys(std::optional<crypto::ScramKeys> keys);

 private:
  // What must come next; anything else is a mistake of the caller's and throws.
  enum class Awaits { Begin, Response, Answer, Keys, Nothing };
  void expect(Awaits what) const;
  Step note(Step step);

  std::unique_ptr<const ServerContext> context_;  // where the mechanism refers to it, however we move
  std::unique_ptr<ServerMechanism> mechanism_;
  Awaits awaits_ = Awaits::Begin;
};

// What to offer, best first. `passwords`: may PLAIN and LOGIN be offered here: only where nobody listens,
// that is with TLS (RFC 4954 §4). `bindings`: does this connection have channel bindings.
std::vector<std::string_view> offered_mechanisms(bool passwords, bool scram, bool bindings);

}  // namespace postroad::sasl
