// A block: some thousand events of one retention class and day, packed and compressed. Also where things lie
// in the store. Pure; not public.
//
// Keys of the Ledger partition 0:
//   "folded"                                                  u64: the last outbox number that is folded
//   "b" class(1) day(4 BE) number(8 BE)                       u64 blob, u32 events: the blocks
//   "c" hour(4 BE) tenant(4 BE) stream provider source        counters: (u16 type, varint events, varint
//   octets)*
// Keys of the same partition in the family "ledger.w<week>":
//   tag(1) hash(8) number(8 BE)                               u64 blob: in which block to look
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/ledger.h"

namespace postroad::ledger {

inline constexpr store::Partition home{store::Realm::Ledger, 0};
inline constexpr std::string_view cursor_key = "folded";
inline constexpr std::size_t most_in_block = 1024;

enum class Keep : std::uint8_t { History = 0, Refused = 1 };
inline Keep keep_of(Type type) { return type == Type::Refused ? Keep::Refused : Keep::History; }

inline std::uint32_t day_of(Time t) { return static_cast<std::uint32_t>(seconds(t) / 86'400); }
inline std::uint32_t hour_of(Time t) { return static_cast<std::uint32_t>(seconds(t) / 3'600); }
inline std::uint32_t week_of(Time t) { return day_of(t) / 7; }
std::string family_name(std::uint32_t week);
std::optional<std::uint32_t> week_of_family(std::string_view name);  // nothing: not one of ours

// Events as they come out of the outbox: each already encoded.
class BlockBuilder {
 public:
  void add(std::string_view encoded);
  std::size_t events() const { return count_; }
  std::string finish() const;  // compressed

 private:
  std::string octets_;
  std::uint32_t count_ = 0;
};
// Nothing if these octets are not a block.
std::optional<std::vector<Event>> read_block(std::string_view block);

std::string block_key(Keep keep, std::uint32_t day, std::uint64_t number);
std::string block_value(store::BlobId blob, std::uint32_t events);
struct BlockEntry {
  std::uint32_t day = 0;
  store::BlobId blob{};
  std::uint32_t events = 0;
};
std::optional<BlockEntry> read_block_entry(std::string_view key, std::string_view value);

std::string counter_key(const CounterKey& key);
std::optional<CounterKey> read_counter_key(std::string_view key);
std::string counter_value(const Counts& counts);
Counts read_counter_value(std::string_view value);
// What one event adds.
CounterKey counter_of(const Event& event);
void count(Counts& counts, const Event& event);

// The index prefixes under which an event is found: tag and hash. One may come twice.
void each_index_prefix(const Event& event, const std::function<void(std::string)>& take);
std::string prefix_of(QueueId id);
std::string prefix_of_message_id(std::string_view id);
std::string prefix_of_recipient(const Address& address);
std::string prefix_of_sender(const Address& address);
bool matches(const Query& query, const Event& event);

}  // namespace postroad::ledger
