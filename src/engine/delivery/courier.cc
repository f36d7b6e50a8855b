#include "delivery/courier.h"

#include <algorithm>

#include "delivery/greeting.h"
#include "delivery/race.h"

namespace postroad::delivery {
namespace {

using Fate = Outcome::Fate;

Outcome dns_trouble(const std::string& name, dns::Error error) {
  return deferred(Cause::DnsTrouble, 451, {4, 4, 3},
                  "The DNS does not answer for " + name + ": " + std::string(to_text(error)));
}

// How much an outcome tells an administrator: what a server said is more than that none answered.
int weight(const Outcome& outcome) {
  if (outcome.remote_reply) return 4;
  switch (outcome.cause) {
    case Cause::NoSuchHost: return 0;
    case Cause::PrivateAddress: return 1;
    case Cause::NoHostAnswered: return 2;
    default: return 3;
  }
}

// Would another host of the site perhaps do better? Everybody was refused for now, for a reason that is the
// host's; and none of them may have the message (RFC 1047).
bool another_may_serve(const Attempt& attempt) {
  return std::ranges::all_of(attempt.outcomes, [](const Outcome& o) {
    return o.fate == Fate::Deferred && o.cause != Cause::NotTried && verdict_of(o).scope == Scope::Site &&
           (o.remote_reply || o.stage != Stage::End);
  });
}

}  // namespace

struct Courier::Opening {
  RoutePtr route;
  std::optional<Refusal> why{};
  std::size_t addresses = 0;

