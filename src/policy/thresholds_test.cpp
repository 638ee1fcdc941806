// Thresholds: how a freed mapping moves them, and what a top gives back.
#include "policy/thresholds.hpp"

#include <gtest/gtest.h>

namespace arenite::policy {
namespace {

constexpr Thresholds k_now{.mmap = 128 * k_kib, .trim = 128 * k_kib};

TEST(Thresholds, a_freed_mapping_raises_mmap_to_its_size_and_trim_to_twice_that) {
  const Thresholds next = after_freed_mapping(300 * k_kib, k_now);
  EXPECT_EQ(next.mmap, 300 * k_kib);
  EXPECT_EQ(next.trim, 600 * k_kib);
}

TEST(Thresholds, a_smaller_mapping_lowers_nothing) {
  EXPECT_EQ(after_freed_mapping(128 * k_kib, k_now).mmap, k_now.mmap);
  EXPECT_EQ(after_freed_mapping(4096, k_now).trim, k_now.trim);
}

TEST(Thresholds, they_move_up_to_the_limit_and_not_beyond) {
  const Thresholds at_limit = after_freed_mapping(k_moving_threshold_limit, k_now);
  EXPECT_EQ(at_limit.mmap, k_moving_threshold_limit);
  EXPECT_EQ(at_limit.trim, 2 * k_moving_threshold_limit);
  EXPECT_EQ(after_freed_mapping(k_moving_threshold_limit + 1, k_now).mmap, k_now.mmap);
}

TEST(Thresholds, the_limit_is_32_mib_or_512_kib_on_32_bit) {
  EXPECT_EQ(k_moving_threshold_limit, k_is_64_bit ? 33554432U : 524288U);
}

TEST(Trimmable, whole_pages_beyond_the_pad_go_back) {
  EXPECT_EQ(trimmable(10 * 4096 + 100, 4096, 32, 4096), 9 * 4096U);
  EXPECT_EQ(trimmable(10 * 4096 + 100, 0, 32, 4096), 10 * 4096U);
  EXPECT_EQ(trimmable(65536 * 3 + 100, 0, 32, 65536), 65536 * 3U);
}

TEST(Trimmable, the_top_never_vanishes) {
  EXPECT_EQ(trimmable(4096, 0, 32, 4096), 0U);
  EXPECT_EQ(trimmable(4096 + 32, 0, 32, 4096), 0U);
  EXPECT_EQ(trimmable(4096 + 33, 0, 32, 4096), 4096U);
}

TEST(Trimmable, nothing_goes_from_a_top_smaller_than_its_pad_or_a_chunk) {
  EXPECT_EQ(trimmable(0, 0, 32, 4096), 0U);
  EXPECT_EQ(trimmable(32, 0, 32, 4096), 0U);
  EXPECT_EQ(trimmable(100 * 4096, SIZE_MAX, 32, 4096), 0U);
  EXPECT_EQ(trimmable(100 * 4096, 100 * 4096, 32, 4096), 0U);
}

}  // namespace
}  // namespace arenite::policy
