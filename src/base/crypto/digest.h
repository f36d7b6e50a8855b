// Digests, HMAC and what is derived from them. Octets in, octets out; hex() and base64() are in
// base/encoding.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace postroad::crypto {

// MD5 and SHA-1 are here for what others have written with them (imported passwords, SCRAM-SHA-1, old DKIM),
// never for something of ours.
enum class Hash : std::uint8_t { Md5, Sha1, Sha256, Sha512 };

constexpr std::size_t digest_size(Hash hash) {
  switch (hash) {
    case Hash::Md5: return 16;
    case Hash::Sha1: return 20;
    case Hash::Sha256: return 32;
    case Hash::Sha512: return 64;
  }
  return 0;
}

std::string digest(Hash hash, std::string_view octets);

// The same over pieces.
class Digester {
 public:
  explicit Digester(Hash hash);
  ~Digester();
  Digester(Digester&&) noexcept;
  Digester& operator=(Digester&&) noexcept;
  void update(std::string_view octets);
  std::string finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hmac(Hash hash, std::string_view key, std::string_view octets);  // RFC 2104

// RFC 8018 §5.2 with HMAC. Takes `iterations` x a microsecond: run it on the pool for what blocks.
std::string pbkdf2(Hash hash, std::string_view password, std::string_view salt, std::uint32_t iterations,
                   std::size_t octets);

// RFC 5869, extract and expand: many keys out of one, told apart by `info`. At most 255 digests long.
std::string hkdf(Hash hash, std::string_view key, std::string_view salt, std::string_view info,
                 std::size_t octets);

// Takes as long whatever differs, and where. Texts of different lengths differ at once.
bool equal(std::string_view a, std::string_view b);

// Overwrites, and is not optimised away.
void wipe(std::string& secret);

}  // namespace postroad::crypto
