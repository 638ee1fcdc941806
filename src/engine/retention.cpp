#include "engine/retention.hpp"

#include "cache/cache.hpp"
#include "chunk/chunk_engine.hpp"

namespace arenite::engine {
namespace {

using ledger::g_ledger;
using ledger::Keeper;

// Purges about `bytes` bytes of what a keeper has; how many it was.
size_t purge(Keeper keeper, size_t bytes) {
  switch (keeper) {
    case Keeper::slabs:
      return cache::g_depot.purge(bytes);
    case Keeper::chunks:
      return chunk::purge_arenas(bytes);
    case Keeper::mappings:
      return chunk::g_warm_mappings.purge(bytes);
  }
  return 0;
}

void settle() {
  const size_t bound = policy::retention_bound(g_ledger.live());
  const size_t retained = g_ledger.retained();
  if (retained <= bound) return;
  size_t excess = retained - bound / 2;
  // Whoever has most gives first.
  for (unsigned round = 0; round < ledger::k_keepers && excess != 0; round++) {
    auto most = Keeper::slabs;
    for (const Keeper keeper : {Keeper::chunks, Keeper::mappings}) {
      if (g_ledger.retained(keeper) > g_ledger.retained(most)) most = keeper;
    }
    const size_t gone = purge(most, excess);
    if (gone == 0) return;
    excess -= gone < excess ? gone : excess;
  }
}

}  // namespace

void start_retention() {
  ledger::g_purger.store(settle, std::memory_order_release);
}

}  // namespace arenite::engine
