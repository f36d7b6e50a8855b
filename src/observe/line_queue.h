// LineQueue: many threads put lines in, one takes them out; nobody waits for anybody.
//
// A ring of slots, each with a turn (Dmitry Vyukov's bounded queue). A slot may be filled when its turn
// equals the position of the one who puts, and emptied when it is one more; a full ring refuses.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace postroad::observe {

class LineQueue {
 public:
  // `size` is a power of two.
  explicit LineQueue(std::size_t size) : mask_(size - 1), slots_(new Slot[size]) {
    for (std::size_t i = 0; i < size; ++i) slots_[i].turn.store(i, std::memory_order_relaxed);
  }

  bool push(std::string&& line) {
    std::size_t at = head_.load(std::memory_order_relaxed);
    while (true) {
      Slot& slot = slots_[at & mask_];
      const std::size_t turn = slot.turn.load(std::memory_order_acquire);
      if (turn == at) {
        if (!head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        slot.line = std::move(line);
        // Sequentially consistent: who pushes looks afterwards whether the other side sleeps.
        slot.turn.store(at + 1);
        return true;
      }
      if (turn < at) return false;  // still filled from the round before
      at = head_.load(std::memory_order_relaxed);
    }
  }

  // Only ever by one thread.
  std::optional<std::string> pop() {
    Slot& slot = slots_[tail_ & mask_];
    if (slot.turn.load(std::memory_order_acquire) != tail_ + 1) return std::nullopt;
    std::string line = std::move(slot.line);
    slot.turn.store(tail_ + mask_ + 1, std::memory_order_release);
    ++tail_;
    return line;
  }
  bool empty() const { return slots_[tail_ & mask_].turn.load() != tail_ + 1; }  // for the one who pops

  std::size_t pushed() const { return head_.load(); }

 private:
  struct alignas(64) Slot {
    std::atomic<std::size_t> turn;
    std::string line;
  };
  std::size_t mask_;
  std::unique_ptr<Slot[]> slots_;
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::size_t tail_ = 0;
};

}  // namespace postroad::observe
