// Rounds: when one begins, how its steps are spread, and when nothing more is to be looked for.
#include "policy/rounds.hpp"

#include <gtest/gtest.h>

namespace arenite::policy {
namespace {

class RoundsTest : public testing::Test {
 protected:
  using Pace = Rounds::Pace;

  size_t event() { return plan(true, Pace::steady); }
  size_t time_passes(uint64_t milliseconds, Pace pace = Pace::steady) {
    now_ += milliseconds;
    return plan(false, pace);
  }
  size_t plan(bool is_event, Pace pace) {
    const size_t bound = live_ / 8 > k_mib ? live_ / 8 : k_mib;
    return rounds_.plan(
        {.now = now_, .live = live_, .bound = bound, .is_event = is_event, .pace = pace});
  }

  uint64_t now_ = 1'000'000;
  size_t live_ = 100 * k_mib;
  Rounds rounds_;
};

TEST_F(RoundsTest, rest_until_something_happens) {
  for (int i = 0; i < 10; i++) EXPECT_EQ(time_passes(1000, Pace::seldom), 0U);
  EXPECT_TRUE(rounds_.is_resting());
  event();
  EXPECT_FALSE(rounds_.is_resting());
}

TEST_F(RoundsTest, rest_in_a_program_that_has_little) {
  live_ = 4 * k_mib;
  EXPECT_EQ(event(), 0U);
  EXPECT_TRUE(rounds_.is_resting());
}

TEST_F(RoundsTest, begin_so_often_at_most) {
  EXPECT_EQ(event(), Holes::k_short_step);
  rounds_.end(true);
  EXPECT_FALSE(rounds_.is_resting());
  EXPECT_EQ(event(), 0U);
  EXPECT_EQ(rounds_.next_change(), now_ + Holes::k_between_rounds);
  EXPECT_EQ(time_passes(Holes::k_between_rounds - 1), 0U);
  EXPECT_EQ(time_passes(1), Holes::k_short_step);
}

TEST_F(RoundsTest, step_by_step_with_time_between) {
  event();
  EXPECT_EQ(time_passes(Holes::k_between_steps - 1), 0U);
  EXPECT_EQ(event(), 0U) << "no more often for events";
  EXPECT_EQ(time_passes(1), Holes::k_short_step);
  EXPECT_EQ(rounds_.next_change(), now_ + Holes::k_between_steps);
}

TEST_F(RoundsTest, one_of_few_requests_does_more) {
  event();
  EXPECT_EQ(time_passes(1000, Pace::seldom), Holes::k_long_step);
}

TEST_F(RoundsTest, those_after_a_pause_make_up_for_it_together) {
  event();
  EXPECT_EQ(time_passes(1000, Pace::after_pause), Holes::k_short_step);
  size_t work = Holes::k_short_step;
  for (size_t step; (step = time_passes(0)) != 0;) {
    EXPECT_EQ(step, Holes::k_short_step);
    work += step;
  }
  EXPECT_EQ(work, Holes::k_long_step);
}

TEST_F(RoundsTest, rest_when_one_is_over_and_nothing_may_come_free) {
  event();
  rounds_.end(false);
  EXPECT_TRUE(rounds_.is_resting());
  for (int i = 0; i < 10; i++) EXPECT_EQ(time_passes(1000), 0U);
}

TEST_F(RoundsTest, a_teardown_does_not_wait_for_the_clock) {
  event();
  rounds_.end(true);
  live_ = 90 * k_mib;
  EXPECT_EQ(event(), 0U);
  live_ = 80 * k_mib;
  size_t work = 0;
  for (size_t step; (step = event()) != 0;) work += step;
  EXPECT_EQ(work, Holes::k_long_step) << "and ends there";
}

TEST_F(RoundsTest, one_that_is_under_way_then_is_followed_by_another) {
  event();
  live_ = 80 * k_mib;
  EXPECT_EQ(event(), Holes::k_short_step);
  rounds_.end(false);
  EXPECT_FALSE(rounds_.is_resting());
  EXPECT_EQ(event(), Holes::k_short_step);
  rounds_.end(false);
  EXPECT_TRUE(rounds_.is_resting());
}

TEST_F(RoundsTest, so_does_one_that_comes_slowly) {
  event();
  rounds_.end(true);
  size_t steps = 0;
  for (int i = 0; i < 9; i++) {
    live_ -= 2 * k_mib;
    now_ += 10;
    steps += event() != 0;
  }
  EXPECT_NE(steps, 0U) << "by an eighth in all";
}

}  // namespace
}  // namespace arenite::policy
