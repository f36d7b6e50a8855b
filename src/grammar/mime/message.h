// A message as its parts: where each begins and ends, and what was odd about it.
//
// The octets themselves are elsewhere (a blob); only the header sections are kept here, as far as
// Limits::header allows. Offsets count from the message's first octet.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mime/content.h"
#include "mime/header.h"

namespace postroad::mime {

// What a policy may want to know (durability.md, attacks 30-45). Each says that it occurred at least once.
enum class Anomaly : std::uint8_t {
  HeaderEndedByLine,    // a line that is no field ended a header (attack 45)
  HeaderCut,            // a header was longer than what is kept of it (attack 34)
  LeadingContinuation,  // a header began with a blank
  BlankBeforeColon,     // "From : x"
  EightBitInHeader,     // octets above 127 that are valid UTF-8 (RFC 6532)
  BadUtf8InHeader,      // and that are not
  NulInHeader,
  NulInBody,
  BareCr,                // CR without LF
  BareLf,                // LF without CR
  LongLine,              // more than 998 octets (RFC 5322 §2.1.1)
  RepeatedOriginator,    // From, Sender, Reply-To or Date twice in one message's header (attack 33)
  RepeatedField,         // another field of which RFC 5322 §3.6 allows one
  RepeatedContentField,  // Content-Type, -Transfer-Encoding, -Disposition, -ID or MIME-Version twice in one
                         // header
  RepeatedParameter,     // two boundary=, or boundary= and boundary*0= (attack 32)
  TooManyParameters,
  BadContentType,
  BadTransferEncoding,  // none that RFC 2045 knows
  EncodedComposite,     // base64 or quoted-printable on a multipart or a message (RFC 2045 §6.4)
  MissingBoundary,      // a multipart without boundary parameter
  MissingDelimiter,     // its boundary never came
  MissingClose,         // a multipart without its closing delimiter
  AmbiguousDelimiter,   // a line only began with a boundary, or one boundary begins with another in force
                        // (attack 32)
  DepthCut,             // deeper than depth_limit: what lies there is one opaque part (attack 30)
  PartsCut,             // more than part_limit parts: the rest was not split (attack 31)
  MboxLine,             // an mbox separator in a header
};

class Anomalies {
 public:
  Anomalies() = default;
  explicit Anomalies(std::uint32_t bits) : bits_(bits) {}
  void set(Anomaly a) { bits_ |= std::uint32_t{1} << static_cast<unsigned>(a); }
  bool has(Anomaly a) const { return bits_ >> static_cast<unsigned>(a) & 1; }
  bool any() const { return bits_ != 0; }
  std::uint32_t bits() const { return bits_; }
  bool operator==(const Anomalies&) const = default;

 private:
  std::uint32_t bits_ = 0;
};
std::string_view name_of(Anomaly anomaly);  // "header-ended-by-line", for logs and policies

// Leaf: has no parts. Multipart: its parts are its children. Message: message/rfc822 or message/global, with
// one child, the message it carries, whose header begins where its body does.
enum class Kind : std::uint8_t { Leaf, Multipart, Message };

// How much of a leaf can be read as text.
enum class Reading : std::uint8_t { None, Plain, Html, OtherText };

struct Part {
  std::uint64_t header_start = 0;
  std::uint64_t body_start = 0;
  std::uint64_t body_end = 0;  // the line end before a delimiter belongs to the delimiter
  std::uint32_t lines = 0;     // LFs in the body
  std::uint32_t parent = 0;    // index; the root is its own
  std::uint32_t after = 1;     // index of the first part that is not inside this one
  std::uint8_t depth = 0;
  Kind kind = Kind::Leaf;
  TransferEncoding encoding = TransferEncoding::SevenBit;
  Reading reading = Reading::None;

  std::uint64_t body_octets() const { return body_end - body_start; }
  bool operator==(const Part&) const = default;
};

// All parts in the order of the message; [0] is the message itself. Never empty.
using Parts = std::vector<Part>;

class Message {
 public:
  const Parts& parts() const { return parts_; }
  std::uint64_t octets() const { return octets_; }

  // The header section of a part, as much of it as is kept; empty for a part that has none.
  Header header(std::size_t part = 0) const;

  // The Content- fields with their defaults filled in (RFC 2045 §5.2, RFC 2046 §5.1.5) and never
  // contradicting the tree: a part that could not be opened is no multipart and no message/rfc822 here, but
  // text/plain or application/octet-stream.
  Content content(std::size_t part) const;

  Anomalies anomalies() const { return anomalies_; }
  // What SMTP must know to send it on: RFC 6152, RFC 6531 §3.2, RFC 5322 §2.1.1.
  bool eight_bit_header() const {
    return anomalies_.has(Anomaly::EightBitInHeader) || anomalies_.has(Anomaly::BadUtf8InHeader);
  }
  bool eight_bit_body() const { return eight_bit_body_; }
  std::uint64_t longest_line() const { return longest_line_; }  // octets, without its end

  // The limits it was parsed with, for those who read its fields.
  std::size_t address_limit() const { return address_limit_; }
  std::size_t parameter_limit() const { return parameter_limit_; }

  // The first octets (at most 4 KiB, still encoded) of the part a preview is made of, and that part; 0 octets
  // if there is none.
  std::string_view preview_octets() const { return preview_; }
  std::size_t preview_part() const { return preview_part_; }

  // Puts whole header fields in front, as trace fields are: offsets move, nothing is parsed again.
  void prepend(std::string_view fields);

 private:
  friend class Parser;
  // Where a part's header lies in headers_, and what the parser decided about its type against the header's
  // word.
  enum class Treated : std::uint8_t { AsDeclared, AsText, AsOctets, AsMessage };
  struct Kept {
    std::uint32_t start = 0, octets = 0;
    Treated treated = Treated::AsDeclared;
  };
  Parts parts_;
  std::vector<Kept> kept_;  // one for each part
  std::string headers_;
  std::string preview_;
  std::size_t preview_part_ = 0;
  std::uint64_t octets_ = 0;
  std::uint64_t longest_line_ = 0;
  std::size_t address_limit_ = 0, parameter_limit_ = 0;
  bool eight_bit_body_ = false;
  Anomalies anomalies_;
};

}  // namespace postroad::mime
