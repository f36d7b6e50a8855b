#include "dkim/canonical.h"

#include <algorithm>

#include "base/ascii.h"

namespace postroad::dkim {
namespace {

constexpr bool is_wsp(char c) { return c == ' ' || c == '\t'; }

std::string relaxed_field(std::string_view raw) {
  const auto colon = std::min(raw.find(':'), raw.size());
  std::string_view name = raw.substr(0, colon);
  while (!name.empty() && (is_wsp(name.back()) || name.back() == '\r' || name.back() == '\n'))
    name.remove_suffix(1);
  std::string out = ascii::to_lower(name);
  out += ':';
  // Line ends go, runs of blanks become one, those at both ends go.
  const std::size_t begin = out.size();
  bool blank = false;
  for (const char c : raw.substr(std::min(colon + 1, raw.size()))) {
    if (c == '\r' || c == '\n') continue;
    if (is_wsp(c)) {
      blank = true;
      continue;
    }
    if (blank && out.size() > begin) out += ' ';
    blank = false;
    out += c;
  }
  return out += "\r\n";
}

}  // namespace

std::string_view to_text(Canonical canonical) {
  return canonical == Canonical::Simple ? "simple" : "relaxed";
}

std::string canonical_field(Canonical how, std::string_view raw) {
  if (how == Canonical::Relaxed) return relaxed_field(raw);
  std::string out;
  out.reserve(raw.size() + 2);
  for (std::size_t i = 0; i < raw.size(); ++i) {  // as it will be on the wire
    if (raw[i] == '\n' && (i == 0 || raw[i - 1] != '\r')) out += '\r';
    out += raw[i];
  }
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out;
}

// --- Body --------------------------------------------------------------------------------------------------

BodyHash::BodyHash(Canonical how, crypto::Hash hash, std::optional<std::uint64_t> limit)
    : how_(how), digester_(hash), limit_(limit) {}

void BodyHash::put(std::string_view octets) {
  octets_ += octets.size();
  if (limit_) {
    octets = octets.substr(0, std::min<std::uint64_t>(*limit_, octets.size()));
    *limit_ -= octets.size();
  }
  if (!octets.empty()) digester_.update(octets);
}

void BodyHash::put_waiting() {
  for (; empty_lines_ > 0; --empty_lines_) put("\r\n");
  if (blank_) put(" ");
  blank_ = false;
  in_line_ = true;
}

// Part of a line, without CR before LF.
void BodyHash::line_part(std::string_view text) {
  if (text.empty()) return;
  if (how_ == Canonical::Simple) {
    put_waiting();
    return put(text);
  }
  while (!text.empty()) {
    const auto word_end = std::find_if(text.begin(), text.end(), is_wsp);
    const auto length = static_cast<std::size_t>(word_end - text.begin());
    if (length > 0) {
      put_waiting();
      put(text.substr(0, length));
      text.remove_prefix(length);
    }
    const auto blank_end = std::find_if_not(text.begin(), text.end(), is_wsp);
    if (blank_end != text.begin()) blank_ = true;
    text.remove_prefix(static_cast<std::size_t>(blank_end - text.begin()));
  }
}

void BodyHash::line_end() {
  blank_ = false;  // at the end of a line it does not count
  if (in_line_)
    put("\r\n");
  else
    ++empty_lines_;
  in_line_ = false;
}

void BodyHash::update(std::string_view octets) {
  if (octets.empty()) return;
  if (cr_ && octets.front() != '\n') line_part("\r");
  cr_ = false;
  while (!octets.empty()) {
    const auto lf = octets.find('\n');
    std::string_view part = octets.substr(0, lf);
    const bool ends = lf != std::string_view::npos;
    if (part.ends_with('\r')) {
      part.remove_suffix(1);
      cr_ = !ends;
    }
    line_part(part);
    if (!ends) return;
    line_end();
    octets.remove_prefix(lf + 1);
  }
}

std::string BodyHash::finish() {
  if (cr_) line_part("\r");
  if (in_line_) line_end();
  // §3.4.3: an empty body is one CRLF when simple; §3.4.4: nothing when relaxed.
  if (how_ == Canonical::Simple && octets_ == 0) put("\r\n");
  return digester_.finish();
}

}  // namespace postroad::dkim
