// Depot: pages that threads have in stock, and how they come back.
#include <thread>
#include <vector>

#include "cache/depot_fixture.hpp"

namespace arenite::cache {
namespace {

using ledger::g_ledger;
using ledger::Keeper;

// Where the process has a single thread there are no stocks.
class StocksTest : public DepotTest {
 protected:
  static constexpr size_t k_size = 1024;

  StocksTest() {
    std::thread([] {}).join();
    g_ledger.shrank(g_ledger.live());
    purger_ = ledger::g_purger.exchange(nullptr);
    record_ = depot_.take_record();
  }
  ~StocksTest() override { ledger::g_purger.store(purger_); }

  Stock& stock() { return record_->stock; }
  static size_t kept() { return g_ledger.retained(Keeper::slabs) / slab::k_slab_size; }
  Slab* make_one() {
    Slab* slab = depot_.make_slab(class_of(k_size), record_);
    EXPECT_NE(slab, nullptr);
    return slab;
  }
  // So many slabs of the record's, all of them free, listed.
  std::vector<Slab*> make_empty(size_t count) {
    std::vector<Slab*> slabs;
    for (size_t i = 0; i < count; i++) slabs.push_back(make_one());
    for (Slab* slab : slabs) list(*record_, slab);
    return slabs;
  }
  void reclaim(std::vector<Slab*> slabs) {
    depot_.reclaim_if_empty(slabs.data(), static_cast<unsigned>(slabs.size()), record_);
  }
  // A stock of so many.
  std::vector<Slab*> stock_up(size_t count) {
    std::vector<Slab*> slabs = make_empty(count);
    reclaim(slabs);
    return slabs;
  }

