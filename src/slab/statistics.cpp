#include "slab/statistics.hpp"

#include "slab/owned.hpp"

namespace arenite::slab {
namespace {

constexpr size_t k_words_of_page = 2 * k_words_stride;

// Blocks in use: those whose bit is 0 everywhere. An owner at work may make it look like more or
// fewer than there can be.
size_t live_blocks(const Slab* slab) {
  size_t free = count_bits(load(slab->active_word));
  for (unsigned i = 0; i < info(slab->size_class).word_count; i++) {
    free += count_bits(load(slab->words[i]));
    free += count_bits(remote_word(slab, i).load(std::memory_order_relaxed));
  }
  return free < slab->block_count ? slab->block_count - free : 0;
}

}  // namespace

void measure(const Region& region, SlabFigures& figures) {
  region.for_each_slab([&](const Slab* slab) {
    const SizeClass& size_class = info(slab->size_class);
    const size_t live = live_blocks(slab);
    const size_t free = size_class.block_count - live;
    figures.free_count[slab->size_class] += free;
    figures.free_blocks += free;
    figures.live_bytes += live * size_class.size;
  });
  figures.free_pages += region.dirty_pages();
  const size_t headers = region.pages_ever_taken() * sizeof(Slab);
  figures.system_bytes +=
      region.held_pages() * k_slab_size + headers + region.written_pages() * k_words_of_page;
  figures.peak_system_bytes += region.peak_held_pages() * k_slab_size + headers +
                               region.pages_ever_taken() * k_words_of_page;
  figures.regions++;
  figures.region_bytes += k_region_size;
  figures.committed_bytes += region.committed_bytes();
}

}  // namespace arenite::slab
