// Parser: a message becomes a tree of parts while it streams past.
//
// Sans-IO: it is fed pieces of any size and sees each octet once. However the message is cut, the result is
// the same. It never refuses: what cannot be understood becomes a part with an Anomaly (durability.md, C19).
// No recursion; the memory used is bounded by the limits (under 1 MiB with the defaults) and not by the
// message.
//
// Boundaries are matched as RFC 2046 §5.1.1 says: the line begins with "--" and the boundary, whatever
// follows. Of several boundaries in force the longest that fits wins, of equal ones the innermost; a close or
// an outer delimiter closes all inside.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "mime/address.h"
#include "mime/message.h"

namespace postroad::mime {

struct Limits {
  // Octets kept of the message's header; of one inner header a quarter of that, of all of them half.
  std::size_t header = 256 * 1024;
  std::uint32_t depth = 100;  // multiparts and messages inside each other; at most 250
  std::uint32_t parts = 10'000;
  std::size_t addresses = address_limit;     // of one ENVELOPE
  std::size_t parameters = parameter_limit;  // of one field
};

class Parser {
 public:
  explicit Parser(const Limits& limits = {});
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;
  ~Parser();

  void feed(std::string_view piece);

  // True once the message's own header is complete: it is the first header_octets() octets, and header() is
  // its kept view. What follows is the body a DKIM signature covers.
  bool header_done() const;
  std::uint64_t header_octets() const;
  Header header() const;

  // The end of the message. The parser is spent afterwards.
  Message finish();

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

// A message that is in memory anyway.
Message parse(std::string_view message, const Limits& limits = {});

}  // namespace postroad::mime
