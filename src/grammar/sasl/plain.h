// PLAIN, LOGIN, EXTERNAL: the mechanisms without cryptography of their own (inside grammar/sasl).
#pragma once

#include "sasl/server.h"

namespace postroad::sasl {

std::unique_ptr<ServerMechanism> plain_server(const ServerContext& context);
std::unique_ptr<ServerMechanism> login_server(const ServerContext& context);
std::unique_ptr<ServerMechanism> external_server(const ServerContext& context);

}  // namespace postroad::sasl
