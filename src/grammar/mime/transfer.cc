// Transfer encodings undone and made.
#include "mime/transfer.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "mime/lines.h"

namespace postroad::mime {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t not_in_alphabet = 0xff;

constexpr std::array<std::uint8_t, 256> values = [] {
  std::array<std::uint8_t, 256> v{};
  v.fill(not_in_alphabet);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    v[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return v;
}();

std::uint8_t value_of(char c) { return values[static_cast<unsigned char>(c)]; }

// What an octet may be in quoted-printable text, as far as decoding goes.
enum class Printable : std::uint8_t { Plain, LineEnd, Blank, Escape };
constexpr std::array<Printable, 256> printables = [] {
  std::array<Printable, 256> p{};
  p[' '] = p['\t'] = Printable::Blank;
  p['\r'] = p['\n'] = Printable::LineEnd;
  p['='] = Printable::Escape;
  return p;
}();
Printable printable_of(char c) { return printables[static_cast<unsigned char>(c)]; }

// How many octets at the beginning stand for themselves: up to an "=", or a blank that does not stand between
// words.
std::size_t plain_octets(std::string_view text) {
  std::size_t i = 0;
  for (;; ++i) {
    while (i < text.size() && printable_of(text[i]) <= Printable::LineEnd) ++i;
    if (i == text.size() || text[i] == '=') return i;
    if (i + 1 == text.size() || printable_of(text[i + 1]) != Printable::Plain) return i;
  }
}

// What may stand for itself when text is encoded (RFC 2045 §6.7, rules 2 and 3), if it is not at the end of a
// line.
constexpr std::array<bool, 256> literal = [] {
  std::array<bool, 256> l{};
  for (unsigned char c = ' '; c < 0x7f; ++c) l[c] = c != '=';
  l['\t'] = true;
  return l;
}();
bool is_literal(char c) { return literal[static_cast<unsigned char>(c)]; }

// Blanks at the end of a piece wait for what follows; a line of nothing but blanks must not grow without
// bound.
constexpr std::size_t held_limit = 1024;

constexpr std::string_view upper_hex = "0123456789ABCDEF";

}  // namespace

void TransferDecoder::feed(std::string_view piece, std::string& out) {
  switch (encoding_) {
    case TransferEncoding::Base64: return feed_base64(piece, out);
    case TransferEncoding::QuotedPrintable: return feed_quoted_printable(piece, out);
    case TransferEncoding::Uuencode: return feed_uuencode(piece, out);
    default: out += piece;
  }
}

void TransferDecoder::feed_base64(std::string_view piece, std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + piece.size() / 4 * 3 + 6);
  char* to = out.data() + before;
  std::size_t i = 0;
  while (i < piece.size()) {
    // Four letters at a time while nothing else is met; that is nearly always.
    while (count_ == 0 && !ended_ && i + 4 <= piece.size()) {
      const std::uint32_t a = value_of(piece[i]), b = value_of(piece[i + 1]), c = value_of(piece[i + 2]),
                          d = value_of(piece[i + 3]);
      if ((a | b | c | d) > 63) break;
      const std::uint32_t group = a << 18 | b << 12 | c << 6 | d;
      *to++ = static_cast<char>(group >> 16);
      *to++ = static_cast<char>(group >> 8);
      *to++ = static_cast<char>(group);
      i += 4;
    }
    if (i == piece.size()) break;
    const char c = piece[i++];
    const std::uint8_t value = value_of(c);
    if (value != not_in_alphabet) {
      damaged_ |= ended_;  // two encoded texts in a row: both are read
      ended_ = false;
      bits_ = bits_ << 6 | value;
      if (++count_ == 4) {
        *to++ = static_cast<char>(bits_ >> 16);
        *to++ = static_cast<char>(bits_ >> 8);
        *to++ = static_cast<char>(bits_);
        bits_ = count_ = 0;
      }
    } else if (c == '=') {
      if (count_ == 1) damaged_ = true;
      if (count_ >= 2) *to++ = static_cast<char>(bits_ >> (count_ == 2 ? 4 : 10));
      if (count_ == 3) *to++ = static_cast<char>(bits_ >> 2);
      if (count_ == 0 && !ended_) damaged_ = true;
      ended_ = true;
      bits_ = count_ = 0;
    } else if (!ascii::is_blank(c) && c != '\r' && c != '\n') {
      damaged_ = true;
    }
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

void TransferDecoder::feed_quoted_printable(std::string_view piece, std::string& out) {
  std::string joined;
  if (!held_.empty()) {
    joined = std::exchange(held_, {});
    joined += piece;
    piece = joined;
  }
  std::size_t i = 0;
  const auto hold = [&](std::size_t from) {
    if (piece.size() - from <= held_limit)
      held_ = piece.substr(from);
    else
      out += piece.substr(from);
  };
  while (i < piece.size()) {
    const std::size_t plain = i;
    i += plain_octets(piece.substr(i));
    out += piece.substr(plain, i - plain);
    if (i == piece.size()) return;

    // What follows an "=" or a run of blanks decides what they are.
    const bool escape = piece[i] == '=';
    std::size_t end = i + escape;
    while (end < piece.size() && ascii::is_blank(piece[end])) ++end;
    std::size_t line_end = end;
    if (line_end < piece.size() && piece[line_end] == '\r') ++line_end;
    if (line_end == piece.size()) return hold(i);

    if (piece[line_end] ==
        '\n') {  // §6.7: blanks at a line's end are not part of it; "=" there joins two lines
      i = escape ? line_end + 1 : end;
    } else if (!escape) {
      out += piece.substr(i, end - i);
      i = end;
    } else {
      const int high = ascii::hex_value(piece[i + 1]);
      if (high >= 0 && i + 2 == piece.size()) return hold(i);
      const int low = high >= 0 ? ascii::hex_value(piece[i + 2]) : -1;
      if (low >= 0) {
        out.push_back(static_cast<char>(high << 4 | low));
        i += 3;
      } else {
        out.push_back(piece[i++]);
        damaged_ = true;
      }
    }
  }
}

void TransferDecoder::feed_uuencode(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    const std::size_t n = line_octets(piece);
    const bool whole = piece[n - 1] == '\n';
    if (held_.size() + n <= held_limit) held_ += piece.substr(0, n);
    piece.remove_prefix(n);
    if (!whole) return;
    uuencode_line(without_line_end(held_), out);
    held_.clear();
  }
}

void TransferDecoder::uuencode_line(std::string_view line, std::string& out) {
  if (ended_) return;
  if (!begun_) {
    begun_ = line.starts_with("begin ");
    return;
  }
  if (line == "end") {
    ended_ = true;
    return;
  }
  if (line.empty()) return;
  const auto six = [](char c) { return static_cast<std::uint32_t>(c - ' ') & 63u; };
  std::size_t octets = six(line[0]);
  for (std::size_t i = 1; octets > 0; i += 4) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) group = group << 6 | (i + k < line.size() ? six(line[i + k]) : 0u);
    if (i >= line.size()) {
      damaged_ = true;
      return;
    }
    for (std::size_t k = 0; k < 3 && octets > 0; ++k, --octets)
      out.push_back(static_cast<char>(group >> (16 - 8 * k)));
  }
}

