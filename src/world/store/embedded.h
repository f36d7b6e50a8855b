// The embedded engine: RocksDB for what is small, segment files for bodies, one committer for both.
//
//   auto store = store::open_embedded({.data = settings.data, .cores = runtime.cores()});
//   if (!store) refuse to start: store.error().text says what to do
//
// DATA/lock keeps a second server off the directory, DATA/store/FORMAT says what it is. Everything that can
// be asked offline (verify, restore, repair) is in maintenance.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "disk/disk.h"
#include "store/store.h"

namespace postroad::store {

// Weakens the engine on purpose, so that a test can show that it would notice. Never outside tests.
enum class Sabotage : std::uint8_t { None, AcknowledgeBeforeCommit, SkipSync };

struct EmbeddedOptions {
  std::string data{};  // the data directory; made if it is not there
  unsigned cores = 1;  // among which partitions are distributed
  disk::Disk* disk = &disk::real_disk();
  const Clock* clock = nullptr;  // null: the system's
  // False: no threads of its own. Commits happen inside submit(), reads on the calling core, tend() only when
  // called. For tests on a ManualCore and for the simulation.
  bool threads = true;

  std::size_t inline_octets = 8192;  // a body up to this size rides in the database's log: one sync less
  std::uint64_t segment_octets = 256 << 20;
  std::uint64_t reserve_octets = 256 << 20;  // growth is refused when less than this is free
  std::size_t cache_octets = 64 << 20;
  std::size_t memtable_octets = 64 << 20;
  std::uint64_t log_octets = 256 << 20;
  unsigned read_threads = 4;  // for reads that must wait for the disk

  std::chrono::seconds blob_grace{60};            // from the last release to the removal
  std::chrono::seconds sweep_every{86'400};       // the full comparison of blobs and references
  std::chrono::seconds erase_within{7 * 86'400};  // an erased body has left the disk by then
  std::uint64_t compact_octets_per_second = 32 << 20;

  std::function<void()> on_failure{};  // the store has failed for good: stop the server. On any thread, once
  Sabotage sabotage = Sabotage::None;
};

enum class OpenError : std::uint8_t {
  InUse,        // another server or command has it open
  NotWritable,  // permissions, or a file where a directory should be
  Foreign,      // the directory holds something else
  Newer,        // written by a later release
  Damaged,      // `postroad repair` may help; nothing was changed
  NoSpace,
  Unavailable,  // the disk does not answer
};
struct OpenFault {
  OpenError what{};
  std::string text;  // for people: what is wrong, where, and what to do
};

class EmbeddedStore : public Store {
 public:
  // One round of what the store does in the background: looks at free space, removes what is dead, compacts
  // segments. The engine's own thread does this; with `threads` false it is the caller's to call.
  virtual void tend() = 0;
  // Compares all blobs with all references at once, as it happens every `sweep_every`.
  virtual void sweep() = 0;
};

Result<std::unique_ptr<EmbeddedStore>, OpenFault> open_embedded(EmbeddedOptions options);

}  // namespace postroad::store
