// The figures, and when an event is to be looked into.
#include "ledger/ledger.hpp"

#include <gtest/gtest.h>

namespace arenite::ledger {
namespace {

// 80 MiB are in use, so that 10 may be retained; nobody asks for a look because of growth.
class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    ledger_.grew(80 * k_mib);
    ledger_.wait_for_growth();
  }
  void free(size_t bytes) { ledger_.freed(Keeper::slabs, bytes); }
  void reuse(size_t bytes) { ledger_.reused(Keeper::slabs, bytes); }

  Ledger ledger_;
};

TEST_F(LedgerTest, knows_who_retains_what) {
  free(3 * k_mib);
  ledger_.freed(Keeper::mappings, 2 * k_mib);
  ledger_.purged(Keeper::slabs, k_mib);
  ledger_.shrank(5 * k_mib);
  EXPECT_EQ(ledger_.live(), 70 * k_mib);
  EXPECT_EQ(ledger_.retained(), 4 * k_mib);
  EXPECT_EQ(ledger_.retained(Keeper::slabs), 2 * k_mib);
  EXPECT_EQ(ledger_.retained(Keeper::chunks), 0U);
  EXPECT_EQ(ledger_.take_peak_live(), 80 * k_mib);
  EXPECT_EQ(ledger_.take_peak_live(), 70 * k_mib);
}

TEST_F(LedgerTest, knows_what_was_taken_though_as_much_was_kept) {
  ledger_.grew(3 * k_mib, 2 * k_mib);
  EXPECT_EQ(ledger_.unfit(), 2 * k_mib);
  ledger_.grew(k_mib, 8 * k_mib);
  EXPECT_EQ(ledger_.unfit(), 3 * k_mib);
  EXPECT_EQ(ledger_.grown(), 84 * k_mib);
}

TEST_F(LedgerTest, within_the_bound_nobody_has_to_look) {
  free(8 * k_mib);
  EXPECT_FALSE(ledger_.is_over());
  EXPECT_FALSE(ledger_.is_to_be_settled());
}

TEST_F(LedgerTest, the_first_event_beyond_the_bound_is_looked_into_even_if_credit_covers_it) {
  ledger_.set_credit(40 * k_mib, 80 * k_mib);
  free(20 * k_mib);
  EXPECT_TRUE(ledger_.is_over());
  EXPECT_TRUE(ledger_.is_covered());
  EXPECT_TRUE(ledger_.is_to_be_settled());
  ledger_.set_known_over(true);
  EXPECT_FALSE(ledger_.is_to_be_settled());
}

TEST_F(LedgerTest, credit_covers_no_more_than_is_missing_to_the_ceiling) {
  ledger_.set_known_over(true);
  ledger_.set_credit(40 * k_mib, 80 * k_mib);
  free(20 * k_mib);
  EXPECT_TRUE(ledger_.is_covered());
  ledger_.grew(20 * k_mib);  // as much in use again, and what was freed retained all the same
  EXPECT_FALSE(ledger_.is_covered());
  ledger_.wait_for_growth();
  EXPECT_TRUE(ledger_.is_to_be_settled());
}

TEST_F(LedgerTest, credit_covers_no_more_than_itself) {
  ledger_.set_known_over(true);
  ledger_.set_credit(4 * k_mib, 80 * k_mib);
  free(12 * k_mib);
  EXPECT_TRUE(ledger_.is_covered());  // 8.5 may be retained, and 4 on credit
  free(k_mib);
  EXPECT_FALSE(ledger_.is_covered());
  EXPECT_TRUE(ledger_.is_to_be_settled());
}

TEST_F(LedgerTest, the_event_that_ends_it_is_looked_into_too) {
  ledger_.set_known_over(true);
  ledger_.set_credit(40 * k_mib, 80 * k_mib);
  free(20 * k_mib);
  EXPECT_FALSE(ledger_.is_to_be_settled());
  reuse(15 * k_mib);
  EXPECT_TRUE(ledger_.is_to_be_settled());
  ledger_.set_known_over(false);
  EXPECT_FALSE(ledger_.is_to_be_settled());
}

}  // namespace
}  // namespace arenite::ledger
