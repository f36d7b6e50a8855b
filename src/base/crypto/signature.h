// Signatures of RSA (PKCS #1 v1.5, RFC 8017 §8.2) and Ed25519 (RFC 8032): what DKIM and ARC are made of.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/digest.h"

namespace postroad::crypto {

enum class KeyType { Rsa, Ed25519 };

enum class KeyError {
  Malformed,  // no key, or one with something behind it
  WrongType,  // of another algorithm than asked for
  WeakKey,    // RSA under 1024 bits (RFC 8301 §3.2), or with an exponent that is even or less than 3
  CostlyKey,  // RSA over 4096 bits, or with an exponent over 32 bits: a stranger's key must not cost us time
};
std::string_view describe(KeyError error);

struct Pkey;  // OpenSSL's, behind the wall

class PublicKey {
 public:
  // RSA: SubjectPublicKeyInfo (RFC 5280) or, as some publish it, RSAPublicKey (RFC 8017 A.1.1), DER.
  // Ed25519: the 32 octets (RFC 8463 §4.2).
  static Result<PublicKey, KeyError> from_octets(KeyType type, std::string_view octets);

  KeyType type() const { return type_; }
  unsigned bits() const;
  // RSA: the signature of `octets` with this hash. Ed25519: of `octets` themselves; DKIM gives it a SHA-256
  // digest.
  bool verify(Hash hash, std::string_view octets, std::string_view signature) const;
  std::string octets() const;  // as from_octets() takes them; RSA as SubjectPublicKeyInfo

 private:
  friend class PrivateKey;
  PublicKey(KeyType type, std::shared_ptr<const Pkey> key) : type_(type), key_(std::move(key)) {}
  KeyType type_;
  std::shared_ptr<const Pkey> key_;
};

class PrivateKey {
 public:
  // RSA of 2048 bits takes some 100 ms: on the pool for what blocks.
  static PrivateKey generate(KeyType type, unsigned rsa_bits = 2048);
  // PKCS #8 or the traditional forms, not encrypted; the limits of PublicKey hold.
  static Result<PrivateKey, KeyError> from_pem(std::string_view pem);

  KeyType type() const { return public_.type(); }
  const PublicKey& public_key() const { return public_; }
  std::string pem() const;  // PKCS #8: a secret
  // May be called from several threads at once. As PublicKey::verify().
  std::string sign(Hash hash, std::string_view octets) const;

 private:
  explicit PrivateKey(PublicKey key) : public_(std::move(key)) {}
  PublicKey public_;  // OpenSSL's object holds both halves
};

}  // namespace postroad::crypto
