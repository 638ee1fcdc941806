// Heap: blocks are cut, merged and found again; their addresses are checked exactly.
#include "span/heap.hpp"

#include <gtest/gtest.h>

#include "span/own_heap_fixture.hpp"

namespace arenite::span {
namespace {

class SpanHeapTest : public OwnHeap {
 protected:
  static constexpr size_t k_n = 20 * k_unit;
};
using SpanHeapDeathTest = SpanHeapTest;

TEST_F(SpanHeapTest, a_block_is_rounded_up_to_units_and_no_shorter_than_five) {
  EXPECT_EQ(Heap::size_of(take(20000)), 20 * k_unit);
  EXPECT_EQ(Heap::size_of(take(20 * k_unit)), 20 * k_unit);
  EXPECT_EQ(Heap::size_of(take(20 * k_unit + 1)), 21 * k_unit);
  EXPECT_EQ(Heap::size_of(take(1)), 5 * k_unit);
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanHeapTest, the_largest_block_fits_a_region_and_a_larger_one_is_refused) {
  char* p = static_cast<char*>(heap_->allocate(k_largest));
  ASSERT_NE(p, nullptr);
  p[0] = p[k_largest - 1] = 1;
  EXPECT_EQ(heap_->allocate(k_largest + 1), nullptr);
  EXPECT_EQ(heap_->allocate_aligned(20000, 2 * k_largest), nullptr);
  give(p);
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanHeapTest, neighbours_that_come_free_are_merged_in_every_order) {
  const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const auto& order : orders) {
    char* const before = take(k_n);
    char* const blocks[] = {take(k_n), take(k_n), take(k_n)};
    char* const behind = take(k_n);
    for (const int i : order) give_merged(blocks[i]);
    EXPECT_EQ(breach(), "");
    // As one they are found by a request that none of them alone could serve.
    EXPECT_EQ(take(3 * k_n), blocks[0]);
    give(blocks[0]);
    give(before);
    give(behind);
    flush();
    EXPECT_EQ(heap_->figures().in_use, 0U) << runs();
  }
}

TEST_F(SpanHeapTest, whole_pages_of_what_is_known_to_be_zero_are_within_it) {
  const auto pages = [](uintptr_t begin, uintptr_t end) {
    const KnownZero whole = KnownZero{begin, end}.whole_pages(4096);
    return std::pair(whole.begin, whole.end);
  };
  EXPECT_EQ(pages(0x1000, 0x3000), std::pair(uintptr_t{0x1000}, uintptr_t{0x3000}));
  EXPECT_EQ(pages(0x1001, 0x3fff), std::pair(uintptr_t{0x2000}, uintptr_t{0x3000}));
  EXPECT_EQ(pages(0x1001, 0x2fff), std::pair(uintptr_t{0}, uintptr_t{0}));
  EXPECT_EQ(pages(0, 0), std::pair(uintptr_t{0}, uintptr_t{0}));
}

TEST_F(SpanHeapTest, no_block_begins_a_region) {
  for (size_t align = 1; align <= k_largest / 2; align *= 8) {
    char* p = static_cast<char*>(heap_->allocate_aligned(20000, align));
    ASSERT_NE(p, nullptr);
    EXPECT_TRUE(is_aligned(address_of(p), align));
    EXPECT_GE(Region::unit_at(p), 4U);
    EXPECT_EQ(p[-1], 0) << "it can be read";
    Heap::free(p);
    heap_->purge(SIZE_MAX);
    heap_->purge(SIZE_MAX);
  }
}

TEST_F(SpanHeapTest, the_block_freed_last_is_the_next_of_its_length_and_not_merged_before) {
  char* const p = take(k_n);
  char* const guard = take(k_n);
  give(p);
  EXPECT_EQ(runs().substr(0, 8), "c20 b20 ");
  EXPECT_EQ(breach(), "");
  EXPECT_EQ(take(k_n), p);
  give(p);
  EXPECT_NE(take(k_n + 1), p) << "another length leaves it alone";
  give(guard);  // and another free merges it
  EXPECT_EQ(runs().substr(0, 8), "f24 c20 ");
  EXPECT_EQ(breach(), "");
}

TEST_F(SpanHeapTest, the_block_freed_last_serves_a_request_that_nothing_else_can) {
  std::vector<void*> blocks;
  const size_t n = k_longest_waiting - k_unit;
  os::g_fault_plan.fail_nth(0);
  blocks.push_back(take(n));
  os::g_fault_plan.fail_nth(1, os::k_every_call, true);
  while (void* p = heap_->allocate(n)) blocks.push_back(p);
  while (void* p = heap_->allocate(5 * k_unit)) blocks.push_back(p);
  give(blocks[0]);
  EXPECT_EQ(heap_->allocate(n - k_unit), blocks[0]);
}

TEST_F(SpanHeapTest, an_aligned_block_begins_there_and_what_is_cut_off_stays_free) {
  char* const p = take(k_n);
  for (size_t align = 1; align <= k_largest / 4; align *= 2) {
    char* const q = take(k_n, align);
    EXPECT_TRUE(is_aligned(address_of(q), align)) << align;
    EXPECT_EQ(Heap::size_of(q), k_n);
    EXPECT_EQ(breach(), "");
    give(q);
  }
  give(p);
}

TEST_F(SpanHeapTest, holes_that_aligned_blocks_leave_are_found_by_their_like) {
  constexpr size_t k_align = 16 * k_kib;
  std::vector<char*> blocks;
  for (int i = 0; i < 40; i++) blocks.push_back(take(k_align, k_align));
  for (size_t i = 0; i < blocks.size(); i += 2) give_merged(blocks[i]);
  const size_t before = heap_->figures().committed;
  for (size_t i = 0; i < blocks.size(); i += 2) blocks[i] = take(k_align, k_align);
  EXPECT_EQ(heap_->figures().committed, before);
  const char* last = nullptr;
  for (const char* p : blocks) last = p > last ? p : last;
  EXPECT_LT(static_cast<size_t>(last - blocks[0]), 42 * k_align);
}

TEST_F(SpanHeapTest, what_is_not_ours_is_left_to_others) {
  int here = 0;
  EXPECT_FALSE(Heap::free(&here));
  EXPECT_FALSE(Heap::free(at_address<void>(UINTPTR_MAX - 4095)));
  EXPECT_FALSE(Heap::free(at_address<void>(1)));
  EXPECT_EQ(Heap::size_of(&here), 0U);
  // Of ours are whole regions only.
  const char* const p = take(k_n);
  const uintptr_t base = align_down(address_of(p), k_granule);
  EXPECT_EQ(Region::around(at_address<void>(base)), Region::around(p));
  EXPECT_NE(Region::around(at_address<void>(base - 1)), Region::around(p));
  EXPECT_EQ(g_kind_map.at(p), Kind::span_region);
}

TEST_F(SpanHeapTest, no_record_lies_beside_its_region) {
  const char* const p = take(k_n);
  const Region* r = Region::around(p);
  // A byte on either side of what is accessible of the record is not.
  EXPECT_FALSE(os::is_readable(beyond(r, -1)));
  EXPECT_FALSE(os::is_readable(beyond(r, static_cast<ptrdiff_t>(Region::record_size()))));
  EXPECT_FALSE(os::is_readable(r->memory(r->end)));
}

TEST_F(SpanHeapDeathTest, a_block_that_is_freed_twice_is_refused_wherever_it_waits) {
  char* const p = take(k_n);
  char* const q = take(k_n);
  give(p);
  const char* const k_twice = "free\\(\\): double free detected in span: .*already freed";
  EXPECT_DEATH(Heap::free(p), k_twice) << "it is the last";
  give(q);
  EXPECT_DEATH(Heap::free(p), k_twice) << "it is free";
  flush();
  EXPECT_DEATH(Heap::free(q), k_twice) << "it is merged with the one before";
  EXPECT_DEATH(Heap::resize(p, 30000), "realloc\\(\\): the block is free: .*already freed");
}

TEST_F(SpanHeapDeathTest, an_address_inside_a_block_is_refused_with_its_size) {
  char* const p = take(k_n);
  const char* const k_invalid =
      "free\\(\\): invalid pointer: 0x[0-9a-f]* \\(20480-byte block\\): no block begins there";
  EXPECT_DEATH(Heap::free(p + k_unit), k_invalid);
  EXPECT_DEATH(Heap::free(p + 16), k_invalid);
  EXPECT_DEATH(Heap::free(p + k_n - k_unit), k_invalid);
  EXPECT_DEATH(Heap::resize(p + k_unit, 9000), "realloc\\(\\): invalid pointer");
  EXPECT_DEATH(Heap::size_of(p + k_unit), "malloc_usable_size\\(\\): invalid pointer");
}

TEST_F(SpanHeapDeathTest, no_word_of_a_region_but_a_block_s_first_is_believed) {
  std::vector<char*> blocks;
  for (int i = 0; i < 20; i++) blocks.push_back(take(k_n + static_cast<size_t>(i) * k_unit));
  for (size_t i = 1; i < blocks.size(); i += 3) give(blocks[i]);
  const Region* r = Region::around(blocks[0]);
  size_t blocks_found = 0;
  for (uint32_t unit = 0; unit < k_units; unit++) blocks_found += is_block(r->word(unit)) ? 1 : 0;
  EXPECT_EQ(blocks_found, 13U);
  EXPECT_DEATH(Heap::free(r->memory(r->reserve_begin)), "invalid pointer");
  EXPECT_DEATH(Heap::free(r->memory(r->end)), "invalid pointer");
  EXPECT_DEATH(Heap::free(r->memory(k_units - 1)), "invalid pointer");
}

TEST_F(SpanHeapTest, a_block_s_clean_pages_are_known_and_no_others) {
  const size_t page = os::page_size();
  KnownZero zero;
  char* const p = static_cast<char*>(heap_->allocate_to_clear(8 * page, zero));
  EXPECT_EQ(zero.begin, address_of(p)) << "nothing was ever there";
  EXPECT_EQ(zero.end, address_of(p) + 8 * page);
  std::memset(p, 1, 8 * page);
  give_merged(p);
  char* const q = static_cast<char*>(heap_->allocate_to_clear(16 * page, zero));
  ASSERT_EQ(q, p);
  EXPECT_GE(zero.begin, address_of(q) + 8 * page) << "what was used is not known to be zero";
  EXPECT_LE(zero.end, address_of(q) + 16 * page);
  give_merged(q);
  heap_->purge(SIZE_MAX);
  ASSERT_EQ(heap_->allocate_to_clear(16 * page, zero), q);
  EXPECT_EQ(zero.end - zero.begin, 16 * page) << "and is, once it was purged";
}

TEST_F(SpanHeapTest, memory_that_was_used_is_preferred_to_what_never_was) {
  constexpr size_t k_large = 256 * k_kib;
  char* const low = take(k_n);
  char* const used = take(k_large);
  char* const guard = take(k_n);
  char* const clean = static_cast<char*>(heap_->allocate(k_large));
  char* const behind = take(k_n);
  std::memset(used, 1, k_large);
  give_merged(clean);
  heap_->purge(SIZE_MAX);
  give_merged(used);
  EXPECT_EQ(heap_->allocate(k_large), used);
  give(low);
  give(guard);
  give(behind);
}

}  // namespace
}  // namespace arenite::span
