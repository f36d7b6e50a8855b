// DataEncoder: a message on its way into DATA (RFC 5321 §4.5.2).
//
// Every line that begins with a dot gets one more, the text ends with CRLF, then comes the lone dot. A bare
// CR or LF becomes CRLF: no server must find an end of data in our text that is none (durability.md, attack
// 3). This repair changes the text, so what will be signed goes through one of these with Dots::Plain before
// it is signed; afterwards there is nothing left to repair.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "smtp/body_sink.h"

namespace postroad::smtp {

enum class EncodeError {
  LineTooLong,  // more than 998 octets without CRLF (RFC 5321 §4.5.3.1.6): re-encode before signing
  Nul,          // BINARYMIME only: send by BDAT or re-encode
};

class DataEncoder {
 public:
  enum class Dots { Stuffed, Plain };   // Plain: neither stuffing nor the lone dot
  enum class Nul { Refused, LetPass };  // LetPass: POP3 gives what it has
  static constexpr std::size_t longest_line = 998;

  explicit DataEncoder(Dots dots = Dots::Stuffed, std::size_t line_limit = longest_line,
                       Nul nul = Nul::Refused)
      : dots_(dots), nul_(nul), line_limit_(line_limit) {}

  // Hands over views into `input` and into constants. After an error nothing more may be sent on this
  // connection: the server waits for the rest of a message that must not be completed. Close it.
  Result<void, EncodeError> feed(std::string_view input, BodySink& sink);
  void finish(BodySink& sink);

 private:
  enum class At { LineStart, InLine, Cr };  // Cr: an unwritten CR was the last octet
  void line_ended() { at_ = At::LineStart, line_octets_ = 0; }

  Dots dots_;
  Nul nul_;
  std::size_t line_limit_;
  At at_ = At::LineStart;
  std::size_t line_octets_ = 0;
};

}  // namespace postroad::smtp
