#include "chunk/statistics.hpp"

#include "chunk/arena.hpp"
#include "chunk/heap_segment.hpp"

namespace arenite::chunk {

void Arena::measure(ArenaFigures& figures) {
  pages_.tell();
  for (unsigned bin = 0; bin < k_fast_bins; bin++) {
    for (const Chunk* chunk = fast_.first[bin]; chunk != nullptr; chunk = FastBins::after(chunk)) {
      figures.fast[bin].add(chunk->size());
      figures.fast_count++;
      figures.fast_bytes += chunk->size();
    }
    BinFigures& fast = figures.fast[bin];
    if (fast.count != 0) fast.from = fast.to - (alignment() - 1);
  }
  for (unsigned bin = k_unsorted_bin; bin < k_bins; bin++) {
    const Links* header = bins_.header(bin);
    for (const Links* links = header->fd.unseal(); links != header; links = links->fd.unseal()) {
      const size_t size = Chunk::of(links)->size();
      figures.bins[bin].add(size);
      figures.free_count++;
      figures.free_bytes += size;
    }
  }
  figures.top_bytes += top_size();
  figures.system_bytes += system_bytes();
  figures.peak_system_bytes += peak_system_bytes_;
  if (is_main() || top_ == nullptr) return;
  for (const HeapSegment* segment = HeapSegment::of(top_); segment != nullptr;
       segment = segment->older) {
    figures.segments++;
    figures.segment_bytes += segment->size();
    figures.committed_bytes += segment->committed();
  }
}

}  // namespace arenite::chunk
