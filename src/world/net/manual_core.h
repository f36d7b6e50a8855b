// ManualCore: a core without a thread, with a clock that only moves when told. For tests of anything that
// awaits, and the ground the simulation stands on: the same calls give the same order, always.
//
//   net::ManualCore core;
//   EXPECT_EQ(core.run(conversation()), 42);          // runs it to its end, moving time where it must
//
//   net::TaskGroup group(core, fail_on_error);
//   group.spawn(server(...));
//   core.advance(5min);                               // fires every timer on the way, in order
#pragma once

#include "net/core.h"
#include "net/task_group.h"

namespace postroad::net {

// run() could not end: the task waits for something that nothing here will ever bring.
class Deadlock : public std::exception {
 public:
  const char* what() const noexcept override { return "every task waits and no timer is armed"; }
};

class ManualCore : public Core {
 public:
  // Several cores may share one clock; then only one of them, or the owner, moves it.
  explicit ManualCore(unsigned index = 0, Time start = Time{std::chrono::days{20'000}})
      : Core(index), own_(start), clock_(own_) {}
  ManualCore(unsigned index, ManualClock& shared) : Core(index), clock_(shared) {}
  ~ManualCore() override { drop_all(); }

  const ManualClock& clock() const override { return clock_; }
  ManualClock& manual_clock() { return clock_; }

  // One piece of ready work, or one timer that is due now; false if there is neither. A test may stop, look,
  // or kill between any two steps.
  bool step();
  // Steps until nothing is left that could run at this time. Answers the number of steps.
  std::size_t settle();
  // Moves time by `by`, stopping at every timer on the way; settles at each.
  void advance(Duration by);
  // Settles; then moves to the next timer and settles, until none is armed or `limit` has passed.
  void run_until_idle(Duration limit = std::chrono::hours{24 * 365});
  // The instant of the earliest timer, or Instant::max().
  Instant next_due() { return next_timer(); }

  // Runs one task to its end, moving time as far as needed; rethrows what it throws, Deadlock if it cannot
  // end.
  template <class T>
  T run(task<T> task) {
    std::optional<typename detail::Promise<T>::Stored> result;
    run_task(keep(std::move(task), result));
    if constexpr (std::is_reference_v<T>)
      return static_cast<T>(**result);
    else
      return std::move(*result);
  }
  void run(task<void> task) { run_task(std::move(task)); }

 protected:
  void wake() override {}

 private:
  template <class T, class Stored>
  static task<void> keep(task<T> task, std::optional<Stored>& result) {
    if constexpr (std::is_reference_v<T>)
      result = std::addressof(co_await std::move(task));
    else
      result.emplace(co_await std::move(task));
  }
  void run_task(task<void> task);
  ManualClock own_;
  ManualClock& clock_;
};

}  // namespace postroad::net
