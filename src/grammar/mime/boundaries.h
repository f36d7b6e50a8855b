// The boundaries in force while a body is read, and whether a line is a delimiter of one of them (RFC 2046
// §5.1.1).
//
// The line has to begin with "--" and the boundary; what follows does not matter, as that section says. Of
// several that fit the longest counts, of equal ones the innermost: so "a" and "ab" are told apart whichever
// is inside (attack 32).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postroad::mime {

// §5.1.1 ends at 70 octets; of a longer boundary its beginning decides.
inline constexpr std::size_t boundary_limit = 200;

struct Delimiter {
  enum class Kind : std::uint8_t {
    No,
    Undecided,
    Next,
    Close
  } kind = Kind::No;       // Undecided: more octets are needed
  std::size_t level = 0;   // of the multipart, as given to add()
  std::size_t octets = 0;  // "--", boundary, and the "--" of a close; the rest of the line is padding
};

class Boundaries {
 public:
  // The boundary of a multipart inside all those before. False if it begins with one of theirs or the other
  // way round.
  bool add(std::size_t level, std::string_view boundary);
  // The innermost, if it is of this level, is in force no longer. True if it was.
  bool drop(std::size_t level);
  void clear() { stack_.clear(); }
  bool empty() const { return stack_.empty(); }

  // Whether the line that `text` begins with is a delimiter. `complete`: nothing follows `text`.
  Delimiter at(std::string_view text, bool complete) const;

 private:
  struct Entry {
    std::size_t level;
    std::uint64_t start,
        mask;  // the first eight octets, for a first look at a line under a hundred boundaries
    std::string boundary;
  };
  std::vector<Entry> stack_;
};

}  // namespace postroad::mime
