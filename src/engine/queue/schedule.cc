#include "queue/schedule.h"

#include <algorithm>

namespace postroad::queue {
namespace {

// What one turn is worth: messages of up to 64 KiB cost 1 each, larger ones more, within reason.
constexpr std::uint32_t turn_worth = 4, dearest = 64;
constexpr std::uint32_t octets_per_unit = 64 * 1024;
std::uint32_t cost(const Head& head) { return std::min(dearest, 1 + head.octets / octets_per_unit); }

// Every so many takes the least urgent that waits has its turn, so that it moves at all (RFC 6710 §4.1).
constexpr std::uint32_t patience_of_the_humble = 16;

// Who answered last time goes first, but not always.
constexpr std::uint32_t patience_of_the_doubtful = 4;

constexpr std::size_t most_domains = 50'000;  // whose site is remembered though nothing waits

// Deficit round robin: who cannot pay goes to the end, who comes to the front gets what a turn is worth.
// Asked again before anybody has paid it answers the same.
template <class Ring, class Find, class Cost>
auto& turn_of(Ring& ring, const Find& find, const Cost& price) {
  for (;;) {
    auto& front = find(ring.front());
    if (front.deficit >= price(front)) return front;
    ring.splice(ring.end(), ring, ring.begin());
    find(ring.front()).deficit += turn_worth;
  }
}

}  // namespace

Schedule::Lane& Schedule::lane(std::string_view site) {
  auto [it, fresh] = lanes_.try_emplace(std::string(site));
  if (fresh) it->second.site = it->first;
  return it->second;
}

bool Schedule::room(const Lane& lane, const Head& head) const {
  if (slots_.size() - out_ >= limits_.all) return false;
  if (lane.closed) return lane.waiting < limits_.closed;
  if (lane.waiting < limits_.lane) return true;
  const auto band = lane.bands.find(head.priority);
  if (band == lane.bands.end()) return true;
  const auto tenant = band->second.tenants.find(head.tenant.value());
  if (tenant == band->second.tenants.end()) return true;
  const auto sender = tenant->second.senders.find(head.sender);
  return sender == tenant->second.senders.end() || sender->second.waiting.size() < limits_.sender;
}

Schedule::Offered Schedule::offer(const Head& head, std::string_view domain) {
  if (slots_.contains(head.name)) return Offered::Known;
  const auto leave = [&] {
    if (left_) left_(head);
    return Offered::NoRoom;
  };
  if (suspended_ && suspended_(head, domain)) return leave();
  Lane& to = lane(site_of(domain));
  // Whose turn does not come anyway makes room for those that move.
  if (slots_.size() - out_ >= limits_.all && !to.closed && !idle_.empty()) let_go(**idle_.begin(), 0);
  if (!room(to, head)) {
    miss(to);
    return leave();
  }
  const auto at = domains_.try_emplace(std::string(domain)).first;
  ++at->second.entries;
  if (!to.known && to.waiting + to.out == 0) to.doubtful = head.attempts > 0;
  Slot& slot = slots_[head.name] = {.head = head, .domain = &at->first, .lane = &to};
  insert(slot);
  settle(to);
  return Offered::Taken;
}

bool Schedule::admit(const Head& head, std::string_view domain) {
  if (slots_.contains(head.name) || (suspended_ && suspended_(head, domain))) return false;
  Lane& to = lane(site_of(domain));
  const auto at = domains_.try_emplace(std::string(domain)).first;
  ++at->second.entries;
  slots_[head.name] = {.head = head, .domain = &at->first, .lane = &to, .out = true};
  ++to.out, ++out_;
  settle(to);
  return true;
}

// Into its lane's order; the lane is not listed anew.
void Schedule::insert(Slot& slot) {
  Band& band = slot.lane->bands[slot.head.priority];
  const auto [tenant, new_tenant] = band.tenants.try_emplace(slot.head.tenant.value());
  if (new_tenant) tenant->second.turn = band.ring.insert(band.ring.end(), tenant->first);
  const auto [sender, new_sender] = tenant->second.senders.try_emplace(slot.head.sender);
  if (new_sender) sender->second.turn = tenant->second.ring.insert(tenant->second.ring.end(), sender->first);
  sender->second.waiting.insert({slot.head.due, slot.head.name});
  ++slot.lane->waiting;
}

void Schedule::extract(Slot& slot) {
  const auto band = slot.lane->bands.find(slot.head.priority);
  const auto tenant = band->second.tenants.find(slot.head.tenant.value());
  const auto sender = tenant->second.senders.find(slot.head.sender);
  sender->second.waiting.erase({slot.head.due, slot.head.name});
  --slot.lane->waiting;
  if (!sender->second.waiting.empty()) return;
  tenant->second.ring.erase(sender->second.turn);
  tenant->second.senders.erase(sender);
  if (!tenant->second.senders.empty()) return;
  band->second.ring.erase(tenant->second.turn);
  band->second.tenants.erase(tenant);
  if (band->second.tenants.empty()) slot.lane->bands.erase(band);
}

void Schedule::settle(Lane& lane) {
  std::list<Lane*>* const list = lane.closed || lane.paused || lane.waiting == 0 ? nullptr
                                 : lane.doubtful                                 ? &doubtful_
                                                                                 : &sound_;
  if (lane.listed != list) {
    if (lane.listed) lane.listed->erase(lane.turn);
    if (list) lane.turn = list->insert(list->end(), &lane);
    lane.listed = list;
  }
  if (lane.closed && lane.waiting > 0)
    idle_.insert(&lane);
  else
    idle_.erase(&lane);
  if (lane.missing && !lane.closed && lane.waiting < limits_.lane / 2)
    hungry_.insert(&lane);
  else
    hungry_.erase(&lane);
  if (lane.waiting + lane.out == 0 && !lane.closed && !lane.paused && !lane.missing)
    lanes_.erase(std::string(lane.site));
}

void Schedule::miss(Lane& lane) {
  lane.missing = round_;
  missing_.insert(&lane);
  settle(lane);
}

void Schedule::missing(std::string_view site) { miss(lane(site)); }

void Schedule::end_round() {
  ++round_;
  for (auto it = missing_.begin(); it != missing_.end();) {
    Lane& lane = **it;
    if (*lane.missing + 1 >= round_) {
      ++it;
      continue;
    }
    lane.missing.reset();
    it = missing_.erase(it);
    settle(lane);
  }
}

EntryName Schedule::take_first(Lane& lane) {
  auto band = lane.bands.begin();
  if (++lane.takes % patience_of_the_humble == 0) band = std::prev(lane.bands.end());
  const auto price_of_sender = [&](Sender& sender) {
    return cost(slots_.at(sender.waiting.begin()->second).head);
  };
  const auto sender_of = [&](Tenant& tenant) -> Sender& {
    return turn_of(
        tenant.ring, [&](std::uint32_t key) -> Sender& { return tenant.senders.at(key); }, price_of_sender);
  };
  Tenant& tenant = turn_of(
      band->second.ring, [&](std::uint32_t key) -> Tenant& { return band->second.tenants.at(key); },
      [&](Tenant& one) { return price_of_sender(sender_of(one)); });
  Sender& sender = sender_of(tenant);
  const std::uint32_t paid = price_of_sender(sender);
  sender.deficit -= paid, tenant.deficit -= paid;
  const EntryName name = sender.waiting.begin()->second;
  hold(name);
  return name;
}

std::optional<EntryName> Schedule::take() {
  const bool may_doubt = !doubtful_.empty() && doubtful_out_ < limits_.doubtful;
  const bool their_turn = ++takes_ % patience_of_the_doubtful == 0;
  std::list<Lane*>* from = may_doubt && (their_turn || sound_.empty()) ? &doubtful_ : &sound_;
  if (from->empty()) return std::nullopt;
  Lane& lane = *from->front();
  from->splice(from->end(), *from, from->begin());
  return take_first(lane);
}

bool Schedule::ready() const {
  return !sound_.empty() || (!doubtful_.empty() && doubtful_out_ < limits_.doubtful);
}

std::optional<EntryName> Schedule::take_from(std::string_view site) {
  const auto it = lanes_.find(std::string(site));
  if (it == lanes_.end() || it->second.waiting == 0) return std::nullopt;
  return take_first(it->second);
}

void Schedule::hold(EntryName name) {
  const auto it = slots_.find(name);
  if (it == slots_.end() || it->second.out) return;
  Slot& slot = it->second;
  extract(slot);
  slot.out = true;
  ++slot.lane->out, ++out_;
  slot.doubtful = slot.lane->doubtful;
  doubtful_out_ += slot.doubtful;
  settle(*slot.lane);
}

void Schedule::put_back(EntryName name) {
  const auto it = slots_.find(name);
  if (it == slots_.end() || !it->second.out) return;
  Slot& slot = it->second;
  slot.out = false;
  --slot.lane->out, --out_;
  doubtful_out_ -= slot.doubtful;
  // Its domain may have another site by now.
  Lane& before = *slot.lane;
  slot.lane = &lane(site_of(*slot.domain));
  insert(slot);
  settle(*slot.lane);
  if (slot.lane != &before) settle(before);
}

void Schedule::remove(EntryName name) {
  const auto it = slots_.find(name);
  if (it == slots_.end()) return;
  Slot& slot = it->second;
  Lane& of = *slot.lane;
  if (slot.out) {
    --of.out, --out_;
    doubtful_out_ -= slot.doubtful;
  } else {
    extract(slot);
  }
  release_domain(*slot.domain);
  slots_.erase(it);
  settle(of);
}

void Schedule::release_domain(const std::string& domain) {
  const auto it = domains_.find(domain);
  if (--it->second.entries == 0 && (it->second.site.empty() || domains_.size() > most_domains))
    domains_.erase(it);
}

// Stays on disk, to be read again.
void Schedule::let_go(Slot& slot, bool missed) {
  const Head head = slot.head;
  Lane& of = *slot.lane;
  extract(slot);
  release_domain(*slot.domain);
  slots_.erase(head.name);
  if (missed)
    miss(of);
  else
    settle(of);
  if (left_) left_(head);
}

void Schedule::let_go(Lane& lane, std::size_t keep) {
  while (lane.waiting > keep) {
    // The last of the humblest.
    auto& tenant = std::prev(lane.bands.end())->second.tenants.begin()->second;
    auto& sender = tenant.senders.begin()->second;
    let_go(slots_.at(std::prev(sender.waiting.end())->second), true);
  }
}

void Schedule::close(std::string_view site) {
  Lane& at = lane(site);
  at.closed = true;
  let_go(at, limits_.closed);
  settle(at);
}

void Schedule::open(std::string_view site) {
  const auto it = lanes_.find(std::string(site));
  if (it == lanes_.end()) return;
  it->second.closed = false;
  settle(it->second);
}

void Schedule::pause(std::string_view site, bool on) {
  Lane& at = lane(site);
  at.paused = on;
  settle(at);
}

bool Schedule::closed(std::string_view site) const {
  const auto it = lanes_.find(std::string(site));
  return it != lanes_.end() && it->second.closed;
}

void Schedule::doubt(std::string_view site, bool doubtful) {
  const auto it = lanes_.find(std::string(site));
  if (it == lanes_.end()) return;
  it->second.known = true;
  it->second.doubtful = doubtful;
  settle(it->second);
}

std::string Schedule::site_of(std::string_view domain) const {
  const auto it = domains_.find(std::string(domain));
  return std::string(it == domains_.end() || it->second.site.empty() ? domain
                                                                     : std::string_view(it->second.site));
}

void Schedule::regroup(std::string_view domain, std::string_view site) {
  const std::string before = site_of(domain);
  if (before == site) return;
  domains_[std::string(domain)].site = site == domain ? std::string() : std::string(site);
  const auto from = lanes_.find(before);
  if (from == lanes_.end()) return;
  std::vector<EntryName> moved;
  for (const EntryName name : waiting_for(before))
    if (*slots_.at(name).domain == domain) moved.push_back(name);
  Lane& old = from->second;
  Lane& to = lane(site);
  if (old.missing) to.missing = std::max(to.missing.value_or(0), *old.missing), missing_.insert(&to);
  if (!to.known && to.waiting + to.out == 0) to.doubtful = old.doubtful;
  for (const EntryName name : moved) {
    Slot& slot = slots_.at(name);
    extract(slot);
    slot.lane = &to;
    insert(slot);
  }
  settle(to);
  if (before == domain) old.missing.reset(), missing_.erase(&old);
  settle(old);
}

void Schedule::set_suspended(std::function<bool(const Head&, std::string_view)> suspended) {
  suspended_ = std::move(suspended);
  if (!suspended_) return;
  std::vector<EntryName> gone;
  for (const auto& [name, slot] : slots_)
    if (!slot.out && suspended_(slot.head, *slot.domain)) gone.push_back(name);
  for (const EntryName name : gone) let_go(slots_.at(name), false);
}

const Head* Schedule::find(EntryName name) const {
  const auto it = slots_.find(name);
  return it == slots_.end() ? nullptr : &it->second.head;
}

bool Schedule::is_out(EntryName name) const {
  const auto it = slots_.find(name);
  return it != slots_.end() && it->second.out;
}

bool Schedule::waits_for(EntryName name, std::string_view site) const {
  const auto it = slots_.find(name);
  return it != slots_.end() && !it->second.out && it->second.lane->site == site;
}

std::string Schedule::domain_of(EntryName name) const {
  const auto it = slots_.find(name);
  return it == slots_.end() ? std::string() : *it->second.domain;
}

std::vector<EntryName> Schedule::behind_closed() const {
  std::vector<EntryName> out;
  for (const Lane* lane : idle_)
    for (const EntryName name : waiting_for(lane->site)) out.push_back(name);
  return out;
}

std::vector<EntryName> Schedule::waiting_for(std::string_view site) const {
  std::vector<EntryName> out;
  const auto it = lanes_.find(std::string(site));
  if (it == lanes_.end()) return out;
  out.reserve(it->second.waiting);
  for (const auto& [priority, band] : it->second.bands)
    for (const auto& [tenant, senders] : band.tenants)
      for (const auto& [sender, waits] : senders.senders)
        for (const auto& [due, name] : waits.waiting) out.push_back(name);
  return out;
}

}  // namespace postroad::queue
