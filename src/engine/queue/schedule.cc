#include "queue/schedule.h"

namespace postroad::queue {

Schedule::Lane& Schedule::lane(std::string_view domain) {
  auto [it, fresh] = lanes_.try_emplace(std::string(domain));
  if (fresh) it->second.domain = it->first;
  return it->second;
}

void Schedule::unlist(Lane& lane) {
  if (!lane.closed && !lane.waiting.empty()) open_.erase({lane.waiting.begin()->first, &lane});
}

void Schedule::list(Lane& lane) {
  if (!lane.closed && !lane.waiting.empty()) open_.insert({lane.waiting.begin()->first, &lane});
}

void Schedule::wait(EntryName name, std::string_view domain, Time due) {
  remove(name);
  Lane& to = lane(domain);
  unlist(to);
  to.waiting.insert({due, name});
  list(to);
  entries_[name] = {&to, due, false};
  ++to.entries;
}

void Schedule::remove(EntryName name) {
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  Lane& of = *it->second.lane;
  if (!it->second.out) {
    unlist(of);
    of.waiting.erase({it->second.due, name});
    list(of);
  }
  entries_.erase(it);
  --of.entries;
  leave(of);
}

void Schedule::leave(Lane& lane) {
  if (lane.entries == 0 && !lane.closed) lanes_.erase(std::string(lane.domain));
}

EntryName Schedule::take_first(Lane& lane) {
  unlist(lane);
  const EntryName name = lane.waiting.begin()->second;
  lane.waiting.erase(lane.waiting.begin());
  list(lane);
  entries_.at(name).out = true;
  return name;
}

std::optional<EntryName> Schedule::take(Time now) {
  if (open_.empty() || open_.begin()->first > now) return std::nullopt;
  return take_first(*open_.begin()->second);
}

std::optional<EntryName> Schedule::take_from(std::string_view domain, Time now) {
  const auto it = lanes_.find(std::string(domain));
  if (it == lanes_.end() || it->second.waiting.empty() || it->second.waiting.begin()->first > now)
    return std::nullopt;
  return take_first(it->second);
}

void Schedule::close(std::string_view domain) {
  Lane& at = lane(domain);
  unlist(at);
  at.closed = true;
}

void Schedule::open(std::string_view domain) {
  Lane& at = lane(domain);
  if (!at.closed) return;
  at.closed = false;
  list(at);
  leave(at);
}

std::optional<Time> Schedule::next_due() const {
  if (open_.empty()) return std::nullopt;
  return open_.begin()->first;
}

std::string Schedule::domain_of(EntryName name) const {
  const auto it = entries_.find(name);
  return it == entries_.end() ? std::string() : it->second.lane->domain;
}

std::optional<EntryName> Schedule::after(EntryName name) const {
  const auto it = entries_.upper_bound(name);
  if (it == entries_.end()) return std::nullopt;
  return it->first;
}

bool Schedule::is_out(EntryName name) const {
  const auto it = entries_.find(name);
  return it != entries_.end() && it->second.out;
}

void Schedule::hold(EntryName name) {
  const auto it = entries_.find(name);
  if (it == entries_.end() || it->second.out) return;
  Lane& of = *it->second.lane;
  unlist(of);
  of.waiting.erase({it->second.due, name});
  list(of);
  it->second.out = true;
}

std::size_t Schedule::flush(std::string_view domain, Time now) {
  const auto it = lanes_.find(std::string(domain));
  if (it == lanes_.end()) return 0;
  Lane& at = it->second;
  unlist(at);
  std::set<std::pair<Time, EntryName>> moved;
  for (const auto& [due, name] : at.waiting) {
    moved.insert({std::min(due, now), name});
    entries_.at(name).due = std::min(due, now);
  }
  at.waiting = std::move(moved);
  list(at);
  return at.waiting.size();
}

}  // namespace postroad::queue
