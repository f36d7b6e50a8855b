// A history: what one seed makes happen to one server in some days, and whether it kept its promises.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace postroad::simulation {

// What a control breaks, so that it is seen to be found.
enum class Break : std::uint8_t {
  Nothing,
  AcknowledgeFirst,  // yes is said before anything is durable
  ForgetRecipient,   // where some of an entry's recipients are deferred, the last of them is dropped
  RetryEarly,        // at half the time
  ReportTwice,
  LoseEntry,     // one outcome in twenty is never written down, and nobody asks again
  DeliverAgain,  // one delivery in twenty is put back as if it had not been
  Crowd,         // one connection more than a site's pace permits
};

struct Settings {
  std::uint64_t seed = 1;
  Duration time =
      std::chrono::hours(5 * 24);  // of weather; then all is well, and the queue must empty itself
  Break broken = Break::Nothing;
  bool trace = false;
};

struct Findings {
  std::string violation;  // empty: none
  std::string last_lines;
  std::uint64_t hash = 0;
  std::uint64_t messages = 0, recipients = 0, copies = 0, unheard = 0, reports = 0, kills = 0, faults = 0;
  std::uint64_t commits = 0, refused = 0, sessions = 0, commands = 0, steps = 0;
  Duration simulated{};
};

Findings run(const Settings& settings);

}  // namespace postroad::simulation
