// How blobs lie in a segment file. Pure functions; docs/reference/store.md shows the layout to people.
//
//   segment = header (64 octets), records, each beginning at a multiple of 8
//   record  = header (48 octets), body, sums of its blocks of 64 KiB if there is more than one, padding
//
// Header checksums are keyed with the segment's salt and the record's place. A body is a stranger's octets
// and may hold what looks like a record; without the salt it cannot look like one of this segment, so that a
// scan finds our records only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "store/types.h"

namespace postroad::store {

inline constexpr std::size_t segment_header_octets = 64;
inline constexpr std::size_t record_header_octets = 48;
inline constexpr std::size_t block_octets = 64 * 1024;

struct SegmentHeader {
  std::string store;  // 16 octets: whose segment this is
  std::uint32_t number = 0;
  std::uint64_t salt = 0;
  std::int64_t created = 0;  // seconds
};
std::string print(const SegmentHeader& header);
std::optional<SegmentHeader> parse_segment_header(std::string_view octets);

struct RecordHeader {
  BlobId blob{};
  std::uint64_t octets = 0;
  std::uint64_t checksum = 0;  // of the body; of the sums of its blocks if there is more than one
  std::int64_t created = 0;    // microseconds
};
using RecordHeaderOctets = std::array<char, record_header_octets>;
RecordHeaderOctets print(const RecordHeader& header, std::uint64_t salt, std::uint64_t offset);
std::optional<RecordHeader> parse_record_header(std::string_view octets, std::uint64_t salt,
                                                std::uint64_t offset);

constexpr std::uint64_t block_count(std::uint64_t octets) {
  return (octets + block_octets - 1) / block_octets;
}
constexpr std::uint64_t sums_octets(std::uint64_t octets) {
  return octets > block_octets ? 8 * block_count(octets) : 0;
}
// Of the whole record with its padding.
constexpr std::uint64_t record_octets(std::uint64_t octets) {
  return (record_header_octets + octets + sums_octets(octets) + 7) / 8 * 8;
}

}  // namespace postroad::store
