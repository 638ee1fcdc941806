// Resizing in place: what a block takes, gives back, and keeps.
#include <gtest/gtest.h>

#include "span/own_heap_fixture.hpp"

namespace arenite::span {
namespace {

class SpanResizeTest : public OwnHeap {
 protected:
  static constexpr size_t k_n = 40 * k_unit;
  static size_t units(const void* p) { return Heap::size_of(p) / k_unit; }
};

TEST_F(SpanResizeTest, a_smaller_block_gives_its_tail_back) {
  char* const p = take(k_n);
  char* const guard = take(k_n);
  EXPECT_TRUE(Heap::resize(p, 20 * k_unit));
  EXPECT_EQ(runs().substr(0, 12), "b20 f20 b40 ");
  EXPECT_TRUE(Heap::resize(p, 19 * k_unit));
  EXPECT_EQ(runs().substr(0, 12), "b19 f21 b40 ") << "a tail of one unit, too";
  EXPECT_EQ(breach(), "");
  give(p);
  give(guard);
}

TEST_F(SpanResizeTest, a_larger_block_takes_what_is_free_behind_it) {
  char* const p = take(k_n);
  char* const q = take(k_n);
  char* const guard = take(k_n);
  EXPECT_FALSE(Heap::resize(p, k_n + k_unit)) << "nothing is free behind it";
  EXPECT_EQ(units(p), 40U);
  give(q);  // not merged yet
  EXPECT_TRUE(Heap::resize(p, k_n + k_unit));
  EXPECT_EQ(runs().substr(0, 12), "b41 f39 b40 ");
  EXPECT_FALSE(Heap::resize(p, 2 * k_n + k_unit));
  EXPECT_TRUE(Heap::resize(p, 2 * k_n));
  EXPECT_EQ(runs().substr(0, 8), "b80 b40 ");
  EXPECT_EQ(breach(), "");
  give(guard);
}

TEST_F(SpanResizeTest, a_block_that_grows_again_keeps_headroom) {
  char* const p = take(k_n);
  EXPECT_TRUE(Heap::resize(p, 41 * k_unit));
  EXPECT_EQ(units(p), 41U);
  EXPECT_TRUE(Heap::resize(p, 48 * k_unit));
  EXPECT_EQ(units(p), 54U);
  EXPECT_TRUE(Heap::resize(p, 50 * k_unit));
  EXPECT_EQ(units(p), 54U) << "a shrink within headroom is none";
  EXPECT_TRUE(Heap::resize(p, 20 * k_unit));
  EXPECT_EQ(units(p), 20U);
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanResizeTest, a_block_that_moves_to_grow_again_gets_headroom_there) {
  char* const p = take(k_n);
  char* const q = static_cast<char*>(heap_->allocate_for_growth(p, 48 * k_unit));
  EXPECT_EQ(units(q), 48U);
  char* const r = static_cast<char*>(heap_->allocate_for_growth(q, 64 * k_unit));
  EXPECT_EQ(units(r), 72U);
  void* const largest = heap_->allocate_for_growth(r, k_largest);
  EXPECT_EQ(Heap::size_of(largest), k_largest);
}

TEST_F(SpanResizeTest, the_last_block_grows_into_the_region_s_reserve) {
  char* const p = take(k_n);
  const size_t before = heap_->figures().committed;
  EXPECT_TRUE(Heap::resize(p, before + k_n));
  EXPECT_GE(Heap::size_of(p), before + k_n);
  EXPECT_GT(heap_->figures().committed, before);
  EXPECT_EQ(breach(), "");
  os::g_fault_plan.fail_nth(1, os::k_every_call, true);
  EXPECT_FALSE(Heap::resize(p, k_largest));
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(breach(), "");
  EXPECT_EQ(p[k_n - 1], 0x5a);
  EXPECT_TRUE(Heap::resize(p, k_largest));
}

TEST_F(SpanResizeTest, more_than_the_largest_is_refused_and_the_block_stays_one) {
  char* const p = take(k_n);
  EXPECT_FALSE(Heap::resize(p, k_largest + 1));
  EXPECT_FALSE(Heap::resize(p, SIZE_MAX));
  EXPECT_EQ(units(p), 40U);
  give(p);
}

TEST_F(SpanResizeTest, while_fork_has_frozen_the_heap_a_block_keeps_its_size) {
  in_company([this] {
    char* const p = take(k_n);
    heap_->freeze();
    EXPECT_TRUE(Heap::resize(p, k_n - 10 * k_unit));
    EXPECT_FALSE(Heap::resize(p, k_n + k_unit));
    EXPECT_EQ(units(p), 40U);
    heap_->thaw();
    EXPECT_TRUE(Heap::resize(p, k_n + k_unit));
    give(p);
  });
}

}  // namespace
}  // namespace arenite::span
