// A histogram of waiting times: fixed memory however many are added, every quantile within 1.6 %.
//
// Buckets are log-linear: 64 of equal width for each power of two of nanoseconds.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace postroad::bench {

class Histogram {
 public:
  using Duration = std::chrono::nanoseconds;

  void add(Duration wait) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(wait.count(), 0));
    ++buckets_[bucket_of(value)];
    ++count_;
    sum_ += value;
    max_ = std::max(max_, value);
  }

  std::uint64_t count() const { return count_; }
  Duration max() const { return Duration(max_); }
  Duration mean() const { return Duration(count_ ? sum_ / count_ : 0); }

  // The value that `share` (0 to 1) of all waits do not exceed; never more than max().
  Duration quantile(double share) const {
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > rank) return Duration(std::min(upper_end(i), max_));
    }
    return max();
  }

 private:
  static constexpr unsigned kBits = 6;
  static constexpr std::uint64_t kLinear = 1u << kBits;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < kLinear) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
    return (shift + 1) * kLinear + ((value >> shift) - kLinear);
  }
  static std::uint64_t upper_end(std::size_t bucket) {
    if (bucket < kLinear) return bucket;
    const auto shift = static_cast<unsigned>(bucket / kLinear) - 1;
    return ((bucket % kLinear + kLinear + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - kBits + 1) * kLinear> buckets_{};
  std::uint64_t count_ = 0, sum_ = 0, max_ = 0;
};

}  // namespace postroad::bench
