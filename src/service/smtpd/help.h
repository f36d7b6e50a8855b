// HELP for a person at telnet (RFC 5321 §4.1.1.8).
#pragma once

#include <string>
#include <string_view>

namespace postroad::smtpd {

// Lines parted by '\n'. An unknown topic gets the overview.
std::string help(std::string_view topic, bool lmtp, bool may_sign_in);

}  // namespace postroad::smtpd
