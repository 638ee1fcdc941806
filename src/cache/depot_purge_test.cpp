// Depot: free pages, which come first, and what is purged of them.
#include <thread>

#include "cache/depot_fixture.hpp"

namespace arenite::cache {
namespace {

TEST_F(DepotTest, pages_that_hold_memory_come_first_whichever_region_they_are_in) {
  std::vector<Slab*> slabs;
  for (size_t i = 0; i < slab::k_region_pages; i++) slabs.push_back(make(1024, 0));
  Slab* in_the_second = slabs.back();
  ASSERT_NE(slab::region_of(slabs.front()), slab::region_of(in_the_second));
  to_page(in_the_second);
  EXPECT_EQ(depot_.make_slab(class_of(64), &mine_), in_the_second);
}

TEST_F(DepotTest, purged_pages_of_an_old_region_come_before_untouched_ones) {
  std::vector<Slab*> slabs;
  for (size_t i = 0; i < slab::k_region_pages; i++) slabs.push_back(make(1024, 0));
  ASSERT_NE(slab::region_of(slabs.front()), slab::region_of(slabs.back()));
  to_page(slabs.front());
  ASSERT_TRUE(depot_.purge());
  EXPECT_EQ(depot_.make_slab(class_of(64), &mine_), slabs.front());
  EXPECT_EQ(slab::region_of(depot_.make_slab(class_of(64), &mine_)), slab::region_of(slabs.back()));
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, purging_says_whether_memory_went) {
  EXPECT_FALSE(depot_.purge());
  to_page(make(64, 0));
  EXPECT_TRUE(depot_.purge());
  EXPECT_FALSE(depot_.purge());
  EXPECT_EQ(dirty_pages(), 0U);
}

TEST_F(DepotTest, no_more_is_purged_than_is_asked_for) {
  std::vector<Slab*> slabs;
  for (int i = 0; i < 10; i++) slabs.push_back(make(64, 0));
  for (Slab* slab : slabs) to_page(slab);
  EXPECT_EQ(depot_.purge(0), 0U);
  EXPECT_EQ(depot_.purge(3 * slab::k_slab_size - 1), 3 * slab::k_slab_size);
  EXPECT_EQ(dirty_pages(), 7U);
  EXPECT_EQ(depot_.purge(SIZE_MAX), 7 * slab::k_slab_size);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, a_refused_purge_ends_and_leaves_the_pages_dirty) {
  std::vector<Slab*> slabs;
  for (int i = 0; i < 10; i++) slabs.push_back(make(64, 0));
  for (size_t i = 0; i < slabs.size(); i += 2) to_page(slabs[i]);
  fail_from_now(os::Call::purge);
  EXPECT_EQ(depot_.purge(SIZE_MAX), 0U);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(dirty_pages(), 5U);
  EXPECT_TRUE(is_whole());
  EXPECT_EQ(depot_.purge(SIZE_MAX), 5 * slab::k_slab_size);
}

TEST_F(DepotTest, the_page_freed_last_is_taken_first) {
  std::vector<Slab*> slabs;
  for (int i = 0; i < 40; i++) slabs.push_back(make(64, 0));
  for (Slab* slab : slabs) to_page(slab);
  for (size_t i = slabs.size(); i-- > slabs.size() - 16;)
    EXPECT_EQ(depot_.make_slab(class_of(64), &mine_), slabs[i]);
  // Of those before them it is not known which was last.
  for (size_t i = 16; i < slabs.size(); i++) depot_.make_slab(class_of(64), &mine_);
  EXPECT_EQ(dirty_pages(), 0U);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, the_ledger_is_told_of_each_page) {
  using ledger::g_ledger;
  using ledger::Keeper;
  const auto live = [] { return g_ledger.live(); };
  const auto kept = [] { return g_ledger.retained(Keeper::slabs); };
  make(64, 0);                                             // so that there is a region
  const auto purger = ledger::g_purger.exchange(nullptr);  // of the program's own pages
  const size_t live_before = live();
  const size_t kept_before = kept();
  Slab* slab = depot_.make_slab(class_of(64), &mine_);
  EXPECT_EQ(live(), live_before + slab::k_slab_size);
  EXPECT_EQ(kept(), kept_before);
  to_page(slab);
  EXPECT_EQ(live(), live_before);
  EXPECT_EQ(kept(), kept_before + slab::k_slab_size);
  depot_.make_slab(class_of(64), &mine_);
  EXPECT_EQ(live(), live_before + slab::k_slab_size);
  EXPECT_EQ(kept(), kept_before);
  to_page(slab);
  depot_.purge(SIZE_MAX);
  EXPECT_EQ(live(), live_before);
  EXPECT_EQ(kept(), kept_before);
  ledger::g_purger.store(purger);
}

TEST_F(DepotTest, no_page_is_lost_when_fork_comes_during_a_purge) {
  constexpr size_t k_pages = 300;
  std::vector<Slab*> slabs;
  for (size_t i = 0; i < k_pages; i++) slabs.push_back(make(64, 0));
  std::atomic<bool> is_over{false};
  std::thread forking([&] {
    while (!is_over.load()) {
      depot_.lock.freeze();
      std::this_thread::yield();
      depot_.lock.thaw();
      std::this_thread::yield();
    }
  });
  for (int round = 0; round < 200; round++) {
    for (Slab* slab : slabs) {
      if (slab != nullptr) to_page(slab);
    }
    // What stayed listed, for the depot was frozen, is seen to as well.
    depot_.purge(SIZE_MAX);
    for (Slab*& slab : slabs) {
      if (slab != nullptr && slab->place.load() == Place::page) slab = nullptr;
    }
    for (Slab*& slab : slabs) {
      if (slab == nullptr) slab = depot_.make_slab(class_of(64), &mine_);
    }
  }
  is_over = true;
  forking.join();
  for (Slab* slab : slabs) {
    if (slab != nullptr) to_page(slab);
  }
  EXPECT_TRUE(is_whole());
  depot_.purge(SIZE_MAX);
  EXPECT_EQ(dirty_pages(), 0U);
  size_t free = 0;
  depot_.for_each_region([&](const slab::Region& r) {
    free += r.free_pages() - (slab::k_end_page - slab::k_first_page);
  });
  EXPECT_EQ(free, 0U) << "each page is free";
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, a_child_has_the_pages_that_the_parent_was_purging) {
  for (int i = 0; i < 5; i++) to_page(make(64, 0));
  slab::PurgeBatch batch;
  depot_.for_each_region([&](slab::Region& r) { r.pick(slab::Pick::any, SIZE_MAX, batch); });
  EXPECT_EQ(dirty_pages(), 0U);
  depot_.restart_in_child(&mine_);
  EXPECT_NE(dirty_pages(), 0U);
  EXPECT_TRUE(is_whole());
}

}  // namespace
}  // namespace arenite::cache
