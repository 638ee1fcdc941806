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

// A thread keeps a class's slabs with free blocks in one list, first in, first out: until a slab's
// turn comes, more of its blocks may be freed. The depot, from which others take, keeps them in
// four, by how much of a slab was free when it was listed: so one is chosen without a look at the
// headers of many, which lie in memory that nobody has touched for long.
class Owner {
 public:
  // Of a slab less than a quarter is free, less than a half, and so on.
  static constexpr unsigned k_parts = 4;

  os::Lock lock;

  // Puts a slab at the end of its class's list of those with free blocks. The lock is held; `slab`
  // is this owner's.
  void list(Slab* slab);
  // The same for one in which no block is free. Threads alone have such.
  void list_full(Slab* slab) {
    links_of(slab).part = 0;
    append(slab, first_[k_classes + slab->size_class], Place::full);
  }

  // Takes a slab out of the list that it is in; it is then moving. The lock is held.
  void unlist(Slab* slab);
  // Lists a full one with those in which blocks may be free. It is not seen moving in between: who
  // marked its last used block then would leave it to us, and nobody looks again. The lock is held.
  void list_again(Slab* slab);

  // One that somebody is to fill, taken out; nullptr where there is none. Filling the fuller ones
  // lets the others run empty; but of one that is all but full few blocks can be had. The lock is
  // held.
  Slab* take_one(unsigned size_class);

  // Whether the slab is in a list of this owner. The lock is held.
  bool has_listed(const Slab* slab) const {
    return links_of(slab).list.load(std::memory_order_relaxed) == this;
  }
  // How many with free blocks are listed, and whether none is. Any thread may ask; it may have
  // changed since.
  uint32_t listed(unsigned size_class) const {
    return __atomic_load_n(&listed_[size_class], __ATOMIC_RELAXED);
  }
  bool has_none(unsigned size_class) const { return listed(size_class) == 0; }
  // Whether none is listed as full.
  bool has_none_full(unsigned size_class) const {
    return __atomic_load_n(&first_[k_classes + size_class], __ATOMIC_RELAXED) == nullptr;
  }
  // A thread's first with free blocks, and its first full one; the first of one of the depot's four
  // lists.
  Slab* first(unsigned size_class) const { return first_[size_class]; }
  Slab* first_full(unsigned size_class) const { return first_[k_classes + size_class]; }
  Slab* first_of(unsigned size_class, unsigned part) const;

  // Forgets all: the child of a fork has lost this thread.
  void forget() {
    lock.forget();
    for (Slab*& first : first_) first = nullptr;
    for (uint32_t& count : listed_) count = 0;
  }

 protected:
  enum class Lists : uint8_t { by_fullness, one };
  constexpr explicit Owner(Lists lists) : lists_(lists) {}

 public:
  constexpr Owner() : Owner(Lists::one) {}

 private:
  // Of a class's list, or, behind all classes, of its full ones.
  Slab*& head_of(unsigned which, unsigned part);
  // The last has no next; the first's previous is the last.
  static void set(Slab*& first, Slab* slab) { __atomic_store_n(&first, slab, __ATOMIC_RELAXED); }
  void append(Slab* slab, Slab*& first, Place place);
  static void remove(Slab* slab, Slab*& first);
  void count(unsigned size_class, uint32_t more) {
    __atomic_store_n(&listed_[size_class], listed_[size_class] + more, __ATOMIC_RELAXED);
  }

  Slab* first_[2 * k_classes] = {};  // with free blocks, and full ones
  uint32_t listed_[k_classes] = {};  // with free blocks
  const Lists lists_;
};

// An owner that keeps them by how full they are.
class OwnerByFullness : public Owner {
 public:
  constexpr OwnerByFullness() : Owner(Lists::by_fullness) {}

 private:
  friend class Owner;
  Slab* more_first_[(k_parts - 1) * k_classes] = {};
};

}  // namespace arenite::slab
