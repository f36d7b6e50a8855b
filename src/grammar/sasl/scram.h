// The messages of SCRAM (RFC 5802 §7), for both sides (inside grammar/sasl).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/password.h"
#include "sasl/server.h"

namespace postroad::sasl {

constexpr std::size_t longest_nonce = 512;  // ours are 24 characters; a client's is its own length of ours

// gs2-header: is the channel bound, and as whom does the client want to act.
struct Gs2Header {
  char flag = 'n';      // n: client cannot; y: client could, and believes that the server cannot; p: bound
  std::string binding;  // with p: the type
  std::string authzid;  // decoded, not prepared
  std::string text;     // as it stood, with its last comma
};

// client-first-message
struct ClientFirst {
  Gs2Header gs2;
  std::string username;  // decoded, not prepared
  std::string nonce;
  std::string bare;  // client-first-message-bare
};
std::optional<ClientFirst> parse_client_first(std::string_view message);

// server-first-message
struct ServerFirst {
  std::string nonce;
  std::string salt;
  std::uint32_t iterations = 0;
};
std::optional<ServerFirst> parse_server_first(std::string_view message);

// client-final-message
struct ClientFinal {
  std::string channel_binding;  // decoded: gs2-header and the binding's octets
  std::string nonce;
  std::string proof;  // decoded
  std::string without_proof;
};
std::optional<ClientFinal> parse_client_final(std::string_view message);

// saslname: "=" and "," as "=3D" and "=2C".
std::string scram_name(std::string_view name);

std::string exclusive_or(std::string a, std::string_view b);  // of one length

std::unique_ptr<ServerMechanism> scram_server(crypto::Hash hash, bool plus, const ServerContext& context);

}  // namespace postroad::sasl
