#include "net/connections.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <unordered_map>

namespace postroad::net {

namespace {

// A prefix as a key: the address with its host bits cleared.
IpAddress prefix_key(const IpAddress& address) { return prefix_of(address).address(); }

using Counts = std::unordered_map<IpAddress, std::uint32_t>;

void give_back(Counts& counts, const IpAddress& key) {
  const auto found = counts.find(key);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

}  // namespace

struct Connections::State {
  mutable std::mutex mutex;
  Limits limits;
  Counts addresses, prefixes;
  std::atomic<std::size_t> open{0};
  std::atomic<std::size_t> slots{0};
  std::atomic<Load> raised{Load::Normal};

  void set(Limits fresh) {
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
};

namespace {

template <class State>
struct Taken {
  std::shared_ptr<State> state;
  IpAddress address;
  bool counted;
  Taken(std::shared_ptr<State> s, const IpAddress& a, bool c) : state(std::move(s)), address(a), counted(c) {}
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() {
    --state->open;
    if (!counted) return;
    const std::lock_guard lock(state->mutex);
    give_back(state->addresses, address);
    give_back(state->prefixes, prefix_key(address));
  }
};

}  // namespace

Connections::Connections(Limits limits) : state_(std::make_shared<State>()) {
  state_->set(std::move(limits));
}
Connections::~Connections() = default;

void Connections::set_limits(Limits limits) { state_->set(std::move(limits)); }
std::size_t Connections::open() const { return state_->open; }
std::size_t Connections::slots() const { return state_->slots; }
void Connections::raise(Load at_least) { state_->raised = at_least; }

Load Connections::load() const {
  const std::lock_guard lock(state_->mutex);
  const double used = static_cast<double>(open()) / static_cast<double>(slots());
  const Load by_slots = used >= state_->limits.shedding ? Load::Shedding
                        : used >= state_->limits.busy   ? Load::Busy
                                                        : Load::Normal;
  return std::max(by_slots, state_->raised.load());
}

Result<Connections::Place, Refusal> Connections::take(const IpAddress& address) {
  if (load() == Load::Shedding) {
    const std::lock_guard lock(state_->mutex);
    if (!contains(state_->limits.exempt, address)) return refuse(Refusal::Shedding);
  }
  bool counted = false;
  {
    const std::lock_guard lock(state_->mutex);
    counted = !contains(state_->limits.exempt, address);
    if (counted) {
      auto& of_address = state_->addresses[address];
      auto& of_prefix = state_->prefixes[prefix_key(address)];
      const bool too_many = of_address >= state_->limits.per_address;
      if (too_many || of_prefix >= state_->limits.per_prefix) {
        if (of_address == 0) state_->addresses.erase(address);
        if (of_prefix == 0) state_->prefixes.erase(prefix_key(address));
        return refuse(too_many ? Refusal::AddressLimit : Refusal::PrefixLimit);
      }
      ++of_address;
      ++of_prefix;
    }
    ++state_->open;
  }
  return std::make_shared<Taken<State>>(state_, address, counted);
}

Connections::Place Connections::take_unlimited() {
  ++state_->open;
  return std::make_shared<Taken<State>>(state_, IpAddress(), false);
}

}  // namespace postroad::net
