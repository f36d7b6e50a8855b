#include "sasl/client.h"

#include <array>

#include "base/ascii.h"
#include "base/encoding.h"
#include "sasl/prepare.h"
#include "sasl/scram.h"

namespace postroad::sasl {
namespace {

using Message = Result<std::string, ClientError>;

bool has_nul(const Credentials& c) {
  return (c.authcid + c.authzid + c.password).find('\0') != std::string::npos;
}

class PlainClient final : public ClientMechanism {
 public:
  explicit PlainClient(const Credentials& credentials) : credentials_(credentials) {}
  std::optional<Message> initial() override {
    if (has_nul(credentials_) || credentials_.authcid.empty())
      return Message(refuse(ClientError::BadCredentials));
    return Message(credentials_.authzid + '\0' + credentials_.authcid + '\0' + credentials_.password);
  }
  Message respond(std::string) override { return refuse(ClientError::BadChallenge); }

 private:
  const Credentials& credentials_;
};

class LoginClient final : public ClientMechanism {
 public:
  explicit LoginClient(const Credentials& credentials) : credentials_(credentials) {}
  std::optional<Message> initial() override { return std::nullopt; }
  // What the questions say differs from server to server; their order does not.
  Message respond(std::string) override {
    switch (asked_++) {
      case 0: return credentials_.authcid;
      case 1: return credentials_.password;
      default: return refuse(ClientError::BadChallenge);
    }
  }

 private:
  const Credentials& credentials_;
  int asked_ = 0;
};

class ExternalClient final : public ClientMechanism {
 public:
  explicit ExternalClient(const Credentials& credentials) : credentials_(credentials) {}
  std::optional<Message> initial() override { return Message(credentials_.authzid); }
  Message respond(std::string) override { return refuse(ClientError::BadChallenge); }

 private:
  const Credentials& credentials_;
};

class ScramClient final : public ClientMechanism {
 public:
  ScramClient(crypto::Hash hash, bool plus, const ClientContext& context)
      : hash_(hash), plus_(plus), context_(context) {}

  std::optional<Message> initial() override;
  Message respond(std::string challenge) override;
  bool verified() const override { return at_ == At::Verified; }

 private:
  Message final(std::string_view server_first);

