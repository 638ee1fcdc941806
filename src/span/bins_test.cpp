// Bins: which length belongs where.
#include "span/bins.hpp"

#include <gtest/gtest.h>

namespace arenite::span {
namespace {

TEST(SpanBins, below_64_units_each_length_has_its_own) {
  for (uint32_t length = 1; length < 64; length++) EXPECT_EQ(bin_of(length), length);
}

TEST(SpanBins, from_there_on_32_share_a_doubling_and_longer_ones_are_later) {
  EXPECT_EQ(bin_of(64), 64U);
  EXPECT_EQ(bin_of(65), 64U);
  EXPECT_EQ(bin_of(66), 65U);
  for (uint32_t length = 64; 2 * length <= k_units; length *= 2)
    EXPECT_EQ(bin_of(2 * length) - bin_of(length), 32U);
  for (uint32_t length = 1; length < k_units; length++) {
    const uint32_t step = bin_of(length + 1) - bin_of(length);
    ASSERT_TRUE(step == 0 || step == 1) << length;
  }
  EXPECT_EQ(bin_of(k_units), k_bins - 1);
}

TEST(SpanBins, a_reference_never_looks_like_a_used_word) {
  EXPECT_FALSE(is_used(reference(k_most_regions, k_units - 1)));
  EXPECT_EQ(region_number_of(reference(k_most_regions, k_units - 1)), k_most_regions);
  EXPECT_EQ(unit_of(reference(k_most_regions, k_units - 1)), k_units - 1);
}

}  // namespace
}  // namespace arenite::span
