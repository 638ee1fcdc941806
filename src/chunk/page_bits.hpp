// PageBits: a bit for each page of a granule of address space, and the directory of them.
//
// The directory is a table of tables by a granule's number. It and the bitmaps come from memory
// that is mapped in batches and never given back; there is a bitmap only where an arena has had
// dirty pages (free_pages.hpp). A bitmap outlives the arena's hold on its granule, and belongs to
// the next arena that has memory there.
//
// Who owns the granule's memory owns its bitmap and writes it, with its lock. The directory grows
// by compare-and-exchange and can be read by anyone.
#pragma once

#include <atomic>

#include "base/base.hpp"

namespace arenite::chunk {

class FreePages;

struct PageBits {
  static constexpr size_t k_smallest_page = 4096;
  static constexpr unsigned k_bits = k_granule / k_smallest_page;
  static constexpr unsigned k_word_bits = 64;

  // The bits [begin, end) of one word.
  static uint64_t mask(unsigned begin, unsigned end) {
    return (~uint64_t{0} << begin % k_word_bits) &
           (~uint64_t{0} >> (k_word_bits - 1 - (end - 1) % k_word_bits));
  }

  // Sets the bits [begin, end), which are all 0.
  void set(unsigned begin, unsigned end);
  // Clears the bits [begin, end). How many were 1; and if any was, `after_last` is the bit behind
  // the last of those.
  unsigned clear(unsigned begin, unsigned end, unsigned& after_last);
  unsigned count(unsigned begin, unsigned end) const;
  // The first bit from `begin` on that is `value`; `end` if there is none before it.
  unsigned find(unsigned begin, unsigned end, bool value) const;
  bool are_all_set(unsigned begin, unsigned end) const { return find(begin, end, false) == end; }

  std::atomic<FreePages*> owner{nullptr};
  PageBits* next = nullptr;  // the owner's next
  uintptr_t granule = 0;     // its address
  unsigned set_count = 0;
  uint64_t words[k_bits / k_word_bits] = {};
};

// The bitmap of the granule around an address; nullptr if there is none.
PageBits* page_bits_at(uintptr_t address);
// The same, made if there is none; nullptr if there is no memory for it.
PageBits* make_page_bits_at(uintptr_t address);

// Zeroed memory that is never given back; nullptr if there is none.
void* take_for_good(size_t bytes);

}  // namespace arenite::chunk
