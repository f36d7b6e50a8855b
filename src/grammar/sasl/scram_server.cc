// The server's side of SCRAM: it never sees the password, and what it keeps is not enough to log in with.
//
// A user that does not exist is answered as one that does, up to the end: with a salt that stays the same
// from try to try and from another server process to another, and a proof that can only be wrong.
#include "base/encoding.h"
#include "sasl/prepare.h"
#include "sasl/scram.h"

namespace postroad::sasl {
namespace {

using crypto::Hash;

class ScramServer final : public ServerMechanism {
 public:
  ScramServer(Hash hash, bool plus, const ServerContext& context)
      : hash_(hash), plus_(plus), context_(context) {}

  Step begin(std::optional<std::string> initial) override {
    if (!initial) return Challenge{};
    return respond(std::move(*initial));
  }
  Step respond(std::string message) override {
    switch (at_) {
      case At::First: return first(message);
      case At::Final: return final(message);
      case At::Proved:  // the client has our signature, and its answer says nothing
        if (!message.empty()) return Failed{Failure::BadMessage};
        if (authzid_.empty() || authzid_ == authcid_) return Done{authcid_, authcid_};
        return NeedAuthorization{authcid_, authzid_};
    }
    return Failed{Failure::BadMessage};
  }
  Step scram_keys(std::optional<crypto::ScramKeys> keys) override;
  Step answer(Verdict verdict) override {
    if (verdict == Verdict::Yes) return Done{authcid_, authzid_};
    return Failed{verdict == Verdict::TryLater ? Failure::TryLater : Failure::NotAuthorized};
  }

 private:
  Step first(std::string_view message);
  Step final(std::string_view message);
  bool binding_agrees(const Gs2Header& gs2);
  crypto::ScramKeys decoy() const;

  enum class At { First, Final, Proved };
  At at_ = At::First;
  const Hash hash_;
  const bool plus_;
  const ServerContext& context_;
  ClientFirst client_first_;
  std::string authcid_, authzid_;
  std::string binding_;  // what "c=" must be
  std::string nonce_;
  std::string server_first_;
  crypto::ScramKeys keys_;
  bool known_ = false;
};

// RFC 5802 §6: "p" belongs to -PLUS and the other two to the plain form; and "y" where we did offer -PLUS
// means that somebody took it out of our list.
bool ScramServer::binding_agrees(const Gs2Header& gs2) {
  binding_ = gs2.text;
  if (!plus_) return gs2.flag == 'n' || (gs2.flag == 'y' && context_.bindings.empty());
  if (gs2.flag != 'p') return false;
  for (const ChannelBinding& binding : context_.bindings) {
    if (binding.type != gs2.binding) continue;
    binding_ += binding.octets;
    return true;
  }
  return false;
}

Step ScramServer::first(std::string_view message) {
  auto parsed = parse_client_first(message);
  if (!parsed) return Failed{Failure::BadMessage};
  if (!binding_agrees(parsed->gs2)) return Failed{Failure::ChannelBinding};
  const auto authcid = prepare(parsed->username);
  const auto authzid = parsed->gs2.authzid.empty() ? std::string() : prepare(parsed->gs2.authzid);
  if (!authcid || !authzid || authcid->size() > longest_name || authzid->size() > longest_name)
    return Failed{Failure::BadMessage};
  authcid_ = *authcid;
  authzid_ = *authzid;
  client_first_ = std::move(*parsed);
  return NeedScramKeys{authcid_, hash_};
}

crypto::ScramKeys ScramServer::decoy() const {
  const std::string seed = crypto::hmac(Hash::Sha256, context_.decoy_secret,
                                        (hash_ == Hash::Sha1 ? "scram-sha-1 " : "scram-sha-256 ") + authcid_);
  const std::size_t size = crypto::digest_size(hash_);
  const std::string unknown = crypto::hkdf(hash_, seed, "", "keys", 2 * size);
  return {hash_, context_.iterations, seed.substr(0, 16), unknown.substr(0, size), unknown.substr(size)};
}

Step ScramServer::scram_keys(std::optional<crypto::ScramKeys> keys) {
  crypto::ScramKeys unknown = decoy();  // made for everybody: it takes a moment
  known_ = keys && keys->hash == hash_;
  keys_ = known_ ? std::move(*keys) : std::move(unknown);
  nonce_ = client_first_.nonce + base64(context_.random->bytes(18));
  server_first_ = "r=" + nonce_ + ",s=" + base64(keys_.salt) + ",i=" + std::to_string(keys_.iterations);
  at_ = At::Final;
  return Challenge{base64(server_first_)};
}

Step ScramServer::final(std::string_view message) {
  const auto parsed = parse_client_final(message);
  if (!parsed) return Failed{Failure::BadMessage};
  if (!crypto::equal(parsed->channel_binding, binding_)) return Failed{Failure::ChannelBinding};
  if (!crypto::equal(parsed->nonce, nonce_)) return Failed{Failure::BadMessage};
  if (parsed->proof.size() != crypto::digest_size(hash_)) return Failed{Failure::BadMessage};

  const std::string auth_message = client_first_.bare + ',' + server_first_ + ',' + parsed->without_proof;
  const std::string client_key =
      exclusive_or(parsed->proof, crypto::hmac(hash_, keys_.stored_key, auth_message));
  const bool proved = crypto::equal(crypto::digest(hash_, client_key), keys_.stored_key);
  if (!proved || !known_) return Failed{Failure::WrongCredentials};
  at_ = At::Proved;
  return Challenge{base64("v=" + base64(crypto::hmac(hash_, keys_.server_key, auth_message)))};
}

}  // namespace

std::unique_ptr<ServerMechanism> scram_server(Hash hash, bool plus, const ServerContext& context) {
  return std::make_unique<ScramServer>(hash, plus, context);
}

}  // namespace postroad::sasl
