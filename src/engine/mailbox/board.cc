#include "mailbox/board.h"

#include <algorithm>
#include <utility>

namespace postroad::mailbox {

SnapshotPtr Board::latest() const {
  const std::lock_guard lock(mutex_);
  return latest_;
}

void Board::publish(SnapshotPtr next) {
  {
    const std::lock_guard lock(mutex_);
    latest_.swap(next);
  }
  wake();  // what was latest dies outside the lock
}

void Board::close() {
  gone_.store(true, std::memory_order_release);
  wake();
}

Uid Board::claim_recent(Uid next) {
  std::uint32_t from = recent_from_.load(std::memory_order_relaxed);
  while (from < next.value() && !recent_from_.compare_exchange_weak(from, next.value())) {
  }
  return Uid{std::min(from, next.value())};
}

void Board::join(Selected& session) {
  const std::lock_guard lock(mutex_);
  session.next_ = first_;
  if (first_) first_->prev_ = &session;
  first_ = &session;
  for (Watching& w : cores_)
    if (w.core == &session.core_) return void(++w.sessions);
  cores_.push_back({&session.core_, 1, false});
}

void Board::leave(Selected& session) {
  const std::lock_guard lock(mutex_);
  (session.prev_ ? session.prev_->next_ : first_) = session.next_;
  if (session.next_) session.next_->prev_ = session.prev_;
  for (Watching& w : cores_)
    if (w.core == &session.core_) --w.sessions;
}

// Each core that has sessions here gets one post; it finds them itself, so that a session may leave
// meanwhile.
void Board::wake() {
  const std::lock_guard lock(mutex_);
  for (Watching& w : cores_) {
    if (w.sessions == 0 || std::exchange(w.told, true)) continue;
    w.core->post([board = shared_from_this(), core = w.core] { board->wake_here(*core); });
  }
}

void Board::wake_here(net::Core& core) {
  const std::lock_guard lock(mutex_);
  for (Watching& w : cores_)
    if (w.core == &core) w.told = false;
  for (Selected* s = first_; s; s = s->next_)
    if (&s->core_ == &core) s->changed_.notify();
}

}  // namespace postroad::mailbox
