// Dialect: what a session and its client have agreed on so far, as far as it changes the grammar.
//
// The session keeps one, changes it at login, ENABLE, SELECT and LOGOUT, and hands it to both the
// CommandReader and parse().
#pragma once

#include <cstddef>
#include <cstdint>

namespace postroad::imap {

// RFC 9051 §3. A set of states is the sum of its values. (Nothing is read in the Logout state.)
enum class State : std::uint8_t { NotAuthenticated = 1, Authenticated = 2, Selected = 4 };

// What one command may cost before it is refused. All in octets unless said otherwise.
struct Limits {
  std::size_t line;     // one line without its CRLF, literals not counted (RFC 2683 §3.2.1.5: at least 8,000)
  std::size_t literal;  // one literal that is held in memory; the messages of APPEND are not
  std::size_t command;  // all lines and held literals of one command
  std::size_t literals;  // literals of one command, messages included
  std::size_t depth;     // nested parentheses, and nested search keys
  std::size_t items;     // search keys, fetch attributes, flags, names: of all lists of one command
  std::size_t ranges;    // ranges in all sequence sets of one command
  // The largest non-synchronising literal. 4,096 is what LITERAL- promises (RFC 7888 §5); LITERAL+ has no
  // bound of its own, so there it is the largest message.
  std::uint64_t non_synchronizing;
  // How many octets of refused literals are read and thrown away before the connection is given up. With 0
  // each literal that is too big, of either kind, ends the connection.
  std::uint64_t swallow;
};

// A stranger gets one list level and less memory than a page of text (durability.md, attacks 73-75).
inline constexpr Limits before_login{.line = 12'288,
                                     .literal = 8'192,
                                     .command = 16'384,
                                     .literals = 64,
                                     .depth = 1,
                                     .items = 100,
                                     .ranges = 100,
                                     .non_synchronizing = 8'192,
                                     .swallow = 0};
inline constexpr Limits after_login{.line = 65'536,
                                    .literal = 131'072,
                                    .command = 1'048'576,
                                    .literals = 1'000,
                                    .depth = 50,
                                    .items = 1'000,
                                    .ranges = 65'536,
                                    .non_synchronizing = 100'000'000,
                                    .swallow = 200'000'000};

struct Dialect {
  State state = State::NotAuthenticated;
  // After ENABLE IMAP4rev2 or UTF8=ACCEPT mailbox names are UTF-8, before they are modified UTF-7
  // (RFC 9051 §5.1 and Appendix A.1, RFC 6855 §3).
  bool utf8_names = false;
  // After ENABLE UTF8=ACCEPT a SEARCH that names a charset contradicts itself (RFC 6855 §3).
  bool utf8_accept = false;
  Limits limits = before_login;  // after_login from the OK of LOGIN or AUTHENTICATE on
};

}  // namespace postroad::imap
