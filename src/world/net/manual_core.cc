#include "net/manual_core.h"

namespace postroad::net {

bool ManualCore::step() {
  const Running running(*this);
  return run_one_ready() || fire_one_timer(now());
}

std::size_t ManualCore::settle() {
  std::size_t steps = 0;
  while (step()) ++steps;
  return steps;
}

void ManualCore::advance(Duration by) {
  const Instant end = now() + by;
  settle();
  for (Instant next = next_timer(); next <= end; next = next_timer()) {
    if (next > now()) clock_.advance(next - now());
    settle();
  }
  if (end > now()) clock_.advance(end - now());
  settle();
}

void ManualCore::run_until_idle(Duration limit) {
  const Instant end = now() + limit;
  settle();
  for (Instant next = next_timer(); next <= end; next = next_timer()) {
    if (next > now()) clock_.advance(next - now());
    settle();
  }
}

void ManualCore::run_task(task<void> task) {
  std::exception_ptr error;
  TaskGroup group(*this, [&](std::exception_ptr e) { error = std::move(e); });
  group.spawn(std::move(task));
  while (!group.empty()) {
    if (step()) continue;
    const Instant next = next_timer();
    if (next == Instant::max()) throw Deadlock();
    clock_.advance(next - now());
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace postroad::net
