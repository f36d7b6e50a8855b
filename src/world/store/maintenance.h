// What is done to a store that no server has open: verify, restore, repair. (A backup is made by the running
// store: Store::backup.) All of it blocks, and takes DATA/lock.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "store/embedded.h"

namespace postroad::store {

// What was looked at and what is wrong. `wrong` holds at most 1,000 lines, each naming the object; all are
// counted.
struct Report {
  std::uint64_t partitions = 0, keys = 0, references = 0, blobs = 0, blob_octets = 0, segments = 0,
                outbox = 0;
  std::uint64_t unreferenced = 0;  // blobs that garbage collection will remove: nothing is wrong with that
  std::uint64_t faults = 0;
  std::vector<std::string> wrong;
  bool good() const { return faults == 0; }
  void fault(std::string what);
};

// Reads everything: every checksum, every reference and what it refers to, every counter. Changes nothing.
Result<Report, OpenFault> verify(disk::Disk& disk, const std::string& data);

// Makes a store in `data`, which must not hold one, from what Store::backup wrote. Its restored_generation()
// is larger than any before. Throws BadArchive (archive.h) or what `source` throws; then there is no store.
Result<void, OpenFault> restore(disk::Disk& disk, Source& source, const std::string& data,
                                const Clock& clock);

// Writes what can be read of the store in `from` into a new one in `to`, and reports what is lost. `from` is
// only read. UIDs may have been lost with it: the new store counts as restored.
Result<Report, OpenFault> repair(disk::Disk& disk, const std::string& from, const std::string& to,
                                 const Clock& clock);

}  // namespace postroad::store
