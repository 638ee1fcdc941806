// Run: consecutive units of 1 KiB, free or used, and the words that say so.
//
// Each unit has a word of 32 bits in its region's record, far from the memory it describes:
//
//   used run   [length | used | flags] ...                          [length | used_end]
//   free run   [length] [next] [previous] [dirty pages] ...         [length]
//
// The words between are whatever they were, but never have k_used: it stands in a word if and only
// if a used run begins there, so one load tells whether any address starts a block. A free run of
// less than k_least_units serves no request: it has its two lengths, and is in no ring. A run of
// one unit has one word for both of its tags, so no block is that short.
//
// k_claimed says that the run is used, but by no program: freed and not yet released, being
// resized, with the kernel, or never committed. It is set with a compare-and-exchange by who frees
// or resizes, with or without the lock, and whoever comes second is refused (heap.hpp).
//
// A reference names a run: region number, then unit. Links hold nothing else, never an address.
#pragma once

#include <atomic>

#include "base/base.hpp"

namespace arenite::span {

using Word = uint32_t;

inline constexpr unsigned k_unit_shift = 10;
inline constexpr size_t k_unit = size_t{1} << k_unit_shift;
inline constexpr uint32_t k_units = k_granule / k_unit;  // of a region
inline constexpr unsigned k_unit_bits = k_is_64_bit ? 16 : 10;
static_assert(k_units == uint32_t{1} << k_unit_bits);
inline constexpr uint32_t k_least_units = 5;
inline constexpr size_t k_largest = k_granule / 2;  // of a block, and of an alignment

inline constexpr Word k_used = Word{1} << 31;
inline constexpr Word k_used_end = Word{1} << 30;
inline constexpr Word k_grown = Word{1} << 29;  // the block has grown before
inline constexpr Word k_claimed = Word{1} << 28;
inline constexpr Word k_length = (Word{1} << (k_unit_bits + 1)) - 1;
inline constexpr Word k_nobodys = k_used | k_claimed;

// Where a free run's inner words stand, and the link of a claimed run that waits.
inline constexpr uint32_t k_next = 1;
inline constexpr uint32_t k_previous = 2;
inline constexpr uint32_t k_dirty = 3;

// 31 bits, so that no link looks like k_used.
inline constexpr uint32_t k_most_regions = (uint32_t{1} << (k_is_64_bit ? 15 : 12)) - 1;
using Reference = uint32_t;  // 0: none
constexpr Reference reference(uint32_t region_number, uint32_t unit) {
  return region_number << k_unit_bits | unit;
}
constexpr uint32_t region_number_of(Reference r) {
  return r >> k_unit_bits;
}
constexpr uint32_t unit_of(Reference r) {
  return r & (k_units - 1);
}

// How many units a block of n bytes takes; n is k_largest at most.
constexpr uint32_t units_for(size_t n) {
  const auto units = static_cast<uint32_t>((n + k_unit - 1) >> k_unit_shift);
  return units < k_least_units ? k_least_units : units;
}
constexpr bool is_used(Word w) {
  return (w & k_used) != 0;
}
// Used by a program.
constexpr bool is_block(Word w) {
  return (w & (k_used | k_claimed)) == k_used;
}

}  // namespace arenite::span
