// memalign, aligned_alloc, posix_memalign, valloc and pvalloc.
//
// An alignment that is no power of two is rounded up by memalign, as glibc does; posix_memalign
// refuses it, as POSIX says, and so does aligned_alloc, as the C standard says and glibc
// since 2.38.

#include <malloc.h>
#include <unistd.h>

#include <cstdlib>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

using AlignedFunction = void* (*)(std::size_t alignment, std::size_t size);

constexpr AlignedFunction k_functions[] = {
    memalign, aligned_alloc, [](std::size_t alignment, std::size_t size) {
      void* p = nullptr;
      return posix_memalign(&p, alignment, size) == 0 ? p : nullptr;
    }};

}  // namespace

CASE(every_alignment_and_size_gives_an_aligned_block_of_that_size) {
  for (const AlignedFunction allocate : k_functions) {
    for (std::size_t alignment = sizeof(void*); alignment <= 1_MiB; alignment *= 2) {
      for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{24},
                                     std::size_t{1000}, alignment, alignment + 1, 200_KiB}) {
        void* p = allocate(alignment, size);
        EXPECT(p != nullptr && is_aligned(p, alignment));
        EXPECT_AT_LEAST(malloc_usable_size(p), size);
        fill(p, malloc_usable_size(p), alignment);
        void* neighbour = allocate(alignment, size);
        fill(neighbour, malloc_usable_size(neighbour), 1);
        EXPECT(intact(p, malloc_usable_size(p), alignment));
        free(p);
        free(neighbour);
      }
    }
  }
}

CASE(huge_alignments_are_served) {
  for (const AlignedFunction allocate : k_functions) {
    for (std::size_t alignment = 2_MiB; alignment <= 1024_MiB; alignment *= 2) {
      void* p = allocate(alignment, 100);
      EXPECT(p != nullptr && is_aligned(p, alignment));
      fill(p, 100, alignment);
      free(p);
    }
  }
}

CASE(random_mix_of_aligned_blocks_does_not_overlap) {
  constexpr int k_blocks = 500;
  static void* blocks[k_blocks];
  static std::size_t sizes[k_blocks];
  Random random(6);
  for (int i = 0; i < 20000; ++i) {
    const std::size_t slot = random.below(k_blocks);
    if (blocks[slot] != nullptr) EXPECT(intact(blocks[slot], sizes[slot], slot));
    free(blocks[slot]);
    const std::size_t alignment = std::size_t{8} << random.below(10);
    sizes[slot] = random.size(20000);
    blocks[slot] = k_functions[random.below(3)](alignment, sizes[slot]);
    EXPECT(blocks[slot] != nullptr && is_aligned(blocks[slot], alignment));
    fill(blocks[slot], sizes[slot], slot);
  }
  for (void* p : blocks) free(p);
}

CASE(the_slack_of_an_aligned_block_is_given_back) {
  const std::size_t before = data_once_settled();
  for (int i = 0; i < 1000; ++i) {
    void* p = memalign(32_KiB, 100);
    EXPECT(is_aligned(p, 32_KiB));
    EXPECT_AT_MOST(malloc_usable_size(p), 32_KiB);
    for (int j = 0; j < 20; ++j) EXPECT(malloc(1000) != nullptr);
  }
  EXPECT_AT_MOST(status_bytes("VmData"), before + 1000 * (32_KiB + 24_KiB) + 4_MiB);
}

CASE(memalign_rounds_an_odd_alignment_up) {
  for (const std::size_t alignment : {0, 1, 3, 7, 17, 24, 33, 48, 100, 1000, 4097}) {
    std::size_t rounded = 1;
    while (rounded < alignment) rounded *= 2;
    for (int i = 0; i < 20; ++i) {
      void* p = memalign(alignment, 50);
      EXPECT(p != nullptr && is_aligned(p, rounded));
    }
  }
}

CASE(aligned_alloc_refuses_an_alignment_that_is_no_power_of_two) {
  for (const std::size_t alignment : {0, 3, 7, 17, 24, 33, 48, 100, 1000, 4095, 4097})
    for (const std::size_t size : {std::size_t{0}, std::size_t{50}, std::size_t{4096}, 300_KiB})
      EXPECT_REFUSED(aligned_alloc(alignment, size), EINVAL);
  for (const std::size_t alignment : {1, 2, 4, 8, 16}) {
    errno = 4711;
    EXPECT(is_aligned(aligned_alloc(alignment, 50), promised_alignment()));
    EXPECT_EQ(errno, 4711);
  }
}

