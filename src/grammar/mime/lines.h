// What a line of a header section is: the one rule of header.h, for those who walk over lines themselves.
#pragma once

#include <cstdint>
#include <string_view>

namespace postroad::mime {

enum class Line : std::uint8_t {
  Undecided,     // more octets are needed to tell
  Empty,         // LF or CRLF: the header ends after it
  Continuation,  // begins with a blank
  Field,
  BlankedField,  // blanks between the name and its colon
  MboxLine,      // "From a@b Fri Feb 22 17:06:23 2008", of no meaning in a message
  Other,         // the header ends before it
};

// The kind of the line that `text` begins with. `complete`: nothing follows `text`, so there is always an
// answer.
Line line_of(std::string_view text, bool complete);

// How many octets the first line of `text` has with its line end; all, if there is none.
std::size_t line_octets(std::string_view text);

// The line without its CRLF or LF.
std::string_view without_line_end(std::string_view line);

// The field names this library has something to do with.
enum class Known : std::uint8_t {
  Other,
  From,
  Sender,
  ReplyTo,
  Date,
  To,
  Cc,
  Bcc,
  MessageId,
  InReplyTo,
  References,
  Subject,
  MimeVersion,
  ContentType,
  ContentTransferEncoding,
  ContentDisposition,
  ContentId,
  ContentDescription,
  ContentMd5,
  ContentLanguage,
  ContentLocation,
};
Known known_field(std::string_view name);

}  // namespace postroad::mime
