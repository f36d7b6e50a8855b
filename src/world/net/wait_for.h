// co_await wait_for(signal, 30s): until the signal is notified, or the time is over. True: it was notified.
#pragma once

#include "net/core.h"
#include "net/later.h"

namespace postroad::net {

class WaitFor final : public Waiter, private Signal::Listener, private Timer {
 public:
  WaitFor(Signal& signal, Duration most) : signal_(signal), most_(most) {}
  ~WaitFor() { abandon(); }
  bool await_ready() { return notified_ = signal_.take(); }
  template <detail::TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> h) {
    Scope& scope = *h.promise().scope;
    if (!begin(h, scope)) return false;
    signal_.listen(*this);
    scope.core().arm(*this, scope.core().now() + most_);
    core_ = &scope.core();
    return true;
  }
  bool await_resume() const {
    check();
    return notified_;
  }

 private:
  void forget() noexcept override {
    stop();
    core_->disarm(*this);
  }
  void signalled() override {
    notified_ = true;
    core_->disarm(*this);
    resume_soon();
  }
  void fired() override {
    stop();
    resume_now();
  }
  Signal& signal_;
  Duration most_;
  Core* core_ = nullptr;
  bool notified_ = false;
};

inline WaitFor wait_for(Signal& signal, Duration most) { return WaitFor(signal, most); }

}  // namespace postroad::net