void TransferDecoder::finish(std::string& out) {
  switch (encoding_) {
    case TransferEncoding::Base64:
      // Padding that was cut off: what the letters say for certain is kept.
      if (count_ != 0) damaged_ = true;
      if (count_ >= 2) out.push_back(static_cast<char>(bits_ >> (count_ == 2 ? 4 : 10)));
      if (count_ == 3) out.push_back(static_cast<char>(bits_ >> 2));
      break;
    case TransferEncoding::QuotedPrintable: {
      // The end of the text is the end of a line. A CR alone may have waited for its LF.
      const bool escape = held_.starts_with('=');
      std::string_view rest = held_;
      if (escape) rest.remove_prefix(1);
      while (!rest.empty() && ascii::is_blank(rest.front())) rest.remove_prefix(1);
      if (escape) {
        damaged_ = true;
        if (!rest.empty()) out += held_;
      } else {
        out += rest;
      }
      break;
    }
    case TransferEncoding::Uuencode:
      if (!held_.empty()) uuencode_line(without_line_end(held_), out);
      if (!ended_) damaged_ = true;
      break;
    default: break;
  }
  held_.clear();
  bits_ = count_ = 0;
}

Decoded transfer_decode(std::string_view text, TransferEncoding encoding) {
  Decoded decoded;
  TransferDecoder decoder(encoding);
  decoder.feed(text, decoded.octets);
  decoder.finish(decoded.octets);
  decoded.damaged = decoder.damaged();
  return decoded;
}

