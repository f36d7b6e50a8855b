// CommandReader: octets as they come -> commands, one at a time (RFC 9051 §2.2.1, RFC 7888).
//
// Sans-IO: next() takes what it needs from the front of `input` and answers what happened. Octets behind a
// command stay in `input`, so whoever must not read on (before TLS, before a login is decided) simply
// does not call again. A reader that waits for a new command owns no memory.
//
// A held command is its lines and literals as they came; a message of APPEND or REPLACE is never held: the
// reader hands out what stands before it, waits for accept_message() or refuse_message(), then passes its
// octets through. What is refused is skipped, within bounds, so that the next command is found; where that
// is not possible the Refusal says to close.
//
//   for (;;) {
//     auto event = reader.next(input);
//     if (std::holds_alternative<imap::NeedInput>(event)) { input = co_await stream.read(); continue; }
//     ...
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "imap/append.h"
#include "imap/dialect.h"
#include "imap/syntax_error.h"

namespace postroad::imap {

struct NeedInput {};         // all of `input` was used and more is needed
struct NeedContinuation {};  // the client waits: say "+ ..." and go on
struct WholeCommand {        // for parse(); the text lives until the next call, or as long as `input`
  std::string_view text;
};
struct WholeLine {  // after expect_line(), without its CRLF; lives as WholeCommand's text does
  std::string_view text;
};
// A message is about to come. Call accept_message() or refuse_message() before next(). Both live in the
// reader until the AppendEnds or Refusal that closes the command.
struct MessageBegins {
  const AppendTarget& target;
  const AppendMessage& message;
};
struct MessageOctets {  // views into `input`
  std::string_view octets;
};
struct MessageEnds {};  // whole; the command may still turn out wrong, so nothing is stored yet
struct AppendEnds {     // all messages are here and the command was right: commit, then answer its tag
  const AppendTarget& target;
};
// Answer with answer(error). What was accepted of the same command is void. `error.close`: then close.
struct Refusal {
  SyntaxError error;
};
using ReaderEvent = std::variant<NeedInput, NeedContinuation, WholeCommand, WholeLine, MessageBegins,
                                 MessageOctets, MessageEnds, AppendEnds, Refusal>;

class CommandReader {
 public:
  // `dialect` belongs to the session, which may change it between commands.
  explicit CommandReader(const Dialect& dialect) : dialect_(dialect) {}

  ReaderEvent next(std::string_view& input);

  // After MessageBegins. True: the client waits, say "+ ..." first.
  [[nodiscard]] bool accept_message();
  // The caller answers the tag (NO [OVERQUOTA], [TRYCREATE], [TOOBIG]...), the reader forgets the command:
  // a synchronising literal will not come, any other is skipped. False: there is too much of it to skip,
  // so say goodbye and close.
  [[nodiscard]] bool refuse_message();

  // The next line is no command: IDLE's DONE, a response in AUTHENTICATE. At most `limit` octets, then
  // Refusal with close.
  void expect_line(std::size_t limit);

  // Nothing of a command has been read. Else a connection that ends now ends in the middle of one.
  bool at_start() const;
  // Forget everything (STARTTLS, UNAUTHENTICATE).
  void reset();

 private:
  enum class At : std::uint8_t { Line, HeldLiteral, Decision, Message, AfterMessage, SkipLiteral, SkipLine };
  // What a line ends in: {n}, {n+}, ~{n}, ~{n+}.
  struct LiteralHeader;

  ReaderEvent line_done(std::string_view piece, std::string_view& input);
  ReaderEvent on_literal(const LiteralHeader& header);
  ReaderEvent refuse(SyntaxError error, const LiteralHeader* header);

  const Dialect& dialect_;
  At at_ = At::Line;
  std::string held_{};
  std::optional<AppendParser> append_{};
  std::size_t line_limit_ = 0;      // of expect_line(); 0: a command is expected
  std::size_t line_octets_ = 0;     // of the line being read
  std::size_t command_octets_ = 0;  // of the whole command, messages not counted
  std::size_t literals_ = 0;
  std::uint64_t literal_left_ = 0;  // octets of the literal being read or skipped
  std::uint64_t skipped_ = 0;       // of refused literals of this command
};

}  // namespace postroad::imap
