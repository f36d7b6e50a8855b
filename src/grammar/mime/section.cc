#include "mime/section.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/cursor.h"

namespace postroad::mime {
namespace {

// The n-th part directly inside `parent`, from 1.
std::optional<std::size_t> child(std::span<const Part> parts, std::size_t parent, std::uint32_t n) {
  std::size_t at = parent + 1;
  for (; n > 1 && at < parts[parent].after; --n) at = parts[at].after;
  if (n == 0 || at >= parts[parent].after) return std::nullopt;
  return at;
}

}  // namespace

std::optional<std::size_t> find_part(std::span<const Part> parts, std::span<const std::uint32_t> path) {
  if (parts.empty()) return std::nullopt;
  // `at` is a message whose parts are counted, the whole one at first; after a number it is that part.
  std::size_t at = 0;
  bool at_message = true;
  for (const std::uint32_t n : path) {
    if (!at_message) {
      if (parts[at].kind == Kind::Leaf) return std::nullopt;
      // The numbers inside a message/rfc822 are those of the message it carries.
      if (parts[at].kind == Kind::Message) ++at;
    }
    if (parts[at].kind == Kind::Multipart) {
      const auto next = child(parts, at, n);
      if (!next) return std::nullopt;
      at = *next;
    } else if (n != 1) {  // a message that is no multipart has one part, its body
      return std::nullopt;
    }
    at_message = false;
  }
  return at;
}

std::optional<Range> find_section(std::span<const Part> parts, std::span<const std::uint32_t> path,
                                  Section section) {
  const auto found = find_part(parts, path);
  if (!found) return std::nullopt;
  const Part& part = parts[*found];
  const auto header_of = [](const Part& p) { return Range{p.header_start, p.body_start - p.header_start}; };
  const auto body_of = [](const Part& p) { return Range{p.body_start, p.body_end - p.body_start}; };
  switch (section) {
    case Section::Whole: return path.empty() ? Range{0, part.body_end} : body_of(part);
    case Section::Mime:
      if (path.empty()) return std::nullopt;
      return header_of(part);
    case Section::Header:
    case Section::Text: {
      if (!path.empty() && part.kind != Kind::Message) return std::nullopt;
      const Part& message = path.empty() ? part : parts[*found + 1];
      return section == Section::Header ? header_of(message) : body_of(message);
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> find_part(std::span<const Part> parts, std::string_view path) {
  std::vector<std::uint32_t> numbers;
  Cursor in(path);
  while (!in.at_end()) {
    const auto n = in.take_number();
    if (!n || *n == 0 || *n > UINT32_MAX || (!in.at_end() && !in.take('.')) || numbers.size() > 256)
      return std::nullopt;
    numbers.push_back(static_cast<std::uint32_t>(*n));
    if (path.ends_with('.')) return std::nullopt;
  }
  return find_part(parts, numbers);
}

std::string part_number(std::span<const Part> parts, std::size_t part) {
  std::vector<std::uint32_t> numbers;
  for (std::size_t at = part;; at = parts[at].parent) {
    const bool is_message = at == 0 || parts[parts[at].parent].kind == Kind::Message;
    if (is_message) {
      // The parts of a message that is a multipart hang on what carries it; any other has one part, its body.
      if (parts[at].kind != Kind::Multipart) numbers.push_back(1);
    } else {
      std::uint32_t n = 1;
      for (std::size_t sibling = parts[at].parent + 1u; sibling != at; sibling = parts[sibling].after) ++n;
      numbers.push_back(n);
    }
    if (at == 0) break;
  }
  std::ranges::reverse(numbers);
  return fmt::format("{}", fmt::join(numbers, "."));
}

}  // namespace postroad::mime
