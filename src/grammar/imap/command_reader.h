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
// reader until next() is called after AppendEnds, a Refusal or refuse_message().
struct MessageBegins {
  const AppendTarget* target;
  const AppendMessage* message;
};
struct MessageOctets {  // views into `input`
  std::string_view octets;
};
struct MessageEnds {};  // whole; the command may still turn out wrong, so nothing is stored yet
struct AppendEnds {     // all messages are here and the command was right: commit, then answer its tag
  const AppendTarget* target;
};
// Answer with answer(error). What was accepted of the same command is void. `error.close`: then close.
struct Refusal {
  SyntaxError error;
};
using ReaderEvent = std::variant<NeedInput, NeedContinuation, WholeCommand, WholeLine, MessageBegins,
                                 MessageOctets, MessageEnds, AppendEnds, Refusal>;

struct LiteralHeader;

class CommandReader {
 public:
  // `dialect` belongs to the session, which may change it between commands.
  explicit CommandReader(const Dialect& dialect) : dialect_(dialect) {}
  explicit CommandReader(Dialect&&) = delete;

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
  enum class At : std::uint8_t {
    Line,         // in a line of a command
    HeldLiteral,  // in a literal that is kept with the lines
    Decision,     // at a message: waiting for accept_message() or refuse_message()
    Message,      // in a message that is passed through
    SkipLiteral,  // in a literal of a refused command
    SkipLine,     // in what is left of a refused command
  };

  std::optional<std::string_view> whole_line(std::string_view& input);
  std::string_view tag() const;
  ReaderEvent after_line(std::string_view text);
  std::optional<Fault> too_much(const LiteralHeader& header) const;
  std::optional<ReaderEvent> at_literal(const LiteralHeader& header);
  ReaderEvent refusal(SyntaxError error, const std::optional<LiteralHeader>& literal);
  bool skip(std::uint64_t octets);
  void finish();

  const Dialect& dialect_;
  At at_ = At::Line;
  bool finished_ = false;  // what the last event showed is dropped by the next call
  std::string held_{};     // lines and literals of the command so far, or since its last message
  std::optional<AppendParser> append_{};
  std::optional<std::size_t> line_limit_{};  // after expect_line()
  std::size_t line_octets_ = 0;              // of the line being read, in held_
  std::size_t command_octets_ = 0;           // of pieces before the one in held_
  std::size_t literals_ = 0;
  std::uint64_t left_ = 0;     // octets of the literal being read or skipped
  std::uint64_t skipped_ = 0;  // octets of refused literals of this command
};

}  // namespace postroad::imap
