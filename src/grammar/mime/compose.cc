// Bodies of our own: each part with the fields that describe it, in the lightest transfer encoding that
// carries it.
#include "mime/compose.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/utf8.h"
#include "mime/content.h"
#include "mime/transfer.h"

namespace postroad::mime {
namespace {

constexpr std::size_t deepest = 10;
constexpr std::size_t line_most = 998;

bool is_token(std::string_view text) {  // RFC 2045 §5.1
  return !text.empty() && text.size() <= 76 && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < '\x7f' &&
           std::string_view("()<>@,;:\\\"/[]?=*'%").find(c) == std::string_view::npos;
  });
}

// CRLF, CR and LF alike become CRLF.
std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    if (text[i] == '\r' || text[i] == '\n')
      out += "\r\n";
    else
      out.push_back(text[i]);
  }
  return out;
}

struct Look {
  std::size_t eight_bit = 0;
  bool nul = false, long_line = false;
};
Look look_at(std::string_view text) {
  Look look;
  std::size_t line = 0;
  for (char c : text) {
    line = c == '\n' ? 0 : line + 1;
    look.long_line |= line > line_most + 1;  // with its CR
    look.eight_bit += ascii::is_8bit(c);
    look.nul |= c == '\0';
  }
  return look;
}

class Composer {
 public:
  explicit Composer(Random& random) : random_(random) {}

  // Appends a part: its fields, an empty line, its body.
  HeaderWriter::Outcome part(const OutPart& part, std::size_t depth, std::string& out) {
    if (depth > deepest) return refuse(ComposeError::TooDeep);
    if (!is_token(part.type) || !is_token(part.subtype)) return refuse(ComposeError::BadToken);
    const bool multipart = ascii::iequals(part.type, "multipart");
    if (multipart != !part.parts.empty() || (multipart && !part.body.empty()))
      return refuse(ComposeError::BodyAndParts);
    return multipart ? many(part, depth, out) : single(part, out);
  }

 private:
  HeaderWriter::Outcome many(const OutPart& part, std::size_t depth, std::string& out) {
    // "=_" never occurs in quoted-printable or base64 (RFC 2045 §6.7), and nobody can guess the rest.
    const std::string boundary = fmt::format("=_{}{}", base32(random_.u64()), base32(random_.u64()));
    auto fields = describe_part(part, part.type, part.subtype, boundary, "");
    if (!fields) return refuse(fields.error());
    out += *fields + "\r\n";
    for (const OutPart& inner : part.parts) {
      out += fmt::format("--{}\r\n", boundary);
      if (auto done = this->part(inner, depth + 1, out); !done) return done;
      out += "\r\n";
    }
    out += fmt::format("--{}--\r\n", boundary);
    return {};
  }

  HeaderWriter::Outcome single(const OutPart& part, std::string& out) {
    std::string type = part.type, subtype = part.subtype, encoding, body;
    if (ascii::iequals(type, "text")) {
      if (!utf8::valid(part.body)) return refuse(ComposeError::BadUtf8);
      body = with_crlf(part.body);
      const Look look = look_at(body);
      if (look.eight_bit * 3 > body.size()) {
        encoding = "base64";
        body = encode_base64(body);
      } else if (look.eight_bit > 0 || look.nul || look.long_line) {
        encoding = "quoted-printable";
        body = encode_quoted_printable(body);
      }
    } else if (ascii::iequals(type, "message")) {
      body = with_crlf(part.body);
      const Look look = look_at(body);
      if (look.nul || look.long_line) {  // RFC 2046 §5.2.1 forbids to encode a message
        type = "application", subtype = "octet-stream";
        encoding = "base64";
        body = encode_base64(part.body);
      } else if (look.eight_bit > 0) {
        encoding = "8bit";
      }
    } else {
      encoding = "base64";
      body = encode_base64(part.body);
    }
    auto fields = describe_part(part, type, subtype, "", encoding);
    if (!fields) return refuse(fields.error());
    out += *fields + "\r\n" + body;
    return {};
  }

  static Result<std::string, ComposeError> describe_part(const OutPart& part, std::string_view type,
                                                         std::string_view subtype, std::string_view boundary,
                                                         std::string_view encoding) {
    HeaderWriter fields;
    std::string value = fmt::format("{}/{}", type, subtype);
    const auto add = [&](std::string_view name, std::string_view utf8) -> HeaderWriter::Outcome {
      if (!is_token(name)) return refuse(ComposeError::BadToken);
      // The checks of a text field are the checks of a parameter.
      if (auto checked = HeaderWriter().text("X", utf8); !checked) return checked;
      const auto pieces = encode_parameter(name, utf8);
      // More than a reader reads: the rest would silently be lost on the way.
      if (pieces.size() > parameter_limit / 4) return refuse(ComposeError::TooLong);
      for (const std::string& piece : pieces) value += "; " + piece;
      return {};
    };
    HeaderWriter::Outcome done;
    if (ascii::iequals(type, "text")) done = add("charset", "utf-8");
    for (const auto& [name, utf8] : part.parameters)
      if (done && !ascii::iequals(name, "charset") && !ascii::iequals(name, "boundary"))
        done = add(name, utf8);
    if (done && !boundary.empty()) value += fmt::format("; boundary=\"{}\"", boundary);
    if (done) done = fields.structured("Content-Type", value);
    if (done && !encoding.empty()) done = fields.structured("Content-Transfer-Encoding", encoding);
    if (done && (!part.disposition.empty() || !part.file_name.empty())) {
      value = part.disposition.empty() ? "attachment" : part.disposition;
      if (!is_token(value)) return refuse(ComposeError::BadToken);
      if (!part.file_name.empty()) done = add("filename", part.file_name);
      if (done) done = fields.structured("Content-Disposition", value);
    }
    if (done && !part.content_id.empty()) done = fields.ids("Content-ID", std::span(&part.content_id, 1));
    if (done && !part.description.empty()) done = fields.text("Content-Description", part.description);
    if (!done) return refuse(done.error());
    return fields.octets();
  }

  Random& random_;
};

}  // namespace

Result<std::string, ComposeError> compose(const HeaderWriter& header, const OutPart& body, Random& random) {
  std::string out = header.octets() + "MIME-Version: 1.0\r\n";
  if (auto done = Composer(random).part(body, 1, out); !done) return refuse(done.error());
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out;
}

}  // namespace postroad::mime
