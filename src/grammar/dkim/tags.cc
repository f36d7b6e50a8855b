#include "dkim/tags.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/cursor.h"

namespace postroad::dkim {
namespace {

constexpr std::size_t most_tags = 100;

constexpr bool is_fws(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
constexpr bool is_value(char c) {
  return (c > ' ' && c < '\x7f' && c != ';') || static_cast<unsigned char>(c) >= 0x80;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_fws(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_fws(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

// tag-list = tag-spec *( ";" tag-spec ) [ ";" ]
Result<Tags, TagError> Tags::parse(std::string_view list) {
  Tags out;
  while (true) {
    const auto end = list.find(';');
    const bool last = end == std::string_view::npos;
    const std::string_view spec = trimmed(list.substr(0, end));
    if (last && spec.empty() && !out.all_.empty()) return out;  // behind the optional last semicolon
    Cursor in(spec);
    const auto name = in.take_while([](char c) { return ascii::is_alnum(c) || c == '_'; });
    if (name.empty() || !ascii::is_alpha(name.front())) return refuse(TagError::NotATag);
    in.take_while(is_fws);
    if (!in.take('=')) return refuse(TagError::NotATag);
    const std::string_view value = trimmed(in.rest());
    if (!std::ranges::all_of(value, [](char c) { return is_fws(c) || is_value(c); }))
      return refuse(TagError::NotATag);
    if (out.get(name)) return refuse(TagError::Duplicate);
    if (out.all_.size() == most_tags) return refuse(TagError::TooMany);
    out.all_.emplace_back(name, value);
    if (last) return out;
    list.remove_prefix(end + 1);
  }
}

std::optional<std::string_view> Tags::get(std::string_view name) const {
  for (const auto& [tag, value] : all_)
    if (tag == name) return value;
  return std::nullopt;
}

std::string without_blanks(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  std::ranges::copy_if(value, std::back_inserter(out), [](char c) { return !is_fws(c); });
  return out;
}

std::vector<std::string_view> colon_list(std::string_view value) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto colon = value.find(':');
    out.push_back(trimmed(value.substr(0, colon)));
    if (colon == std::string_view::npos) return out;
    value.remove_prefix(colon + 1);
  }
}

}  // namespace postroad::dkim
