#include "net/later.h"

namespace postroad::net {

namespace detail {

bool LaterState::wait(Core& core, LaterWaiter& waiter) {
  core_ = &core;
  waiter_ = &waiter;
  int expected = Open;
  return state_.compare_exchange_strong(expected, Awaited, std::memory_order_acq_rel);
}

void LaterState::complete() {
  if (state_.exchange(Completed, std::memory_order_acq_rel) != Awaited) return;
  references_.fetch_add(1, std::memory_order_relaxed);
  core_->post(*this);
}

// On the waiter's core. The waiter may be gone: cancelled, or its frame destroyed.
void LaterState::run() {
  LaterWaiter* waiter = waiter_;
  if (waiter) {
    waiter_ = nullptr;
    waiter->resume_now();
  }
  release();
}

}  // namespace detail

Signal::~Signal() {
  for (Listener* listener = first_; listener; listener = listener->next_) listener->signal_ = nullptr;
}

void Signal::listen(Listener& listener) {
  listener.signal_ = this;
  listener.prev_ = nullptr;
  listener.next_ = first_;
  if (first_) first_->prev_ = &listener;
  first_ = &listener;
}

void Signal::Listener::stop() {
  if (!signal_) return;
  (prev_ ? prev_->next_ : signal_->first_) = next_;
  if (next_) next_->prev_ = prev_;
  signal_ = nullptr;
}

void Signal::wake_all() {
  while (first_) {
    Listener& listener = *first_;
    listener.stop();
    listener.signalled();
  }
}

void Signal::notify() {
  if (!first_) pending_ = true;
  wake_all();
}

void Signal::latch() {
  latched_ = true;
  wake_all();
}

}  // namespace postroad::net
