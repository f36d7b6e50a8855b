// Board: where the owner of a mailbox puts up its newest snapshot for all sessions to see.
//
// Shared by the owner and the sessions of one mailbox, on any cores. Reading costs a lock of a few
// instructions; a new snapshot wakes each core once, however many of its sessions watch.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "mailbox/session.h"
#include "net/core.h"

namespace postroad::mailbox {

class Board : public std::enable_shared_from_this<Board> {
 public:
  explicit Board(SnapshotPtr first)
      : recent_from_(first->summary.recent_from.value()), latest_(std::move(first)) {}
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  SnapshotPtr latest() const;
  bool gone() const { return gone_.load(std::memory_order_acquire); }

  // The owner.
  void publish(SnapshotPtr next);
  void close();  // the mailbox is no more

  // \Recent belongs to the first session that shows a message (RFC 3501 §2.3.2). This UID and those above
  // have not been shown by any; claim() takes those below `next` and answers where they begin.
  Uid recent_from() const { return Uid{recent_from_.load(std::memory_order_relaxed)}; }
  Uid claim_recent(Uid next);

  // Sessions, each on its own core.
  void join(Selected& session);
  void leave(Selected& session);

 private:
  void wake();
  void wake_here(net::Core& core);
  std::atomic<std::uint32_t> recent_from_;
  mutable std::mutex mutex_;
  SnapshotPtr latest_;
  Selected* first_ = nullptr;
  struct Watching {
    net::Core* core;
    std::size_t sessions;
    bool told;  // a post is under way
  };
  std::vector<Watching> cores_;
  std::atomic<bool> gone_{false};
};

}  // namespace postroad::mailbox
