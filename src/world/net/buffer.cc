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
constexpr bool keeps_blocks = false;
#else
constexpr bool keeps_blocks = true;
#endif
constexpr std::size_t largest = std::size_t{1} << 30;

// Free blocks of one size. Plain memory, so that using it needs no guard; Sweeper empties it when the thread
// ends.
template <std::size_t size, std::size_t most>
struct Store {
  char* blocks[most];
  std::size_t count;

  char* take() { return count > 0 ? blocks[--count] : nullptr; }
  bool keep(char* memory) {
    if (!keeps_blocks || count == most) return false;
    blocks[count++] = memory;
    return true;
  }
};
constinit thread_local Store<Buffer::block, 64> usual{};        // 1 MiB a thread
constinit thread_local Store<Buffer::large_block, 16> large{};  // 1 MiB a thread

struct Sweeper {
  ~Sweeper() {
    while (char* memory = usual.take()) std::free(memory);
    while (char* memory = large.take()) std::free(memory);
  }
};

char* allocate(std::size_t octets) {
  char* memory = octets == Buffer::block         ? usual.take()
                 : octets == Buffer::large_block ? large.take()
                                                 : nullptr;
  if (!memory) memory = static_cast<char*>(std::malloc(octets));
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

void Buffer::give_back() {
  if (usual.count + large.count == 0) static thread_local const Sweeper sweeper;
  const bool kept = capacity_ == block         ? usual.keep(memory_)
                    : capacity_ == large_block ? large.keep(memory_)
                                               : false;
  if (!kept) std::free(memory_);
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
