// The wildcards of LIST (RFC 9051 §6.3.9): "*" is any octets, "%" any octets but the delimiter.
#pragma once

#include <cstdint>
#include <string_view>

namespace postroad::imap {

enum class PatternMatch : std::uint8_t {
  No,
  Yes,
  // Not this name, but names below it may match ("a/b/%" and "a"). What RECURSIVEMATCH and \NonExistent
  // parents need (RFC 5258 §3.5), and the answer to "need I look further down?".
  Above,
};

// O(name x pattern) at worst, no recursion (attack 80). `delimiter` '\0': a flat namespace. Octet by octet,
// so UTF-8 of both is compared exactly; an INBOX in the pattern, up to its end or a delimiter, matches
// whatever its case (RFC 9051 §5.1).
PatternMatch match_pattern(std::string_view pattern, std::string_view name, char delimiter);

}  // namespace postroad::imap
