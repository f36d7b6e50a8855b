// Checksums for our own records and segments: against flipped bits, not against enemies.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace postroad::crypto {

std::uint64_t xxh3(std::string_view octets);  // XXH3, 64 bits, seed 0

// The same over pieces.
class Xxh3 {
 public:
  Xxh3();
  ~Xxh3();
  Xxh3(Xxh3&&) noexcept;
  Xxh3& operator=(Xxh3&&) noexcept;
  void update(std::string_view octets);
  std::uint64_t digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postroad::crypto
