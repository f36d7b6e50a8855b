// Responses of POP3 (RFC 1939 §3): the status line, listings, capabilities, and messages as multi-line
// bodies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/data_encoder.h"

namespace postroad::pop3 {

// The registered response codes (RFC 2449 §8, RFC 3206, RFC 6856 §5).
enum class Code { None, InUse, LoginDelay, SysTemp, SysPerm, Auth, Utf8 };

// One status line with its CRLF, at most 512 octets (RFC 2449 §4). Controls and what is not ASCII become "?":
// no text looks like a line of ours.
std::string ok(std::string_view text = {});
std::string err(std::string_view text, Code code = Code::None);

std::string stat_line(std::uint32_t messages, std::uint64_t octets);    // "+OK 2 320"
std::string scan_listing(std::uint32_t message, std::uint64_t octets);  // "1 120"
// `uid` is 1 to 70 characters from "!" to "~" (RFC 1939 §7); throws otherwise, for it is we who make them.
std::string unique_id_listing(std::uint32_t message, std::string_view uid);
inline constexpr std::string_view end_of_lines = ".\r\n";

// How long messages stay after they were retrieved (RFC 2449 §6.7).
struct Expire {
  std::optional<std::uint32_t> days{};  // 0: erased when retrieved; none: never
  bool differs_by_user = false;         // said before it is known who asks
};

// What CAPA answers. TOP, UIDL, RESP-CODES, AUTH-RESP-CODE and PIPELINING are always there.
struct Capabilities {
  bool user = false;  // USER and PASS: only where nobody listens
  bool stls = false;
  std::vector<std::string_view> sasl{};  // mechanisms; none: no SASL
  std::optional<Expire> expire{};
  std::optional<std::uint32_t> login_delay{};  // seconds
  bool utf8 = false;
  bool utf8_user = false;  // USER and PASS may be UTF-8 (RFC 6856 §2.2)
  bool lang = false;
  std::string implementation{};
};
std::string capa_response(const Capabilities& capabilities);  // "+OK" to the lone dot

// A message on its way to the client: RETR, or TOP with its number of lines.
//
// Dots are stuffed as in SMTP. Lines end with CRLF on the wire: in the rare message that has a bare CR or LF
// each becomes a CRLF there, and a client that ends lines by its own ideas cannot be shown an end that is
// none.
class MessageEncoder {
 public:
  MessageEncoder() : MessageEncoder(std::nullopt) {}
  // The header section, the empty line, and `lines` of the body.
  explicit MessageEncoder(std::optional<std::uint64_t> lines)
      : encoder_(smtp::DataEncoder::Dots::Stuffed, SIZE_MAX, smtp::DataEncoder::Nul::LetPass),
        lines_(lines) {}

  // Appends to `out`. False: TOP has all its lines, the rest of the message need not be read.
  bool feed(std::string_view octets, std::string& out);
  void finish(std::string& out);  // the last line's end, and the lone dot

 private:
  std::size_t wanted(std::string_view octets);
  bool line_ended();

  smtp::DataEncoder encoder_;
  std::optional<std::uint64_t> lines_;  // of the body, still to come
  bool in_header_ = true;
  bool line_is_empty_ = true;
  bool skip_lf_ = false;  // a CR ended the last piece, and its line
  bool full_ = false;
};

}  // namespace postroad::pop3
