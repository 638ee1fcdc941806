// Holes: what goes, when, and how who takes it up again and again is left alone.
#include "policy/holes.hpp"

#include <gtest/gtest.h>

namespace arenite::policy {
namespace {

// A heap whose slabs have the same holes look after look.
class HolesPolicyTest : public testing::Test {
 protected:
  // One look, which is a round: slabs with `bytes` each. How many bytes went.
  size_t look(size_t slabs, size_t bytes, unsigned rounds, size_t may_stay, size_t taken_up = 0) {
    holes_.begin(may_stay, taken_up, away_);
    size_t gone = 0;
    for (size_t i = 0; i < slabs; i++) {
      if (holes_.is_due(bytes, rounds)) gone += bytes;
    }
    again_ = holes_.end(gone, true);
    return gone;
  }

  Holes holes_;
  size_t away_ = 0;
  bool again_ = false;
};

TEST_F(HolesPolicyTest, what_is_found_for_the_first_time_stays_and_is_looked_at_again) {
  EXPECT_EQ(look(10, k_mib, 0, k_mib), 0U);
  EXPECT_TRUE(again_);
}

TEST_F(HolesPolicyTest, what_has_stood_for_a_round_goes) {
  look(10, k_mib, 0, k_mib);
  EXPECT_EQ(look(10, k_mib, 1, k_mib), 10 * k_mib);
  EXPECT_TRUE(again_) << "there may be more";
  look(0, 0, 0, k_mib);
  EXPECT_FALSE(again_);
}

TEST_F(HolesPolicyTest, what_was_allocated_from_since_stays) {
  for (int i = 0; i < 10; i++) EXPECT_EQ(look(10, k_mib, 0, k_mib), 0U);
}

TEST_F(HolesPolicyTest, no_more_than_may_stay_stays_for_ever) {
  for (unsigned i = 0; i < 10; i++) {
    EXPECT_EQ(look(10, k_mib, i, 10 * k_mib), 0U);
    EXPECT_FALSE(again_);
  }
}

TEST_F(HolesPolicyTest, a_round_of_several_looks_is_counted_as_a_whole) {
  const auto half = [&](unsigned rounds, bool is_end) {
    holes_.begin(15 * k_mib, 0, 0);
    size_t gone = 0;
    for (int i = 0; i < 10; i++) {
      if (holes_.is_due(k_mib, rounds)) gone += k_mib;
    }
    holes_.end(gone, is_end);
    return gone;
  };
  EXPECT_EQ(half(0, false), 0U);
  EXPECT_EQ(half(0, true), 0U);
  EXPECT_EQ(half(1, false), 10 * k_mib);
  EXPECT_EQ(half(1, true), 10 * k_mib);
}

TEST_F(HolesPolicyTest, who_takes_up_what_has_gone_is_left_alone_for_longer_each_time) {
  away_ = 8 * k_mib;
  for (unsigned wait = 2; wait <= Holes::k_longest_wait; wait *= 2) {
    look(10, k_mib, 1, 0, 4 * k_mib);
    EXPECT_EQ(holes_.wait(), wait);
  }
  look(10, k_mib, 1, 0, 4 * k_mib);
  EXPECT_EQ(holes_.wait(), Holes::k_longest_wait);
  EXPECT_EQ(look(10, k_mib, Holes::k_longest_wait - 1, 0), 0U);
  EXPECT_EQ(look(10, k_mib, Holes::k_longest_wait, 0), 10 * k_mib);
}

TEST_F(HolesPolicyTest, and_trusted_again_when_he_stops) {
  away_ = 8 * k_mib;
  look(10, k_mib, 1, 0, 4 * k_mib);
  ASSERT_EQ(holes_.wait(), 2U);
  for (unsigned i = 1; i < Holes::k_quiet_looks; i++) look(10, k_mib, 1, 0);
  EXPECT_EQ(holes_.wait(), 2U);
  look(10, k_mib, 1, 0);
  EXPECT_EQ(holes_.wait(), 1U);
  for (unsigned i = 0; i < 3 * Holes::k_quiet_looks; i++) look(10, k_mib, 1, 0);
  EXPECT_EQ(holes_.wait(), 1U);
}

TEST_F(HolesPolicyTest, an_eighth_or_some_kilobytes_may_come_back) {
  away_ = 7 * k_mib;
  look(1, k_mib, 1, 0, k_mib);
  EXPECT_EQ(holes_.wait(), 1U);
  away_ = 0;
  look(1, k_mib, 1, 0, Holes::k_scraps);
  EXPECT_EQ(holes_.wait(), 1U);
}

}  // namespace
}  // namespace arenite::policy
