// CommitTimes: how long commits took lately, for who must know whether the disk keeps up (durability.md §4).
// One thread adds, any may ask.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace postroad::store {

class CommitTimes {
 public:
  void add(std::chrono::microseconds took, Instant now) {
    turn(now);
    const auto power = std::bit_width(static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)));
    spans_[current_][std::min<std::size_t>(power, powers - 1)].fetch_add(1, std::memory_order_relaxed);
  }
  // Of the last 10 to 20 s: the 99th percentile, rounded up to a power of two; 0 if there was none.
  std::chrono::microseconds slow(Instant now) const {
    const auto age = now - began_.load(std::memory_order_relaxed);
    if (age >= 2 * span) return {};
    std::array<std::uint64_t, powers> counts{};
    std::uint64_t all = 0;
    const unsigned current = current_;
    for (std::size_t i = 0; i < powers; ++i) {
      counts[i] = spans_[current][i].load(std::memory_order_relaxed);
      if (age < span) counts[i] += spans_[1 - current][i].load(std::memory_order_relaxed);
      all += counts[i];
    }
    std::uint64_t above = all / 100;  // that many may be slower
    for (std::size_t i = powers; i-- > 0 && all > 0;) {
      if (counts[i] > above) return std::chrono::microseconds(std::int64_t{1} << i);
      above -= counts[i];
    }
    return {};
  }

 private:
  static constexpr std::size_t powers = 40;
  static constexpr Duration span = std::chrono::seconds(10);

  void turn(Instant now) {
    const auto age = now - began_.load(std::memory_order_relaxed);
    if (age < span) return;
    const unsigned other = 1 - current_;
    for (auto& count : spans_[other]) count.store(0, std::memory_order_relaxed);
    if (age >= 2 * span)
      for (auto& count : spans_[current_]) count.store(0, std::memory_order_relaxed);
    current_ = other;
    began_.store(now, std::memory_order_relaxed);
  }

  std::array<std::array<std::atomic<std::uint32_t>, powers>, 2> spans_{};
  std::atomic<unsigned> current_{0};
  std::atomic<Instant> began_{};
};

}  // namespace postroad::store
