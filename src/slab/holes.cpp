#include "slab/holes.hpp"

#include "slab/owned.hpp"

namespace arenite::slab {

Pages holes_of(const Slab* slab) {
  const unsigned size_class = __atomic_load_n(&slab->size_class, __ATOMIC_RELAXED);
  const SizeClass& k = info(size_class);
  uint64_t used[k_most_words] = {};
  for (unsigned i = 0; i < k.word_count; i++)
    used[i] = starts_in(size_class, i) & ~__atomic_load_n(&word_of(slab, i), __ATOMIC_ACQUIRE);
  const uint32_t step = k.size >> k.shift;
  for (unsigned line = 0; line < mark_lines(size_class); line++) {
    // Marks lie far off.
    if (is_zero(slab->remote_lines[line])) continue;
    for (uint64_t left = marks_in(slab, line); left != 0; left &= left - 1) {
      const auto granule = static_cast<uint32_t>(line * 64 + lowest_bit(left)) * step;
      used[granule / 64] &= ~(uint64_t{1} << (granule % 64));
    }
  }
  const auto page_size = static_cast<uint32_t>(os::page_size());
  Pages holes = 0;
  // A page behind the last block is nobody's to use again.
  const uint32_t end = k.size * k.block_count;
  for (uint32_t at = 0, bit = 1; at < end && at + page_size <= k_slab_size;
       at += page_size, bit <<= 1) {
    // The granules from that of the block which reaches into the page to the page's last.
    const uint32_t first = at / k.size * k.size >> k.shift;
    const uint32_t last = (at + page_size - 1) >> k.shift;
    uint64_t there = ~uint64_t{0} << (first % 64);
    uint64_t any = 0;
    for (uint32_t i = first / 64; i < last / 64; i++, there = ~uint64_t{0}) any |= used[i] & there;
    any |= used[last / 64] & there & ~uint64_t{0} >> (63 - last % 64);
    if (any == 0) holes |= static_cast<Pages>(bit);
  }
  return holes;
}

size_t bytes_of(Pages pages) {
  return count_bits(pages) * os::page_size();
}

}  // namespace arenite::slab
