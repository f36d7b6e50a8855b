// Record data as it stands in an answer (RFC 1035 §3.3, §3.6; RFC 3596, RFC 6698). Pure: whatever the octets,
// nothing is read beyond them; a record that is not what it should be is nothing (attack 60).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "dns/resolver.h"

namespace postroad::dns {

// An uncompressed name: lower case, without final dot; "" is the root. Dots and controls inside a label make
// it nothing.
std::optional<std::string> read_name(std::string_view& rdata);
std::optional<Mx> read_mx(std::string_view rdata);
std::optional<IpAddress> read_address(std::string_view rdata);  // 4 or 16 octets
std::optional<std::string> read_txt(std::string_view rdata);
std::optional<std::string> read_ptr(std::string_view rdata);
std::optional<TlsaRecord> read_tlsa(std::string_view rdata);

}  // namespace postroad::dns
