// The pace of one source towards one site: what it may do now, from what came of what it did. Pure: time is
// given. Not shared between threads by itself (pacing.h).
//
// Concurrency grows with every success, quickly until the first sign of unease, then by about one connection
// for every round of them; it is halved by "slow down". When nobody answers, everything waits, longer each
// time, and then one connection tries for all.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "egress/providers.h"

namespace postroad::egress {

// What came of a connection or a message, as far as it says something about the site.
enum class Feedback : std::uint8_t {
  NoAnswer,  // no connection, no greeting, or the greeting refused us for now
  Slowed,    // "too many connections", "rate limited": a 4yz that means the pace
  Blocked,   // a reply that means our address, whoever the message is from
};

class Pace {
 public:
  struct Tuning {
    std::chrono::seconds first_wait = std::chrono::minutes(1), longest_wait = std::chrono::minutes(30);
    std::chrono::seconds slowed_wait{5};  // before another connection is opened
    std::chrono::seconds blocked_wait = std::chrono::minutes(15);
    double begin_with = 3;  // connections to a site nothing is known of
  };
  Pace(const Limits& limits, const Tuning& tuning) : limits_(limits), tuning_(tuning) {
    window_ = std::min<double>(tuning_.begin_with, limits_.connections);
  }

  // May another connection be opened? If not, from when on; nothing: when one has ended.
  struct Answer {
    bool yes = false;
    std::optional<Instant> when{};
  };
  Answer may_open(Instant now) const;
  void opened();     // somebody is at it; closed() follows
  void connected();  // greeted
  void delivered();
  void told(Feedback what, Instant now);
  void closed(bool greeted);
  // When the next message may go, by the rate; it counts as gone.
  Instant take_turn(Instant now);

  // An administrator says that the trouble is over.
  void forget_trouble();

  const Limits& limits() const { return limits_; }
  std::uint32_t open() const { return open_; }
  std::uint32_t allowed() const;
  std::uint32_t failures() const { return failures_; }
  Instant waits_until() const { return until_; }
  bool idle(Instant now) const { return open_ == 0 && until_ <= now; }

 private:
  Limits limits_;
  Tuning tuning_;
  double window_ = 1;
  bool careful_ = false;  // it has asked us to slow down: growth is slow from now on
  std::uint32_t open_ = 0;
  std::uint32_t greeted_ = 0;   // of these
  std::uint32_t failures_ = 0;  // one after the other, with nobody connected
  Instant until_{};
  std::optional<Instant> halved_{};
  Instant turn_{};
};

}  // namespace postroad::egress
