// Encoded words (RFC 2047 §2-§6) and what people may see of a header.
#include "mime/text.h"

#include "base/ascii.h"
#include "base/utf8.h"
#include "mime/header.h"
#include "mime/tokens.h"
#include "mime/transfer.h"

namespace postroad::mime {
namespace {

constexpr std::size_t charset_limit = 64;
constexpr std::string_view replacement = "\xef\xbf\xbd";

// RFC 2047 §4.2: as quoted-printable, but "_" is a space and there are no line breaks.
std::string decode_q(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() ? ascii::hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? ascii::hex_value(text[i + 2]) : -1;
    if (text[i] == '=' && high >= 0 && low >= 0) {
      out.push_back(static_cast<char>(high << 4 | low));
      i += 2;
    } else {
      out.push_back(text[i] == '_' ? ' ' : text[i]);
    }
  }
  return out;
}

}  // namespace

// Nearly all text passes through the first loop alone.
std::string tame(std::string text) {
  std::size_t at = 0;
  while (at < text.size() && text[at] >= ' ' && text[at] != '\x7f') ++at;
  if (at == text.size()) return text;

  std::string out = text.substr(0, at);
  std::string_view rest = std::string_view(text).substr(at);
  while (!rest.empty()) {
    const auto before = rest;
    const auto point = utf8::take(rest);
    if (!point) {
      out += replacement;
      rest.remove_prefix(1);
    } else if (*point == '\t' || *point == '\r' || *point == '\n' || *point == 0x2028 || *point == 0x2029) {
      out.push_back(' ');
    } else if (*point < 0x20 || (*point >= 0x7f && *point < 0xa0)) {
      out += replacement;
    } else {
      out += before.substr(0, before.size() - rest.size());
    }
  }
  return out;
}

std::optional<EncodedWord> encoded_word(std::string_view text) {
  if (!text.starts_with("=?")) return std::nullopt;
  const std::size_t charset_end = text.substr(0, charset_limit + 2).find('?', 2);
  if (charset_end == std::string_view::npos || charset_end == 2) return std::nullopt;
  std::string_view charset = text.substr(2, charset_end - 2);
  for (char c : charset)
    if (!ascii::is_alnum(c) && std::string_view("-_.:+*'").find(c) == std::string_view::npos)
      return std::nullopt;
  if (const auto star = charset.find('*'); star != std::string_view::npos) charset = charset.substr(0, star);

  const std::size_t body = charset_end + 3;
  if (body > text.size() || text[body - 1] != '?') return std::nullopt;
  const char encoding = ascii::lower(text[charset_end + 1]);
  if (encoding != 'b' && encoding != 'q') return std::nullopt;

  // The text holds no blank and no "?" (RFC 2047 §2); so the search for its end never passes the next "=?".
  std::size_t end = body;
  while (end < text.size() && text[end] != '?' && !is_space(text[end])) ++end;
  if (text.substr(end, 2) != "?=") return std::nullopt;
  return EncodedWord{charset, encoding, text.substr(body, end - body), end + 2};
}

std::string decode_words(std::string_view text) {
  if (text.find("=?") == std::string_view::npos) return tame(octets_to_utf8(text));

  std::string out;
  std::string octets;  // of the encoded words just read, all of one charset
  std::string_view charset;
  const auto flush = [&] {
    if (!octets.empty()) out += to_utf8(octets, charset);
    octets.clear();
  };
  while (!text.empty()) {
    if (const auto word = encoded_word(text)) {
      // Characters are often cut between two words, which §5 forbids: octets of one charset are joined first.
      if (!ascii::iequals(charset, word->charset)) flush();
      charset = word->charset;
      octets += word->encoding == 'q' ? decode_q(word->text)
                                      : transfer_decode(word->text, TransferEncoding::Base64).octets;
      text.remove_prefix(word->octets);
      // §6.2: blanks between two encoded words are not displayed.
      std::size_t blanks = 0;
      while (blanks < text.size() && is_space(text[blanks])) ++blanks;
      if (encoded_word(text.substr(blanks))) {
        text.remove_prefix(blanks);
        continue;
      }
    }
    flush();
    if (text.empty()) break;
    const std::size_t next = std::min(text.find("=?", 1), text.size());
    out += octets_to_utf8(text.substr(0, next));
    text.remove_prefix(next);
  }
  flush();
  return tame(std::move(out));
}

std::string decode_text(std::string_view value) { return decode_words(unfold(value)); }

}  // namespace postroad::mime
