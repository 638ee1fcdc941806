// Exchange: blocks on their way between a thread's magazines and its slabs, and slabs on their way
// into one of its lists. The record's lock is held, by its thread or, once it is closed, by
// another.
#pragma once

#include "cache/thread.hpp"
#include "os/os.hpp"

namespace arenite::cache {

// A slab of the owner's that is moving goes into the list where it belongs, collected. Whether all
// of it is free.
bool list_by_what_is_free(slab::Owner* owner, slab::Slab* slab);

// Fills an empty magazine with up to `wanted` blocks of the record's slabs, no more than it has
// slots; how many there were. `took_up`: a page of a slab that had been given back is in use again,
// and the ledger is to be settled when no lock is held.
uint32_t take_from_slabs(ThreadSlabs* record, unsigned size_class, uint32_t wanted, bool& took_up);

// What is left to do once blocks have left a magazine.
struct Flushed {
  // Slabs of the record's that are wholly free now, and listed.
  slab::Slab* complete[Magazine::k_most + 1];
  unsigned complete_count = 0;
  // Blocks of others' slabs, still kept.
  void* foreign[Magazine::k_most + 1];
  unsigned foreign_count = 0;

  void add(slab::Slab* slab) { complete[complete_count++] = slab; }
  void add_foreign(void* block) { foreign[foreign_count++] = block; }
};

// Gives the oldest n blocks of a magazine back to their slabs.
void put_back(ThreadSlabs* record, unsigned size_class, uint32_t n, Flushed& flushed);
// The same of n blocks of the record's that are not used and in no magazine.
void put_back(ThreadSlabs* record, void** blocks, uint32_t n, Flushed& flushed);

// Whether a magazine has a slot for one more block; one that is full grows, or gives some of its
// blocks back. `may_be_last`: of a thread that frees on and on all go where with this one all of
// its blocks of the class would be back, and there is no slot.
bool make_room(ThreadSlabs* record, unsigned size_class, bool may_be_last, Flushed& flushed);
// The rest, once no lock is held, for the record's own thread.
void settle_flushed(ThreadSlabs* mine, Flushed& flushed);
// A block that this thread has kept is its owner's to take. No lock is held.
void give_up_kept(void* block);

// Makes a nobody's slab `owner`'s (T3). False if another was quicker.
ARENITE_INLINE bool claim_full(slab::Slab* slab, slab::Owner* owner) {
  if (os::single_threaded()) {
    slab->owner.store(owner, std::memory_order_relaxed);
    return true;
  }
  slab::Owner* nobody = nullptr;
  return slab->owner.compare_exchange_strong(nobody, owner, std::memory_order_seq_cst,
                                             std::memory_order_relaxed);
}

}  // namespace arenite::cache
