#include "net/core.h"

#include <stdexcept>
#include <thread>

namespace postroad::net {

namespace {

thread_local Core* current_core = nullptr;
thread_local const char thread_mark = 0;  // its address names the thread

// A posted closure.
class Posted final : public Work {
 public:
  explicit Posted(std::move_only_function<void()> work) : work_(std::move(work)) {}
  void run() override {
    const std::unique_ptr<Posted> self(this);
    work_();
  }
  void dropped() override { delete this; }

 private:
  std::move_only_function<void()> work_;
};

}  // namespace

Core* Core::current() { return current_core; }

Core& Core::here() {
  if (!current_core) throw std::logic_error("net: this thread runs no core");
  return *current_core;
}

Core::Running::Running(Core& core) : before_(current_core), core_(core) {
  current_core = &core;
  core.running_.store(&thread_mark, std::memory_order_relaxed);
}
Core::Running::~Running() {
  core_.running_.store(nullptr, std::memory_order_relaxed);
  current_core = before_;
}

bool Core::may_touch() const {
  const void* runner = running_.load(std::memory_order_relaxed);
  return runner == nullptr || runner == &thread_mark;
}

Core::~Core() { drop_all(); }

void Core::drop_all() {
  while (has_ready()) {
    auto& work = static_cast<Work&>(*ready_.next);
    withdraw(work);
    work.dropped();
  }
}

void Core::post(std::move_only_function<void()> work) { post(*new Posted(std::move(work))); }

// The posted form a stack, newest on top; the core takes the whole stack and turns it over.
void Core::post(Work& work) {
  Work* top = posted_.load(std::memory_order_relaxed);
  do {
    static_cast<WorkLink&>(work).next = top;
  } while (!posted_.compare_exchange_weak(top, &work, std::memory_order_seq_cst, std::memory_order_relaxed));
  if (sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false, std::memory_order_seq_cst))
    wake();
}

void Core::take_posted() {
  if (!posted_.load(std::memory_order_relaxed)) return;
  WorkLink* taken = posted_.exchange(nullptr, std::memory_order_acquire);
  WorkLink* oldest_first = nullptr;
  while (taken) {
    WorkLink* next = taken->next;
    taken->next = oldest_first;
    oldest_first = taken;
    taken = next;
  }
  while (oldest_first) {
    WorkLink* next = oldest_first->next;
    make_ready(*static_cast<Work*>(oldest_first));
    oldest_first = next;
  }
}

void Core::make_ready(Work& work) {
  WorkLink& link = work;
  link.prev = ready_.prev;
  link.next = &ready_;
  ready_.prev->next = &link;
  ready_.prev = &link;
}

void Core::withdraw(Work& work) {
  WorkLink& link = work;
  link.prev->next = link.next;
  link.next->prev = link.prev;
  link.next = link.prev = nullptr;
}

bool Core::run_one_ready() {
  take_posted();
  if (ready_.next == &ready_) return false;
  auto& work = static_cast<Work&>(*ready_.next);
  withdraw(work);
  work.run();
  return true;
}

bool Core::has_ready() {
  take_posted();
  return ready_.next != &ready_;
}

// The poster pushes, then looks whether the core sleeps; the core says it sleeps, then looks whether
// anything was pushed. In the one order of all these (seq_cst) at least one of them sees the other.
bool Core::may_sleep() {
  sleeping_.store(true, std::memory_order_seq_cst);
  if (posted_.load(std::memory_order_seq_cst) == nullptr && ready_.next == &ready_) return true;
  sleeping_.store(false, std::memory_order_relaxed);
  return false;
}

// --- timers ---

Timer::~Timer() {
  if (queue_) queue_->remove(slot_);
}

TimerQueue::~TimerQueue() {
  for (const Entry& entry : heap_) entry.timer->queue_ = nullptr;
}

void TimerQueue::place(std::uint32_t slot, Entry entry) {
  heap_[slot] = entry;
  entry.timer->slot_ = slot;
}

void TimerQueue::up(std::uint32_t slot, Entry entry) {
  while (slot > 0) {
    const std::uint32_t parent = (slot - 1) / 4;
    if (!entry.before(heap_[parent])) break;
    place(slot, heap_[parent]);
    slot = parent;
  }
  place(slot, entry);
}

void TimerQueue::down(std::uint32_t slot, Entry entry) {
  const auto size = static_cast<std::uint32_t>(heap_.size());
  for (;;) {
    const std::uint32_t first = 4 * slot + 1;
    if (first >= size) break;
    std::uint32_t least = first;
    for (std::uint32_t child = first + 1; child < std::min(first + 4, size); ++child)
      if (heap_[child].before(heap_[least])) least = child;
    if (!heap_[least].before(entry)) break;
    place(slot, heap_[least]);
    slot = least;
  }
  place(slot, entry);
}

void TimerQueue::arm(Timer& timer, Instant at) {
  timer.due_ = at;
  if (!timer.queue_) {
    timer.queue_ = this;
    const Entry entry{at, ++order_, &timer};
    heap_.push_back(entry);
    up(static_cast<std::uint32_t>(heap_.size() - 1), entry);
  } else if (timer.queue_ != this) {
    throw std::logic_error("net: a timer belongs to the core that armed it first");
  } else if (at < heap_[timer.slot_].at) {
    up(timer.slot_, Entry{at, ++order_, &timer});
  }  // later than its entry: corrected when that comes to the top
}

void TimerQueue::remove(std::uint32_t slot) {
  heap_[slot].timer->queue_ = nullptr;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (slot == heap_.size()) return;
  if (slot > 0 && last.before(heap_[(slot - 1) / 4]))
    up(slot, last);
  else
    down(slot, last);
}

// Until the top is an armed timer's true instant.
void TimerQueue::settle_top() {
  while (!heap_.empty()) {
    const Entry top = heap_.front();
    if (top.timer->due_ == top.at) return;
    if (top.timer->due_ == Timer::never)
      remove(0);
    else
      down(0, Entry{top.timer->due_, ++order_, top.timer});
  }
}

Instant TimerQueue::next() {
  settle_top();
  return heap_.empty() ? Timer::never : heap_.front().at;
}

bool TimerQueue::fire_one(Instant now) {
  if (heap_.empty() || heap_.front().at > now) return false;  // most calls end here
  if (next() > now) return false;
  Timer& timer = *heap_.front().timer;
  remove(0);
  timer.due_ = Timer::never;
  timer.fired();
  return true;
}

// --- waiting ---

void Scope::cancel() {
  cancelled_ = true;
  if (waiting_ && !waiting_->ready_) waiting_->cancel();
}

void Waiter::cancel() noexcept {
  forget();
  cancelled_ = true;
  resume_soon();
}

void Waiter::run() {
  ready_ = false;
  resume_now();
}

void Waiter::resume_now() {
  scope_->waiting_ = nullptr;
  scope_ = nullptr;
  handle_.resume();
}

void Waiter::resume_soon() {
  ready_ = true;
  scope_->core().make_ready(*this);
}

void Waiter::abandon() noexcept {
  if (!scope_) return;
  if (ready_)
    scope_->core().withdraw(*this);
  else
    forget();
  scope_->waiting_ = nullptr;
  scope_ = nullptr;
}

}  // namespace postroad::net
