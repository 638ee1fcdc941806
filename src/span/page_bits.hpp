// PageBits: a bit for each page of a region: it may hold memory.
//
// Pages are those of the running kernel, 4 KiB or more, and numbered from the region's start. All
// loops are over words of 64 pages, 256 of them in a whole region.
#pragma once

#include "base/base.hpp"

namespace arenite::span {

// Whole pages; none if it ends no later than it begins.
struct Pages {
  uint32_t begin = 0;
  uint32_t end = 0;

  uint32_t count() const { return begin < end ? end - begin : 0; }
};

class PageBits {
 public:
  static constexpr uint32_t k_pages = k_granule / (4 * k_kib);

  // Most often all of them are set, or none has to be.
  ARENITE_INLINE uint32_t count(Pages p) const {
    uint32_t n = p.count();
    for_each(p, [this, &n](uint32_t i, uint64_t mask) {
      const uint64_t zeroes = ~words_[i] & mask;
      if (zeroes != 0) n -= count_bits(zeroes);
    });
    return n;
  }
  // How many were not.
  ARENITE_INLINE uint32_t set(Pages p) {
    uint32_t fresh = 0;
    for_each(p, [this, &fresh](uint32_t i, uint64_t mask) {
      const uint64_t zeroes = ~words_[i] & mask;
      if (zeroes == 0) return;
      fresh += count_bits(zeroes);
      words_[i] |= mask;
    });
    return fresh;
  }
  void clear(Pages p) {
    for_each(p, [this](uint32_t i, uint64_t mask) { words_[i] &= ~mask; });
  }
  bool has(uint32_t page) const { return (words_[page / 64] >> (page % 64) & 1) != 0; }

  // The longest stretch of clear bits among them.
  Pages longest_clear(Pages p) const;
  // From the last set bit among them back to the one with which it is `most` set bits, or all there
  // are. How many it is. There is at least one, and `most` is not 0.
  uint32_t last_set(Pages& p, uint32_t most) const;

 private:
  // Calls f(index, mask) for each word with some of these pages.
  template <typename F>
  ARENITE_INLINE static void for_each(Pages p, F f) {
    if (p.begin >= p.end) return;
    uint32_t i = p.begin / 64;
    const uint32_t last = (p.end - 1) / 64;
    uint64_t mask = ~uint64_t{0} << (p.begin % 64);
    const uint64_t last_mask = ~uint64_t{0} >> (63 - (p.end - 1) % 64);
    if (ARENITE_LIKELY(i == last)) return f(i, mask & last_mask);
    for (; i < last; i++, mask = ~uint64_t{0}) f(i, mask);
    f(last, last_mask);
  }
  // The first page from `page` on whose bit is `value`; `end` where there is none before it.
  uint32_t find(uint32_t page, uint32_t end, bool value) const;

  uint64_t words_[(k_pages + 63) / 64];
};

}  // namespace arenite::span
