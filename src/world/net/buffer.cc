#include "net/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

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
constexpr std::size_t largest = std::size_t{1} << 30;

// Plain memory, so that using it needs no guard; Sweeper empties it when the thread ends.
struct BlockStore {
  char* blocks[kept_blocks + 1];
  std::size_t count;
};
constinit thread_local BlockStore store{};

struct Sweeper {
  ~Sweeper() {
    while (store.count > 0) std::free(store.blocks[--store.count]);
  }
};

char* allocate(std::size_t octets) {
  if (octets == Buffer::block && store.count > 0) return store.blocks[--store.count];
  auto* memory = static_cast<char*>(std::malloc(octets));
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

void Buffer::give_back() {
  if (capacity_ != block || store.count >= kept_blocks) {
    std::free(memory_);
  } else {
    if (store.count == 0) static thread_local const Sweeper sweeper;
    store.blocks[store.count++] = memory_;
  }
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

void Buffer::make_room(std::size_t wanted) {
  if (!memory_ && wanted <= block) {
    memory_ = allocate(block);
    capacity_ = block;
  } else if (capacity_ - size() >= wanted && begin_ >= size()) {  // the copied are no more than the consumed
    std::memcpy(memory_, memory_ + begin_, size());
    end_ -= begin_;
    begin_ = 0;
  } else {
    move_to(std::max({block, size() + wanted, 2 * size()}));
  }
}

void Buffer::append(std::string_view octets) {
  if (octets.empty()) return;
  std::memcpy(room(octets.size()).data(), octets.data(), octets.size());
  commit(octets.size());
}

}  // namespace postroad::net
