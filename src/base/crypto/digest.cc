#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <new>
#include <stdexcept>

namespace postroad::crypto {
namespace {

const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// Fetched once: OpenSSL 3 otherwise looks a digest up by name at each use, which costs more than a short
// digest.
const EVP_MD* algorithm(Hash hash) {
  static const EVP_MD* const algorithms[] = {
      EVP_MD_fetch(nullptr, "MD5", nullptr), EVP_MD_fetch(nullptr, "SHA1", nullptr),
      EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_fetch(nullptr, "SHA512", nullptr)};
  const EVP_MD* md = algorithms[static_cast<std::size_t>(hash)];
  if (!md) throw std::runtime_error("OpenSSL has no such digest");
  return md;
}

// None of these fails but for want of memory or for a mistake of ours.
void must(int result) {
  if (result != 1) throw std::runtime_error("OpenSSL digest failed");
}

}  // namespace

struct Digester::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Hash hash;
  explicit State(Hash h) : hash(h) {
    if (!context) throw std::bad_alloc();
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Digester::Digester(Hash hash) : state_(new State(hash)) {
  must(EVP_DigestInit_ex(state_->context, algorithm(hash), nullptr));
}
Digester::~Digester() = default;
Digester::Digester(Digester&&) noexcept = default;
Digester& Digester::operator=(Digester&&) noexcept = default;

void Digester::update(std::string_view octets) {
  must(EVP_DigestUpdate(state_->context, octets.data(), octets.size()));
}

std::string Digester::finish() {
  std::string out(digest_size(state_->hash), '\0');
  must(EVP_DigestFinal_ex(state_->context, octets_of(out), nullptr));
  return out;
}

std::string digest(Hash hash, std::string_view octets) {
  std::string out(digest_size(hash), '\0');
  must(EVP_Digest(octets.data(), octets.size(), octets_of(out), nullptr, algorithm(hash), nullptr));
  return out;
}

std::string hmac(Hash hash, std::string_view key, std::string_view octets) {
  std::string out(digest_size(hash), '\0');
  // A null key would mean "the key of last time" to OpenSSL.
  const char* key_data = key.empty() ? "" : key.data();
  if (!HMAC(algorithm(hash), key_data, static_cast<int>(key.size()), octets_of(octets), octets.size(),
            octets_of(out), nullptr))
    throw std::runtime_error("OpenSSL HMAC failed");
  return out;
}

std::string pbkdf2(Hash hash, std::string_view password, std::string_view salt, std::uint32_t iterations,
                   std::size_t octets) {
  std::string out(octets, '\0');
  const char* password_data = password.empty() ? "" : password.data();
  must(PKCS5_PBKDF2_HMAC(password_data, static_cast<int>(password.size()), octets_of(salt),
                         static_cast<int>(salt.size()), static_cast<int>(iterations), algorithm(hash),
                         static_cast<int>(octets), octets_of(out)));
  return out;
}

std::string hkdf(Hash hash, std::string_view key, std::string_view salt, std::string_view info,
                 std::size_t octets) {
  if (octets > 255 * digest_size(hash)) throw std::logic_error("HKDF gives at most 255 digests");
  const std::string no_salt(digest_size(hash), '\0');
  std::string extracted = hmac(hash, salt.empty() ? no_salt : salt, key);
  std::string out, block;
  for (char counter = 1; out.size() < octets; ++counter) {
    block = hmac(hash, extracted, block + std::string(info) + counter);
    out += block;
  }
  wipe(extracted);
  out.resize(octets);
  return out;
}

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace postroad::crypto
