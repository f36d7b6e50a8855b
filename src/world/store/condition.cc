#include "store/condition.h"

#include <fmt/format.h>

namespace postroad::store {
namespace {
constexpr std::uint64_t look_every = 8 << 20;
}

std::string Condition::trouble() const {
  const std::lock_guard lock(mutex_);
  if (!trouble_.empty()) return trouble_;
  if (tight())
    return fmt::format(
        "{} has {} MiB free, less than the reserve of {} MiB: mail is deferred until there is more",
        options_.directory, free_octets() >> 20, options_.reserve_octets >> 20);
  return {};
}

void Condition::fail(std::string_view what, const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    if (!trouble_.empty()) return;
    trouble_ = fmt::format(
        "{}: {}. No commit is answered any more; check the disk, then start the server again", what, why);
    failed_.store(true, std::memory_order_release);
  }
  if (options_.on_failure) options_.on_failure();
}

void Condition::spent(std::uint64_t octets) {
  if (spent_.fetch_add(octets, std::memory_order_relaxed) + octets >= look_every) look();
}

void Condition::look() {
  spent_.store(0, std::memory_order_relaxed);
  const auto space = disk_.space(options_.directory);
  if (!space) return;  // not worth a latch: the next write tells
  free_.store(space->free, std::memory_order_relaxed);
  // A little more is wanted before growing again, so that it does not flutter.
  const std::uint64_t wanted =
      options_.reserve_octets + (tight_.load(std::memory_order_relaxed) ? options_.reserve_octets / 8 : 0);
  tight_.store(space->free < wanted, std::memory_order_relaxed);
  if (space->free < options_.reserve_octets / 4) hold_reserve(false);
  if (space->free > options_.reserve_octets + options_.reserve_octets / 2) hold_reserve(true);
}

// The file is an eighth of the reserve: when others have filled the volume to the last octet, giving it up
// lets removals commit.
void Condition::hold_reserve(bool hold) {
  const std::lock_guard lock(mutex_);
  if (hold == holds_reserve_ || options_.reserve_octets == 0) return;
  auto file = disk_.open(options_.reserve_file, disk::Open::Create);
  if (!file) return;
  const auto octets = options_.reserve_octets / 8;
  // Growing by resize() alone would promise nothing: reserve() takes the room.
  const auto done = hold ? (*file)->reserve(0, octets) : (*file)->resize(0);
  if (hold && !done) (void)(*file)->resize(0);
  if (done) holds_reserve_ = hold;
}

}  // namespace postroad::store
