// Pressure: from which fill on it is tight, and how seldom anybody looks.
#include "policy/pressure.hpp"

#include <gtest/gtest.h>

namespace arenite::policy {
namespace {

TEST(Pressure, it_is_tight_from_three_quarters_and_tightest_from_nine_tenths) {
  EXPECT_EQ(tightness_of(0, 1000), Tightness::none);
  EXPECT_EQ(tightness_of(749, 1000), Tightness::none);
  EXPECT_EQ(tightness_of(750, 1000), Tightness::tight);
  EXPECT_EQ(tightness_of(899, 1000), Tightness::tight);
  EXPECT_EQ(tightness_of(900, 1000), Tightness::tightest);
  EXPECT_EQ(tightness_of(5000, 1000), Tightness::tightest);
}

TEST(Pressure, it_is_never_tight_without_a_limit) {
  EXPECT_EQ(tightness_of(uint64_t{1} << 50, 0), Tightness::none);
}

TEST(Pressure, the_largest_limits_do_not_overflow) {
  constexpr uint64_t k_limit = uint64_t{1} << 59;
  EXPECT_EQ(tightness_of(k_limit / 2, k_limit), Tightness::none);
  EXPECT_EQ(tightness_of(k_limit / 16 * 13, k_limit), Tightness::tight);
  EXPECT_EQ(tightness_of(k_limit, k_limit), Tightness::tightest);
}

TEST(Pressure, a_look_is_due_after_8_mib_of_growth_or_a_sixteenth) {
  EXPECT_EQ(growth_between_looks(0), 8 * k_mib);
  EXPECT_EQ(growth_between_looks(128 * k_mib), 8 * k_mib);
  EXPECT_EQ(growth_between_looks(512 * k_mib), 32 * k_mib);
}

TEST(Pressure, with_a_limit_it_is_looked_at_in_250_ms_or_at_growth) {
  EXPECT_FALSE(must_look(true, 249, false));
  EXPECT_TRUE(must_look(true, 250, false));
  EXPECT_TRUE(must_look(true, 0, true));
}

TEST(Pressure, without_a_limit_it_is_looked_for_in_ten_seconds_whatever_grows) {
  EXPECT_FALSE(must_look(false, 9'999, true));
  EXPECT_TRUE(must_look(false, 10'000, false));
}

}  // namespace
}  // namespace arenite::policy
