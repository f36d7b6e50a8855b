#include "net/connections.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace postroad::net {

namespace {

using Counts = std::unordered_map<IpAddress, std::uint32_t>;

// What is remembered of who came: bounded by a flood of addresses, not by their number (attack 95's kin).
constexpr std::size_t most_remembered = 65'536;

void give_back(Counts& counts, const IpAddress& key) {
  const auto found = counts.find(key);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

// One more, unless there are `most` already.
bool count_up(Counts& counts, const IpAddress& key, std::size_t most) {
  const auto found = counts.try_emplace(key, 0).first;
  if (found->second >= most) {
    if (found->second == 0) counts.erase(found);
    return false;
  }
  ++found->second;
  return true;
}

}  // namespace

struct Connections::State {
  explicit State(const Clock& c) : clock(c) {}

  void set(Limits fresh);
  std::optional<Refusal> enter(const IpAddress& address, const IpAddress& prefix, bool stranger);
  bool comes_too_often(const IpAddress& prefix);
  Load load() const;  // with the mutex held

  const Clock& clock;
  mutable std::mutex mutex;
  Limits limits;
  Counts addresses, prefixes;  // open
  Counts came;                 // since `span_began`
  Instant span_began{};
  std::atomic<std::size_t> open{0}, strangers{0};
  std::atomic<std::size_t> slots{0};
  std::atomic<Load> raised{Load::Normal};
};

void Connections::State::set(Limits fresh) {
  rlimit files{};
  std::size_t most = fresh.all;
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY) {
    const auto have = static_cast<std::size_t>(files.rlim_cur);
    most = std::min(most, have - std::min(have - 1, fresh.reserve_fds));
  }
  const std::lock_guard lock(mutex);
  limits = std::move(fresh);
  slots = most;
}

Load Connections::State::load() const {
  const double used = static_cast<double>(open) / static_cast<double>(slots);
  const Load by_slots = used >= limits.shedding ? Load::Shedding
                        : used >= limits.busy   ? Load::Busy
                                                : Load::Normal;
  return std::max(by_slots, raised.load());
}

// Counted in spans that all share: twice the rate may come around the turn of one, which harms nobody.
bool Connections::State::comes_too_often(const IpAddress& prefix) {
  if (limits.rate == 0) return false;
  const Instant now = clock.instant();
  if (now - span_began >= limits.rate_span || came.size() >= most_remembered) came.clear(), span_began = now;
  return !count_up(came, prefix, limits.rate);
}

std::optional<Refusal> Connections::State::enter(const IpAddress& address, const IpAddress& prefix,
                                                 bool stranger) {
  if (load() == Load::Shedding) return Refusal::Shedding;
  if (stranger && static_cast<double>(strangers) >= static_cast<double>(slots) * (1 - limits.reserved))
    return Refusal::Shedding;
  if (comes_too_often(prefix)) return Refusal::RateLimit;
  if (!count_up(addresses, address, limits.per_address)) return Refusal::AddressLimit;
  if (!count_up(prefixes, prefix, limits.per_prefix)) {
    give_back(addresses, address);
    return Refusal::PrefixLimit;
  }
  return std::nullopt;
}

namespace {

template <class State>
struct Taken {
  std::shared_ptr<State> state;
  IpAddress address;
  std::optional<IpAddress> prefix;  // none: counted among all only
  bool stranger;
  Taken(std::shared_ptr<State> s, const IpAddress& a, std::optional<IpAddress> p, bool unknown = false)
      : state(std::move(s)), address(a), prefix(p), stranger(unknown) {
    ++state->open;
    if (stranger) ++state->strangers;
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() {
    --state->open;
    if (stranger) --state->strangers;
    if (!prefix) return;
    const std::lock_guard lock(state->mutex);
    give_back(state->addresses, address);
    give_back(state->prefixes, *prefix);
  }
};

}  // namespace

const Clock& Connections::system_clock() {
  static const SystemClock clock;
  return clock;
}

Connections::Connections(Limits limits, const Clock& clock) : state_(std::make_shared<State>(clock)) {
  state_->set(std::move(limits));
}
Connections::~Connections() = default;

void Connections::set_limits(Limits limits) { state_->set(std::move(limits)); }
std::size_t Connections::open() const { return state_->open; }
std::size_t Connections::slots() const { return state_->slots; }
void Connections::raise(Load at_least) { state_->raised = at_least; }

Load Connections::load() const {
  const std::lock_guard lock(state_->mutex);
  return state_->load();
}

Result<Connections::Place, Refusal> Connections::take(const IpAddress& address, bool stranger) {
  std::optional<IpAddress> prefix;
  {
    const std::lock_guard lock(state_->mutex);
    const Limits& limits = state_->limits;
    if (!contains(limits.exempt, address)) {
      prefix = Network::around(address, address.is_v4() ? limits.prefix_v4 : limits.prefix_v6).address();
      if (const auto refusal = state_->enter(address, *prefix, stranger)) return refuse(*refusal);
    }
  }
  return std::make_shared<Taken<State>>(state_, address, prefix, stranger && prefix);
}

Connections::Place Connections::take_unlimited() {
  return std::make_shared<Taken<State>>(state_, IpAddress(), std::nullopt);
}

}  // namespace postroad::net
