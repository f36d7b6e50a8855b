#include "delivery/courier.h"

#include <algorithm>

namespace postroad::delivery {
namespace {

Outcome outcome(Outcome::Fate fate, Cause cause, std::uint16_t code, EnhancedStatus status,
                std::string text) {
  return {fate, cause, {code, status, std::move(text)}};
}

// What is known at the end of an attempt that reached nobody.
Outcome nobody_answered(const std::string& domain) {
  return outcome(Outcome::Fate::Deferred, Cause::NoHostAnswered, 451, {4, 4, 1},
                 "No mail server of " + domain + " answered");
}

Outcome dns_trouble(const std::string& name, dns::Error error) {
  return outcome(Outcome::Fate::Deferred, Cause::DnsTrouble, 451, {4, 4, 3},
                 "The DNS does not answer for " + name + ": " + std::string(to_text(error)));
}

}  // namespace

Courier::Courier(dns::Resolver& resolver, net::Connector& connector, net::TlsClient& tls, store::Store& store,
                 CourierOptions options)
    : resolver_(resolver), connector_(connector), tls_(tls), store_(store), options_(std::move(options)) {}

// RFC 5321 §5.1: MX; without one the domain itself, as if it were its MX with preference 0; null MX: nowhere.
net::task<Result<std::vector<Courier::Host>, Outcome>> Courier::hosts(const std::string& domain) {
  auto mx = co_await resolver_.mx(domain);
  if (!mx) {
    if (temporary(mx.error())) co_return refuse(dns_trouble(domain, mx.error()));
    if (mx.error() == dns::Error::NoData) co_return std::vector<Host>{{domain, 0}};
    co_return refuse(outcome(Outcome::Fate::Failed, Cause::NoSuchDomain, 550, {5, 1, 2},
                             "The domain " + domain + " does not exist"));
  }
  if (mx->records.size() == 1 && mx->records[0].exchange.empty())
    co_return refuse(outcome(Outcome::Fate::Failed, Cause::NullMx, 556, {5, 1, 10},
                             "The domain " + domain + " takes no mail (null MX)"));
  std::vector<Host> out;
  for (const dns::Mx& record : mx->records) {
    if (record.exchange.empty())
      continue;  // RFC 7505 §3: a null MX must stand alone; among others it says nothing
    // A host of ours in the list: it and what is less preferred is not for us to try (RFC 5321 §5.1).
    out.push_back({record.exchange, record.preference});
    if (out.size() == options_.most_hosts) break;
  }
  std::ranges::stable_sort(out, {}, &Host::preference);
  const auto ours =
      std::ranges::find_if(out, [&](const Host& host) { return host.name == options_.our_name; });
  if (ours != out.end()) {
    const std::uint16_t limit = ours->preference;
    std::erase_if(out, [&](const Host& host) { return host.preference >= limit; });
    if (out.empty())
      co_return refuse(outcome(Outcome::Fate::Failed, Cause::Loops, 554, {5, 4, 6},
                               "Mail for " + domain + " loops back to us: we are its MX and do not host it"));
  }
  if (out.empty()) co_return refuse(nobody_answered(domain));
  co_return out;
}

net::task<void> Courier::addresses(const Host& host, std::vector<IpAddress>& to, Outcome& why) {
  auto found = co_await resolver_.addresses(host.name);
  if (!found) {
    if (temporary(found.error())) why = dns_trouble(host.name, found.error());
    co_return;
  }
  for (const IpAddress& address : found->records) {
    if (to.size() >= options_.most_addresses) co_return;
    const bool ourselves =
        std::ranges::find(options_.our_addresses, address) != options_.our_addresses.end() &&
        std::ranges::find(options_.our_ports, options_.port) != options_.our_ports.end();
    if (ourselves || (!address.is_public() && !options_.allow_private_networks) || address.is_unspecified()) {
      why = outcome(Outcome::Fate::Failed, Cause::PrivateAddress, 554, {5, 4, 6},
                    host.name + " has an address that mail must not go to: " + address.text());
      continue;
    }
    to.push_back(address);
  }
}

// True: every recipient has an answer from this host, good or bad; false: another host may do better.
net::task<bool> Courier::try_address(const Host& host, const IpAddress& address,
                                     const queue::Message& message, const std::vector<queue::Step>& steps,
                                     Attempt& attempt) {
  attempt.contact = {host.name, address.text(), {}};
  auto connected =
      co_await connector_.connect({.peer = {address, options_.port}, .patience = options_.connect});
  if (!connected) {
    const Outcome no = outcome(Outcome::Fate::Deferred, Cause::NoHostAnswered, 451, {4, 4, 1},
                               "Connecting to " + host.name + " [" + address.text() +
                                   "]: " + std::string(net::name(connected.error())));
    for (Outcome& o : attempt.outcomes)
      if (o.fate == Outcome::Fate::Deferred) o = no;
    co_return false;
  }
  auto blob = co_await store_.open_blob(message.content.blob);
  if (!blob) {
    for (Outcome& o : attempt.outcomes)
      o = outcome(Outcome::Fate::Deferred, Cause::StoreTrouble, 451, {4, 3, 0}, "The message cannot be read");
    co_return true;
  }

  // Only for those who have no final answer yet.
  std::vector<std::size_t> open;
  Deal deal{.envelope = &message.envelope, .recipients = {}};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (attempt.outcomes[i].fate != Outcome::Fate::Deferred) continue;
    open.push_back(i);
    deal.recipients.push_back(steps[i].given);
    deal.recipients.back().address = steps[i].address;
  }
  Client client(std::move(*connected), options_.our_name, options_.patience);
  bool reached = false;
  try {
    auto hello = co_await client.greet(&tls_, host.name, false);
    attempt.contact.tls = client.tls();
    if (!hello && hello.error().cause == Cause::TlsFailed) {
      // Opportunistic TLS that fails is no reason to hold mail back (RFC 7435): again, in the clear.
      auto again =
          co_await connector_.connect({.peer = {address, options_.port}, .patience = options_.connect});
      if (again) {
        client = Client(std::move(*again), options_.our_name, options_.patience);
        hello = co_await client.greet(nullptr, host.name, false);
        attempt.contact.tls = "failed; sent without";
      }
    }
    if (!hello) {
      for (const std::size_t i : open) attempt.outcomes[i] = hello.error();
      co_return false;
    }
    Payload payload{.prefix = message.content.prefix,
                    .blob = blob->get(),
                    .octets = message.content.octets(),
                    .eight_bit = message.envelope.body != Body::SevenBit};
    reached = true;
    auto outcomes = co_await client.transact(deal, payload);
    for (std::size_t k = 0; k < open.size(); ++k) attempt.outcomes[open[k]] = std::move(outcomes[k]);
    reached = false;
    if (client.usable()) co_await client.quit();
  } catch (const net::ConnectionEnded& ended) {
    // After the final dot the server may have it (RFC 1047): the retry is the duplicate that is allowed.
    const Outcome lost =
        outcome(Outcome::Fate::Deferred, Cause::ConnectionLost, 451, {4, 4, 2},
                host.name + " [" + address.text() + "]: connection " + std::string(name(ended.how())));
    if (attempt.outcomes[open[0]].cause != Cause::Accepted || reached)
      for (const std::size_t i : open)
        if (attempt.outcomes[i].fate == Outcome::Fate::Deferred) attempt.outcomes[i] = lost;
  }
  co_return std::ranges::none_of(attempt.outcomes, [](const Outcome& o) {
    return o.fate == Outcome::Fate::Deferred && !(o.cause == Cause::RefusedByReply && o.remote_reply);
  });
}

