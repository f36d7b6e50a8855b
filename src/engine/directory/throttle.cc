#include "directory/throttle.h"

#include <algorithm>

namespace postroad::directory {
namespace {

constexpr auto good_for = std::chrono::hours(24 * 30);

std::string pair_key(std::string_view login, std::string_view client) {
  return std::string("p").append(login).append(1, '\0').append(client);
}
std::string client_key(std::string_view client) { return std::string("c").append(client); }
std::string login_key(std::string_view login) { return std::string("l").append(login); }

}  // namespace

std::uint32_t Throttle::current(const std::string& key, Instant now) const {
  const auto it = counts_.find(key);
  if (it == counts_.end()) return 0;
  const auto quiet = std::chrono::duration_cast<std::chrono::seconds>(now - it->second.last);
  const auto periods = static_cast<std::uint64_t>(quiet / std::max(ban_of(key), std::chrono::seconds(1)));
  return it->second.failures >> std::min<std::uint64_t>(periods, 31);
}

std::chrono::seconds Throttle::ban_of(const std::string& key) const {
  return key.starts_with('c') ? options_.network_ban : options_.ban;
}

bool Throttle::known(const std::string& pair, Instant now) const {
  const auto good = good_.find(pair);
  return good != good_.end() && now - good->second < good_for;
}

Throttle::Advice Throttle::before(std::string_view login, std::string_view client, Instant now) {
  const std::scoped_lock lock(lock_);
  const std::string key = pair_key(login, client);
  const std::uint32_t pair = current(key, now);
  if (pair >= options_.failures_before_ban) return {.refuse = true};
  if (!known(key, now) && (current(client_key(client), now) >= options_.network_failures_before_ban ||
                           current(login_key(login), now) >= options_.failures_before_ban))
    return {.refuse = true};

  if (pair < options_.failures_before_delay) return {};
  const std::uint32_t doubled = std::min(pair - options_.failures_before_delay, 4u);
  return {.wait = std::chrono::milliseconds(500) * (1 << doubled)};  // 0.5 s ... 8 s
}

void Throttle::add(std::string key, Instant now) {
  if (counts_.size() >= most_counts) {
    counts_.erase(order_.front());
    order_.pop_front();
  }
  const std::uint32_t before = current(key, now);
  auto [it, fresh] = counts_.try_emplace(key);
  it->second = {before + 1, now};
  if (fresh) order_.push_back(std::move(key));
}

void Throttle::count(std::string_view login, std::string_view client, bool success, Instant now) {
  const std::scoped_lock lock(lock_);
  std::string pair = pair_key(login, client);
  if (!success) {
    if (!known(pair, now)) add(login_key(login), now);
    add(std::move(pair), now);
    add(client_key(client), now);
    return;
  }
  if (const auto it = counts_.find(pair); it != counts_.end()) it->second.failures = 0;
  if (good_.size() >= most_counts) {
    good_.erase(good_order_.front());
    good_order_.pop_front();
  }
  auto [it, fresh] = good_.insert_or_assign(pair, now);
  if (fresh) good_order_.push_back(std::move(pair));
}

}  // namespace postroad::directory
