// The end of a database log after a power cut: torn, or damaged before its end?
//
// RocksDB's logs (write-ahead log, MANIFEST) are chains of checksummed records in blocks of 32 KiB. It
// forgives a record that is cut off by the end of the file, but not one of which some sectors reached the
// disk and others did not, as a power cut leaves them where the file's length reached the disk first. That
// record was being written when the power went; nobody was answered for it, and it may be cut off. A damaged
// record that is followed by a good one is another thing: it was synced before the next was begun, and what
// it held was promised. Then nothing is cut.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "disk/disk.h"

namespace postroad::store {

struct LogTail {
  bool damaged = false;      // a record does not fit its checksum
  bool promised = false;     // and good records begin after it: not the work of a power cut
  std::uint64_t offset = 0;  // where the damaged record begins
};
// Reads the whole log. `numbered`: records begin with a rising sequence number, as in write-ahead logs.
Result<LogTail, disk::IoError> examine_log(disk::Disk& disk, const std::string& path, bool numbered);

// Every whole record of a log, also those after damage; for repair. Answers how many places were damaged.
Result<std::uint64_t, disk::IoError> read_log(disk::Disk& disk, const std::string& path,
                                              const std::function<void(std::string_view record)>& each);

}  // namespace postroad::store
