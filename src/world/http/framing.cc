#include "http/framing.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/cursor.h"

namespace postroad::http {

namespace {

constexpr std::size_t longest_extension = 256;  // of one chunk
constexpr std::size_t longest_trailers = 8 * 1024;
constexpr unsigned most_size_digits = 15;  // a chunk below 2^60 octets

// RFC 9110 §5.6.2.
constexpr bool is_token(char c) {
  return ascii::is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
// RFC 9110 §5.5: visible, space, tab, or above ASCII.
constexpr bool is_value(char c) { return c == '\t' || !ascii::is_control(c); }
// What may stand in a request-target without being encoded (RFC 3986 §3.3, §3.4).
constexpr bool is_target(char c) {
  return ascii::is_alnum(c) || std::string_view("-._~!$&'()*+,;=:@/?%").find(c) != std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && ascii::is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && ascii::is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The next line without its CRLF. HeadEnd has seen that there is one.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find("\r\n");
  const auto line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return line;
}

Result<Headers, HeadError> parse_fields(std::string_view text, const HeadLimits& limits) {
  Headers headers;
  for (;;) {
    const auto line = take_line(text);
    if (line.empty()) return headers;
    if (headers.size() == limits.fields) return refuse(HeadError::TooLong);
    Cursor in(line);
    const auto name = in.take_while(is_token);
    if (name.empty() || !in.take(':')) return refuse(HeadError::BadField);
    const auto value = trimmed(in.rest());
    if (!std::ranges::all_of(value, is_value)) return refuse(HeadError::BadField);
    headers.add(name, value);
  }
}

bool list_has(const Headers& headers, std::string_view name, std::string_view word) {
  for (const auto& field : headers) {
    if (!ascii::iequals(field.name, name)) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (ascii::iequals(trimmed(rest.substr(0, comma)), word)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

// RFC 9112 §6.
Result<Framing, HeadError> framing_of(const Headers& headers, bool http10) {
  Framing framing;
  const auto codings = headers.count("Transfer-Encoding"), lengths = headers.count("Content-Length");
  if (codings > 0) {
    if (lengths > 0 || http10) return refuse(HeadError::LengthAndCoding);
    if (codings > 1 || !ascii::iequals(headers.get("Transfer-Encoding"), "chunked"))
      return refuse(HeadError::UnknownCoding);
    framing.kind = Framing::Kind::Chunked;
    return framing;
  }
  if (lengths == 0) return framing;
  const auto text = headers.get("Content-Length");
  Cursor in(text);
  const auto number = in.take_number();
  if (lengths > 1 || text.size() > 18 || !number || !in.at_end()) return refuse(HeadError::BadLength);
  framing.kind = Framing::Kind::Length, framing.length = *number;
  return framing;
}

bool keeps_alive(const Headers& headers, bool http10) {
  if (list_has(headers, "Connection", "close")) return false;
  return !http10 || list_has(headers, "Connection", "keep-alive");
}

// "HTTP/1.1": is it 1.0?
Result<bool, HeadError> version(std::string_view text) {
  if (text == "HTTP/1.1") return false;
  if (text == "HTTP/1.0") return true;
  return refuse(text.starts_with("HTTP/") ? HeadError::BadVersion : HeadError::BadStartLine);
}

}  // namespace

int status_of(HeadError error) {
  switch (error) {
    case HeadError::UnknownMethod:
    case HeadError::UnknownCoding: return 501;
    case HeadError::BadVersion: return 505;
    case HeadError::TooLong: return 431;
    default: return 400;
  }
}

std::string_view describe(HeadError error) {
  switch (error) {
    case HeadError::BadLineEnd:
      return "Every line of the head must end with CRLF; a bare CR, LF or a NUL was sent.";
    case HeadError::BadStartLine: return "The first line must be \"METHOD /path HTTP/1.1\".";
    case HeadError::UnknownMethod: return "This method is not known; use GET, POST, PUT, PATCH or DELETE.";
    case HeadError::BadTarget: return "The target must be a path that begins with \"/\", percent-encoded.";
    case HeadError::BadVersion: return "Only HTTP/1.1 and HTTP/1.0 are spoken here.";
    case HeadError::BadField:
      return "A header field must be \"Name: value\" on one line, without a space before the colon.";
    case HeadError::TooLong:
      return "The head of the request is too long; send fewer or shorter header fields.";
    case HeadError::BadHost: return "Send exactly one Host field.";
    case HeadError::BadLength: return "Content-Length must be given once, as a number of octets.";
    case HeadError::LengthAndCoding:
      return "Send either Content-Length or Transfer-Encoding: chunked under HTTP/1.1, not both.";
    case HeadError::UnknownCoding: return "The only transfer coding known here is \"chunked\".";
  }
  return {};
}

Result<std::optional<std::size_t>, HeadError> HeadEnd::find(std::string_view seen) {
  for (; at_ < seen.size(); ++at_) {
    const char c = seen[at_];
    if (at_ >= limits_.octets) return refuse(HeadError::TooLong);
    if (c == '\0') return refuse(HeadError::BadLineEnd);
    const bool after_cr = at_ > 0 && seen[at_ - 1] == '\r';
    if ((c == '\n') != after_cr) return refuse(HeadError::BadLineEnd);
    // An empty line; at the very beginning too: there are no fields.
    if (c == '\n' && (at_ == 1 || seen[at_ - 2] == '\n')) return std::optional(at_ + 1);
  }
  return std::optional<std::size_t>();
}

Result<RequestHead, HeadError> parse_request(std::string_view start, std::string_view fields,
                                             HeadLimits limits) {
  Cursor line(start);
  const auto method = line.take_while(is_token);
  if (method.empty() || !line.take(' ')) return refuse(HeadError::BadStartLine);
  auto target = line.take_until(' ');
  if (!target || !line.take(' ')) return refuse(HeadError::BadStartLine);
  const auto http10 = version(line.rest());
  if (!http10) return refuse(http10.error());

  RequestHead head;
  const auto known = parse_method(method);
  if (!known) return refuse(HeadError::UnknownMethod);
  head.method = *known;
  // The absolute form is for proxies, but every server must take it (RFC 9112 §3.2.2).
  if (target->starts_with("http://") || target->starts_with("https://")) {
    target->remove_prefix(target->find("//") + 2);
    target->remove_prefix(std::min(target->find('/'), target->size()));
  }
  if (!target->starts_with('/') || !std::ranges::all_of(*target, is_target))
    return refuse(HeadError::BadTarget);
  const auto question = std::min(target->find('?'), target->size());
  head.path = target->substr(0, question);
  if (question < target->size()) head.query = target->substr(question + 1);

  auto headers = parse_fields(fields, limits);
  if (!headers) return refuse(headers.error());
  head.headers = std::move(*headers);
  const auto hosts = head.headers.count("Host");
  if (hosts > 1 || (hosts == 0 && !*http10)) return refuse(HeadError::BadHost);
  const auto framing = framing_of(head.headers, *http10);
  if (!framing) return refuse(framing.error());
  head.framing = *framing;
  head.keep_alive = keeps_alive(head.headers, *http10);
  head.expects_continue = !*http10 && ascii::iequals(head.headers.get("Expect"), "100-continue");
  return head;
}

Result<ResponseHead, HeadError> parse_response(std::string_view start, std::string_view fields, Method to,
                                               HeadLimits limits) {
  Cursor line(start);
  const auto word = line.take_until(' ');
  const auto http10 = version(word ? *word : line.rest());
  if (!http10) return refuse(http10.error());
  line.take(' ');
  const auto status = line.take_number();
  if (!status || *status < 100 || *status > 599) return refuse(HeadError::BadStartLine);

  ResponseHead head;
  head.status = static_cast<int>(*status);
  auto headers = parse_fields(fields, limits);
  if (!headers) return refuse(headers.error());
  head.headers = std::move(*headers);
  const auto framing = framing_of(head.headers, *http10);
  if (!framing) return refuse(framing.error());
  head.framing = *framing;
  head.keep_alive = keeps_alive(head.headers, *http10);
  // RFC 9112 §6.3: what has no body, whatever its fields say; and what ends with the connection.
  if (to == Method::Head || head.status < 200 || head.status == 204 || head.status == 304)
    head.framing = {};
  else if (head.framing.kind == Framing::Kind::None)
    head.framing.kind = Framing::Kind::UntilClose, head.keep_alive = false;
  return head;
}

BodyDecoder::BodyDecoder(Framing framing) : left_(framing.length) {
  switch (framing.kind) {
    case Framing::Kind::None: at_ = At::End; break;
    case Framing::Kind::Length: at_ = left_ == 0 ? At::End : At::Length; break;
    case Framing::Kind::Chunked: at_ = At::Size, left_ = 0; break;
    case Framing::Kind::UntilClose: at_ = At::UntilClose; break;
  }
}

Result<BodyDecoder::Piece, BodyError> BodyDecoder::feed(std::string_view input) {
  Piece piece;
  while (piece.used < input.size() && at_ != At::End) {
    if (at_ == At::UntilClose) return Piece{input.size(), input.substr(piece.used)};
    if (at_ == At::Length || at_ == At::Data) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - piece.used));
      piece.data = input.substr(piece.used, n);
      piece.used += n, left_ -= n;
      if (left_ == 0) at_ = at_ == At::Length ? At::End : At::DataCr;
      return piece;
    }
    if (const auto ok = step(input[piece.used++]); !ok) return refuse(ok.error());
  }
  return piece;
}

// One octet of what surrounds the data of chunks (RFC 9112 §7.1).
Result<void, BodyError> BodyDecoder::step(char c) {
  const auto bad = refuse(BodyError::BadFraming);
  switch (at_) {
    case At::Size:
      if (const int digit = ascii::hex_value(c); digit >= 0) {
        if (++digits_ > most_size_digits) return bad;
        left_ = left_ * 16 + static_cast<unsigned>(digit);
        return {};
      }
      if (digits_ == 0) return bad;
      if (c == '\r') return at_ = At::SizeLf, Result<void, BodyError>{};
      if (c != ';') return bad;
      at_ = At::Extension, overhead_ = 0;
      return {};
    case At::Extension:  // ignored, as §7.1.1 asks
      if (c == '\r') return at_ = At::SizeLf, Result<void, BodyError>{};
      if (ascii::is_control(c) || ++overhead_ > longest_extension) return bad;
      return {};
    case At::SizeLf:
      if (c != '\n') return bad;
      at_ = left_ == 0 ? At::Trailer : At::Data;
      digits_ = 0, overhead_ = 0;
      return {};
    case At::DataCr:
      if (c != '\r') return bad;
      at_ = At::DataLf;
      return {};
    case At::DataLf:
      if (c != '\n') return bad;
      at_ = At::Size;
      return {};
    case At::Trailer:  // at the beginning of a line; trailers are dropped (§7.1.2)
      if (c == '\r') return at_ = At::EndLf, Result<void, BodyError>{};
      at_ = At::TrailerLine;
      [[fallthrough]];
    case At::TrailerLine:
      if (c == '\r') return at_ = At::TrailerLf, Result<void, BodyError>{};
      if (!is_value(c) || ++overhead_ > longest_trailers) return bad;
      return {};
    case At::TrailerLf:
      if (c != '\n') return bad;
      at_ = At::Trailer;
      return {};
    case At::EndLf:
      if (c != '\n') return bad;
      at_ = At::End;
      return {};
    default: return bad;
  }
}

}  // namespace postroad::http
