// Region: a whole extent becomes resident at once (region.hpp).
#include "slab/owned.hpp"

namespace arenite::slab {

// Extents begin where words of the masks do.
static_assert(Region::k_extent_pages % 64 == 0);

bool Region::starts_extent(const Slab* page) {
  const size_t first = page_number(page);
  const size_t end = first + k_extent_pages;
  if (first % k_extent_pages != 0 || end > k_end_page) return false;
  if (used_end_ == first + 1) return commit_through(end - 1);
  for (size_t i = first / 64; i < end / 64; i++) {
    const uint64_t others = i == first / 64 ? ~uint64_t{1} : ~uint64_t{0};
    if (free_[i] != others || dirty_[i] != 0) return false;
  }
  return true;
}

void* Region::extent_in_use(size_t extent) const {
  const size_t first = extent * k_extent_pages;
  const size_t end = first + k_extent_pages;
  if (first < k_first_page || end > used_end_) return nullptr;
  for (size_t i = first / 64; i < end / 64; i++) {
    if ((free_[i] | out_[i]) != 0) return nullptr;
  }
  // What has gone inside slabs would be there again.
  size_t page = first;
  for (; Slab* slab = slab_from(page); page++) {
    if (page >= end) break;
    if (links_of(slab).purged.load(std::memory_order_relaxed) != 0) return nullptr;
  }
  return at_address<void>(region_of(this) + first * k_slab_size);
}

size_t Region::note_resident_extent(const Slab* page) {
  const size_t first = page_number(page);
  const size_t end = first + k_extent_pages;
  for (; used_end_ < end; used_end_++) set(free_, used_end_);
  size_t pages = 0;
  for (size_t i = first / 64; i < end / 64; i++) {
    const uint64_t clean = free_[i] & ~dirty_[i];
    dirty_[i] |= clean;
    recent_[i] |= clean;
    pages += count_bits(clean);
  }
  dirty_count_ += pages;
  note_dirty_from(first);
  note_peak();
  return pages;
}

}  // namespace arenite::slab
