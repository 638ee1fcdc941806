// Requests that nobody can serve: every entry point answers null with ENOMEM (EINVAL for an
// alignment that cannot be), and the next request works. Sizes above PTRDIFF_MAX are refused, and
// no sum or product of a size, an alignment and a header may wrap into a small block.

#include <malloc.h>
#include <unistd.h>

#include <cstdlib>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

constexpr std::size_t operator""_TiB(unsigned long long n) {
  return static_cast<std::size_t>(n << 40);
}

constexpr auto k_largest = static_cast<std::size_t>(PTRDIFF_MAX);

// Calls check(size) for every size near the two ends of what is refused.
void for_each_oversize(void (*check)(std::size_t size)) {
  for (std::size_t k = 0; k <= 10000; ++k) check(SIZE_MAX - k);
  for (std::size_t k = 1; k <= 5000; ++k) check(k_largest + k);
  for (std::size_t power = 1; power < k_largest / 4; power *= 2) {
    check(SIZE_MAX - power);
    check(k_largest + power);
  }
  // Allowed by its type, but larger than a 64-bit process' address space.
  if (sizeof(void*) == 8) check(k_largest);
}

void expect_next_call_to_work() {
  void* p = malloc(1000);
  EXPECT(p != nullptr);
  fill(p, 1000, 1);
  EXPECT(intact(p, 1000, 1));
  free(p);
}

}  // namespace

CASE(malloc_refuses_oversize) {
  for_each_oversize([](std::size_t size) { EXPECT_REFUSED(malloc(size), ENOMEM); });
  expect_next_call_to_work();
}

CASE(calloc_refuses_oversize) {
  for_each_oversize([](std::size_t size) {
    EXPECT_REFUSED(calloc(1, size), ENOMEM);
    EXPECT_REFUSED(calloc(size, 1), ENOMEM);
  });
  expect_next_call_to_work();
}

CASE(calloc_refuses_products_that_overflow) {
  constexpr std::size_t k_half = std::size_t{1} << (sizeof(std::size_t) * 4);
  const std::size_t factors[][2] = {{SIZE_MAX, SIZE_MAX},    {SIZE_MAX, 2},
                                    {SIZE_MAX / 2 + 1, 2},   {k_half, k_half},
                                    {k_half + 1, k_half},    {k_half * 2, k_half / 2},
                                    {SIZE_MAX / 16 + 2, 16}, {k_largest, 3},
                                    {SIZE_MAX / 7 + 1, 7},   {SIZE_MAX / 4096 + 1, 4096}};
  for (const auto& [count, size] : factors) {
    EXPECT_REFUSED(calloc(count, size), ENOMEM);
    EXPECT_REFUSED(calloc(size, count), ENOMEM);
    EXPECT_REFUSED(reallocarray(nullptr, count, size), ENOMEM);
    EXPECT_REFUSED(reallocarray(nullptr, size, count), ENOMEM);
  }
  expect_next_call_to_work();
}

CASE(realloc_refuses_oversize) {
  static void* block;
  block = malloc(100);
  fill(block, 100, 2);
  for_each_oversize([](std::size_t size) {
    EXPECT_REFUSED(realloc(nullptr, size), ENOMEM);
    EXPECT_REFUSED(realloc(block, size), ENOMEM);
  });
  EXPECT(intact(block, 100, 2));
  expect_next_call_to_work();
}

CASE(reallocarray_refuses_oversize) {
  static void* block;
  block = malloc(100);
  fill(block, 100, 3);
  for_each_oversize([](std::size_t size) { EXPECT_REFUSED(reallocarray(block, 1, size), ENOMEM); });
  EXPECT(intact(block, 100, 3));
  expect_next_call_to_work();
}

CASE(memalign_refuses_oversize) {
  for_each_oversize([](std::size_t size) {
    EXPECT_REFUSED(memalign(16, size), ENOMEM);
    EXPECT_REFUSED(memalign(4096, size), ENOMEM);
    EXPECT_REFUSED(memalign(16_MiB, size), ENOMEM);
  });
  expect_next_call_to_work();
}

CASE(aligned_alloc_refuses_oversize) {
  for_each_oversize([](std::size_t size) {
    EXPECT_REFUSED(aligned_alloc(16, size), ENOMEM);
    EXPECT_REFUSED(aligned_alloc(64_KiB, size), ENOMEM);
  });
  expect_next_call_to_work();
}

CASE(posix_memalign_refuses_oversize) {
  for_each_oversize([](std::size_t size) {
    void* p = nullptr;
    EXPECT_EQ(posix_memalign(&p, 16, size), ENOMEM);
    EXPECT_EQ(posix_memalign(&p, 4096, size), ENOMEM);
    EXPECT(p == nullptr);
  });
  expect_next_call_to_work();
}

CASE(valloc_refuses_oversize) {
  for_each_oversize([](std::size_t size) { EXPECT_REFUSED(valloc(size), ENOMEM); });
  expect_next_call_to_work();
}

CASE(pvalloc_refuses_oversize) {
  for_each_oversize([](std::size_t size) { EXPECT_REFUSED(pvalloc(size), ENOMEM); });
  expect_next_call_to_work();
}

CASE(alignments_above_half_the_address_space_are_invalid) {
  for (const std::size_t alignment : {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 2}) {
    EXPECT_REFUSED(memalign(alignment, 1), EINVAL);
    EXPECT_REFUSED(aligned_alloc(alignment, 1), EINVAL);
  }
  expect_next_call_to_work();
}

CASE(alignments_too_large_to_be_met_are_out_of_memory) {
  if (sizeof(void*) != 8) cannot_try("a 32-bit address space has room at every power of two");
  for (const std::size_t alignment : {SIZE_MAX / 2 + 1, SIZE_MAX / 4 + 1}) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4096}}) {
      EXPECT_REFUSED(memalign(alignment, size), ENOMEM);
      EXPECT_REFUSED(aligned_alloc(alignment, size), ENOMEM);
      void* p = nullptr;
      EXPECT_EQ(posix_memalign(&p, alignment, size), ENOMEM);
      EXPECT(p == nullptr);
    }
  }
  expect_next_call_to_work();
}

CASE(size_and_alignment_together_do_not_wrap) {
  for (const std::size_t alignment : {SIZE_MAX / 2 + 1, SIZE_MAX / 4 + 1, SIZE_MAX / 8 + 1}) {
    for (std::size_t k = 0; k <= 128; ++k) {
      EXPECT_REFUSED(memalign(alignment, k_largest - k), ENOMEM);
      EXPECT_REFUSED(memalign(alignment, SIZE_MAX - alignment - k), ENOMEM);
      EXPECT_REFUSED(aligned_alloc(alignment, k_largest - k), ENOMEM);
    }
  }
  expect_next_call_to_work();
}

CASE(requests_larger_than_the_address_space_are_out_of_memory) {
  if (sizeof(void*) != 8) cannot_try("a 32-bit size above PTRDIFF_MAX is refused by its type");
  for (std::size_t size = k_largest; size > 128_TiB; size = size / 2 + 1) {
    EXPECT_REFUSED(malloc(size), ENOMEM);
    EXPECT_REFUSED(calloc(size, 1), ENOMEM);
    EXPECT_REFUSED(memalign(4096, size), ENOMEM);
    EXPECT_REFUSED(valloc(size), ENOMEM);
    EXPECT_REFUSED(pvalloc(size), ENOMEM);
  }
  expect_next_call_to_work();
}
