#include "app/overload.h"

#include "app/events.h"
#include "app/memory.h"
#include "net/sleep.h"

namespace postroad::app {

namespace {
constexpr std::chrono::milliseconds between_looks{500};

std::string_view word(net::Load load) {
  switch (load) {
    case net::Load::Normal: return "normal";
    case net::Load::Busy: return "busy";
    case net::Load::Shedding: return "shedding";
  }
  return "";
}
}  // namespace

net::Load load_of(const config::Overload& limits, std::uint64_t memory_used, std::uint64_t memory_limit,
                  std::chrono::microseconds slow_commit) {
  const auto above = [&](config::Percent share) { return memory_used >= memory_limit / 100 * share.value(); };
  if (above(limits.memory_shed)) return net::Load::Shedding;
  if (above(limits.memory_busy) || slow_commit >= limits.commit_slow) return net::Load::Busy;
  return net::Load::Normal;
}

void Overload::set(const config::Overload& limits) {
  const std::uint64_t limit = limits.memory.value() > 0 ? limits.memory.value() : memory_limit();
  const std::lock_guard lock(mutex_);
  limits_ = limits, memory_limit_ = limit;
}

net::task<void> Overload::run() {
  for (;;) {
    look();
    co_await net::sleep_for(between_looks);
  }
}

void Overload::look() {
  const auto used = memory_used();
  const auto slow_commit = store_.status().slow_commit;
  net::Load load;
  {
    const std::lock_guard lock(mutex_);
    load = load_of(limits_, used, memory_limit_, slow_commit);
  }
  connections_.raise(load);
  if (load == load_) return;
  load_ = load;
  log_(LoadChanged{
      .load = std::string(word(load)),
      .memory_octets = used,
      .slow_commit_ms = std::chrono::duration_cast<std::chrono::milliseconds>(slow_commit).count()});
}

}  // namespace postroad::app
