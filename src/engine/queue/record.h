// What the queue keeps on disk, as octets. Fixed layout; a version octet, fields only added at the end. Pure.
//
// Keys of a queue shard {Queue, 0..63}, numbers big-endian:
//   "m" id(8)                  Message: envelope, content, origin; until its last entry is settled
//   "e" due(8) id(8) number(2) Entry: recipients that go the same way, and how far they are
//   "i" id(8) number(2)        due(8) of an entry that was moved: until then it lies at first_due(message)
// So what is due next is found without an index in memory, and a message that is delivered at the first
// attempt costs two keys. The content's blob is referred to by the message's key.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
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
  std::uint16_t entries = 1;  // it was given when it came in
};

// When its entries were due first: at once, or when its sender wants it released (RFC 4865).
inline Time first_due(const Message& message) {
  return std::max(message.accepted, message.envelope.hold_until.value_or(message.accepted));
}

// One recipient on its way.
struct Step {
  Recipient given;       // as the envelope has it: reports name this one
  AccountId account{};   // local: into this account; 0: to `address` by SMTP
  Address address;       // where it goes, after aliases
  std::string detail{};  // of a subaddress, for the filter
};

// An entry's record stays below the store's limit for values: more recipients make more entries.
inline constexpr std::size_t most_entry_octets = 32 * 1024;

struct EntryName {
  QueueId id;
  std::uint16_t number = 0;
  friend auto operator<=>(const EntryName&, const EntryName&) = default;
};

// What decides whose turn it is; read without the rest.
struct Head {
  EntryName name;
  Time due{};       // its place on disk
  Time accepted{};  // of the message
  TenantId tenant{};
  std::uint32_t sender = 0;  // a hash: fairness needs no more
  std::uint32_t octets = 0;  // of the message, at most 4 GiB
  std::uint32_t attempts = 0;
  std::int8_t priority = 0;  // RFC 6710
  bool sole = false;         // the message's only entry
  bool delay_told = false;   // a delay report has gone
};
struct Entry {
  QueueId id;
  std::uint16_t number = 0;
  std::string domain;  // of the remote recipients; empty: local
  std::vector<Step> steps;
  Time accepted{};
  TenantId tenant{};
  std::uint32_t sender = 0;
  std::uint32_t octets = 0;
  std::int8_t priority = 0;
  bool sole = false;
  bool moved = false;  // it has an "i" key
  std::uint32_t attempts = 0;
  Time due{};
  bool delay_told = false;   // a delay report has gone
  std::string last_reply{};  // of the last attempt, for reports and `queue list`
  std::string last_host{};
};

inline EntryName name_of(const Entry& entry) { return {entry.id, entry.number}; }
Head head_of(const Entry& entry);
// Gives the entries of a message what they need to know of it.
void stamp(Message& message, std::vector<Entry>& entries);

std::string message_key(QueueId id);
std::string entry_key(Time due, EntryName name);
std::string moved_key(EntryName name);
// The first key of an entry that is due at `due`, and of an entry of that message.
std::string entries_from(Time due);
std::string entries_of(Time due, QueueId id);
std::string moved_of(QueueId id);
std::optional<std::pair<Time, EntryName>> read_entry_key(std::string_view key);
std::optional<EntryName> read_moved_key(std::string_view key);

std::string encode(const Message& message);
std::string encode(const Entry& entry);
std::string encode_due(Time due);
// Nothing: damaged or of a later release.
std::optional<Message> read_message(std::string_view octets);
std::optional<Entry> read_entry(std::string_view key, std::string_view octets);
// The head alone, and where it goes (a view into `octets`).
std::optional<std::pair<Head, std::string_view>> read_head(std::string_view key, std::string_view octets);
std::optional<Time> read_due(std::string_view octets);

}  // namespace postroad::queue

template <>
struct std::hash<postroad::queue::EntryName> {
  std::size_t operator()(const postroad::queue::EntryName& name) const noexcept {
    return static_cast<std::size_t>(
        (name.id.number() * 0x9e3779b97f4a7c15u + name.number) * 0x9e3779b97f4a7c15u >> 7);
  }
};
