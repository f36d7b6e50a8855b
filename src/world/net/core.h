// Core: one thread's world, in which tasks run one at a time and never need a lock.
//
// A core runs what was posted to it, what became ready, and timers that are due. The real one (runtime.h)
// waits in epoll; ManualCore (manual_core.h) has a virtual clock and runs exactly when a test says so; the
// simulation derives one of its own. Code above this line cannot tell which one it runs on.
//
// Below: Work (something a core will run once), Timer, Scope (a running task's core and cancellation),
// Waiter (what a suspended task waits for). Sessions use none of these; they await streams, Later, Signal,
// sleep_for.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "net/task.h"

namespace postroad::net {

class Core;

// Runs once on a core. Intrusive: costs no allocation, but must stay where it is until it ran. Work made
// ready on its own core (make_ready) may be withdrawn; work posted from another thread may not.
struct WorkLink {
  WorkLink* next = nullptr;
  WorkLink* prev = nullptr;
};
class Work : private WorkLink {
 public:
  virtual void run() = 0;
  // Instead of run(), when the core ends first.
  virtual void dropped() {}

 protected:
  Work() = default;
  ~Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

 private:
  friend class Core;
};

// Calls fired() on its core when its instant has come. Arming again moves it; re-arming to a later
// instant, the usual case of a connection that stays alive, costs two stores. Only on the core's thread.
class Timer {
 public:
  virtual void fired() = 0;
  bool armed() const { return due_ != never; }
  Instant due() const { return due_; }

 protected:
  Timer() = default;
  ~Timer();  // disarms
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  friend class TimerQueue;
  static constexpr Instant never = Instant::max();
  Instant due_ = never;
  class TimerQueue* queue_ = nullptr;  // which holds an entry for us, perhaps of an earlier instant
  std::uint32_t slot_ = 0;
};

// The timers of one core: a heap that is corrected when an entry comes to its top.
class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue();

  void arm(Timer& timer, Instant at);
  void disarm(Timer& timer) { timer.due_ = Timer::never; }
  // The earliest instant an armed timer is due, or Instant::max().
  Instant next();
  // Not later than that, and at no cost: for a sleep that may end early.
  Instant next_at_earliest() const { return heap_.empty() ? Timer::never : heap_.front().at; }
  // Fires one timer that is due, in the order of their instants; false if there is none.
  bool fire_one(Instant now);

 private:
  friend class Timer;
  struct Entry {
    Instant at;
    std::uint64_t order;  // among equal instants first come, first served: tests repeat exactly
    Timer* timer;
    bool before(const Entry& other) const { return at != other.at ? at < other.at : order < other.order; }
  };
  void remove(std::uint32_t slot);
  void settle_top();
  void place(std::uint32_t slot, Entry entry);
  void up(std::uint32_t slot, Entry entry);
  void down(std::uint32_t slot, Entry entry);
  std::vector<Entry> heap_;
  std::uint64_t order_ = 0;
};

class Core {
 public:
  // The core this thread runs; null outside. here() is the same where there must be one.
  static Core* current();
  static Core& here();

  virtual ~Core();
  unsigned index() const { return index_; }
  virtual const Clock& clock() const = 0;
  Instant now() const { return clock().instant(); }
  // When the core looked at its clock last, in this round of its loop: good enough for patience, and free.
  virtual Instant recently() const { return now(); }

  // From any thread: runs `work` on this core, in the order of posting. A sleeping core is woken once for
  // all that is posted before it looks. What is still waiting when the core ends is destroyed, not run.
  void post(std::move_only_function<void()> work);
  void post(Work& work);

  // On this core's thread only.
  void make_ready(Work& work);  // runs it after what is ready already; never from inside this call
  void withdraw(Work& work);    // it is ready and has not run yet: it shall not
  void arm(Timer& timer, Instant at) { timers_.arm(timer, at); }
  void disarm(Timer& timer) { timers_.disarm(timer); }
  // True where the functions above may be called: on the core's thread, or anywhere while none runs it.
  bool may_touch() const;

