// The records of an account that are met one at a time: the account, its mailboxes, and what is kept of a
// message beside its index entry. (Pages are in page.h, deltas in delta.h; keys.h says where each lies.)
//
// Each begins with its version. Fields are only added at the end: a reader leaves alone what it does not
// know.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mailbox/snapshot.h"
#include "store/types.h"

namespace postroad::mailbox {

// RFC 6154 §2, RFC 8457. A mailbox has one use at most, and a use one mailbox at most.
enum class SpecialUse : std::uint8_t { None, All, Archive, Drafts, Flagged, Junk, Sent, Trash, Important };

// What an account gives out next; none of it is ever given out twice.
struct AccountRecord {
  std::uint32_t next_mailbox = 1;
  std::uint32_t next_space = 1;
  UidValidity last_uid_validity{};  // rises strictly, so that no name ever meets an old value again
  std::uint32_t generation = 0;     // Store::restored_generation() when these were last raised (C15)
  friend bool operator==(const AccountRecord&, const AccountRecord&) = default;
};
std::string encode(const AccountRecord& record);
Result<AccountRecord, RecordError> decode_account(std::string_view record);

struct MailboxRecord {
  std::string name;  // UTF-8, "/" between the levels, "INBOX" in capitals
  UidValidity uid_validity{};
  std::uint32_t space = 0;  // of the Homes of messages born here
  SpecialUse use = SpecialUse::None;
  std::int64_t created = 0;         // seconds since 1970
  std::uint64_t octet_limit = 0;    // quota of this mailbox alone; 0: none
  std::uint64_t message_limit = 0;  // 0: none
  // Counts and keywords as after the commit `as_of`; deltas after it say the rest.
  ModSeq as_of{};
  Summary summary{};
  Keywords keywords;
  ModSeq vanished_from{};  // expunges after this one are known; those before only as "not there any more"
  std::uint32_t vanished_records = 0;  // that tell of them
  friend bool operator==(const MailboxRecord&, const MailboxRecord&) = default;
};
std::string encode(const MailboxRecord& record);
Result<MailboxRecord, RecordError> decode_mailbox(std::string_view record);

// Where the octets of a message are: prefix, then blob. They never change (C18).
struct Locator {
  std::string prefix;
  store::BlobId blob{};
  std::uint64_t blob_octets = 0;
  std::int64_t born = 0;       // seconds since 1970: when it came into the account
  std::uint64_t queue_id = 0;  // 0: it did not come through the queue
  std::uint8_t pieces = 1;     // keys its structure takes (keys.h)
  std::uint64_t octets() const { return prefix.size() + blob_octets; }
  friend bool operator==(const Locator&, const Locator&) = default;
};
std::string encode(const Locator& locator);
Result<Locator, RecordError> decode_locator(std::string_view record);

// The header fields that clients ask for when they list messages, as they stand in the message, so that FETCH
// BODY[HEADER.FIELDS (...)] of a hundred thousand messages opens none of them.
class HeaderFields {
 public:
  // From a message's header section. `complete`: all of the header is there.
  static std::string encode(std::string_view header, bool complete);
  // Is every one of these fields kept whenever a message has it? (names without case)
  static bool keeps(std::span<const std::string_view> names);
  // The record's fields, each with its line end; nothing if this message's could not be kept: too large, or
  // the header was cut.
  static Result<std::optional<std::string_view>, RecordError> decode(std::string_view record);
};

// Expunged entries on their way to be purged.
struct Limbo {
  MailboxId mailbox{};
  std::int64_t at = 0;  // seconds since 1970: when they were expunged
  bool erase = false;   // no undelete window: purge at the first opportunity
  std::vector<Entry> entries;
  friend bool operator==(const Limbo&, const Limbo&) = default;
};
std::string encode(const Limbo& limbo);
Result<Limbo, RecordError> decode_limbo(std::string_view record);

// A deleted mailbox. Its pages are as they were.
struct Grave {
  std::int64_t at = 0;  // seconds since 1970: when it was deleted
  MailboxRecord mailbox;
  friend bool operator==(const Grave&, const Grave&) = default;
};
std::string encode(const Grave& grave);
Result<Grave, RecordError> decode_grave(std::string_view record);

}  // namespace postroad::mailbox
