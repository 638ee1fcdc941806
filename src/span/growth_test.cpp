// Growth: memory is committed as it is needed, a refusal of the kernel loses nothing, and a refused
// region is not asked for again at once.
#include <gtest/gtest.h>
#include <atomic>

#include "span/own_heap_fixture.hpp"

namespace arenite::span {
namespace {

class SpanGrowthTest : public OwnHeap {
 protected:
  static constexpr size_t k_n = 20 * k_unit;
  void refuse(uint64_t nth, unsigned kinds, bool from_then_on = true) {
    os::g_fault_plan.fail_nth(nth, kinds, from_then_on);
  }
  static void relent() { os::g_fault_plan.fail_nth(0); }
};

TEST_F(SpanGrowthTest, a_heap_has_nothing_until_it_is_used) {
  EXPECT_EQ(heap_->figures().regions, 0U);
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanGrowthTest, a_region_is_committed_in_steps) {
  char* const p = take(k_n);
  const Region* r = Region::around(p);
  const size_t first = heap_->figures().committed;
  EXPECT_LE(first, 512 * k_kib);
  EXPECT_TRUE(os::is_readable(r->memory(r->reserve_begin - 1)));
  EXPECT_FALSE(os::is_readable(r->memory(r->reserve_begin)));
  std::vector<char*> blocks;
  while (heap_->figures().committed == first) blocks.push_back(take(k_n));
  EXPECT_LE(heap_->figures().committed, 2 * first + k_n);
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanGrowthTest, a_block_larger_than_a_step_is_committed_whole) {
  char* const p = take(k_largest / 2);
  EXPECT_EQ(heap_->figures().committed, align_up(k_largest / 2 + k_lead, os::page_size()));
  EXPECT_LE(heap_->figures().free, os::page_size());
  give(p);
}

TEST_F(SpanGrowthTest, where_a_step_is_refused_as_much_as_is_needed_will_do) {
  refuse(1, only(os::Call::commit), false);
  EXPECT_EQ(heap_->allocate(k_n), nullptr) << "the record's";
  relent();
  // Past what is remembered of the refusal.
  for (int i = 0; i < 64; i++) EXPECT_EQ(heap_->allocate(k_n), nullptr);
  refuse(2, only(os::Call::commit), false);
  char* const p = take(k_n);
  EXPECT_LT(heap_->figures().committed, k_lead + k_n + os::page_size());
  EXPECT_EQ(breach(), "");
  give(p);
}

TEST_F(SpanGrowthTest, a_refused_step_is_taken_back_and_tried_again) {
  char* const p = take(k_n);
  const size_t before = heap_->figures().committed;
  refuse(1, only(os::Call::commit));
  while (heap_->allocate(k_n) != nullptr) {
  }
  EXPECT_EQ(heap_->figures().committed, before);
  EXPECT_EQ(breach(), "");
  relent();
  EXPECT_NE(heap_->allocate(k_n), nullptr);
  EXPECT_EQ(heap_->figures().regions, 1U);
  EXPECT_EQ(breach(), "");
  give(p);
}

TEST_F(SpanGrowthTest, a_refused_region_is_asked_for_again_after_64_requests) {
  refuse(1, only(os::Call::map));
  EXPECT_EQ(heap_->allocate(k_n), nullptr);
  const uint64_t asked = os::g_fault_plan.seen();
  for (int i = 0; i < 64; i++) EXPECT_EQ(heap_->allocate(k_n), nullptr);
  EXPECT_EQ(os::g_fault_plan.seen(), asked) << "the kernel is left alone";
  EXPECT_EQ(heap_->allocate(k_n), nullptr);
  EXPECT_GT(os::g_fault_plan.seen(), asked);
  relent();
  for (int i = 0; i < 64; i++) EXPECT_EQ(heap_->allocate(k_n), nullptr);
  EXPECT_NE(heap_->allocate(k_n), nullptr);
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanGrowthTest, a_request_that_what_is_free_can_serve_needs_no_kernel) {
  char* const p = take(k_n);
  give(p);
  refuse(1, os::k_every_call);
  EXPECT_EQ(heap_->allocate(k_n), p);
  EXPECT_EQ(os::g_fault_plan.seen(), 0U);
}

TEST_F(SpanGrowthTest, a_full_region_is_followed_by_another_and_its_rest_serves_what_fits) {
  std::vector<char*> blocks;
  const size_t n = k_largest / 4 * 3;
  blocks.push_back(static_cast<char*>(heap_->allocate(n)));
  blocks.push_back(static_cast<char*>(heap_->allocate(n)));
  blocks.push_back(static_cast<char*>(heap_->allocate(n)));
  EXPECT_EQ(heap_->figures().regions, 2U);
  char* const p = take(k_largest / 4);
  EXPECT_TRUE(Region::around(p) == Region::around(blocks[0]) ||
              Region::around(p) == Region::around(blocks[2]));
  EXPECT_EQ(heap_->figures().regions, 2U);
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanGrowthTest, each_refusal_on_the_way_to_a_block_loses_nothing) {
  bool is_through = false;
  for (uint64_t n = 1; !is_through; n++) {
    ASSERT_LT(n, 50U);
    const auto heap = std::make_unique<Heap>();
    heap->begin();
    refuse(n, os::k_every_call, false);
    void* p = heap->allocate(k_n);
    is_through = os::g_fault_plan.seen() < n;
    relent();
    Breach found;
    ASSERT_TRUE(heap->verify(found)) << n << found.invariant << found.what;
    for (int i = 0; i < 65 && p == nullptr; i++) p = heap->allocate(k_n);
    ASSERT_NE(p, nullptr) << n;
    Region* r = Region::around(p);
    r->withdraw();
    os::unmap(at_address<void>(r->base), k_granule);
    Region::unmap_record(r);
  }
}

TEST_F(SpanGrowthTest, each_page_size_has_its_steps_and_its_guard) {
  for (const size_t page : {4 * k_kib, 16 * k_kib, 64 * k_kib}) {
    if (page < os::page_size()) continue;
    const auto heap = std::make_unique<Heap>();
    heap->begin(page);
    void* p = heap->allocate(k_n);
    ASSERT_NE(p, nullptr);
    Region* r = Region::around(p);
    EXPECT_TRUE(is_aligned(address_of(r->memory(r->reserve_begin)), page));
    EXPECT_EQ(address_of(r->memory(r->end)) % k_granule, k_granule - page);
    r->withdraw();
    os::unmap(at_address<void>(r->base), k_granule);
    Region::unmap_record(r);
  }
}

TEST_F(SpanGrowthTest,
       who_comes_back_from_the_kernel_to_a_frozen_heap_leaves_his_step_to_the_next) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; t++) {
    threads.emplace_back([&] {
      while (!stop) {
        void* blocks[4];
        for (void*& p : blocks) p = heap_->allocate(k_largest);
        for (void* p : blocks) {
          if (p != nullptr) Heap::free(p);
        }
        heap_->purge(SIZE_MAX);
      }
    });
  }
  for (int i = 0; i < 500; i++) {
    heap_->freeze();
    std::this_thread::yield();
    heap_->thaw();
    std::this_thread::yield();
  }
  stop = true;
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(breach(), "");
  heap_->purge(SIZE_MAX);
  heap_->purge(SIZE_MAX);
  EXPECT_EQ(heap_->figures().in_use, 0U);
  EXPECT_LE(heap_->figures().regions, 2U);
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanGrowthTest, a_frozen_heap_gives_nothing_and_takes_what_is_freed) {
  in_company([this] {
    char* const p = take(k_n);
    char* const q = take(k_n);
    heap_->freeze();
    EXPECT_TRUE(heap_->is_frozen());
    EXPECT_EQ(heap_->allocate(k_n), nullptr);
    give(p);
    give(q);
    heap_->thaw();
    EXPECT_EQ(heap_->figures().in_use, 0U);
    EXPECT_NE(heap_->allocate(k_n), nullptr);
    EXPECT_EQ(breach(), "");
  });
}

}  // namespace
}  // namespace arenite::span
