#include "engine/trim.hpp"

#include "engine/beyond_slabs.hpp"
#include "engine/retention.hpp"
#include "os/os.hpp"

namespace arenite::engine {

bool trim(size_t pad) {
  // First what waits in magazines, then what is free inside slabs: one may turn out to be a page.
  cache::empty_magazines();
  if (!os::single_threaded()) cache::g_depot.give_up_records(cache::t_thread.record);
  bool gave = cache::g_depot.purge_holes() != 0;
  gave |= cache::g_depot.purge();
  gave |= large::empty();
  gave |= g_spans.purge(SIZE_MAX) != 0;
  chunk::g_arenas.for_each([&](chunk::Arena& arena) {
    if (arena.is_abandoned() || !arena.lock.lock_unless_frozen()) return;
    gave |= arena.purge(pad);
    arena.lock.unlock();
  });
  ledger::ask_purger();
  return gave;
}

bool give_back_all_kept() {
  bool gave = large::empty();
  gave |= g_spans.purge(SIZE_MAX) != 0;
  gave |= cache::g_depot.purge();
  if (gave) {
    g_spans.ask_again();
    cache::g_depot.ask_again();
  }
  return gave;
}

void consolidate() {
  const os::Holding lock(chunk::g_main_arena.lock);
  chunk::g_main_arena.consolidate();
}

bool measure_slabs(slab::SlabFigures& figures) {
  cache::g_depot.for_each_region(
      [&](const slab::Region& region) { slab::measure(region, figures); });
  return figures.regions != 0;
}

bool measure_spans(span::Figures& figures) {
  figures = g_spans.figures();
  return figures.peak_committed != 0;
}

bool verify(Breach& breach) {
  bool whole = true;
  chunk::g_arenas.for_each([&](chunk::Arena& arena) {
    if (!whole || arena.is_abandoned()) return;
    const os::Holding lock(arena.lock);
    whole = arena.verify(breach);
  });
  return whole && g_spans.verify(breach) && cache::verify(breach) && cache::verify_mixed(breach);
}

}  // namespace arenite::engine
