// When to try again. Decisions are functions of their inputs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace postroad::queue {

struct RetryPolicy {
  // Between attempts; the last one repeats (RFC 5321 §4.5.4.1: at least 30 minutes after the first few).
  std::vector<std::chrono::seconds> waits = {1min, 5min, 15min, 30min, 1h, 2h, 4h};
  std::chrono::seconds give_up_after = std::chrono::days(5);  // RFC 5321 §4.5.4.1: at least 4-5 days
  std::chrono::seconds tell_delay_after = 4h;                 // a delay report; 0: never
};

// After `failures` (>= 1), or nothing: then the message is returned.
inline std::optional<Time> next_attempt(const RetryPolicy& policy, Time accepted, std::uint32_t failures,
                                        Time now) {
  const auto wait = policy.waits[std::min<std::size_t>(failures, policy.waits.size()) - 1];
  const Time last = accepted + policy.give_up_after;
  if (now >= last) return std::nullopt;
  return std::min(Time(now + wait), last);  // one last attempt when the time is up
}

}  // namespace postroad::queue
