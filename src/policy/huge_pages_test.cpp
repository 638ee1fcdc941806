#include "policy/huge_pages.hpp"

#include <gtest/gtest.h>

#include "policy/retention.hpp"

namespace arenite::policy {
namespace {

// As the bound is where no container's limit is near.
bool should_start(HugePages mode, size_t live, size_t retained) {
  return should_start_huge(mode, live, retained, retention_bound(live));
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

constexpr uint64_t k_ms = 1'000'000;

TEST(HugeBudget, the_first_waits_until_a_dear_one_is_earned) {
  HugeBudget budget;
  constexpr uint64_t k_earned = HugeBudget::k_share * HugeBudget::k_first;
  EXPECT_FALSE(budget.allows(0));
  EXPECT_FALSE(budget.allows(k_earned - 1));
  EXPECT_TRUE(budget.allows(k_earned));
}

TEST(HugeBudget, those_as_quick_as_small_pages_cost_nothing) {
  HugeBudget budget;
  for (int i = 0; i < 1000; i++) {
    EXPECT_TRUE(budget.allows(50 * k_ms));
    budget.charge(HugeBudget::k_small_pages);
  }
}

TEST(HugeBudget, dear_ones_take_the_share_and_no_more) {
  HugeBudget budget;
  uint64_t worked = 0;
  uint64_t spent = 0;
  for (; worked < 10'000 * k_ms; worked += k_ms) {
    if (!budget.allows(worked)) continue;
    budget.charge(6 * k_ms);
    spent += 5 * k_ms;
    worked += 6 * k_ms;
  }
  EXPECT_LE(spent, worked / HugeBudget::k_share);
  EXPECT_GE(spent, worked / HugeBudget::k_share - 10 * k_ms);
}

TEST(HugeBudget, after_a_dear_one_the_next_is_expected_to_be_as_dear) {
  HugeBudget budget;
  budget.charge(0);
  EXPECT_TRUE(budget.allows(1));
  budget.charge(10 * k_ms);
  EXPECT_FALSE(budget.allows(HugeBudget::k_share * 10 * k_ms)) << "what it took is paid, no other";
  EXPECT_TRUE(budget.allows(HugeBudget::k_share * 18 * k_ms));
  budget.charge(0);
  EXPECT_TRUE(budget.allows(HugeBudget::k_share * 18 * k_ms));
}

TEST(HugeBudget, a_child_of_fork_counts_anew) {
  HugeBudget budget;
  EXPECT_TRUE(budget.allows(100'000 * k_ms));
  budget.charge(5'000 * k_ms);
  EXPECT_FALSE(budget.allows(k_ms));
  EXPECT_TRUE(budget.allows(HugeBudget::k_share * HugeBudget::k_first));
}

}  // namespace
}  // namespace arenite::policy
