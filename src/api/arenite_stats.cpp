// arenite_stats: the ledger's figures and what is promised of them, for programs.
#include <cstring>

#include "api/api.hpp"
#include "arenite/arenite.h"

using namespace arenite;  // NOLINT(google-build-using-namespace): every definition here is global

// What its first version had.
static constexpr size_t k_first_size = offsetof(arenite_statistics, free_in_slabs);

ARENITE_EXPORT int arenite_stats(struct arenite_statistics* out, size_t size) {
  if (out == nullptr || size < k_first_size) return EINVAL;
  engine::start();
  using ledger::g_ledger;
  using ledger::Keeper;
  const size_t credit = engine::usable_credit();
  size_t arenas = 0;
  if (engine::is_classic()) {
    chunk::g_arenas.for_each(
        [&](const chunk::Arena& arena) { arenas += arena.is_abandoned() ? 0 : 1; });
  } else {
    cache::for_each_mixed_heap([&](const cache::MixedHeap&) { arenas++; });
  }
  const size_t known = size < sizeof(*out) ? size / sizeof(size_t) * sizeof(size_t) : sizeof(*out);
  const arenite_statistics now = {.size = known,
                                  .live = g_ledger.live(),
                                  .retained = g_ledger.retained(),
                                  .bound = engine::is_classic() ? 0 : g_ledger.bound(),
                                  .credit = credit,
                                  .retained_slabs = g_ledger.retained(Keeper::slabs),
                                  .retained_chunks = g_ledger.retained(Keeper::chunks),
                                  .retained_mappings = g_ledger.retained(Keeper::mappings),
                                  .grown = g_ledger.grown(),
                                  .reused = g_ledger.reused(),
                                  .purged = g_ledger.purged(),
                                  .arenas = arenas,
                                  .free_in_slabs = cache::g_depot.known_holes(),
                                  .retained_spans = g_ledger.retained(Keeper::spans)};
  memcpy(out, &now, known);
  return 0;
}