std::string encode_base64(std::string_view octets) {
  constexpr std::size_t line = 57;  // 76 characters (RFC 2045 §6.8)
  std::string out;
  out.resize((octets.size() + 2) / 3 * 4 + (octets.size() + line - 1) / line * 2);
  char* to = out.data();
  for (std::size_t start = 0; start < octets.size(); start += line) {
    const auto row = octets.substr(start, line);
    std::size_t i = 0;
    const auto octet = [&](std::size_t k) -> std::uint32_t {
      return k < row.size() ? static_cast<unsigned char>(row[k]) : 0u;
    };
    for (; i < row.size(); i += 3) {
      const std::uint32_t group = octet(i) << 16 | octet(i + 1) << 8 | octet(i + 2);
      *to++ = alphabet[group >> 18];
      *to++ = alphabet[group >> 12 & 63];
      *to++ = i + 1 < row.size() ? alphabet[group >> 6 & 63] : '=';
      *to++ = i + 2 < row.size() ? alphabet[group & 63] : '=';
    }
    *to++ = '\r';
    *to++ = '\n';
  }
  return out;
}

std::string encode_quoted_printable(std::string_view octets, LineBreaks breaks) {
  constexpr std::size_t line = 76;
  std::string out;
  out.reserve(octets.size() + octets.size() / 16);
  const bool text = breaks == LineBreaks::Text;
  // Octets of the line break at i: 0 if there is none.
  const auto line_break = [&](std::size_t i) -> std::size_t {
    if (!text || i >= octets.size()) return 0;
    return octets[i] == '\n' ? 1 : octets.substr(i, 2) == "\r\n" ? 2 : 0;
  };
  std::size_t column = 0;
  for (std::size_t i = 0; i < octets.size();) {
    // A run that stands for itself; its last octet is looked at below, since it may be the last of a line.
    if (column > 0 && column < line - 2) {
      std::size_t run = 0;
      const std::size_t most = std::min(line - 2 - column, octets.size() - i);
      while (run < most && is_literal(octets[i + run])) ++run;
      if (run > 1) {
        out += octets.substr(i, run - 1);
        column += run - 1;
        i += run - 1;
      }
    }
    if (const std::size_t end = line_break(i)) {
      out += "\r\n";
      column = 0;
      i += end;
      continue;
    }
    const char c = octets[i];
    const bool last = i + 1 == octets.size() || line_break(i + 1) > 0;
    const auto must_escape = [&] {
      if (!is_literal(c) || (ascii::is_blank(c) && last)) return true;
      return column == 0 && (c == '.' || octets.substr(i).starts_with("From "));
    };
    bool escape = must_escape();
    // A soft line break needs the last column, unless this is the end of the line anyway.
    if (column + (escape ? 3 : 1) > line - (last && text ? 0 : 1)) {
      out += "=\r\n";
      column = 0;
      escape = must_escape();
    }
    if (escape) {
      out.push_back('=');
      out.push_back(upper_hex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(upper_hex[c & 15]);
      column += 3;
    } else {
      out.push_back(c);
      ++column;
    }
    ++i;
  }
  return out;
}

}  // namespace postroad::mime
