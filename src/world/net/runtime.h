// Runtime: one thread per core, and the ways to leave one: run_on another core, block on the pool.
//
//   net::Runtime runtime(2);
//   runtime.start();
//   net::block_on(runtime.core(0), app());        // from main
//   runtime.stop();
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "net/later.h"
#include "net/task_group.h"

namespace postroad::net {

class Runtime {
 public:
  explicit Runtime(unsigned cores);
  ~Runtime();  // stops
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  unsigned cores() const;
  Core& core(unsigned index);
  // Threads start; SIGPIPE is ignored for the process (TLS writes and sendfile must not kill it).
  void start();
  // Threads end after the work they are at, whatever else waits; from any thread but a core's. Orderly code
  // has cancelled and joined its groups before. Groups and streams must be gone before the Runtime is.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

namespace detail {
class Job;
class BlockingWait;
template <class F>
class Blocking;
}  // namespace detail

// More work was offered to a Pool than it may hold back.
class PoolFull : public std::exception {
 public:
  const char* what() const noexcept override { return "the pool for blocking work is full"; }
};

// Threads for what blocks or burns CPU for long: argon2id, Xapian, LDAP. Bounded: `threads` run, `waiting`
// wait. With no thread at all it runs the work on the caller's core, soon: for tests and the simulation.
class Pool {
 public:
  explicit Pool(unsigned threads, std::size_t waiting = 1024);
  ~Pool();  // what runs ends first; what waits is dropped, its callers see Abandoned
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  std::size_t waiting() const;
  bool full() const;

 private:
  friend class detail::BlockingWait;
  struct State;
  void add(detail::Job& job);  // throws PoolFull
  std::unique_ptr<State> state_;
};

// co_await blocking(pool, work): runs work() on a pool thread and comes back to this core with its result or
// its exception. Throws PoolFull. Work that has begun is not stopped, and may refer to the waiting frame:
// a cancelled wait lets it end first, a frame that is destroyed blocks until it has ended.
template <class F>
detail::Blocking<F> blocking(Pool& pool, F work);

// co_await run_on(core, task): runs the task on another core and comes back to this one. Not cancelled
// halfway: once begun it runs to its end and its result is given, whatever happens here meanwhile. (A frame
// that is destroyed instead destroys the task on a core that nobody runs, and else blocks until it ended.)
template <class T>
task<T> run_on(Core& core, task<T> task);

// Runs the task on `core` while this thread, which is no core's, waits for its end. For main and tests.
template <class T>
T block_on(Core& core, task<T> task);

}  // namespace postroad::net

#include "net/runtime_inl.h"  // IWYU pragma: export
