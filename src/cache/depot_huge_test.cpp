// Depot: slabs that grow into whole extents.
#include <gtest/gtest.h>
#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "cache/depot.hpp"
#include "ledger/ledger.hpp"
#include "os/fault.hpp"
#include "os/os.hpp"
#include "policy/policy.hpp"

namespace arenite::cache {
namespace {

using ledger::g_ledger;
using slab::class_of;
using slab::Slab;

constexpr size_t k_extent_pages = policy::k_huge_extent / slab::k_slab_size;

// A depot of the test's own in a process that has much in use, as far as the ledger knows.
class DepotHugeTest : public testing::Test {
 protected:
  DepotHugeTest() {
    g_ledger.grew(k_others);
    depot_.huge_pages = policy::HugePages::always;
  }
  ~DepotHugeTest() override {
    os::g_fault_plan.fail_nth(0);
    g_ledger.shrank(k_others);
  }
  static constexpr size_t k_others = 256 * k_mib;

  static constexpr unsigned k_huge_calls = 1U << static_cast<unsigned>(os::Call::huge);

  Slab* make() { return depot_.make_slab(class_of(64), &mine_); }
  // Makes slabs until the next is the first of a whole extent.
  void grow_to_an_extent() {
    for (;;) {
      const size_t page = slab::page_number(make());
      if (page % k_extent_pages == k_extent_pages - 1 && page + k_extent_pages < slab::k_end_page)
        return;
    }
  }
  size_t dirty_pages() {
    size_t pages = 0;
    depot_.for_each_region([&](const slab::Region& r) { pages += r.dirty_pages(); });
    return pages;
  }
  bool is_whole() {
    Breach breach;
    bool whole = true;
    depot_.for_each_region([&](const slab::Region& r) { whole = whole && r.verify(breach); });
    EXPECT_TRUE(whole) << breach.invariant << ": " << breach.what;
    return whole;
  }

