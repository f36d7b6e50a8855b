// Whatever a client sends, it is not let in without its password: no line gets a Done out of a directory that
// says no. And the two sides agree: what our client says with the right password, our server takes, for any
// name and password that can be prepared.
#include <cstdlib>

#include "base/encoding.h"
#include "sasl/client.h"
#include "sasl/prepare.h"
#include "sasl/scram.h"
#include "sasl/server.h"

namespace {

using namespace postroad;
using namespace postroad::sasl;

constexpr std::string_view mechanisms[] = {"PLAIN",         "LOGIN",       "EXTERNAL",
                                           "SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"};

// Whether it ended with Done; lines of `input`, decoded first, are the client's messages.
void attack(std::string_view mechanism, std::string_view input, Random& random) {
  ServerContext context{.bindings = {{"tls-exporter", "binding"}}, .decoy_secret = "s", .iterations = 1};
  context.random = &random;
  ServerExchange server(mechanism, context);
  Step step = server.begin(std::nullopt);
  for (;;) {
    if (std::holds_alternative<Done>(step)) std::abort();
    if (std::holds_alternative<Failed>(step)) return;
    if (std::holds_alternative<NeedScramKeys>(step)) {
      // Half of the users exist; nobody knows their keys.
      const auto& need = std::get<NeedScramKeys>(step);
      std::optional<crypto::ScramKeys> keys;
      if (need.authcid.size() % 2) keys = crypto::make_scram_keys(need.hash, random.bytes(16), "salt", 1);
      step = server.scram_keys(std::move(keys));
    } else if (std::holds_alternative<Challenge>(step)) {
      const auto end = input.find('\n');
      const auto line = input.substr(0, end);
      input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
      step = server.respond(line.starts_with('!') ? std::string(line.substr(1)) : base64(line));
    } else {
      step = server.answer(Verdict::No);
    }
  }
}

void agree(std::string_view mechanism, const Credentials& credentials, Random& random) {
  const auto name = prepare(credentials.authcid), password = prepare(credentials.password);
  if (!name || !password || name->size() > longest_name || password->size() > crypto::longest_password)
    return;
  if (credentials.authcid.size() > longest_name || credentials.password.size() > crypto::longest_password)
    return;
  ServerContext context{.bindings = {{"tls-exporter", "binding"}}, .decoy_secret = "s", .iterations = 1};
  context.random = &random;
  ClientContext client_context{credentials, {{"tls-exporter", "binding"}}, true};
  client_context.random = &random;
  ServerExchange server(mechanism, context);
  ClientExchange client(mechanism, client_context);
  const auto initial = client.begin();
  if (!initial) std::abort();
  Step step = *initial ? server.begin(std::string_view(**initial)) : server.begin(std::nullopt);
  for (;;) {
    if (const auto* done = std::get_if<Done>(&step)) {
      if (!client.verified() || done->authcid != *name || done->authzid != *name) std::abort();
      return;
    }
    if (const auto* need = std::get_if<NeedPassword>(&step)) {
      if (need->authcid != *name || need->password != credentials.password) std::abort();
      step = server.answer(Verdict::Yes);
    } else if (const auto* keys = std::get_if<NeedScramKeys>(&step)) {
      if (keys->authcid != *name) std::abort();
      step = server.scram_keys(crypto::make_scram_keys(keys->hash, *password, "salt", 1));
    } else if (const auto* challenge = std::get_if<Challenge>(&step)) {
      const auto answer = client.respond(challenge->base64);
      if (!answer) std::abort();
      step = server.respond(*answer);
    } else {
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto mechanism = mechanisms[data[0] % std::size(mechanisms)];
  SeededRandom random(data[0]);
  attack(mechanism, input, random);
  const auto end = input.find('\n');
  const Credentials credentials{std::string(input.substr(0, end)),
                                end == std::string_view::npos ? "x" : std::string(input.substr(end + 1))};
  if (mechanism != "EXTERNAL") agree(mechanism, credentials, random);
  parse_server_first(input);
  parse_client_final(input);
  return 0;
}