  ThreadSlabs* record_;
  void (*purger_)();
};

TEST_F(StocksTest, a_threads_empty_slabs_wait_with_it_and_are_made_slabs_again) {
  const size_t kept_before = kept();
  const size_t live_before = g_ledger.live();
  const std::vector<Slab*> slabs = stock_up(3);
  EXPECT_EQ(stock().count(), 3U);
  EXPECT_EQ(dirty_pages(), 0U) << "they are not the depot's";
  EXPECT_EQ(kept() - kept_before, 3U) << "they count as free and retained";
  EXPECT_EQ(g_ledger.live(), live_before);
  for (const Slab* slab : slabs) {
    EXPECT_EQ(slab->place.load(), Place::page);
    EXPECT_EQ(slab->block_count, 0U);
    EXPECT_FALSE(record_->has_listed(slab));
  }
  EXPECT_TRUE(is_whole());
  // Of any class, the newest first, and though the depot is frozen.
  depot_.lock.freeze();
  for (size_t i = slabs.size(); i-- > 0;) {
    EXPECT_EQ(depot_.make_slab(class_of(64), record_), slabs[i]);
    EXPECT_EQ(slabs[i]->size(), 64U);
    EXPECT_EQ(slabs[i]->owner.load(), record_);
    EXPECT_EQ(slabs[i]->place.load(), Place::moving);
  }
  EXPECT_EQ(depot_.make_slab(class_of(64), record_), nullptr);
  depot_.lock.thaw();
  EXPECT_EQ(kept(), kept_before);
  EXPECT_TRUE(is_whole());
}

TEST_F(StocksTest, a_slab_with_a_block_in_use_does_not_go_into_stock) {
  std::vector<Slab*> slabs = make_empty(3);
  void* block = take(slabs[1]);
  reclaim(slabs);
  EXPECT_EQ(stock().count(), 2U);
  EXPECT_EQ(slabs[1]->place.load(), Place::listed);
  give_remotely(slabs[1], block);
  reclaim({slabs[1]});
  EXPECT_EQ(stock().count(), 3U);
  EXPECT_EQ(slab::marks_in(slabs[1], 0), 0U) << "what others freed in it is forgotten";
  EXPECT_TRUE(is_whole());
}

TEST_F(StocksTest, another_thread_that_empties_a_slab_gives_it_to_the_depot) {
  std::vector<Slab*> slabs = make_empty(1);
  depot_.reclaim_if_empty(slabs[0], record_);
  EXPECT_EQ(stock().count(), 0U);
  EXPECT_EQ(dirty_pages(), 1U);
}

TEST_F(StocksTest, a_full_stock_gives_the_depot_its_oldest_pages_many_at_once) {
  const unsigned limit = depot_.stock_limit();
  ASSERT_EQ(limit, Stock::k_most);
  const std::vector<Slab*> slabs = stock_up(limit);
  EXPECT_EQ(stock().count(), limit);
  EXPECT_EQ(dirty_pages(), 0U);
  const size_t kept_before = kept();
  // No page of the stock's.
  Slab* more = make(k_size, 0);
  list(*record_, more);
  reclaim({more});
  EXPECT_EQ(stock().count(), limit / 4);
  EXPECT_EQ(dirty_pages(), limit - limit / 4 + 1);
  EXPECT_EQ(kept() - kept_before, 1U);
  EXPECT_EQ(stock().take_newest(), slabs.back());
  EXPECT_TRUE(is_whole());
}

TEST_F(StocksTest, what_does_not_fit_stays_listed_while_the_depot_is_frozen) {
  const std::vector<Slab*> slabs = make_empty(Stock::k_most + 2);
  depot_.lock.freeze();
  reclaim(slabs);
  EXPECT_EQ(stock().count(), Stock::k_most);
  EXPECT_EQ(slabs.back()->place.load(), Place::listed);
  depot_.lock.thaw();
  depot_.catch_up();
  EXPECT_EQ(slabs.back()->place.load(), Place::page);
  EXPECT_EQ(dirty_pages(), 2U);
  EXPECT_TRUE(is_whole());
}

TEST_F(StocksTest,
       who_has_none_takes_many_of_the_depots_pages_at_once_and_twice_as_many_the_next_time) {
  std::vector<Slab*> slabs;
  for (int i = 0; i < 100; i++) slabs.push_back(make(k_size, 0));
  for (Slab* slab : slabs) to_page(slab);
  const size_t kept_before = kept();
  unsigned made = 0;
  for (const unsigned batch : {2, 4, 8, 16, 24, 24}) {
    EXPECT_EQ(stock().count(), 0U);
    make_one();
    EXPECT_EQ(stock().count(), batch - 1);
    EXPECT_EQ(kept_before - kept(), ++made) << "what is in stock is retained still";
    for (unsigned left = stock().count(); left != 0; left--, made++) make_one();
  }
  EXPECT_EQ(dirty_pages(), slabs.size() - made);
  EXPECT_TRUE(is_whole());
}

TEST_F(StocksTest, fresh_pages_are_not_taken_before_they_are_needed) {
  make_one();
  EXPECT_EQ(stock().count(), 0U);
}

TEST_F(StocksTest, all_stocks_together_are_no_more_than_may_be_retained) {
  ASSERT_EQ(g_ledger.bound(), 64 * slab::k_slab_size);
  EXPECT_EQ(depot_.stock_limit(), Stock::k_most);
  for (const unsigned records : {2, 3, 4, 5})
    EXPECT_EQ((depot_.take_record(), depot_.stock_limit()), std::min(64 / records, Stock::k_most));
  std::vector<ThreadSlabs*> more;
  for (int i = 5; i < 65; i++) more.push_back(depot_.take_record());
  EXPECT_EQ(depot_.stock_limit(), 0U);
  EXPECT_TRUE(!stock_up(2).empty());
  EXPECT_EQ(stock().count(), 0U);
  EXPECT_EQ(dirty_pages(), 2U);
  make_one();
  EXPECT_EQ(stock().count(), 0U);
  for (ThreadSlabs* record : more) depot_.give_record(record);
  EXPECT_EQ(depot_.stock_limit(), 64U / 5) << "those without a thread do not count";
  depot_.take_record();
  EXPECT_EQ(depot_.stock_limit(), 64U / 6);
}

TEST_F(StocksTest, who_purges_takes_them_back_where_the_depots_own_pages_are_not_enough) {
  to_page(make(k_size, 0));
  std::vector<Slab*> own{make(k_size, 0)};
  const std::vector<Slab*> slabs = stock_up(4);
  ThreadSlabs* other = depot_.take_record();
  for (Slab* slab : own) list(*other, slab);
  depot_.reclaim_if_empty(own.data(), 1, other);
  const size_t dirty = dirty_pages();
  EXPECT_EQ(depot_.purge(dirty * slab::k_slab_size), dirty * slab::k_slab_size);
  EXPECT_EQ(stock().count() + other->stock.count(), 5U);
  EXPECT_EQ(depot_.purge(SIZE_MAX), 5 * slab::k_slab_size);
  EXPECT_EQ(stock().count() + other->stock.count(), 0U);
  EXPECT_EQ(dirty_pages(), 0U);
  EXPECT_TRUE(is_whole());
  EXPECT_EQ(depot_.purge(SIZE_MAX), 0U);
  stock_up(1);
  EXPECT_EQ(depot_.purge(SIZE_MAX), slab::k_slab_size) << "it is heard of again";
}

TEST_F(StocksTest, no_more_stocks_are_taken_back_than_are_needed) {
  stock_up(2);
  ThreadSlabs* later = record_;
  record_ = depot_.take_record();
  stock_up(2);
  // The latest record is looked at first.
  EXPECT_EQ(depot_.purge(slab::k_slab_size), slab::k_slab_size);
  EXPECT_EQ(stock().count(), 0U);
  EXPECT_EQ(later->stock.count(), 2U);
  EXPECT_EQ(depot_.purge(SIZE_MAX), 3 * slab::k_slab_size);
  EXPECT_EQ(later->stock.count(), 0U);
}

TEST_F(StocksTest, a_thread_that_ends_leaves_its_stock_to_the_depot) {
  stock_up(5);
  depot_.give_record(record_);
  EXPECT_EQ(record_->stock.count(), 0U);
  EXPECT_EQ(dirty_pages(), 5U);
  EXPECT_TRUE(is_whole());
}

TEST_F(StocksTest, a_thread_that_sleeps_gives_its_stock_up) {
  Thread thread;
  record_->thread = &thread;
  thread.record = record_;
  thread.slabs.store(record_);
  stock_up(5);
  depot_.give_up_records(record_);
  EXPECT_EQ(stock().count(), 5U) << "not the caller's";
  depot_.give_up_records(nullptr);
  EXPECT_EQ(stock().count(), 0U);
  EXPECT_EQ(dirty_pages(), 5U);
  EXPECT_TRUE(is_whole());
  record_->thread = nullptr;
}

TEST_F(StocksTest, in_the_child_of_a_fork_nothing_in_stock_is_lost) {
  stock_up(3);
  ThreadSlabs* own = record_;
  record_ = depot_.take_record();
  stock_up(4);
  Slab* being_made = depot_.make_slab(class_of(k_size), record_);
  being_made->block_count = 0;
  stock().push(being_made);
  // Its thread was changing it.
  record_->lock.freeze();
  const size_t kept_before = kept();
  depot_.restart_in_child(own);
  EXPECT_EQ(own->stock.count(), 0U);
  EXPECT_EQ(stock().count(), 0U);
  EXPECT_EQ(dirty_pages(), 6U);
  EXPECT_EQ(being_made->place.load(), Place::moving) << "what was about to become a slab stays";
  EXPECT_EQ(kept(), kept_before);
  EXPECT_TRUE(is_whole());
  EXPECT_EQ(depot_.purge(SIZE_MAX), 6 * slab::k_slab_size);
}

}  // namespace
}  // namespace arenite::cache
