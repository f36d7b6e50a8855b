#include "egress/pace.h"

#include <algorithm>

namespace postroad::egress {

std::uint32_t Pace::allowed() const {
  if (failures_ > 0) return 1;  // one tries for all
  return std::clamp<std::uint32_t>(static_cast<std::uint32_t>(window_), 1, limits_.connections);
}

Pace::Answer Pace::may_open(Instant now) const {
  if (now < until_) return {.when = until_};
  if (open_ >= allowed()) return {};
  return {.yes = true};
}

void Pace::opened() { ++open_; }

void Pace::connected() {
  ++greeted_;
  if (failures_ > 0) forget_trouble();
}

void Pace::delivered() {
  window_ += careful_ ? 1 / std::max(1.0, window_) : 1;
  window_ = std::min<double>(window_, limits_.connections);
}

void Pace::told(Feedback what, Instant now) {
  switch (what) {
    case Feedback::NoAnswer:
      // While others talk to it, it is only full.
      if (greeted_ > 0) {
        careful_ = true;
        window_ = std::max<double>(1, greeted_);
        until_ = std::max(until_, now + tuning_.slowed_wait);
        return;
      }
      if (failures_ > 0 && now < until_) return;  // others tried at the same time: that is known
      ++failures_;
      window_ = std::min<double>(tuning_.begin_with, limits_.connections);
      until_ = now + std::min<Duration>(tuning_.longest_wait,
                                        tuning_.first_wait * (1u << std::min(failures_ - 1, 16u)));
      return;
    case Feedback::Slowed:
      careful_ = true;
      // Ten connections that are told the same at once have been told once.
      if (!halved_ || now - *halved_ >= tuning_.slowed_wait) window_ = std::max(1.0, window_ / 2);
      halved_ = now;
      until_ = std::max(until_, now + tuning_.slowed_wait);
      return;
    case Feedback::Blocked:
      careful_ = true;
      window_ = 1;
      ++failures_;
      until_ = std::max(until_, now + tuning_.blocked_wait);
      return;
  }
}

void Pace::closed(bool greeted) {
  --open_;
  greeted_ -= greeted;
}

Instant Pace::take_turn(Instant now) {
  if (limits_.per_second == 0) return now;
  // Turns that nobody took for a second are not made up for.
  turn_ = std::max(turn_, now - Duration(1s)) + Duration(1s) / limits_.per_second;
  return std::max(turn_, now);
}

void Pace::forget_trouble() {
  failures_ = 0;
  until_ = {};
}

}  // namespace postroad::egress
