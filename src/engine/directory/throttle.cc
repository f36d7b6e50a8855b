#include "directory/throttle.h"

#include <algorithm>

namespace postroad::directory {
namespace {

constexpr auto good_for = std::chrono::hours(24 * 30);
constexpr std::uint32_t any_name_factor = 5;   // a network may hold many people
constexpr std::uint32_t anywhere_factor = 10;  // a name may be typed wrong on many devices

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
  const auto forgiven = static_cast<std::uint64_t>(quiet / std::max(options_.ban, std::chrono::seconds(1)));
  if (forgiven == 0) return it->second.failures;
  return forgiven >= 1 && quiet >= options_.ban ? it->second.failures >> std::min<std::uint64_t>(forgiven, 31)
                                                : 0;
}

Throttle::Advice Throttle::before(std::string_view login, std::string_view client, Instant now) {
  const std::scoped_lock lock(lock_);
  const std::uint32_t pair = current(pair_key(login, client), now);
  const std::uint32_t network = current(client_key(client), now);
  if (pair >= options_.failures_before_ban || network >= options_.failures_before_ban * any_name_factor)
    return {.refuse = true};

  const auto good = good_.find(pair_key(login, client));
  const bool known = good != good_.end() && now - good->second < good_for;
  const std::uint32_t anywhere = current(login_key(login), now);
  if (!known && anywhere >= options_.failures_before_ban * anywhere_factor) return {.refuse = true};

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
    add(std::move(pair), now);
    add(client_key(client), now);
    add(login_key(login), now);
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
