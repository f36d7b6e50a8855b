// The wildcards of LIST (RFC 9051 §6.3.9): "*" is any octets, "%" any octets but the delimiter.
//
// A pattern is compiled once and asked about each mailbox. Every place in it is a bit: one step of a few
// instructions takes all ways to match 64 places further by one octet of the name, so no number of wildcards
// costs more than name x pattern / 64 (attack 80).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace postroad::imap {

enum class PatternMatch : std::uint8_t {
  No,
  Yes,
  // Not this name, but names below it may match ("a/b/%" and "a"). What RECURSIVEMATCH and \NonExistent
  // parents need (RFC 5258 §3.5), and the answer to "need I look further down?".
  Above,
};

class ListPattern {
 public:
  // More octets than this, wildcards not counted, no mailbox name has: such a pattern matches nothing.
  static constexpr std::size_t longest = 1'024;

  // Reference and pattern as one, in UTF-8 (RFC 9051 §6.3.9). `delimiter` '\0': a flat namespace.
  ListPattern(std::string_view pattern, char delimiter);

  // Octet by octet, so UTF-8 is compared exactly; but INBOX, alone or as the first level, matches whatever
  // its case in the pattern (RFC 9051 §5.1). In `name` it is in capitals.
  PatternMatch match(std::string_view name) const;

 private:
  using Word = std::uint64_t;
  const Word* octet(char c) const { return table_.data() + static_cast<unsigned char>(c) * words_; }
  bool step(Word* places, char c, bool fold) const;
  bool at_end(const Word* places) const { return places[end_ / 64] >> (end_ % 64) & 1; }

  // Place i: i octets of the pattern, wildcards not counted, have been matched.
  std::size_t end_ = 0;          // the last place
  std::size_t words_ = 1;        // of 64 places
  std::vector<Word> table_{};    // for each octet: the places it leads on from
  std::vector<Word> stay_{};     // places at a "*"
  std::vector<Word> stay_in_{};  // places at a "*" or "%": anything but the delimiter may pass
  char delimiter_;
  bool never_ = false;
};

}  // namespace postroad::imap
