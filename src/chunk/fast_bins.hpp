// Fast bins: freed small chunks, last in first out, neither coalesced nor marked free.
//
// One singly linked list for each size up to the limit (M_MXFAST). A chunk in a fast bin keeps its
// in-use bit in the next chunk, so that no neighbour merges with it; consolidation, which a large
// request or a large free brings about, empties the lists into the unsorted bin.
//
// The arena's lock guards them.
#pragma once

#include "chunk/chunk.hpp"

namespace arenite::chunk {

// The largest M_MXFAST, and the number of bins that takes.
inline constexpr size_t k_largest_fast_request = 80 * k_word / 4;
inline constexpr unsigned k_fast_bins = k_is_64_bit ? 10 : 9;

struct FastBins {
  // The bin of chunks of this size. On 32-bit with alignment 16 every other bin stays empty.
  static constexpr unsigned index_of(size_t chunk_size) {
    return static_cast<unsigned>(chunk_size / k_header) - 2;
  }

  // The first chunk of each bin. Its link to the next is sealed; this one lies where no program's
  // block is.
  Chunk* first[k_fast_bins] = {};

  void put(unsigned bin, Chunk* chunk) {
    chunk->links()->fd.seal(first[bin] == nullptr ? nullptr : first[bin]->links());
    first[bin] = chunk;
  }
  // What follows a chunk in its bin; not to be believed before it is checked.
  static Chunk* after(const Chunk* chunk) {
    const Links* next = chunk->links()->fd.unseal();
    return next == nullptr ? nullptr : Chunk::of(next);
  }
};

// The chunk size limit for a limit on requests (glibc's set_max_fast; 0 keeps all out).
inline size_t fast_limit(size_t request_limit) {
  if (request_limit == 0) return min_chunk() / 2;
  return align_down(request_limit + k_word, alignment());
}

}  // namespace arenite::chunk
