#include "mime/sweep.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace postroad::mime {
namespace {

// Clang's vectors: SSE2 on x86-64, NEON on arm64, no dispatch at run time.
using Octets = unsigned char __attribute__((ext_vector_type(64)));
using Bits = bool __attribute__((ext_vector_type(64)));
constexpr unsigned block = 64;

std::uint64_t where(const Octets& octets, unsigned char c) {
  return __builtin_bit_cast(std::uint64_t, __builtin_convertvector(octets == c, Bits));
}
std::uint64_t where_high(const Octets& octets) {
  return __builtin_bit_cast(std::uint64_t,
                            __builtin_convertvector(octets >= static_cast<unsigned char>(0x80), Bits));
}
std::uint64_t first(unsigned n) { return n >= block ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1; }

}  // namespace

std::size_t Sweep::look(std::string_view in, bool stop) {
  std::size_t at = 0;
  while (at < in.size()) {
    Octets octets;
    unsigned n = static_cast<unsigned>(std::min<std::size_t>(block, in.size() - at));
    if (n == block) {
      std::memcpy(&octets, in.data() + at, block);
    } else {
      octets = 0;
      std::memcpy(&octets, in.data() + at, n);
    }
    const std::uint64_t lf = where(octets, '\n');
    bool stopped = false;
    if (stop) {
      const std::uint64_t starts = lf << 1 | static_cast<std::uint64_t>(last_lf_);
      const std::uint64_t dashes = where(octets, '-') & starts & first(n);
      if (dashes != 0) {
        n = static_cast<unsigned>(std::countr_zero(dashes));
        stopped = true;
        if (n == 0) return at;
      }
    }
    const std::uint64_t seen = first(n);
    eight_bit_ |= (where_high(octets) & seen) != 0;
    nul_ |= (where(octets, 0) & seen) != 0;
    take(lf & seen, where(octets, '\r') & seen, n);
    at += n;
    if (stopped) return at;
  }
  return at;
}

void Sweep::take(std::uint64_t lf, std::uint64_t cr, unsigned octets) {
  const std::uint64_t after_cr = cr << 1 | static_cast<std::uint64_t>(last_cr_);
  bare_lf_ |= (lf & ~after_cr) != 0;
  bare_cr_ |= (after_cr & ~lf & first(octets)) != 0;
  if (lf != 0) {
    const auto length = [&](unsigned end) {
      const std::uint64_t octets_before = octets_ + end - line_start_;
      return octets_before - (after_cr >> end & 1);
    };
    // Of the lines that end in this block only the first can be longer than the block.
    const unsigned first_end = static_cast<unsigned>(std::countr_zero(lf));
    longest_ = std::max(longest_, length(first_end));
    const unsigned last_end = block - 1 - static_cast<unsigned>(std::countl_zero(lf));
    if (longest_ < block) {
      for (std::uint64_t more = lf; more != 0; more &= more - 1) {
        const unsigned end = static_cast<unsigned>(std::countr_zero(more));
        longest_ = std::max(longest_, length(end));
        line_start_ = octets_ + end + 1;
      }
    }
    line_start_ = octets_ + last_end + 1;
    line_feeds_ += static_cast<unsigned>(std::popcount(lf));
    lf_after_cr_ = after_cr >> last_end & 1;
  }
  last_lf_ = lf >> (octets - 1) & 1;
  last_cr_ = cr >> (octets - 1) & 1;
  octets_ += octets;
}

std::uint64_t Sweep::longest_line() const {
  const std::uint64_t open = octets_ - line_start_;
  return std::max(longest_, open - (last_cr_ && open > 0 ? 1 : 0));
}

}  // namespace postroad::mime
