#include "delivery/route_book.h"

#include <stdexcept>

#include "base/bytes.h"

namespace postroad::delivery {
namespace {

constexpr store::Partition home{store::Realm::System, 3};
constexpr std::string_view prefix = "route/";
constexpr std::uint8_t version = 1;

std::string encode(const RouteRule& rule) {
  std::string out;
  Writer w(out);
  w.u8(version).string(rule.target()).string(rule.tls ? to_text(*rule.tls) : std::string_view());
  w.string(rule.route.login ? rule.route.login->name : "")
      .string(rule.route.login ? rule.route.login->password : "");
  return out;
}

// Nothing: damaged, or of a later release.
std::optional<RouteRule> read(std::string_view pattern, std::string_view octets) {
  Reader in(octets);
  if (in.u8() != version) return std::nullopt;
  std::string line(pattern);
  line.append(" ").append(in.string());
  if (const auto tls = in.string(); !tls.empty()) line.append(" tls=").append(tls);
  Login login;
  login.name = in.string();
  login.password = in.string();
  if (!in.ok()) return std::nullopt;
  auto rule = RouteRule::parse(line);
  if (!rule) return std::nullopt;
  if (!login.name.empty()) rule->route.login = std::move(login);
  return std::move(*rule);
}

RouteError error_of(store::Outcome outcome) {
  return outcome == store::Outcome::NoSpace ? RouteError::Full : RouteError::Unavailable;
}

}  // namespace

net::task<void> RouteBook::load() {
  auto range = store::Range::prefix(prefix);
  for (;;) {
    const auto page = co_await store_.scan(home, range);
    if (!page) throw std::runtime_error("the routes cannot be read: run `postroad verify`");
    for (const auto& entry : *page) {
      auto rule = read(entry.key.substr(prefix.size()), entry.value);
      const std::scoped_lock guard(lock_);
      if (rule) laid_.add(std::move(*rule));
    }
    if (!page->more) break;
    range.from = std::string(page->back().key) + '\0';
  }
  publish();
}

void RouteBook::configure(std::vector<RouteRule> rules) {
  {
    const std::scoped_lock guard(lock_);
    configured_ = std::move(rules);
  }
  publish();
}

net::task<Result<void, RouteError>> RouteBook::lay(RouteRule rule) {
  store::Batch batch(home);
  batch.put(std::string(prefix) + rule.pattern, encode(rule));
  const auto done = co_await store_.commit(std::move(batch));
  if (!done) co_return refuse(error_of(done.outcome));
  {
    const std::scoped_lock guard(lock_);
    laid_.add(std::move(rule));
  }
  publish();
  co_return {};
}

net::task<Result<void, RouteError>> RouteBook::remove(std::string pattern) {
  {
    const std::scoped_lock guard(lock_);
    if (!laid_.rules().contains(pattern)) co_return refuse(RouteError::NotFound);
  }
  store::Batch batch(home);
  batch.remove(std::string(prefix) + pattern);
  const auto done = co_await store_.commit(std::move(batch));
  if (!done) co_return refuse(error_of(done.outcome));
  {
    const std::scoped_lock guard(lock_);
    laid_.remove(pattern);
  }
  publish();
  co_return {};
}

std::vector<StandingRoute> RouteBook::list() const {
  const std::scoped_lock guard(lock_);
  std::map<std::string, StandingRoute> all;
  for (const RouteRule& rule : configured_) all.insert_or_assign(rule.pattern, StandingRoute{rule, true});
  for (const auto& [pattern, rule] : laid_.rules()) all.insert_or_assign(pattern, StandingRoute{rule, false});
  std::vector<StandingRoute> out;
  for (auto& [pattern, route] : all) out.push_back(std::move(route));
  return out;
}

void RouteBook::publish() {
  auto table = std::make_shared<RouteTable>();
  for (StandingRoute& standing : list()) table->add(std::move(standing.rule));
  if (publish_) publish_(std::move(table));
}

}  // namespace postroad::delivery
