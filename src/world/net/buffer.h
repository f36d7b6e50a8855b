// Buffer: octets between the wire and a session. Private to world/net.
//
// One piece of memory with what is unread in the middle; none at all while it is empty and released. Blocks
// of the usual size come from a small store of the thread, so that a busy connection costs no malloc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace postroad::net {

class Buffer {
 public:
  static constexpr std::size_t block = 16 * 1024;        // the usual size
  static constexpr std::size_t large_block = 64 * 1024;  // while much comes at once

  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { drop(); }

  std::string_view view() const { return {memory_ + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  void consume(std::size_t octets) { begin_ += static_cast<std::uint32_t>(octets); }

  // At least `wanted` octets of room behind the contents, which may move; commit() what was put there.
  std::span<char> room(std::size_t wanted) {
    if (empty()) begin_ = end_ = 0;
    if (capacity_ - end_ < wanted) make_room(wanted);
    return {memory_ + end_, capacity_ - end_};
  }
  void commit(std::size_t octets) { end_ += static_cast<std::uint32_t>(octets); }
  void append(std::string_view octets);

  void release_if_empty() {
    if (empty()) drop();
  }
  // Holds no more memory than a few octets need: for a wait in the middle of a line.
  void shrink() {
    if (empty())
      drop();
    else if (size() <= few && capacity_ > few)
      move_to(few);
  }
  void drop() {  // contents and memory
    if (memory_) give_back();
  }

 private:
  static constexpr std::size_t few = 1024;
  void make_room(std::size_t wanted);
  void move_to(std::size_t capacity);
  void give_back();
  char* memory_ = nullptr;
  std::uint32_t begin_ = 0, end_ = 0, capacity_ = 0;
};

}  // namespace postroad::net
