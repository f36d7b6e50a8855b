// Throttle: who tried to sign in too often without success (durability.md, attack 88). Not public.
//
// Counted apart: the same name from the same network, any name from one network, one name from networks that
// it has not signed in from lately. Where somebody has signed in lately he is locked out neither by what
// others do to his name nor by his neighbours. Memory is bounded: the oldest counts are forgotten first. Any
// thread.
#pragma once

#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "directory/admin.h"

namespace postroad::directory {

class Throttle {
 public:
  explicit Throttle(const Options& options) : options_(options) {}

  struct Advice {
    bool refuse = false;               // do not even look at the password
    std::chrono::milliseconds wait{};  // before the answer, whatever it is
  };
  Advice before(std::string_view login, std::string_view client, Instant now);
  void count(std::string_view login, std::string_view client, bool success, Instant now);

 private:
  struct Count {
    std::uint32_t failures = 0;
    Instant last{};
  };
  // Failures fade: half of them are forgiven for each ban period without another.
  std::uint32_t current(const std::string& key, Instant now) const;
  std::chrono::seconds ban_of(const std::string& key) const;
  bool known(const std::string& pair, Instant now) const;
  void add(std::string key, Instant now);

  static constexpr std::size_t most_counts = 100'000;
  const Options& options_;
  std::mutex lock_;
  std::unordered_map<std::string, Count> counts_;
  std::unordered_map<std::string, Instant> good_;  // login and client that matched lately
  std::deque<std::string> order_, good_order_;     // oldest first, to forget
};

}  // namespace postroad::directory
