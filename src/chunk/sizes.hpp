// Sizes: from what was asked for to what a chunk takes (ptmalloc's request2size).
//
// A chunk needs one word for its own size; the word after its payload, the next chunk's prev_size,
// belongs to the payload while the chunk is in use. So a request costs one word, rounded up to the
// alignment, and at least enough for a free chunk's four words:
//
//   64-bit            asked  0..24 25..40 41..56    chunk 32 48 64
//   32-bit, classic   asked  0..12 13..20 21..28    chunk 16 24 32     (alignment 8)
//   32-bit            asked  0..12 13..28 29..44    chunk 16 32 48     (alignment 16, as glibc
//   since 2.26)
//
// On 32-bit the alignment is the mode's choice, made once before the first chunk.
#pragma once

#include "base/base.hpp"

namespace arenite::chunk {

// prev_size and size: what lies before the payload (CHUNK_HDR_SZ).
inline constexpr size_t k_header = 2 * k_word;

#if UINTPTR_MAX > UINT32_MAX
constexpr size_t alignment() {
  return 16;
}
inline void choose_alignment(bool) {}
#else
inline constinit size_t g_alignment = 16;
inline size_t alignment() {
  return g_alignment;
}
inline void choose_alignment(bool classic) {
  g_alignment = classic ? 8 : 16;
}
#endif

// The smallest chunk (MINSIZE): header and two links.
constexpr size_t min_chunk() {
  return 4 * k_word;
}

// The chunk size for a request of n bytes; n at most k_largest_request.
ARENITE_INLINE size_t request2size(size_t n) {
  const size_t mask = alignment() - 1;
  return n + k_word + mask < min_chunk() ? min_chunk() : (n + k_word + mask) & ~mask;
}

// Requests of fewer bytes than this, and no others, take a chunk of less than chunk_size bytes.
inline size_t requests_below(size_t chunk_size) {
  return chunk_size <= min_chunk() ? 0 : align_down(chunk_size - 1, alignment()) - k_word + 1;
}

// What a program can use of an arena's chunk of this size.
constexpr size_t usable(size_t chunk_size) {
  return chunk_size - k_word;
}

// A heap segment of an arena (HEAP_MAX_SIZE) and the least of it that is committed.
inline constexpr size_t k_heap_size = k_granule;
inline constexpr size_t k_heap_first_pages = 32;

}  // namespace arenite::chunk
