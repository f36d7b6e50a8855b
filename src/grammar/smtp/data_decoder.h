// DataDecoder: the message between 354 and the lone dot (RFC 5321 §4.5.2).
//
// Sans-IO: it is fed bytes as they come, in pieces of any size, and hands back the message with its
// dot-stuffing undone. Only CRLF "." CRLF ends it. A line end that is not CRLF, or a NUL, makes the message
// refused (line_check.h says why): the decoder then hands nothing more to the sink but goes on to the true
// end, so that one reply is given where the client waits for it and nothing of the text is taken for commands
// (durability.md, attack 1).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "smtp/body_sink.h"
#include "smtp/line_check.h"

namespace postroad::smtp {

class DataDecoder {
 public:
  // Hands decoded pieces to `sink` (views into `input`, nothing is copied). Answers how much of `input` was
  // used: all of it, or less when the final dot was found in the middle.
  std::size_t feed(std::string_view input, BodySink& sink);
  bool done() const { return at_ == At::End; }
  // What made the message refused; then nothing the sink has may be kept. Of several a NUL, else the first.
  std::optional<LineError> error() const { return error_; }
  // Decoded so far, what was swallowed after an error too: the caller's size limit ends both.
  std::uint64_t octets() const { return octets_; }

 private:
  // Where we are in a line. Dot: at "CRLF .", not known yet whether stuffing or the end.
  enum class At { LineStart, InLine, Cr, Dot, DotCr, End };
  void note(LineError error) {
    if (!error_) error_ = error;
  }
  void hand_over(const char* from, const char* to, BodySink& sink);

  At at_ = At::LineStart;
  std::optional<LineError> error_;
  std::uint64_t octets_ = 0;
};

}  // namespace postroad::smtp
