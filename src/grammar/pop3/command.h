// The commands of POP3: RFC 1939, with CAPA (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034), UTF8 and LANG (RFC
// 6856). APOP is no command of ours: it wants the password in the clear on the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace postroad::pop3 {

// Message numbers count from 1; whether there is such a message the session knows.
struct User {
  std::string name;
};
struct Pass {
  std::string password;
};  // all that follows the one blank, blanks among it (RFC 1939 §7)
struct Quit {};
struct Stat {};
struct List {
  std::optional<std::uint32_t> message;
};
struct Retr {
  std::uint32_t message = 0;
};
struct Dele {
  std::uint32_t message = 0;
};
struct Noop {};
struct Rset {};
struct Top {
  std::uint32_t message = 0;
  std::uint64_t lines = 0;
};
struct Uidl {
  std::optional<std::uint32_t> message;
};
struct Capa {};
struct Stls {};
// Without a mechanism: a question which there are. Mechanism in upper case; the initial response as it came.
struct Auth {
  std::string mechanism;
  std::optional<std::string> initial_response;
};
struct Utf8 {};
struct Lang {
  std::string tag;
};  // a language tag in lower case, "*" for the server's choice, "" to list
struct HttpVerb {};  // a browser made to speak to us (durability.md, attack 93): close at once

using Command = std::variant<User, Pass, Quit, Stat, List, Retr, Dele, Noop, Rset, Top, Uidl, Capa, Stls,
                             Auth, Utf8, Lang, HttpVerb>;

enum class CommandError {
  UnknownCommand,
  BadLine,  // a bare CR or LF, or a NUL
  NoArgument,
  UnwantedArgument,
  BadArgument,
  NoSuchMessage,  // 0, or a number no maildrop gets to
};
std::string_view describe(CommandError error);  // the text of an -ERR

// One line without its CRLF. Keywords have no case; trailing blanks are let pass, but for PASS.
Result<Command, CommandError> parse_command(std::string_view line);

// The line without CRLF, such that parse_command() gives the same command back. HttpVerb has none: "".
std::string render(const Command& command);

}  // namespace postroad::pop3
