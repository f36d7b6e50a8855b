// task<T>: a conversation told as one coroutine.
//
// Lazy: nothing runs until it is awaited or spawned into a TaskGroup. Move only; whoever holds the task
// owns the frame. Control passes to the awaited task and back by symmetric transfer, so depth costs no
// stack. What is thrown inside comes out of the co_await.
//
// Every running task has a Scope (core.h): its core, and whether it has been cancelled. A task inherits it
// from the task that awaits it. What a task finally waits for (bytes, a timer, a Later) is a Waiter; when
// the scope is cancelled, the wait ends at once with the exception Cancelled.
//
// Parameters taken by value live in the frame as long as the task; references must outlive it. Never make a
// capturing lambda a task: its captures die with the lambda. The frame that awaits a task owns it (a
// temporary, a local, a parameter; not a member of something that outlives the frame).
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace postroad::net {

class Scope;

// Thrown out of a co_await whose scope has been cancelled. Not an error: nobody need catch it.
class Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "cancelled"; }
};

template <class T = void>
class task;

namespace detail {

// Runs a task that never waits, at once, outside any core; answers what it threw.
std::exception_ptr attempt(task<void> task);

struct PromiseBase {
  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h) noexcept {
      return h.promise().continuation;
    }
    void await_resume() noexcept {}
  };
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }

  std::coroutine_handle<> continuation = std::noop_coroutine();
  Scope* scope = nullptr;
  std::exception_ptr error;
};

template <class P>
concept TaskPromise = std::is_base_of_v<PromiseBase, P>;

template <class T>
struct Promise : PromiseBase {
  using Stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>;
  task<T> get_return_object() noexcept;
  template <class U = T>  // so that `co_return {};` means an empty T
    requires std::is_convertible_v<U&&, T>
  void return_value(U&& value) {
    if constexpr (std::is_reference_v<T>)
      stored = std::addressof(value);
    else
      stored.emplace(std::forward<U>(value));
  }
  T take() {
    if (error) std::rethrow_exception(std::move(error));
    if constexpr (std::is_reference_v<T>)
      return static_cast<T>(**stored);
    else
      return std::move(*stored);
  }
  std::optional<Stored> stored;
};

template <>
struct Promise<void> : PromiseBase {
  task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() {
    if (error) std::rethrow_exception(std::move(error));
  }
};

}  // namespace detail

template <class T>
class [[nodiscard]] task {
 public:
  using promise_type = detail::Promise<T>;
  using value_type = T;

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      if (frame_) frame_.destroy();
      frame_ = std::exchange(other.frame_, {});
    }
    return *this;
  }
  ~task() {
    if (frame_) frame_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  template <detail::TaskPromise P>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<P> parent) noexcept {
    frame_.promise().scope = parent.promise().scope;
    frame_.promise().continuation = parent;
    return frame_;
  }
  T await_resume() { return frame_.promise().take(); }

 private:
  friend promise_type;
  friend std::exception_ptr detail::attempt(task<void>);
  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

template <class T>
task<T> detail::Promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline task<void> detail::Promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline std::exception_ptr detail::attempt(task<void> task) {
  task.frame_.resume();
  return task.frame_.promise().error;
}

}  // namespace postroad::net

namespace postroad {
using net::task;
}
