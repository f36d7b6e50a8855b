#include "pop3/response.h"

#include <algorithm>
#include <stdexcept>

#include "base/ascii.h"
#include "smtp/line_check.h"

namespace postroad::pop3 {
namespace {

constexpr std::size_t longest_response = 512;  // RFC 2449 §4, with CRLF

std::string_view code_text(Code code) {
  switch (code) {
    case Code::None: return "";
    case Code::InUse: return "[IN-USE] ";
    case Code::LoginDelay: return "[LOGIN-DELAY] ";
    case Code::SysTemp: return "[SYS/TEMP] ";
    case Code::SysPerm: return "[SYS/PERM] ";
    case Code::Auth: return "[AUTH] ";
    case Code::Utf8: return "[UTF8] ";
  }
  return "";
}

std::string line(std::string_view start, std::string_view text) {
  std::string out(start);
  out += text.substr(0, longest_response - 2 - out.size());
  for (char& c : out)
    if (ascii::is_control(c) || ascii::is_8bit(c)) c = '?';
  while (out.ends_with(' ')) out.pop_back();
  return out + "\r\n";
}

std::string numbers(std::uint64_t a, std::uint64_t b) { return std::to_string(a) + ' ' + std::to_string(b); }

struct Appender final : smtp::BodySink {
  explicit Appender(std::string& text) : out(text) {}
  void write(std::string_view octets) override { out.append(octets); }
  std::string& out;
};

}  // namespace

std::string ok(std::string_view text) { return line("+OK ", text); }
std::string err(std::string_view text, Code code) {
  return line("-ERR " + std::string(code_text(code)), text);
}

std::string stat_line(std::uint32_t messages, std::uint64_t octets) { return ok(numbers(messages, octets)); }
std::string scan_listing(std::uint32_t message, std::uint64_t octets) {
  return numbers(message, octets) + "\r\n";
}

std::string unique_id_listing(std::uint32_t message, std::string_view uid) {
  const bool valid = !uid.empty() && uid.size() <= 70 &&
                     std::all_of(uid.begin(), uid.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!valid) throw std::logic_error("a unique-id that RFC 1939 does not allow");
  return std::to_string(message) + ' ' + std::string(uid) + "\r\n";
}

std::string capa_response(const Capabilities& c) {
  std::string out = ok("here they are");
  const auto add = [&](std::string_view text) { out += line("", text); };
  add("TOP");
  add("UIDL");
  add("RESP-CODES");
  add("AUTH-RESP-CODE");
  add("PIPELINING");
  if (c.user) add("USER");
  if (c.stls) add("STLS");
  if (!c.sasl.empty()) {
    std::string mechanisms = "SASL";
    for (const auto mechanism : c.sasl) mechanisms.append(" ").append(mechanism);
    add(mechanisms);
  }
  if (c.expire)
    add("EXPIRE " + (c.expire->days ? std::to_string(*c.expire->days) : "NEVER") +
        (c.expire->differs_by_user ? " USER" : ""));
  if (c.login_delay) add("LOGIN-DELAY " + std::to_string(*c.login_delay));
  if (c.utf8) add(c.utf8_user ? "UTF8 USER" : "UTF8");
  if (c.lang) add("LANG");
  if (!c.implementation.empty()) add("IMPLEMENTATION " + c.implementation);
  return out.append(end_of_lines);
}

bool MessageEncoder::feed(std::string_view octets, std::string& out) {
  if (full_) return false;
  Appender sink(out);
  // Nothing is refused: no line is too long, and NUL is let pass.
  encoder_.feed(octets.substr(0, lines_ ? wanted(octets) : octets.size()), sink).value();
  return !full_;
}

void MessageEncoder::finish(std::string& out) {
  Appender sink(out);
  encoder_.finish(sink);
}

// How much of `octets` TOP still shows. A CR ends its line at once, and an LF behind it belongs to it, also
// when it comes with the next piece.
std::size_t MessageEncoder::wanted(std::string_view octets) {
  const char* const begin = octets.data();
  const char* const end = begin + octets.size();
  const char* at = begin;
  if (at != end && std::exchange(skip_lf_, false) && *at == '\n') ++at;
  smtp::LineFinder lines(octets);
  while (at != end) {
    const auto line = lines.next(at);
    const bool two = line.ending == smtp::LineFinder::Ending::CrLf;
    const bool none = line.ending == smtp::LineFinder::Ending::None;
    if (line.next - (two ? 2 : none ? 0 : 1) != at) line_is_empty_ = false;
    at = line.next;
    if (none) break;
    skip_lf_ = line.ending == smtp::LineFinder::Ending::CrAtEnd;
    if (line_ended()) break;
  }
  return static_cast<std::size_t>(at - begin);
}

// Whether that was the last line wanted.
bool MessageEncoder::line_ended() {
  if (in_header_)
    in_header_ = !line_is_empty_;
  else if (*lines_ > 0)
    --*lines_;
  line_is_empty_ = true;
  return full_ = !in_header_ && *lines_ == 0;
}

}  // namespace postroad::pop3
