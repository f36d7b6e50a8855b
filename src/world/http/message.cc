#include "http/message.h"

#include <array>
#include <utility>

#include "base/ascii.h"
#include "base/utf8.h"

namespace postroad::http {

namespace {
constexpr std::array<std::string_view, 7> method_names{"GET",   "HEAD",   "POST",   "PUT",
                                                       "PATCH", "DELETE", "OPTIONS"};
constexpr bool is_unreserved(char c) {
  return ascii::is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}
}  // namespace

std::string_view to_text(Method method) { return method_names[static_cast<std::size_t>(method)]; }

std::optional<Method> parse_method(std::string_view text) {
  for (std::size_t i = 0; i < method_names.size(); ++i)
    if (method_names[i] == text) return static_cast<Method>(i);
  return std::nullopt;
}

std::string_view Headers::get(std::string_view name) const {
  for (const Field& field : fields_)
    if (ascii::iequals(field.name, name)) return field.value;
  return {};
}

std::size_t Headers::count(std::string_view name) const {
  std::size_t n = 0;
  for (const Field& field : fields_) n += ascii::iequals(field.name, name);
  return n;
}

std::string_view describe(BodyError error) {
  switch (error) {
    case BodyError::BadFraming: return "the body's framing is broken";
    case BodyError::TooLarge: return "the body is too large";
    case BodyError::Cut: return "the body ended early";
  }
  return {};
}

net::task<Result<std::string, BodyError>> Body::read_all(std::size_t limit) {
  std::string all;
  for (;;) {
    const auto piece = co_await read();
    if (!piece) co_return refuse(piece.error());
    if (piece->empty()) co_return all;
    if (piece->size() > limit - all.size()) co_return refuse(BodyError::TooLarge);
    all += *piece;
  }
}

net::task<Result<std::string_view, BodyError>> TextBody::read() {
  if (std::exchange(given_, true)) co_return std::string_view{};
  co_return std::string_view(text_);
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = ascii::hex_value(text[i + 1]), low = ascii::hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (ascii::is_control(c)) return std::nullopt;
    out += c;
  }
  if (!utf8::valid(out)) return std::nullopt;
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      const auto octet = static_cast<unsigned char>(c);
      out += '%', out += digits[octet >> 4], out += digits[octet & 15];
    }
  }
  return out;
}

std::optional<std::vector<Headers::Field>> parse_query(std::string_view query) {
  std::vector<Headers::Field> out;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    std::string pair(query.substr(0, end));
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    for (char& c : pair)
      if (c == '+') c = ' ';
    const auto equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decode(std::string_view(pair).substr(0, equals));
    const auto value = percent_decode(equals == pair.size() ? std::string_view{}
                                                            : std::string_view(pair).substr(equals + 1));
    if (!name || !value) return std::nullopt;
    out.push_back({*name, *value});
  }
  return out;
}

}  // namespace postroad::http