  // The real core's readiness of file descriptors (descriptor.h); others have none.
  virtual class Poller* poller() { return nullptr; }

 protected:
  explicit Core(unsigned index) : index_(index) {}
  // Called from any thread after the first post to a core that said it sleeps.
  virtual void wake() = 0;

  // The parts of a loop. Each returns whether it did something.
  bool run_one_ready();  // takes in what was posted first
  bool fire_one_timer(Instant at) { return timers_.fire_one(at); }
  bool has_ready();
  Instant next_timer() { return timers_.next(); }
  Instant next_timer_at_earliest() const { return timers_.next_at_earliest(); }
  // Before sleeping: false if something was posted meanwhile. After it, a post calls wake().
  bool may_sleep();
  void woke() { sleeping_.store(false, std::memory_order_relaxed); }
  // For the derived destructor, while it is still whole: what is posted or ready is dropped.
  void drop_all();

  // Says for its lifetime that this thread runs that core.
  class Running {
   public:
    explicit Running(Core& core);
    ~Running();

   private:
    Core* before_;
    Core& core_;
  };

 private:
  void take_posted();

  const unsigned index_;
  WorkLink ready_{&ready_, &ready_};  // a ring
  TimerQueue timers_;
  std::atomic<const void*> running_{nullptr};  // the thread that runs this core
  alignas(64) std::atomic<Work*> posted_{nullptr};
  std::atomic<bool> sleeping_{false};
};

class Waiter;

// What a running task knows of its surroundings. A scope has one Waiter at most: a task waits for one thing.
class Scope {
 public:
  explicit Scope(Core& core) : core_(core) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  Core& core() const { return core_; }
  bool cancelled() const { return cancelled_; }
  // The present wait, and every one after it, ends with Cancelled. The task does not run inside this call.
  void cancel();

 private:
  friend class Waiter;
  Core& core_;
  Waiter* waiting_ = nullptr;
  bool cancelled_ = false;
};

// The base of everything a task can wait for. A derived awaiter arranges to be woken in await_suspend, and
// calls resume_now() (from the core's loop) or resume_soon() (from anywhere on the core's thread) once.
// Its destructor must call abandon(): a frame may be destroyed while it waits.
class Waiter : private Work {
 public:
  virtual void forget() noexcept = 0;  // undo what await_suspend arranged: nobody shall wake us any more
  // Cancelled while waiting. Unless overridden (for what cannot be stopped halfway), forgets and resumes.
  virtual void cancel() noexcept;

 protected:
  Waiter() = default;
  ~Waiter() = default;

  // In await_suspend: false if the scope has been cancelled; then do not suspend.
  bool begin(std::coroutine_handle<> handle, Scope& scope) {
    if (scope.cancelled()) return cancelled_ = true, false;
    attach(handle, scope);
    return true;
  }
  // The same for a wait that happens even in a cancelled scope.
  void attach(std::coroutine_handle<> handle, Scope& scope) {
    scope_ = &scope, handle_ = handle;
    scope.waiting_ = this;
  }
  // It turned out that there is nothing to wait for: in await_suspend, before returning false.
  void unattach() { scope_->waiting_ = nullptr, scope_ = nullptr; }
  bool waiting() const { return scope_ != nullptr; }
  Core& core() const { return scope_->core(); }
  void resume_now();
  void resume_soon();
  // In await_resume, first: throws Cancelled.
  void check() const {
    if (cancelled_) throw Cancelled();
  }
  bool cancelled() const { return cancelled_; }
  void abandon() noexcept;

 private:
  friend class Scope;
  void run() override;
  std::coroutine_handle<> handle_;
  Scope* scope_ = nullptr;
  bool cancelled_ = false;
  bool ready_ = false;
};

}  // namespace postroad::net
