// Huge pages: which growth of the slabs starts as one huge page of 2 MiB.
//
// A walk over a large heap spends much of its time on misses of the TLB, and a huge page is one
// entry instead of 512. But it is resident as a whole: where little of it gets used the rest is
// waste. So an extent starts huge only where the slabs grow, which they do when they have no free
// page left, and only where it is a small part of what is in use. What is not used at once counts
// as free and resident, and must have room in the bound on that (retention.hpp): the promise holds
// in every mode.
//
// What it saves are misses of the TLB: so many as there are blocks to walk to. What it costs is so
// many bytes to clear, and where a host has taken free memory back, and has to give it again, that
// is three times as long as for small pages. So an extent of larger blocks starts small.
#pragma once

#include "policy/settings.hpp"

namespace arenite::policy {

inline constexpr size_t k_huge_extent = 2 * k_mib;

// `automatic` mode begins where an extent is a sixteenth of what is in use.
inline constexpr size_t k_huge_from = 16 * k_huge_extent;
// And where sixteen blocks or more lie in a small page.
inline constexpr size_t k_huge_most_block = 256;

// Whether the next extent should start huge, where the first blocks of it are of `block` bytes,
// with `live` bytes in use, and `retained` bytes free and resident of the `bound` that may be.
constexpr bool should_start_huge(HugePages mode, size_t block, size_t live, size_t retained,
                                 size_t bound) {
  if (mode == HugePages::never) return false;
  if (mode == HugePages::automatic && (block > k_huge_most_block || live < k_huge_from))
    return false;
  return retained + k_huge_extent <= bound;
}

// After `refusals` in a row: how many extents start small before the kernel is asked again. It may
// have no huge page free at the moment, or never have one.
constexpr unsigned extents_until_next_try(unsigned refusals) {
  constexpr unsigned k_most = 6;
  return refusals == 0 ? 0 : 1U << (refusals < k_most ? refusals : k_most);
}

}  // namespace arenite::policy
