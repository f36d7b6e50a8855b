#include "delivery/route.h"

#include <algorithm>

#include "delivery/route_table.h"

#include "mail/public_suffix.h"
#include "net/core.h"

namespace postroad::delivery {
namespace {

Outcome never(Cause cause, std::uint16_t code, EnhancedStatus status, std::string text) {
  return {Outcome::Fate::Failed, cause, {code, status, std::move(text)}};
}

// What a name in an MX record must be before it is asked for, logged or joined into a site.
bool is_host_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

std::string provider_of(const std::string& host) {
  if (const auto domain = Domain::parse(host))
    if (const auto owner = organizational_domain(*domain)) return owner->text();
  return host;
}

}  // namespace

// RFC 5321 §5.1: MX; without one the domain itself, as if it were its MX with preference 0; null MX: nowhere.
Result<Route, Outcome> route_of(const std::string& domain, const std::vector<dns::Mx>& records,
                                const RouterOptions& options) {
  Route route{.port = options.port};
  if (records.size() == 1 && records[0].exchange.empty())
    return refuse(never(Cause::NullMx, 556, {5, 1, 10}, "The domain " + domain + " takes no mail (null MX)"));
  for (const dns::Mx& record : records)
    // RFC 7505 §3: a null MX must stand alone; among others it says nothing.
    if (is_host_name(record.exchange)) route.hosts.push_back({record.exchange, record.preference});
  if (records.empty()) route.hosts.push_back({domain, 0});
  std::ranges::stable_sort(route.hosts, {}, &Host::preference);
  // A host of ours in the list: it and what is no better is not for us to try (RFC 5321 §5.1).
  const auto ours = std::ranges::find(route.hosts, options.our_name, &Host::name);
  if (ours != route.hosts.end()) {
    const std::uint16_t limit = ours->preference;
    std::erase_if(route.hosts, [&](const Host& host) { return host.preference >= limit; });
    if (route.hosts.empty())
      return refuse(never(Cause::Loops, 554, {5, 4, 6},
                          "Mail for " + domain + " loops back to us: we are its MX and do not host it"));
  }
  if (route.hosts.empty())
    return refuse(never(Cause::NoSuchHost, 550, {5, 4, 4},
                        "The MX records of " + domain + " name no host that mail could go to"));
  if (route.hosts.size() > options.most_hosts) route.hosts.resize(options.most_hosts);

  std::vector<std::string_view> names;
  for (const Host& host : route.hosts) names.push_back(host.name);
  std::ranges::sort(names);
  const auto [first, last] = std::ranges::unique(names);
  names.erase(first, last);
  for (const std::string_view name : names) route.site.append(route.site.empty() ? "" : ",").append(name);
  route.provider = provider_of(route.hosts.front().name);
  return route;
}

// While it lives, others who ask for the domain wait; when it ends, however it ends, they go on.
class Router::Looking {
 public:
  Looking(Router& router, const std::string& domain) : router_(router), domain_(domain) {}
  ~Looking() {
    std::vector<net::Completer<void>> waiting;
    {
      const std::scoped_lock guard(router_.lock_);
      const auto it = router_.looking_.find(domain_);
      waiting = std::move(it->second);
      router_.looking_.erase(it);
    }
    for (auto& one : waiting) one.complete();
  }

 private:
  Router& router_;
  const std::string& domain_;
};

Router::Router(dns::Resolver& resolver, RouterOptions options)
    : resolver_(resolver), options_(std::move(options)) {}

net::task<Result<RoutePtr, Outcome>> Router::find(std::string domain) {
  for (;;) {
    std::optional<net::Later<>> another;
    std::uint64_t generation = 0;
    {
      const std::scoped_lock guard(lock_);
      if (const auto it = known_.find(domain);
          it != known_.end() && it->second.until > net::Core::here().now())
        co_return it->second.answer;
      generation = generation_;
      const auto [it, first] = looking_.try_emplace(domain);
      if (!first) it->second.push_back(another.emplace().completer());
    }
    if (another) {
      co_await *another;  // whoever looked may have been cancelled: ask again
      continue;
    }
    const Looking looking(*this, domain);
    Found found = co_await look_up(domain);
    remember(domain, found, generation);
    co_return std::move(found.answer);
  }
}

void Router::set_table(std::shared_ptr<const RouteTable> table) {
  const std::scoped_lock guard(lock_);
  table_ = std::move(table);
  ++generation_;
  known_.clear();
  order_.clear();
}

net::task<Router::Found> Router::look_up(const std::string& domain) {
  std::shared_ptr<const RouteTable> table;
  {
    const std::scoped_lock guard(lock_);
    table = table_;
  }
  const RouteRule* rule = table && !domain.starts_with('[') ? table->find(domain) : nullptr;
  if (!rule) co_return co_await look_up_mx(domain);
  if (rule->mx_of.empty()) co_return Found{shared(rule->route), options_.most};
  Found found = co_await look_up_mx(rule->mx_of == "=" ? domain : rule->mx_of);
  if (found.answer && rule->tls) {
    Route route = **found.answer;
    route.tls = *rule->tls;
    route.site +=
        " tls=" + std::string(to_text(*rule->tls));  // connections are not shared with who demands less
    found.answer = shared(std::move(route));
  }
  co_return found;
}

net::task<Router::Found> Router::look_up_mx(const std::string& domain) {
  constexpr std::chrono::seconds soon{5};
  std::vector<dns::Mx> records;
  std::chrono::seconds good_for = options_.most;
  if (!domain.starts_with('[')) {  // an address literal is its own host
    auto mx = co_await resolver_.mx(domain);
    if (mx) {
      records = std::move(mx->records);
      good_for = std::clamp(mx->ttl, options_.least, options_.most);
    } else if (temporary(mx.error())) {
      co_return Found{refuse(Outcome{Outcome::Fate::Deferred,
                                     Cause::DnsTrouble,
                                     {451,
                                      {4, 4, 3},
                                      "The DNS does not answer for " + domain + ": " +
                                          std::string(to_text(mx.error()))}}),
                      soon};
    } else if (mx.error() != dns::Error::NoData) {
      co_return Found{
          refuse(never(Cause::NoSuchDomain, 550, {5, 1, 2}, "The domain " + domain + " does not exist")),
          soon};
    }
  }
  auto route = route_of(domain, records, options_);
  if (!route) co_return Found{refuse(std::move(route.error())), soon};
  co_return Found{shared(std::move(*route)), good_for};
}

// Of equal routes there is one: a provider's hundred thousand domains cost it a pointer each.
RoutePtr Router::shared(Route route) {
  const std::scoped_lock guard(lock_);
  std::weak_ptr<const Route>& place = sites_[route.site];
  if (RoutePtr known = place.lock(); known && *known == route) return known;
  RoutePtr made = std::make_shared<const Route>(std::move(route));
  place = made;
  if (sites_.size() > 2 * options_.most_domains)
    std::erase_if(sites_, [](auto& s) { return s.second.expired(); });
  return made;
}

void Router::remember(const std::string& domain, const Found& found, std::uint64_t generation) {
  const Instant until = net::Core::here().now() + found.good_for;
  const std::scoped_lock guard(lock_);
  if (generation != generation_) return;  // by a table that is gone
  const auto [it, fresh] = known_.insert_or_assign(domain, Known{found.answer, until});
  if (!fresh) return;
  order_.push_back(domain);
  while (known_.size() > options_.most_domains) {
    known_.erase(order_.front());
    order_.pop_front();
  }
}

}  // namespace postroad::delivery
