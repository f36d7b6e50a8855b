// What FETCH asks of each message (RFC 9051 §6.4.5), ready for a loop over 100,000 of them.
//
// Attributes without arguments are bits of one word; those with a section stand in a list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imap/sequence_set.h"

namespace postroad::imap {

enum class FetchItem : std::uint32_t {
  Flags = 1 << 0,
  Uid = 1 << 1,
  InternalDate = 1 << 2,
  Rfc822Size = 1 << 3,
  Envelope = 1 << 4,
  Body = 1 << 5,  // BODYSTRUCTURE without extension data
  BodyStructure = 1 << 6,
  ModSeq = 1 << 7,        // RFC 7162 §3.1.4.2
  EmailId = 1 << 8,       // RFC 8474 §5.1
  ThreadId = 1 << 9,      // RFC 8474 §5.2
  SaveDate = 1 << 10,     // RFC 8514 §4.2
  Preview = 1 << 11,      // RFC 8970
  PreviewLazy = 1 << 12,  // with Preview: only if it costs nothing (RFC 8970 §3.2)
};

enum class SectionText : std::uint8_t { Everything, Header, HeaderFields, HeaderFieldsNot, Text, Mime };

// "1.2.HEADER.FIELDS (From To)"; nothing at all is the whole message.
struct Section {
  std::vector<std::uint32_t> part{};  // from the outside in; at most 100 levels are read
  SectionText text = SectionText::Everything;
  std::vector<std::string> fields{};  // header field names as written
  friend bool operator==(const Section&, const Section&) = default;
};

// <offset.count>: octets counted from 0; both below 2^63, count above 0.
struct Partial {
  std::uint64_t offset = 0;
  std::uint64_t count = 0;
  friend bool operator==(const Partial&, const Partial&) = default;
};

struct BodyAttribute {
  // Body: BODY[...]. Binary, BinarySize: RFC 9051 §6.4.5 (RFC 3516). The last three are rev1's names for
  // BODY[], BODY.PEEK[HEADER] and BODY[TEXT]; `section` and `peek` say so, and the answer uses their name.
  enum class Kind : std::uint8_t { Body, Binary, BinarySize, Rfc822, Rfc822Header, Rfc822Text };
  Kind kind = Kind::Body;
  bool peek = false;  // does not set \Seen
  Section section{};
  std::optional<Partial> partial{};
  friend bool operator==(const BodyAttribute&, const BodyAttribute&) = default;
};

struct Fetch {
  bool uid = false;  // UID FETCH: `set` holds UIDs, and the answers always include UID
  SequenceSet set{};
  std::uint32_t items = 0;  // FetchItem bits
  std::vector<BodyAttribute> bodies{};
  std::optional<std::uint64_t> changed_since{};  // RFC 7162 §3.1.4.1; implies MODSEQ, whose bit is then set
  bool vanished = false;                         // RFC 7162 §3.2.6: only with UID and changed_since
  bool wants(FetchItem item) const { return items & static_cast<std::uint32_t>(item); }
  friend bool operator==(const Fetch&, const Fetch&) = default;
};

}  // namespace postroad::imap
