#include "policy/huge_pages.hpp"

#include <gtest/gtest.h>

#include "policy/retention.hpp"

namespace arenite::policy {
namespace {

// As the bound is where no container's limit is near.
bool should_start(HugePages mode, size_t live, size_t retained, size_t block = 64) {
  return should_start_huge(mode, block, live, retained, retention_bound(live));
}

TEST(HugePages, a_small_process_gets_none) {
  EXPECT_FALSE(should_start(HugePages::automatic, 0, 0));
  EXPECT_FALSE(should_start(HugePages::automatic, k_huge_from - 1, 0));
  EXPECT_TRUE(should_start(HugePages::automatic, k_huge_from, 0));
}

TEST(HugePages, what_is_not_used_at_once_has_room_in_the_bound) {
  const size_t live = 64 * k_mib;
  const size_t room = retention_bound(live) - k_huge_extent;
  EXPECT_TRUE(should_start(HugePages::automatic, live, room));
  EXPECT_FALSE(should_start(HugePages::automatic, live, room + 1));
  EXPECT_TRUE(should_start(HugePages::always, live, room));
  EXPECT_FALSE(should_start(HugePages::always, live, room + 1));
}

TEST(HugePages, always_begins_as_soon_as_the_bound_has_room) {
  EXPECT_TRUE(should_start(HugePages::always, 16 * k_mib, 0));
  EXPECT_FALSE(should_start(HugePages::always, 16 * k_mib - 8, 0));
}

TEST(HugePages, larger_blocks_get_some_only_where_always_asks_for_them) {
  const size_t live = 1 << 30;
  EXPECT_TRUE(should_start(HugePages::automatic, live, 0, k_huge_most_block));
  EXPECT_FALSE(should_start(HugePages::automatic, live, 0, k_huge_most_block + 16));
  EXPECT_TRUE(should_start(HugePages::always, live, 0, k_huge_most_block + 16));
}

TEST(HugePages, never_is_never) {
  EXPECT_FALSE(should_start(HugePages::never, SIZE_MAX, 0));
}

TEST(HugePages, a_kernel_that_refuses_is_asked_less_and_less_often_and_never_given_up) {
  EXPECT_EQ(extents_until_next_try(0), 0U);
  EXPECT_EQ(extents_until_next_try(1), 2U);
  EXPECT_EQ(extents_until_next_try(2), 4U);
  EXPECT_EQ(extents_until_next_try(6), 64U);
  EXPECT_EQ(extents_until_next_try(1000), 64U);
}

}  // namespace
}  // namespace arenite::policy
