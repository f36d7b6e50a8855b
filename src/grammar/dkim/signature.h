// The DKIM-Signature field (RFC 6376 §3.5, RFC 8301, RFC 8463): read, written, and what of a header it
// covers. Pure; keys come from key.h, who fetches them is engine/trust.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "crypto/signature.h"
#include "dkim/canonical.h"
#include "mail/address.h"
#include "mime/header.h"

namespace postroad::dkim {

inline constexpr std::string_view field_name = "DKIM-Signature";

// Why a signature is not looked at further, or did not hold. In brackets what RFC 6376 §3.9 calls it.
enum class Fault : std::uint8_t {
  Syntax,            // [PERMFAIL] not a tag list, or a tag is missing or wrong (§6.1.1)
  Version,           // [PERMFAIL] v= is not 1
  UnknownAlgorithm,  // [ignored] §3.3.4; rsa-sha1 is one since RFC 8301 §3.1
  UnknownCanonical,  // [ignored]
  IdentityDomain,    // [PERMFAIL] i= is not below d=
  FromNotSigned,     // [PERMFAIL] §6.1.1
  Expired,           // [PERMFAIL] x= is over
  BodyDiffers,       // [PERMFAIL] bh=
  HeaderDiffers,     // [PERMFAIL] b=
  NoKey,             // [PERMFAIL] the DNS has none
  KeySyntax,         // [PERMFAIL]
  KeyRevoked,        // [PERMFAIL] p= is empty
  KeyMismatch,       // [PERMFAIL] of another type, for another hash or another service
  KeyWeak,           // [PERMFAIL] RSA under 1024 bits (RFC 8301 §3.2)
  KeyUnavailable,    // [TEMPFAIL] the DNS did not answer
};
std::string_view describe(Fault fault);
inline bool temporary(Fault fault) { return fault == Fault::KeyUnavailable; }

struct Signature {
  crypto::KeyType key_type = crypto::KeyType::Rsa;
  crypto::Hash hash = crypto::Hash::Sha256;
  Canonical header = Canonical::Simple, body = Canonical::Simple;
  std::string domain;                // d=, lower case
  std::string selector;              // s=
  std::string identity;              // i=; "@" and d= if absent
  std::vector<std::string> fields;   // h=, as written
  std::string body_hash, signature;  // octets
  std::optional<std::uint64_t> length{};
  std::optional<std::uint64_t> time{}, expiry{};  // seconds since 1970
};

// `value` as mime::Field::value has it.
Result<Signature, Fault> parse_signature(std::string_view value);

// Where the key is: "s._domainkey.d".
std::string key_name(const Signature& signature);

// What b= signs (§3.7): the fields named by h=, bottom up, each once, and `own`, the signature's own field,
// without the value of its b=. `own` is not looked for in the header.
std::string signed_octets(const mime::Header& header, const Signature& signature, std::string_view own);
// The same for others who sign so (ARC).
std::string signed_fields(const mime::Header& header, const std::vector<std::string>& names, Canonical how);
// A field with the value of its b= tag taken out, everything else untouched.
std::string without_signature(std::string_view raw);

// Does it hold? The key and the body's digest (of canonical(signature.body), .hash, .length) are given.
Result<void, Fault> check(const Signature& signature, const mime::Header& header, std::string_view own,
                          std::string_view body_digest, const crypto::PublicKey& key, Time now);

// --- Signing -----------------------------------------------------------------------------------------------

struct Signing {
  std::string domain, selector;
  const crypto::PrivateKey* key = nullptr;
  Canonical header = Canonical::Relaxed, body = Canonical::Relaxed;
  Time now{};
  std::chrono::seconds valid{0};  // x=; 0: for ever
  std::string identity{};         // i=; empty: none
};

// Fields that are signed if they are there, and those that are signed once more than they occur, so that
// nobody can add another (§8.15; attack "header added after signing").
const std::vector<std::string>& fields_to_sign();
const std::vector<std::string>& fields_to_oversign();

// The whole field with its line end, to be put on top of the message. Never l=. `body_digest` of the
// canonical body with SHA-256. The header must have a From.
std::string sign(const mime::Header& header, std::string_view body_digest, const Signing& how);

}  // namespace postroad::dkim
