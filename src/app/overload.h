// Overload: looks at memory and disk, and tells the doors when to be short with strangers or to let no more
// in (durability.md §4; configuration [overload]).
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

#include "config/limits.h"
#include "net/connections.h"
#include "net/task.h"
#include "observe/log.h"
#include "store/store.h"

namespace postroad::app {

// What the ladder says: memory first, then commits.
net::Load load_of(const config::Overload& limits, std::uint64_t memory_used, std::uint64_t memory_limit,
                  std::chrono::microseconds slow_commit);

class Overload {
 public:
  Overload(const store::Store& store, net::Connections& connections, observe::Log& log)
      : store_(store), connections_(connections), log_(log) {}
  void set(const config::Overload& limits);  // any thread
  net::task<void> run();                     // on one core, until it is cancelled

 private:
  void look();

  const store::Store& store_;
  net::Connections& connections_;
  observe::Log& log_;
  std::mutex mutex_;
  config::Overload limits_;
  std::uint64_t memory_limit_ = 0;
  net::Load load_ = net::Load::Normal;
};

}  // namespace postroad::app
