// Purge: whole pages inside free chunks go back to the kernel, wherever they lie.
//
// The chunk keeps its tags and links, which lie at its ends; the pages between read as zero when
// they are touched again. Where the arena knows which of them hold memory (free_pages.hpp) it goes
// by that; in classic mode it walks its bins, at malloc_trim alone.
#include "chunk/arena.hpp"
#include "chunk/arena_ring.hpp"

namespace arenite::chunk {

ARENITE_COLD bool Arena::purge_inside(Chunk* chunk) const {
  const size_t page = os::page_size();
  const uintptr_t from = align_up(address_of(chunk->links() + 1), page);
  const uintptr_t to = align_down(address_of(chunk->next()), page);
  return to > from && os::purge(at_address<void>(from), to - from);
}

// Every page inside a chunk in a bin. The bins of sizes that hold no whole page are passed over:
// they may be most of the heap's chunks.
ARENITE_COLD bool Arena::purge_insides() {
  const unsigned first_bin = Bins::index_of(k_header + sizeof(LargeLinks) + os::page_size());
  bool gave = false;
  for (unsigned bin = k_unsorted_bin; bin < k_bins; bin++) {
    if (bin != k_unsorted_bin && bin < first_bin) continue;
    Links* header = bins_.header(bin);
    for (Links* links = header->bk.unseal(); links != header; links = links->bk.unseal()) {
      if (ARENITE_UNLIKELY(!is_link_of_ours(links)))
        fault(this, Fault::unlink_links, Chunk::of(links)->user());
      gave |= purge_inside(Chunk::of(links));
    }
  }
  return gave;
}

// Every dirty page, but for the top's first `pad` bytes. The lock is kept: whoever asks for this
// wants it done.
ARENITE_COLD bool Arena::purge_all_pages(size_t pad) {
  FreePages::Range spared = pages_of_top();
  if (spared.size() > pad) spared.end = spared.begin + pad;
  pages_.await({0, UINTPTR_MAX});
  bool gave = false;
  for (;;) {
    const FreePages::Purge* purge = pages_.begin_purge(SIZE_MAX, spared);
    if (purge == nullptr) return gave;
    const size_t wanted = purge->bytes;
    const size_t gone = os::purge(purge->ranges, purge->count);
    pages_.end_purge(gone);
    gave |= gone != 0;
    if (gone != wanted) {
      pages_.restore_refused();
      return gave;
    }
  }
}

ARENITE_COLD bool Arena::purge(size_t pad) {
  if (has_deferred()) free_deferred();
  consolidate();
  if (!pages_.is_on()) {
    const bool gave = purge_insides();
    return trim_top(pad, 0) || gave;
  }
  const size_t dirty = pages_.dirty();
  trim_top(pad, 0);
  const bool trimmed = pages_.dirty() < dirty;
  return purge_all_pages(pad) || trimmed;
}

size_t Arena::purge_pages_and_unlock(size_t bytes) {
  size_t gone = 0;
  if (has_deferred()) free_deferred();
  if (has_fast_chunks_ && pages_.dirty() < bytes) consolidate();
  for (;;) {
    const FreePages::Purge* purge = pages_.begin_purge(bytes - gone);
    lock.unlock();
    if (purge == nullptr) return gone;
    // From here on until end_purge these pages are this thread's alone.
    const size_t wanted = purge->bytes;
    const size_t went = os::purge(purge->ranges, purge->count);
    pages_.end_purge(went);
    gone += went;
    const bool all_went = went == wanted;
    if ((all_went && gone >= bytes) || !lock.lock_unless_frozen()) return gone;
    if (!all_went) {
      pages_.restore_refused();
      lock.unlock();
      return gone;
    }
  }
}

size_t ArenaRing::purge(size_t bytes) {
  Arena* const first = [this] {
    Arena* next = next_to_purge_.load(std::memory_order_acquire);
    return next == nullptr ? &g_main_arena : next;
  }();
  size_t gone = 0;
  Arena* arena = first;
  do {
    Arena* const next = after(arena);
    if (!arena->is_abandoned() && arena->lock.lock_unless_frozen()) {
      if (arena->is_abandoned()) {
        arena->lock.unlock();
      } else {
        gone += arena->purge_pages_and_unlock(bytes - gone);
        if (arena->has_deferred()) arena->free_waiting();
      }
    }
    arena = gone < bytes ? next : arena;
    if (gone >= bytes) break;
  } while (arena != first);
  next_to_purge_.store(arena, std::memory_order_release);
  return gone;
}

size_t purge_arenas(size_t bytes) {
  return g_tuning.tracks_pages == 0 ? 0 : g_arenas.purge(bytes);
}

}  // namespace arenite::chunk
