// malloc, calloc and free: alignment, distinct addresses, usable size, zeroed memory, errno.

#include <malloc.h>

#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

CASE(every_size_is_aligned) {
  const std::size_t alignment = promised_alignment();
  for (std::size_t size = 0; size <= 4096; ++size) {
    void* p = malloc(size);
    EXPECT(p != nullptr && is_aligned(p, alignment));
    void* q = calloc(1, size);
    EXPECT(q != nullptr && is_aligned(q, alignment));
    if (size % 3 == 0) free(p);
    if (size % 2 == 0) free(q);
  }
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    void* p = malloc(random.size(4_MiB));
    EXPECT(p != nullptr && is_aligned(p, alignment));
    p = realloc(p, random.size(1_MiB) + 1);
    EXPECT(p != nullptr && is_aligned(p, alignment));
    if (i % 8 != 0) free(p);
  }
}

CASE(zero_bytes_give_unique_pointers) {
  void* blocks[100];
  for (void*& p : blocks) {
    p = malloc(0);
    EXPECT(p != nullptr);
    for (void** other = blocks; other != &p; ++other) EXPECT(*other != p);
  }
  for (void* p : blocks) free(p);
  void* of_calloc[] = {calloc(0, 0), calloc(0, 8), calloc(8, 0), calloc(0, SIZE_MAX)};
  for (void* p : of_calloc) {
    EXPECT(p != nullptr);
    free(p);
  }
}

CASE(live_blocks_do_not_overlap) {
  constexpr int k_blocks = 3000;
  static void* blocks[k_blocks];
  static std::size_t sizes[k_blocks];
  Random random(2);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < k_blocks; ++i) {
      if (blocks[i] != nullptr) {
        EXPECT(intact(blocks[i], sizes[i], static_cast<std::uint64_t>(i)));
        if (random.below(2) == 0) continue;
        free(blocks[i]);
      }
      sizes[i] = random.size(i % 50 == 0 ? 300_KiB : 4_KiB);
      blocks[i] = malloc(sizes[i]);
      EXPECT(blocks[i] != nullptr);
      fill(blocks[i], sizes[i], static_cast<std::uint64_t>(i));
    }
  }
  for (int i = 0; i < k_blocks; ++i) {
    EXPECT(intact(blocks[i], sizes[i], static_cast<std::uint64_t>(i)));
    free(blocks[i]);
  }
}

CASE(usable_size_covers_the_request_and_may_be_written_in_full) {
  EXPECT_EQ(malloc_usable_size(nullptr), 0);
  constexpr int k_blocks = 600;
  static unsigned char* blocks[k_blocks];
  static std::size_t usable[k_blocks];
  Random random(3);
  for (int i = 0; i < k_blocks; ++i) {
    const std::size_t size = i < 300 ? static_cast<std::size_t>(i) : random.size(2_MiB);
    blocks[i] = static_cast<unsigned char*>(malloc(size));
    usable[i] = malloc_usable_size(blocks[i]);
    EXPECT_AT_LEAST(usable[i], size);
    fill(blocks[i], usable[i], static_cast<std::uint64_t>(i));
  }
  for (int i = 0; i < k_blocks; ++i) {
    EXPECT_EQ(malloc_usable_size(blocks[i]), usable[i]);
    EXPECT(intact(blocks[i], usable[i], static_cast<std::uint64_t>(i)));
    free(blocks[i]);
  }
}

CASE(usable_size_stays_close_to_the_request) {
  for (std::size_t size = 0; size < 100000; size += 1 + size / 16) {
    void* p = malloc(size);
    EXPECT_AT_MOST(malloc_usable_size(p), size + size / 4 + 64);
    free(p);
  }
}

CASE(calloc_clears_recycled_memory) {
  Random random(4);
  for (int i = 0; i < 3000; ++i) {
    const std::size_t size = random.size(i % 100 == 0 ? 1_MiB : 20_KiB) + 1;
    void* dirty = malloc(size);
    memset(dirty, 0xa5, malloc_usable_size(dirty));
    free(keep(dirty));
    auto* clean = static_cast<unsigned char*>(calloc(1, size));
    EXPECT(all_bytes_are(clean, size, 0));
    memset(clean, 0x5a, size);
    if (i % 7 != 0) free(clean);
  }
}

CASE(calloc_clears_memory_taken_back_from_the_kernel) {
  for (int round = 0; round < 3; ++round) {
    void* large = malloc(3_MiB);
    memset(large, 0xff, 3_MiB);
    free(keep(large));
    auto* clean = static_cast<unsigned char*>(calloc(3, 1_MiB));
    EXPECT(all_bytes_are(clean, 3_MiB, 0));
    free(clean);
    void* blocks[64];
    for (void*& p : blocks) memset(p = malloc(50000), 0xff, 50000);
    for (void* p : blocks) free(p);
    malloc_trim(0);
    for (void*& p : blocks) {
      p = calloc(50, 1000);
      EXPECT(all_bytes_are(p, 50000, 0));
    }
    for (void* p : blocks) free(p);
  }
}

CASE(free_of_null_does_nothing) {
  errno = 7;
  free(nullptr);
  EXPECT_EQ(errno, 7);
}

CASE(free_keeps_errno) {
  for (std::size_t size : {std::size_t{10}, std::size_t{1000}, 100_KiB, 1_MiB, 40_MiB}) {
    void* p = malloc(size);
    EXPECT(p != nullptr);
    errno = 4711;
    free(p);
    EXPECT_EQ(errno, 4711);
  }
  // Also where freeing trims the top of the heap.
  void* blocks[100];
  for (void*& p : blocks) p = malloc(100000);
  errno = 4712;
  for (void* p : blocks) free(p);
  EXPECT_EQ(errno, 4712);
}

CASE(success_keeps_errno) {
  errno = 4713;
  void* p = malloc(100);
  p = realloc(p, 300000);
  void* q = calloc(10, 100000);
  void* aligned = aligned_alloc(4096, 4096);
  EXPECT(p != nullptr && q != nullptr && aligned != nullptr);
  EXPECT_EQ(errno, 4713);
  free(p);
  free(q);
  free(aligned);
  EXPECT_EQ(errno, 4713);
}

CASE(free_gives_memory_for_reuse) {
  for (std::size_t size : {std::size_t{24}, std::size_t{500}, std::size_t{5000}, 100_KiB, 2_MiB}) {
    free(keep(malloc(size)));
    const std::size_t before = data_once_settled();
    for (int i = 0; i < 5000; ++i) {
      auto* p = static_cast<char*>(malloc(size));
      *keep(p) = 1;
      free(p);
    }
    EXPECT_AT_MOST(status_bytes("VmData"), before + size + 1_MiB);
  }
}
