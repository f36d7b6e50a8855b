// Log: where events go. Asynchronous and bounded: a session hands its line over and goes on.
//
// One thread writes to standard error or to a file. When it cannot keep up, or the disk is full (attack
// 118), lines are dropped and counted; the first line written after says how many. Mail never waits for
// the log. Every event counts in /metrics even when its level is not written.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "observe/event.h"

namespace postroad::observe {

struct LogSettings {
  std::filesystem::path file;  // empty: standard error
  Level level = Level::Info;
  std::size_t waiting = 16'384;  // lines; rounded up to a power of two
};

// The file cannot be opened: what the system said, in what().
struct LogUnavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Log {
 public:
  // Opens the file (mode 0640, appended to) and starts the thread. Throws LogUnavailable.
  explicit Log(LogSettings settings = {}, const Clock& clock = system_clock());
  ~Log();  // writes what waits, for at most 2 s
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Never blocks and never throws but bad_alloc; from any thread.
  template <Event E>
  void operator()(const E& event) {
    detail::count(detail::counter_of<E>);
    if (level_of<E>() < level_.load(std::memory_order_relaxed)) return;
    push(render(event, clock_.now()));
  }

  void set_level(Level level) { level_.store(level, std::memory_order_relaxed); }
  // Opens the file anew, perhaps another one (SIGHUP, after rotation). If that fails the old one stays in
  // use.
  void reopen(std::filesystem::path file);
  void reopen();
  // Returns when what was logged before is written or lost, or after `most`: true in the first case.
  bool flush(Duration most = std::chrono::seconds(2));
  std::uint64_t lost() const;

 private:
  static const Clock& system_clock();
  void push(std::string line);

  class Writer;
  std::atomic<Level> level_;
  const Clock& clock_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace postroad::observe
