// Mapped chunks: blocks that have a mapping of their own.
//
// From the mmap threshold on a request is mapped alone, so that it never fragments a heap. Its
// chunk carries M, belongs to no arena, and its prev_size is how far it lies from the mapping's
// start. It has no next chunk, so both header words are lost to the payload.
//
// A freed chunk is unmapped, and the threshold moves to its size. The ledger learns nothing of it.
//
// No lock: the figures are atomic.
#pragma once

#include <atomic>

#include "chunk/chunk.hpp"
#include "chunk/fault.hpp"
#include "chunk/tuning.hpp"
#include "ledger/ledger.hpp"

namespace arenite::chunk {

// Whether the mode, and M_MMAP_MAX, allow another.
inline bool may_map() {
  return g_tuning.maps_blocks != 0 && ledger::g_mapped.may_add(g_tuning.mmap_max);
}

// Some of the mapped chunks that are in use, most of the time nearly all: a chunk found here need
// not be asked for of the kernel. Who adds and who removes a chunk owns it. No more than a page.
class alignas(4096) KnownMapped {
 public:
  void add(const Chunk* chunk) { slot(chunk).store(chunk, std::memory_order_relaxed); }
  void remove(const Chunk* chunk) {
    slot(chunk).compare_exchange_strong(chunk, nullptr, std::memory_order_relaxed);
  }
  bool has(const Chunk* chunk) {
    return chunk != nullptr && slot(chunk).load(std::memory_order_relaxed) == chunk;
  }

 private:
  static constexpr size_t k_slots = 512;

  std::atomic<const Chunk*>& slot(const Chunk* chunk) {
    const uintptr_t page = address_of(chunk) / 4096;
    return slots_[(page ^ page / k_slots) % k_slots];
  }

  std::atomic<const Chunk*> slots_[k_slots] = {};
};

inline constinit KnownMapped g_known_mapped;

// A chunk of at least `size` bytes in a mapping of its own; nullptr where there is none.
Chunk* map_chunk(size_t size);

// The chunk that begins `lead` bytes after the start of this one, just mapped, and replaces it.
Chunk* advance_mapped(Chunk* chunk, size_t lead);

// Takes the chunk back, and moves the thresholds if its size shows that they are too low. Ends the
// process if the chunk is none.
void unmap_chunk(Chunk* chunk);

// Ends the process, with this fault, if the chunk cannot be one.
void check_mapped(const Chunk* chunk, Fault if_none);

// The chunk with room for `size` bytes, its mapping grown or shrunk, perhaps elsewhere; nullptr,
// and nothing changed, where that cannot be.
Chunk* remap_chunk(Chunk* chunk, size_t size);

// What a program can use of it.
inline size_t mapped_usable(const Chunk* chunk) {
  return chunk->size() - k_header;
}

}  // namespace arenite::chunk