net::task<Attempt> Courier::carry(const queue::Message& message, const std::string& domain,
                                  const std::vector<queue::Step>& steps) {
  Attempt attempt{.outcomes = std::vector<Outcome>(steps.size(), nobody_answered(domain)), .contact = {}};
  const auto give_all = [&](const Outcome& why) { attempt.outcomes.assign(steps.size(), why); };

  std::vector<Host> to;
  if (domain.starts_with('[')) {  // an address literal is its own host (RFC 5321 §5.1)
    to.push_back({domain, 0});
  } else {
    auto found = co_await hosts(domain);
    if (!found) {
      give_all(found.error());
      co_return attempt;
    }
    to = std::move(*found);
  }
  std::size_t tried = 0;
  Outcome why = nobody_answered(domain);
  for (const Host& host : to) {
    std::vector<IpAddress> at;
    if (host.name.starts_with('[')) {
      const auto literal = Domain::parse(host.name);
      const auto ip = literal ? IpAddress::parse(literal->literal_ip()) : std::nullopt;
      if (ip && (ip->is_public() || options_.allow_private_networks))
        at.push_back(*ip);
      else
        why = outcome(Outcome::Fate::Failed, Cause::PrivateAddress, 554, {5, 4, 6},
                      "Mail must not go to the address " + host.name);
    } else {
      co_await addresses(host, at, why);
    }
    for (const IpAddress& address : at) {
      ++tried;
      if (co_await try_address(host, address, message, steps, attempt)) co_return attempt;
      if (tried == options_.most_addresses) co_return attempt;
    }
  }
  if (tried == 0) give_all(why);
  co_return attempt;
}

}  // namespace postroad::delivery
