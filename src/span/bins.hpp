// Bins: free runs by length, in rings whose links lie in the runs' words.
//
// Two-level segregated fit (after Masmano and others, 2004): a bin for each length below 64 units,
// then 32 to a doubling, and a bit for each bin that has a run. So a run that surely fits is found
// in a handful of instructions, whatever the number of runs. A ring's head is its newest run, and
// the run before the head its oldest.
#pragma once

#include <bit>

#include "span/region.hpp"

namespace arenite::span {

constexpr uint32_t bin_of(uint32_t length) {
  const auto log = static_cast<uint32_t>(std::bit_width(length)) - 1;
  return length < 64 ? length : ((log - 4) << 5) + (length >> (log - 5) & 31);
}
inline constexpr uint32_t k_bins = bin_of(k_units) + 1;

class Bins {
 public:
  // The regions by number, which all calls are given: a link is a reference.
  using Regions = Region* const*;

  ARENITE_INLINE void insert(Regions regions, Reference run, uint32_t length) {
    const uint32_t bin = bin_of(length);
    const Reference next = heads_[bin];
    if (next == 0) {
      link(regions, run, run);
      marks_[bin / 64] |= uint64_t{1} << bin % 64;
    } else {
      link(regions, word(regions, next, k_previous), run);
      link(regions, run, next);
    }
    heads_[bin] = run;
  }
  ARENITE_INLINE void remove(Regions regions, Reference run, uint32_t length) {
    const uint32_t bin = bin_of(length);
    const Reference next = word(regions, run, k_next);
    if (next == run) {
      heads_[bin] = 0;
      marks_[bin / 64] &= ~(uint64_t{1} << bin % 64);
      return;
    }
    link(regions, word(regions, run, k_previous), next);
    if (heads_[bin] == run) heads_[bin] = next;
  }
  Reference newest(uint32_t bin) const { return heads_[bin]; }
  // The oldest run of the last bin that has any; 0 where none has.
  Reference oldest_of_longest(Regions regions) const {
    for (uint32_t i = k_words; i-- > 0;) {
      if (marks_[i] == 0) continue;
      const auto bit = static_cast<uint32_t>(63 - std::countl_zero(marks_[i]));
      return word(regions, heads_[i * 64 + bit], k_previous);
    }
    return 0;
  }
  // The first bin from `bin` on in which either has a run; k_bins where there is none.
  ARENITE_INLINE static uint32_t next(const Bins& a, const Bins& b, uint32_t bin) {
    if (bin >= k_bins) return k_bins;
    uint64_t mask = ~uint64_t{0} << bin % 64;
    for (uint32_t i = bin / 64; i < k_words; i++, mask = ~uint64_t{0}) {
      const uint64_t found = (a.marks_[i] | b.marks_[i]) & mask;
      if (found != 0) return i * 64 + static_cast<uint32_t>(std::countr_zero(found));
    }
    return k_bins;
  }
  uint32_t next(uint32_t bin) const { return next(*this, *this, bin); }
  bool is_marked(uint32_t bin) const { return (marks_[bin / 64] >> (bin % 64) & 1) != 0; }

  ARENITE_INLINE static Word word(Regions regions, Reference run, uint32_t which) {
    return regions[region_number_of(run)]->word(unit_of(run) + which);
  }

 private:
  static constexpr uint32_t k_words = (k_bins + 63) / 64;

  ARENITE_INLINE static void set(Regions regions, Reference run, uint32_t which, Word w) {
    regions[region_number_of(run)]->set(unit_of(run) + which, w);
  }
  ARENITE_INLINE static void link(Regions regions, Reference before, Reference behind) {
    set(regions, before, k_next, behind);
    set(regions, behind, k_previous, before);
  }

  uint64_t marks_[k_words] = {};
  Reference heads_[k_bins] = {};
};

}  // namespace arenite::span
