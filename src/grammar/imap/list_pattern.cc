#include "imap/list_pattern.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace postroad::imap {

ListPattern::ListPattern(std::string_view pattern, char delimiter) : delimiter_(delimiter) {
  const auto wildcards = std::ranges::count(pattern, '*') + std::ranges::count(pattern, '%');
  end_ = pattern.size() - static_cast<std::size_t>(wildcards);
  if (end_ > longest) {
    never_ = true;
    return;
  }
  words_ = end_ / 64 + 1;
  table_.resize(256 * words_);
  stay_.resize(words_);
  stay_in_.resize(words_);
  std::size_t place = 0;
  for (const char c : pattern) {
    const Word bit = Word{1} << (place % 64);
    if (c == '*') {
      stay_[place / 64] |= bit;
      stay_in_[place / 64] |= bit;
    } else if (c == '%') {
      stay_in_[place / 64] |= bit;
    } else {
      table_[static_cast<unsigned char>(c) * words_ + place / 64] |= bit;
      ++place;
    }
  }
}

// All places after one more octet; false when there is none left. `fold`: the octet is a capital of INBOX.
bool ListPattern::step(Word* places, char c, bool fold) const {
  const Word* const on = octet(c);
  const Word* const on_folded = fold ? octet(ascii::lower(c)) : on;
  const Word* const stay = c == delimiter_ ? stay_.data() : stay_in_.data();
  Word carry = 0, any = 0;
  for (std::size_t w = 0; w < words_; ++w) {
    const Word moving = places[w] & (on[w] | on_folded[w]);
    places[w] = (places[w] & stay[w]) | moving << 1 | carry;
    carry = moving >> 63;
    any |= places[w];
  }
  return any != 0;
}

PatternMatch ListPattern::match(std::string_view name) const {
  if (never_) return PatternMatch::No;
  std::array<Word, longest / 64 + 1> places;
  std::fill_n(places.begin(), words_, 0);
  places[0] = 1;

  const bool is_inbox = name.starts_with("INBOX") && (name.size() == 5 || name[5] == delimiter_);
  for (std::size_t i = 0; i < name.size(); ++i)
    if (!step(places.data(), name[i], is_inbox && i < 5)) return PatternMatch::No;
  if (at_end(places.data())) return PatternMatch::Yes;
  if (delimiter_ == '\0') return PatternMatch::No;

  // One level down: is there a place from which more can be read? At the end only a wildcard reads on.
  step(places.data(), delimiter_, false);
  const Word end = Word{1} << (end_ % 64);
  if (!(stay_in_[end_ / 64] & end)) places[end_ / 64] &= ~end;
  const bool more = std::any_of(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(words_),
                                [](Word w) { return w != 0; });
  return more ? PatternMatch::Above : PatternMatch::No;
}

}  // namespace postroad::imap
