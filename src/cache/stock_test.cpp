// Stock: the newest page is taken first, the oldest goes back.
#include "cache/stock.hpp"

#include <gtest/gtest.h>

namespace arenite::cache {
namespace {

class StockTest : public testing::Test {
 protected:
  static constexpr unsigned k_pages = 3 * Stock::k_most;
  slab::Slab pages_[k_pages] = {};
  Stock stock_;
};

TEST_F(StockTest, has_nothing_at_first) {
  EXPECT_EQ(stock_.count(), 0U);
  EXPECT_EQ(stock_.take_newest(), nullptr);
  EXPECT_EQ(stock_.take_oldest(), nullptr);
}

TEST_F(StockTest, gives_the_newest_to_its_thread_and_the_oldest_to_the_depot) {
  for (unsigned i = 0; i < 5; i++) stock_.push(&pages_[i]);
  EXPECT_EQ(stock_.take_newest(), &pages_[4]);
  EXPECT_EQ(stock_.take_oldest(), &pages_[0]);
  EXPECT_EQ(stock_.take_oldest(), &pages_[1]);
  stock_.push(&pages_[5]);
  EXPECT_EQ(stock_.count(), 3U);
  EXPECT_EQ(stock_.take_newest(), &pages_[5]);
  EXPECT_EQ(stock_.take_newest(), &pages_[3]);
  EXPECT_EQ(stock_.take_newest(), &pages_[2]);
  EXPECT_EQ(stock_.take_newest(), nullptr);
}

TEST_F(StockTest, holds_as_many_as_it_says_wherever_it_begins) {
  for (unsigned begin = 0; begin < Stock::k_most; begin++) {
    stock_.push(&pages_[0]);
    stock_.take_oldest();
    for (unsigned i = 0; i < Stock::k_most; i++) stock_.push(&pages_[i]);
    EXPECT_EQ(stock_.count(), Stock::k_most);
    for (unsigned i = 0; i < Stock::k_most; i++)
      ASSERT_EQ(stock_.take_oldest(), &pages_[i]) << begin;
    for (unsigned i = 0; i < Stock::k_most; i++) stock_.push(&pages_[i]);
    for (unsigned i = Stock::k_most; i-- > 0;) ASSERT_EQ(stock_.take_newest(), &pages_[i]) << begin;
  }
}

TEST_F(StockTest, asks_for_twice_as_many_each_time_up_to_three_quarters_of_the_limit) {
  for (const unsigned wanted : {2, 4, 8, 16, 24, 24}) EXPECT_EQ(stock_.next_batch(32), wanted);
  EXPECT_EQ(stock_.next_batch(4), 3U) << "the limit is lower now";
  EXPECT_EQ(stock_.next_batch(1), 1U) << "the one that is used at once";
  stock_.forget_batches();
  EXPECT_EQ(stock_.next_batch(32), 2U);
  EXPECT_EQ(Stock::kept_of(32), 8U);
}

}  // namespace
}  // namespace arenite::cache
