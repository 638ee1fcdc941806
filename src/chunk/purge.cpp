// Purge: whole pages inside free chunks go back to the kernel, wherever they lie (malloc_trim).
//
// The chunk keeps its tags and links, which lie at its ends; the pages between read as zero when
// they are touched again.
#include "chunk/arena.hpp"
#include "chunk/arena_ring.hpp"

namespace arenite::chunk {

bool Arena::purge_inside(Chunk* chunk) const {
  const size_t page = os::page_size();
  const uintptr_t from = align_up(address_of(chunk->links() + 1), page);
  const uintptr_t to = align_down(address_of(chunk->next()), page);
  return to > from && os::purge(at_address<void>(from), to - from);
}

bool Arena::purge(size_t pad) {
  if (deferred_.load(std::memory_order_relaxed) != nullptr) free_deferred();
  consolidate();
  bool gave = false;
  for (unsigned bin = k_unsorted_bin; bin < k_bins; bin++) {
    Links* header = bins_.header(bin);
    for (Links* links = header->bk.unseal(); links != header; links = links->bk.unseal()) {
      if (ARENITE_UNLIKELY(!is_link_of_ours(links)))
        fault(this, Fault::unlink_links, Chunk::of(links)->user());
      gave |= purge_inside(Chunk::of(links));
    }
  }
  return trim_top(pad, 0) || gave;
}

size_t purge_arenas(size_t /*bytes*/) {
  return 0;
}

}  // namespace arenite::chunk
