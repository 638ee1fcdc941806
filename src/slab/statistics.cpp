#include "slab/statistics.hpp"

#include "slab/mixed.hpp"

namespace arenite::slab {
namespace {

// Of its words the first four; more only where blocks are small.
constexpr size_t k_bits_of_page = k_line + k_used_stride;

// Blocks handed out and not marked or kept. An owner at work may make it look like more or fewer
// than there can be.
size_t live_blocks(const Slab* slab, const SizeClass& size_class) {
  size_t live = 0;
  const uint64_t* used = &used_word(memory_of(slab));
  for (unsigned i = 0; i < k_slab_size / 1024; i++) live += count_bits(load(used[i]));
  size_t marked = 0;
  for (unsigned line = 0; line < (size_class.block_count + 63U) / 64; line++) {
    // Marks lie far off.
    if (!is_zero(slab->remote_lines[line])) marked += count_bits(marks_in(slab, line));
    if (!is_zero(slab->has_kept)) marked += count_bits(marks_in(slab, line, k_kept));
  }
  if (live < marked) return 0;
  return live - marked < size_class.block_count ? live - marked : size_class.block_count;
}

}  // namespace

void measure(const Region& region, SlabFigures& figures) {
  region.for_each_slab([&](const Slab* slab) {
    // Its owner may make it another's meanwhile.
    const unsigned c = __atomic_load_n(&slab->size_class, __ATOMIC_RELAXED);
    const SizeClass& size_class = info(c);
    const size_t live = live_blocks(slab, size_class);
    const size_t free = size_class.block_count - live;
    figures.free_count[c] += free;
    figures.free_blocks += free;
    figures.live_bytes += live * size_class.size;
  });
  figures.free_pages += region.dirty_pages();
  size_t mixed_pages = 0;
  region.for_each_taken_page([&](const Slab* page) {
    if (!is_mixed(page)) {
      figures.free_pages++;
    } else {
      mixed_pages++;
    }
  });
  const size_t headers = region.pages_ever_taken() * sizeof(Slab);
  figures.system_bytes += (region.held_pages() - mixed_pages) * k_slab_size + headers +
                          region.written_pages() * k_bits_of_page;
  figures.peak_system_bytes +=
      region.peak_held_pages() * k_slab_size + headers + region.pages_ever_taken() * k_bits_of_page;
  figures.regions++;
  figures.region_bytes += k_region_size;
  figures.committed_bytes += region.committed_bytes();
}

}  // namespace arenite::slab
