// Blocks with a mapping of their own: the threshold that decides, how it is set, and what ends it.
// How it moves by itself is classic mode's affair: moving_threshold.cpp. In default mode blocks are
// mapped from 4 MiB on until it is set (512 KiB on 32-bit), and 128 KiB means nothing there.
//
// mallinfo2().hblks counts such blocks. Requests here are far apart from the threshold or exactly
// at it; the heap below is filled up first where its rest could serve the request as well.

#include "mapped_blocks.hpp"

#include <cstring>

using namespace mappings;

CASE(from_the_threshold_on_a_block_has_its_own_mapping) {
  const std::size_t threshold = first_threshold();
  take(1);
  const std::size_t before = mapped_blocks();
  const std::size_t bytes_before = mallinfo2().hblkhd;
  take(threshold - 64);
  EXPECT_EQ(mapped_blocks(), before);
  char* p = take(threshold + 1);
  EXPECT_EQ(mapped_blocks(), before + 1);
  EXPECT_AT_LEAST(mallinfo2().hblkhd - bytes_before, threshold);
  EXPECT_AT_MOST(mallinfo2().hblkhd - bytes_before, threshold + 2 * 4096);
  free(p);
  EXPECT_EQ(mapped_blocks(), before);
  EXPECT_EQ(mallinfo2().hblkhd, bytes_before);
}

CASE(a_mapped_block_lies_apart_from_the_heap) {
  const char* small = take(100);
  const char* large = take(5_MiB);
  EXPECT(strcmp(mapping_of(large).name, "[heap]") != 0);
  EXPECT(mapping_of(large).start != mapping_of(small).start);
  EXPECT_AT_LEAST(bytes_mapped_from(large, "rw-p"), 5_MiB);
}

CASE(fresh_mapped_memory_is_not_touched_before_its_use) {
  const std::size_t resident = status_bytes("VmRSS");
  take(256_MiB);
  auto* clear = keep(static_cast<char*>(calloc(256, 1_MiB)));
  EXPECT(clear != nullptr);
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident + 2_MiB);
  EXPECT(clear[200_MiB] == 0);
}

CASE(a_threshold_once_set_stays) {
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 128 * 1024), 1);
  for (int i = 0; i < 3; ++i) {
    free(take(4_MiB));
    EXPECT(is_mapped_on_its_own(200_KiB));
    EXPECT(is_mapped_on_its_own(4_MiB));
  }
}

CASE(a_lower_threshold_maps_smaller_blocks) {
  // Also one below what slabs serve otherwise. What is left of the heap comes first.
  for (const int threshold : {20000, 5000, 2000, 800, 100}) {
    EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, threshold), 1);
    const auto size = static_cast<std::size_t>(threshold);
    std::size_t before = mapped_blocks();
    for (std::size_t taken = 0; mapped_blocks() == before; taken += size) {
      EXPECT_AT_MOST(taken, 1_MiB);
      take(size);
    }
    before = mapped_blocks();
    for (std::size_t taken = 0; taken < 1_MiB; taken += size) take(size - 24);
    EXPECT_EQ(mapped_blocks(), before);
  }
}

CASE(a_threshold_raised_again_maps_no_smaller_blocks) {
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 100), 1);
  for (std::size_t taken = 0; mapped_blocks() == 0; taken += 1000) {
    EXPECT_AT_MOST(taken, 1_MiB);
    take(1000);
  }
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 128 * 1024), 1);
  const std::size_t before = mapped_blocks();
  for (int i = 0; i < 1000; ++i) take(1000);
  EXPECT_EQ(mapped_blocks(), before);
}

CASE(a_higher_threshold_keeps_larger_blocks_in_the_heap) {
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 16 << 20), 1);
  EXPECT(!is_mapped_on_its_own(200_KiB));
  EXPECT(!is_mapped_on_its_own(15_MiB));
  EXPECT(is_mapped_on_its_own(16_MiB));
}

CASE(a_threshold_above_32_MiB_is_refused) {
  if (sizeof(void*) != 8) cannot_try("the limit is 512 KiB on 32-bit");
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, (32 << 20) + 1), 0);
  EXPECT(is_mapped_on_its_own(5_MiB));
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 32 << 20), 1);
  EXPECT(!is_mapped_on_its_own(5_MiB));
}

CASE(no_block_is_mapped_when_the_maximum_is_zero) {
  EXPECT_EQ(mallopt(M_MMAP_MAX, 0), 1);
  for (const std::size_t size : {128_KiB, 1_MiB, 10_MiB, 40_MiB, 100_MiB})
    EXPECT(!is_mapped_on_its_own(size));
  EXPECT_EQ(mallinfo2().hblkhd, 0);
}

CASE(no_more_blocks_are_mapped_than_the_maximum) {
  EXPECT_EQ(mallopt(M_MMAP_MAX, 3), 1);
  char* blocks[6];
  for (char*& p : blocks) {
    p = take(5_MiB);
    memset(p, 1, 5_MiB);
  }
  EXPECT_EQ(mapped_blocks(), 3);
  free(blocks[1]);
  EXPECT_EQ(mapped_blocks(), 2);
  take(40_MiB);
  EXPECT_EQ(mapped_blocks(), 3);
}

CASE(a_mapped_block_shrunk_below_the_threshold_keeps_its_content) {
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 128 * 1024), 1);
  void* p = take(1_MiB);
  fill(p, 1_MiB, 3);
  p = realloc(p, 5000);
  EXPECT(p != nullptr && intact(p, 5000, 3));
  EXPECT_AT_MOST(malloc_usable_size(p), 3 * 4096);
  free(p);
}

CASE(a_block_grows_out_of_the_heap_into_a_mapping) {
  void* p = take(1000);
  take(16);
  fill(p, 1000, 4);
  const std::size_t before = mapped_blocks();
  p = realloc(p, 5_MiB);
  EXPECT(p != nullptr && intact(p, 1000, 4));
  EXPECT_EQ(mapped_blocks(), before + 1);
  free(p);
  EXPECT_EQ(mapped_blocks(), before);
}
