// TaskGroup: owns a set of running coroutines on one core. Nothing is detached.
//
// What is spawned has ended, by itself or by cancel(), before join() returns. A group that is destroyed while
// tasks of it wait destroys their frames where they stand, innermost first; that is what a killed machine
// does in the simulation. Orderly code cancels and joins.
#pragma once

#include <exception>
#include <functional>

#include "net/core.h"

namespace postroad::net {

namespace detail {

class RootOwner;

// A coroutine without a parent: it has a Scope of its own, starts as Work of its core and tells its owner
// when it ended.
struct Root {
  struct promise_type final : PromiseBase, Work {
    struct End {
      bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> h) noexcept;
      void await_resume() noexcept {}
    };
    template <class... Args>
    explicit promise_type(Core& core, Args&...) : own_scope(core) {
      scope = &own_scope;
    }
    Root get_return_object() noexcept { return {handle()}; }
    End final_suspend() noexcept { return {}; }
    void return_void() noexcept {}

    std::coroutine_handle<promise_type> handle() {
      return std::coroutine_handle<promise_type>::from_promise(*this);
    }
    void run() override { started = true, handle().resume(); }
    // Wherever it stands: not started, or waiting.
    void destroy() noexcept {
      if (!started) own_scope.core().withdraw(*this);
      handle().destroy();
    }

    Scope own_scope;
    RootOwner* owner = nullptr;
    promise_type* next = nullptr;
    promise_type* prev = nullptr;
    bool started = false;
  };
  std::coroutine_handle<promise_type> frame;
};

class RootOwner {
 public:
  virtual void ended(Root::promise_type& root) noexcept = 0;  // destroys the frame

 protected:
  ~RootOwner() = default;
};

// `core` is for the promise. Not started: make_ready(frame.promise()).
Root run_root(Core& core, task<void> task);

}  // namespace detail

class TaskGroup final : private detail::RootOwner {
 public:
  // Gets every exception that ends a task, except Cancelled. Runs on the core; must not throw.
  using OnError = std::function<void(std::exception_ptr)>;

  TaskGroup(Core& core, OnError on_error);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  Core& core() const { return core_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // On the group's core only (Core::post leads there). The task starts soon, not inside this call. After
  // cancel() a spawned task sees Cancelled at its first wait.
  void spawn(task<void> task);
  // Every task sees Cancelled at its next co_await. May be called by one of them.
  void cancel();
  // Waits until the group is empty. Cancelled while joining: cancels the group, waits all the same, then
  // throws Cancelled. One joiner at a time; never a task of the group itself.
  auto join() { return Join(*this); }

 private:
  class Join final : public Waiter {
   public:
    explicit Join(TaskGroup& group) : group_(group) {}
    ~Join() { abandon(); }
    bool await_ready() const noexcept { return group_.empty(); }
    template <detail::TaskPromise P>
    void await_suspend(std::coroutine_handle<P> h) {
      suspend(h, *h.promise().scope);
    }
    void await_resume() const {
      if (interrupted_) throw Cancelled();
    }

   private:
    friend class TaskGroup;
    void suspend(std::coroutine_handle<> h, Scope& scope);
    void forget() noexcept override { group_.joining_ = nullptr; }
    void cancel() noexcept override;
    TaskGroup& group_;
    bool interrupted_ = false;
  };
  void ended(detail::Root::promise_type& root) noexcept override;

  Core& core_;
  OnError on_error_;
  detail::Root::promise_type* first_ = nullptr;
  std::size_t size_ = 0;
  Join* joining_ = nullptr;
  bool cancelled_ = false;
};

}  // namespace postroad::net
