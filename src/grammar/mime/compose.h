// Messages of our own making: reports, campaigns, the API's letters.
//
// What is composed is well-formed for every input or refused: no value brings a CR, LF, NUL or other control
// character, U+2028 or U+2029 into a header (durability.md, attacks 96 and 97), non-ASCII text is encoded
// (RFC 2047, RFC 2231), lines are folded at 78 and never longer than 998, bodies get the lightest transfer
// encoding that carries them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "mail/address.h"

namespace postroad::mime {

enum class ComposeError {
  BadFieldName,      // not 1*ftext (RFC 5322 §3.6.8)
  ControlCharacter,  // CR, LF, NUL, another control character, U+2028 or U+2029 in a value
  BadUtf8,
  BadToken,  // a media type, parameter name or encoding that is no token (RFC 2045 §5.1)
  TooLong,   // a word that cannot be folded below 998 octets
  TooDeep,   // parts nested more than 10 deep
};
std::string_view describe(ComposeError error);

struct NamedAddress {
  std::string name;  // UTF-8, may be empty
  Address address;
};

// Fields in the order they are added.
class HeaderWriter {
 public:
  using Outcome = Result<void, ComposeError>;
  Outcome text(std::string_view name, std::string_view utf8);  // unstructured: Subject, Comments, X-...
  Outcome addresses(std::string_view name, std::span<const NamedAddress> list);
  Outcome date(std::string_view name, Time utc, int zone_minutes = 0);
  Outcome ids(std::string_view name, std::span<const std::string> without_brackets);
  Outcome structured(std::string_view name, std::string_view ascii);  // as it is, folded at its blanks
  const std::string& text() const { return out_; }

 private:
  std::string out_;
};

// One part. With `parts` it is a multipart/`subtype` and `body` must be empty.
struct OutPart {
  std::string type = "text", subtype = "plain";
  std::vector<std::pair<std::string, std::string>>
      parameters;           // values UTF-8; charset=utf-8 is added to text
  std::string disposition;  // "", "inline", "attachment"
  std::string file_name;    // UTF-8
  std::string content_id;   // without brackets
  std::string description;
  std::string body;  // octets; of text/*: UTF-8 with any line ends
  std::vector<OutPart> parts;
};

// The whole message: `header`, MIME-Version and the body's fields, an empty line, the body. CRLF throughout.
// Seven-bit unless a message/rfc822 part is not.
Result<std::string, ComposeError> compose(const HeaderWriter& header, const OutPart& body, Random& random);

// The pieces of it, for who builds a header another way.
std::string encode_words(std::string_view utf8,
                         std::size_t first_line_octets);  // RFC 2047, each word at most 75 octets
std::string fold(std::string_view field);                 // "Name: value" without line end

}  // namespace postroad::mime
