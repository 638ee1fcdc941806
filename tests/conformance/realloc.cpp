// realloc and reallocarray: contents, the zero size, null, growth in place and moves between the
// arenas and blocks with a mapping of their own.

#include <malloc.h>

#include <cstdlib>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

constexpr std::size_t k_sizes[] = {1,      8,      24,      25,      100,    500,    1000,
                                   4096,   10000,  60000,   130000,  131072, 131073, 140000,
                                   300000, 500000, 1 << 20, 3 << 20, 9 << 20};

void check_all_transitions() {
  for (const std::size_t from : k_sizes) {
    for (const std::size_t to : k_sizes) {
      void* p = malloc(from);
      EXPECT(p != nullptr);
      fill(p, from, from);
      p = realloc(p, to);
      EXPECT(p != nullptr);
      EXPECT(intact(p, from < to ? from & ~std::size_t{7} : to & ~std::size_t{7}, from));
      fill(p, to, to);
      p = realloc(p, from);
      EXPECT(p != nullptr);
      EXPECT(intact(p, from < to ? from & ~std::size_t{7} : to & ~std::size_t{7}, to));
      free(p);
    }
  }
}

}  // namespace

CASE(contents_survive_every_change_of_size) {
  check_all_transitions();
}

CASE(contents_survive_with_a_fixed_mmap_threshold) {
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 128 * 1024), 1);
  check_all_transitions();
}

CASE(contents_survive_without_mappings) {
  EXPECT_EQ(mallopt(M_MMAP_MAX, 0), 1);
  check_all_transitions();
}

CASE(contents_survive_random_changes_among_neighbours) {
  constexpr int k_blocks = 200;
  static void* blocks[k_blocks];
  static std::size_t sizes[k_blocks];
  Random random(5);
  for (int i = 0; i < 40000; ++i) {
    const std::size_t slot = random.below(k_blocks);
    const std::size_t size = random.size(i % 200 == 0 ? 600_KiB : 5000) + 8;
    void* p = realloc(blocks[slot], size);
    EXPECT(p != nullptr);
    const std::size_t kept = (sizes[slot] < size ? sizes[slot] : size) & ~std::size_t{7};
    EXPECT(intact(p, kept, slot));
    fill(p, size, slot);
    blocks[slot] = p;
    sizes[slot] = size;
  }
  for (void* p : blocks) free(p);
}

CASE(of_null_is_malloc) {
  void* p = realloc(nullptr, 100);
  void* q = realloc(nullptr, 0);
  EXPECT(p != nullptr && q != nullptr && p != q);
  fill(p, 100, 0);
  free(p);
  free(q);
}

CASE(to_zero_frees_and_gives_null) {
  for (std::size_t size : {std::size_t{10}, std::size_t{1000}, 100_KiB, 1_MiB}) {
    void* warm_up = malloc(size);
    free(keep(warm_up));
    const std::size_t data = data_once_settled();
    const std::size_t live = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (int i = 0; i < 1000; ++i) {
      void* p = keep(malloc(size));
      EXPECT(p != nullptr);
      errno = 4711;
      EXPECT(realloc(p, 0) == nullptr);
      EXPECT_EQ(errno, 4711);
    }
    EXPECT_AT_MOST(mallinfo2().uordblks + mallinfo2().hblkhd, live + 10 * size + 200);
    EXPECT_AT_MOST(status_bytes("VmData"), data + size + 1_MiB);
  }
}

CASE(a_mapped_block_grows_by_remapping_without_touching_memory) {
  // Growth by copying would make every page of the block resident.
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 128 * 1024), 1);
  auto* p = static_cast<char*>(malloc(64_MiB));
  EXPECT(p != nullptr);
  *p = 1;
  const std::size_t resident = status_bytes("VmRSS");
  for (std::size_t size = 80_MiB; size <= 512_MiB; size += 48_MiB) {
    p = static_cast<char*>(realloc(p, size));
    EXPECT(p != nullptr);
    EXPECT_EQ(*p, 1);
  }
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident + 4_MiB);
  free(p);
}

CASE(a_refused_growth_leaves_the_block_as_it_was) {
  for (std::size_t size : {std::size_t{40}, std::size_t{4000}, 1_MiB}) {
    void* p = malloc(size);
    fill(p, size, size);
    const std::size_t usable = malloc_usable_size(p);
    EXPECT_REFUSED(realloc(p, static_cast<std::size_t>(PTRDIFF_MAX) + 1), ENOMEM);
    EXPECT_REFUSED(realloc(p, SIZE_MAX), ENOMEM);
    EXPECT_REFUSED(reallocarray(p, SIZE_MAX / 2 + 2, 2), ENOMEM);
    EXPECT_EQ(malloc_usable_size(p), usable);
    EXPECT(intact(p, size, size));
    free(p);
  }
}

// A program may use all that malloc_usable_size tells, and ask for it: nothing need be moved then.
CASE(up_to_the_usable_size_a_block_stays_where_it_is) {
  const auto stays = [](void* p, std::size_t size) {
    const std::size_t usable = malloc_usable_size(p);
    const std::size_t step = (usable - size) / 50 + 1;
    for (std::size_t n = size; n <= usable; n += step) EXPECT(realloc(p, n) == p);
    EXPECT(realloc(p, usable) == p);
    EXPECT_EQ(malloc_usable_size(p), usable);
    free(p);
  };
  for (std::size_t size = 1; size < 40_MiB; size += size < 5000 ? 1 : size / 50 + 3) {
    stays(malloc(size), size);
    if (size % 8 == 0) stays(memalign(64, size), size);
    if (size % 16 == 0 && size > 2_KiB) stays(memalign(4_KiB, size), size);
  }
}

CASE(a_mapped_block_that_shrinks_gives_its_pages_back) {
  auto* p = static_cast<char*>(malloc(64_MiB));
  fill(p, 64_MiB, 3);
  p = static_cast<char*>(realloc(p, 10));
  EXPECT(p != nullptr && intact(p, 8, 3));
  EXPECT_AT_MOST(malloc_usable_size(p), 8_KiB);
  free(p);
}

CASE(reallocarray_multiplies) {
  void* p = reallocarray(nullptr, 10, 100);
  EXPECT(p != nullptr && malloc_usable_size(p) >= 1000);
  fill(p, 1000, 9);
  p = reallocarray(p, 1000, 100);
  EXPECT(p != nullptr && malloc_usable_size(p) >= 100000);
  EXPECT(intact(p, 1000, 9));
  free(p);
  void* empty = reallocarray(nullptr, 0, SIZE_MAX);
  EXPECT(empty != nullptr);
  EXPECT(reallocarray(empty, SIZE_MAX, 0) == nullptr);
}

CASE(an_aligned_block_may_be_resized) {
  for (std::size_t alignment = 32; alignment <= 64_KiB; alignment *= 2) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{3000}, 500_KiB}) {
      void* p = memalign(alignment, size);
      EXPECT(p != nullptr);
      fill(p, size, alignment);
      p = realloc(p, size * 3 + 40);
      EXPECT(p != nullptr && intact(p, size & ~std::size_t{7}, alignment));
      free(p);
    }
  }
}
