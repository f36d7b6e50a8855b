#include "directory/sasl_sign_in.h"

namespace postroad::directory {
namespace {

ScramHash scram_hash(crypto::Hash hash) {
  return hash == crypto::Hash::Sha1 ? ScramHash::Sha1 : ScramHash::Sha256;
}

}  // namespace

std::vector<sasl::ChannelBinding> channel_bindings(const net::Stream& stream, bool wanted) {
  std::vector<sasl::ChannelBinding> out;
  if (!wanted) return out;
  if (auto exporter = stream.tls_exporter()) out.push_back({"tls-exporter", std::move(*exporter)});
  if (auto end_point = stream.tls_server_end_point())
    out.push_back({"tls-server-end-point", std::move(*end_point)});
  return out;
}

net::task<Result<Identity, sasl::Failure>> sign_in(Directory& directory, SignInRequest request,
                                                   Challenger& challenger) {
  sasl::ServerContext context;
  context.bindings = std::move(request.bindings);
  // The directory makes the salts of users who do not exist; the exchange never has to.
  sasl::ServerExchange exchange(request.mechanism, std::move(context));
  sasl::Step step =
      exchange.begin(request.initial ? std::optional<std::string_view>(*request.initial) : std::nullopt);
  std::optional<Identity> identity;  // of who proved himself
  std::string scram_login;           // whose keys were given out, to count what comes of it
  for (;;) {
    if (const auto* challenge = std::get_if<sasl::Challenge>(&step)) {
      const auto line = co_await challenger.ask(*challenge);
      if (!line) co_return refuse(sasl::Failure::TooLong);
      step = exchange.respond(*line);
    } else if (const auto* password = std::get_if<sasl::NeedPassword>(&step)) {
      auto checked = co_await directory.check_password(password->authcid, password->password, request.scope,
                                                       request.client);
      if (checked) identity = std::move(*checked);
      const bool later = !checked && checked.error() == AuthError::TryLater;
      step = exchange.answer(identity ? sasl::Verdict::Yes
                             : later  ? sasl::Verdict::TryLater
                                      : sasl::Verdict::No);
    } else if (const auto* keys = std::get_if<sasl::NeedScramKeys>(&step)) {
      scram_login = keys->authcid;
      const ScramKeys kept = directory.scram_keys(keys->authcid, scram_hash(keys->hash), request.scope);
      identity = kept.identity;
      crypto::ScramKeys given{.hash = keys->hash,
                              .iterations = kept.iterations,
                              .salt = kept.salt,
                              .stored_key = kept.stored_key,
                              .server_key = kept.server_key};
      step = exchange.scram_keys(std::move(given));
    } else if (const auto* wants = std::get_if<sasl::NeedAuthorization>(&step)) {
      // Acting as somebody else is nobody's right; the own address spelled otherwise is.
      const auto as = Address::parse(wants->authzid);
      const bool same = identity && as && as->folded() == identity->address.folded();
      step = exchange.answer(same ? sasl::Verdict::Yes : sasl::Verdict::No);
    } else if (std::holds_alternative<sasl::NeedExternal>(step)) {
      step = exchange.answer(sasl::Verdict::No);  // certificates of clients are not asked for
    } else if (std::holds_alternative<sasl::Done>(step)) {
      if (!scram_login.empty()) directory.authenticated(scram_login, request.client, true);
      if (!identity) co_return refuse(sasl::Failure::WrongCredentials);
      co_return std::move(*identity);
    } else {
      const auto why = std::get<sasl::Failed>(step).why;
      if (!scram_login.empty() && why == sasl::Failure::WrongCredentials)
        directory.authenticated(scram_login, request.client, false);
      co_return refuse(why);
    }
  }
}

}  // namespace postroad::directory
