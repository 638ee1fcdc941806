// Mixed heaps: the first blocks of threads, which need few of each size, share pages.
//
// A heap has mixed pages (slab/mixed.hpp) of the depot's, and a lock. There are as many heaps as
// ptmalloc2 has arenas, for the same reason: a thread uses one that few others use, so that its
// blocks do not share lines of the cache with another's at work. Blocks stay where they are when
// their thread ends. A page without a block goes back to the depot at once.
//
// The protocol. All is done with the heap's lock, which nobody holds for long: a free waits for it,
// and of two who free a block one is refused. Only fork freezes it; then nothing is allocated here,
// and a free claims its block instead:
//
//   step      who                           how
//   claim     who frees and finds the lock  looks at `used`, then atomic or of `claimed`, then
//             frozen                        has_remote of its page, then `waiting_` of its heap
//   collect   the holder                    `waiting_` := 0, has_remote := 0, then each bit that is
//                                           set: the block is free, and the bit cleared
//
//   M1  Who claims tries the lock afterwards, and who releases or thaws it looks at `waiting_`
//       afterwards; between the two steps of either stands a full barrier. So one of the two sees
//       the other, and no block stays claimed while nobody holds the lock.
//   M2  A claim is seen by who has seen has_remote, and that by who has seen `waiting_`: the holder
//       clears them in the opposite order, and then looks. So none is overlooked.
//   M3  The holder does not free what is claimed: that is a double free.
//
// Locks: a heap's, then the depot's. Fork freezes all heaps before the depot, and thaws them after
// it: so who has a heap's lock does not find the depot frozen, and no page is on its way between
// them when the process is copied. In the child all heaps are whole.
//
// tests/model/mixed_model.cpp checks the protocol in every interleaving of small cases.
#pragma once

#include "cache/thread.hpp"

namespace arenite::cache {

class MixedHeap {
 public:
  static constexpr unsigned k_most = 128;

  // A block of at least n bytes, k_slab_limit at most, at a multiple of `align`, a power of two;
  // nullptr where there is no memory, or fork has frozen the heap.
  void* take(size_t n, size_t align);
  // A block of at least n bytes, more than half a page, that has pages for itself. Likewise.
  void* take_row(size_t n);
  // Takes back what lies in one of its pages, or ends the process.
  void give(slab::Slab* page, void* block);
  // What the program may use of a block in one of its pages; ends the process if none begins there.
  size_t size_of(const slab::Slab* page, const void* block, slab::Fault if_none);

  // A thread uses it, or no more.
  unsigned threads() const { return threads_.load(std::memory_order_relaxed); }
  void attach() { threads_.fetch_add(1, std::memory_order_relaxed); }
  void detach() { threads_.fetch_sub(1, std::memory_order_relaxed); }

  void freeze() { lock_.freeze(); }
  bool is_frozen() const { return lock_.is_frozen(); }
  void thaw();
  // In the child of a fork, where so many threads use it.
  void restart_in_child(unsigned threads);

  // What it has, in bytes but for the free runs.
  struct Figures {
    size_t system = 0;
    size_t peak_system = 0;
    size_t live = 0;
    size_t free_runs = 0;
    size_t threads = 0;
  };
  Figures figures();
  // Whether it has had a page.
  bool was_used() const { return __atomic_load_n(&peak_pages_, __ATOMIC_RELAXED) != 0; }

  // Whether its pages and lists are whole.
  bool verify(Breach& breach);

 private:
  void* take_here(uint32_t granules, uint32_t by, bool& has_grown);
  bool place(slab::Slab* page);
  bool has(const slab::Slab* page, const void* block) const;
  [[noreturn]] static void refuse(const slab::Slab* page, const void* block, slab::Fault if_none);
  void claim(slab::Slab* page, void* block);
  void collect();
  void help();
  void leave();
  static void link(slab::Slab* page, slab::Slab*& first);
  static void unlink(slab::Slab* page, slab::Slab*& first);
  void close(slab::Slab* page);
  void count(size_t pages);
  unsigned number() const;
  bool verify_list(const slab::Slab* first, bool is_closed, size_t& pages, Breach& breach) const;

  os::Lock lock_;
  std::atomic<uint32_t> waiting_{0};  // blocks of its pages are claimed
  std::atomic<unsigned> threads_{0};
  slab::Slab* open_ = nullptr;    // pages, the latest first
  slab::Slab* closed_ = nullptr;  // those with few free granules, and rows
  uint32_t pages_ = 0;
  uint32_t peak_pages_ = 0;
};

// How many there may be (M_ARENA_MAX), and from when on they are limited (M_ARENA_TEST).
inline constinit chunk::Setting g_heaps_max{0};
inline constinit chunk::Setting g_heaps_test{policy::k_early_arena_test};

// The first stands by itself, for most processes need no more.
[[gnu::visibility("hidden")]] extern constinit MixedHeap g_mixed_heap;
[[gnu::visibility("hidden")]] extern constinit MixedHeap g_more_mixed_heaps[MixedHeap::k_most - 1];
inline MixedHeap& mixed_heap(unsigned number) {
  return number == 0 ? g_mixed_heap : g_more_mixed_heaps[(number - 1) % (MixedHeap::k_most - 1)];
}
// Calls visit(heap) for the first, and for those that have had a page.
template <typename Visit>
void for_each_mixed_heap(Visit visit) {
  for (unsigned i = 0; i < MixedHeap::k_most; i++) {
    if (i == 0 || mixed_heap(i).was_used()) visit(mixed_heap(i));
  }
}

// The same as MixedHeap::take(), from this thread's heap. Only where slabs serve.
void* take_mixed(size_t n, size_t align = 1);
// The same as MixedHeap::take_row().
void* take_mixed_row(size_t n);
// Takes back what lies in a mixed page. Not between enter() and leave().
void give_mixed(slab::Slab* page, void* block);

// Around fork.
void freeze_mixed();
void thaw_mixed();
void restart_mixed_in_child();

bool verify_mixed(Breach& breach);

}  // namespace arenite::cache
