// Retention: what is free and resident is brought back within what policy allows.
//
// Whoever reports an event to the ledger that leaves more retained than the bound, comes here
// (ledger::settle). policy::Purging says how much has to go, and the keeper that has most gives it.
// One thread at a time; who comes meanwhile does not wait.
//
// What a program keeps on credit is to go when a second has passed, though it calls no more than
// the shortest malloc. So while more than the bound is retained requests are watched
// (cache/slabs.hpp): none takes the shortest way, each looks whether the day's clock has begun
// another second.
//
//   unwatched   an event leaves more than the bound, and credit covers it     -> watched
//   watched     a look finds no more than the bound, or keepers that cannot
//               give                                                          -> unwatched
//
// Where slabs do not serve (perturbed memory, a low mmap threshold) every request takes a longer
// way anyhow and looks too.
#pragma once

#include "cache/cache.hpp"
#include "ledger/ledger.hpp"
#include "os/os.hpp"

namespace arenite::engine {

// Begins to keep the promise. Once, at start; not in classic mode.
void start_retention();

// The second of the day's clock in which somebody looked last; 0 if the next request is to look.
[[gnu::visibility("hidden")]] inline constinit std::atomic<size_t> g_looked_at{0};

// Looks whether time alone has changed what may be kept.
void look_again();

// Before a request. No lock is held.
ARENITE_INLINE void look_if_watched() {
  if (ARENITE_UNLIKELY(cache::is_watched()) &&
      ARENITE_UNLIKELY(os::wall_second() != g_looked_at.load(std::memory_order_relaxed)))
    look_again();
}

// A program that asks for everything back forgoes what it has earned.
void forfeit_credit();

// In the child of a fork. Another thread of the parent's may have been in the middle of it.
void restart_retention_in_child();

// What may be kept beyond the bound at this moment. Settles.
size_t usable_credit();

}  // namespace arenite::engine
