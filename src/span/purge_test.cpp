// Purging: which pages go, how many, what the ledger hears, and what a refusal leaves.
#include <gtest/gtest.h>
#include <algorithm>
#include <atomic>

#include "os/resident_fixture.hpp"
#include "span/own_heap_fixture.hpp"

namespace arenite::span {
namespace {

using ledger::g_ledger;

class SpanPurgeTest : public OwnHeap {
 protected:
  static constexpr size_t k_n = (k_is_64_bit ? 128 : 32) * k_unit;
  // Several blocks of k_n bytes with gaps in use, freed: so many runs.
  std::vector<char*> free_runs(size_t count) {
    std::vector<char*> freed;
    std::vector<char*> blocks;
    for (size_t i = 0; i < 2 * count; i++) blocks.push_back(take(k_n));
    for (size_t i = 0; i < 2 * count; i += 2) {
      give(blocks[i]);
      freed.push_back(blocks[i]);
    }
    flush();
    return freed;
  }
};

TEST_F(SpanPurgeTest, all_that_is_free_goes_and_what_is_used_stays) {
  const std::vector<char*> freed = free_runs(4);
  EXPECT_EQ(retained(), 4 * k_n);
  EXPECT_EQ(heap_->purge(SIZE_MAX), 4 * k_n);
  EXPECT_EQ(retained(), 0U);
  for (const char* p : freed) {
    EXPECT_FALSE(os::has_memory(p, k_n));
    EXPECT_EQ(p[k_n], 0x5a) << "its neighbour";
  }
  EXPECT_EQ(heap_->purge(SIZE_MAX), 0U) << "there is no more";
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanPurgeTest, no_more_goes_than_is_wanted_and_from_a_run_s_end) {
  const std::vector<char*> freed = free_runs(1);
  const size_t page = os::page_size();
  EXPECT_EQ(heap_->purge(2 * page), 2 * page);
  EXPECT_EQ(retained(), k_n - 2 * page);
  EXPECT_TRUE(os::has_memory(freed[0], k_n - 2 * page));
  EXPECT_FALSE(os::has_memory(freed[0] + k_n - 2 * page, 2 * page));
  EXPECT_EQ(heap_->purge(1), page) << "whole pages";
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanPurgeTest, the_longest_go_first_and_of_these_the_oldest) {
  char* const small = take(k_n);
  char* const guard = take(k_n);
  char* const older = take(2 * k_n);
  char* const guard2 = take(k_n);
  char* const newer = take(2 * k_n);
  char* const guard3 = take(k_n);
  give(older);
  give(newer);
  give(small);
  EXPECT_EQ(heap_->purge(2 * k_n), 2 * k_n);
  EXPECT_FALSE(os::has_memory(older, 2 * k_n));
  EXPECT_TRUE(os::has_memory(newer, 2 * k_n) && os::has_memory(small, k_n));
  for (char* p : {guard, guard2, guard3}) give(p);
}

TEST_F(SpanPurgeTest, what_the_kernel_refuses_stays_and_counts) {
  free_runs(4);
  for (uint64_t nth = 1; nth <= 4; nth++) {
    os::g_fault_plan.fail_nth(nth, only(os::Call::purge), true);
    const size_t before = retained();
    const size_t gone = heap_->purge(SIZE_MAX);
    EXPECT_EQ(gone, nth == 1 ? 0U : before - retained());
    EXPECT_EQ(breach(), "");
    os::g_fault_plan.fail_nth(0);
  }
  heap_->purge(SIZE_MAX);
  EXPECT_EQ(retained(), 0U);
}

TEST_F(SpanPurgeTest, the_ledger_hears_what_is_taken_freed_and_purged) {
  constexpr size_t k_large = 128 * k_unit;  // more than a lot, and than what waits
  // The ledger is the process's, and its own malloc reports in lots, too.
  const auto is_near = [](size_t a, size_t b) { return a - b + k_large < 2 * k_large; };
  const size_t live = g_ledger.live();
  const size_t kept = g_ledger.retained(k_keeper);
  std::vector<char*> blocks;
  for (int i = 0; i < 8; i++) blocks.push_back(take(k_large));
  EXPECT_PRED2(is_near, g_ledger.live(), live + 8 * k_large);
  for (char* p : blocks) give(p);
  EXPECT_PRED2(is_near, g_ledger.live(), live);
  EXPECT_PRED2(is_near, g_ledger.retained(k_keeper), kept + 8 * k_large);
  EXPECT_EQ(heap_->purge(3 * k_large), 3 * k_large);
  EXPECT_PRED2(is_near, g_ledger.retained(k_keeper), kept + 5 * k_large);
  EXPECT_PRED2(is_near, g_ledger.live(), live);
  for (char*& p : blocks) p = take(k_large);
  EXPECT_PRED2(is_near, g_ledger.live(), live + 8 * k_large);
  EXPECT_PRED2(is_near, g_ledger.retained(k_keeper), kept);
  for (char* p : blocks) give(p);
  heap_->purge(SIZE_MAX);
  EXPECT_PRED2(is_near, g_ledger.retained(k_keeper), kept);
}

TEST_F(SpanPurgeTest,
       a_region_without_a_block_goes_if_there_is_another_and_its_record_is_used_again) {
  std::vector<char*> blocks;
  for (int i = 0; i < 5; i++) blocks.push_back(take(k_largest));
  EXPECT_EQ(heap_->figures().regions, 5U);
  std::vector<Region*> records = regions();
  for (char* p : blocks) give(p);
  EXPECT_EQ(heap_->figures().regions, 5U) << "as long as they may hold memory";
  heap_->purge(SIZE_MAX);
  EXPECT_EQ(heap_->figures().regions, 1U);
  EXPECT_EQ(breach(), "");
  size_t known = 0;
  for (char* p : blocks) known += Region::around(p) != nullptr ? 1 : 0;
  EXPECT_EQ(known, 1U) << "the addresses of the others are not ours any more";
  for (char*& p : blocks) p = take(k_largest);
  std::vector<Region*> again = regions();
  std::sort(records.begin(), records.end());
  std::sort(again.begin(), again.end());
  EXPECT_EQ(records, again);
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanPurgeTest, the_last_region_stays_and_gives_its_words_back) {
  std::vector<char*> blocks;
  for (size_t n = 0; n < k_largest; n += k_n) blocks.push_back(take(k_n));
  Region* r = Region::around(blocks[0]);
  const char* record = at_address<char>(align_up(address_of(&r->words[64]), os::page_size()));
  const size_t size = k_is_64_bit ? 64 * k_kib : 0;
  for (char* p : blocks) give(p);
  EXPECT_TRUE(size == 0 || os::has_memory(record, size));
  heap_->purge(SIZE_MAX);
  EXPECT_EQ(heap_->figures().regions, 1U);
  EXPECT_FALSE(size != 0 && os::has_memory(record, size));
  EXPECT_EQ(breach(), "");
  EXPECT_EQ(take(k_n), at_address(r->base + k_lead));
}

TEST_F(SpanPurgeTest, a_region_that_the_kernel_keeps_is_still_ours) {
  std::vector<char*> blocks;
  for (int i = 0; i < 3; i++) blocks.push_back(take(k_largest));
  for (char* p : blocks) give(p);
  os::g_fault_plan.fail_nth(1, only(os::Call::unmap), true);
  heap_->purge(SIZE_MAX);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(heap_->figures().regions, 3U);
  EXPECT_EQ(breach(), "");
  for (const char* p : blocks) EXPECT_NE(Region::around(p), nullptr);
  for (char*& p : blocks) p = take(k_largest);
  EXPECT_EQ(heap_->figures().regions, 3U);
}

TEST_F(SpanPurgeTest, blocks_that_hold_memory_are_where_the_ledger_says_for_each_page_size) {
  for (const size_t page : {16 * k_kib, 64 * k_kib}) {
    const auto heap = std::make_unique<Heap>();
    heap->begin(page);
    std::vector<void*> blocks;
    for (int i = 0; i < 64; i++) blocks.push_back(heap->allocate(20 * k_unit));
    for (size_t i = 0; i < blocks.size(); i++) {
      if (i % 8 < 6) Heap::free(blocks[i]);
    }
    heap->purge(0);
    size_t dirty = 0;
    heap->for_each_run([&](const RunView& run) { dirty += run.dirty_bytes; });
    EXPECT_EQ(heap->figures().retained, dirty);
    EXPECT_EQ(heap->purge(SIZE_MAX), dirty);
    Breach found;
    EXPECT_TRUE(heap->verify(found)) << found.what;
    Region* r = Region::around(blocks[0]);
    r->withdraw();
    os::unmap(at_address<void>(r->base), k_granule);
    Region::unmap_record(r);
  }
}

TEST_F(SpanPurgeTest,
       who_comes_back_from_the_kernel_to_a_frozen_heap_leaves_his_pages_to_the_next) {
  std::atomic<bool> stop{false};
  std::thread purger([&] {
    while (!stop) {
      void* const p = heap_->allocate(k_largest / 4);
      if (p == nullptr) continue;
      std::memset(p, 1, k_largest / 4);
      give(p);
      heap_->purge(SIZE_MAX);
    }
  });
  for (int i = 0; i < 300; i++) {
    heap_->freeze();
    std::this_thread::yield();
    heap_->thaw();
  }
  stop = true;
  purger.join();
  EXPECT_EQ(breach(), "");
  heap_->purge(SIZE_MAX);
  EXPECT_EQ(heap_->figures().in_use, 0U);
  EXPECT_EQ(retained(), 0U);
  EXPECT_EQ(breach(), "");
}

}  // namespace
}  // namespace arenite::span
