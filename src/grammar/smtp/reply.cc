#include "smtp/reply.h"

#include <algorithm>
#include <utility>

#include "base/cursor.h"
#include "base/utf8.h"

namespace postroad::smtp {
namespace {

constexpr std::size_t longest_line = 512;  // RFC 5321 §4.5.3.1.5, with code and CRLF

bool plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string harmless(std::string_view text, ReplyCharset charset) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto point = utf8::take(text);
    if (!point) text.remove_prefix(1);
    const bool control =
        !point || *point < 0x20 || (*point >= 0x7f && *point < 0xa0) || *point == 0x2028 || *point == 0x2029;
    if (control || (*point >= 0x80 && charset == ReplyCharset::Ascii))
      out.push_back('?');
    else
      utf8::append(out, *point);
  }
  return out;
}

// How much of `text` goes on a line of `room` octets: to a blank if there is one in the latter half, and
// never through the middle of a character.
std::size_t line_part(std::string_view text, std::size_t room) {
  if (text.size() <= room) return text.size();
  const auto blank = text.rfind(' ', room);
  if (blank != std::string_view::npos && blank > room / 2) return blank;
  std::size_t cut = room;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return cut;
}

}  // namespace

std::string render(const Reply& reply, ReplyCharset charset) {
  const std::string status = reply.status.given() ? reply.status.text() : "";
  const std::size_t room = longest_line - 6 - (status.empty() ? 0 : status.size() + 1);  // "250 " CRLF
  const char code[] = {static_cast<char>('0' + reply.code / 100 % 10),
                       static_cast<char>('0' + reply.code / 10 % 10),
                       static_cast<char>('0' + reply.code % 10)};

  std::string out;
  out.reserve(reply.text.size() + 64);
  std::size_t last = 0;  // where the last line begins
  const auto say = [&](std::string_view part) {
    last = out.size();
    out.append(code, sizeof code).append(1, '-').append(status);
    if (!status.empty() && !part.empty()) out += ' ';
    out.append(part).append("\r\n");
  };
  std::string_view text = reply.text;
  for (;;) {
    const auto end = text.find('\n');
    std::string_view rest = text.substr(0, end);
    std::string clean;  // nearly all is already
    if (!plain(rest)) rest = clean = harmless(rest, charset);
    do {
      const auto part = line_part(rest, room);
      say(rest.substr(0, part));
      rest.remove_prefix(part);
      if (rest.starts_with(' ')) rest.remove_prefix(1);
    } while (!rest.empty());
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  if (out.size() == last + 6)
    out.erase(last + 3, 1);  // nothing but the code
  else
    out[last + 3] = ' ';
  return out;
}

Result<std::size_t, ReplyError> ReplyParser::feed(std::string_view input) {
  std::size_t used = 0;
  while (!done_ && used < input.size()) {
    const auto lf = input.find('\n', used);
    const bool whole = lf != std::string_view::npos;
    const auto piece = input.substr(used, whole ? lf + 1 - used : input.size() - used);
    octets_ += piece.size();
    if (octets_ > limit) return refuse(ReplyError::TooLong);
    used += piece.size();
    line_ += piece;
    if (!whole) break;
    if (auto read = line(line_); !read) return refuse(read.error());
    line_.clear();
  }
  return used;
}

// Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF  (§4.2)
Result<void, ReplyError> ReplyParser::line(std::string_view text) {
  text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.size() < 3 || text[0] < '2' || text[0] > '5' || !ascii::is_digit(text[1]) ||
      !ascii::is_digit(text[2]))
    return refuse(ReplyError::NotAReply);
  const auto code =
      static_cast<std::uint16_t>((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
  const bool more = text.size() > 3 && text[3] == '-';
  if (text.size() > 3 && !more && !ascii::is_blank(text[3])) return refuse(ReplyError::NotAReply);
  text.remove_prefix(std::min<std::size_t>(text.size(), 4));

  const bool first = reply_.code == 0;
  if (!first && reply_.code != code) return refuse(ReplyError::CodesDiffer);
  reply_.code = code;

  const auto word = text.substr(0, text.find(' '));
  if (const auto status = parse_enhanced_status(word); status && status->klass == code / 100) {
    if (first) reply_.status = *status;
    text.remove_prefix(word.size());
    if (text.starts_with(' ')) text.remove_prefix(1);
  }
  if (!first) reply_.text += '\n';
  reply_.text += text;
  done_ = !more;
  return {};
}

Reply ReplyParser::take() {
  done_ = false;
  octets_ = 0;
  return std::exchange(reply_, Reply{});
}

}  // namespace postroad::smtp
