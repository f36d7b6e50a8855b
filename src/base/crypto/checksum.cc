#include "crypto/checksum.h"

#define XXH_STATIC_LINKING_ONLY  // the state by value
#include <xxhash.h>

namespace postroad::crypto {

struct Xxh3::State {
  XXH3_state_t xxh;
};

std::uint64_t xxh3(std::string_view octets) { return XXH3_64bits(octets.data(), octets.size()); }

Xxh3::Xxh3() : state_(new State) { XXH3_64bits_reset(&state_->xxh); }
Xxh3::~Xxh3() = default;
Xxh3::Xxh3(Xxh3&&) noexcept = default;
Xxh3& Xxh3::operator=(Xxh3&&) noexcept = default;
void Xxh3::update(std::string_view octets) { XXH3_64bits_update(&state_->xxh, octets.data(), octets.size()); }
std::uint64_t Xxh3::digest() const { return XXH3_64bits_digest(&state_->xxh); }

}  // namespace postroad::crypto
