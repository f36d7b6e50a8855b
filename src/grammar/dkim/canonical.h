// Canonicalization (RFC 6376 §3.4): what of a message a signature covers, so that it survives what servers on
// the way do to blanks and line ends. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/digest.h"

namespace postroad::dkim {

enum class Canonical : std::uint8_t { Simple, Relaxed };
std::string_view to_text(Canonical canonical);

// A header field with its line end, as mime::Field::raw has it. Without a final line end one is added.
std::string canonical_field(Canonical how, std::string_view raw);

// The digest of a body, which comes in pieces of any size. Lines end with CRLF; a bare LF counts as one, as
// it will be sent as one. Holds no octets back but empty lines and a blank, which are counted.
class BodyHash {
 public:
  // `limit`: only so many octets of the canonical body count (l=).
  BodyHash(Canonical how, crypto::Hash hash, std::optional<std::uint64_t> limit = std::nullopt);
  void update(std::string_view octets);
  std::string finish();  // once
  // After finish(): octets of the canonical body, whether they counted or not.
  std::uint64_t octets() const { return octets_; }

 private:
  void line_part(std::string_view text);
  void line_end();
  void put(std::string_view octets);
  void put_waiting();

  const Canonical how_;
  crypto::Digester digester_;
  std::optional<std::uint64_t> limit_;
  std::uint64_t octets_ = 0;
  std::uint64_t empty_lines_ = 0;  // seen, and perhaps the last ones
  bool in_line_ = false;           // the line has something that counts
  bool blank_ = false;             // relaxed: blanks seen, and perhaps at the end of the line
  bool cr_ = false;                // a CR that may begin a line end
};

}  // namespace postroad::dkim
