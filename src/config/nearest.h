// The known word that a misspelt one was probably meant to be.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace postroad::config {

// At most a third of its letters wrong (one letter changed, missing, added, or two swapped count as one);
// the first of equally near ones. Case, '-' and '_' do not count.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace postroad::config
