#include "base/random.h"

#include <sys/random.h>

#include <cstdlib>
#include <cstring>

namespace postroad {
namespace {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (std::size_t done = 0; done < out.size();) {
      const std::size_t n = std::min(out.size() - done, sizeof pool_);
      if (n > left_) refill();
      left_ -= n;
      std::memcpy(out.data() + done, pool_ + left_, n);
      std::memset(pool_ + left_, 0, n);  // given out once, kept nowhere
      done += n;
    }
  }

 private:
  static void refill() {
    if (getrandom(pool_, sizeof pool_, 0) != static_cast<ssize_t>(sizeof pool_)) std::abort();
    left_ = sizeof pool_;
  }
  static thread_local std::uint8_t pool_[256];
  static thread_local std::size_t left_;
};

thread_local std::uint8_t SystemRandom::pool_[256];
thread_local std::size_t SystemRandom::left_ = 0;

}  // namespace

std::uint64_t Random::u64() {
  std::uint8_t octets[8];
  fill(octets);
  std::uint64_t v;
  std::memcpy(&v, octets, sizeof v);
  return v;
}

std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t skewed = (0 - bound) % bound;  // values under this would be too frequent
  for (;;)
    if (const std::uint64_t v = u64(); v >= skewed) return v % bound;
}

std::string Random::bytes(std::size_t n) {
  std::string out(n, '\0');
  fill({reinterpret_cast<std::uint8_t*>(out.data()), n});
  return out;
}

Random& system_random() {
  static SystemRandom random;
  return random;
}

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
void SeededRandom::fill(std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); i += 8) {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    std::memcpy(out.data() + i, &z, std::min<std::size_t>(8, out.size() - i));
  }
}

}  // namespace postroad
