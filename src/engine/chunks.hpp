// Chunks: the way of a request through the arenas.
//
// All requests' in classic mode. In default mode the last resort: where there is no address space
// for a region, fork has frozen what would serve, the thread's state is not laid out yet; and small
// blocks' that are to be perturbed.
//
// Any thread, at any time; no lock may be held.
#pragma once

#include "chunk/chunk_engine.hpp"

namespace arenite::engine {

// At least n bytes from the thread's arena, or another, or mapped from the mmap threshold on;
// nullptr where there are none. n is k_largest_request at most.
void* take_chunk_for(size_t n);
// The same, all zero.
void* take_zeroed_chunk_for(size_t n);
// The same as take_chunk_for(n), at a multiple of `align`, a power of two.
void* take_aligned_chunk_for(size_t align, size_t n);

// Takes a block back, or refuses it.
void give_chunk(void* p);

// `block`: the block with room for n bytes and what it held, here or, if it has a mapping of its
// own, elsewhere; nullptr, and nothing changed, where that cannot be. `usable`: what the program
// could use of it before.
struct Resized {
  void* block;
  size_t usable;
};
Resized resize_chunk(void* p, size_t n);

// What the program may use of it.
size_t size_of_chunk(const void* p);

}  // namespace arenite::engine
