// Owner: whoever may change a slab, and the list of its slabs in which blocks may be free.
//
// Each thread that uses slabs is one, and the depot is one. The lists are changed with the lock
// held; the owner, a thread, takes it only when it runs out of blocks or a slab changes its place,
// so nobody waits for long.
#pragma once

#include "os/os.hpp"
#include "slab/owned.hpp"

namespace arenite::slab {

class Owner {
 public:
  os::Lock lock;

  // Puts a slab at the end of its class's list: until its turn comes, more of its blocks may be
  // freed. The lock is held; `slab` is this owner's.
  void list(Slab* slab) {
    Slab*& last = last_[slab->size_class];
    SlabLinks& links = links_of(slab);
    links.prev = last;
    links.next = nullptr;
    links.list.store(this, std::memory_order_relaxed);
    (last == nullptr ? first_[slab->size_class] : links_of(last).next) = slab;
    last = slab;
    add(slab->size_class, 1);
    slab->place.store(Place::listed, std::memory_order_relaxed);
  }

  // Takes a listed slab out; it is then moving. The lock is held.
  void unlist(Slab* slab) {
    SlabLinks& links = links_of(slab);
    links.list.store(nullptr, std::memory_order_relaxed);
    (links.next == nullptr ? last_[slab->size_class] : links_of(links.next).prev) = links.prev;
    (links.prev == nullptr ? first_[slab->size_class] : links_of(links.prev).next) = links.next;
    add(slab->size_class, -1);
    slab->place.store(Place::moving, std::memory_order_relaxed);
  }

  // The class's oldest slab, taken out; nullptr where there is none. The lock is held.
  Slab* take_first(unsigned size_class) {
    Slab* slab = first_[size_class];
    if (slab != nullptr) unlist(slab);
    return slab;
  }

  // The fullest of the class's first few slabs, by its words without a free block, taken out;
  // nullptr where there is none. Filling the fuller ones lets the others run empty. The lock is
  // held.
  Slab* take_fullest(unsigned size_class) {
    constexpr int k_looked_at = 16;
    Slab* best = first_[size_class];
    if (best == nullptr) return nullptr;
    Slab* slab = best;
    for (int looked_at = 1; looked_at < k_looked_at; looked_at++) {
      slab = links_of(slab).next;
      if (slab == nullptr) break;
      if (count_bits(slab->summary) < count_bits(best->summary)) best = slab;
    }
    unlist(best);
    return best;
  }

  // Whether the slab is in a list of this owner. The lock is held.
  bool has_listed(const Slab* slab) const {
    return links_of(slab).list.load(std::memory_order_relaxed) == this;
  }
  // How many are listed. Any thread may ask; it may have changed since.
  uint32_t listed(unsigned size_class) const {
    return __atomic_load_n(&count_[size_class], __ATOMIC_RELAXED);
  }
  Slab* first(unsigned size_class) const { return first_[size_class]; }
  const Slab* last(unsigned size_class) const { return last_[size_class]; }

  // Forgets all: the child of a fork has lost this thread.
  void forget() {
    lock.forget();
    for (unsigned c = 0; c < k_classes; c++) {
      first_[c] = last_[c] = nullptr;
      count_[c] = 0;
    }
  }

 private:
  void add(unsigned size_class, int n) {
    __atomic_store_n(&count_[size_class], count_[size_class] + static_cast<uint32_t>(n),
                     __ATOMIC_RELAXED);
  }

  Slab* first_[k_classes] = {};
  Slab* last_[k_classes] = {};
  uint32_t count_[k_classes] = {};
};

}  // namespace arenite::slab
