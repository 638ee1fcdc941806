// Walker: goes through an arena's memory chunk by chunk, and through its rings, without changing
// anything. The arena's lock must be held, or the arena be at rest.
#pragma once

#include "chunk/arena.hpp"
#include "chunk/heap_segment.hpp"

namespace arenite::chunk {

class Walker {
 public:
  explicit Walker(const Arena& arena) : arena_(arena) {}

  // A stretch of memory: from its first chunk to its fenceposts, or to the end of the top.
  struct Stretch {
    uintptr_t begin;  // of the memory: a record, a segment's header or the arena comes first
    uintptr_t first_chunk;
    uintptr_t end;
    bool newest;
  };

  // Calls visit(stretch) for each, newest first, until one returns false.
  template <typename Visit>
  bool for_each_stretch(Visit visit) const {
    if (arena_.top_ == nullptr) return true;
    if (arena_.is_main()) {
      for (const MainRun* run = arena_.newest_run(); run != nullptr; run = run->older) {
        if (!visit(Stretch{run->start, run->first_chunk, run->end, run == arena_.newest_run()}))
          return false;
      }
      return true;
    }
    const HeapSegment* newest = HeapSegment::of(arena_.top_);
    for (const HeapSegment* s = newest; s != nullptr; s = s->older) {
      const size_t state = s->older == nullptr ? sizeof(Arena) : 0;
      if (!visit(Stretch{address_of(s), address_of(s->first_chunk(state)), address_of(s->end()),
                         s == newest}))
        return false;
    }
    return true;
  }

  const MainRun* newest_run() const { return arena_.newest_run(); }
  const Chunk* top() const { return arena_.top_; }
  const Bins& bins() const { return arena_.bins_; }
  const FreePages& pages() const { return arena_.pages_; }
  const FastBins& fast() const { return arena_.fast_; }
  const Chunk* last_remainder() const { return arena_.last_remainder_; }
  // Freed without the lock: the newest, and the rest by their `fd`.
  const Links* deferred() const { return arena_.deferred_.load(std::memory_order_relaxed); }
  bool is_link_of_ours(const Links* links) const { return arena_.is_link_of_ours(links); }

  // A chunk of a header's size alone is a fencepost.
  static bool is_fence(const Chunk* chunk) { return chunk->size() == k_header; }

 private:
  const Arena& arena_;
};

}  // namespace arenite::chunk
