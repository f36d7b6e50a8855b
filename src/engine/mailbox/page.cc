#include "mailbox/page.h"

#include <array>

#include "base/bytes.h"

namespace postroad::mailbox {

namespace {

constexpr std::uint8_t page_version = 1;
// A record never holds more; a damaged count must not make us allocate.
constexpr std::uint64_t most_entries = 4096;
// Fewer entries than this are plain: the octet that says how a column lies would cost more than it saves.
constexpr std::size_t few = 4;

constexpr std::uint64_t zigzag(std::int64_t v) {
  return static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1 ^ (~(v & 1) + 1));
}

// What stands in the columns: numbers that repeat or stay small for mail that came in order. Differences
// wrap around, so every entry survives the way there and back.
constexpr std::size_t column_count = 9;
using Row = std::array<std::uint64_t, column_count>;

std::uint64_t difference(std::uint64_t now, std::uint64_t before) {
  return zigzag(static_cast<std::int64_t>(now - before));
}
std::uint64_t sum(std::uint64_t before, std::uint64_t coded) {
  return before + static_cast<std::uint64_t>(unzigzag(coded));
}

Row to_row(const Entry& e, const Entry& before) {
  const auto date = static_cast<std::uint64_t>(e.internal_date);
  const auto offset = [](const Entry& x) { return static_cast<std::uint64_t>(x.uid.value()) - x.home.uid; };
  return {e.uid.value() - before.uid.value(),
          e.flags,
          e.octets,
          difference(e.modseq.value(), before.modseq.value()),
          difference(date, static_cast<std::uint64_t>(before.internal_date)),
          difference(e.save_date, date),
          difference(e.home.space, before.home.space),
          difference(offset(e), offset(before)),
          e.keywords};
}

Entry to_entry(const Row& row, const Entry& before) {
  Entry e;
  e.uid = Uid{before.uid.value() + static_cast<std::uint32_t>(row[0])};
  e.flags = static_cast<std::uint8_t>(row[1]);
  e.octets = static_cast<std::uint32_t>(row[2]);
  e.modseq = ModSeq{sum(before.modseq.value(), row[3])};
  const std::uint64_t date = sum(static_cast<std::uint64_t>(before.internal_date), row[4]);
  e.internal_date = static_cast<std::int64_t>(date);
  e.save_date = static_cast<std::uint32_t>(sum(date, row[5]));
  e.home.space = static_cast<std::uint32_t>(sum(before.home.space, row[6]));
  const std::uint64_t offset = sum(static_cast<std::uint64_t>(before.uid.value()) - before.home.uid, row[7]);
  e.home.uid = static_cast<std::uint32_t>(e.uid.value() - offset);
  e.keywords = row[8];
  return e;
}

enum Layout : std::uint8_t { Plain, Runs };

void encode_column(Writer& out, std::span<const Row> rows, std::size_t column) {
  if (rows.size() >= few) {
    std::size_t runs = 1;
    for (std::size_t i = 1; i < rows.size(); ++i) runs += rows[i][column] != rows[i - 1][column];
    if (runs * 2 < rows.size()) {
      out.u8(Runs);
      for (std::size_t i = 0, n; i < rows.size(); i += n) {
        for (n = 1; i + n < rows.size() && rows[i + n][column] == rows[i][column];) ++n;
        out.varint(rows[i][column]).varint(n);
      }
      return;
    }
    out.u8(Plain);
  }
  for (const Row& row : rows) out.varint(row[column]);
}

bool decode_column(Reader& in, std::span<Row> rows, std::size_t column) {
  const std::uint8_t layout = rows.size() >= few ? in.u8() : std::uint8_t{Plain};
  if (layout == Plain) {
    for (Row& row : rows) row[column] = in.varint();
    return in.ok();
  }
  if (layout != Runs) return false;
  for (std::size_t at = 0; at < rows.size();) {
    const std::uint64_t value = in.varint();
    const std::uint64_t n = in.varint();
    if (!in.ok() || n == 0 || n > rows.size() - at) return false;
    for (std::uint64_t i = 0; i < n; ++i) rows[at++][column] = value;
  }
  return true;
}

}  // namespace

void encode_entries(std::string& text, std::span<const Entry> entries) {
  std::vector<Row> rows;
  rows.reserve(entries.size());
  Entry before;
  for (const Entry& e : entries) rows.push_back(to_row(e, before)), before = e;
  Writer out(text);
  out.varint(entries.size());
  for (std::size_t column = 0; column < column_count; ++column) encode_column(out, rows, column);
}

Result<std::vector<Entry>, RecordError> decode_entries(std::string_view& text) {
  Reader in(text);
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > most_entries) return refuse(RecordError::Damaged);
  std::vector<Row> rows(count);
  for (std::size_t column = 0; column < column_count; ++column)
    if (!decode_column(in, rows, column)) return refuse(RecordError::Damaged);
  if (!in.ok()) return refuse(RecordError::Damaged);
  std::vector<Entry> entries;
  entries.reserve(count);
  Entry before;
  for (const Row& row : rows) {
    const Entry e = to_entry(row, before);
    if (row[0] == 0 || row[0] > UINT32_MAX - before.uid.value()) return refuse(RecordError::Damaged);
    entries.push_back(before = e);
  }
  text = in.rest();
  return entries;
}

std::string encode_page(ModSeq as_of, std::span<const Entry> entries) {
  std::string record;
  Writer(record).u8(page_version).varint(as_of.value());
  encode_entries(record, entries);
  return record;
}

Result<StoredPage, RecordError> decode_page(std::string_view record) {
  Reader in(record);
  const std::uint8_t version = in.u8();
  if (in.ok() && version > page_version) return refuse(RecordError::TooNew);
  StoredPage page{.as_of = ModSeq{in.varint()}, .entries = {}};
  if (!in.ok() || version == 0) return refuse(RecordError::Damaged);
  std::string_view rest = in.rest();
  auto entries = decode_entries(rest);
  if (!entries) return refuse(entries.error());
  if (!rest.empty()) return refuse(RecordError::Damaged);
  page.entries = std::move(*entries);
  return page;
}

}  // namespace postroad::mailbox
