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

}  // namespace
}  // namespace arenite::policy
