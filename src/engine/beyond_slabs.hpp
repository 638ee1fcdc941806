// Beyond slabs: where default mode gets blocks that are no slab's.
//
//   of more than k_slab_limit     a run of a region (span)
//   from 4 MiB on                 a mapping of its own (large), or a run if it is less than 32 MiB
//                                 and blocks of its size are seen to be written
//   from the mmap threshold on    a mapping of its own, if the user set it
//   where there is no mapping     a run; where there is no run a chunk (chunks.hpp)
//
// Nothing of these blocks' bookkeeping lies beside them, and of a pointer only the address is
// believed. Any thread, at any time; no lock may be held. Functions that return memory return
// nullptr where there is none.
#pragma once

#include "large/large_engine.hpp"
#include "span/span.hpp"

namespace arenite::engine {

[[gnu::visibility("hidden")]] inline constinit span::Heap g_spans;

// Which requests come here: those of so many bytes and more. SIZE_MAX in classic mode, and until
// the library has started.
[[gnu::visibility("hidden")]] inline constinit std::atomic<size_t> g_beyond_slabs{SIZE_MAX};
ARENITE_INLINE bool is_beyond_slabs(size_t n) {
  return n >= g_beyond_slabs.load(std::memory_order_relaxed);
}

// Whether there may be blocks of this kind.
ARENITE_INLINE bool has_any_beyond_slabs() {
  return g_beyond_slabs.load(std::memory_order_relaxed) != SIZE_MAX;
}

// From here on they always have a mapping of their own.
[[gnu::visibility("hidden")]] inline constinit std::atomic<size_t> g_always_mapped_from{SIZE_MAX};

// Those, and of them those of `mapped_from` bytes and more have a mapping of their own: those of
// less than `always_mapped_from` as long as blocks of about their size are not seen to be written.
inline void serve_beyond_slabs(size_t from, size_t mapped_from, size_t always_mapped_from) {
  large::g_from.store(mapped_from, std::memory_order_relaxed);
  g_always_mapped_from.store(always_mapped_from, std::memory_order_relaxed);
  g_beyond_slabs.store(from, std::memory_order_relaxed);
}

// At least n bytes; n is such a request.
void* take_beyond(size_t n);
// The same, all zero.
void* take_beyond_zeroed(size_t n);
// The same as take_beyond(n), at a multiple of `align`, a power of two.
void* take_beyond_aligned(size_t align, size_t n);
// The same as take_beyond(n), for a block that has to move because it grows.
void* take_beyond_to_grow(const void* block, size_t n);

// Takes a run back. p lies in a region; if no block begins there that ends the process.
void give_run(void* p);
// How large the block is; 0 if p is none of these. What lies in a region and is no block is the
// fault `if_none`.
size_t size_beyond(const void* p, span::Fault if_none);
// The block of `size` bytes with n bytes where it is, or, if it has a mapping, elsewhere; nullptr,
// and nothing changed, where that cannot be.
void* resize_beyond(void* p, size_t size, size_t n);

}  // namespace arenite::engine
