#include "imap/mailbox_name.h"

#include <array>

#include "base/ascii.h"
#include "base/utf8.h"

namespace postroad::imap {
namespace {

// Base64 of RFC 4648 §4 with "," for "/" (RFC 3501 §5.1.3).
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

constexpr auto values = [] {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}();

// What represents itself: printable US-ASCII, "&" apart.
constexpr bool is_direct(char32_t point) { return point >= 0x20 && point <= 0x7e; }

// The text between "&" and "-": UTF-16 in base64, without any character that could have stood for itself.
bool decode_shifted(std::string_view text, std::string& out) {
  std::uint32_t bits = 0;
  int pending = 0;
  char32_t high = 0;  // a surrogate that waits for its other half
  for (const char c : text) {
    const int value = values[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    pending += 6;
    if (pending < 16) continue;
    pending -= 16;
    const char32_t unit = bits >> pending & 0xffff;
    if (high != 0) {
      if (unit < 0xdc00 || unit > 0xdfff) return false;
      utf8::append(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
      high = 0;
    } else if (unit >= 0xd800 && unit <= 0xdbff) {
      high = unit;
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
      return false;
    } else if (is_direct(unit)) {
      return false;
    } else {
      utf8::append(out, unit);
    }
  }
  // What is left over is padding: fewer than six bits, all zero, or there was a shorter way to say it.
  return high == 0 && pending < 6 && (bits & ((1u << pending) - 1)) == 0 && !text.empty();
}

class ShiftedWriter {
 public:
  explicit ShiftedWriter(std::string& out) : out_(out) {}
  void unit(std::uint32_t utf16) {
    bits_ = bits_ << 16 | utf16;
    for (pending_ += 16; pending_ >= 6; pending_ -= 6) out_.push_back(alphabet[bits_ >> (pending_ - 6) & 63]);
  }
  void end() {
    if (pending_ > 0) out_.push_back(alphabet[bits_ << (6 - pending_) & 63]);
    out_.push_back('-');
    bits_ = 0, pending_ = 0;
  }

 private:
  std::string& out_;
  std::uint32_t bits_ = 0;
  int pending_ = 0;
};

// RFC 6855 §3: no controls, no line or paragraph separator. `name` is valid UTF-8.
bool has_forbidden_character(std::string_view name) {
  while (const auto point = utf8::take(name))
    if (*point < 0x20 || (*point >= 0x7f && *point <= 0x9f) || *point == 0x2028 || *point == 0x2029)
      return true;
  return false;
}

}  // namespace

std::optional<std::string> from_modified_utf7(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool after_shift = false;  // directly behind "...-": another shift here would be superfluous
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '&') {
      if (!is_direct(static_cast<unsigned char>(c))) return std::nullopt;
      out.push_back(c);
      after_shift = false;
      continue;
    }
    const auto end = text.find('-');
    if (end == std::string_view::npos) return std::nullopt;
    if (end == 0) {  // "&-" is "&"
      out.push_back('&');
      after_shift = false;
    } else {
      if (after_shift || !decode_shifted(text.substr(0, end), out)) return std::nullopt;
      after_shift = true;
    }
    text.remove_prefix(end + 1);
  }
  return out;
}

void append_modified_utf7(std::string& out, std::string_view text) {
  ShiftedWriter shifted(out);
  bool in_shift = false;
  while (!text.empty()) {
    auto point = utf8::take(text);
    if (!point) {
      text.remove_prefix(1);
      point = 0xfffd;
    }
    if (is_direct(*point)) {
      if (in_shift) shifted.end();
      in_shift = false;
      out.push_back(static_cast<char>(*point));
      if (*point == '&') out.push_back('-');
      continue;
    }
    if (!in_shift) out.push_back('&');
    in_shift = true;
    if (*point >= 0x10000) {
      shifted.unit(0xd800 + ((*point - 0x10000) >> 10));
      shifted.unit(0xdc00 + ((*point - 0x10000) & 0x3ff));
    } else {
      shifted.unit(*point);
    }
  }
  if (in_shift) shifted.end();
}

Result<MailboxName, NameError> MailboxName::from_modified_utf7(std::string_view text) {
  if (!utf8::is_ascii(text)) return from_utf8(text);
  auto name = imap::from_modified_utf7(text);
  if (!name) {
    for (const char c : text)
      if (ascii::is_control(c)) return refuse(NameError::ForbiddenCharacter);
    return refuse(NameError::BadModifiedUtf7);
  }
  return from_utf8(*name);
}

Result<MailboxName, NameError> MailboxName::from_utf8(std::string_view text) {
  if (!utf8::valid(text)) return refuse(NameError::BadUtf8);
  if (has_forbidden_character(text)) return refuse(NameError::ForbiddenCharacter);
  if (ascii::iequals(text, "INBOX")) return MailboxName("INBOX");
  return MailboxName(std::string(text));
}

}  // namespace postroad::imap
