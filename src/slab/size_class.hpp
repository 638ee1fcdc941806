// Size classes: which block sizes slabs serve, and the numbers that find a block from its address.
//
//   16 32 48 .. 128                     steps of 16
//   160 192 224 256, 320 384 448 512 .. four to a doubling, up to 4 KiB
//   5376 6144 8192                      a third of a slab, three eighths and half of it: three
//                                       blocks, or two, in whole pages of the kernel's
//
// A request between 4 and 8 KiB that would leave more than a sixth of its block unused has no
// class: slabs do not serve it.
//
// A class's size is step * 2^shift. A slab keeps one bit for each granule of 2^shift bytes, and a
// block is named by the granule it starts in: finding the bit of an address is a shift, not a
// division, and so is the way back. The granules in between have no meaning and their bits stay 0;
// `starts` says which ones begin a block.
//
// Whether an offset begins a block at all is one multiplication (Granlund and Montgomery's test for
// divisibility): offset * inverse, rotated right by shift, is the block's number if it does, and
// larger than any block's number if it does not.
#pragma once

#include <bit>
#include <iterator>

#include "base/base.hpp"

namespace arenite::slab {

// The largest request that slabs serve.
inline constexpr size_t k_slab_limit = 8 * k_kib;
// A slab's memory: aligned to its size, so that an address tells its slab.
inline constexpr size_t k_slab_size = 16 * k_kib;

inline constexpr unsigned k_linear_classes = 8;  // up to k_linear_limit by steps of 16
inline constexpr size_t k_linear_limit = 128;
inline constexpr unsigned k_classes_to_double = 4;  // up to k_even_limit
inline constexpr size_t k_even_limit = 4 * k_kib;
inline constexpr uint32_t k_parts_of_a_slab[] = {k_slab_size / 3 / 256 * 256, k_slab_size * 3 / 8,
                                                 k_slab_size / 2};
constexpr bool is_wasteful(size_t n, size_t size) {
  return n > k_even_limit && (size - n) * 6 > size;
}
consteval unsigned count_classes() {
  unsigned count = k_linear_classes + std::size(k_parts_of_a_slab);
  for (size_t base = k_linear_limit; base < k_even_limit; base *= 2) count += k_classes_to_double;
  return count;
}
inline constexpr unsigned k_classes = count_classes();
inline constexpr unsigned k_most_words = k_slab_size / 16 / 64;

struct SizeClass {
  uint32_t size;
  uint32_t inverse;      // of step, modulo 2^32
  uint16_t block_count;  // in a slab
  uint16_t word_count;   // of its bits
  uint8_t shift;
  uint16_t first_start;  // its place in ClassTable::starts
};

struct ClassTable {
  SizeClass classes[k_classes];
  uint8_t class_of_16[k_slab_limit / 16 + 1];
  // For each class, its words with a 1 where a block starts.
  uint64_t starts[640];
};

consteval ClassTable make_class_table() {
  ClassTable table{};
  unsigned c = 0;
  for (size_t size = 16; size <= k_linear_limit; size += 16) table.classes[c++].size = size;
  for (size_t base = k_linear_limit; base < k_even_limit; base *= 2) {
    for (unsigned i = 1; i <= k_classes_to_double; i++)
      table.classes[c++].size = static_cast<uint32_t>(base + base * i / k_classes_to_double);
  }
  for (const uint32_t size : k_parts_of_a_slab) table.classes[c++].size = size;
  unsigned next_start = 0;
  for (SizeClass& k : table.classes) {
    k.shift = static_cast<uint8_t>(std::countr_zero(k.size));
    const uint32_t step = k.size >> k.shift;
    uint32_t inverse = 1;  // Newton's iteration doubles the number of right bits
    for (int i = 0; i < 5; i++) inverse *= 2 - step * inverse;
    k.inverse = inverse;
    k.block_count = static_cast<uint16_t>(k_slab_size / k.size);
    k.word_count = static_cast<uint16_t>(((k_slab_size >> k.shift) + 63) / 64);
    k.first_start = static_cast<uint16_t>(next_start);
    for (unsigned block = 0; block < k.block_count; block++) {
      const unsigned granule = block * step;
      table.starts[next_start + granule / 64] |= uint64_t{1} << (granule % 64);
    }
    next_start += k.word_count;
  }
  unsigned served_by = 0;
  for (size_t i = 0; i <= k_slab_limit / 16; i++) {
    while (table.classes[served_by].size < i * 16) served_by++;
    const bool has_class = !is_wasteful(i * 16, table.classes[served_by].size);
    table.class_of_16[i] = static_cast<uint8_t>(has_class ? served_by : k_classes);
  }
  return table;
}

inline constexpr ClassTable k_class_table = make_class_table();

// The class that serves n bytes, at most k_slab_limit; k_classes where none does.
ARENITE_INLINE unsigned class_of(size_t n) {
  return k_class_table.class_of_16[(n + 15) / 16];
}
constexpr const SizeClass& info(unsigned size_class) {
  return k_class_table.classes[size_class];
}
// The granules of word `word` in which a block of this class starts.
inline uint64_t starts_in(unsigned size_class, unsigned word) {
  return k_class_table.starts[info(size_class).first_start + word];
}

// The smallest class of at least n bytes whose blocks all lie at multiples of `align`, a power of
// two; k_classes where there is none, or where more than 4 KiB would leave more than a sixth of its
// block unused: 4,608 bytes at a multiple of 4,096 do not take 8,192. What is unused of a smaller
// request's block is less than the alignment and a step between classes.
constexpr unsigned aligned_class_of(size_t n, size_t align) {
  if (n > k_slab_limit || align > k_slab_limit) return k_classes;
  const size_t least = n < align ? align : n;
  for (unsigned c = k_class_table.class_of_16[(least + 15) / 16]; c < k_classes; c++) {
    if (is_aligned(info(c).size, align)) return is_wasteful(n, info(c).size) ? k_classes : c;
  }
  return k_classes;
}

}  // namespace arenite::slab
