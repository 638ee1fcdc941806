// Mapped chunks: blocks that have a mapping of their own.
//
// From the mmap threshold on a request is mapped alone and unmapped when it is freed, so that it
// never fragments a heap. Its chunk carries M, belongs to no arena, and its prev_size is how far it
// lies from the mapping's start (more than the header only if it was aligned to more). It has no
// next chunk, so both header words are lost to the payload. No lock: the figures are atomic.
#pragma once

#include <atomic>

#include "chunk/chunk.hpp"
#include "chunk/tuning.hpp"

namespace arenite::chunk {

struct MappedFigures {
  std::atomic<size_t> count{0};
  std::atomic<size_t> bytes{0};
  std::atomic<size_t> peak_count{0};
  std::atomic<size_t> peak_bytes{0};

  // Whether M_MMAP_MAX allows another.
  bool may_add() const { return count.load(std::memory_order_relaxed) < g_tuning.mmap_max; }
  void add(size_t size);
  void remove(size_t size);
  void change(size_t from, size_t to);
};

inline constinit MappedFigures g_mapped;

// A chunk of at least `size` bytes in a fresh mapping, all zero; nullptr where there is none.
Chunk* map_chunk(size_t size);

// Ends the mapping, and raises the thresholds if its size shows that they are too low. Ends the
// process if the chunk is none.
void unmap_chunk(Chunk* chunk);

// The chunk with room for `size` bytes, its mapping grown or shrunk, perhaps elsewhere; nullptr,
// and nothing changed, where that cannot be.
Chunk* remap_chunk(Chunk* chunk, size_t size);

// What a program can use of it.
inline size_t mapped_usable(const Chunk* chunk) {
  return chunk->size() - k_header;
}

}  // namespace arenite::chunk
