// The templates behind runtime.h; include that.
#pragma once

#include <stdexcept>

#include "net/runtime.h"

namespace postroad::net {
namespace detail {

// Work for the pool, shared by the pool and the wait.
class Job : public LaterState {
 public:
  void work() noexcept;       // on the pool's thread
  void drop() noexcept;       // instead of work(), when the pool or the core ends first
  bool take_back();           // true: it had not begun, and will not
  void wait_while_running();  // blocks the thread

 protected:
  virtual void call() = 0;

 private:
  friend class BlockingWait;
  task<void> body() { co_return call(); }
  enum Phase : int { Waiting, Running, Ran, TakenBack };
  std::atomic<int> phase_{Waiting};
  std::exception_ptr error_;
};

class BlockingWait : public LaterWaiter {
 protected:
  BlockingWait(Pool& pool, Job& job) : pool_(pool), job_(&job) {}
  ~BlockingWait();
  bool start(std::coroutine_handle<> h, Scope& scope);
  void finish();  // throws Cancelled, or what the work threw, or Abandoned
  Pool& pool_;
  Job* job_;

 private:
  void forget() noexcept override;
  void cancel() noexcept override;
  bool started_ = false;
  bool interrupted_ = false;
};

template <class F>
class Blocking final : public BlockingWait {
  using T = std::invoke_result_t<F&>;
  struct Call final : Job {
    explicit Call(F&& f) : work(std::move(f)) {}
    void call() override {
      if constexpr (std::is_void_v<T>)
        work();
      else
        result.emplace(work());
    }
    F work;
    std::optional<std::conditional_t<std::is_void_v<T>, char, T>> result;
  };

 public:
  Blocking(Pool& pool, F work) : BlockingWait(pool, *new Call(std::move(work))) {}
  ~Blocking() { abandon(); }
  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> h) {
    return start(h, *h.promise().scope);
  }
  T await_resume() {
    finish();
    if constexpr (!std::is_void_v<T>) return std::move(*static_cast<Call&>(*job_).result);
  }
};

// A task on another core, shared by that core and the wait.
class Remote : public LaterState, private RootOwner {
 public:
  explicit Remote(Core& core) : core_(core) {}
  void begin();     // from any thread
  void wait_end();  // blocks the thread
  void rethrow();   // what the task threw; Abandoned if it was never run

 protected:
  virtual task<void> body() = 0;

 private:
  friend class RemoteWait;
  struct Starting;
  void start();  // on its core
  void ended(Root::promise_type& root) noexcept override;
  void over(bool ran) noexcept;
  void give_up() noexcept;  // the waiting frame is being destroyed
  Core& core_;
  Root::promise_type* root_ = nullptr;
  std::exception_ptr error_;
  bool unwanted_ = false;
  bool ran_ = false;
  std::atomic<bool> over_{false};
};

class RemoteWait final : public LaterWaiter {
 public:
  explicit RemoteWait(Remote& remote) : remote_(remote) {}
  ~RemoteWait() { abandon(); }
  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> h) {
    if (h.promise().scope->cancelled()) {
      remote_.release();  // the other core's share, which never came to be
      return interrupted_ = true, false;
    }
    remote_.begin();
    return start(h, *h.promise().scope, remote_);
  }
  void await_resume() const {
    if (interrupted_) throw Cancelled();
  }

 private:
  void forget() noexcept override;
  void cancel() noexcept override {}
  Remote& remote_;
  bool interrupted_ = false;
};

template <class T>
struct RemoteTask final : Remote {
  RemoteTask(Core& core, task<T> t) : Remote(core), work(std::move(t)) {}
  // The work becomes this frame's, so that it goes with it, while its scope is still there.
  task<void> body() override {
    task<T> own = std::move(work);
    if constexpr (std::is_void_v<T>)
      co_await std::move(own);
    else
      result.emplace(co_await std::move(own));
  }
  T take() {
    rethrow();
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }
  task<T> work;
  std::optional<std::conditional_t<std::is_void_v<T>, char, T>> result;
};

struct ReleaseLater {
  void operator()(LaterState* state) const { state->release(); }
};

}  // namespace detail

template <class F>
detail::Blocking<F> blocking(Pool& pool, F work) {
  return detail::Blocking<F>(pool, std::move(work));
}

template <class T>
task<T> run_on(Core& core, task<T> task) {
  const std::unique_ptr<detail::RemoteTask<T>, detail::ReleaseLater> remote(
      new detail::RemoteTask<T>(core, std::move(task)));
  co_await detail::RemoteWait(*remote);
  co_return remote->take();
}

template <class T>
T block_on(Core& core, task<T> task) {
  if (Core::current()) throw std::logic_error("net: a core cannot block on another");
  const std::unique_ptr<detail::RemoteTask<T>, detail::ReleaseLater> remote(
      new detail::RemoteTask<T>(core, std::move(task)));
  remote->begin();
  remote->wait_end();
  return remote->take();
}

}  // namespace postroad::net
