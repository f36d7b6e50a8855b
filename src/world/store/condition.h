// Condition: whether the store may grow, may write, or has failed; and how much room the volume has.
//
// After a failed write or sync of the database or a segment nobody knows what is on the disk. So the first
// failure latches: no commit is answered positively again, nothing is retried, and the next start finds out
// what is there (durability.md, attack 119).
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "disk/disk.h"
#include "store/types.h"

namespace postroad::store {

class Condition {
 public:
  struct Options {
    std::string directory;             // any on the volume
    std::string reserve_file;          // holds room that is given up when the volume is full
    std::uint64_t reserve_octets = 0;  // the store stops growing when less is free
    std::function<void()> on_failure;  // once, on the thread that failed
  };
  Condition(disk::Disk& disk, Options options) : disk_(disk), options_(std::move(options)) {}

  bool failed() const { return failed_.load(std::memory_order_acquire); }
  bool tight() const { return tight_.load(std::memory_order_relaxed) || stalled(); }
  Health health() const { return failed() ? Health::Failed : tight() ? Health::Tight : Health::Good; }
  std::string trouble() const;
  std::uint64_t free_octets() const { return free_.load(std::memory_order_relaxed); }

  void fail(std::string_view what, const std::string& why);
  // The database found no room in the background; it takes nothing until it has been told to go on.
  void stall() { stalled_.store(true, std::memory_order_relaxed); }
  void go_on() { stalled_.store(false, std::memory_order_relaxed); }
  bool stalled() const { return stalled_.load(std::memory_order_relaxed); }

  // Asks the volume; cheap. Gives up the reserve when there is next to nothing, and takes it back.
  void look();
  // So much has been written since: looks from time to time.
  void spent(std::uint64_t octets);

 private:
  void hold_reserve(bool hold);
  disk::Disk& disk_;
  const Options options_;
  std::atomic<bool> failed_{false}, tight_{false}, stalled_{false};
  std::atomic<std::uint64_t> free_{UINT64_MAX}, spent_{0};
  mutable std::mutex mutex_;
  std::string trouble_;
  bool holds_reserve_ = false;
};

}  // namespace postroad::store
