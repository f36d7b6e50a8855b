#include "delivery/greeting.h"

#include "delivery/classify.h"
#include "sasl/client.h"

namespace postroad::delivery {
namespace {

using Fate = Outcome::Fate;

Outcome unprotected(std::string text) { return deferred(Cause::TlsFailed, 451, {4, 7, 5}, std::move(text)); }

net::task<Result<std::string, Outcome>> secure(Conversation& talk, const Route& route,
                                               const Visitor& visitor) {
  const auto verify =
      route.tls == TlsDemand::Verified ? net::TlsVerify::WebPki : net::TlsVerify::Opportunistic;
  net::TlsPeer peer{.name = visitor.host, .verify = verify};
  const auto done = co_await talk.stream().start_tls_client(*visitor.tls, std::move(peer));
  if (!done) {
    Outcome no = unprotected("TLS failed: " + std::string(net::name(done.error().problem)));
    // Octets that came with the go-ahead are an attack or a server that cannot be trusted to know what it
    // says (attack 6): not to be spoken to in the clear either.
    if (done.error().problem == net::TlsProblem::EarlyPlaintext) no.cause = Cause::BadProtocol;
    co_return refuse(std::move(no));
  }
  co_return done->version + " " + done->cipher +
      (done->verified == net::TlsProblem::None ? " verified" : " unverified");
}

// EHLO; the old word where that is not known (RFC 5321 §3.2).
net::task<Result<smtp::Capabilities, Outcome>> introduce(Conversation& talk, const Route& route,
                                                         const Visitor& visitor, const Patience& patience,
                                                         bool secured) {
  const bool lmtp = route.kind == NextHop::Lmtp;
  talk.say((lmtp ? "LHLO " : "EHLO ") + visitor.our_name);
  Reply hello = co_await talk.reply(patience.mail);
  if (hello.code == 250) co_return smtp::parse_capabilities(hello);
  if (hello.permanent() && !lmtp && !secured) {
    talk.say("HELO " + visitor.our_name);
    hello = co_await talk.reply(patience.mail);
    if (hello.code == 250) co_return smtp::Capabilities{};
  }
  if (hello.code < 400) throw NotSmtp();
  // As with the greeting: it speaks for this host, not for the message.
  Outcome no = refused(std::move(hello), Stage::Hello, route.provider);
  no.fate = Fate::Deferred;
  co_return refuse(std::move(no));
}

// RFC 4954 §4. A password is shown to nobody but behind TLS (choose_mechanism sees to it).
net::task<Result<void, Outcome>> sign_in(Conversation& talk, const Route& route, const Welcome& welcome,
                                         const Patience& patience) {
  const auto failed = [](std::string text) {
    return refuse(deferred(Cause::LoginFailed, 454, {4, 7, 0}, std::move(text)));
  };
  const std::string mechanism(sasl::choose_mechanism(welcome.offers.auth, false, talk.stream().is_tls()));
  if (mechanism.empty()) co_return failed("The next hop offers no way to sign in that could be used");
  sasl::ClientExchange exchange(mechanism, {.credentials = {route.login->name, route.login->password}});
  auto initial = exchange.begin();
  if (!initial) co_return failed("The credentials for the next hop cannot be used");
  talk.say("AUTH " + mechanism + (*initial ? " " + **initial : std::string()));
  Reply said = co_await talk.reply(patience.mail);
  for (int turns = 0; said.code == 334 && turns < 10; ++turns) {
    const auto answer = exchange.respond(said.text);
    talk.say(answer ? *answer : "*");
    said = co_await talk.reply(patience.mail);
  }
  if (said.code == 235 && exchange.verified()) co_return {};
  if (said.code < 400) co_return failed("The next hop is not the server that knows our password");
  Outcome no = refused(std::move(said), Stage::Hello, route.provider);
  no.cause = Cause::LoginFailed;
  no.fate = Fate::Deferred;  // an administrator's affair, not the sender's
  co_return refuse(std::move(no));
}

}  // namespace

Outcome refused(Reply reply, Stage stage, std::string_view provider) {
  Verdict verdict = ReplyRules::builtin().judge(reply, stage, provider);
  const auto klass = static_cast<std::uint8_t>(verdict.permanent ? 5 : 4);
  if (!reply.status.given()) reply.status = {klass, 0, 0};
  return {.fate = verdict.permanent ? Fate::Failed : Fate::Deferred,
          .cause = Cause::RefusedByReply,
          .reply = std::move(reply),
          .remote_reply = true,
          .stage = stage,
          .verdict = std::move(verdict)};
}

Outcome deferred(Cause cause, std::uint16_t code, EnhancedStatus status, std::string text) {
  return {Fate::Deferred, cause, {code, status, std::move(text)}};
}

net::task<Result<Welcome, Outcome>> greet(Conversation& talk, const Route& route, const Visitor& visitor,
                                          const Patience& patience) {
  Welcome welcome;
  const net::TlsClient* tls = route.tls == TlsDemand::Never ? nullptr : visitor.tls;
  if (route.tls_at_once && tls) {
    auto secured = co_await secure(talk, route, visitor);
    if (!secured) co_return refuse(std::move(secured.error()));
    welcome.tls = std::move(*secured);
  }
  Reply greeting = co_await talk.reply(patience.greeting);
  if (greeting.code != 220) {
    if (greeting.code < 400) throw NotSmtp();
    // A 5yz greeting speaks for this host, not for the message (RFC 5321 §3.1, RFC 7504 §4): others may take
    // it.
    Outcome no = refused(std::move(greeting), Stage::Connect, route.provider);
    no.fate = Fate::Deferred;
    co_return refuse(std::move(no));
  }
  auto offers = co_await introduce(talk, route, visitor, patience, false);
  if (!offers) co_return refuse(std::move(offers.error()));
  welcome.offers = std::move(*offers);

  if (tls && welcome.tls.empty() && welcome.offers.starttls) {
    talk.say("STARTTLS");
    const Reply go = co_await talk.reply(patience.mail);
    if (go.code == 220) {
      auto secured = co_await secure(talk, route, visitor);
      if (!secured) co_return refuse(std::move(secured.error()));
      welcome.tls = std::move(*secured);
      // RFC 3207 §4.2: what was said before is forgotten.
      offers = co_await introduce(talk, route, visitor, patience, true);
      if (!offers) co_return refuse(std::move(offers.error()));
      welcome.offers = std::move(*offers);
    } else if (go.code < 400) {
      throw NotSmtp();
    } else if (go.code == 421) {
      co_return refuse(refused(go, Stage::Hello, route.provider));
    }  // offered and then refused: as if it had not been offered
  }
  if (welcome.tls.empty() && route.tls >= TlsDemand::Encrypted)
    co_return refuse(unprotected("The server offers no TLS, and the route demands it"));
  if (route.login) {
    auto in = co_await sign_in(talk, route, welcome, patience);
    if (!in) co_return refuse(std::move(in.error()));
  }
  co_return welcome;
}

}  // namespace postroad::delivery
