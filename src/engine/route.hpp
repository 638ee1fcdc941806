// Route: which engine serves a request, and which takes a block back.
//
//   allocate(n)  one of the thread's magazines, up to k_slab_limit, or up to a lower mmap
//                threshold that was set, but its first blocks from a mixed page (cache/mixed.hpp);
//                else a run or a mapping of its own (beyond_slabs.hpp); else, and in classic mode,
//                a chunk of an arena (chunks.hpp)
//   release(p)   the kind map tells a slab's or a mixed page's block, the table of regions a run,
//                the table of large blocks a mapping; the rest is chunks'; anything else is a fault
//
// This is the seam between engines. Functions that return memory return nullptr where there is
// none, and have then changed nothing. None sets errno. Any thread, at any time.
#pragma once

#include "cache/cache.hpp"
#include "chunk/chunk_engine.hpp"
#include "engine/retention.hpp"

namespace arenite::engine {

// What becomes of a request for n bytes for which there is no memory: what this returns is its
// result. It may throw.
using Otherwise = void* (*)(size_t n);
inline void* no_block(size_t /*n*/) {
  return nullptr;
}

// Every other way. To be called last: who does not look at the result needs no frame for it.
void* allocate_slowly(size_t n, Otherwise otherwise);

// At least n bytes, aligned to chunk::alignment(); nullptr also for more than k_largest_request.
ARENITE_INLINE void* allocate(size_t n, Otherwise otherwise = no_block) {
  void* p = nullptr;
  return ARENITE_LIKELY(cache::take_direct(n, p)) ? p : allocate_slowly(n, otherwise);
}

// The first way, of a request that is direct: a block from the thread's magazine for this size.
void* allocate_of_others(size_t n, Otherwise otherwise);
ARENITE_INLINE void* allocate_direct(size_t n, Otherwise otherwise) {
  cache::Thread& thread = cache::t_thread;
  cache::enter(thread);
  cache::ThreadSlabs* mine = thread.slabs.load(std::memory_order_relaxed);
  void* p;
  if (ARENITE_UNLIKELY(!cache::take_own(mine->magazines[slab::class_of(n)], p)))
    return allocate_of_others(n, otherwise);
  cache::leave(thread);
  return p;
}
// For malloc itself.
ARENITE_INLINE void* allocate_first(size_t n, Otherwise otherwise) {
  return ARENITE_LIKELY(cache::is_direct(n)) ? allocate_direct(n, otherwise)
                                             : allocate_slowly(n, otherwise);
}

// The same for operator new, which goes by malloc's name where that is another's. Then, as where
// there is no memory, the result is otherwise(n).
void* allocate_for_operator_slowly(size_t n, Otherwise otherwise);
ARENITE_INLINE void* allocate_for_operator(size_t n, Otherwise otherwise) {
  return ARENITE_LIKELY(cache::is_direct_for_operator(n))
             ? allocate_direct(n, otherwise)
             : allocate_for_operator_slowly(n, otherwise);
}

// The same as allocate(n), all zero.
void* allocate_zeroed(size_t n);

// At least n bytes at a multiple of `align`, a power of two.
void* allocate_aligned(size_t align, size_t n);

// Takes back a block that is no slab's, or refuses it. nullptr is no block.
void release_beyond_slabs(void* p);

// Takes a block back.
ARENITE_INLINE void release(void* p) {
  if (ARENITE_LIKELY(g_kind_map.is_at_least(p, Kind::slab_region))) return cache::give(p);
  release_beyond_slabs(p);
}

// The same for operator delete. What is no block of a slab whose blocks are operators' is
// `otherwise`'s.
ARENITE_INLINE void release_for_operator(void* p, void (*otherwise)(void*)) {
  if (ARENITE_LIKELY(g_kind_map.is(p, Kind::slab_region))) return cache::give(p);
  otherwise(p);
}

// The block with at least n bytes and what it held, here or elsewhere; p is not nullptr, n not 0.
// Where nullptr is returned p is still what it was.
void* reallocate(void* p, size_t n);

// What the program may use of a block.
size_t usable_size(const void* p);

}  // namespace arenite::engine
