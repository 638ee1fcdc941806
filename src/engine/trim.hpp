// Trim: memory goes back on request. Figures: what the whole process holds.
#pragma once

#include "cache/cache.hpp"
#include "chunk/chunk_engine.hpp"
#include "engine/beyond_slabs.hpp"
#include "engine/start.hpp"

namespace arenite::engine {

// Gives every whole free page back to the kernel, and the tops beyond `pad` bytes. Whether any
// went. Takes one arena's lock after the other; an arena that fork holds is passed over.
bool trim(size_t pad);

// Gives back what is kept for later requests, all of it, where one cannot be served: it may be just
// what the process lacks. Whether any went.
bool give_back_all_kept();

// Empties the fast bins of the main arena (mallopt does, before it changes anything).
void consolidate();

// Calls visit(figures) for each arena, the main arena first, no lock held. In default mode only for
// those that have had memory, for they are what serves last.
template <typename Visit>
void for_each_arena(Visit visit) {
  chunk::g_arenas.for_each([&](chunk::Arena& arena) {
    if (arena.is_abandoned()) return;
    chunk::ArenaFigures figures;
    arena.lock.lock();
    arena.measure(figures);
    arena.lock.unlock();
    if (is_classic() || figures.peak_system_bytes != 0) visit(figures);
  });
}

// The figures of each heap of mixed pages, which default mode has instead.
template <typename Visit>
void for_each_mixed_heap(Visit visit) {
  if (is_classic()) return;
  cache::for_each_mixed_heap([&](cache::MixedHeap& heap) { visit(heap.figures()); });
}

// The figures of all slabs; false where there never were any.
bool measure_slabs(slab::SlabFigures& figures);

// The figures of all runs; false where there never were any.
bool measure_spans(span::Figures& figures);

// Whether every invariant of every arena, of the runs and of the slabs holds; if not, the first
// that does not. For tests.
bool verify(Breach& breach);

}  // namespace arenite::engine
