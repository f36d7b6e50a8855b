// Our own argon2id, libcrypt's families, and the table of schemes in braces.
#include "crypto/password.h"

#include <crypt.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <variant>
#include <vector>

#include "base/ascii.h"
#include "base/cursor.h"
#include "base/encoding.h"

namespace postroad::crypto {
namespace {

constexpr std::uint64_t argon_passes = 2, argon_memory_kib = 19'456;
constexpr std::size_t argon_salt = crypto_pwhash_SALTBYTES, argon_hash = 32;
constexpr std::string_view our_prefix = "$argon2id$v=19$m=19456,t=2,p=1$";

// What one login may cost at most.
constexpr std::uint64_t most_argon_kib = 128 * 1024, most_argon_passes = 10, most_rounds = 1'000'000;
constexpr unsigned most_bcrypt_cost = 14;

void need_sodium() {
  static const int ready = sodium_init();
  if (ready < 0) throw std::runtime_error("libsodium does not start");
}

bool is_itoa64(char c) { return ascii::is_alnum(c) || c == '.' || c == '/'; }

// --- What a stored text says, one kind each ---------------------------------------------------------------

struct Argon {
  std::string text;
};
struct Crypt {
  std::string text;
};
struct Plain {
  std::string octets;
};
struct Digested {
  Hash hash;
  std::string digest;
  std::string salt;
};
struct Pbkdf2 {
  std::string salt;
  std::uint32_t rounds;
  std::string derived;
};
using Stored = std::variant<Argon, Crypt, Plain, Digested, Pbkdf2, ScramKeys>;
using Parsed = Result<Stored, PasswordError>;

// "$argon2id$v=19$m=65536,t=3,p=1$salt$hash"
Parsed argon(std::string_view text) {
  Cursor in(text);
  if (!in.take("$argon2id$v=19$m=") && !in.take("$argon2i$v=19$m=")) return refuse(PasswordError::Malformed);
  const auto memory = in.take_number();
  if (!memory || !in.take(",t=")) return refuse(PasswordError::Malformed);
  const auto passes = in.take_number();
  if (!passes || !in.take(",p=")) return refuse(PasswordError::Malformed);
  const auto lanes = in.take_number();
  if (!lanes || !in.take('$') || text.size() >= crypto_pwhash_STRBYTES)
    return refuse(PasswordError::Malformed);
  if (*memory > most_argon_kib || *passes > most_argon_passes || *lanes > 16)
    return refuse(PasswordError::TooCostly);
  return Argon{std::string(text)};
}

// Exactly `length` characters of libcrypt's alphabet at the end, after a "$".
bool ends_with_hash(Cursor in, std::size_t length) {
  const auto dollar = in.rest().rfind('$');
  if (dollar == std::string_view::npos) return false;
  Cursor hash(in.rest().substr(dollar + 1));
  return hash.rest().size() == length && (hash.take_while(is_itoa64), hash.at_end());
}

// "$2b$12$" and 53 characters.
Parsed bcrypt(std::string_view text) {
  Cursor in(text.substr(4));
  const auto cost = in.take_number();
  if (!cost || text.size() != 60 || in.rest().size() != 54 || !in.take('$'))
    return refuse(PasswordError::Malformed);
  in.take_while(is_itoa64);
  if (!in.at_end()) return refuse(PasswordError::Malformed);
  if (*cost > most_bcrypt_cost) return refuse(PasswordError::TooCostly);
  return Crypt{std::string(text)};
}

// "$6$rounds=5000$salt$hash"
Parsed sha_crypt(std::string_view text, std::size_t length) {
  Cursor in(text.substr(3));
  if (in.take("rounds=")) {
    const auto rounds = in.take_number();
    if (!rounds || !in.take('$')) return refuse(PasswordError::Malformed);
    if (*rounds > most_rounds) return refuse(PasswordError::TooCostly);
  }
  if (!ends_with_hash(in, length)) return refuse(PasswordError::Malformed);
  return Crypt{std::string(text)};
}

// "$y$j9T$salt$hash": j for the flavour, N = 2^(1 + "9"), r = 8 ("5") or 32 ("T"), as crypt_gensalt(3) makes
// them. "B" with r = 32 is 64 MiB.
Parsed yescrypt(std::string_view text) {
  Cursor in(text.substr(3));
  const auto parameters = in.take_until('$');
  if (!parameters || !in.take('$') || !ends_with_hash(in, 43)) return refuse(PasswordError::Malformed);
  const bool known = parameters->size() == 3 && (*parameters)[0] == 'j' &&
                     ((*parameters)[2] == '5' || (*parameters)[2] == 'T');
  if (!known) return refuse(PasswordError::TooCostly);
  const char n = (*parameters)[1];
  if (!ascii::is_digit(n) && n != 'A' && n != 'B') return refuse(PasswordError::TooCostly);
  return Crypt{std::string(text)};
}

Parsed md5_crypt(std::string_view text) {
  if (!ends_with_hash(Cursor(text.substr(3)), 22)) return refuse(PasswordError::Malformed);
  return Crypt{std::string(text)};
}

Parsed crypt_text(std::string_view text) {
  for (char c : text)
    if (c <= ' ' || c >= 0x7f) return refuse(PasswordError::Malformed);
  if (text.size() >= CRYPT_OUTPUT_SIZE) return refuse(PasswordError::Malformed);
  if (text.starts_with("$argon2")) return argon(text);
  if (text.starts_with("$2a$") || text.starts_with("$2b$") || text.starts_with("$2y$")) return bcrypt(text);
  if (text.starts_with("$5$")) return sha_crypt(text, 43);
  if (text.starts_with("$6$")) return sha_crypt(text, 86);
  if (text.starts_with("$y$")) return yescrypt(text);
  if (text.starts_with("$1$")) return md5_crypt(text);
  return refuse(PasswordError::UnknownScheme);
}

enum class Encoding { Octets, Base64, Hex };

std::optional<std::string> decoded(std::string_view value, Encoding encoding) {
  switch (encoding) {
    case Encoding::Octets: return std::string(value);
    case Encoding::Base64: return from_base64(value);
    case Encoding::Hex: return from_hex(value);
  }
  return std::nullopt;
}

Parsed digested(Hash hash, bool salted, std::string_view value, Encoding encoding) {
  auto octets = decoded(value, encoding);
  if (!octets || octets->size() < digest_size(hash)) return refuse(PasswordError::Malformed);
  std::string salt = octets->substr(digest_size(hash));
  octets->resize(digest_size(hash));
  if (salted ? salt.size() > 64 : !salt.empty()) return refuse(PasswordError::Malformed);
  return Digested{hash, std::move(*octets), std::move(salt)};
}

// "$1$salt$rounds$hex of 20 octets", Dovecot's own.
Parsed dovecot_pbkdf2(std::string_view value) {
  Cursor in(value);
  if (!in.take("$1$")) return refuse(PasswordError::Malformed);
  const auto salt = in.take_until('$');
  if (!salt || salt->size() > 64 || !in.take('$')) return refuse(PasswordError::Malformed);
  const auto rounds = in.take_number();
  if (!rounds || *rounds == 0 || !in.take('$')) return refuse(PasswordError::Malformed);
  if (*rounds > most_rounds) return refuse(PasswordError::TooCostly);
  auto derived = from_hex(in.rest());
  if (!derived || derived->size() != digest_size(Hash::Sha1)) return refuse(PasswordError::Malformed);
  return Pbkdf2{std::string(*salt), static_cast<std::uint32_t>(*rounds), std::move(*derived)};
}

// "iterations,salt,stored key,server key"
Result<ScramKeys, PasswordError> scram_value(Hash hash, std::string_view value) {
  Cursor in(value);
  const auto iterations = in.take_number();
  if (!iterations || *iterations == 0 || !in.take(',')) return refuse(PasswordError::Malformed);
  if (*iterations > most_rounds) return refuse(PasswordError::TooCostly);
  const auto salt64 = in.take_until(',');
  if (!salt64 || !in.take(',')) return refuse(PasswordError::Malformed);
  const auto stored64 = in.take_until(',');
  if (!stored64 || !in.take(',')) return refuse(PasswordError::Malformed);
  const auto salt = from_base64(*salt64), stored = from_base64(*stored64), server = from_base64(in.rest());
  if (!salt || !stored || !server || salt->size() > 64) return refuse(PasswordError::Malformed);
  if (stored->size() != digest_size(hash) || server->size() != digest_size(hash))
    return refuse(PasswordError::Malformed);
  return ScramKeys{hash, static_cast<std::uint32_t>(*iterations), *salt, *stored, *server};
}

Parsed scram(Hash hash, std::string_view value) {
  auto keys = scram_value(hash, value);
  if (!keys) return refuse(keys.error());
  return std::move(*keys);
}

// The braces' schemes whose value is octets: a digest, perhaps with its salt behind it, or the password.
struct DigestScheme {
  std::string_view name;
  Hash hash;
  bool salted;
  Encoding usual;
};
constexpr std::array<DigestScheme, 10> digest_schemes{{
    {"SHA", Hash::Sha1, false, Encoding::Base64},
    {"SHA1", Hash::Sha1, false, Encoding::Base64},
    {"SHA256", Hash::Sha256, false, Encoding::Base64},
    {"SHA512", Hash::Sha512, false, Encoding::Base64},
    {"SSHA", Hash::Sha1, true, Encoding::Base64},
    {"SSHA256", Hash::Sha256, true, Encoding::Base64},
    {"SSHA512", Hash::Sha512, true, Encoding::Base64},
    {"SMD5", Hash::Md5, true, Encoding::Base64},
    {"LDAP-MD5", Hash::Md5, false, Encoding::Base64},
    {"PLAIN-MD5", Hash::Md5, false, Encoding::Hex},
}};

bool is_any(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Parsed braced(std::string_view scheme, std::string_view value) {
  std::string name = ascii::to_upper(scheme);
  std::optional<Encoding> encoding;
  if (name.ends_with(".HEX"))
    encoding = Encoding::Hex;
  else if (name.ends_with(".B64"))
    encoding = Encoding::Base64;
  if (encoding)
    name.resize(name.size() - 4);
  else if (name.ends_with(".BASE64"))
    encoding = Encoding::Base64, name.resize(name.size() - 7);

  for (const DigestScheme& s : digest_schemes) {
    if (s.name != name) continue;
    // As Dovecot: an unsalted digest of twice its length is hexadecimal, whatever is usual.
    const bool is_hex = !s.salted && value.size() == 2 * digest_size(s.hash);
    return digested(s.hash, s.salted, value, encoding.value_or(is_hex ? Encoding::Hex : s.usual));
  }
  if (is_any(name, {"PLAIN", "CLEAR", "CLEARTEXT"})) {
    auto octets = decoded(value, encoding.value_or(Encoding::Octets));
    if (!octets || octets->empty() || octets->size() > longest_password)
      return refuse(PasswordError::Malformed);
    return Plain{std::move(*octets)};
  }
  // What follows is text of its own kind; where it is wrapped once more, it is unwrapped first.
  const auto text = decoded(value, encoding.value_or(Encoding::Octets));
  if (!text) return refuse(PasswordError::Malformed);
  if (is_any(name, {"CRYPT", "ARGON2I", "ARGON2ID", "BLF-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "MD5-CRYPT",
                    "MD5"}))
    return crypt_text(*text);
  if (name == "PBKDF2") return dovecot_pbkdf2(*text);
  if (name == "SCRAM-SHA-1") return scram(Hash::Sha1, *text);
  if (name == "SCRAM-SHA-256") return scram(Hash::Sha256, *text);
  return refuse(PasswordError::UnknownScheme);
}

Parsed parse(std::string_view stored) {
  Cursor in(stored);
  if (!in.take('{')) return crypt_text(stored);
  const auto scheme = in.take_until('}');
  if (!scheme) return refuse(PasswordError::UnknownScheme);
  in.skip(1);
  return braced(*scheme, in.rest());
}

// --- Does a password match? --------------------------------------------------------------------------------

struct Matches {
  std::string_view password;

  bool operator()(const Argon& stored) const {
    need_sodium();
    std::array<char, crypto_pwhash_STRBYTES> text{};
    std::memcpy(text.data(), stored.text.data(), stored.text.size());
    return crypto_pwhash_str_verify(text.data(), password.data(), password.size()) == 0;
  }
  bool operator()(const Crypt& stored) const {
    // libcrypt takes C strings: a NUL would make the password shorter than it is.
    if (password.find('\0') != std::string_view::npos || password.size() >= CRYPT_MAX_PASSPHRASE_SIZE)
      return false;
    std::string phrase(password);
    const auto data = std::make_unique<crypt_data>();
    const char* result = crypt_rn(phrase.c_str(), stored.text.c_str(), data.get(), sizeof(crypt_data));
    const bool same = result && equal(result, stored.text);
    sodium_memzero(data.get(), sizeof(crypt_data));
    wipe(phrase);
    return same;
  }
  bool operator()(const Plain& stored) const { return equal(stored.octets, password); }
  bool operator()(const Digested& stored) const {
    return equal(stored.digest, digest(stored.hash, std::string(password) + stored.salt));
  }
  bool operator()(const Pbkdf2& stored) const {
    return equal(stored.derived,
                 pbkdf2(Hash::Sha1, password, stored.salt, stored.rounds, stored.derived.size()));
  }
  bool operator()(const ScramKeys& stored) const {
    const auto keys = make_scram_keys(stored.hash, password, stored.salt, stored.iterations);
    return equal(stored.stored_key, keys.stored_key);
  }
};

std::string unpadded_base64(std::string_view octets) {
  std::string text = base64(octets);
  while (text.ends_with('=')) text.pop_back();
  return text;
}

}  // namespace

Result<std::string, PasswordError> hash_password(std::string_view password, Random& random) {
  if (password.empty()) return refuse(PasswordError::Empty);
  if (password.size() > longest_password) return refuse(PasswordError::TooLong);
  need_sodium();
  const std::string salt = random.bytes(argon_salt);
  std::string hash(argon_hash, '\0');
  if (crypto_pwhash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(), password.data(),
                    password.size(), reinterpret_cast<const unsigned char*>(salt.data()), argon_passes,
                    argon_memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
    throw std::bad_alloc();
  return std::string(our_prefix) + unpadded_base64(salt) + '$' + unpadded_base64(hash);
}

Result<void, PasswordError> check_stored(std::string_view stored) {
  const auto parsed = parse(stored);
  if (!parsed) return refuse(parsed.error());
  return {};
}

bool verify_password(std::string_view stored, std::string_view password) {
  if (password.empty() || password.size() > longest_password) return false;
  const auto parsed = parse(stored);
  return parsed && std::visit(Matches{password}, *parsed);
}

bool needs_rehash(std::string_view stored) { return !stored.starts_with(our_prefix); }

const std::string& decoy_hash() {
  static const std::string decoy = hash_password(system_random().bytes(32)).value();
  return decoy;
}

ScramKeys make_scram_keys(Hash hash, std::string_view password, std::string_view salt,
                          std::uint32_t iterations) {
  std::string salted = pbkdf2(hash, password, salt, iterations, digest_size(hash));
  ScramKeys keys{hash, iterations, std::string(salt), digest(hash, hmac(hash, salted, "Client Key")),
                 hmac(hash, salted, "Server Key")};
  wipe(salted);
  return keys;
}

std::string scram_text(const ScramKeys& keys) {
  return std::string(keys.hash == Hash::Sha1 ? "{SCRAM-SHA-1}" : "{SCRAM-SHA-256}") +
         std::to_string(keys.iterations) + ',' + base64(keys.salt) + ',' + base64(keys.stored_key) + ',' +
         base64(keys.server_key);
}

Result<ScramKeys, PasswordError> parse_scram_text(std::string_view stored) {
  Cursor in(stored);
  if (in.take_keyword("{SCRAM-SHA-256}")) return scram_value(Hash::Sha256, in.rest());
  if (in.take_keyword("{SCRAM-SHA-1}")) return scram_value(Hash::Sha1, in.rest());
  return refuse(PasswordError::UnknownScheme);
}

std::string_view describe(PasswordError error) {
  switch (error) {
    case PasswordError::Empty: return "the password is empty";
    case PasswordError::TooLong: return "the password is longer than 1024 octets";
    case PasswordError::UnknownScheme: return "the password's hash is of a kind we do not know";
    case PasswordError::Malformed: return "the password's hash is damaged";
    case PasswordError::TooCostly: return "the password's hash costs more than one login may";
  }
  return "the password is not valid";
}

}  // namespace postroad::crypto
