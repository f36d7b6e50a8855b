// What the changes have in common: refusals in words, and what may be a name. Not public.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/ascii.h"
#include "base/utf8.h"
#include "directory/admin.h"

namespace postroad::directory {

template <class... Args>
auto deny(Refusal refusal, fmt::format_string<Args...> text, Args&&... args) {
  return std::unexpected(AdminError{refusal, fmt::format(text, std::forward<Args>(args)...)});
}

inline constexpr std::size_t most_targets = 10'000;
inline constexpr std::size_t longest_name = 255;

inline bool is_name(std::string_view text) {  // of a tenant or an app password: what can be typed and shown
  if (text.empty() || text.size() > longest_name || !utf8::valid(text)) return false;
  return std::ranges::none_of(text, [](char c) { return ascii::is_control(c); }) && text.front() != ' ' &&
         text.back() != ' ';
}

}  // namespace postroad::directory
