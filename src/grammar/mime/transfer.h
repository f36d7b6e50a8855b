// Content-Transfer-Encoding, both ways (RFC 2045 §6), in pieces of any size.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "mime/content.h"

namespace postroad::mime {

// Undoes a transfer encoding as far as it goes: octets outside base64's alphabet are skipped (§6.8), a bad
// "=" sequence stays as it is, blanks at the end of a quoted-printable line go (§6.7, rule 3). damaged()
// tells that something was not as it should be. 7bit, 8bit and binary pass through; so does Unknown, and
// IMAP's BINARY answers [UNKNOWN-CTE] for it.
class TransferDecoder {
 public:
  explicit TransferDecoder(TransferEncoding encoding) : encoding_(encoding) {}
  void feed(std::string_view piece, std::string& out);  // appends to `out`
  void finish(std::string& out);
  bool damaged() const { return damaged_; }

 private:
  void feed_base64(std::string_view piece, std::string& out);
  void feed_quoted_printable(std::string_view piece, std::string& out);
  void feed_uuencode(std::string_view piece, std::string& out);
  void uuencode_line(std::string_view line, std::string& out);

  TransferEncoding encoding_;
  bool damaged_ = false;
  std::uint32_t bits_ = 0;
  unsigned count_ = 0;  // base64: letters in bits_
  bool ended_ = false;  // base64: padding seen; uuencode: "end" seen
  bool begun_ = false;  // uuencode: "begin" seen
  std::string held_;    // quoted-printable: blanks or an escape at the end of a piece; uuencode: a line
};

struct Decoded {
  std::string octets;
  bool damaged = false;
};
Decoded transfer_decode(std::string_view text, TransferEncoding encoding);

// Lines of 76 characters with CRLF, the last one too. Pieces whose length is a multiple of 57 may be encoded
// one by one.
std::string encode_base64(std::string_view octets);

// Text: CRLF stays a line break (a bare LF becomes one), blanks before it are encoded. Binary: every octet
// counts. Lines have at most 76 characters; "From " and "." at a line's beginning are encoded, so that no
// relay changes them.
enum class LineBreaks { Text, Binary };
std::string encode_quoted_printable(std::string_view octets, LineBreaks breaks = LineBreaks::Text);

}  // namespace postroad::mime
