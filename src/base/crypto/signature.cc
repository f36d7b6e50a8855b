#include "crypto/signature.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <new>
#include <optional>
#include <stdexcept>

namespace postroad::crypto {

struct Pkey {
  EVP_PKEY* key;
  explicit Pkey(EVP_PKEY* k) : key(k) {}
  ~Pkey() { EVP_PKEY_free(key); }
  Pkey(const Pkey&) = delete;
  Pkey& operator=(const Pkey&) = delete;
};

namespace {

constexpr int fewest_bits = 1024, most_bits = 4096;
constexpr std::size_t ed25519_octets = 32;

using Shared = std::shared_ptr<const Pkey>;

const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

[[noreturn]] void failed() { throw std::runtime_error("OpenSSL could not work with a key"); }

const EVP_MD* algorithm(Hash hash) {
  switch (hash) {
    case Hash::Md5: return EVP_md5();
    case Hash::Sha1: return EVP_sha1();
    case Hash::Sha256: return EVP_sha256();
    case Hash::Sha512: return EVP_sha512();
  }
  return nullptr;
}

// What a stranger publishes may be anything; what we use must be neither breakable nor slow (attack 52).
std::optional<KeyError> rsa_problem(EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < fewest_bits) return KeyError::WeakKey;
  if (bits > most_bits) return KeyError::CostlyKey;
  BIGNUM* exponent = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) return KeyError::Malformed;
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> owned(exponent, BN_free);
  if (!BN_is_odd(exponent) || BN_is_one(exponent)) return KeyError::WeakKey;
  if (BN_num_bits(exponent) > 32) return KeyError::CostlyKey;
  return std::nullopt;
}

Result<Shared, KeyError> rsa_public(std::string_view der) {
  const unsigned char* at = octets_of(der);
  const auto* const end = at + der.size();
  EVP_PKEY* key = d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size()));
  if (!key) {
    at = octets_of(der);
    key = d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(der.size()));
  }
  if (!key) return refuse(KeyError::Malformed);
  auto shared = std::make_shared<const Pkey>(key);
  if (at != end) return refuse(KeyError::Malformed);
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return refuse(KeyError::WrongType);
  if (const auto problem = rsa_problem(key)) return refuse(*problem);
  return shared;
}

struct Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  Context() {
    if (!md) throw std::bad_alloc();
  }
  ~Context() { EVP_MD_CTX_free(md); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

}  // namespace

Result<PublicKey, KeyError> PublicKey::from_octets(KeyType type, std::string_view octets) {
  if (type == KeyType::Rsa) {
    auto key = rsa_public(octets);
    if (!key) return refuse(key.error());
    return PublicKey(type, std::move(*key));
  }
  if (octets.size() != ed25519_octets) return refuse(KeyError::Malformed);
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets_of(octets), octets.size());
  if (!key) return refuse(KeyError::Malformed);
  return PublicKey(type, std::make_shared<const Pkey>(key));
}

unsigned PublicKey::bits() const { return static_cast<unsigned>(EVP_PKEY_get_bits(key_->key)); }

bool PublicKey::verify(Hash hash, std::string_view octets, std::string_view signature) const {
  const Context context;
  const EVP_MD* md = type_ == KeyType::Rsa ? algorithm(hash) : nullptr;
  return EVP_DigestVerifyInit(context.md, nullptr, md, nullptr, key_->key) == 1 &&
         EVP_DigestVerify(context.md, octets_of(signature), signature.size(), octets_of(octets),
                          octets.size()) == 1;
}

std::string PublicKey::octets() const {
  if (type_ == KeyType::Ed25519) {
    std::string out(ed25519_octets, '\0');
    std::size_t size = out.size();
    if (EVP_PKEY_get_raw_public_key(key_->key, octets_of(out), &size) != 1) failed();
    return out;
  }
  const int size = i2d_PUBKEY(key_->key, nullptr);
  if (size <= 0) failed();
  std::string out(static_cast<std::size_t>(size), '\0');
  unsigned char* at = octets_of(out);
  i2d_PUBKEY(key_->key, &at);
  return out;
}

PrivateKey PrivateKey::generate(KeyType type, unsigned rsa_bits) {
  EVP_PKEY* key = type == KeyType::Rsa
                      ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(rsa_bits))
                      : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (!key) failed();
  return PrivateKey(PublicKey(type, std::make_shared<const Pkey>(key)));
}

Result<PrivateKey, KeyError> PrivateKey::from_pem(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  if (!in) throw std::bad_alloc();
  // Without this OpenSSL would ask at the terminal for the passphrase of an encrypted key.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr);
  if (!key) return refuse(KeyError::Malformed);
  auto shared = std::make_shared<const Pkey>(key);
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      if (const auto problem = rsa_problem(key)) return refuse(*problem);
      return PrivateKey(PublicKey(KeyType::Rsa, std::move(shared)));
    case EVP_PKEY_ED25519: return PrivateKey(PublicKey(KeyType::Ed25519, std::move(shared)));
    default: return refuse(KeyError::WrongType);
  }
}

std::string PrivateKey::pem() const {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  if (!out ||
      PEM_write_bio_PKCS8PrivateKey(out.get(), public_.key_->key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    failed();
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string PrivateKey::sign(Hash hash, std::string_view octets) const {
  const Context context;
  const EVP_MD* md = type() == KeyType::Rsa ? algorithm(hash) : nullptr;
  std::size_t size = 0;
  if (EVP_DigestSignInit(context.md, nullptr, md, nullptr, public_.key_->key) != 1 ||
      EVP_DigestSign(context.md, nullptr, &size, octets_of(octets), octets.size()) != 1)
    failed();
  std::string out(size, '\0');
  if (EVP_DigestSign(context.md, octets_of(out), &size, octets_of(octets), octets.size()) != 1) failed();
  out.resize(size);
  return out;
}

std::string_view describe(KeyError error) {
  switch (error) {
    case KeyError::Malformed: return "that is not a key";
    case KeyError::WrongType: return "the key is of another algorithm";
    case KeyError::WeakKey: return "the key is too weak";
    case KeyError::CostlyKey: return "the key is larger than 4096 bits, or its exponent than 32";
  }
  return "the key is not valid";
}

}  // namespace postroad::crypto
