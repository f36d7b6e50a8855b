// Where a message begins and ends on the wire (RFC 9112), sans-IO: fed octets, it answers.
//
// Stricter than the RFC asks, because two readers that disagree on where a request ends can be made to see
// different requests (durability.md, attack 114): CRLF only, no folded lines, no space before a colon, one
// Content-Length of digits or one Transfer-Encoding that says exactly "chunked", never both, and no
// Transfer-Encoding under HTTP/1.0. Who breaks a rule is answered and the connection is closed; nothing
// behind the fault is looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace postroad::http {

struct HeadLimits {
  std::size_t octets = 16 * 1024;  // start line and fields together
  std::size_t fields = 100;
};

enum class HeadError : std::uint8_t {
  BadLineEnd,       // a bare CR or LF, a NUL
  BadStartLine,     // not "METHOD target HTTP/1.1"
  UnknownMethod,    // 501
  BadTarget,        // neither "/path" nor "http://host/path"; octets that must be encoded
  BadVersion,       // 505
  BadField,         // no colon, a space before it, a folded line, a control character in the value
  TooLong,          // 431: the head as a whole, or too many fields
  BadHost,          // HTTP/1.1 without Host, or with several (RFC 9112 §3.2)
  BadLength,        // Content-Length that is no number, or given twice
  LengthAndCoding,  // both Content-Length and Transfer-Encoding
  UnknownCoding,    // 501: a Transfer-Encoding that is not "chunked"
};
int status_of(HeadError error);
std::string_view describe(HeadError error);  // a sentence: what was wrong, what to send

// How long the body is.
struct Framing {
  enum class Kind : std::uint8_t { None, Length, Chunked, UntilClose } kind = Kind::None;
  std::uint64_t length = 0;
};

struct RequestHead {
  Method method{};
  std::string path, query;  // encoded as sent
  Headers headers;
  Framing framing;
  bool keep_alive = true;
  bool expects_continue = false;  // Expect: 100-continue
};
struct ResponseHead {
  int status = 0;
  Headers headers;
  Framing framing;
  bool keep_alive = true;
};

// Finds the end of the fields in octets that arrive in pieces, after the start line. Each octet is looked at
// once.
class HeadEnd {
 public:
  explicit HeadEnd(HeadLimits limits = {}) : limits_(limits) {}
  // `seen` is everything since the start line. The length with the empty line, or nothing yet.
  Result<std::optional<std::size_t>, HeadError> find(std::string_view seen);

 private:
  HeadLimits limits_;
  std::size_t at_ = 0;
};

// `start` is the start line without its CRLF; `fields` what follows, as HeadEnd measured it.
Result<RequestHead, HeadError> parse_request(std::string_view start, std::string_view fields,
                                             HeadLimits limits = {});
// `to` is the method of the request it answers: a HEAD has no body.
Result<ResponseHead, HeadError> parse_response(std::string_view start, std::string_view fields, Method to,
                                               HeadLimits limits = {});

// Takes a body off the wire.
class BodyDecoder {
 public:
  explicit BodyDecoder(Framing framing);
  struct Piece {
    std::size_t used = 0;   // of the input
    std::string_view data;  // a view into the input; may be empty though something was used
  };
  // Uses at least one octet of a non-empty input unless done().
  Result<Piece, BodyError> feed(std::string_view input);
  bool done() const { return at_ == At::End; }
  // The peer has closed: was that the end?
  bool may_end_here() const { return at_ == At::End || at_ == At::UntilClose; }

 private:
  enum class At : std::uint8_t {
    Length,
    UntilClose,
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    TrailerLine,
    TrailerLf,
    EndLf,
    End
  };
  Result<void, BodyError> step(char c);
  At at_;
  std::uint64_t left_ = 0;    // of the body or chunk
  unsigned digits_ = 0;       // of the chunk's size
  std::size_t overhead_ = 0;  // extension octets of this chunk, or octets of trailers
};

}  // namespace postroad::http
