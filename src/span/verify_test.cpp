// Verification: each invariant, broken by hand, is reported by its name.
#include "span/verify.hpp"

#include <gtest/gtest.h>

#include "span/own_heap_fixture.hpp"

namespace arenite::span {
namespace {

class SpanVerifyTest : public OwnHeap {
 protected:
  SpanVerifyTest() {
    used_ = Region::unit_at(take(k_n));
    free_ = Region::unit_at(take(k_n));
    char* const guard = take(k_n);
    give_merged(Region::around(region_)->memory(free_));
    guard_ = Region::unit_at(guard);
  }
  // The invariant that is reported while the word is `w`.
  std::string broken_by(uint32_t unit, Word w) {
    Region* r = Region::around(region_);
    const Word before = r->word(unit);
    r->set(unit, w);
    const std::string found = breach().substr(0, 2);
    r->set(unit, before);
    EXPECT_EQ(breach(), "") << "as it was";
    return found;
  }
  static constexpr size_t k_n = 40 * k_unit;
  uint32_t used_ = 0;
  uint32_t free_ = 0;
  uint32_t guard_ = 0;
  const char* const region_ = take(k_n);
};

TEST_F(SpanVerifyTest, a_run_s_two_lengths_agree) {
  EXPECT_EQ(broken_by(used_ + 39, 39 | k_used_end), "R1");
  EXPECT_EQ(broken_by(free_ + 39, 39), "R1");
  EXPECT_EQ(broken_by(used_, 38 | k_used), "R1");
}
TEST_F(SpanVerifyTest, no_word_inside_a_run_is_used) {
  EXPECT_EQ(broken_by(free_ + 7, 5 | k_used), "R2");
  EXPECT_EQ(broken_by(used_ + 7, k_used), "R2");
}
TEST_F(SpanVerifyTest, free_runs_are_listed_and_counted) {
  EXPECT_EQ(broken_by(free_ + k_next, reference(1, guard_)), "R4");
  EXPECT_EQ(broken_by(free_ + k_dirty, 1), "R5");
}
TEST_F(SpanVerifyTest, two_free_neighbours_are_seen) {
  // Too short to be listed: so nothing but its place is wrong.
  char* const p = take(9 * k_unit);
  char* const q = take(9 * k_unit);
  const uint32_t unit = Region::unit_at(q);
  Region* r = Region::around(q);
  give_merged(p);
  r->set_used(unit, 1, k_claimed);
  r->set_used(unit + 1, 8, 0);
  EXPECT_EQ(breach(), "");
  EXPECT_EQ(broken_by(unit, 1), "R3");
  r->set(unit + 1, 0);
  r->set_used(unit, 9, 0);
}
TEST_F(SpanVerifyTest, a_block_s_pages_are_dirty) {
  Region* r = Region::around(region_);
  const uint32_t page = static_cast<uint32_t>(k_lead / os::page_size());
  r->dirty.clear({page, page + 1});
  EXPECT_EQ(breach().substr(0, 2), "R6");
  r->dirty.set({page, page + 1});
  EXPECT_EQ(breach(), "");
}
TEST_F(SpanVerifyTest, a_reserve_is_the_last_run_and_listed) {
  const Region* r = Region::around(region_);
  EXPECT_EQ(broken_by(r->reserve_begin, 0), "R7");
  EXPECT_EQ(broken_by(r->reserve_begin + k_next, reference(1, used_)), "R7");
}
TEST_F(SpanVerifyTest, regions_are_counted_and_found) {
  Region* r = Region::around(region_);
  r->vacancy = Region::Vacancy::yes;
  EXPECT_EQ(breach().substr(0, 2), "R8");
  r->vacancy = Region::Vacancy::no;
  g_region_table.set(r->base, nullptr);
  EXPECT_EQ(breach().substr(0, 2), "R8");
  g_region_table.set(r->base, r);
  EXPECT_EQ(breach(), "");
}
TEST_F(SpanVerifyTest, what_waits_is_claimed) {
  char* const p = take(k_n);
  give(p);
  EXPECT_EQ(broken_by(Region::unit_at(p), 40 | k_used), "R9");
}

}  // namespace
}  // namespace arenite::span
