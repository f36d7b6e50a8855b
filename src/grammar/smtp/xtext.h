// xtext (RFC 3461 §4) and the UTF-8 address type of RFC 6533 §3: how a parameter's value carries what a
// parameter's value may not.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postroad::smtp {

// Octets "!" to "~" but "+" and "=" as they are, all others as "+XX".
std::string xtext(std::string_view octets);
// Strict: two upper-case hexadecimal digits after each "+" (a "+2b" is refused as RFC 3461 does), and what is
// decoded is printable ASCII, the blank among it: no control may travel into a report (attack 13).
std::optional<std::string> from_xtext(std::string_view text);

// utf-8-addr-xtext: "\x{HEX}" for what is not ASCII, for "+", "=", "\", blank and controls.
std::string utf8_address_xtext(std::string_view utf8);
// Any of utf-8-addr-xtext, utf-8-addr-unitext and utf-8-address; no controls come out.
std::optional<std::string> from_utf8_address(std::string_view text);

}  // namespace postroad::smtp
