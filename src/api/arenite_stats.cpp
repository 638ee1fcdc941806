// arenite_stats: the ledger's figures and what is promised of them, for programs.
#include "api/api.hpp"
#include "arenite/arenite.h"

using namespace arenite;  // NOLINT(google-build-using-namespace): every definition here is global

ARENITE_EXPORT int arenite_stats(struct arenite_statistics* out, size_t size) {
  if (out == nullptr || size < sizeof(*out)) return EINVAL;
  engine::start();
  using ledger::g_ledger;
  using ledger::Keeper;
  const size_t credit = engine::usable_credit();
  size_t arenas = 0;
  chunk::g_arenas.for_each(
      [&](const chunk::Arena& arena) { arenas += arena.is_abandoned() ? 0 : 1; });
  *out = {.size = sizeof(*out),
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
          .arenas = arenas};
  return 0;
}
