#include "mime/message.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/cursor.h"
#include "mime/lines.h"
#include "mime/tokens.h"

namespace postroad::mime {
namespace {

std::vector<std::string> languages(std::string_view value) {  // RFC 3282: a list of language tags
  std::vector<std::string> out;
  Cursor in(value);
  while (!in.at_end() && out.size() < parameter_limit) {
    skip_space_and_comments(in);
    const auto tag = in.take_while([](char c) { return !is_space(c) && c != ',' && c != '('; });
    if (!tag.empty()) out.emplace_back(tag);
    skip_space_and_comments(in);
    in.take(',');
  }
  return out;
}

// Content-Transfer-Encoding as IMAP shows it: its first word, upper case.
std::string encoding_name(std::string_view value) {
  Cursor in(value);
  skip_space_and_comments(in);
  std::string quoted;
  if (in.peek() == '"') take_quoted(in, quoted);
  const auto token =
      quoted.empty() ? in.take_while([](char c) { return !is_space(c) && c != ';' && c != '('; }) : quoted;
  return token.empty() ? "7BIT" : ascii::to_upper(token);
}

}  // namespace

std::string_view name_of(Anomaly anomaly) {
  constexpr std::array<std::string_view, 26> names{"header-ended-by-line",
                                                   "header-cut",
                                                   "leading-continuation",
                                                   "blank-before-colon",
                                                   "eight-bit-in-header",
                                                   "bad-utf8-in-header",
                                                   "nul-in-header",
                                                   "nul-in-body",
                                                   "bare-cr",
                                                   "bare-lf",
                                                   "long-line",
                                                   "repeated-originator",
                                                   "repeated-field",
                                                   "repeated-content-field",
                                                   "repeated-parameter",
                                                   "too-many-parameters",
                                                   "bad-content-type",
                                                   "bad-transfer-encoding",
                                                   "encoded-composite",
                                                   "missing-boundary",
                                                   "missing-delimiter",
                                                   "missing-close",
                                                   "ambiguous-delimiter",
                                                   "depth-cut"};
  const auto i = static_cast<std::size_t>(anomaly);
  return names[i];
}

Header Message::header(std::size_t part) const {
  const Kept& kept = kept_[part];
  return Header(std::string_view(headers_).substr(kept.start, kept.octets));
}

Content Message::content(std::size_t part) const {
  Content out;
  out.encoding = "7BIT";
  std::optional<MediaType> type;
  std::uint32_t seen = 0;
  for (const Field& field : header(part)) {
    const Known known = known_field(field.name);
    const std::uint32_t bit = std::uint32_t{1} << static_cast<unsigned>(known);
    if (known == Known::Other || (seen & bit)) continue;
    seen |= bit;
    switch (known) {
      case Known::ContentType: type = parse_media_type(field.value, parameter_limit_); break;
      case Known::ContentTransferEncoding: out.encoding = encoding_name(field.value); break;
      case Known::ContentDisposition:
        out.disposition = parse_disposition(field.value, parameter_limit_);
        break;
      case Known::ContentId: out.id = unfold(field.value); break;
      case Known::ContentDescription: out.description = unfold(field.value); break;
      case Known::ContentMd5: out.md5 = unfold(field.value); break;
      case Known::ContentLocation: out.location = unfold(field.value); break;
      case Known::ContentLanguage: out.languages = languages(field.value); break;
      default: break;
    }
  }
  const auto is_now = [&](std::string_view t, std::string_view s) {
    if (!type || !type->is(t, s)) type = MediaType{std::string(t), std::string(s), {}};
  };
  switch (kept_[part].treated) {
    case Treated::AsDeclared:
      // Its header was too long to keep, but the tree remembers what it was.
      if (!type)
        is_now(parts_[part].kind == Kind::Multipart ? "multipart" : "message",
               parts_[part].kind == Kind::Multipart ? "mixed" : "rfc822");
      break;
    case Treated::AsText: is_now("text", "plain"); break;
    case Treated::AsOctets: is_now("application", "octet-stream"); break;
    case Treated::AsMessage: is_now("message", "rfc822"); break;
  }
  out.type = std::move(*type);
  return out;
}

void Message::prepend(std::string_view fields) {
  if (fields.empty()) return;
  headers_.insert(0, fields);
  const std::uint64_t shift = fields.size();
  octets_ += shift;
  for (Part& part : parts_) part.header_start += shift, part.body_start += shift, part.body_end += shift;
  parts_[0].header_start = 0;
  for (Kept& kept : kept_) kept.start += static_cast<std::uint32_t>(shift);
  kept_[0].start = 0;
  kept_[0].octets += static_cast<std::uint32_t>(shift);
}

}  // namespace postroad::mime
