#include "mime/boundaries.h"

#include <algorithm>
#include <cstring>

#include "mime/lines.h"

namespace postroad::mime {
namespace {

std::uint64_t first_eight(std::string_view text) {
  std::uint64_t eight = 0;
  std::memcpy(&eight, text.data(), std::min(text.size(), sizeof eight));
  return eight;
}

}  // namespace

bool Boundaries::add(std::size_t level, std::string_view boundary) {
  boundary = boundary.substr(0, boundary_limit);
  bool alone = true;
  for (const Entry& other : stack_)
    alone &= !other.boundary.starts_with(boundary) && !boundary.starts_with(other.boundary);
  const std::string ones(boundary.size(), '\xff');
  stack_.push_back({level, first_eight(boundary), first_eight(ones), std::string(boundary)});
  return alone;
}

bool Boundaries::drop(std::size_t level) {
  if (stack_.empty() || stack_.back().level != level) return false;
  stack_.pop_back();
  return true;
}

Delimiter Boundaries::at(std::string_view text, bool complete) const {
  constexpr std::size_t enough = boundary_limit + 4;
  const bool all_there = complete || text.size() >= enough;
  if (text.size() < 2 && !all_there) return {.kind = Delimiter::Kind::Undecided};
  if (!text.starts_with("--")) return {};
  const auto line = text.substr(0, line_octets(text.substr(0, enough)));
  if (!all_there && line.back() != '\n') return {.kind = Delimiter::Kind::Undecided};

  const auto rest = line.substr(2);
  const std::uint64_t start = first_eight(rest);
  const Entry* best = nullptr;
  for (auto entry = stack_.rbegin(); entry != stack_.rend(); ++entry) {
    if ((start & entry->mask) != entry->start || !rest.starts_with(entry->boundary)) continue;
    if (!best || entry->boundary.size() > best->boundary.size()) best = &*entry;
  }
  if (!best) return {};
  const bool close = rest.substr(best->boundary.size()).starts_with("--");
  return {.kind = close ? Delimiter::Kind::Close : Delimiter::Kind::Next,
          .level = best->level,
          .octets = 2 + best->boundary.size() + (close ? 2 : 0)};
}

}  // namespace postroad::mime
