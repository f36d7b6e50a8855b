// Random: unguessable octets, and identifiers made of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace postroad {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;
  std::uint64_t u64();
  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  std::string bytes(std::size_t n);
};

// getrandom(2), with a buffer per thread. Never fails: a kernel without it ends the process.
Random& system_random();

// Repeats for one seed: tests and the simulation only, never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::uint64_t state_;
};

}  // namespace postroad
