#include "imap/sequence_set.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"

namespace postroad::imap {
namespace {

constexpr std::uint32_t star = SequenceSet::star;

// seq-number = nz-number / "*". Moves `at` behind it; nothing when there is none.
std::optional<std::uint32_t> seq_number(const char*& at, const char* end) {
  if (at == end) return std::nullopt;
  if (*at == '*') return ++at, star;
  if (*at < '1' || *at > '9') return std::nullopt;  // nz-number: no leading zero
  std::uint32_t number = 0;
  const auto [rest, error] = std::from_chars(at, end, number);
  if (error != std::errc{}) return std::nullopt;
  at = rest;
  return number;
}

void print_number(std::string& out, std::uint32_t number) {
  if (number == star) return out.push_back('*');
  char digits[10];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

std::optional<SequenceSet> SequenceSet::parse(std::string_view text, std::size_t limit) {
  SequenceSet set;
  // One allocation of the right size: a client's list of 10,000 UIDs is common.
  const auto parts = static_cast<std::size_t>(std::ranges::count(text, ',')) + 1;
  if (parts > limit) return std::nullopt;
  set.ranges_.reserve(parts);
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    if (at != end && *at == '$') {  // seq-last-command, RFC 5182
      ++at;
      set.saved_result_ = true;
    } else {
      const auto first = seq_number(at, end);
      if (!first) return std::nullopt;
      auto last = first;
      if (at != end && *at == ':') {
        ++at;
        last = seq_number(at, end);
        if (!last) return std::nullopt;
      }
      set.append(*first, *last);
    }
    if (at == end) return set;
    if (*at++ != ',') return std::nullopt;
  }
}

void SequenceSet::append(std::uint32_t first, std::uint32_t last) {
  has_star_ |= first == star || last == star;
  largest_ = std::max({largest_, first, last});
  if (!ranges_.empty() && first != star && last != star) {
    // "1,2,3,4:6" is the range 1:6; only what touches the range before, so the order stays the client's.
    auto& before = ranges_.back();
    const std::uint32_t low = std::min(first, last);
    const std::uint32_t high = std::max(first, last);
    if (before.first != star && before.last != star && before.first <= before.last && low >= before.first &&
        low <= std::uint64_t{before.last} + 1) {
      before.last = std::max(before.last, high);
      return;
    }
  }
  ranges_.push_back({first, last});
}

NumberSet SequenceSet::resolve(std::uint32_t largest) const {
  std::vector<NumberSet::Range> known;
  known.reserve(ranges_.size());
  for (auto [first, last] : ranges_) {
    if (largest == 0 && (first == star || last == star)) continue;
    if (first == star) first = largest;
    if (last == star) last = largest;
    known.push_back({std::min(first, last), std::max(first, last)});
  }
  return NumberSet::of(std::move(known));
}

void SequenceSet::print(std::string& out) const {
  if (saved_result_) out.push_back('$');
  bool comma = saved_result_;
  for (const auto& [first, last] : ranges_) {
    if (comma) out.push_back(',');
    comma = true;
    print_number(out, first);
    if (first == last) continue;
    out.push_back(':');
    print_number(out, last);
  }
}

std::string SequenceSet::text() const {
  std::string out;
  print(out);
  return out;
}

}  // namespace postroad::imap