CASE(aligned_alloc_takes_sizes_that_are_no_multiple_of_the_alignment) {
  void* p = aligned_alloc(64, 65);
  EXPECT(p != nullptr && is_aligned(p, 64));
  EXPECT_AT_LEAST(malloc_usable_size(p), 65);
  free(p);
}

CASE(posix_memalign_refuses_bad_alignments) {
  void* const untouched = reinterpret_cast<void*>(0x1234);
  for (const std::size_t alignment :
       {std::size_t{0}, std::size_t{1}, std::size_t{2}, sizeof(void*) / 2, sizeof(void*) + 1,
        3 * sizeof(void*), std::size_t{100}, std::size_t{4095}, SIZE_MAX, SIZE_MAX / 2}) {
    void* p = untouched;
    errno = 4711;
    EXPECT_EQ(posix_memalign(&p, alignment, 100), EINVAL);
    EXPECT(p == untouched);
    EXPECT_EQ(errno, 4711);
  }
}

// As with glibc, whose posix_memalign returns the error and sets errno as well.
CASE(posix_memalign_refuses_oversize_and_says_so_twice) {
  void* const untouched = reinterpret_cast<void*>(0x1234);
  for (const std::size_t alignment : {sizeof(void*), std::size_t{16}, std::size_t{4096}}) {
    for (const std::size_t size :
         {SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX / 2 + 2, SIZE_MAX / 2 + 1, SIZE_MAX / 2 - 100}) {
      void* p = untouched;
      errno = 4711;
      EXPECT_EQ(posix_memalign(&p, alignment, size), ENOMEM);
      EXPECT(p == untouched);
      EXPECT_EQ(errno, ENOMEM);
    }
  }
  void* p = nullptr;
  errno = 4711;
  EXPECT_EQ(posix_memalign(&p, 64, 100), 0);
  EXPECT_EQ(errno, 4711);
}

// What is larger than 4 KiB leaves a fifth of what was asked for unused at most, below that what
// the alignment and a step of a quarter cost. A run has 5 KiB at least. A block with a mapping of
// its own may have as much as the alignment besides: pages that are never touched.
CASE(an_aligned_block_is_little_larger_than_it_must_be) {
  for (std::size_t alignment = sizeof(void*); alignment <= 64_KiB; alignment *= 2) {
    for (std::size_t size = 1; size < 100_KiB; size += size < 300 ? 7 : 131 + size / 64) {
      for (int i = 0; i < 3; ++i) {
        void* p = memalign(alignment, size);
        EXPECT(p != nullptr && is_aligned(p, alignment));
        const std::size_t usable = malloc_usable_size(p);
        const std::size_t unused = usable - size;
        const std::size_t multiple = (size + alignment - 1) & ~(alignment - 1);
        std::size_t bound = size > 4_KiB ? size / 5 + 32 : multiple + multiple / 4 + 48 - size;
        if (!mode_is_classic() && size < 5_KiB && bound < 5_KiB) bound = 5_KiB - 1;
        if (size + alignment > 120_KiB) bound += alignment + 4_KiB;
        if (unused > bound)
          fail(__FILE__, __LINE__, "%zu bytes at a multiple of %zu have %zu", size, alignment,
               usable);
        free(p);
      }
    }
  }
}

CASE(valloc_aligns_to_the_page) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, 300_KiB}) {
    void* p = valloc(size);
    EXPECT(p != nullptr && is_aligned(p, static_cast<std::size_t>(getpagesize())));
    EXPECT_AT_LEAST(malloc_usable_size(p), size);
    fill(p, size, 0);
    free(p);
  }
}

CASE(pvalloc_rounds_the_size_up_to_the_page) {
  const auto page = static_cast<std::size_t>(getpagesize());
  EXPECT(is_aligned(pvalloc(0), page));
  for (const std::size_t size : {std::size_t{1}, page - 1, page, page + 1, 300_KiB + 1}) {
    void* p = pvalloc(size);
    EXPECT(p != nullptr && is_aligned(p, page));
    EXPECT_AT_LEAST(malloc_usable_size(p), (size + page - 1) / page * page);
    fill(p, malloc_usable_size(p), 0);
    free(p);
  }
}