  void because(Outcome outcome, Contact contact) {
    contact.provider = route->provider;
    if (!why || weight(outcome) > weight(why->outcome)) why = Refusal{std::move(outcome), std::move(contact)};
  }
};

Courier::Courier(dns::Resolver& resolver, net::Connector& connector, net::TlsClient& tls, store::Store& store,
                 CourierOptions options)
    : connector_(connector),
      resolver_(resolver),
      tls_(tls),
      store_(store),
      options_(std::move(options)),
      router_(resolver,
              {.our_name = options_.our_name, .port = options_.port, .most_hosts = options_.most_hosts}) {}

// Never to ourselves, and inside only where that was allowed (attack 57) or an administrator named the host.
bool Courier::allowed(const IpAddress& address, const Route& route) const {
  const bool ourselves = std::ranges::find(options_.our_addresses, address) != options_.our_addresses.end() &&
                         std::ranges::find(options_.our_ports, route.port) != options_.our_ports.end();
  return !ourselves && !address.is_unspecified() &&
         (address.is_public() || options_.allow_private_networks || route.kind != NextHop::Mx);
}

net::task<Result<std::vector<net::Endpoint>, Outcome>> Courier::addresses(const Route& route,
                                                                          const Host& host) {
  std::vector<IpAddress> found;
  if (host.name.starts_with("unix:")) {
    const auto at = net::Endpoint::unix_path(host.name.substr(5));
    if (at) co_return std::vector{*at};
  } else if (host.name.starts_with('[')) {
    const auto literal = Domain::parse(host.name);
    if (const auto ip = literal ? IpAddress::parse(literal->literal_ip()) : std::nullopt) found = {*ip};
  } else {
    auto answer = co_await resolver_.addresses(host.name);
    if (!answer && temporary(answer.error())) co_return refuse(dns_trouble(host.name, answer.error()));
    if (answer) found = interleaved(answer->records);
  }
  if (found.empty())
    co_return refuse(Outcome{Fate::Failed,
                             Cause::NoSuchHost,
                             {550, {5, 4, 4}, "The mail server " + host.name + " has no address"}});
  std::vector<net::Endpoint> out;
  for (const IpAddress& address : found)
    if (allowed(address, route) && out.size() < options_.most_addresses)
      out.emplace_back(address, route.port);
  if (out.empty())
    co_return refuse(Outcome{
        Fate::Failed,
        Cause::PrivateAddress,
        {554, {5, 4, 6}, host.name + " has an address that mail must not go to: " + found.front().text()}});
  co_return out;
}

net::task<Result<std::unique_ptr<Line>, Refusal>> Courier::open(RoutePtr route,
                                                                std::span<const std::string> avoid) {
  Opening opening{.route = std::move(route)};
  std::vector<Host> hosts = opening.route->hosts;
  // RFC 5321 §5.1: among equals the order is left to chance, which spreads the load.
  for (auto first = hosts.begin(); first != hosts.end();) {
    const auto last =
        std::find_if(first, hosts.end(), [&](const Host& h) { return h.preference != first->preference; });
    for (auto left = last - first; left > 1; --left)
      std::swap(first[left - 1],
                first[static_cast<std::ptrdiff_t>(options_.random->below(static_cast<std::uint64_t>(left)))]);
    first = last;
  }
  for (const Host& host : hosts) {
    if (std::ranges::find(avoid, host.name) != avoid.end()) continue;
    if (auto line = co_await try_host(opening, host)) co_return std::move(line);
    if (opening.addresses >= options_.most_addresses) break;
  }
  if (!opening.why)
    opening.because(deferred(Cause::NoHostAnswered, 451, {4, 4, 1},
                             "No mail server of " + opening.route->site + " answered"),
                    {});
  co_return refuse(std::move(*opening.why));
}

net::task<std::unique_ptr<Line>> Courier::try_host(Opening& opening, const Host& host) {
  auto to = co_await addresses(*opening.route, host);
  if (!to) {
    opening.because(std::move(to.error()), {host.name, {}, {}});
    co_return nullptr;
  }
  while (!to->empty() && opening.addresses < options_.most_addresses) {
    const std::size_t before = to->size();
    const std::string first = to->front().address().text();
    auto reached = co_await race(connector_, *to, std::nullopt, options_.connect);
    opening.addresses += before - to->size();
    if (!reached) {
      const std::string at = before == 1 ? " [" + first + "]" : std::string();
      opening.because(
          deferred(Cause::NoHostAnswered, 451, {4, 4, 1},
                   "Connecting to " + host.name + at + ": " + std::string(net::name(reached.error()))),
          {host.name, first, {}});
      co_return nullptr;
    }
    if (auto line = co_await greet(opening, host, std::move(reached->stream), true)) co_return line;
    if (opening.why && opening.why->outcome.cause == Cause::TlsFailed &&
        opening.route->tls == TlsDemand::Opportunistic) {
      // Opportunistic TLS that fails is no reason to hold mail back (RFC 7435): again, in the clear.
      auto again = co_await connector_.connect({.peer = reached->at, .patience = options_.connect});
      if (again)
        if (auto line = co_await greet(opening, host, std::move(*again), false)) co_return line;
    }
  }
  co_return nullptr;
}

net::task<std::unique_ptr<Line>> Courier::greet(Opening& opening, const Host& host, net::Stream stream,
                                                bool with_tls) {
  const net::Endpoint at = stream.peer();
  Contact contact{host.name, at.is_unix() ? at.text() : at.address().text(), {}, opening.route->provider};
  Conversation talk(std::move(stream));
  Outcome no;
  try {
    const Visitor visitor{options_.our_name, host.name, with_tls ? &tls_ : nullptr};
    auto welcome = co_await delivery::greet(talk, *opening.route, visitor, options_.patience);
    if (welcome) {
      contact.tls = with_tls ? std::move(welcome->tls) : "failed; sent without";
      co_return std::make_unique<Line>(opening.route, std::move(talk), std::move(welcome->offers),
                                       std::move(contact), store_, options_.patience);
    }
    no = std::move(welcome.error());
  } catch (const net::ConnectionEnded& ended) {
    no = deferred(Cause::ConnectionLost, 451, {4, 4, 2},
                  host.name + " [" + contact.address + "]: connection " + std::string(name(ended.how())));
  } catch (const NotSmtp& what) {
    no = deferred(Cause::BadProtocol, 451, {4, 5, 0}, what.what());
  }
  opening.because(std::move(no), std::move(contact));
  co_return nullptr;
}

net::task<Attempt> Courier::carry(std::unique_ptr<Line>& line, const queue::Message& message,
                                  std::span<const queue::Step> steps) {
  constexpr int most_lines = 3;  // a 4yz to all from one host is often another's yes, and seldom a third's
  const RoutePtr route = line->route();
  Attempt attempt = co_await line->carry(message, steps);
  std::vector<std::string> avoid;
  for (int lines = 1; lines < most_lines; ++lines) {
    const bool elsewhere = another_may_serve(attempt);
    if (elsewhere) avoid.push_back(attempt.contact.host);
    if (elsewhere && avoid.size() == route->hosts.size()) break;
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < steps.size(); ++i)
      if (elsewhere || attempt.outcomes[i].cause == Cause::NotTried) left.push_back(i);
    if (left.empty()) break;

    if (line->usable()) co_await line->quit();
    line.reset();  // its connection has ended before the next begins: the site's pace permits this one only
    auto opened = co_await open(route, avoid);
    if (!opened) break;  // what the first host said of the message counts for more
    line = std::move(*opened);
    std::vector<queue::Step> again;
    again.reserve(left.size());
    for (const std::size_t i : left) again.push_back(steps[i]);
    Attempt now = co_await line->carry(message, again);
    for (std::size_t k = 0; k < left.size(); ++k) attempt.outcomes[left[k]] = std::move(now.outcomes[k]);
    attempt.contact = std::move(now.contact);
  }
  co_return attempt;
}

}  // namespace postroad::delivery
