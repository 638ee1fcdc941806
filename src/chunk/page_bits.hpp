// PageBits: a bit for each page of a granule of address space, and the directory of them.
//
// The directory is a table of tables by a granule's number. It and the bitmaps come from memory
// that is mapped in batches and never given back; there is a bitmap only where an arena has had
// dirty pages (free_pages.hpp) or the main arena a mapped run. A bitmap outlives the arena's hold
// on its granule, and belongs to the next arena that has memory there.
//
// Who owns the granule's memory owns its bitmap and writes it, with its lock. The directory grows
// by compare-and-exchange and can be read by anyone.
#pragma once

#include <atomic>

#include "base/base.hpp"

namespace arenite::chunk {

class FreePages;

// The pages of a granule that lie in runs of the main arena, mapped or before a stranger's part of
// the break (main_run.hpp). Bits are set by who has that arena's lock and never cleared, and read
// by anyone.
struct RunPages;

struct PageBits {
  static constexpr size_t k_smallest_page = 4096;
  static constexpr unsigned k_bits = k_granule / k_smallest_page;
  static constexpr unsigned k_word_bits = 64;

  // Sets the bits [begin, end), which are all 0; there is at least one.
  ARENITE_INLINE void set(unsigned begin, unsigned end) {
    set_count += end - begin;
    for_each_word(begin, end, [](unsigned, uint64_t& word, uint64_t in) { word |= in; });
  }
  // Clears the bits [begin, end), at least one. How many were 1; and if any was, `after_last` is
  // the bit behind the last of those.
  ARENITE_INLINE unsigned clear(unsigned begin, unsigned end, unsigned& after_last) {
    unsigned zeroes = 0;
    for_each_word(begin, end, [&](unsigned index, uint64_t& word, uint64_t in) {
      const uint64_t ones = word & in;
      word &= ~in;
      // Most often all of them are, or none.
      if (ARENITE_UNLIKELY(ones != in)) zeroes += count_of_ones(in & ~ones);
      if (ones != 0)
        after_last = (index + 1) * k_word_bits - static_cast<unsigned>(__builtin_clzll(ones));
    });
    const unsigned cleared = end - begin - zeroes;
    set_count -= cleared;
    return cleared;
  }
  unsigned count(unsigned begin, unsigned end) const;
  // Out of line, for it is seldom asked: each copy would be in every program.
  static unsigned count_of_ones(uint64_t word);
  // The first bit from `begin` on that is `value`; `end` if there is none before it.
  unsigned find(unsigned begin, unsigned end, bool value) const;
  bool are_all_set(unsigned begin, unsigned end) const { return find(begin, end, false) == end; }

  // Calls visit(index, word, mask) for each word with some of these bits.
  template <typename Visit>
  ARENITE_INLINE void for_each_word(unsigned begin, unsigned end, Visit visit) {
    const uint64_t in_first = ~uint64_t{0} << begin % k_word_bits;
    const uint64_t in_last = ~uint64_t{0} >> (0 - end) % k_word_bits;
    unsigned index = begin / k_word_bits;
    const unsigned last = (end - 1) / k_word_bits;
    if (ARENITE_LIKELY(index == last)) return visit(index, words[index], in_first & in_last);
    visit(index, words[index], in_first);
    while (++index < last) visit(index, words[index], ~uint64_t{0});
    visit(last, words[last], in_last);
  }

  std::atomic<FreePages*> owner{nullptr};
  PageBits* next = nullptr;  // the owner's next
  uintptr_t granule = 0;     // its address
  unsigned set_count = 0;
  std::atomic<RunPages*> runs{nullptr};
  uint64_t words[k_bits / k_word_bits] = {};
};

struct RunPages {
  std::atomic<uint64_t> words[PageBits::k_bits / PageBits::k_word_bits] = {};
};

// The bitmap of the granule around an address; nullptr if there is none.
PageBits* page_bits_at(uintptr_t address);
// The same, made if there is none; nullptr if there is no memory for it.
PageBits* make_page_bits_at(uintptr_t address);

// Notes that a run begins and ends there. False, and it is as if never asked, where there is
// no memory for that. The main arena's lock is held.
bool note_run_pages(uintptr_t begin, uintptr_t end);
// Whether the address lies in such a run: as quick among a million runs as among two.
bool is_run_page(uintptr_t address);

// Zeroed memory that is never given back; nullptr if there is none.
void* take_for_good(size_t bytes);

// What it comes from: memory that is handed out from its start on, behind this.
struct Batch {
  std::atomic<size_t> used;
  Batch* older;
};
inline constexpr size_t k_batch_size = 64 * k_kib;  // address space; what is not used costs nothing
[[gnu::visibility("hidden")]] extern constinit std::atomic<Batch*> g_batch;

}  // namespace arenite::chunk
