// The commands of SMTP, LMTP and submission: one struct for each, nothing in it left to check.
//
// RFC 5321 §4.1.1 and the extensions named below. parse_command() knows every parameter there is; whether it
// was offered, whether it is this command's turn, and what policy says is the session's business: a field
// that is set and was not offered is answered 555 (RFC 5321 §4.1.1.11). render() is its inverse, for clients.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "mail/address.h"
#include "mail/envelope.h"

namespace postroad::smtp {

// What a client calls itself. RFC 5321 §4.1.4 wants a domain or an address literal and forbids to refuse
// mail because the name is wrong, and real clients say "my_pc", "localhost." or "[127.0.0.1": so any 1 to 255
// graphic characters are a name. `domain` is set when the name is what it should be (a final dot is let
// pass); `text` is kept as given, for policy and for the Received field (trace.h makes it harmless).
struct ClientName {
  std::string text;
  std::optional<Domain> domain;
  friend auto operator<=>(const ClientName&, const ClientName&) = default;
};

struct Helo {
  ClientName client;
};
struct Ehlo {
  ClientName client;
};
struct Lhlo {
  ClientName client;
};  // RFC 2033 §4.1

// RFC 2852: deliver within `seconds`, which may be negative with Notify.
struct DeliverBy {
  enum class Mode : std::uint8_t { Notify, Return };
  std::int32_t seconds = 0;
  Mode mode = Mode::Return;
  bool trace = false;
  friend auto operator<=>(const DeliverBy&, const DeliverBy&) = default;
};

// RFC 4865: HOLDFOR (at most 999,999,999 seconds) or HOLDUNTIL.
using Hold = std::variant<std::chrono::seconds, Time>;

struct MailFrom {
  ReversePath reverse_path;
  std::uint64_t size = 0;                  // RFC 1870; 0: not said
  std::optional<Body> body{};              // RFC 6152, RFC 3030
  bool smtputf8 = false;                   // RFC 6531
  DsnReturn ret = DsnReturn::Unspecified;  // RFC 3461 §4.3
  std::string envid{};                     // RFC 3461 §4.4, xtext decoded; empty: not said
  std::optional<ReversePath> auth{};       // RFC 4954 §5; null path for "<>"
  std::optional<std::int8_t> priority{};   // RFC 6710: -9..9
  std::optional<Hold> hold{};
  std::optional<DeliverBy> by{};
  bool require_tls = false;  // RFC 8689
};

// RFC 7293 §3.1: the mailbox must have had its owner since `since`.
struct ValidSince {
  enum class Else : std::uint8_t { Unspecified, Continue, Reject };
  Time since;
  Else otherwise = Else::Unspecified;
  friend auto operator<=>(const ValidSince&, const ValidSince&) = default;
};

struct RcptTo {
  // Nothing: "<Postmaster>", whatever its case, without a domain: the server's own (RFC 5321 §4.1.1.3).
  std::optional<Address> forward_path;
  DsnNotify notify{};                           // RFC 3461 §4.1
  std::optional<OriginalRecipient> original{};  // RFC 3461 §4.2
  std::optional<ValidSince> valid_since{};
};

struct Data {};
struct Bdat {
  std::uint64_t octets = 0;
  bool last = false;
};  // RFC 3030 §2
struct Rset {};
struct Noop {};
struct Quit {};
struct Vrfy {
  std::string text;
  bool smtputf8 = false;
};  // RFC 6531 §3.7.4.2
struct Expn {
  std::string text;
  bool smtputf8 = false;
};
struct Help {
  std::string topic;
};
struct StartTls {};  // RFC 3207
// RFC 4954 §4: the mechanism in upper case; the initial response as it came: base64, or "=" for an empty one.
struct Auth {
  std::string mechanism;
  std::optional<std::string> initial_response;
};
struct Etrn {
  std::string argument;
};  // RFC 1985 §5.2, with its "@" or "#"
// A browser made to speak to us (durability.md, attack 93): close at once, repeat nothing of it.
struct HttpVerb {};

using Command = std::variant<Helo, Ehlo, Lhlo, MailFrom, RcptTo, Data, Bdat, Rset, Noop, Quit, Vrfy, Expn,
                             Help, StartTls, Auth, Etrn, HttpVerb>;

enum class SyntaxError {
  UnknownCommand,        // 500 5.5.1
  BadLine,               // 500 5.5.2  a bare CR or LF, or a NUL: nothing after it may count as a command
  NoArgument,            // 501 5.5.4
  UnwantedArgument,      // 501 5.5.4  DATA, RSET, QUIT, STARTTLS take none
  BadArgument,           // 501 5.5.4
  NoBrackets,            // 501 5.5.2  an address must stand in < >
  BadReversePath,        // 501 5.1.7
  BadForwardPath,        // 501 5.1.3
  AddressNeedsSmtpUtf8,  // 553 5.6.7  RFC 6531 §3.5: only MAIL can tell; for RCPT ask needs_smtputf8()
  UnknownParameter,      // 555 5.5.4
  DuplicateParameter,    // 501 5.5.4
  BadParameter,          // 501 5.5.4
  BadChunkSize,          // 501 5.5.4  of BDAT: the octets that follow cannot be told from commands; close
};

struct CommandError {
  SyntaxError what;
  std::optional<AddressError> address{};  // why, for BadReversePath and BadForwardPath
  friend bool operator==(const CommandError&, const CommandError&) = default;
};

// One line without its CRLF; trailing blanks are let pass (RFC 5321 §4.1.1). A blank after "FROM:" or "TO:"
// is let pass too: people at telnet write it, and so do many programs. A source route is read and dropped
// (RFC 5321 §4.1.1.3, Appendix C): what counts, for relaying as for delivery, is the mailbox at its end.
Result<Command, CommandError> parse_command(std::string_view line);

// A clause for a reply: "that parameter stands there twice".
std::string_view describe(const CommandError& error);

// The line without CRLF, such that parse_command() gives the same command back. HttpVerb has none: "".
std::string render(const Command& command);

}  // namespace postroad::smtp
