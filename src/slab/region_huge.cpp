// Region: a whole extent becomes resident at once (region.hpp).
#include "slab/owned.hpp"

namespace arenite::slab {

// Extents begin where words of the masks do.
static_assert(Region::k_extent_pages == 64);

bool Region::starts_extent(const Slab* page) {
  const size_t first = page_number(page);
  const size_t end = first + k_extent_pages;
  if (first % k_extent_pages != 0 || end > k_end_page) return false;
  if (used_end_ == first + 1) return commit_through(end - 1);
  const size_t mask = first / 64;
  return free_[mask] == ~uint64_t{1} && dirty_[mask] == 0;
}

void* Region::extent_in_use(size_t extent) const {
  const size_t first = extent * k_extent_pages;
  if (first < k_first_page || first + k_extent_pages > used_end_ || free_[extent] != 0 ||
      out_[extent] != 0)
    return nullptr;
  // What has gone inside slabs would be there again.
  size_t page = first;
  for (; Slab* slab = slab_from(page); page++) {
    if (page >= first + k_extent_pages) break;
    if (links_of(slab).purged.load(std::memory_order_relaxed) != 0) return nullptr;
  }
  return at_address<void>(region_of(this) + first * k_slab_size);
}

size_t Region::note_resident_extent(const Slab* page) {
  const size_t first = page_number(page);
  const size_t end = first + k_extent_pages;
  for (; used_end_ < end; used_end_++) set(free_, used_end_);
  const size_t mask = first / 64;
  const uint64_t clean = free_[mask] & ~dirty_[mask];
  dirty_[mask] |= clean;
  recent_[mask] |= clean;
  dirty_count_ += count_bits(clean);
  note_peak();
  return count_bits(clean);
}

}  // namespace arenite::slab
