// co_await sleep_for(5s); co_await sleep_until(instant); co_await yield();
#pragma once

#include "net/core.h"

namespace postroad::net {

class Sleep final : public Waiter, private Timer {
 public:
  explicit Sleep(Instant until) : until_(until) {}
  explicit Sleep(Duration time) : time_(time) {}
  ~Sleep() { abandon(); }
  bool await_ready() const noexcept { return false; }
  template <detail::TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> h) {
    if (!begin(h, *h.promise().scope)) return false;
    core().arm(*this, until_ == Instant{} ? core().now() + time_ : until_);
    return true;
  }
  void await_resume() const { check(); }

 private:
  void forget() noexcept override { core().disarm(*this); }
  void fired() override { resume_now(); }
  Instant until_{};
  Duration time_{};
};

// By the core's monotonic clock. An instant that has passed still lets others run first.
inline Sleep sleep_until(Instant at) { return Sleep(at); }
inline Sleep sleep_for(Duration time) { return Sleep(time); }

// Lets everything else that is ready run first; for long computations. A cancellation point.
class Yield final : public Waiter {
 public:
  ~Yield() { abandon(); }
  bool await_ready() const noexcept { return false; }
  template <detail::TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> h) {
    if (!begin(h, *h.promise().scope)) return false;
    resume_soon();
    return true;
  }
  void await_resume() const { check(); }

 private:
  void forget() noexcept override {}
};
inline Yield yield() { return {}; }

}  // namespace postroad::net
