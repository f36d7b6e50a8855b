// The JSON of one log line (RFC 8259), safe for whatever a stranger put into it.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "observe/event.h"

namespace postroad::observe {
namespace {

constexpr std::size_t longest_text = 1024;

// Beyond JSON's own need: C1 controls, line separators, marks that turn the direction of text and the byte
// order mark would let a log lie to the terminal or viewer that shows it.
bool must_escape(char32_t c) {
  return c < 0x20 || c == '"' || c == '\\' || (c >= 0x7f && c <= 0x9f) || c == 0x61c ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
         c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

void append_unit(std::string& out, unsigned unit) {
  constexpr char digits[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[unit >> shift & 15];
}

void append_escaped(std::string& out, char32_t c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  if (c < 0x10000) return append_unit(out, static_cast<unsigned>(c));
  append_unit(out, static_cast<unsigned>(0xd800 + ((c - 0x10000) >> 10)));
  append_unit(out, static_cast<unsigned>(0xdc00 + ((c - 0x10000) & 0x3ff)));
}

void append_text(std::string& out, std::string_view text) {
  out += '"';
  const std::size_t whole = text.size();
  while (!text.empty() && whole - text.size() < longest_text) {
    // Plain ASCII, nearly everything, goes over in runs.
    std::size_t run = 0;
    const std::size_t most = std::min(text.size(), longest_text - (whole - text.size()));
    while (run < most && text[run] >= ' ' && text[run] < 0x7f && text[run] != '"' && text[run] != '\\') ++run;
    out += text.substr(0, run);
    text.remove_prefix(run);
    if (run == most) continue;
    const std::string_view before = text;
    const auto point = utf8::take(text);
    if (!point) {
      out += "\\ufffd";  // U+FFFD for each octet that is not UTF-8
      text.remove_prefix(1);
    } else if (must_escape(*point)) {
      append_escaped(out, *point);
    } else {
      out += before.substr(0, before.size() - text.size());
    }
  }
  if (!text.empty()) out += "...";
  out += '"';
}

template <class N>
void append_number(std::string& out, N value) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_padded(std::string& out, unsigned value, int width) {
  char digits[8];
  for (int i = width; i-- > 0; value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out.append(digits, static_cast<std::size_t>(width));
}

// RFC 3339, UTC, microseconds. Years outside 0-9999 do not occur: a clock that says so is clamped.
void append_time(std::string& out, Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  append_padded(out, static_cast<unsigned>(std::clamp(int{date.year()}, 0, 9999)), 4);
  out += '-', append_padded(out, unsigned{date.month()}, 2);
  out += '-', append_padded(out, unsigned{date.day()}, 2);
  out += 'T', append_padded(out, static_cast<unsigned>(clock.hours().count()), 2);
  out += ':', append_padded(out, static_cast<unsigned>(clock.minutes().count()), 2);
  out += ':', append_padded(out, static_cast<unsigned>(clock.seconds().count()), 2);
  out += '.', append_padded(out, static_cast<unsigned>(clock.subseconds().count()), 6);
  out += 'Z';
}

}  // namespace

Line::Line(Time time, Level level, std::string_view event) {
  json_.reserve(384);
  json_ += "{\"time\":\"";
  append_time(json_, time);
  json_ += "\",\"level\":\"";
  json_ += to_text(level);
  json_ += "\",\"event\":";
  append_text(json_, event);
}

void Line::key(std::string_view name) {
  if (json_.back() != '[') json_ += ',';
  if (name.empty()) return;
  append_text(json_, name);
  json_ += ':';
}

void Line::put(std::string_view name, std::string_view value) {
  key(name);
  append_text(json_, value);
}

void Line::put(std::string_view name, double value) {
  key(name);
  if (std::isfinite(value))
    append_number(json_, value);
  else
    json_ += "null";  // JSON has no word for it
}

void Line::put(std::string_view name, Time value) {
  key(name);
  json_ += '"';
  append_time(json_, value);
  json_ += '"';
}

void Line::number(std::int64_t value) { append_number(json_, value); }
void Line::number(std::uint64_t value) { append_number(json_, value); }

void Line::end_list() { json_ += ']'; }

std::string Line::finish() && {
  json_ += "}\n";
  return std::move(json_);
}

}  // namespace postroad::observe
