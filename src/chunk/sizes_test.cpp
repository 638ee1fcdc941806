// Sizes: the spacing that the textbooks tell of, for each word size and alignment.
//
// On 32-bit the alignment is process-wide and the test program's own malloc may depend on it: it is
// changed only between two reckonings, and nothing is allocated meanwhile.
#include "chunk/sizes.hpp"

#include <gtest/gtest.h>
#include <array>

namespace arenite::chunk {
namespace {

struct Step {
  size_t least;
  size_t most;
  size_t chunk_size;
};

template <size_t k_count>
void expect_steps(const std::array<Step, k_count>& steps, bool classic) {
  std::array<size_t, k_count> least{};
  std::array<size_t, k_count> most{};
  [[maybe_unused]] const size_t before = alignment();
  choose_alignment(classic);
  for (size_t i = 0; i < k_count; i++) {
    least[i] = request2size(steps[i].least);
    most[i] = request2size(steps[i].most);
  }
  choose_alignment(before == 8);
  for (size_t i = 0; i < k_count; i++) {
    EXPECT_EQ(least[i], steps[i].chunk_size) << "for " << steps[i].least;
    EXPECT_EQ(most[i], steps[i].chunk_size) << "for " << steps[i].most;
  }
}

TEST(Sizes, chunks_are_32_48_64_bytes_on_64_bit) {
  if (!k_is_64_bit) GTEST_SKIP() << "64-bit only";
  constexpr std::array<Step, 4> steps{{{0, 24, 32}, {25, 40, 48}, {41, 56, 64}, {57, 72, 80}}};
  expect_steps(steps, true);
  expect_steps(steps, false);
}

TEST(Sizes, chunks_are_16_24_32_40_bytes_on_32_bit_in_classic_mode) {
  if (k_is_64_bit) GTEST_SKIP() << "32-bit only";
  constexpr std::array<Step, 4> steps{{{0, 12, 16}, {13, 20, 24}, {21, 28, 32}, {29, 36, 40}}};
  expect_steps(steps, true);
}

TEST(Sizes, chunks_are_16_32_48_bytes_on_32_bit_with_wide_alignment) {
  if (k_is_64_bit) GTEST_SKIP() << "32-bit only";
  constexpr std::array<Step, 3> steps{{{0, 12, 16}, {13, 28, 32}, {29, 44, 48}}};
  expect_steps(steps, false);
}

TEST(Sizes, a_chunk_holds_its_request_and_wastes_less_than_one_step) {
  for (size_t n = 0; n < 5000; n++) {
    const size_t size = request2size(n);
    ASSERT_TRUE(is_aligned(size, alignment())) << n;
    ASSERT_GE(usable(size), n);
    ASSERT_TRUE(size == min_chunk() || usable(size) - n < alignment()) << n;
  }
}

TEST(Sizes, requests_below_are_just_those_that_take_a_smaller_chunk) {
  for (size_t chunk_size = 0; chunk_size < 500; chunk_size++) {
    const size_t below = requests_below(chunk_size);
    for (size_t n = 0; n < 600; n++)
      ASSERT_EQ(n < below, request2size(n) < chunk_size) << n << " and " << chunk_size;
  }
}

TEST(Sizes, the_largest_request_does_not_wrap) {
  EXPECT_GT(request2size(k_largest_request), k_largest_request);
}

TEST(Sizes, a_usable_size_asked_for_again_needs_no_larger_chunk) {
  for (size_t n = 0; n < 5000; n++) {
    ASSERT_EQ(request2size(usable(request2size(n))), request2size(n)) << n;
  }
}

}  // namespace
}  // namespace arenite::chunk
