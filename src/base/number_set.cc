#include "base/number_set.h"

#include <charconv>

namespace postroad {
namespace {

// Puts `range` behind the others: it starts at or above the start of the last one.
void push(std::vector<NumberSet::Range>& ranges, NumberSet::Range range) {
  if (!ranges.empty() && std::uint64_t{ranges.back().last} + 1 >= range.first)
    ranges.back().last = std::max(ranges.back().last, range.last);
  else
    ranges.push_back(range);
}

void print_number(std::string& out, std::uint32_t number) {
  char digits[10];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

}  // namespace

NumberSet NumberSet::of(std::vector<Range> ranges) {
  if (!std::ranges::is_sorted(ranges)) std::ranges::sort(ranges);
  NumberSet set;
  if (ranges.empty()) return set;
  // In place: what is written never overtakes what is read.
  std::size_t end = 0;
  for (const Range range : ranges) {
    if (end > 0 && std::uint64_t{ranges[end - 1].last} + 1 >= range.first)
      ranges[end - 1].last = std::max(ranges[end - 1].last, range.last);
    else
      ranges[end++] = range;
  }
  ranges.resize(end);
  set.ranges_ = std::move(ranges);
  return set;
}

std::uint64_t NumberSet::size() const {
  std::uint64_t numbers = 0;
  for (const Range& range : ranges_) numbers += std::uint64_t{range.last} - range.first + 1;
  return numbers;
}

bool NumberSet::contains(std::uint32_t number) const {
  const auto at = std::ranges::lower_bound(ranges_, number, {}, &Range::last);
  return at != ranges_.end() && at->first <= number;
}

void NumberSet::add(std::uint32_t first, std::uint32_t last) {
  if (ranges_.empty() || first >= ranges_.back().first) return push(ranges_, {first, last});
  // The first range that touches [first, last] or lies above it, and the first that lies wholly above.
  const auto from = std::ranges::lower_bound(ranges_, std::uint64_t{first}, {},
                                             [](const Range& r) { return std::uint64_t{r.last} + 1; });
  auto to = from;
  for (; to != ranges_.end() && to->first <= std::uint64_t{last} + 1; ++to) {
    first = std::min(first, to->first);
    last = std::max(last, to->last);
  }
  if (from == to) {
    ranges_.insert(from, {first, last});
  } else {
    *from = {first, last};
    ranges_.erase(from + 1, to);
  }
}

void NumberSet::remove(std::uint32_t number) {
  const auto at = std::ranges::lower_bound(ranges_, number, {}, &Range::last);
  if (at == ranges_.end() || at->first > number) return;
  const Range old = *at;
  if (old.first == old.last) {
    ranges_.erase(at);
  } else if (number == old.first) {
    ++at->first;
  } else if (number == old.last) {
    --at->last;
  } else {
    at->last = number - 1;
    ranges_.insert(at + 1, {number + 1, old.last});
  }
}

NumberSet unite(const NumberSet& a, const NumberSet& b) {
  NumberSet set;
  set.ranges_.reserve(std::max(a.ranges_.size(), b.ranges_.size()));
  auto x = a.ranges_.begin();
  auto y = b.ranges_.begin();
  while (x != a.ranges_.end() || y != b.ranges_.end()) {
    const bool from_a = y == b.ranges_.end() || (x != a.ranges_.end() && x->first <= y->first);
    push(set.ranges_, from_a ? *x++ : *y++);
  }
  return set;
}

NumberSet intersect(const NumberSet& a, const NumberSet& b) {
  NumberSet set;
  auto x = a.ranges_.begin();
  auto y = b.ranges_.begin();
  while (x != a.ranges_.end() && y != b.ranges_.end()) {
    const std::uint32_t first = std::max(x->first, y->first);
    const std::uint32_t last = std::min(x->last, y->last);
    if (first <= last) set.ranges_.push_back({first, last});
    if (x->last < y->last)
      ++x;
    else
      ++y;
  }
  return set;
}

NumberSet subtract(const NumberSet& a, const NumberSet& b) {
  NumberSet set;
  auto y = b.ranges_.begin();
  for (NumberSet::Range range : a.ranges_) {
    while (y != b.ranges_.end() && y->last < range.first) ++y;
    for (; y != b.ranges_.end() && y->first <= range.last; ++y) {
      if (y->first > range.first) set.ranges_.push_back({range.first, y->first - 1});
      if (y->last >= range.last) {
        range.first = 0;  // nothing is left; the same range may reach into the next one
        break;
      }
      range.first = y->last + 1;
    }
    if (range.first != 0) set.ranges_.push_back(range);
  }
  return set;
}

void NumberSet::print(std::string& out) const {
  bool comma = false;
  for (const Range& range : ranges_) {
    if (comma) out.push_back(',');
    comma = true;
    print_number(out, range.first);
    if (range.first == range.last) continue;
    out.push_back(':');
    print_number(out, range.last);
  }
}

std::string NumberSet::text() const {
  std::string out;
  print(out);
  return out;
}

}  // namespace postroad
