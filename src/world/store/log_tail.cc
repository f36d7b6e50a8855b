#include "store/log_tail.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.h"

namespace postroad::store {
namespace {

constexpr std::size_t log_block = 32 * 1024;
constexpr std::size_t fragment_header = 7;  // masked crc 4, length 2, type 1
enum Fragment : std::uint8_t { Zero = 0, Full = 1, First = 2, Middle = 3, Last = 4 };

// CRC-32C (Castagnoli), bit by bit in a table of 256.
constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = c & 1 ? (c >> 1) ^ 0x82f63b78u : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr auto crc_table = make_table();

std::uint32_t crc32c(std::string_view octets) {
  std::uint32_t c = ~0u;
  for (const char o : octets) c = crc_table[(c ^ static_cast<unsigned char>(o)) & 0xff] ^ (c >> 8);
  return ~c;
}

// As RocksDB stores it, lest a checksum of data with checksums in it be weak.
std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

struct Piece {
  std::uint8_t type = Zero;
  std::string_view payload;
};

// The fragment at the beginning of `rest` (of a block), if it is whole and good.
std::optional<Piece> good_fragment(std::string_view rest) {
  Reader in(rest);
  const std::uint32_t crc = in.u32();
  const std::uint16_t length = in.u16();
  const std::string_view covered = rest.substr(std::min<std::size_t>(rest.size(), 6));
  const std::uint8_t type = in.u8();
  const std::string_view payload = in.raw(length);
  if (!in.ok() || type < Full || type > Last) return std::nullopt;
  if (masked(crc32c(covered.substr(0, 1 + length))) != crc) return std::nullopt;
  return Piece{type, payload};
}

std::optional<std::uint64_t> sequence(const Piece& piece) {
  Reader in(piece.payload);
  const std::uint64_t number = in.u64();
  return in.ok() ? std::optional(number) : std::nullopt;
}

}  // namespace

Result<LogTail, disk::IoError> examine_log(disk::Disk& disk, const std::string& path, bool numbered) {
  const auto content = disk::read_file(disk, path, SIZE_MAX);
  if (!content) return refuse(content.error());
  const std::string_view log = *content;
  LogTail tail;
  std::uint64_t begin = 0;  // of the record that is being read
  std::uint64_t last_number = 0;
  std::uint64_t at = 0;
  while (at < log.size()) {
    const std::uint64_t block_end = std::min<std::uint64_t>(log.size(), (at / log_block + 1) * log_block);
    if (block_end - at < fragment_header) {  // filled with zeros, or cut off by the end
      at = block_end;
      continue;
    }
    const auto piece = good_fragment(log.substr(at, block_end - at));
    if (!piece) break;
    if (piece->type == Full || piece->type == First) {
      begin = at;
      last_number = sequence(*piece).value_or(last_number);
    }
    at += fragment_header + piece->payload.size();
    if (piece->type == Full || piece->type == Last) begin = at;
  }
  if (at >= log.size()) return tail;
  tail.damaged = true;
  tail.offset = begin;
  // Does any record begin further on? At any place, for nobody knows where the next would be. The octets of a
  // stranger's mail may look like one, but hardly with the number that comes next.
  for (std::uint64_t next = at + 1; next + fragment_header <= log.size() && !tail.promised; ++next) {
    const std::uint64_t block_end = std::min<std::uint64_t>(log.size(), (next / log_block + 1) * log_block);
    const auto piece = good_fragment(log.substr(next, block_end - next));
    if (!piece || (piece->type != Full && piece->type != First)) continue;
    const auto number = sequence(*piece);
    tail.promised = !numbered || (number && *number > last_number && *number - last_number < 1 << 20);
  }
  return tail;
}

Result<std::uint64_t, disk::IoError> read_log(disk::Disk& disk, const std::string& path,
                                              const std::function<void(std::string_view record)>& each) {
  const auto content = disk::read_file(disk, path, SIZE_MAX);
  if (!content) return refuse(content.error());
  const std::string_view log = *content;
  std::uint64_t damages = 0;
  bool lost = false;  // between damage and the next record that begins
  std::string record;
  for (std::uint64_t at = 0; at < log.size();) {
    const std::uint64_t block_end = std::min<std::uint64_t>(log.size(), (at / log_block + 1) * log_block);
    if (block_end - at < fragment_header) {
      at = block_end;
      continue;
    }
    const auto piece = good_fragment(log.substr(at, block_end - at));
    if (!piece) {
      damages += lost ? 0 : 1;
      lost = true;
      ++at;
      continue;
    }
    at += fragment_header + piece->payload.size();
    const bool begins = piece->type == Full || piece->type == First;
    if (begins) record.clear();
    lost = lost && !begins;
    if (lost) continue;
    record.append(piece->payload);
    if (piece->type == Full || piece->type == Last) each(record);
  }
  return damages;
}

}  // namespace postroad::store
