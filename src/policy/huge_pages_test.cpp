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
  constexpr uint64_t k_start = 5'000 * k_ms;
  constexpr uint64_t k_earned = k_start + HugeBudget::k_share * HugeBudget::k_first;
  EXPECT_FALSE(budget.allows(k_start, 0)) << "it begins when it is first asked";
  EXPECT_FALSE(budget.allows(k_earned - 1, 0));
  EXPECT_TRUE(budget.allows(k_earned, 0));
}

TEST(HugeBudget, it_earns_from_when_the_program_began) {
  HugeBudget early;
  EXPECT_TRUE(early.allows(5'000 * k_ms, 4'000 * k_ms));
  HugeBudget late;
  EXPECT_FALSE(late.allows(5'000 * k_ms, 4'990 * k_ms));
  EXPECT_FALSE(late.allows(5'010 * k_ms, 1)) << "that counts once";
}

TEST(HugeBudget, those_as_quick_as_small_pages_cost_nothing) {
  HugeBudget budget;
  for (int i = 0; i < 1000; i++) {
    EXPECT_TRUE(budget.allows(51 * k_ms, k_ms));
    budget.charge(HugeBudget::k_small_pages);
  }
}

TEST(HugeBudget, dear_ones_take_the_share_and_no_more) {
  HugeBudget budget;
  uint64_t now = k_ms;
  uint64_t spent = 0;
  for (; now < 10'000 * k_ms; now += k_ms) {
    if (!budget.allows(now, 0)) continue;
    budget.charge(6 * k_ms);
    spent += 5 * k_ms;
    now += 6 * k_ms;
  }
  EXPECT_LE(spent, now / HugeBudget::k_share);
  EXPECT_GE(spent, now / HugeBudget::k_share - 10 * k_ms);
}

TEST(HugeBudget, after_a_dear_one_the_next_is_expected_to_be_as_dear) {
  HugeBudget budget;
  budget.charge(0);
  EXPECT_TRUE(budget.allows(k_ms, 0));
  budget.charge(10 * k_ms);
  const auto after = [](uint64_t cost) { return k_ms + HugeBudget::k_share * cost; };
  EXPECT_FALSE(budget.allows(after(10 * k_ms), 0)) << "what it took is paid, no other";
  EXPECT_TRUE(budget.allows(after(18 * k_ms), 0));
  budget.charge(0);
  EXPECT_TRUE(budget.allows(after(18 * k_ms), 0));
}

TEST(HugeBudget, a_program_that_rests_saves_up_so_much_and_no_more) {
  HugeBudget budget;
  EXPECT_TRUE(budget.allows(3'600'000 * k_ms, k_ms));
  unsigned made = 0;
  for (; budget.allows(3'600'000 * k_ms, k_ms); made++) budget.charge(5 * k_ms);
  EXPECT_EQ(made, HugeBudget::k_most_saved / static_cast<int64_t>(4 * k_ms));
}

}  // namespace
}  // namespace arenite::policy
