// Page: the entries of up to 256 UIDs, immutable once shared; and how entries lie in records.
//
// Page n holds the UIDs from 256 n to 256 n + 255, however many of them are left: a page is found without
// a directory, never split and never merged. On disk entries are columns of varints, runs counted: five to
// twelve octets a message.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mailbox/entry.h"

namespace postroad::mailbox {

inline constexpr std::uint32_t page_of(Uid uid) { return uid.value() >> 8; }

struct Page {
  std::uint32_t number = 0;
  std::vector<Entry> entries;  // rising UIDs, never empty in an Index

  // The first entry whose UID is not below `uid`.
  const Entry* lower_bound(Uid uid) const {
    return std::lower_bound(entries.data(), entries.data() + entries.size(), uid,
                            [](const Entry& e, Uid u) { return e.uid < u; });
  }
  const Entry* end() const { return entries.data() + entries.size(); }
};
using PagePtr = std::shared_ptr<const Page>;

enum class RecordError : std::uint8_t {
  Damaged,  // not what we ever wrote
  TooNew,   // written by a later version of this program
};

// Entries with rising UIDs, at the end of `out`.
void encode_entries(std::string& out, std::span<const Entry> entries);
// Takes them off the front of `in`.
Result<std::vector<Entry>, RecordError> decode_entries(std::string_view& in);

// A page as a record: its content as after the commit `as_of`. Deltas up to it are in the page already.
struct StoredPage {
  ModSeq as_of{};
  std::vector<Entry> entries;
};
std::string encode_page(ModSeq as_of, std::span<const Entry> entries);
Result<StoredPage, RecordError> decode_page(std::string_view record);

}  // namespace postroad::mailbox
