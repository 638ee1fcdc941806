// Huge pages: which growth of the slabs starts as one huge page of 2 MiB.
//
// A walk over a large heap spends much of its time on misses of the TLB, and a huge page is one
// entry instead of 512. But it is resident as a whole: where little of it gets used the rest is
// waste. So an extent starts huge only where the slabs grow, which they do when they have no free
// page left, and only where it is a small part of what is in use. What is not used at once counts
// as free and resident, and must have room in the bound on that (retention.hpp): the promise holds
// in every mode.
//
// What it costs depends on the machine. Clearing 2 MiB at once takes a tenth of the time that 512
// page faults do; but where a host has taken back what its guest had free, and has to give it
// again, five times as long as small pages, which come from what the guest still has. A program
// that walks over its memory earns that back, one that only builds and ends does not, and nobody
// can tell which it is. So huge pages that are dear may cost a twelfth of the time since the
// program had some megabytes in use.
#pragma once

#include <cstdint>

#include "policy/settings.hpp"

namespace arenite::policy {

inline constexpr size_t k_huge_extent = 2 * k_mib;

// `automatic` mode begins where an extent is a sixteenth of what is in use.
inline constexpr size_t k_huge_from = 16 * k_huge_extent;

// Whether the next extent should start huge, with `live` bytes in use, and `retained` bytes free
// and resident of the `bound` that may be.
constexpr bool should_start_huge(HugePages mode, size_t live, size_t retained, size_t bound) {
  if (mode == HugePages::never) return false;
  if (mode == HugePages::automatic && live < k_huge_from) return false;
  return retained + k_huge_extent <= bound;
}

// What `automatic` mode may spend on huge pages, in nanoseconds. The next is expected to take as
// long as the last did, the first as long as a dear one. Not thread-safe: the depot's lock guards
// it. Threads that start one at the same time may each spend what is left.
//
// The clock stands for the program's own time, which only a system call could tell. A program that
// mostly rests earns too much that way, so what it can save up has a limit.
class HugeBudget {
 public:
  // What small pages of an extent would have taken, about; what takes no longer costs nothing.
  static constexpr uint64_t k_small_pages = 1'000'000;
  static constexpr uint64_t k_first = 4'000'000;
  static constexpr uint64_t k_share = 12;
  static constexpr int64_t k_most_saved = 120'000'000;

  // Whether there is enough for one more, at the time `now`. Earned is a share of the time since
  // this was last asked, the first time since `began` (0: it begins now).
  constexpr bool allows(uint64_t now, uint64_t began) {
    if (asked_ == 0) asked_ = began != 0 && began < now ? began : now;
    const uint64_t earned = now > asked_ ? (now - asked_) / k_share : 0;
    saved_ += static_cast<int64_t>(earned);
    asked_ += earned * k_share;
    if (saved_ > k_most_saved) saved_ = k_most_saved;
    return saved_ >= static_cast<int64_t>(next_);
  }
  // One was made, or refused, and it took `took`.
  constexpr void charge(uint64_t took) {
    next_ = took < k_small_pages ? 0 : took - k_small_pages;
    saved_ -= static_cast<int64_t>(next_);
  }

 private:
  uint64_t asked_ = 0;
  int64_t saved_ = 0;
  uint64_t next_ = k_first;
};

// After `refusals` in a row: how many extents start small before the kernel is asked again. It may
// have no huge page free at the moment, or never have one.
constexpr unsigned extents_until_next_try(unsigned refusals) {
  constexpr unsigned k_most = 6;
  return refusals == 0 ? 0 : 1U << (refusals < k_most ? refusals : k_most);
}

}  // namespace arenite::policy