  enum class At { First, Final, Verified, Failed };
  At at_ = At::First;
  crypto::Hash hash_;
  bool plus_;
  const ClientContext& context_;
  std::string gs2_, binding_, nonce_, first_bare_, password_;
  std::string server_signature_;
};

std::optional<Message> ScramClient::initial() {
  const Credentials& c = context_.credentials;
  const auto name = prepare(c.authcid), password = prepare(c.password);
  const auto authzid = c.authzid.empty() ? std::string() : prepare(c.authzid);
  if (has_nul(c) || !name || !password || !authzid) return Message(refuse(ClientError::BadCredentials));
  if (plus_ && context_.bindings.empty()) return Message(refuse(ClientError::BadCredentials));
  password_ = *password;

  const bool could_bind = !context_.bindings.empty() && !context_.plus_offered;
  gs2_ = plus_ ? "p=" + context_.bindings.front().type : could_bind ? "y" : "n";
  gs2_ += authzid->empty() ? ",," : ",a=" + scram_name(*authzid) + ",";
  binding_ = gs2_ + (plus_ ? context_.bindings.front().octets : "");
  nonce_ = base64(context_.random->bytes(18));
  first_bare_ = "n=" + scram_name(*name) + ",r=" + nonce_;
  return Message(gs2_ + first_bare_);
}

Message ScramClient::respond(std::string challenge) {
  switch (at_) {
    case At::First: {
      at_ = At::Final;
      auto message = final(challenge);
      if (!message) at_ = At::Failed;
      return message;
    }
    case At::Final: {
      // server-final-message = (server-error / verifier) ["," extensions]
      at_ = At::Failed;
      if (!challenge.starts_with("v=")) return refuse(ClientError::BadChallenge);
      const auto signature = from_base64(std::string_view(challenge).substr(2, challenge.find(',') - 2));
      if (!signature) return refuse(ClientError::BadChallenge);
      if (!crypto::equal(*signature, server_signature_)) return refuse(ClientError::NotTheServer);
      at_ = At::Verified;
      return std::string();
    }
    case At::Verified:
    case At::Failed: break;
  }
  return refuse(ClientError::BadChallenge);
}

Message ScramClient::final(std::string_view server_first) {
  const auto first = parse_server_first(server_first);
  // The nonce must be ours and some of the server's.
  if (!first || !first->nonce.starts_with(nonce_) || first->nonce == nonce_)
    return refuse(ClientError::BadChallenge);
  const auto size = crypto::digest_size(hash_);
  const std::string salted = crypto::pbkdf2(hash_, password_, first->salt, first->iterations, size);
  const std::string client_key = crypto::hmac(hash_, salted, "Client Key");
  const std::string without_proof = "c=" + base64(binding_) + ",r=" + first->nonce;
  const std::string auth_message = first_bare_ + ',' + std::string(server_first) + ',' + without_proof;
  const std::string signature = crypto::hmac(hash_, crypto::digest(hash_, client_key), auth_message);
  server_signature_ = crypto::hmac(hash_, crypto::hmac(hash_, salted, "Server Key"), auth_message);
  return without_proof + ",p=" + base64(exclusive_or(client_key, signature));
}

using Make = std::unique_ptr<ClientMechanism> (*)(const ClientContext&);

template <class M>
std::unique_ptr<ClientMechanism> simple(const ClientContext& context) {
  return std::make_unique<M>(context.credentials);
}
template <crypto::Hash hash, bool plus>
std::unique_ptr<ClientMechanism> scram(const ClientContext& context) {
  return std::make_unique<ScramClient>(hash, plus, context);
}

// Best first.
struct Row {
  std::string_view name;
  Make make;
  bool bound;             // needs a channel binding
  bool shows_password;    // needs a private line
  bool by_choice = true;  // may be chosen without being asked for
};
constexpr std::array<Row, 7> mechanisms{{
    {"SCRAM-SHA-256-PLUS", scram<crypto::Hash::Sha256, true>, true, false},
    {"SCRAM-SHA-1-PLUS", scram<crypto::Hash::Sha1, true>, true, false},
    {"SCRAM-SHA-256", scram<crypto::Hash::Sha256, false>, false, false},
    {"SCRAM-SHA-1", scram<crypto::Hash::Sha1, false>, false, false},
    {"PLAIN", simple<PlainClient>, false, true},
    {"LOGIN", simple<LoginClient>, false, true},
    {"EXTERNAL", simple<ExternalClient>, false, false, false},
}};

}  // namespace

ClientExchange::ClientExchange(std::string_view mechanism, ClientContext context)
    : context_(std::make_unique<ClientContext>(std::move(context))) {
  for (const Row& row : mechanisms)
    if (ascii::iequals(row.name, mechanism)) mechanism_ = row.make(*context_);
}

Result<std::optional<std::string>, ClientError> ClientExchange::begin() {
  if (!mechanism_) return refuse(ClientError::UnknownMechanism);
  auto message = mechanism_->initial();
  if (!message) return std::nullopt;
  if (!*message) return refuse(message->error());
  return (*message)->empty() ? "=" : base64(**message);
}

Result<std::string, ClientError> ClientExchange::respond(std::string_view challenge) {
  if (!mechanism_) return refuse(ClientError::UnknownMechanism);
  auto text = from_base64(challenge);
  if (!text) return refuse(ClientError::BadBase64);
  auto message = mechanism_->respond(std::move(*text));
  if (!message) return refuse(message.error());
  return base64(*message);
}

bool ClientExchange::verified() const { return mechanism_ && mechanism_->verified(); }

std::string_view choose_mechanism(const std::vector<std::string>& offered, bool bindings, bool private_line) {
  for (const Row& row : mechanisms) {
    if (!row.by_choice || (row.bound && !bindings) || (row.shows_password && !private_line)) continue;
    for (const std::string& name : offered)
      if (ascii::iequals(name, row.name)) return row.name;
  }
  return {};
}

}  // namespace postroad::sasl
