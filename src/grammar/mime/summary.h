// What a list of messages shows and sorts by (RFC 5256, RFC 5957, RFC 8970).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mime/fields.h"
#include "mime/message.h"

namespace postroad::mime {

// The first entry of an address field as ENVELOPE has it: a group stands by its name, in `local_part` with an
// empty domain.
struct Correspondent {
  std::string name;  // decoded
  std::string local_part;
  std::string domain;
  // What SORT=DISPLAY sorts by (RFC 5957 §3): the name, else the address.
  std::string shown() const;
  bool operator==(const Correspondent&) const = default;
};

struct Summary {
  std::string subject;                             // decoded, runs of blanks one space; at most 1,000 octets
  std::uint16_t base_offset = 0, base_octets = 0;  // the base subject lies in `subject` (RFC 5256 §2.1)
  bool reply_or_forward = false;
  Correspondent from, to, cc;
  std::optional<Date> date;             // nothing: take the internal date (RFC 5256 §2.2)
  std::string message_id;               // without brackets
  std::vector<std::string> references;  // oldest first, else In-Reply-To's first (RFC 5256 §3, REFERENCES)
  std::string
      preview;  // at most 200 characters of the first text part, runs of blanks one space (RFC 8970 §3.3)
  std::uint32_t attachments = 0;

  std::string_view base_subject() const { return std::string_view(subject).substr(base_offset, base_octets); }
  bool operator==(const Summary&) const = default;
};

Summary summarize(const Message& message);

// RFC 5256 §2.1. `subject` is decoded (decode_text); the result lies inside the collapsed text.
struct BaseSubject {
  std::string collapsed;
  std::size_t offset = 0, octets = 0;
  bool reply_or_forward = false;
  std::string_view text() const { return std::string_view(collapsed).substr(offset, octets); }
};
BaseSubject base_subject(std::string_view subject);

}  // namespace postroad::mime
