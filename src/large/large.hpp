// Large blocks: taken, given back, resized.
//
// Every call reports to the ledger and settles, so no lock may be held. All of them are refused
// with nothing changed where the kernel refuses.
#pragma once

#include <atomic>

#include "large/table.hpp"

namespace arenite::large {

// Which requests come here: those of so many bytes and more. None in classic mode, and until the
// library has started.
[[gnu::visibility("hidden")]] inline constinit std::atomic<size_t> g_from{SIZE_MAX};
ARENITE_INLINE size_t from() {
  return g_from.load(std::memory_order_relaxed);
}
// And how many blocks there may be (M_MMAP_MAX).
[[gnu::visibility("hidden")]] inline constinit std::atomic<size_t> g_most{65536};

// Whether the last block of about n bytes that was freed here had been written, all of it.
bool are_written(size_t n);

// At least n bytes; nullptr where there are none.
void* take(size_t n);
// The same, all zero.
void* take_zeroed(size_t n);
// The same as take(n), at a multiple of `align`, a power of two.
void* take_aligned(size_t align, size_t n);

// As take() and take_zeroed(), but only a kept range of about that size: nullptr where there is
// none. Of larger ones that would do one goes: the block comes from elsewhere, and it would stay
// beside.
void* take_alike(size_t n);
void* take_zeroed_alike(size_t n);

// Takes the block back. False where none begins at p.
bool give(const void* p);

// The block with at least n bytes and what it held, here or elsewhere; nullptr, and nothing
// changed, where that cannot be. A block begins at p.
void* resize(void* p, size_t n);

// Of the smallest pages: where they are larger a block begins at one of those.
inline constexpr size_t k_start_alignment = 4096;

// How large the block is that begins at p; 0 where none does.
size_t size_of(const void* p);

// Returns about `bytes` bytes of what is kept to the kernel, the largest first; how many it was.
size_t purge(size_t bytes);
// All of it, and what is stranded; whether there was any.
bool empty();

// Around fork.
void freeze();
void thaw();
void restart_in_child();

}  // namespace arenite::large
