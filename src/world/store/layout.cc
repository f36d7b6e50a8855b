#include "store/layout.h"

#include <fmt/format.h>

#include "base/cursor.h"
#include "base/encoding.h"
#include "crypto/checksum.h"
#include "store/batch.h"

namespace postroad::store::layout {
namespace {

void put_big(char* at, std::uint64_t v) {
  for (int i = 0; i < 8; ++i) at[i] = static_cast<char>(v >> (56 - 8 * i));
}
void put_little(char* at, std::uint64_t v, int octets) {
  for (int i = 0; i < octets; ++i) at[i] = static_cast<char>(v >> (8 * i));
}

}  // namespace

Prefix::Prefix(Partition partition, char mark) {
  octets_[0] = static_cast<char>(partition.realm);
  put_big(octets_ + 1, partition.id);
  octets_[partition_octets] = mark;
}

std::optional<Partition> read_partition(std::string_view key) {
  Reader in(key);
  Partition partition{.realm = static_cast<Realm>(in.u8())};
  partition.id = in.u64_key();
  if (!in.ok()) return std::nullopt;
  return partition;
}

std::string blob_key(BlobId blob) {
  std::string key(8, '\0');
  put_big(key.data(), blob.value());
  return key;
}

std::optional<BlobId> read_blob_key(std::string_view key) {
  Reader in(key);
  const BlobId id{in.u64_key()};
  if (!in.ok()) return std::nullopt;
  return id;
}

std::string reference_key(BlobId blob, Partition partition, std::string_view by) {
  std::string key(8 + partition_octets, '\0');
  put_big(key.data(), blob.value());
  key[8] = static_cast<char>(partition.realm);
  put_big(key.data() + 9, partition.id);
  key.append(by);
  return key;
}

std::string op_key(Partition partition, std::string_view op) {
  std::string key(Prefix(partition, 0).partition());
  key.append(op);
  return key;
}

std::string segment_key(std::uint32_t number) {
  std::string key(segment_prefix);
  Writer(key).u32_key(number);
  return key;
}

std::string outbox_key(std::uint64_t number) { return blob_key(BlobId{number}); }

std::optional<std::uint64_t> read_outbox_key(std::string_view key) {
  const auto number = read_blob_key(key);
  return number ? std::optional(number->value()) : std::nullopt;
}

ValueHeader::ValueHeader(Version version, std::uint32_t checksum) {
  put_little(octets_, version.value(), 8);
  put_little(octets_ + 8, checksum, 4);
}

std::optional<StoredValue> read_value(std::string_view key, std::string_view record) {
  Reader in(record);
  const Version version{in.u64()};
  const std::uint32_t checksum = in.u32();
  if (!in.ok() || value_checksum(key, in.rest()) != checksum) return std::nullopt;
  return StoredValue{version, in.rest()};
}

std::string number_record(std::uint64_t number) {
  std::string record;
  Writer(record).u64(number);
  return record;
}

std::optional<std::uint64_t> read_number(std::string_view record) {
  Reader in(record);
  const std::uint64_t number = in.u64();
  if (!in.ok()) return std::nullopt;
  return number;
}

std::string location_record(const Location& location) {
  std::string record;
  record.reserve(20);
  Writer(record).varint(location.segment).varint(location.offset).varint(location.octets);
  return record;
}

std::optional<Location> read_location(std::string_view record) {
  Reader in(record);
  Location location{.segment = static_cast<std::uint32_t>(in.varint())};
  location.offset = in.varint();
  location.octets = in.varint();
  if (!in.ok()) return std::nullopt;
  return location;
}

std::string body_checksum(std::string_view octets) {
  std::string record;
  Writer(record).u64(crypto::xxh3(octets));
  return record;
}

std::optional<std::string_view> read_body(std::string_view record) {
  Reader in(record);
  const std::uint64_t checksum = in.u64();
  if (!in.ok() || crypto::xxh3(in.rest()) != checksum) return std::nullopt;
  return in.rest();
}

OutboxBundle::OutboxBundle() : record_(checksum_octets, '\0') {}

void OutboxBundle::add(Partition partition, std::string_view octets) {
  Writer(record_).raw(Prefix(partition, 0).partition()).string(octets);
}

std::string OutboxBundle::take() {
  std::string checksum;
  Writer(checksum).u32(value_checksum({}, std::string_view(record_).substr(checksum_octets)));
  record_.replace(0, checksum_octets, checksum);
  return std::exchange(record_, std::string(checksum_octets, '\0'));
}

std::optional<std::vector<OutboxRecord>> read_outbox(std::string_view record) {
  Reader in(record);
  const std::uint32_t checksum = in.u32();
  if (!in.ok() || value_checksum({}, in.rest()) != checksum) return std::nullopt;
  std::vector<OutboxRecord> found;
  while (!in.at_end()) {
    const auto partition = read_partition(in.raw(partition_octets));
    const auto octets = in.string();
    if (!in.ok() || !partition) return std::nullopt;
    found.push_back({*partition, octets});
  }
  return found;
}

std::string segment_record(const SegmentRow& row) {
  std::string record;
  Writer(record).u64(row.salt).u64(row.committed_end).u64(row.live_octets).i64(row.oldest_dead);
  return record;
}

std::optional<SegmentRow> read_segment(std::string_view record) {
  Reader in(record);
  SegmentRow row{.salt = in.u64()};
  row.committed_end = in.u64();
  row.live_octets = in.u64();
  row.oldest_dead = in.i64();
  if (!in.ok()) return std::nullopt;
  return row;
}

std::string print(const Superblock& superblock) {
  const std::string text = fmt::format(
      "postroad store\n"
      "epoch {}\n"
      "store {}\n"
      "restored {}\n"
      "features {}\n",
      superblock.epoch, hex(superblock.store), superblock.restored, superblock.features);
  return text + fmt::format("checksum {:016x}\n", crypto::xxh3(text));
}

Result<Superblock, SuperblockFault> parse_superblock(std::string_view text) {
  Superblock block;
  Cursor in(text);
  const auto not_ours = [](std::uint32_t line) {
    return refuse(SuperblockFault{SuperblockError::NotOurs, line});
  };
  const auto number = [&](std::uint32_t& into) {
    const auto n = in.take_number();
    if (!n || *n > UINT32_MAX || !in.take('\n')) return false;
    into = static_cast<std::uint32_t>(*n);
    return true;
  };
  if (!in.take("postroad store\n")) return not_ours(1);
  if (!in.take("epoch ") || !number(block.epoch) || block.epoch == 0) return not_ours(2);
  // A newer release may have changed every line below.
  if (block.epoch > epoch) return refuse(SuperblockFault{SuperblockError::Newer, 2});
  if (!in.take("store ")) return not_ours(3);
  const auto name = in.take_until('\n');
  const auto store = name ? from_hex(*name) : std::nullopt;
  if (!store || store->size() != 16 || !in.take('\n')) return not_ours(3);
  block.store = *store;
  if (!in.take("restored ") || !number(block.restored)) return not_ours(4);
  if (!in.take("features ")) return not_ours(5);
  const auto features = in.take_until('\n');
  if (!features || !in.take('\n')) return not_ours(5);
  const std::string_view covered = text.substr(0, text.size() - in.rest().size());
  if (in.rest() != fmt::format("checksum {:016x}\n", crypto::xxh3(covered))) return not_ours(6);
  if (!features->empty()) return refuse(SuperblockFault{SuperblockError::Newer, 5});
  return block;
}

}  // namespace postroad::store::layout
