#include "crypto/seal.h"

#include <sodium.h>

#include <cstring>
#include <stdexcept>

namespace postroad::crypto {
namespace {

constexpr char version = 1;
constexpr std::size_t nonce_octets = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_octets = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(SealingKey::octets == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

SealingKey SealingKey::generate(Random& random) {
  SealingKey key;
  random.fill(key.key_);
  return key;
}

std::optional<SealingKey> SealingKey::from(std::string_view text) {
  SealingKey key;
  if (text.size() != key.key_.size()) return std::nullopt;
  std::memcpy(key.key_.data(), text.data(), text.size());
  return key;
}

SealingKey::~SealingKey() { sodium_memzero(key_.data(), key_.size()); }

std::string seal(const SealingKey& key, std::string_view plain, std::string_view purpose, Random& random) {
  const std::string nonce = random.bytes(nonce_octets);
  std::string out = version + nonce;
  const std::size_t head = out.size();
  out.resize(head + plain.size() + tag_octets);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      reinterpret_cast<unsigned char*>(out.data()) + head, nullptr, octets_of(plain), plain.size(),
      octets_of(purpose), purpose.size(), nullptr, octets_of(nonce), octets_of(key.bytes()));
  return out;
}

std::optional<std::string> open(const SealingKey& key, std::string_view sealed, std::string_view purpose) {
  if (sealed.size() < 1 + nonce_octets + tag_octets || sealed.front() != version) return std::nullopt;
  const auto nonce = sealed.substr(1, nonce_octets), text = sealed.substr(1 + nonce_octets);
  std::string plain(text.size() - tag_octets, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          reinterpret_cast<unsigned char*>(plain.data()), nullptr, nullptr, octets_of(text), text.size(),
          octets_of(purpose), purpose.size(), octets_of(nonce), octets_of(key.bytes())) != 0)
    return std::nullopt;
  return plain;
}

}  // namespace postroad::crypto
