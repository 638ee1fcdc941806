// Region: 64 MiB of address space cut into pages of 32 KiB, each of which is one slab's or free.
//
//   pages 0..3      the headers of all pages, 64 bytes each, dense
//   pages 4..43     words: what each slab needs of them, the links of its list behind them;
//                   then the remote words. Each a line apart from a power of two, or the same words
//                   of all slabs would share a few lines of the cache.
//   page 44         a guard: no access
//   pages 45..2046  slabs
//   page 2047       never accessible: what lies behind may be another region's headers
//
// (A region is a granule of the kind map: on 32-bit 1 MiB of 32 pages, with 3 of them for all
// that.) A block's address gives its header by masks and shifts alone, and neither the headers nor
// the words can be reached by running over the end of a block.
//
// The memory is reserved without access and committed as pages are first taken, so that a small
// limit on data or address space goes as far as it can.
#pragma once

#include "slab/slab.hpp"

namespace arenite::slab {

inline constexpr size_t k_region_size = k_granule;
inline constexpr size_t k_region_pages = k_region_size / k_slab_size;

// Words of one slab, and its links: five cache lines.
inline constexpr size_t k_words_stride = (k_most_words + 8) * sizeof(uint64_t);
inline constexpr size_t k_headers_size = k_region_pages * sizeof(Slab);
inline constexpr size_t k_words_size = k_region_pages * k_words_stride;
inline constexpr size_t k_metadata_pages =
    (k_headers_size + 2 * k_words_size + k_slab_size - 1) / k_slab_size;
inline constexpr size_t k_first_page = k_metadata_pages + 1;  // behind the guard
inline constexpr size_t k_end_page = k_region_pages - 1;      // the last is a guard, too
// The region's own state lies where the words of page 0, which is no slab, would be.
inline constexpr size_t k_region_state = k_headers_size;

// What a slab needs when it is moved between lists: behind its words.
struct SlabLinks {
  Slab* prev;
  Slab* next;
  // Whose list it is in. Unlike the slab's owner this changes with that owner's lock held only.
  std::atomic<Owner*> list;
};

ARENITE_INLINE uintptr_t region_of(const void* p) {
  return align_down(address_of(p), k_region_size);
}
// The header for an address inside a region.
ARENITE_INLINE Slab* slab_of(const void* p) {
  constexpr size_t k_mask = (k_region_pages - 1) * sizeof(Slab);
  return at_address<Slab>(region_of(p) + (address_of(p) / (k_slab_size / sizeof(Slab)) & k_mask));
}
inline size_t page_number(const Slab* slab) {
  return (address_of(slab) - region_of(slab)) / sizeof(Slab);
}
inline char* memory_of(const Slab* slab) {
  return at_address(region_of(slab) + page_number(slab) * k_slab_size);
}
inline uint64_t* words_of(const Slab* slab) {
  return at_address<uint64_t>(region_of(slab) + k_headers_size +
                              page_number(slab) * k_words_stride);
}
ARENITE_INLINE std::atomic<uint64_t>& remote_word(const Slab* slab, unsigned word) {
  return reinterpret_cast<std::atomic<uint64_t>*>(
      slab->words)[k_words_size / sizeof(uint64_t) + word];
}
ARENITE_INLINE SlabLinks& links_of(const Slab* slab) {
  return *reinterpret_cast<SlabLinks*>(slab->words + k_most_words);
}

class Region {
 public:
  // A new region, all its pages free; nullptr where there is no memory or no address space.
  static Region* create();

  // The header of a free page, now committed and taken; the first that holds memory, if there is
  // one. nullptr if there is no page, or no memory.
  Slab* take_page();
  void give_page(Slab* page);

  size_t free_pages() const { return free_count_; }
  // Free pages that may hold memory.
  size_t dirty_pages() const { return dirty_count_; }
  // All pages that may hold memory, now and at most so far.
  size_t held_pages() const { return k_end_page - k_first_page - free_count_ + dirty_count_; }
  size_t peak_held_pages() const { return peak_held_; }
  size_t pages_ever_taken() const { return used_end_ - k_first_page; }
  // What can be accessed: the headers and words, and the pages committed so far.
  size_t committed_bytes() const { return (committed_end_ - 1) * k_slab_size; }
  // Gives the memory of all free pages back. How many pages.
  size_t purge();

  // Whether the table of pages agrees with the headers (S1); nobody may change it meanwhile.
  bool verify(Breach& breach) const;

  // Calls visit(slab) for each page that is a slab; with the lock that guards the pages, they stay
  // slabs meanwhile.
  template <typename Visit>
  void for_each_slab(Visit visit) const {
    for (size_t page = k_first_page; page < used_end_; page++) {
      Slab* slab = at_address<Slab>(region_of(this) + page * sizeof(Slab));
      // Stored last when a slab is made: what belongs to it can be read then.
      if (__atomic_load_n(&slab->block_count, __ATOMIC_ACQUIRE) != 0) visit(slab);
    }
  }

  Region* next = nullptr;
  // The depot's list of regions that may have dirty pages.
  Region* next_dirty = nullptr;
  bool is_listed_dirty = false;

 private:
  static constexpr size_t k_masks = (k_region_pages + 63) / 64;

  void note_peak() {
    if (held_pages() > peak_held_) peak_held_ = held_pages();
  }
  bool commit_through(size_t page);

  uint64_t free_[k_masks] = {};     // of the pages before used_end_
  uint64_t dirty_[k_masks] = {};    // those of them that may hold memory
  size_t used_end_ = k_first_page;  // from here on no page was ever taken
  size_t committed_end_ = k_first_page;
  size_t free_count_ = k_end_page - k_first_page;
  size_t dirty_count_ = 0;
  size_t peak_held_ = 0;
};

}  // namespace arenite::slab
