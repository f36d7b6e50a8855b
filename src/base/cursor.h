// Cursor: the hand that moves over a text while a grammar rule reads it.
//
// Every take consumes what it names or leaves the cursor where it was. It serves SMTP, IMAP, header
// fields and DNS TXT records alike; it knows no grammar.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ascii.h"

namespace postroad {

class Cursor {
 public:
  explicit constexpr Cursor(std::string_view text) : rest_(text) {}

  constexpr bool at_end() const { return rest_.empty(); }
  constexpr std::string_view rest() const { return rest_; }
  // The next octet, or NUL at the end; test at_end() where NUL can occur.
  constexpr char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

  constexpr bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  constexpr bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  // As take(), but letters match whatever their case (RFC 5234 §2.3).
  constexpr bool take_keyword(std::string_view word) {
    if (rest_.size() < word.size() || !ascii::iequals(rest_.substr(0, word.size()), word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  // Everything before the first `c`, which stays; nothing if there is no `c`.
  constexpr std::optional<std::string_view> take_until(char c) {
    const auto at = rest_.find(c);
    if (at == std::string_view::npos) return std::nullopt;
    return skip(at);
  }
  // The longest prefix whose octets all satisfy `is`; may be empty.
  template <class Predicate>
  constexpr std::string_view take_while(Predicate is) {
    std::size_t n = 0;
    while (n < rest_.size() && is(rest_[n])) ++n;
    return skip(n);
  }
  // 1*DIGIT that fits into 64 bits; more digits than fit leave the cursor alone.
  constexpr std::optional<std::uint64_t> take_number() {
    std::uint64_t value = 0;
    std::size_t n = 0;
    for (; n < rest_.size() && ascii::is_digit(rest_[n]); ++n) {
      const auto digit = static_cast<std::uint64_t>(rest_[n] - '0');
      if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
      value = value * 10 + digit;
    }
    if (n == 0) return std::nullopt;
    rest_.remove_prefix(n);
    return value;
  }
  // Exactly the next n octets; the caller knows that they are there.
  constexpr std::string_view skip(std::size_t n) {
    const auto taken = rest_.substr(0, n);
    rest_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view rest_;
};

}  // namespace postroad
