// NumberSet: sorted, disjoint, maximal ranges of numbers from 1 to 2^32 - 1.
//
// What a mailbox says of many messages in few octets: "4:19,21,28". Adding in rising order is O(1);
// contains() is a binary search; 100,000 consecutive numbers are one range of 8 octets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace postroad {

class NumberSet {
 public:
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  // first <= last
    friend constexpr auto operator<=>(const Range&, const Range&) = default;
  };

  NumberSet() = default;
  // Any ranges, in any order, overlapping or not; 0 and reversed ranges are not allowed in `ranges`.
  static NumberSet of(std::vector<Range> ranges);

  bool empty() const { return ranges_.empty(); }
  std::uint64_t size() const;  // numbers, not ranges; O(ranges)
  std::uint32_t front() const { return ranges_.front().first; }
  std::uint32_t back() const { return ranges_.back().last; }
  bool contains(std::uint32_t number) const;
  const std::vector<Range>& ranges() const { return ranges_; }

  // O(1) when `number` is above all others (or in the last range), else O(ranges).
  void add(std::uint32_t number) { add(number, number); }
  void add(std::uint32_t first, std::uint32_t last);
  void remove(std::uint32_t number);  // O(ranges)

  friend NumberSet unite(const NumberSet& a, const NumberSet& b);      // O(a + b)
  friend NumberSet intersect(const NumberSet& a, const NumberSet& b);  // O(a + b)
  friend NumberSet subtract(const NumberSet& a, const NumberSet& b);   // what is in a and not in b; O(a + b)

  // Each number in rising order: set.each([&](std::uint32_t n) { ... });
  template <class F>
  void each(F&& f) const {
    for (const Range& range : ranges_)
      for (std::uint64_t n = range.first; n <= range.last; ++n) f(static_cast<std::uint32_t>(n));
  }

  // "1:3,5" at the end of `out`; nothing for the empty set.
  void print(std::string& out) const;
  std::string text() const;

  friend bool operator==(const NumberSet&, const NumberSet&) = default;

 private:
  std::vector<Range> ranges_;
};

}  // namespace postroad
