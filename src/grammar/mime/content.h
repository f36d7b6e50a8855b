// What a part is: Content-Type and the other Content- fields (RFC 2045, 2183, 2231, 2557, 3282, 1864).
//
// At most `limit` parameters of a field are read (durability.md, attack 36). Of a parameter given twice the
// first counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mime/header.h"

namespace postroad::mime {

inline constexpr std::size_t parameter_limit = 100;

struct Parameter {
  std::string name;   // lower case, without RFC 2231's stars and numbers: continuations are joined
  std::string value;  // UTF-8 if it named a charset, else the octets as they are (encoded words too)
  // RFC 2231 §4: it named a charset or used %xx; `language` may still be empty.
  bool extended = false;
  std::string language{};

  bool operator==(const Parameter&) const = default;
};

struct Parameters {
  std::vector<Parameter> list;  // in the order of their first appearance
  bool repeated = false;        // a name was given twice, or plain and by RFC 2231 at once
  bool cut = false;             // there were more than were read

  const Parameter* get(std::string_view lower_case_name) const;
  const std::string* find(std::string_view lower_case_name) const;  // its value
};

struct MediaType {
  std::string type;     // lower case
  std::string subtype;  // lower case
  Parameters parameters;

  bool is(std::string_view t, std::string_view s) const { return type == t && subtype == s; }
};

// Nothing if there is no type to be seen. "text" alone is text/plain, "multipart" alone multipart/mixed.
std::optional<MediaType> parse_media_type(std::string_view value, std::size_t limit = parameter_limit);

struct Disposition {
  std::string kind;  // lower case: "inline", "attachment", or something new
  Parameters parameters;
};
std::optional<Disposition> parse_disposition(std::string_view value, std::size_t limit = parameter_limit);

// RFC 2045 §6. A name that is none of these is Unknown; uuencode is known under its four unregistered names.
enum class TransferEncoding : std::uint8_t {
  SevenBit,
  EightBit,
  Binary,
  QuotedPrintable,
  Base64,
  Uuencode,
  Unknown
};
TransferEncoding parse_transfer_encoding(std::string_view value);

// The Content- fields of one part, read from its header.
struct Content {
  MediaType type;                                             // as the tree has it: see Message::content()
  std::string encoding;                                       // upper case, "7BIT" when absent
  std::optional<std::string> id, description, md5, location;  // unfolded, nothing decoded
  std::optional<Disposition> disposition;
  std::vector<std::string> languages;
};

// The name a saved attachment should have: filename of the disposition, else name of the type; continuations
// joined, encoded words decoded. One name for filters, search and clients alike (attack 36). It may be
// hostile as a path: see safe_file_name().
std::optional<std::string> file_name(const Content& content);
// Without directories, control characters and a leading dot; never empty.
std::string safe_file_name(std::string_view name);

}  // namespace postroad::mime
