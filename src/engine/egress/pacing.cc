#include "egress/pacing.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace postroad::egress {
namespace {

constexpr std::size_t most_told = 10'000;

}  // namespace

Permit::Permit(Permit&& other) noexcept
    : pacing_(std::exchange(other.pacing_, nullptr)),
      site_(std::move(other.site_)),
      messages_left_(other.messages_left_),
      greeted_(other.greeted_) {}

Permit::~Permit() {
  if (pacing_) pacing_->close(site_, greeted_);
}

Pacing::Pacing(const Clock& clock, const Providers& providers, Pace::Tuning tuning,
               std::uint32_t most_connections, std::size_t most_sites)
    : clock_(clock),
      providers_(providers),
      tuning_(tuning),
      most_connections_(std::max(1u, most_connections)),
      most_sites_(std::max<std::size_t>(1, most_sites / 16)) {}

Pacing::Shard& Pacing::shard(std::string_view site) const {
  return shards_[std::hash<std::string_view>{}(site) % shards_.size()];
}

// A site that somebody has a permit of is there.
template <class F>
auto Pacing::with(const std::string& site, const F& what) {
  Shard& in = shard(site);
  const std::lock_guard guard(in.lock);
  return what(in.sites.at(site));
}

void Permit::connected() {
  if (std::exchange(greeted_, true)) return;
  std::vector<Asker*> askers;
  pacing_->with(site_, [&](Pacing::Site& site) {
    const auto before = site.pace.allowed();
    site.pace.connected();
    if (site.pace.allowed() > before) askers.swap(site.waiting);
  });
  Pacing::wake(site_, std::move(askers));
}

void Permit::delivered() {
  std::vector<Asker*> askers;
  pacing_->with(site_, [&](Pacing::Site& site) {
    site.pace.delivered();
    if (site.pace.allowed() > site.pace.open()) askers.swap(site.waiting);
  });
  Pacing::wake(site_, std::move(askers));
}

void Permit::told(Feedback what) {
  const Instant now = pacing_->clock_.instant();
  pacing_->with(site_, [&](Pacing::Site& site) { site.pace.told(what, now); });
  if (what != Feedback::NoAnswer) messages_left_ = 0;  // what was said holds for this connection first of all
}

Instant Permit::take_turn() {
  if (messages_left_ > 0) --messages_left_;
  const Instant now = pacing_->clock_.instant();
  return pacing_->with(site_, [&](Pacing::Site& site) { return site.pace.take_turn(now); });
}

void Pacing::close(const std::string& site, bool greeted) {
  std::vector<Asker*> askers;
  with(site, [&](Site& at) {
    at.pace.closed(greeted);
    askers.swap(at.waiting);
  });
  wake(site, std::move(askers));
}

void Pacing::wake(const std::string& site, std::vector<Asker*> askers) {
  for (Asker* asker : askers) asker->may_ask(site);
}

std::variant<Permit, Wait, Full> Pacing::ask(const std::string& site, std::string_view host, Asker& asker) {
  const Instant now = clock_.instant();
  Shard& in = shard(site);
  const std::lock_guard guard(in.lock);
  auto it = in.sites.find(site);
  if (it == in.sites.end()) {
    make_room(in, now);
    Limits limits = providers_.of(host).limits;
    limits.connections = std::min(limits.connections, most_connections_);
    it = in.sites.emplace(site, Site{.pace = Pace(limits, tuning_), .waiting = {}, .age = {}}).first;
    it->second.age = in.order.insert(in.order.end(), site);
  } else {
    in.order.splice(in.order.end(), in.order, it->second.age);
  }
  Pace& pace = it->second.pace;
  const Pace::Answer answer = pace.may_open(now);
  if (answer.yes) {
    pace.opened();
    return Permit(*this, site, pace.limits().messages);
  }
  if (answer.when) return Wait{*answer.when};
  if (std::ranges::find(it->second.waiting, &asker) == it->second.waiting.end())
    it->second.waiting.push_back(&asker);
  return Full{};
}

void Pacing::leave(Asker& asker) {
  for (Shard& in : shards_) {
    const std::lock_guard guard(in.lock);
    for (auto& [name, site] : in.sites) std::erase(site.waiting, &asker);
  }
}

// Those that were not asked for longest and are idle; a few looks, so that it costs no more than it brings.
void Pacing::make_room(Shard& in, Instant now) {
  auto at = in.order.begin();
  for (int looks = 0; looks < 8 && at != in.order.end() && in.sites.size() >= most_sites_; ++looks) {
    const auto site = in.sites.find(*at);
    if (!site->second.pace.idle(now)) {
      ++at;
      continue;
    }
    in.sites.erase(site);
    at = in.order.erase(at);
  }
}

void Pacing::forget_trouble(std::string_view name) {
  const std::string site(name);
  Shard& in = shard(site);
  std::vector<Asker*> askers;
  {
    const std::lock_guard guard(in.lock);
    const auto it = in.sites.find(site);
    if (it == in.sites.end()) return;
    it->second.pace.forget_trouble();
    askers.swap(it->second.waiting);
  }
  wake(site, std::move(askers));
}

SiteState Pacing::state(const std::string& site) const {
  Shard& in = shard(site);
  const std::lock_guard guard(in.lock);
  const auto it = in.sites.find(site);
  if (it == in.sites.end()) return {.site = site};
  const Pace& pace = it->second.pace;
  return {site, pace.open(), pace.allowed(), pace.failures(), pace.waits_until()};
}

std::vector<SiteState> Pacing::troubled() const {
  std::vector<SiteState> out;
  for (Shard& in : shards_) {
    const std::lock_guard guard(in.lock);
    for (const auto& [name, one] : in.sites)
      if (one.pace.failures() > 0 && out.size() < most_told)
        out.push_back(
            {name, one.pace.open(), one.pace.allowed(), one.pace.failures(), one.pace.waits_until()});
  }
  std::ranges::sort(out, {}, &SiteState::site);
  return out;
}

std::size_t Pacing::sites() const {
  std::size_t out = 0;
  for (Shard& in : shards_) {
    const std::lock_guard guard(in.lock);
    out += in.sites.size();
  }
  return out;
}

}  // namespace postroad::egress
