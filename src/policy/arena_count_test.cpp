// How many arenas: the processors' limit, the user's, and when to count at all.
#include "policy/arena_count.hpp"

#include <gtest/gtest.h>

namespace arenite::policy {
namespace {

TEST(ArenaCount, there_is_no_limit_until_the_test_figure_is_passed) {
  const ArenaLimits limits{.arena_max = 0, .arena_test = 8};
  EXPECT_EQ(arena_limit(1, 1, limits), SIZE_MAX);
  EXPECT_EQ(arena_limit(8, 1, limits), SIZE_MAX);
  EXPECT_EQ(arena_limit(9, 1, limits), k_is_64_bit ? 8U : 2U);
}

TEST(ArenaCount, eight_for_each_processor_or_two_on_32_bit) {
  EXPECT_EQ(arena_limit(9, 6, {.arena_max = 0, .arena_test = 8}), k_is_64_bit ? 48U : 12U);
}

TEST(ArenaCount, the_users_maximum_overrides_the_processors) {
  EXPECT_EQ(arena_limit(1, 64, {.arena_max = 3, .arena_test = 8}), 3U);
  EXPECT_EQ(arena_limit(9, 64, {.arena_max = 1, .arena_test = 8}), 1U);
  EXPECT_EQ(arena_limit(9, 1, {.arena_max = 100, .arena_test = 8}), 100U);
}

TEST(ArenaCount, few_arenas_are_two_for_each_processor) {
  const ArenaLimits limits{
      .arena_max = 0, .arena_test = 1, .per_processor = k_few_arenas_per_processor};
  EXPECT_EQ(arena_limit(2, 1, limits), 2U);
  EXPECT_EQ(arena_limit(2, 6, limits), 12U);
}

TEST(ArenaCount, the_quota_counts_where_it_pays_fewer_processors_than_the_mask_allows) {
  EXPECT_EQ(usable_processors(64, 2), 2U);
  EXPECT_EQ(usable_processors(2, 64), 2U);
  EXPECT_EQ(usable_processors(4, 4), 4U);
  EXPECT_EQ(usable_processors(64, 0), 64U);
}

TEST(ArenaCount, there_is_always_a_processor) {
  EXPECT_EQ(usable_processors(0, 0), 1U);
  EXPECT_EQ(usable_processors(0, 3), 1U);
}

}  // namespace
}  // namespace arenite::policy
