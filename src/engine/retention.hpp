// Retention: what is free and resident is brought back within what policy allows.
//
//   an event (ledger::settle) ──┐   ┌─► policy::Rounds ───► a step through the slabs
//                               ├───┤
//   time, a watched request ────┘   └─► policy::Purging ──► the keeper that has most
//
// One thread at a time; a thread that comes meanwhile does not wait.
//
// Two things are to happen though a program calls no more than the shortest malloc: what it keeps
// on credit is to go when a second has passed, and what is free inside slabs is to be found. While
// either may be due, requests are watched (cache/slabs.hpp). While credit is in use none takes the
// short ways: each looks whether the day's clock has begun another second. For slabs alone a
// thread counts its requests, and each 8th does; where fast traffic stops dead a few requests may
// pass before one notices. Each 64th reads the exact clock. Where requests come slowly, or
// something is to be done, each does both.
//
//   unwatched   an event leaves more than the bound, which credit covers, or
//               wakes the rounds                                             -> watched
//   watched     no more than the bound is kept, or the keepers cannot give,
//               and the rounds rest                                          -> unwatched
//
// No request does more than some 0.5 ms of it: a short step, and a purge of 2 MiB and of the
// largest kept mapping. The next goes on. But after a pause in which requests were watched, one
// purges all that is to go, and where they are few does a long step: it may be the last for long.
//
// Where slabs do not serve (perturbed memory, a low mmap threshold) every request takes a longer
// way anyhow and looks too.
#pragma once

#include "cache/cache.hpp"
#include "ledger/ledger.hpp"
#include "os/os.hpp"

namespace arenite::engine {

// Brings it back, after an event. What the ledger calls.
void settle();

// The same where time alone has passed, if that can have changed anything. No lock is held.
void look_again();

// Begins to keep the promise. Once, at start; not in classic mode.
inline void start_retention() {
  ledger::g_purger.store(settle, std::memory_order_release);
}

// Whether there may be something to do later though nothing happens.
bool is_more_due();

// The second of the day's clock in which somebody looked last; 0 if the next request is to look.
[[gnu::visibility("hidden")]] inline constinit std::atomic<size_t> g_looked_at{0};

// The same by the requests that this thread makes. One may be counted twice: by the shortest way,
// which did not serve it.
ARENITE_INLINE bool is_turn_to_look() {
  return cache::t_thread.requests_to_go == 0 || cache::count_request();
}

// Where each request is watched: before it. No lock is held.
ARENITE_INLINE void look_at_second() {
  if (ARENITE_UNLIKELY(os::wall_second() != g_looked_at.load(std::memory_order_relaxed) ||
                       is_turn_to_look()))
    look_again();
}
// Where some are, and it is this one's turn.
void look_in_turn();

// Before a request that does not take the shortest ways.
ARENITE_INLINE void look_if_watched() {
  const cache::Watch watched = cache::watched();
  if (ARENITE_LIKELY(watched == cache::Watch::none)) return;
  if (watched == cache::Watch::each) return look_at_second();
  if (is_turn_to_look()) look_in_turn();
}

// In the child of a fork. Another thread of the parent's may have been in the middle of it: what it
// left half done are figures that the next plan can be made with.
void restart_retention_in_child();

// What may be kept beyond the bound at this moment. Settles.
size_t usable_credit();

}  // namespace arenite::engine
