// Sealing: secrets at rest, and tokens that come back from strangers. XChaCha20-Poly1305 (libsodium): what is
// opened is what was sealed with that key and for that purpose, or nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace postroad::crypto {

// 256 bits, wiped when it goes.
class SealingKey {
 public:
  static constexpr std::size_t octets = 32;
  static SealingKey generate(Random& random = system_random());
  // Nothing unless there are exactly 32 octets.
  static std::optional<SealingKey> from(std::string_view text);
  ~SealingKey();
  SealingKey(const SealingKey&) = default;
  SealingKey& operator=(const SealingKey&) = default;

  std::string_view bytes() const { return {reinterpret_cast<const char*>(key_.data()), key_.size()}; }

 private:
  SealingKey() = default;
  std::array<std::uint8_t, octets> key_{};
};

// 41 octets longer than `plain`: a version, a random nonce of 24 octets, the text, its tag. `purpose` is not
// hidden and not stored: who opens must say the same ("dkim key of example.org"), so that one sealed thing
// cannot be put in the place of another.
std::string seal(const SealingKey& key, std::string_view plain, std::string_view purpose,
                 Random& random = system_random());
std::optional<std::string> open(const SealingKey& key, std::string_view sealed, std::string_view purpose);

}  // namespace postroad::crypto
