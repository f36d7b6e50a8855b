// What lies on disk: keys and records of the database, and the superblock. docs/reference/store.md tells the
// same to people. Everything here is a pure function.
//
//   column family   key                                            record
//   default, x:*    realm id 0                                     version of the partition
//                   realm id 1 key                                 version, checksum, value
//   refs            blob realm id by                               (empty)
//   blobs           blob                                           where its octets lie
//   bodies          blob                                           checksum, octets (small ones)
//   ops             realm id op                                    version of the commit
//   outbox          number                                         checksum, then realm, id, octets of each
//   engine          "next_blob" ... | "segment" number             counters, segment rows
//
// realm is one octet, id and blob eight octets big-endian, so that the order of keys is the order of numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "store/types.h"

namespace postroad::store::layout {

// --- Keys --------------------------------------------------------------------------------------------------

inline constexpr std::size_t partition_octets = 9;
inline constexpr char counter_mark = 0;
inline constexpr char key_mark = 1;

// realm id mark: the beginning of every key of a partition, made without allocating.
class Prefix {
 public:
  Prefix(Partition partition, char mark);
  std::string_view view() const { return {octets_, sizeof octets_}; }
  std::string_view partition() const { return {octets_, partition_octets}; }

 private:
  char octets_[partition_octets + 1];
};

std::optional<Partition> read_partition(std::string_view key);
std::string blob_key(BlobId blob);
std::optional<BlobId> read_blob_key(std::string_view key);
std::string reference_key(BlobId blob, Partition partition, std::string_view by);
std::string op_key(Partition partition, std::string_view op);
std::string segment_key(std::uint32_t number);
std::string outbox_key(std::uint64_t number);
std::optional<std::uint64_t> read_outbox_key(std::string_view key);
inline constexpr std::string_view segment_prefix = "segment";
inline constexpr std::string_view next_blob_key = "next_blob";
inline constexpr std::string_view lease_key = "lease";
inline constexpr std::string_view store_key = "store";
inline constexpr std::string_view next_outbox_key = "next_outbox";
inline constexpr std::string_view closed_key = "closed";
inline constexpr std::string_view dead_bodies_key = "dead_bodies";

// --- Records -----------------------------------------------------------------------------------------------

// version 8, checksum 4, value: little-endian.
inline constexpr std::size_t value_header = 12;
class ValueHeader {
 public:
  ValueHeader(Version version, std::uint32_t checksum);
  std::string_view view() const { return {octets_, sizeof octets_}; }

 private:
  char octets_[value_header];
};
struct StoredValue {
  Version version;
  std::string_view value;
};
// Nothing if the record is too short or `key` and value do not fit the checksum.
std::optional<StoredValue> read_value(std::string_view key, std::string_view record);

std::string number_record(std::uint64_t number);
std::optional<std::uint64_t> read_number(std::string_view record);

// Where a blob lies. Segment 0: in the family `bodies`.
struct Location {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;  // of the record's header
  std::uint64_t octets = 0;
  friend bool operator==(const Location&, const Location&) = default;
};
std::string location_record(const Location& location);
std::optional<Location> read_location(std::string_view record);

std::string body_checksum(std::string_view octets);  // 8 octets; a body's record is these and the octets
std::optional<std::string_view> read_body(std::string_view record);

// What the commits of a group emitted, as one record: a key for each would cost more than what it holds.
class OutboxBundle {
 public:
  static constexpr std::size_t full_octets = 64 * 1024;  // another one is begun

  OutboxBundle();
  void add(Partition partition, std::string_view octets);
  bool empty() const { return record_.size() <= checksum_octets; }
  bool full() const { return record_.size() >= full_octets; }
  std::string take();  // and begins anew

 private:
  static constexpr std::size_t checksum_octets = 4;
  std::string record_;
};
struct OutboxRecord {
  Partition partition;
  std::string_view octets;
};
// In their order; nothing if the record is damaged.
std::optional<std::vector<OutboxRecord>> read_outbox(std::string_view record);

struct SegmentRow {
  std::uint64_t salt = 0;           // as in the file's header
  std::uint64_t committed_end = 0;  // octets of the file that commits rely on
  std::uint64_t live_octets = 0;    // of records that are referred to, headers included
  std::int64_t oldest_dead = 0;     // when the first record of it died, in seconds; 0: none has
};
std::string segment_record(const SegmentRow& row);
std::optional<SegmentRow> read_segment(std::string_view record);

// --- The superblock, DATA/store/FORMAT: text, so that a person can read it ---------------------------------

// A release reads the epochs it knows and refuses newer ones (attack 125).
inline constexpr std::uint32_t epoch = 1;
struct Superblock {
  std::uint32_t epoch = layout::epoch;
  std::string store;  // 16 octets that name this store
  std::uint32_t restored = 0;
  std::string features;  // names of things an older release would not understand, comma between; none yet
};
std::string print(const Superblock& superblock);
enum class SuperblockError { NotOurs, Newer };
struct SuperblockFault {
  SuperblockError what;
  std::uint32_t line;
};
Result<Superblock, SuperblockFault> parse_superblock(std::string_view text);

}  // namespace postroad::store::layout
