// Holes: what goes, when, and how who takes it up again and again is left alone.
#include "policy/holes.hpp"

#include <gtest/gtest.h>

namespace arenite::policy {
namespace {

// A heap whose slabs have the same holes round after round.
class HolesPolicyTest : public testing::Test {
 protected:
  static constexpr size_t k_slab = 4 * k_mib;  // bytes of each

  // One round: slabs with `bytes` of holes each. How many bytes went.
  size_t round(size_t slabs, size_t bytes, unsigned rounds, size_t may_stay, size_t taken_up = 0) {
    holes_.begin_round(taken_up, away_);
    const size_t gone = step(slabs, bytes, rounds, may_stay);
    again_ = holes_.end_round();
    return gone;
  }
  size_t step(size_t slabs, size_t bytes, unsigned rounds, size_t may_stay) {
    holes_.set_may_stay(may_stay);
    size_t gone = 0;
    for (size_t i = 0; i < slabs; i++) {
      if (holes_.is_due(k_slab, bytes, rounds)) gone += bytes;
    }
    holes_.gone(gone);
    return gone;
  }

  Holes holes_;
  size_t away_ = 0;
  bool again_ = false;
};

TEST_F(HolesPolicyTest, what_is_found_for_the_first_time_stays_and_is_looked_at_again) {
  EXPECT_EQ(round(10, k_mib, 0, k_mib), 0U);
  EXPECT_TRUE(again_);
}

TEST_F(HolesPolicyTest, what_has_stood_for_a_round_goes) {
  round(10, k_mib, 0, k_mib);
  EXPECT_EQ(round(10, k_mib, 1, k_mib), 10 * k_mib);
  EXPECT_TRUE(again_) << "there may be more";
  round(0, 0, 0, k_mib);
  EXPECT_FALSE(again_);
}

TEST_F(HolesPolicyTest, what_this_round_has_found_counts_too) {
  round(10, 0, 5, k_mib);
  EXPECT_EQ(round(10, k_mib, 5, 4 * k_mib), 6 * k_mib) << "what it found first may stay";
}

TEST_F(HolesPolicyTest, slabs_whose_blocks_may_yet_be_freed_are_looked_at_again) {
  round(2, 0, 5, 8 * k_mib);
  EXPECT_FALSE(again_) << "were they all free no more than may would stay";
  round(3, 0, 5, 8 * k_mib);
  EXPECT_TRUE(again_);
}

TEST_F(HolesPolicyTest, what_was_allocated_from_since_stays) {
  for (int i = 0; i < 10; i++) EXPECT_EQ(round(10, k_mib, 0, k_mib), 0U);
}

TEST_F(HolesPolicyTest, no_more_than_may_stay_stays_for_ever) {
  for (unsigned i = 0; i < 10; i++) EXPECT_EQ(round(10, k_mib, i, 10 * k_mib), 0U);
}

TEST_F(HolesPolicyTest, a_round_of_several_steps_is_counted_as_a_whole) {
  holes_.begin_round(0, 0);
  EXPECT_EQ(step(10, k_mib, 0, 15 * k_mib), 0U);
  EXPECT_EQ(step(10, k_mib, 0, 15 * k_mib), 0U);
  holes_.end_round();
  holes_.begin_round(0, 0);
  EXPECT_EQ(step(10, k_mib, 1, 15 * k_mib), 10 * k_mib);
  EXPECT_EQ(step(10, k_mib, 1, 15 * k_mib), 10 * k_mib);
}

TEST_F(HolesPolicyTest, what_is_known_is_that_of_the_last_whole_round_less_what_went_since) {
  round(10, k_mib, 0, k_mib);
  EXPECT_EQ(holes_.known(), 10 * k_mib);
  holes_.begin_round(0, 0);
  EXPECT_EQ(holes_.known(), 10 * k_mib);
  step(4, k_mib, 1, k_mib);
  EXPECT_EQ(holes_.known(), 6 * k_mib);
  step(6, k_mib, 0, k_mib);
  holes_.end_round();
  EXPECT_EQ(holes_.known(), 6 * k_mib);
}

TEST_F(HolesPolicyTest, who_takes_up_what_has_gone_is_left_alone_for_longer_each_time) {
  away_ = 8 * k_mib;
  for (unsigned wait = 2; wait <= Holes::k_longest_wait; wait *= 2) {
    round(10, k_mib, 0, 0, 4 * k_mib);
    EXPECT_EQ(holes_.wait(), wait);
  }
  round(10, k_mib, 0, 0, 4 * k_mib);
  EXPECT_EQ(holes_.wait(), Holes::k_longest_wait);
  EXPECT_EQ(round(10, k_mib, Holes::k_longest_wait - 1, 0, 4 * k_mib), 0U);
  EXPECT_EQ(round(10, k_mib, Holes::k_longest_wait, 0, 4 * k_mib), 10 * k_mib);
}

TEST_F(HolesPolicyTest, and_trusted_again_when_he_stops) {
  away_ = 8 * k_mib;
  round(10, k_mib, 0, 0, 4 * k_mib);
  ASSERT_EQ(holes_.wait(), 2U);
  for (unsigned i = 1; i < Holes::k_quiet_rounds; i++) round(10, k_mib, 0, 0);
  EXPECT_EQ(holes_.wait(), 2U);
  round(10, k_mib, 0, 0);
  EXPECT_EQ(holes_.wait(), 1U);
  for (unsigned i = 0; i < 3 * Holes::k_quiet_rounds; i++) round(10, k_mib, 0, 0);
  EXPECT_EQ(holes_.wait(), 1U);
}

TEST_F(HolesPolicyTest, or_at_once_when_hardly_a_slab_is_allocated_from) {
  away_ = 8 * k_mib;
  for (int i = 0; i < 5; i++) round(10, k_mib, 0, 0, 4 * k_mib);
  ASSERT_EQ(holes_.wait(), 32U);
  EXPECT_EQ(round(10, k_mib, 1, 0), 0U) << "nobody knew yet";
  EXPECT_EQ(round(10, k_mib, 2, 0), 10 * k_mib);
  EXPECT_EQ(holes_.wait(), 1U);
}

TEST_F(HolesPolicyTest, an_eighth_or_some_kilobytes_may_come_back) {
  away_ = 7 * k_mib;
  round(1, k_mib, 0, 0, k_mib);
  EXPECT_EQ(holes_.wait(), 1U);
  away_ = 0;
  round(1, k_mib, 0, 0, Holes::k_scraps);
  EXPECT_EQ(holes_.wait(), 1U);
}

}  // namespace
}  // namespace arenite::policy