  Depot depot_;
  ThreadSlabs mine_;
};

TEST_F(DepotHugeTest, the_rest_of_an_extent_counts_as_free_and_resident) {
  if (slab::k_region_pages < k_extent_pages) GTEST_SKIP() << "regions are smaller";
  grow_to_an_extent();
  const size_t live = g_ledger.live();
  const size_t retained = g_ledger.retained();
  make();
  if (dirty_pages() == 0) GTEST_SKIP() << "the kernel has no huge page";
  constexpr size_t k_rest = (k_extent_pages - 1) * slab::k_slab_size;
  EXPECT_EQ(dirty_pages(), k_extent_pages - 1);
  EXPECT_EQ(g_ledger.live(), live + slab::k_slab_size);
  EXPECT_EQ(g_ledger.retained(), retained + k_rest);
  EXPECT_TRUE(is_whole());
  for (size_t i = 1; i < k_extent_pages; i++) make();
  EXPECT_EQ(dirty_pages(), 0U);
  EXPECT_EQ(g_ledger.live(), live + policy::k_huge_extent);
  EXPECT_EQ(g_ledger.retained(), retained);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotHugeTest, the_rest_of_an_extent_can_be_purged) {
  if (slab::k_region_pages < k_extent_pages) GTEST_SKIP() << "regions are smaller";
  grow_to_an_extent();
  Slab* slab = make();
  const size_t dirty = dirty_pages();
  const size_t retained = g_ledger.retained();
  EXPECT_EQ(depot_.purge(SIZE_MAX), dirty * slab::k_slab_size);
  EXPECT_EQ(g_ledger.retained(), retained - dirty * slab::k_slab_size);
  EXPECT_EQ(dirty_pages(), 0U);
  EXPECT_EQ(make(), slab + 1);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotHugeTest, an_extent_that_was_purged_as_a_whole_starts_huge_again) {
  if (slab::k_region_pages < k_extent_pages) GTEST_SKIP() << "regions are smaller";
  grow_to_an_extent();
  std::vector<Slab*> slabs;
  for (size_t i = 0; i < k_extent_pages; i++) slabs.push_back(make());
  for (Slab* slab : slabs) {
    mine_.list(slab);
    depot_.reclaim_if_empty(slab, &mine_);
  }
  depot_.purge(SIZE_MAX);
  EXPECT_EQ(dirty_pages(), 0U);
  os::g_fault_plan.fail_nth(1, k_huge_calls);
  EXPECT_EQ(make(), slabs[0]);
  EXPECT_EQ(os::g_fault_plan.seen(), 1U);
  EXPECT_EQ(make(), slabs[1]);
  EXPECT_EQ(os::g_fault_plan.seen(), 1U) << "it holds memory now";
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotHugeTest, a_refusal_is_silent_and_remembered_for_a_while) {
  if (slab::k_region_pages < k_extent_pages) GTEST_SKIP() << "regions are smaller";
  os::g_fault_plan.fail_nth(1, k_huge_calls, true);
  grow_to_an_extent();
  const uint64_t before = os::g_fault_plan.seen();
  EXPECT_NE(make(), nullptr);
  EXPECT_EQ(dirty_pages(), 0U);
  EXPECT_EQ(os::g_fault_plan.seen(), before + 1);
  // Two extents are not asked for, the one behind them is.
  for (int i = 0; i < 2; i++) {
    grow_to_an_extent();
    make();
    EXPECT_EQ(os::g_fault_plan.seen(), before + 1);
  }
  grow_to_an_extent();
  make();
  EXPECT_EQ(os::g_fault_plan.seen(), before + 2);
  EXPECT_EQ(dirty_pages(), 0U);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotHugeTest, what_was_there_before_follows_if_it_is_in_use) {
  if (slab::k_region_pages < k_extent_pages) GTEST_SKIP() << "regions are smaller";
  depot_.huge_pages = policy::HugePages::never;
  grow_to_an_extent();
  Slab* first = make();
  slab::memory_of(first)[5] = 7;
  grow_to_an_extent();
  depot_.huge_pages = policy::HugePages::always;
  const char* last = slab::memory_of(first) + policy::k_huge_extent - 1;
  os::g_fault_plan.fail_nth(SIZE_MAX, k_huge_calls);
  make();
  const uint64_t calls = os::g_fault_plan.seen();
  if (dirty_pages() == 0) GTEST_SKIP() << "the kernel has no huge page";
  EXPECT_EQ(calls, 2U);
  EXPECT_EQ(slab::memory_of(first)[5], 7);
  EXPECT_EQ(*last, 0);
  grow_to_an_extent();
  make();
  EXPECT_EQ(os::g_fault_plan.seen(), calls + 1) << "each is looked at once";
  EXPECT_TRUE(is_whole());
}

// Where the kernel refuses at once it has cost nothing.
TEST_F(DepotHugeTest, automatic_asks_for_one_when_it_is_earned) {
  if (slab::k_region_pages < k_extent_pages) GTEST_SKIP() << "regions are smaller";
  depot_.huge_pages = policy::HugePages::automatic;
  os::g_fault_plan.fail_nth(1, k_huge_calls, true);
  constexpr uint64_t k_earned = policy::HugeBudget::k_share * policy::HugeBudget::k_first;
  grow_to_an_extent();
  make();
  EXPECT_EQ(os::g_fault_plan.seen(), 0U);
  std::this_thread::sleep_for(std::chrono::nanoseconds(k_earned + k_earned / 4));
  grow_to_an_extent();
  make();
  EXPECT_EQ(os::g_fault_plan.seen(), 1U);
}

TEST_F(DepotHugeTest, what_is_refused_to_what_was_there_before_counts_as_a_refusal) {
  if (slab::k_region_pages < k_extent_pages) GTEST_SKIP() << "regions are smaller";
  depot_.huge_pages = policy::HugePages::never;
  grow_to_an_extent();
  make();
  grow_to_an_extent();
  depot_.huge_pages = policy::HugePages::always;
  os::g_fault_plan.fail_nth(2, k_huge_calls);
  make();
  if (dirty_pages() == 0) GTEST_SKIP() << "the kernel knows no huge pages";
  EXPECT_EQ(os::g_fault_plan.seen(), 2U);
  for (int i = 0; i < 2; i++) {
    grow_to_an_extent();
    make();
    EXPECT_EQ(os::g_fault_plan.seen(), 2U);
  }
  grow_to_an_extent();
  make();
  EXPECT_GE(os::g_fault_plan.seen(), 3U);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotHugeTest, never_asks_for_none) {
  depot_.huge_pages = policy::HugePages::never;
  os::g_fault_plan.fail_nth(1, k_huge_calls, true);
  for (size_t i = 0; i < 3 * k_extent_pages; i++) EXPECT_NE(make(), nullptr);
  EXPECT_EQ(os::g_fault_plan.seen(), 0U);
}

TEST_F(DepotHugeTest, what_has_no_room_in_the_bound_starts_small) {
  const size_t retained = policy::retention_bound(g_ledger.live());
  g_ledger.grew(retained);
  g_ledger.freed(ledger::Keeper::chunks, retained);
  os::g_fault_plan.fail_nth(1, k_huge_calls, true);
  for (size_t i = 0; i < 3 * k_extent_pages; i++) EXPECT_NE(make(), nullptr);
  EXPECT_EQ(os::g_fault_plan.seen(), 0U);
  g_ledger.purged(ledger::Keeper::chunks, retained);
}

TEST_F(DepotHugeTest, threads_that_grow_together_lose_no_page) {
  std::vector<std::thread> threads;
  std::vector<Slab*> slabs[4];
  ThreadSlabs records[4];
  for (size_t t = 0; t < 4; t++) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 4 * k_extent_pages; i++) {
        Slab* slab = depot_.make_slab(class_of(64), &records[t]);
        *slab::memory_of(slab) = 1;
        slabs[t].push_back(slab);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<Slab*> all;
  for (const auto& some : slabs) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end()) << "handed out twice";
  EXPECT_TRUE(is_whole());
}

}  // namespace
}  // namespace arenite::cache
