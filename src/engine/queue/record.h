// What the queue keeps on disk, as octets. Fixed layout; a version octet, fields only added at the end. Pure.
//
// Keys of a queue shard {Queue, 0..63}:
//   "m" id(8 BE)              Message: envelope, content, origin; until its last entry is settled
//   "e" id(8 BE) number(2 BE) Entry: recipients that go the same way, and how far they are
// The content's blob is referred to by the message's key.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "queue/queue.h"

namespace postroad::queue {

struct Message {
  QueueId id;
  Time accepted{};
  TenantId tenant{};  // whose mail it is: of the signed-in sender, else of the first local recipient
  Envelope envelope;  // without its recipients: those are in the entries
  Content content;
  Origin origin;
  bool report = false;
};

// One recipient on its way.
struct Step {
  Recipient given;       // as the envelope has it: reports name this one
  AccountId account{};   // local: into this account; 0: to `address` by SMTP
  Address address;       // where it goes, after aliases
  std::string detail{};  // of a subaddress, for the filter
};

// An entry's record stays below the store's limit for values: more recipients make more entries.
inline constexpr std::size_t most_entry_octets = 32 * 1024;

struct Entry {
  QueueId id;
  std::uint16_t number = 0;
  std::string domain;  // of the remote recipients; empty: local
  std::vector<Step> steps;
  std::uint32_t attempts = 0;
  Time due{};
  bool delay_told = false;   // a delay report has gone
  std::string last_reply{};  // of the last attempt, for reports and `queue list`
  std::string last_host{};
};

std::string message_key(QueueId id);
std::string entry_key(QueueId id, std::uint16_t number);
std::optional<std::pair<QueueId, std::uint16_t>> read_entry_key(std::string_view key);

std::string encode(const Message& message);
std::string encode(const Entry& entry);
// Nothing: damaged or of a later release.
std::optional<Message> read_message(std::string_view octets);
std::optional<Entry> read_entry(std::string_view key, std::string_view octets);

}  // namespace postroad::queue
