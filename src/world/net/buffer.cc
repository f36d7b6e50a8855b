#include "net/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

namespace postroad::net {

namespace {

// Under ASan every block is malloc's own, so that a stale view is found.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POSTROAD_NO_BLOCK_STORE
#endif
#endif

#ifdef POSTROAD_NO_BLOCK_STORE
constexpr std::size_t kept_blocks = 0;
#else
constexpr std::size_t kept_blocks = 64;  // 1 MiB a thread
#endif
constexpr std::size_t small = 1024;
constexpr std::size_t largest = std::size_t{1} << 30;

struct BlockStore {
  std::vector<char*> blocks;
  ~BlockStore() {
    for (char* b : blocks) std::free(b);
  }
};
thread_local BlockStore store;

char* allocate(std::size_t octets) {
  if (octets == Buffer::block && !store.blocks.empty()) {
    char* memory = store.blocks.back();
    store.blocks.pop_back();
    return memory;
  }
  auto* memory = static_cast<char*>(std::malloc(octets));
  if (!memory) throw std::bad_alloc();
  return memory;
}

void give_back(char* memory, std::size_t octets) {
  if (octets == Buffer::block && store.blocks.size() < kept_blocks)
    store.blocks.push_back(memory);
  else
    std::free(memory);
}

}  // namespace

void Buffer::drop() {
  if (memory_) give_back(memory_, capacity_);
  memory_ = nullptr;
  begin_ = end_ = capacity_ = 0;
}

void Buffer::move_to(std::size_t capacity) {
  if (capacity > largest) throw std::bad_alloc();
  char* memory = allocate(capacity);
  const auto octets = static_cast<std::uint32_t>(size());
  if (octets) std::memcpy(memory, memory_ + begin_, octets);
  drop();
  memory_ = memory;
  end_ = octets;
  capacity_ = static_cast<std::uint32_t>(capacity);
}

std::span<char> Buffer::room(std::size_t wanted) {
  if (empty()) begin_ = end_ = 0;
  if (capacity_ - end_ < wanted) {
    if (capacity_ - size() >= wanted && begin_ >= size()) {  // the copied are no more than the consumed
      std::memcpy(memory_, memory_ + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    } else {
      move_to(std::max(block, std::max(size() + wanted, std::size_t{2} * size())));
    }
  }
  return {memory_ + end_, capacity_ - end_};
}

void Buffer::append(std::string_view octets) {
  if (octets.empty()) return;
  std::memcpy(room(octets.size()).data(), octets.data(), octets.size());
  commit(octets.size());
}

void Buffer::shrink() {
  if (empty())
    drop();
  else if (size() <= small && capacity_ > small)
    move_to(small);
}

}  // namespace postroad::net
