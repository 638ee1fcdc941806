// Figures of the slabs: what mallinfo, malloc_stats and malloc_info say of them, counted by walking
// the headers.
//
//   system   pages that are slabs, free pages that may still hold memory, the headers of every page
//            that was ever taken, and the words of those that may hold memory. What was purged
//            inside a slab counts, as it does inside an arena's free chunks: its blocks are free
//   live     blocks in use, at their class's size
//   free     the rest of it: free blocks, free pages, what no block fits into, headers and words
//
// Mixed pages are their heaps' (cache/mixed.hpp), and count here in the peak and in address space
// alone.
//
// The walker holds the lock that guards free pages, so no page becomes a slab or stops being one.
// Blocks come and go meanwhile: the figures of a slab whose owner is at work are off by what
// happened during the glance. Those of the caller's own slabs, and of threads at rest, are exact.
#pragma once

#include "slab/region.hpp"

namespace arenite::slab {

struct SlabFigures {
  size_t free_count[k_classes] = {};  // free blocks of each class, in slabs
  size_t free_blocks = 0;             // their sum
  size_t live_bytes = 0;
  size_t free_pages = 0;  // that may hold memory

  size_t system_bytes = 0;
  size_t peak_system_bytes = 0;  // at most: regions need not have been largest at one time
  size_t regions = 0;
  size_t region_bytes = 0;
  size_t committed_bytes = 0;

  // All that is not in use.
  size_t available_bytes() const { return system_bytes - live_bytes; }
};

// Adds what a region holds.
void measure(const Region& region, SlabFigures& figures);

}  // namespace arenite::slab
