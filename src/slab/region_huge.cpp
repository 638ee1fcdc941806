// Region: a whole extent becomes resident at once (region.hpp).
#include "slab/region.hpp"

namespace arenite::slab {

bool Region::starts_extent(const Slab* page) {
  const size_t first = page_number(page);
  const size_t end = first + k_extent_pages;
  return first % k_extent_pages == 0 && used_end_ == first + 1 && end <= k_end_page &&
         commit_through(end - 1);
}

size_t Region::note_resident_extent(const Slab* page) {
  const size_t end = page_number(page) + k_extent_pages;
  size_t pages = 0;
  for (; used_end_ < end; used_end_++) {
    set(free_, used_end_);
    set(dirty_, used_end_);
    set(recent_, used_end_);
    pages++;
  }
  dirty_count_ += pages;
  note_peak();
  return pages;
}

}  // namespace arenite::slab
