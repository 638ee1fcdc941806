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
// So they are where free pages inside slabs may be due at the next look (policy/holes.hpp), which
// is at the most once a second: not all of a busy program's requests, for that comes here anyhow.
//
// Where slabs do not serve (perturbed memory, a low mmap threshold) every request takes a longer
// way anyhow and looks too.
#pragma once

#include "cache/cache.hpp"
#include "ledger/ledger.hpp"
#include "os/os.hpp"

namespace arenite::engine {

// Brings it back. What the ledger calls.
void settle();

// Begins to keep the promise. Once, at start; not in classic mode.
inline void start_retention() {
  ledger::g_purger.store(settle, std::memory_order_release);
}

// Whether a second from now there may be something to purge though nothing happens.
bool is_more_due();

// The second of the day's clock in which somebody looked last; 0 if the next request is to look.
[[gnu::visibility("hidden")]] inline constinit std::atomic<size_t> g_looked_at{0};

// How many more requests are watched; 0 if all are, as long as they are.
[[gnu::visibility("hidden")]] inline constinit std::atomic<unsigned> g_watched_requests{0};

// Whether this one is the last. Two threads may count as one.
ARENITE_INLINE bool is_last_watched() {
  const unsigned left = g_watched_requests.load(std::memory_order_relaxed);
  if (left == 0) return false;
  g_watched_requests.store(left - 1, std::memory_order_relaxed);
  return left == 1;
}

// Looks whether time alone has changed what may be kept.
void look_again();

// Before a watched request. No lock is held.
ARENITE_INLINE void look_if_time_passed() {
  if (ARENITE_UNLIKELY(os::wall_second() != g_looked_at.load(std::memory_order_relaxed) ||
                       is_last_watched()))
    look_again();
}
// Before any.
ARENITE_INLINE void look_if_watched() {
  if (ARENITE_UNLIKELY(cache::is_watched())) look_if_time_passed();
}

// A program that asks for everything back forgoes what it has earned.
void forfeit_credit();

// In the child of a fork. Another thread of the parent's may have been in the middle of it.
void restart_retention_in_child();

// What may be kept beyond the bound at this moment. Settles.
size_t usable_credit();

}  // namespace arenite::engine
