#include "store/engine.h"
namespace postroad::store {
void Engine::backup(Sink&) {}
void Engine::export_partition(Partition, Sink&) {}
Outcome Engine::import_partition(Partition, Source&) { return Outcome::Unavailable; }
}  // namespace postroad::store
