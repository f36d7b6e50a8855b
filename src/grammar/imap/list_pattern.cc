#include "imap/list_pattern.h"

#include <string>

#include "base/ascii.h"

namespace postroad::imap {
namespace {

constexpr bool is_wildcard(char c) { return c == '*' || c == '%'; }

// All that one pattern can have matched so far: place i is reached when pattern[0, i) matches what was
// read. One pass over the pattern for each octet of the name, whatever the wildcards.
class Places {
 public:
  Places(std::string_view pattern, char delimiter)
      : pattern_(pattern), delimiter_(delimiter), reached_(pattern.size() + 1, '\0') {
    reached_[0] = 1;
    skip_wildcards();
  }

  // `fold`: this octet of the name is part of INBOX, whose case has no meaning.
  void read(char c, bool fold) {
    for (std::size_t i = pattern_.size(); i-- > 0;) {
      if (!reached_[i]) continue;
      const char p = pattern_[i];
      reached_[i] = p == '*' || (p == '%' && c != delimiter_);
      if (p == c || (fold && ascii::lower(p) == ascii::lower(c))) reached_[i + 1] |= !is_wildcard(p);
    }
    skip_wildcards();
  }
  bool at_end() const { return reached_[pattern_.size()]; }
  bool more_could_match() const { return reached_.find('\1') < pattern_.size(); }
  void forget_end() { reached_[pattern_.size()] = 0; }

 private:
  void skip_wildcards() {  // both match nothing, too
    for (std::size_t i = 0; i < pattern_.size(); ++i)
      if (reached_[i] && is_wildcard(pattern_[i])) reached_[i + 1] = 1;
  }
  std::string_view pattern_;
  char delimiter_;
  std::string reached_;  // short patterns need no memory of their own
};

}  // namespace

PatternMatch match_pattern(std::string_view pattern, std::string_view name, char delimiter) {
  const bool is_inbox = name.starts_with("INBOX") && (name.size() == 5 || name[5] == delimiter);

  // Most names fail, or most patterns end, before the first wildcard is past.
  std::size_t n = 0;
  while (n < name.size() && n < pattern.size() && !is_wildcard(pattern[n])) {
    const bool fold = is_inbox && n < 5;
    if (pattern[n] != name[n] && !(fold && ascii::lower(pattern[n]) == ascii::lower(name[n])))
      return PatternMatch::No;
    ++n;
  }
  if (pattern.substr(n) == "*") return PatternMatch::Yes;

  Places places(pattern.substr(n), delimiter);
  for (; n < name.size(); ++n) {
    // At the end of the pattern nothing more can be read.
    places.forget_end();
    if (!places.more_could_match()) return PatternMatch::No;
    places.read(name[n], is_inbox && n < 5);
  }
  if (places.at_end()) return PatternMatch::Yes;
  if (delimiter == '\0') return PatternMatch::No;
  places.read(delimiter, false);
  return places.more_could_match() ? PatternMatch::Above : PatternMatch::No;
}

}  // namespace postroad::imap
