// Size classes: the table against plain arithmetic, for every size and every offset.
#include "slab/size_class.hpp"

#include <gtest/gtest.h>

#include "slab/slab.hpp"

namespace arenite::slab {
namespace {

// A header with what a class puts into it.
struct SlabOf : Slab {
  explicit SlabOf(unsigned c) {
    inverse = info(c).inverse;
    shift = info(c).shift;
    block_count = info(c).block_count;
  }
};

TEST(SizeClass, sizes_rise_by_multiples_of_16_up_to_the_limit) {
  size_t before = 0;
  for (unsigned c = 0; c < k_classes; c++) {
    EXPECT_EQ(info(c).size % 16, 0U) << "class " << c;
    EXPECT_GT(info(c).size, before) << "class " << c;
    before = info(c).size;
  }
  EXPECT_EQ(info(0).size, 16U);
  EXPECT_EQ(before, k_slab_limit);
}

TEST(SizeClass, a_class_wastes_at_most_a_fifth_of_a_block_above_128_bytes) {
  for (size_t n = k_linear_limit + 1; n <= k_slab_limit; n++) {
    if (const unsigned c = class_of(n); c != k_classes) {
      ASSERT_LE((info(c).size - n) * 5, info(c).size) << n << " bytes";
    }
  }
}

TEST(SizeClass, every_request_is_served_by_the_smallest_class_that_holds_it_or_by_none) {
  for (size_t n = 0; n <= k_slab_limit; n++) {
    unsigned smallest = 0;
    while (info(smallest).size < n) smallest++;
    const size_t rounded = (n + 15) / 16 * 16;
    const bool wastes = n > 4096 && (info(smallest).size - rounded) * 6 > info(smallest).size;
    ASSERT_EQ(class_of(n), wastes ? k_classes : smallest) << n << " bytes";
  }
  for (const size_t n : {4096, 5376, 6144, 8192}) EXPECT_EQ(info(class_of(n)).size, n);
  for (const size_t n : {4112, 4400, 6160, 6800}) EXPECT_EQ(class_of(n), k_classes) << n;
}

TEST(SizeClass, an_aligned_request_that_has_a_class_is_served_by_the_smallest_one_of_multiples) {
  for (size_t align = 16; align <= 2 * k_slab_limit; align *= 2) {
    for (size_t n = 0; n <= k_slab_limit + 100; n += n < 200 ? 1 : 61) {
      unsigned smallest = 0;
      while (smallest < k_classes && (info(smallest).size < n || info(smallest).size % align != 0))
        smallest++;
      const size_t least = n < align ? align : n;
      if (least <= k_slab_limit && class_of(least) == k_classes) smallest = k_classes;
      if (smallest < k_classes && is_wasteful(n, info(smallest).size)) smallest = k_classes;
      ASSERT_EQ(aligned_class_of(n, align), smallest) << n << " bytes at multiples of " << align;
    }
  }
}

TEST(SizeClass, of_an_aligned_request_s_block_little_is_unused) {
  for (size_t align = 1; align <= 2 * k_slab_limit; align *= 2) {
    for (size_t n = 1; n <= k_slab_limit; n++) {
      const unsigned c = aligned_class_of(n, align);
      if (c == k_classes) continue;
      const size_t size = info(c).size;
      const size_t multiple = align_up(n, align < 16 ? 16 : align);
      ASSERT_LE(size, multiple + multiple / 4) << n << " bytes at multiples of " << align;
      if (n <= k_even_limit) continue;
      ASSERT_LE(size - n, size / 6) << n << " bytes at multiples of " << align;
    }
  }
}

TEST(SizeClass, an_offset_starts_a_block_exactly_where_division_says_so) {
  for (unsigned c = 0; c < k_classes; c++) {
    const SlabOf slab(c);
    const uint32_t size = info(c).size;
    ASSERT_EQ(info(c).block_count, k_slab_size / size);
    for (uint32_t offset = 0; offset < k_slab_size; offset++) {
      const bool starts = offset % size == 0 && offset + size <= k_slab_size;
      ASSERT_EQ(slab.is_start(offset), starts) << size << "-byte blocks, offset " << offset;
    }
  }
}

TEST(SizeClass, no_offset_starts_a_block_in_a_page_that_is_no_slab) {
  for (unsigned c = 0; c < k_classes; c++) {
    SlabOf slab(c);
    slab.block_count = 0;
    for (uint32_t offset = 0; offset < k_slab_size; offset++) ASSERT_FALSE(slab.is_start(offset));
  }
}

TEST(SizeClass, starts_has_a_bit_for_each_block_and_no_other) {
  for (unsigned c = 0; c < k_classes; c++) {
    const SlabOf slab(c);
    const auto granule_size = uint32_t{1} << info(c).shift;
    ASSERT_LE(info(c).word_count, k_most_words);
    ASSERT_GE(info(c).word_count * 64 * granule_size, k_slab_size);
    for (uint32_t granule = 0; granule < info(c).word_count * 64U; granule++) {
      const uint32_t offset = granule * granule_size;
      const bool starts = offset < k_slab_size && slab.is_start(offset);
      ASSERT_EQ(starts_in(c, granule / 64) >> (granule % 64) & 1, starts ? 1U : 0U)
          << info(c).size << "-byte blocks, granule " << granule;
      if (starts) {
        ASSERT_EQ(slab.granule(offset), granule);
      }
    }
  }
}

TEST(SizeClass, the_lists_of_starts_do_not_overlap_and_fit_the_table) {
  unsigned next = 0;
  for (unsigned c = 0; c < k_classes; c++) {
    EXPECT_EQ(info(c).first_start, next) << "class " << c;
    next += info(c).word_count;
  }
  EXPECT_LE(next, std::size(k_class_table.starts));
}

TEST(SizeClass, a_lone_bit_is_found_set_and_cleared_wherever_it_is) {
  for (uint64_t i = 0; i < 64; i++) {
    EXPECT_EQ(lowest_bit(~uint64_t{0} << i), i);
    uint64_t bits = 0;
    EXPECT_FALSE(test_and_reset(bits, i));
    EXPECT_EQ(bits, 0U);
    set_bit(bits, i);
    EXPECT_EQ(bits, uint64_t{1} << i);
    set_bit(bits, i + 64);
    EXPECT_EQ(bits, uint64_t{1} << i) << "an index counts modulo 64";
    bits = ~uint64_t{0};
    EXPECT_TRUE(test_and_reset(bits, i + 128));
    EXPECT_EQ(bits, ~(uint64_t{1} << i));
  }
}

TEST(SizeClass, a_byte_that_others_change_is_zero_or_not) {
  std::atomic<uint8_t> bytes[3] = {1, 0, 1};
  EXPECT_TRUE(is_zero(bytes[1])) << "whatever lies beside it";
  bytes[1].store(0x80);
  EXPECT_FALSE(is_zero(bytes[1]));
}

}  // namespace
}  // namespace arenite::slab
