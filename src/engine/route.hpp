// Route: which engine serves a request, and which takes a block back.
//
//   allocate(n)  the thread's arena, or another; mapped from the mmap threshold on
//   release(p)   the arena in whose memory p lies, or a mapping of its own; anything else is a
//   fault
//
// This is the seam between engines: today there is one, so routing is a matter of arenas. Functions
// that return memory return nullptr where there is none, and have then changed nothing. None sets
// errno. Any thread, at any time.
#pragma once

#include "cache/cache.hpp"
#include "chunk/chunk_engine.hpp"

namespace arenite::engine {

// At least n bytes, aligned to chunk::alignment(). Not more than k_largest_request.
void* allocate(size_t n);

// The same, all zero.
void* allocate_zeroed(size_t n);

// At least n bytes at a multiple of `align`, a power of two.
void* allocate_aligned(size_t align, size_t n);

// Takes a block back; p is not nullptr.
void release(void* p);

// The block with at least n bytes and what it held, here or elsewhere; p is not nullptr, n not 0.
// Where nullptr is returned p is still what it was.
void* reallocate(void* p, size_t n);

// What the program may use of a block.
size_t usable_size(const void* p);

}  // namespace arenite::engine
