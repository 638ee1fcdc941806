// Owner: whoever may change a slab, and the lists of its slabs: those in which blocks may be free,
// and those in which none is.
//
// Each thread that uses slabs is one, and the depot is one. The lists, and the words of the slabs
// in them, are changed with the lock held; the owner, a thread, takes it once for many blocks, so
// nobody waits for long.
#pragma once

#include "os/os.hpp"
#include "slab/owned.hpp"

namespace arenite::slab {

class Owner {
 public:
  os::Lock lock;

  // Puts a slab at the end of its class's list of those with free blocks: until its turn comes,
  // more of its blocks may be freed. The lock is held; `slab` is this owner's.
  void list(Slab* slab) { append(slab, slab->size_class, Place::listed); }
  // The same for one in which no block is free.
  void list_full(Slab* slab) { append(slab, k_classes + slab->size_class, Place::full); }

  // Takes a slab out of the list that it is in; it is then moving. The lock is held.
  void unlist(Slab* slab);
  // Lists a full one with those in which blocks may be free. It is not seen moving in between: who
  // marked its last used block then would leave it to us, and nobody looks again. The lock is held.
  void list_again(Slab* slab);

  // The fullest of the class's first few slabs, taken out; nullptr where there is none. Filling the
  // fuller ones lets the others run empty. The lock is held.
  Slab* take_fullest(unsigned size_class) {
    constexpr int k_looked_at = 16;
    Slab* best = first_[size_class];
    if (best == nullptr) return nullptr;
    Slab* slab = best;
    for (int looked_at = 1; looked_at < k_looked_at; looked_at++) {
      slab = links_of(slab).next;
      if (slab == nullptr) break;
      if (slab->free_count < best->free_count) best = slab;
    }
    unlist(best);
    return best;
  }

  // Whether the slab is in a list of this owner. The lock is held.
  bool has_listed(const Slab* slab) const {
    return links_of(slab).list.load(std::memory_order_relaxed) == this;
  }
  // Whether none with free blocks is listed. Any thread may ask; it may have changed since.
  bool has_none(unsigned size_class) const { return is_empty(size_class); }
  // The same of full ones.
  bool has_none_full(unsigned size_class) const { return is_empty(k_classes + size_class); }
  Slab* first(unsigned size_class) const { return first_[size_class]; }
  Slab* first_full(unsigned size_class) const { return first_[k_classes + size_class]; }

  // Forgets all: the child of a fork has lost this thread.
  void forget() {
    lock.forget();
    for (Slab*& first : first_) first = nullptr;
  }

 private:
  // The last has no next; the first's previous is the last.
  void append(Slab* slab, unsigned which, Place place);
  void remove(Slab* slab, unsigned which);
  bool is_empty(unsigned which) const {
    return __atomic_load_n(&first_[which], __ATOMIC_RELAXED) == nullptr;
  }
  static void set(Slab*& first, Slab* slab) { __atomic_store_n(&first, slab, __ATOMIC_RELAXED); }

  Slab* first_[2 * k_classes] = {};  // with free blocks, and full ones
};

}  // namespace arenite::slab
