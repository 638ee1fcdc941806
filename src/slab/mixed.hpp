// Mixed page: blocks of any size in one page of a region, for those who need few of each size.
//
//   memory   | block | block    | free | block | ...     |     no header, no links
//   used     a bit for each 16 bytes (a granule): 1 where a block starts that is handed out
//   taken    a bit for each granule: 1 where it is part of such a block
//   claimed  a bit for each granule: 1 where a block starts that somebody has freed who could not
//            have the lock
//
// `used` lies where slabs have theirs; the other two lie in lines of the page's marks, of which a
// mixed page has none. A block reaches to the next granule that starts one or is not taken. So what
// is believed of a pointer is its bit alone, as in slabs: 0 is a double free, or no block at all.
//
// All of it is changed and read with the lock of the page's heap held (cache/mixed.hpp), but for
// `claimed`, whose bits anybody sets. Walkers look in passing: relaxed atomics.
//
// A mixed page is no slab: its header's block_count is 0 and its class k_classes, of which every
// thread's magazine is empty and has no slots; its owner is the depot. So the short ways of slabs
// leave its blocks to the long ones, which look at `place`. Of the header it uses also:
//
//   heap        which heap's it is
//   free_count  granules that are not taken
//   inverse     1; of the first page of several that are one block (a row) that block's bytes, and
//               0 of the others
//   summary     not 0: it has so few that nobody looks into it
//   takes       no granule from this one on was ever taken
//   has_remote  not 0: bits of `claimed` may be set
#pragma once

#include "slab/owned.hpp"

namespace arenite::slab {

inline constexpr size_t k_mixed_granule = 16;
inline constexpr uint32_t k_mixed_granules = k_slab_size / k_mixed_granule;
inline constexpr unsigned k_mixed_words = k_mixed_granules / 64;
// The first line of marks that it uses, and how many: all of one table's.
inline constexpr unsigned k_mixed_line = 1;
inline constexpr unsigned k_mixed_lines = 4;
static_assert(k_mixed_lines * k_line == 2 * k_mixed_words * sizeof(uint64_t));
static_assert(k_mark_tables.lines[k_mixed_line].first == k_mixed_line &&
              k_mark_tables.lines[k_mixed_line].count >= k_mixed_lines);

inline bool is_mixed(const Slab* page) {
  return page->place.load(std::memory_order_acquire) == Place::mixed;
}
inline uint32_t mixed_granule_of(const void* p) {
  return static_cast<uint32_t>(address_of(p) % k_slab_size / k_mixed_granule);
}
// How many granules a block of n bytes takes.
constexpr uint32_t mixed_granules_for(size_t n) {
  return n == 0 ? 1 : static_cast<uint32_t>((n + k_mixed_granule - 1) / k_mixed_granule);
}

// Makes a page that was just taken, whose bits are all 0, a mixed one of a heap.
void format_mixed(Slab* page, unsigned heap);
// Makes such pages, so many as a block of n bytes needs, that block, which is returned.
void* format_mixed_row(Slab* first, size_t n, unsigned heap);
constexpr size_t mixed_row_pages(size_t n) {
  return (n + k_slab_size - 1) / k_slab_size;
}
// How many pages begin with one that is not within a row: what is to be given back together.
inline size_t pages_of_mixed(const Slab* page) {
  return mixed_row_pages(page->inverse);
}
// The other way, of one that has no block, or is of a row that is none any more.
void unmake_mixed(Slab* page);

// A block of so many granules at a multiple of `by` of them, a power of two; nullptr where there is
// no room. The lowest address that fits.
void* take_mixed(Slab* page, uint32_t granules, uint32_t by);
// The bytes of the block that is handed out there.
size_t size_of_mixed(const Slab* page, const void* block);
// The block is free from now on.
void give_mixed(Slab* page, const void* block);
inline bool is_wholly_free_mixed(const Slab* page) {
  return page->free_count == k_mixed_granules;
}

// Notes, without the lock, that a block was freed. False if somebody has already, or none is handed
// out there.
bool claim_mixed(Slab* page, const void* block);
inline bool is_claimed_mixed(const Slab* page, const void* block);
// With the lock: gives all blocks back that are claimed. Whether there may have been any.
bool collect_mixed(Slab* page);

// What free should say of an address at which no block is handed out: that it was freed, or that
// none ever began there.
Fault fault_of_mixed(const Slab* page, const void* p);

// What a page has, for figures and snapshots.
struct MixedFigures {
  size_t live_bytes;
  size_t free_runs;
};
MixedFigures measure_mixed(const Slab* page);
// Calls visit(start, bytes, is_used) for each block and each free run, by address.
template <typename Visit>
void for_each_in_mixed(const Slab* page, Visit visit);

// Whether its bits agree (S8). With the lock.
bool verify_mixed(const Slab* page, Breach& breach);

// ---- the bits

inline uint64_t* mixed_used(const Slab* page) {
  return &used_word(memory_of(page));
}
inline uint64_t* mixed_taken(const Slab* page) {
  return at_address<uint64_t>(marks_line(page, k_mixed_line));
}
inline uint64_t* mixed_claimed(const Slab* page) {
  return mixed_taken(page) + k_mixed_words;
}
inline bool has_bit(const uint64_t* bits, uint32_t granule) {
  return (load(bits[granule / 64]) >> (granule % 64) & 1) != 0;
}
inline bool is_claimed_mixed(const Slab* page, const void* block) {
  return has_bit(mixed_claimed(page), mixed_granule_of(block));
}

// The first granule from `from` on whose bit is set in word_at(its word's index); k_mixed_granules
// where there is none.
template <typename WordAt>
inline uint32_t first_from(uint32_t from, WordAt word_at) {
  if (from >= k_mixed_granules) return k_mixed_granules;
  uint64_t bits = word_at(from / 64) & ~uint64_t{0} << (from % 64);
  for (uint32_t i = from / 64;; bits = word_at(i)) {
    if (bits != 0) return i * 64 + static_cast<uint32_t>(lowest_bit(bits));
    if (++i == k_mixed_words) return k_mixed_granules;
  }
}
// Where the block or free run that begins at a granule ends.
inline uint32_t end_of_mixed(const Slab* page, uint32_t granule) {
  const uint64_t* used = mixed_used(page);
  const uint64_t* taken = mixed_taken(page);
  if (!has_bit(taken, granule)) return first_from(granule, [&](auto i) { return load(taken[i]); });
  return first_from(granule + 1, [&](auto i) { return load(used[i]) | ~load(taken[i]); });
}

template <typename Visit>
void for_each_in_mixed(const Slab* page, Visit visit) {
  for (uint32_t at = 0; at < k_mixed_granules;) {
    const uint32_t end = end_of_mixed(page, at);
    // The bits may change meanwhile.
    if (end <= at) return;
    visit(memory_of(page) + size_t{at} * k_mixed_granule, size_t{end - at} * k_mixed_granule,
          has_bit(mixed_taken(page), at));
    at = end;
  }
}

}  // namespace arenite::slab
