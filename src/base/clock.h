// Clock: the one door through which time enters. Decisions take a Time as an argument.
//
// Time is wall-clock time in microseconds since 1970-01-01 UTC and may jump (durability.md, attack 122);
// Instant is monotonic and measures waiting. Tests and the simulation pass a clock of their own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace postroad {

using Duration = std::chrono::microseconds;
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using namespace std::chrono_literals;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
  virtual Instant instant() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }
  Instant instant() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
  }
};

// Stands still until told: both times move together unless jump() moves the wall alone.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start = Time{std::chrono::days{20'000}})
      : now_(start.time_since_epoch().count()) {}
  Time now() const override { return Time{Duration{now_.load()}}; }
  Instant instant() const override { return Instant{Duration{instant_.load()}}; }
  void advance(Duration by) { now_ += by.count(), instant_ += by.count(); }
  void jump(Duration by) { now_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_;
  std::atomic<std::int64_t> instant_{0};
};

constexpr std::int64_t micros(Time t) { return t.time_since_epoch().count(); }
constexpr Time time_of_micros(std::int64_t us) { return Time{Duration{us}}; }
constexpr std::int64_t seconds(Time t) {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

}  // namespace postroad
