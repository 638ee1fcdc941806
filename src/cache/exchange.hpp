// Exchange: blocks on their way between a thread's magazines and its slabs, and slabs on their way
// into one of its lists. The record's lock is held, by its thread or, once it is closed, by
// another.
#pragma once

#include "cache/thread.hpp"

namespace arenite::cache {

// A slab of the owner's that is moving goes into the list where it belongs, collected. Whether all
// of it is free.
bool list_by_what_is_free(slab::Owner* owner, slab::Slab* slab);

// Fills an empty magazine with up to `wanted` blocks of the record's slabs, no more than it has
// slots; how many there were. `took_up`: a page of a slab that had been given back is in use again,
// and the ledger is to be settled when no lock is held.
uint32_t take_from_slabs(ThreadSlabs* record, unsigned size_class, uint32_t wanted, bool& took_up);

// Gives the oldest n blocks of a magazine back to their slabs. Which of these are wholly free now,
// and listed: `complete` has room for n; how many.
unsigned put_back(ThreadSlabs* record, unsigned size_class, uint32_t n, slab::Slab** complete);
// The same of n blocks that are not used and in no magazine.
unsigned put_back(ThreadSlabs* record, void** blocks, uint32_t n, slab::Slab** complete);

}  // namespace arenite::cache
