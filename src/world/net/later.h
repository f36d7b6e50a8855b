// Later<T>: one value that comes later, from any thread. Signal: many wake-ups, on one core.
//
//   Later<Committed> later;
//   committer.submit(batch, later.completer());    // another thread: completer.complete(value), once
//   const Committed committed = co_await later;
//
// The Completer shares a small state with the Later, so that either may go first: a value for a task that
// was cancelled is dropped, and a Completer that is destroyed without a value ends the wait with Abandoned.
#pragma once

#include <atomic>
#include <optional>
#include <utility>

#include "net/core.h"

namespace postroad::net {

// Nobody is left who could complete what is waited for.
class Abandoned : public std::exception {
 public:
  const char* what() const noexcept override { return "abandoned: nobody is left to complete it"; }
};

namespace detail {

// Completed once by any thread, awaited once on a core. Posted to that core when both have happened.
class LaterState : public Work {
 public:
  void release() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }
  bool completed() const { return state_.load(std::memory_order_acquire) == Completed; }
  // The waiter's side. False: it is completed already.
  bool wait(Core& core, class LaterWaiter& waiter);
  void stop_waiting() { waiter_ = nullptr; }

 protected:
  virtual ~LaterState() = default;
  virtual void destroy() { delete this; }
  void complete();  // after the value has been stored; by one thread, once
  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }

 private:
  void run() override;
  void dropped() override { release(); }
  enum State : int { Open, Awaited, Completed };
  std::atomic<int> references_{2};  // the Later, the Completer; and the post while it is under way
  std::atomic<int> state_{Open};
  Core* core_ = nullptr;
  LaterWaiter* waiter_ = nullptr;
};

class LaterWaiter : public Waiter {
 protected:
  ~LaterWaiter() = default;
  bool start(std::coroutine_handle<> h, Scope& scope, LaterState& state) {
    if (!begin(h, scope)) return false;
    state_ = &state;
    if (state.wait(scope.core(), *this)) return true;
    unattach();
    return false;
  }
  void forget() noexcept override { state_->stop_waiting(); }

 private:
  friend class LaterState;
  LaterState* state_ = nullptr;
};

}  // namespace detail

template <class T>
class Completer;

template <class T = void>
class Later {
  using Stored = std::conditional_t<std::is_void_v<T>, char, T>;
  struct State final : detail::LaterState {
    std::optional<Stored> value;
    using LaterState::complete;
  };

 public:
  Later() : state_(new State) {}
  Later(Later&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), given_(std::exchange(other.given_, true)) {}
  Later& operator=(Later&&) = delete;
  ~Later() {
    if (!state_) return;
    if (!given_) state_->release();
    state_->release();
  }

  // Once.
  Completer<T> completer();
  bool completed() const { return state_->completed(); }

  // Once, on the core that shall get the value.
  class Awaiter final : public detail::LaterWaiter {
   public:
    explicit Awaiter(State& state) : later_(state) {}
    ~Awaiter() { abandon(); }
    bool await_ready() const { return later_.completed(); }
    template <detail::TaskPromise P>
    bool await_suspend(std::coroutine_handle<P> h) {
      return start(h, *h.promise().scope, later_);
    }
    T await_resume() {
      check();
      if (!later_.value) throw Abandoned();
      if constexpr (!std::is_void_v<T>) return std::move(*later_.value);
    }

   private:
    State& later_;
  };
  Awaiter operator co_await() & { return Awaiter(*state_); }
  Awaiter operator co_await() && { return Awaiter(*state_); }

 private:
  friend class Completer<T>;
  State* state_;
  bool given_ = false;
};

// The other end: moved to whoever will know the value. Any thread.
template <class T>
class Completer {
  using State = typename Later<T>::State;

 public:
  Completer() = default;
  Completer(Completer&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Completer& operator=(Completer&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~Completer() { finish(); }

  explicit operator bool() const { return state_ != nullptr; }
  // Once; afterwards the Completer is empty.
  template <class... Value>
  void complete(Value&&... value) {
    if constexpr (std::is_void_v<T>)
      state_->value.emplace('\0');
    else
      state_->value.emplace(std::forward<Value>(value)...);
    finish();
  }

 private:
  friend class Later<T>;
  explicit Completer(State& state) : state_(&state) {}
  void finish() {
    if (!state_) return;
    State* state = std::exchange(state_, nullptr);
    state->complete();
    state->release();
  }
  State* state_ = nullptr;
};

template <class T>
Completer<T> Later<T>::completer() {
  given_ = true;
  return Completer<T>(*state_);
}

// "Something changed": wakes the tasks that wait for it, on its own core. A notify() that finds nobody
// waiting is remembered, once; after latch() every wait returns at once, for ever.
class Signal {
 public:
  // Registers for one wake-up; used by waits that have several reasons to end (Stream::wait).
  class Listener {
   public:
    virtual void signalled() = 0;  // unregistered already; must not run tasks inside the call
    bool listening() const { return signal_ != nullptr; }
    void stop();

   protected:
    Listener() = default;
    ~Listener() { stop(); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    friend class Signal;
    Signal* signal_ = nullptr;
    Listener* next_ = nullptr;
    Listener* prev_ = nullptr;
  };

  Signal() = default;
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal();

  void notify();
  void latch();
  bool latched() const { return latched_; }
  // True, and forgotten, if a notify() was remembered; true always once latched.
  bool take() { return latched_ || std::exchange(pending_, false); }
  void listen(Listener& listener);

  class Awaiter final : public Waiter, private Listener {
   public:
    explicit Awaiter(Signal& signal) : signal_(signal) {}
    ~Awaiter() { abandon(); }
    bool await_ready() const { return signal_.take(); }
    template <detail::TaskPromise P>
    bool await_suspend(std::coroutine_handle<P> h) {
      if (!begin(h, *h.promise().scope)) return false;
      signal_.listen(*this);
      return true;
    }
    void await_resume() const { check(); }

   private:
    void forget() noexcept override { stop(); }
    void signalled() override { resume_soon(); }
    Signal& signal_;
  };
  Awaiter operator co_await() { return Awaiter(*this); }

 private:
  void wake_all();
  Listener* first_ = nullptr;
  bool pending_ = false;
  bool latched_ = false;
};

}  // namespace postroad::net
