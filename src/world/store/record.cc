#include "store/record.h"

#include <cstring>

#include "base/bytes.h"
#include "crypto/checksum.h"

namespace postroad::store {
namespace {

constexpr std::string_view segment_magic = "PRSEGM1\n";
constexpr std::uint32_t record_magic = 0x31425250;  // "PRB1"

// The checksum of `octets`, which nobody who lacks the salt can make.
std::uint64_t keyed(std::string_view octets, std::uint64_t salt, std::uint64_t offset) {
  std::string keyed_octets;
  Writer(keyed_octets).u64(salt).u64(offset).raw(octets);
  return crypto::xxh3(keyed_octets);
}

}  // namespace

std::string print(const SegmentHeader& header) {
  std::string out;
  Writer w(out);
  w.raw(segment_magic)
      .raw(header.store)
      .u32(header.number)
      .u32(1)
      .u64(header.salt)
      .i64(header.created)
      .u64(0);
  w.u64(crypto::xxh3(out));
  return out;
}

std::optional<SegmentHeader> parse_segment_header(std::string_view octets) {
  if (octets.size() < segment_header_octets) return std::nullopt;
  const auto covered = octets.substr(0, segment_header_octets - 8);
  Reader in(octets);
  if (in.raw(8) != segment_magic) return std::nullopt;
  SegmentHeader header{.store = std::string(in.raw(16))};
  header.number = in.u32();
  const std::uint32_t version = in.u32();
  header.salt = in.u64();
  header.created = in.i64();
  in.u64();
  if (in.u64() != crypto::xxh3(covered) || version != 1) return std::nullopt;
  return header;
}

RecordHeaderOctets print(const RecordHeader& header, std::uint64_t salt, std::uint64_t offset) {
  std::string out;
  out.reserve(record_header_octets);
  Writer w(out);
  w.u32(record_magic)
      .u32(0)
      .u64(header.blob.value())
      .u64(header.octets)
      .u64(header.checksum)
      .i64(header.created);
  w.u64(keyed(out, salt, offset));
  RecordHeaderOctets octets;
  std::memcpy(octets.data(), out.data(), octets.size());
  return octets;
}

std::optional<RecordHeader> parse_record_header(std::string_view octets, std::uint64_t salt,
                                                std::uint64_t offset) {
  if (octets.size() < record_header_octets) return std::nullopt;
  Reader in(octets);
  if (in.u32() != record_magic || in.u32() != 0) return std::nullopt;  // flags: none are known
  RecordHeader header{.blob = BlobId{in.u64()}};
  header.octets = in.u64();
  header.checksum = in.u64();
  header.created = in.i64();
  if (in.u64() != keyed(octets.substr(0, record_header_octets - 8), salt, offset)) return std::nullopt;
  return header;
}

}  // namespace postroad::store
