// AUTH (RFC 4954): the SASL exchange in SMTP's words.
#pragma once

#include <string_view>
#include <vector>

#include "config/settings.h"
#include "directory/directory.h"
#include "net/stream.h"
#include "policy/policy.h"
#include "smtp/command.h"

namespace postroad::smtpd {

// What to offer on this connection.
std::vector<std::string_view> mechanisms_for(const net::Stream& stream, const config::Settings& settings);

net::task<Result<directory::Identity, Reply>> sign_in(net::Stream& stream, directory::Directory& directory,
                                                      const smtp::Auth& command, const policy::Peer& peer,
                                                      const config::Settings& settings);

}  // namespace postroad::smtpd
