#include "policy/policy.hpp"

#include <gtest/gtest.h>

namespace arenite::policy {
namespace {

TEST(Refusal, none_is_known_at_first) {
  Refusal refusal;
  EXPECT_FALSE(refusal.is_known());
  EXPECT_FALSE(refusal.is_too_early(0));
}

TEST(Refusal, after_64_requests_the_kernel_is_asked_again) {
  Refusal refusal;
  refusal.note(5);
  for (uint32_t i = 0; i < Refusal::k_requests; i++) EXPECT_TRUE(refusal.is_too_early(5)) << i;
  EXPECT_FALSE(refusal.is_too_early(5));
  EXPECT_FALSE(refusal.is_known());
}

TEST(Refusal, after_a_second_too) {
  Refusal refusal;
  refusal.note(5);
  EXPECT_TRUE(refusal.is_too_early(4 + Refusal::k_ms));
  EXPECT_FALSE(refusal.is_too_early(5 + Refusal::k_ms));
}

TEST(Refusal, each_is_waited_for_anew) {
  Refusal refusal;
  refusal.note(5);
  for (uint32_t i = 0; i < Refusal::k_requests; i++) refusal.is_too_early(5);
  refusal.note(900);
  EXPECT_TRUE(refusal.is_too_early(1899));
}

TEST(Refusal, it_is_forgotten_where_something_came_back) {
  Refusal refusal;
  refusal.note(5);
  refusal.forget();
  EXPECT_FALSE(refusal.is_too_early(5));
}

}  // namespace
}  // namespace arenite::policy
