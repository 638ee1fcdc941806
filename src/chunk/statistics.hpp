// Figures of one arena: what mallinfo and malloc_info report, counted by walking its bins.
#pragma once

#include "chunk/bins.hpp"
#include "chunk/fast_bins.hpp"

namespace arenite::chunk {

struct BinFigures {
  size_t from = 0;  // chunk sizes: the bin's smallest and largest (a fast bin's range)
  size_t to = 0;
  size_t total = 0;
  size_t count = 0;

  void add(size_t chunk_size) {
    if (count == 0 || chunk_size < from) from = chunk_size;
    if (chunk_size > to) to = chunk_size;
    total += chunk_size;
    count++;
  }
};

struct ArenaFigures {
  BinFigures fast[k_fast_bins];
  BinFigures bins[k_bins];  // bins[1] is the unsorted bin
  size_t top_bytes = 0;

  size_t fast_count = 0;
  size_t fast_bytes = 0;
  size_t free_count = 0;  // in bins, without the top
  size_t free_bytes = 0;

  size_t system_bytes = 0;
  size_t peak_system_bytes = 0;
  size_t segments = 0;  // not of the main arena
  size_t segment_bytes = 0;
  size_t committed_bytes = 0;

  // All that a request could be served from.
  size_t available_bytes() const { return fast_bytes + free_bytes + top_bytes; }
};

}  // namespace arenite::chunk
