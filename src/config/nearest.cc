#include "config/nearest.h"

#include <algorithm>
#include <string>

#include "base/ascii.h"

namespace postroad::config {
namespace {

std::string folded(std::string_view word) {
  std::string out = ascii::to_lower(word);
  std::ranges::replace(out, '-', '_');
  return out;
}

// Damerau-Levenshtein, restricted: no piece is edited twice.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before, last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t same = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + same});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last, last = row;
  }
  return last[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& known) {
  if (word.size() > 100) return std::nullopt;
  const std::string meant = folded(word);
  std::optional<std::string_view> best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (std::string_view candidate : known)
    if (const std::size_t d = distance(meant, folded(candidate)); d < best_distance)
      best = candidate, best_distance = d;
  return best;
}

}  // namespace postroad::config
