// Base64 (RFC 4648 §4 and §5), base16, and our identifiers' base32 (RFC 4648 §7 alphabet in lower case:
// it keeps the order of what it encodes).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postroad {

std::string base64(std::string_view octets);
std::string base64url(std::string_view octets);  // without padding
// Strict: padding where it belongs, nothing but the alphabet, no stray bits. Protocols, not MIME bodies.
std::optional<std::string> from_base64(std::string_view text);
std::optional<std::string> from_base64url(std::string_view text);

std::string hex(std::string_view octets);
std::optional<std::string> from_hex(std::string_view text);

// 13 characters, 0-9a-v, in the order of the numbers.
std::string base32(std::uint64_t number);
std::optional<std::uint64_t> from_base32(std::string_view text);

// For logs and replies: every octet outside printable ASCII as \xHH, backslash doubled, at most `limit`
// octets of input (then "...").
std::string printable(std::string_view octets, std::size_t limit = 256);

}  // namespace postroad
