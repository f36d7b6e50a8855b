// Passwords: hashing our own with argon2id, and verifying what other systems have written.
//
// Everything here but parse and needs_rehash burns CPU on purpose (20 to 100 ms, 19 MiB): it belongs on the
// bounded pool, never on a core that serves connections. A password is octets; it is at most 1 KiB (attack
// 89).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "crypto/digest.h"

namespace postroad::crypto {

constexpr std::size_t longest_password = 1024;

enum class PasswordError {
  Empty,
  TooLong,
  UnknownScheme,  // no hash that we know: DES crypt, CRAM-MD5, NTLM ...
  Malformed,      // of a known scheme, but broken
  TooCostly,      // would take more memory or time than one login may: rehash it before the import
};
std::string_view describe(PasswordError error);

// argon2id with 19 MiB and t=2 (OWASP's first choice) and a random salt, as a PHC string:
// "$argon2id$v=19$...".
Result<std::string, PasswordError> hash_password(std::string_view password, Random& random = system_random());

// Is `stored` something that verify_password() can work with? Ask when it is imported. It may be
//   $argon2id$ $argon2i$            at most 128 MiB and t=10
//   $2a$ $2b$ $2y$                  bcrypt, at most cost 14
//   $5$ $6$                         SHA-256 and SHA-512 crypt, at most 1,000,000 rounds
//   $y$                             yescrypt, at most 64 MiB
//   $1$                             MD5 crypt
// or any of these after {CRYPT}, {ARGON2ID}, {ARGON2I}, {BLF-CRYPT}, {SHA256-CRYPT}, {SHA512-CRYPT},
// {MD5-CRYPT}; or {PLAIN}, {CLEARTEXT}, {SHA}, {SHA256}, {SHA512}, {SSHA}, {SSHA256}, {SSHA512}, {PLAIN-MD5},
// {LDAP-MD5}, {SMD5}, {PBKDF2}, {SCRAM-SHA-1}, {SCRAM-SHA-256}, written as Dovecot and OpenLDAP write them,
// with Dovecot's ".HEX" and
// ".B64" where the value is octets. Schemes have no case.
Result<void, PasswordError> check_stored(std::string_view stored);

// Wrong passwords and unusable hashes are both "no"; only a caller's check_stored() tells them apart.
bool verify_password(std::string_view stored, std::string_view password);

// Was it not made by hash_password() with today's cost? Then hash again after the next good login.
bool needs_rehash(std::string_view stored);

// A hash of today's cost that no password matches: verify against it when there is no such user, so that
// strangers cannot tell by the clock (attack 87).
const std::string& decoy_hash();

// What a server keeps for SCRAM (RFC 5802 §3). `password` is prepared already (sasl/prepare.h).
struct ScramKeys {
  Hash hash = Hash::Sha256;
  std::uint32_t iterations = 0;
  std::string salt;
  std::string stored_key;
  std::string server_key;
  friend bool operator==(const ScramKeys&, const ScramKeys&) = default;
};
// RFC 7677 §4 asks for at least 4096 iterations.
ScramKeys make_scram_keys(Hash hash, std::string_view password, std::string_view salt,
                          std::uint32_t iterations);
// "{SCRAM-SHA-256}4096,salt,stored key,server key", base64, as Dovecot writes it.
std::string scram_text(const ScramKeys& keys);
Result<ScramKeys, PasswordError> parse_scram_text(std::string_view stored);

}  // namespace postroad::crypto
