// Flags of a message as commands name them (RFC 9051 §2.3.2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace postroad::imap {

// One bit each; a set of them is their sum, so the 64 possible lists are rendered from a table.
enum class SystemFlag : std::uint8_t {
  Answered = 1,
  Flagged = 2,
  Deleted = 4,
  Seen = 8,
  Draft = 16,
  Recent = 32,  // rev1 only, and only from the server
};

struct Flags {
  std::uint8_t system = 0;              // SystemFlag bits
  std::vector<std::string> keywords{};  // as written, each once; their case has no meaning
  bool has(SystemFlag flag) const { return system & static_cast<std::uint8_t>(flag); }
  void set(SystemFlag flag) { system |= static_cast<std::uint8_t>(flag); }
  friend bool operator==(const Flags&, const Flags&) = default;
};

}  // namespace postroad::imap
