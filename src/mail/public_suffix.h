// Which part of a name one owner can register (RFC 9091 calls it the organizational domain), by the Public
// Suffix List of the Debian package publicsuffix.
#pragma once

#include <optional>

#include "mail/address.h"

namespace postroad {

// "mail.example.co.uk" -> "example.co.uk". Nothing for a literal and for a name that is itself a public
// suffix ("co.uk"). A name under an unlisted top level counts as registrable at its second level.
//
// The list is read from the machine at first use: call once before the sandbox closes.
std::optional<Domain> organizational_domain(const Domain& domain);

// Whether anybody can register names directly under this one: "com", "co.uk", "github.io".
bool is_public_suffix(const Domain& domain);

}  // namespace postroad
