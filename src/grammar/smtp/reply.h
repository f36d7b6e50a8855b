// Replies (RFC 5321 §4.2): written by a server, read by a client. `Reply` itself is in
// mail/enhanced_status.h.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "mail/enhanced_status.h"

namespace postroad::smtp {

// RFC 6531 §3.7.4: a reply may have UTF-8 only for a client that asked for it (in MAIL, VRFY or EXPN).
enum class ReplyCharset { Ascii, Utf8 };

// The reply's lines with their CRLFs, the code and the enhanced status on each (RFC 2034 §3). Lines are
// wrapped at 512 octets (§4.5.3.1.5). A control, and what the charset does not have, becomes "?": whatever
// stands in `text`, a line of it never looks like a line of ours.
std::string render(const Reply& reply, ReplyCharset charset = ReplyCharset::Ascii);

enum class ReplyError {
  NotAReply,    // a line that does not begin with a code from 200 to 599, or goes on oddly behind it
  CodesDiffer,  // between the lines of one reply
  TooLong,      // more than ReplyParser::limit octets
};

// Reads replies as they come, in pieces of any size.
//
// Let pass, because peers do it: a line ended by LF alone, a code with nothing behind it, any octets in the
// text. The text keeps them: escape it (base/encoding.h, printable()) where it goes on. An enhanced status
// whose class is not the code's is text (RFC 2034 §4). After an error the connection is good for nothing but
// closing.
class ReplyParser {
 public:
  static constexpr std::size_t limit = 65'536;

  // Answers how much of `input` was used: up to the end of one reply, when it is done().
  Result<std::size_t, ReplyError> feed(std::string_view input);
  bool done() const { return done_; }
  // Octets of a reply that has begun and is not done.
  std::size_t pending() const { return octets_; }
  // The reply that is done; the parser is ready for the next. Lines are parted by '\n'.
  Reply take();

 private:
  Result<void, ReplyError> line(std::string_view text);

  std::string line_;  // the beginning of one that came in pieces
  Reply reply_;
  std::size_t octets_ = 0;
  bool done_ = false;
};

}  // namespace postroad::smtp
