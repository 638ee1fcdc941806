// Regions, their pages, and the slabs' blocks and bits.
#include "engine/engine.hpp"
#include "view/parts.hpp"
#include "view/walk_slabs.hpp"

namespace arenite::view {

using slab::Region;
using slab::Slab;

// What it knows of the regions goes into the snapshot.
class SlabView {
 public:
  explicit SlabView(Snapshot& out) : out_(out) {}

  void region(const Region& region) {
    const uintptr_t start = slab::region_of(&region);
    const uintptr_t words = start + slab::k_words_plane * slab::k_plane;
    const uintptr_t used = start + slab::k_used_plane * slab::k_plane;
    const uintptr_t marks = start + slab::k_marks_plane * slab::k_plane;
    const uintptr_t behind = start + slab::k_planes * slab::k_plane;
    const uintptr_t guard = start + slab::k_metadata_pages * slab::k_slab_size;
    const uintptr_t first_page = start + slab::k_first_page * slab::k_slab_size;
    out_.begin_area(AreaKind::region, 0, regions_++, start, slab::k_region_size);
    out_.add_cell(start, words, CellKind::metadata);
    out_.add_cell(words, used, CellKind::metadata);
    out_.add_cell(used, marks, CellKind::metadata);
    out_.add_cell(marks, behind, CellKind::metadata);
    out_.add_cell(behind, guard, CellKind::untouched);
    out_.add_cell(guard, first_page, CellKind::reserved);
    pages(region, start);
    Here here;
    for_each_slab(
        here, start, [this](const SlabSeen& seen) { one(seen); },
        [](uintptr_t /*start*/, size_t /*bytes*/) {}, k_none_moves);
    region.for_each_taken_page([this](const Slab* page) {
      if (slab::is_mixed(page)) mixed(page);
    });
  }

 private:
  // A cell for each slab, and for each run of pages that are alike.
  void pages(const Region& region, uintptr_t start) {
    const size_t committed = region.committed_bytes() / slab::k_slab_size + slab::k_guard_pages;
    CellKind kind = CellKind::reserved;
    size_t from = slab::k_first_page;
    const auto end_run = [&](size_t page) {
      out_.add_cell(start + from * slab::k_slab_size, start + page * slab::k_slab_size, kind);
      from = page;
    };
    for (size_t page = from; page < slab::k_region_pages; page++) {
      const CellKind here = page < committed ? kind_of(region, start, page) : CellKind::reserved;
      if (here != kind || here == CellKind::slab) end_run(page);
      kind = here;
    }
    end_run(slab::k_region_pages);
  }

  static CellKind kind_of(const Region& region, uintptr_t start, size_t page) {
    const Slab* slab = at_address<const Slab>(start + page * sizeof(Slab));
    if (slab->block_count != 0 || slab::is_mixed(slab)) return CellKind::slab;
    return region.may_hold_memory(page) ? CellKind::free : CellKind::untouched;
  }

  void one(const SlabSeen& seen) {
    const Slab* const slab = seen.slab;
    const slab::SizeClass& size_class = slab::info(seen.size_class);
    static_assert(SlabBits::k_words == slab::k_most_words);
    SlabBits bits{};
    bits.start = seen.start;
    bits.block_bytes = size_class.size;
    bits.block_count = size_class.block_count;
    bits.granule_bytes = 1U << size_class.shift;
    bits.word_count = size_class.word_count;
    bits.place = place_of(slab);
    bits.owner = slab->owner.load(std::memory_order_relaxed);
    bits.summary = slab->summary;
    for (unsigned i = 0; i < bits.word_count; i++) {
      bits.words[i] = slab::load(slab::word_of(slab, i));
      bits.used[i] = slab::used_in(slab, i);
      bits.marks[i] = slab::marked_in(slab, i);
    }
    out_.note(out_.slabs_.add(bits));
    blocks(bits, seen, slab::page_number(slab));
  }

  void blocks(const SlabBits& bits, const SlabSeen& seen, size_t page) {
    out_.begin_area(AreaKind::slab, 0, static_cast<unsigned>(page), bits.start, slab::k_slab_size);
    uintptr_t block = bits.start;
    for (unsigned i = 0; i < bits.block_count; i++, block += bits.block_bytes) {
      const size_t granule = (block - bits.start) / 16;
      const bool is_live = (seen.live[granule / 64] >> granule % 64 & 1) != 0;
      out_.add_cell(block, block + bits.block_bytes, is_live ? CellKind::used : CellKind::free);
    }
    out_.add_cell(block, bits.start + slab::k_slab_size, CellKind::untouched);
  }

  // A mixed page, or all of a row.
  void mixed(const Slab* page) {
    const size_t pages = slab::pages_of_mixed(page);
    if (pages == 0) return;
    const uintptr_t start = address_of(slab::memory_of(page));
    out_.begin_area(AreaKind::mixed, page->heap, static_cast<unsigned>(slab::page_number(page)),
                    start, pages * slab::k_slab_size);
    if (page->inverse > 1) {
      out_.add_cell(start, start + page->inverse, CellKind::used);
      out_.add_cell(start + page->inverse, start + pages * slab::k_slab_size, CellKind::untouched);
      return;
    }
    slab::for_each_in_mixed(page, [this](const void* at, size_t bytes, bool is_used) {
      out_.add_cell(address_of(at), address_of(at) + bytes,
                    is_used ? CellKind::used : CellKind::free);
    });
  }

  static SlabPlace place_of(const Slab* slab) {
    switch (slab->place.load(std::memory_order_relaxed)) {
      case slab::Place::listed:
        return SlabPlace::listed;
      case slab::Place::full:
        return SlabPlace::full;
      case slab::Place::page:
      case slab::Place::moving:
      case slab::Place::mixed:
        break;
    }
    return SlabPlace::moving;
  }

  Snapshot& out_;
  unsigned regions_ = 0;
};

void take_slabs(Snapshot& out) {
  SlabView view(out);
  cache::g_depot.for_each_region([&](const Region& region) { view.region(region); });
}

}  // namespace arenite::view
