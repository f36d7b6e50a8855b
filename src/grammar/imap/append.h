// APPEND and REPLACE: what is said before, between and after the messages they carry.
//
// append  = "APPEND" SP mailbox 1*append-message                  (RFC 4466 §3, RFC 3502)
// replace = ["UID" SP] "REPLACE" SP seq-number SP mailbox append-message           (RFC 8508 §5)
// append-message = [SP flag-list] [SP date-time] SP append-data
// append-data = literal / literal8 / "UTF8" SP "(" literal8 ")"           (RFC 3516, RFC 6855 §4)
//
// A message is streamed, so the command is read in pieces, each ending where a literal begins. CATENATE
// (RFC 4469) would add a kind of append-data with several literals, and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "imap/date_time.h"
#include "imap/dialect.h"
#include "imap/flags.h"
#include "imap/mailbox_name.h"
#include "imap/syntax_error.h"

namespace postroad::imap {

struct AppendTarget {
  std::string tag{};
  MailboxName mailbox{};
  // REPLACE: the message that goes when the new one is stored; its number or, with `uid`, its UID.
  // 0 stands for "*".
  std::optional<std::uint32_t> replaces{};
  bool uid = false;
};

struct AppendMessage {
  std::uint32_t index = 0;  // 0 for the first of the command; more with MULTIAPPEND only
  Flags flags{};
  std::optional<DateTime> date{};
  std::uint64_t size = 0;      // octets, never 0
  bool literal8 = false;       // may hold NUL (RFC 3516); in a plain literal NUL is a client's mistake
  bool utf8 = false;           // UTF8 (~{n}): headers may hold UTF-8 (RFC 6855 §4)
  bool synchronizing = false;  // the client waits for "+" before it sends
};

// Reads the pieces. The CommandReader drives it; nobody else needs to.
class AppendParser {
 public:
  enum class Next : std::uint8_t {
    Hold,    // the literal is part of an argument (the mailbox name): read it into the piece
    Stream,  // the literal is the message that message() describes
    End,     // the command is over
  };

  explicit AppendParser(const Dialect& dialect) : dialect_(dialect) {}
  // One piece: all that came since the command began or since the last message, up to and with a literal's
  // header, or up to the final CRLF (without it). After Hold the same piece comes again, longer.
  Result<Next, SyntaxError> piece(std::string_view text, bool literal_follows);
  const AppendTarget& target() const { return target_; }
  const AppendMessage& message() const { return message_; }

 private:
  const Dialect& dialect_;
  AppendTarget target_{};
  AppendMessage message_{};
  std::uint32_t messages_ = 0;
};

}  // namespace postroad::imap
