#include "policy/retention.hpp"

#include <gtest/gtest.h>

namespace arenite::policy {
namespace {

TEST(Retention, a_small_process_may_keep_a_mebibyte) {
  EXPECT_EQ(retention_bound(0), k_mib);
  EXPECT_EQ(retention_bound(8 * k_mib), k_mib);
}

TEST(Retention, a_larger_one_an_eighth_of_what_it_uses) {
  EXPECT_EQ(retention_bound(8 * k_mib + 8), k_mib + 1);
  EXPECT_EQ(retention_bound(800 * k_mib), 100 * k_mib);
}

TEST(Retention, near_the_container_s_limit_half_as_much_may_stay) {
  for (const size_t live : {size_t{0}, 5 * k_mib, 8 * k_mib, 800 * k_mib, k_largest_request}) {
    EXPECT_EQ(retention_bound(live, Tightness::tight), retention_bound(live) / 2) << live;
  }
}

TEST(Retention, at_the_container_s_limit_256_kib_may_stay) {
  EXPECT_EQ(retention_bound(0, Tightness::tightest), 256 * k_kib);
  EXPECT_EQ(retention_bound(k_largest_request, Tightness::tightest), 256 * k_kib);
}

}  // namespace
}  // namespace arenite::policy
