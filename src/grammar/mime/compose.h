// Messages of our own making: reports, campaigns, the API's letters.
//
// What is composed is well-formed for every input or refused: no value brings a CR, LF, NUL or another
// control character, U+2028 or U+2029 into a header (durability.md, attacks 96 and 97); text outside ASCII is
// encoded (RFC 2047, RFC 2231), lines are folded at 78 and never longer than 998 octets (RFC 5322 §2.1.1),
// and a body gets the lightest transfer encoding that carries it, so that the message is seven-bit but for an
// attached message that is not and addresses that need SMTPUTF8.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "mail/address.h"

namespace postroad::mime {

enum class ComposeError {
  BadFieldName,      // not 1*ftext (RFC 5322 §3.6.8), or longer than 76 octets
  ControlCharacter,  // CR, LF, NUL, another control character, U+2028 or U+2029 in a value
  NotAscii,          // in a value that has no encoding for other characters
  BadUtf8,
  BadToken,      // a media type, parameter name or identifier with characters it cannot have
  TooLong,       // a word that cannot be folded below 998 octets, a file name of more than 1,500
  TooDeep,       // parts nested more than ten deep
  BodyAndParts,  // a part with octets and parts of its own, or a multipart without parts
};
std::string_view describe(ComposeError error);  // what is wrong and what to do, as a clause

// Exactly an addr-spec and the name people see, UTF-8 or empty.
struct NamedAddress {
  std::string name;
  Address address;
};

// A header, field by field in the order of the calls. A call that is refused adds nothing.
class HeaderWriter {
 public:
  using Outcome = Result<void, ComposeError>;
  Outcome text(std::string_view name, std::string_view utf8);  // unstructured: Subject, Comments, X-...
  Outcome addresses(std::string_view name, std::span<const NamedAddress> list);
  Outcome date(std::string_view name, Time utc, int zone_minutes = 0);
  Outcome ids(std::string_view name, std::span<const std::string> without_brackets);
  Outcome structured(std::string_view name, std::string_view ascii);  // as it is, folded at its blanks
  const std::string& octets() const { return out_; }                  // lines with CRLF, no empty line

 private:
  Outcome add(std::string_view name, std::string_view value);
  std::string out_;
};

// One part. With `parts` it is type "multipart", and `body` is empty.
struct OutPart {
  std::string type = "text", subtype = "plain";
  std::vector<std::pair<std::string, std::string>>
      parameters{};           // values UTF-8; text/* gets charset=utf-8 by itself
  std::string disposition{};  // "", "inline", "attachment"
  std::string file_name{};    // UTF-8
  std::string content_id{};   // without brackets
  std::string description{};  // UTF-8
  // Octets. text/*: UTF-8 with line ends of any kind, which become CRLF. message/*: CRLF as well; one that
  // even 8bit cannot carry (NUL, lines over 998 octets) travels as application/octet-stream.
  std::string body{};
  std::vector<OutPart> parts{};
};

// The whole message: `header`, MIME-Version, the fields of `body`, an empty line, `body`. CRLF throughout.
Result<std::string, ComposeError> compose(const HeaderWriter& header, const OutPart& body, Random& random);

// `utf8` as encoded words separated by blanks, each at most 75 octets and of whole characters (RFC 2047 §2,
// §5); or as it is, if it is ASCII and cannot be taken for one. In a phrase the safe letters of §5 (3) are
// used everywhere.
std::string encode_words(std::string_view utf8);

// ";"-separated pieces for a Content- field: token, quoted string, or RFC 2231's extended and continued
// forms.
std::vector<std::string> encode_parameter(std::string_view name, std::string_view utf8);

// "Name: value" with CRLF put before blanks so that lines have 78 octets where they can; nothing is ever put
// before a blank that only blanks follow. Without a line end at its end.
std::string fold(std::string_view field);

}  // namespace postroad::mime
