// Arenas, their memory and their bins.
#include <algorithm>

#include "engine/engine.hpp"
#include "view/parts.hpp"
#include "view/walk_chunks.hpp"

namespace arenite::view {

using chunk::Arena;
using chunk::Bins;
using chunk::Chunk;
using chunk::Walker;

// What it knows of one arena goes into the snapshot.
class ChunkView {
 public:
  ChunkView(Snapshot& out, const Arena& arena, unsigned number)
      : out_(out), arena_(arena), walker_(arena), number_(number) {}

  void take() {
    const chunk::FreePages& pages = walker_.pages();
    out_.note(out_.arenas_.add({&arena_, arena_.attached_threads.load(std::memory_order_relaxed),
                                arena_.system_bytes(), arena_.top_now().size, pages.is_on(),
                                pages.dirty()}));
    if (arena_.is_abandoned()) return;
    const size_t first_area = out_.areas_.size();
    for_each_stretch(here_, address_of(&arena_), arena_.is_main(),
                     [this](const Walker::Stretch& s) { stretch(s); });
    // The walker goes from the newest to the oldest.
    const std::span<Area> areas = out_.areas_.all().subspan(first_area);
    std::reverse(areas.begin(), areas.end());
    unsigned count = 0;
    for (Area& area : areas) area.number = count++;
    fast_bins(areas);
    rings();
    last_remainder(areas);
  }

 private:
  void stretch(const Walker::Stretch& s) {
    const bool is_main = arena_.is_main();
    const uintptr_t end = is_main ? s.end : s.begin + chunk::k_heap_size;
    out_.begin_area(is_main ? AreaKind::main_run : AreaKind::segment, number_, 0, s.begin,
                    end - s.begin);
    out_.add_cell(s.begin, s.first_chunk, CellKind::metadata);
    const uintptr_t behind = chunks(s);
    out_.add_cell(behind, s.end, CellKind::metadata);
    if (is_main) return;
    const uintptr_t committed =
        s.begin + chunk::HeapSegment::of(at_address<void>(s.begin))->committed();
    out_.add_cell(s.end, committed, CellKind::untouched);
    out_.add_cell(committed, end, CellKind::reserved);
  }

  // Where the last one ends.
  uintptr_t chunks(const Walker::Stretch& s) {
    uintptr_t behind = s.first_chunk;
    const auto visit = [&](const ChunkSeen& seen) {
      behind = seen.start + seen.bytes;
      out_.add_cell(seen.start, behind, kind_of(seen.state), seen.flags);
    };
    for_each_chunk(here_, address_of(&arena_), s, visit, k_none_moves);
    return behind;
  }

  static CellKind kind_of(ChunkSeen::State state) {
    switch (state) {
      case ChunkSeen::State::used:
        return CellKind::used;
      case ChunkSeen::State::free:
        return CellKind::free;
      case ChunkSeen::State::top:
        return CellKind::top;
      case ChunkSeen::State::fence:
        break;
    }
    return CellKind::fence;
  }

  // The cell of the chunk; nullptr where there is none.
  Cell* cell_of(std::span<const Area> areas, const Chunk* chunk) {
    const uintptr_t at = address_of(chunk);
    for (const Area& area : areas) {
      if (at - area.start >= area.bytes) continue;
      const std::span<Cell> cells = out_.cells_.all().subspan(area.first_cell, area.cell_count);
      const auto found =
          std::lower_bound(cells.begin(), cells.end(), at,
                           [](const Cell& cell, uintptr_t a) { return cell.start < a; });
      return found != cells.end() && found->start == at ? &*found : nullptr;
    }
    return nullptr;
  }

  void fast_bins(std::span<const Area> areas) {
    for (unsigned bin = 0; bin < chunk::k_fast_bins; bin++) {
      const Chunk* chunk = walker_.fast().first[bin];
      if (chunk == nullptr) continue;
      out_.begin_list(ListKind::fast, number_, chunk->size(), chunk->size());
      for (; chunk != nullptr; chunk = chunk::FastBins::after(chunk)) {
        out_.add_item(address_of(chunk));
        if (Cell* cell = cell_of(areas, chunk)) cell->kind = CellKind::fast;
      }
    }
  }

  void rings() {
    for (unsigned bin = chunk::k_unsorted_bin; bin < chunk::k_bins; bin++) {
      const chunk::Links* header = walker_.bins().header(bin);
      if (walker_.bins().is_empty(bin)) continue;
      begin_ring(bin);
      const bool is_large = bin >= chunk::k_small_bins;
      for (const chunk::Links* links = after(header, is_large); links != header;
           links = after(links, is_large))
        out_.add_item(address_of(Chunk::of(links)));
    }
  }

  static const chunk::Links* after(const chunk::Links* links, bool forward) {
    return forward ? links->fd.unseal() : links->bk.unseal();
  }

  void begin_ring(unsigned bin) {
    if (bin == chunk::k_unsorted_bin) {
      return out_.begin_list(ListKind::unsorted, number_, chunk::min_chunk(), SIZE_MAX);
    }
    const bool is_last = bin == chunk::k_bins - 2;
    out_.begin_list(bin < chunk::k_small_bins ? ListKind::small : ListKind::large, number_,
                    smallest_of(bin),
                    is_last ? SIZE_MAX : smallest_of(bin + 1) - chunk::alignment());
  }

  // The smallest chunk size of a bin, or of the next that has any.
  static size_t smallest_of(unsigned bin) {
    size_t low = chunk::min_chunk();
    size_t high = k_mib;  // all beyond are the last bin's
    while (low < high) {
      const size_t middle = align_down((low + high) / 2, chunk::alignment());
      if (Bins::index_of(middle) < bin) {
        low = middle + chunk::alignment();
      } else {
        high = middle;
      }
    }
    return low;
  }

  // The arena compares this pointer only, and what it leads to may have been handed out or merged.
  void last_remainder(std::span<const Area> areas) {
    const Chunk* chunk = walker_.last_remainder();
    const Cell* cell = chunk == nullptr ? nullptr : cell_of(areas, chunk);
    if (cell == nullptr || cell->kind != CellKind::free) return;
    out_.begin_list(ListKind::last_remainder, number_, cell->bytes, cell->bytes);
    out_.add_item(cell->start);
  }

  Snapshot& out_;
  Here here_;
  const Arena& arena_;
  const Walker walker_;
  const unsigned number_;
};

// The ring begins with the main arena; behind it the youngest comes first.
void take_chunks(Snapshot& out) {
  unsigned count = 0;
  chunk::g_arenas.for_each([&](const Arena&) { count++; });
  for (unsigned age = 0; age < count; age++) {
    unsigned place = 0;
    chunk::g_arenas.for_each([&](const Arena& arena) {
      const unsigned number = place == 0 ? 0 : count - place;
      if (number == age) ChunkView(out, arena, number).take();
      place++;
    });
  }
}

}  // namespace arenite::view
